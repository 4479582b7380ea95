//! An error of the reader: the file, the position in it, the fault.

use std::fmt;
use std::path::PathBuf;

use super::fault::Fault;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}{}", path.display(), position.map(|position| position.to_string()).unwrap_or_default())]
#[non_exhaustive]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Where in it, when the fault belongs to one place.
    pub position: Option<Position>,
    /// What is wrong.
    pub fault: Box<Fault>,
}

/// A byte position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// `data.pkl` of a zip archive, `stream` for the legacy form, or `pickle` for a bare one.
    pub part: &'static str,
    /// Bytes from the start of the part.
    pub offset: u64,
    /// Name of the opcode or record that starts there.
    pub item: &'static str,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " ({} at byte {} of {})", self.item, self.offset, self.part)
    }
}

/// A fault and its position, before the path is known.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) position: Option<Position>,
    pub(super) fault: Box<Fault>,
}

impl<F: Into<Fault>> From<F> for Failure {
    fn from(fault: F) -> Self {
        Self { position: None, fault: Box::new(fault.into()) }
    }
}

impl Failure {
    /// A fault of the record at `position`.
    pub(super) fn at(position: Position, fault: Fault) -> Self {
        Self { position: Some(position), fault: Box::new(fault) }
    }
}
