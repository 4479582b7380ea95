//! An error of the reader: the file, the place in it, the fault.

use std::fmt;
use std::path::PathBuf;

use super::fault::Fault;

/// A checkpoint that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}{}", path.display(), place.map(|place| place.to_string()).unwrap_or_default())]
#[non_exhaustive]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Where in it, when the fault belongs to one place.
    pub place: Option<Place>,
    /// What is wrong.
    pub fault: Box<Fault>,
}

/// A byte position in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// `data.pkl` of a zip archive, or `stream` for the legacy form.
    pub part: &'static str,
    /// Bytes from the start of the part.
    pub offset: u64,
    /// Name of the opcode or record that starts there.
    pub item: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " ({} at byte {} of {})", self.item, self.offset, self.part)
    }
}

/// A fault and its place, before the path is known.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) place: Option<Place>,
    pub(super) fault: Box<Fault>,
}

impl<F: Into<Fault>> From<F> for Failure {
    fn from(fault: F) -> Self {
        Self { place: None, fault: Box::new(fault.into()) }
    }
}

impl Failure {
    /// A fault of the record at `place`.
    pub(super) fn at(place: Place, fault: Fault) -> Self {
        Self { place: Some(place), fault: Box::new(fault) }
    }
}
