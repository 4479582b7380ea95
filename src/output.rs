//! Where results go: standard output, or a file that appears whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `text` to a temporary file beside `path`, then renames it.
///
/// # Errors
/// The path and what the system said; an existing file is then untouched.
pub fn write_file(path: &Path, text: &str) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let describe = || format!("writing {}", path.display());
    let mut file = tempfile::Builder::new()
        .prefix(".ncsn-")
        .tempfile_in(folder)
        // tempfile's message names the temporary file, which means nothing to the user.
        .map_err(|error| io::Error::from(error.kind()))
        .with_context(describe)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(describe)?;
    share(file.as_file()).with_context(describe)?;
    file.persist(path).map_err(|error| error.error).with_context(describe)?;
    Ok(())
}

/// Temporary files are private; a finished one is readable like any other new file.
#[cfg(unix)]
fn share(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}

/// Whether an error is a reader that stopped reading, such as `head`: the end of the work, not a failure.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
