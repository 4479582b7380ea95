//! Where results go: standard output, or files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

/// Writes every text to a temporary file beside its path, then renames them all.
///
/// A link is followed, an existing file keeps its permissions, and what is not a regular file, such as a device or a
/// pipe, is written to as it is.
///
/// # Errors
/// The path and what the system said, before any file has changed; two texts for one path.
pub fn write_files(files: &[(&Path, &str)]) -> Result<()> {
    for (k, (path, _)) in files.iter().enumerate() {
        ensure!(
            files[..k].iter().all(|(other, _)| other != path),
            "{} is given for two outputs",
            path.display()
        );
    }
    let ready = files.iter().map(|(path, text)| Ready::new(path, text)).collect::<Result<Vec<_>>>()?;
    ready.into_iter().try_for_each(Ready::finish)
}

/// A text that is ready to appear under its path.
enum Ready<'a> {
    Temporary(NamedTempFile, PathBuf),
    /// Something that cannot be replaced by renaming.
    Device(File, &'a str, PathBuf),
}

impl<'a> Ready<'a> {
    fn new(path: &Path, text: &'a str) -> Result<Self> {
        let describe = || format!("writing {}", path.display());
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let existing = fs::metadata(&target).ok();
        if existing.as_ref().is_some_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            let file = File::options().write(true).open(&target).with_context(describe)?;
            return Ok(Self::Device(file, text, target));
        }
        ensure!(
            existing.as_ref().is_none_or(|metadata| metadata.is_file()),
            "{} is a folder",
            path.display()
        );
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let permissions = existing.map_or_else(new_file, |metadata| Some(metadata.permissions()));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".ncsn-");
        if let Some(permissions) = permissions {
            builder.permissions(permissions);
        }
        // tempfile's message names the temporary file, which means nothing to the user.
        let mut file = builder
            .tempfile_in(folder)
            .map_err(|error| io::Error::from(error.kind()))
            .with_context(describe)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(describe)?;
        Ok(Self::Temporary(file, target))
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Temporary(file, path) => {
                file.persist(&path)
                    .map_err(|error| error.error)
                    .with_context(|| format!("writing {}", path.display()))?;
            }
            Self::Device(mut file, text, path) => {
                file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
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
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
