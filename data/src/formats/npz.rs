//! NumPy's npz: a zip archive of npy files.

use std::io::{self, Read, Seek};

use zip::ZipArchive;

use crate::array;
use crate::choose::{Offer, choose};
use crate::error::Error;
use crate::formats::npy;
use crate::guard::{Guarded, guarded};
use crate::layout::Layout;
use crate::numbers::Numbers;
use crate::options::{DEFLATE_RATIO, Request};
use crate::set::DataSet;

/// Reads one array of an archive: the one named, or the only one.
///
/// # Errors
/// * `Kind::Choose` — several arrays and none named; `Kind::Choose` — no array of that name
/// * `Kind::Unpack` — not a zip archive, damaged, encrypted, or compressed otherwise than by deflate
/// * `Kind::Damaged` — the archive's own size of the array contradicts its header
/// * `Kind::Damaged` — a promise of more than deflate can hold
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

/// Whether bytes begin like a zip archive.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// As [`read`], of an archive that is open.
pub(crate) fn read_array<R: Read + Seek>(
    mut archive: ZipArchive<R>,
    request: &Request,
) -> Result<DataSet, Error> {
    let (file, layout) = array(&mut archive, request)?;
    array::read(file, layout, request)?.ranged(request)?.unfitted(request)
}

/// The array of an archive as one item.
pub(crate) fn item(input: impl Read + Seek, request: &Request) -> Result<Numbers, Error> {
    let mut archive = open(input, request)?;
    let (file, layout) = array(&mut archive, request)?;
    Numbers::read(file, &layout, request)
}

/// The array to read: its values, and what its header says of them.
fn array<'a, R: Read + Seek>(
    archive: &'a mut ZipArchive<R>,
    request: &Request,
) -> Result<(impl Read + 'a, Layout), Error> {
    let unpacking = |e: zip::result::ZipError| Error::unpacking(request.path)(io::Error::other(e));
    let panicked = |panic| Error::unpacking(request.path)(io::Error::other(panic));
    let index = find(archive, request)?;
    let file = guarded(|| archive.by_index(index)).map_err(panicked)?.map_err(unpacking)?;
    let (size, stored) = (file.size(), file.compressed_size());
    let mut file = Guarded(file);
    let (layout, header) = npy::header(&mut file, request)?;
    let found = size.saturating_sub(header);
    if found != layout.bytes() {
        return Err(Error::length(request.path, layout.bytes(), found));
    }
    array::check_ratio(&layout, stored, DEFLATE_RATIO, request)?;
    Ok((file, layout))
}

/// Index of the array to read.
fn find<R: Read + Seek>(archive: &ZipArchive<R>, request: &Request) -> Result<usize, Error> {
    let (mut offers, mut places) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).and_then(Result::ok);
        if let Some(array) = name.as_deref().and_then(|name| name.strip_suffix(".npy")) {
            offers.push(Offer::named(array));
            places.push(index);
        }
    }
    if offers.is_empty() {
        return Err(Error::unknown(request.path, "is a zip archive without images and arrays"));
    }
    let wanted = request.options.array.as_deref().map(|name| name.trim_end_matches(".npy"));
    Ok(places[choose(request.path, &offers, wanted)?])
}
