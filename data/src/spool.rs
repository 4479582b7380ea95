//! Decoded values on their way to an anonymous temporary file, hashed as they pass.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::rows::{ByteRows, Rows, read_exact_at};

/// Whether this many decoded bytes have room in the folder of temporary files, as far as the system says.
///
/// # Errors
/// `Kind::Room`.
pub(crate) fn check_room(bytes: u64) -> Result<(), Error> {
    let folder = std::env::temp_dir();
    match free_bytes(&folder) {
        Some(free) if free < bytes => Err(Error::room(folder, bytes, free)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    system.f_bavail.checked_mul(system.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Rows written once and in order; the file vanishes with the process.
pub(crate) struct Spool {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Spool {
    /// An empty file in the folder of temporary files (`TMPDIR`).
    pub(crate) fn new() -> Result<Self, Error> {
        let file = tempfile::tempfile().map_err(Error::spooling)?;
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), hash: Sha256::new() })
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(Error::spooling)
    }

    /// Appends a row of `dim` bytes that is there already.
    pub(crate) fn repeat(&mut self, row: usize, dim: usize) -> Result<(), Error> {
        let mut bytes = vec![0; dim];
        self.file.flush().map_err(Error::spooling)?;
        read_exact_at(self.file.get_ref(), &mut bytes, row as u64 * dim as u64).map_err(Error::spooling)?;
        // On Windows reading has moved the place of the next write.
        self.file.seek(SeekFrom::End(0)).map_err(Error::spooling)?;
        self.write(&bytes)
    }

    /// The file, and the state of the hash after all its bytes.
    pub(crate) fn finish(self) -> Result<(File, Sha256), Error> {
        let file = self.file.into_inner().map_err(|e| Error::spooling(e.into_error()))?;
        Ok((file, self.hash))
    }

    /// The same rows of `count` pixels with every byte three times over, plane after plane: grey as colour.
    pub(crate) fn grey_to_colour(self, count: usize, dim: usize) -> Result<Self, Error> {
        let mut colour = Self::new()?;
        let (file, _) = self.finish()?;
        let mut rows = ByteRows::new(dim);
        rows.push(file, count, 0, dim);
        let mut row = vec![0; dim];
        for i in 0..count {
            rows.read(i, &mut row).map_err(Error::spooling)?;
            (0..3).try_for_each(|_| colour.write(&row))?;
        }
        Ok(colour)
    }
}

/// SHA-256 of the values followed by one line that states their type and shape.
pub(crate) fn digest(values: Sha256, element: &str, count: usize, shape: &[usize]) -> String {
    let shape: Vec<_> = shape.iter().map(usize::to_string).collect();
    let line = format!("{element} {count}x{}\n", shape.join("x"));
    let hash = values.chain_update(line).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_room_are_refused_before_they_are_written() {
        check_room(1).expect("a byte");
        let message = check_room(1 << 62).expect_err("no disk holds that").to_string();
        assert!(message.starts_with("decoded values take 4611686.0 TB in "), "{message}");
        assert!(message.ends_with(" free; TMPDIR names another folder"), "{message}");
    }
}
