//! Where results go: standard output, or files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::NamedTempFile;

/// Writes every content to a temporary file beside its path, then renames them all.
///
/// A link is followed, an existing file keeps its permissions, and what is not a regular file, such as a device or a
/// pipe, is written to as it is.
///
/// # Errors
/// The path and what the system said, before any file has changed; two contents for one path.
pub fn write_files<C: AsRef<[u8]>>(files: &[(&Path, C)]) -> Result<()> {
    for (k, (path, _)) in files.iter().enumerate() {
        ensure!(
            files[..k].iter().all(|(other, _)| other != path),
            "{} is given for two outputs",
            path.display()
        );
    }
    let ready =
        files.iter().map(|(path, content)| Ready::new(path, content.as_ref())).collect::<Result<Vec<_>>>()?;
    ready.into_iter().try_for_each(Ready::finish)
}

/// Writes one file whose content is too large for memory, as [`write_files`] does; what is not a regular file is refused.
///
/// # Errors
/// The path and what the system said, before the file has changed; those of `fill`.
pub fn write_streamed(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let Ready::Temporary(mut file, target) = Ready::new(path, b"")? else {
        bail!("{} is not a regular file", path.display())
    };
    let mut buffered = io::BufWriter::with_capacity(1 << 18, file.as_file_mut());
    fill(&mut buffered)?;
    buffered
        .flush()
        .and_then(|()| buffered.get_ref().sync_all())
        .with_context(|| format!("writing {}", path.display()))?;
    drop(buffered);
    Ready::Temporary(file, target).finish()
}

/// Whether files could be written, asked before work is spent on what they shall hold.
///
/// # Arguments
/// * `outputs` — for each the name of its flag, its path if it is given, and the suffixes that its content may have
///   (any, if none is listed)
///
/// # Errors
/// The flag with the suffix that it takes; a folder that is not there or takes no files; a path that is a folder; one path
/// for two outputs.
pub fn check(outputs: &[(&str, Option<&Path>, &[&str])]) -> Result<()> {
    let given: Vec<_> =
        outputs.iter().filter_map(|&(flag, path, suffixes)| Some((flag, path?, suffixes))).collect();
    for (k, &(flag, path, suffixes)) in given.iter().enumerate() {
        let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
        if !suffixes.is_empty() && !suffixes.contains(&suffix) {
            let allowed: Vec<_> = suffixes.iter().map(|suffix| format!("FILE.{suffix}")).collect();
            bail!("{flag} is {}, allowed: {}", path.display(), allowed.join(" or "));
        }
        if let Some((other, ..)) = given[..k].iter().find(|(_, other, _)| *other == path) {
            bail!("{flag} is {}, which {other} is too", path.display());
        }
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => bail!("{flag} is {}, which is a folder", path.display()),
            Ok(metadata) if !metadata.is_file() => continue,
            _ => check_folder(flag, folder_of(&target))?,
        }
    }
    Ok(())
}

/// Whether files could be written into a folder that a flag names or implies.
///
/// # Errors
/// As [`check`].
pub fn check_folder(flag: &str, folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => bail!("{flag} needs the folder {}, which is a file", folder.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{flag} needs the folder {}, which does not exist", folder.display())
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{flag} needs the folder {}", folder.display()));
        }
    }
    tempfile::tempfile_in(folder)
        .map(drop)
        .map_err(plain)
        .with_context(|| format!("{flag} needs to write into {}", folder.display()))
}

/// What the system said of a temporary file, without its name, which means nothing to the user.
#[must_use]
pub fn plain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(error.kind(), "its folder does not exist"),
        kind => io::Error::from(kind),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A content that is ready to appear under its path.
enum Ready<'a> {
    Temporary(NamedTempFile, PathBuf),
    /// Something that cannot be replaced by renaming.
    Device(File, &'a [u8], PathBuf),
}

impl<'a> Ready<'a> {
    fn new(path: &Path, content: &'a [u8]) -> Result<Self> {
        let describe = || format!("writing {}", path.display());
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let existing = fs::metadata(&target).ok();
        if existing.as_ref().is_some_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            let file = File::options().write(true).open(&target).with_context(describe)?;
            return Ok(Self::Device(file, content, target));
        }
        ensure!(
            existing.as_ref().is_none_or(|metadata| metadata.is_file()),
            "{} is a folder",
            path.display()
        );
        let folder = folder_of(&target);
        let permissions = existing.map_or_else(new_file, |metadata| Some(metadata.permissions()));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".ncsn-");
        if let Some(permissions) = permissions {
            builder.permissions(permissions);
        }
        let mut file = builder.tempfile_in(folder).map_err(plain).with_context(describe)?;
        file.write_all(content).and_then(|()| file.as_file().sync_all()).with_context(describe)?;
        Ok(Self::Temporary(file, target))
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Temporary(file, path) => {
                file.persist(&path)
                    .map_err(|error| error.error)
                    .with_context(|| format!("writing {}", path.display()))?;
            }
            Self::Device(mut file, content, path) => {
                file.write_all(content).with_context(|| format!("writing {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// Permissions of a new file before the umask; temporary files are private otherwise.
#[cfg(unix)]
fn new_file() -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn new_file() -> Option<fs::Permissions> {
    None
}

/// Whether an error is a reader that stopped reading, such as `head`: the end of the work, not a failure.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
