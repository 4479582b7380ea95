//! NumPy's npz: a zip archive of npy files.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use crate::array;
use crate::choose::{Offer, choose};
use crate::error::Error;
use crate::formats::npy;
use crate::guard::{Guarded, guarded};
use crate::layout::Layout;
use crate::numbers::Numbers;
use crate::options::{DEFLATE_RATIO, Options, Request};
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

/// Whether a file is such an archive whose arrays are items and their labels, so that it holds many items.
///
/// # Errors
/// `Kind::Unreadable`; a file that is none, or damaged, is for its reader to refuse.
pub(crate) fn has_labels(path: &Path) -> Result<bool, Error> {
    let mut file = File::open(path).map_err(Error::reading(path))?;
    let mut head = [0; 4];
    let is_archive = file.read_exact(&mut head).is_ok() && is_header(&head);
    file.rewind().map_err(Error::reading(path))?;
    let request = Request { path, options: &Options::default(), progress: &|_, _| {} };
    let offers =
        is_archive.then(|| open(file, &request).and_then(|mut archive| offers(&mut archive, &request)));
    Ok(matches!(offers, Some(Ok((offers, _))) if offers.len() > 1 && choose(path, &offers, None).is_ok()))
}

/// Index of the array to read.
fn find<R: Read + Seek>(archive: &mut ZipArchive<R>, request: &Request) -> Result<usize, Error> {
    let (offers, places) = offers(archive, request)?;
    if offers.is_empty() {
        return Err(Error::unknown(request.path, "is a zip archive without images and arrays"));
    }
    let wanted = request.options.array.as_deref().map(|name| name.trim_end_matches(".npy"));
    Ok(places[choose(request.path, &offers, wanted)?])
}

/// The arrays of an archive with their axes, as far as their headers can be read, and their places.
fn offers<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    request: &Request,
) -> Result<(Vec<Offer>, Vec<usize>), Error> {
    let (mut offers, mut places) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).and_then(Result::ok);
        let Some(array) = name.as_deref().and_then(|name| name.strip_suffix(".npy")).map(str::to_owned)
        else {
            continue;
        };
        let header = guarded(|| {
            let mut file = archive.by_index(index).ok()?;
            npy::header(&mut file, request).ok()
        });
        let axes = header.ok().flatten().map(|(layout, _)| layout.axes);
        offers.push(Offer { name: array, shape: axes.map(|axes| axes.iter().map(|&d| d as u64).collect()) });
        places.push(index);
    }
    Ok((offers, places))
}
