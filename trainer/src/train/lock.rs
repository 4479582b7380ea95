//! One trainer at a time in a run's folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process;

use crate::Error;

/// Name of the file that is locked while a run's folder is being trained in; it holds the process's number.
pub const LOCK: &str = "lock";

/// A run's folder, for this process alone while the value lives; the system ends the lock with the process.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the folder, which must exist.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the process that has it; [`Error::File`].
    pub fn take(run: &Path) -> Result<Self, Error> {
        let path = run.join(LOCK);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(Error::file(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
                return Err(Error::Busy { run: run.to_owned(), owner: owner.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(Error::file(&path)(error)),
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", process::id()));
        written.map_err(Error::file(&path))?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The system does the same when the process ends.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lock = Lock::take(folder.path()).expect("free");
        let message = Lock::take(folder.path()).expect_err("taken").to_string();
        assert!(message.contains(&format!("process {}", process::id())), "{message}");
        drop(lock);
        assert!(Lock::take(folder.path()).is_ok());
    }
}
