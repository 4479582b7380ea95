//! NumPy's npz: a zip archive of npy files.

use std::io::{self, Read, Seek};

use zip::ZipArchive;

use super::{DataSet, Error, Request, array, npy};
use crate::guard::{Guarded, guarded};

/// Reads one array of an archive: the one named, or the only one.
///
/// # Errors
/// * [`Error::ChooseArray`] — several arrays and none named; [`Error::NoArray`] — no array of that name
/// * [`Error::Unpack`] — not a zip archive, damaged, encrypted, or compressed otherwise than by deflate
/// * [`Error::Length`] — the archive's own size of the array contradicts its header
/// * [`Error::Ratio`] — a promise of more than deflate can hold
/// * those of [`npy::read`]
pub fn read(input: impl Read + Seek, request: &Request) -> Result<DataSet, Error> {
    read_array(open(input, request)?, request)
}

/// A zip archive.
pub(crate) fn open<R: Read + Seek>(input: R, request: &Request) -> Result<ZipArchive<R>, Error> {
    let unpacking = |e: zip::result::ZipError| Error::unpacking(request.path)(io::Error::other(e));
    let panicked = |panic| Error::unpacking(request.path)(io::Error::other(panic));
    guarded(|| ZipArchive::new(input)).map_err(panicked)?.map_err(unpacking)
}

/// As [`read`], of an archive that is open.
pub(crate) fn read_array<R: Read + Seek>(
    mut archive: ZipArchive<R>,
    request: &Request,
) -> Result<DataSet, Error> {
    let unpacking = |e: zip::result::ZipError| Error::unpacking(request.path)(io::Error::other(e));
    let panicked = |panic| Error::unpacking(request.path)(io::Error::other(panic));
    let index = choose(&archive, request)?;
    let file = guarded(|| archive.by_index(index)).map_err(panicked)?.map_err(unpacking)?;
    let (size, stored) = (file.size(), file.compressed_size());
    let mut file = Guarded(file);
    let (layout, header) = npy::header(&mut file, request)?;
    let found = size.saturating_sub(header);
    if found != layout.bytes() {
        return Err(Error::Length { path: request.path.into(), expected: layout.bytes(), found });
    }
    array::check_ratio(&layout, stored, super::DEFLATE_RATIO, request)?;
    array::read(file, layout, request)?.ranged(request)?.unfitted(request)
}

/// Index of the array to read.
fn choose<R: Read + Seek>(archive: &ZipArchive<R>, request: &Request) -> Result<usize, Error> {
    let path = || request.path.to_path_buf();
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).and_then(Result::ok);
        if let Some(array) = name.as_deref().and_then(|name| name.strip_suffix(".npy")) {
            arrays.push((array.to_owned(), index));
        }
    }
    let names = || arrays.iter().map(|(name, _)| name.clone()).collect();
    match (&request.options.array, arrays.as_slice()) {
        (_, []) => Err(Error::UnknownFormat { path: path() }),
        (Some(wanted), _) => {
            let found = arrays.iter().find(|(name, _)| name == wanted.trim_end_matches(".npy"));
            let missing = || Error::NoArray { path: path(), name: wanted.clone(), arrays: names() };
            found.map(|&(_, index)| index).ok_or_else(missing)
        }
        (None, [(_, index)]) => Ok(*index),
        (None, _) => Err(Error::ChooseArray { path: path(), arrays: names() }),
    }
}
