//! A file of arrays, told apart by its content: `.npy`, `.npz`, pickles and `torch.save`, safetensors.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use crate::error::Error;
use crate::formats::{npy, npz, pickles, safetensors};
use crate::join::join;
use crate::options::Request;
use crate::set::DataSet;

/// A reader of such files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArrayFile {
    Npy,
    Npz,
    Pickle,
    Safetensors,
}

impl ArrayFile {
    /// The form of a file by its first bytes.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        if npy::is_header(head) {
            Some(Self::Npy)
        } else if pickles::is_header(head) {
            Some(Self::Pickle)
        } else if npz::is_header(head) {
            Some(Self::Npz)
        } else {
            safetensors::is_header(head).then_some(Self::Safetensors)
        }
    }

    /// The rows of the array chosen.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn open(self, file: File, request: &Request) -> Result<DataSet, Error> {
        match self {
            Self::Npy => npy::open(file, request),
            Self::Npz => npz::read(BufReader::new(file), request),
            Self::Pickle => pickles::open(file, request),
            Self::Safetensors => safetensors::open(file, request),
        }
    }
}

/// The rows of several files, each of which holds many.
///
/// # Errors
/// Those of each reader; `Kind::Unknown` — a file of no such form; `Kind::Mixed` — arrays of different types or shapes.
pub(crate) fn join_batches(
    files: impl IntoIterator<Item = (String, std::path::PathBuf)>,
    request: &Request,
) -> Result<DataSet, Error> {
    let sets = files.into_iter().map(|(name, path)| Ok((name, open_batch(&path, request)?)));
    join(sets.collect::<Result<Vec<_>, Error>>()?)?.ok_or_else(|| Error::no_rows(request.path))
}

fn open_batch(path: &Path, request: &Request) -> Result<DataSet, Error> {
    let mut file = File::open(path).map_err(Error::reading(path))?;
    let mut head = Vec::new();
    file.by_ref().take(512).read_to_end(&mut head).map_err(Error::reading(path))?;
    file.rewind().map_err(Error::reading(path))?;
    let form =
        ArrayFile::of(&head).ok_or_else(|| Error::unknown(path, "is no array: .npy, .npz, .pt, .pkl"))?;
    form.open(file, &Request { path, ..*request })
}
