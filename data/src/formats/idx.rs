//! IDX, the format of MNIST: two zero bytes, element type, number of dimensions, sizes, values; all big-endian.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use crate::array;
use crate::choose::{Offer, choose};
use crate::element::Element;
use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::set::DataSet;
use crate::split::{self, Part};

/// Whether a file begins like an IDX file.
pub(crate) fn is_header(head: &[u8]) -> bool {
    matches!(head, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, (1..), ..])
}

/// The file of MNIST's images in a folder and a note of the choice; nothing if it has no such file.
///
/// Files count whose name holds `idx3-ubyte`; a compressed one does not beside its uncompressed form. Of several in
/// one part, as EMNIST has, the option `array` names one.
///
/// # Errors
/// `Kind::Unreadable`; `Kind::NoSplit`; `Kind::Choose`.
pub(crate) fn file_of(request: &Request) -> Result<Option<(PathBuf, String)>, Error> {
    let folder = request.path;
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut names: Vec<String> = entries
        .map_err(Error::reading(folder))?
        .into_iter()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.contains("idx3-ubyte") && folder.join(name).is_file())
        .collect();
    names.sort_unstable();
    let plain = names.clone();
    names.retain(|name| name.strip_suffix(".gz").is_none_or(|plainly| !plain.iter().any(|n| n == plainly)));
    let all = names.len();
    if all == 0 {
        return Ok(None);
    }
    let parts = names.into_iter().map(|name| (Part::of_path(&name), name)).collect();
    let arrays = split::choose(parts, request.options.split)
        .ok_or_else(|| Error::no_split(request.path, request.options.split))?;
    let offers: Vec<_> = arrays.iter().map(Offer::named).collect();
    let chosen = &arrays[choose(folder, &offers, request.options.array.as_deref())?];
    let left_out =
        if all > 1 { format!(", {} other IDX files of images left out", all - 1) } else { String::new() };
    let labels = if request.options.classes { "" } else { "; labels not read" };
    let note = format!("images of {}{left_out}{labels}", crate::escape::one_line(chosen));
    Ok(Some((folder.join(chosen), note)))
}

/// Values of an uncompressed file; bytes are read in place.
///
/// # Errors
/// As [`read`].
pub(crate) fn open(mut file: File, request: &Request) -> Result<DataSet, Error> {
    let (layout, offset) = header(&mut file, request)?;
    array::open(file, offset, layout, request)?.ranged(request)?.fitted(request)
}

/// Values of a stream.
///
/// Three dimensions are rows of shape `[1, height, width]`, others keep theirs.
///
/// # Arguments
/// * `input` — the file, unpacked if it was compressed
/// * `stored` — its length, and the largest ratio of its compression, where known: larger promises are refused
/// * `request` — its path, for errors, and the options
///
/// # Errors
/// * `Kind::Damaged` — an element type that is none; no dimensions
/// * `Kind::Damaged`, `Kind::Empty`
/// * `Kind::Value` — a NaN or an infinity
pub fn read(mut input: impl Read, stored: Option<(u64, u64)>, request: &Request) -> Result<DataSet, Error> {
    let (layout, _) = header(&mut input, request)?;
    if let Some((stored, limit)) = stored {
        array::check_ratio(&layout, stored, limit, request)?;
    }
    array::read(input, layout, request)?.ranged(request)?.fitted(request)
}

fn header(input: &mut impl Read, request: &Request) -> Result<(Layout, u64), Error> {
    let refused = |field, found, allowed| Error::header(request.path, field, found, allowed);
    let mut magic = [0; 4];
    input.read_exact(&mut magic).map_err(Error::unpacking(request.path))?;
    let [0, 0, kind, rank] = magic else {
        return Err(refused("IDX magic", format!("{magic:02x?}"), "[00, 00, type, dimensions]"));
    };
    let element = match kind {
        0x08 => Element::U8,
        0x09 => Element::I8,
        0x0b => Element::I16,
        0x0c => Element::I32,
        0x0d => Element::F32,
        0x0e => Element::F64,
        _ => {
            let allowed = "0x08 (u8), 0x09 (i8), 0x0b (i16), 0x0c (i32), 0x0d (f32), 0x0e (f64)";
            return Err(refused("IDX element type", format!("{kind:#04x}"), allowed));
        }
    };
    if rank == 0 {
        return Err(refused("IDX number of dimensions", rank.to_string(), "1 to 255"));
    }
    let mut shape = Vec::with_capacity(rank.into());
    for _ in 0..rank {
        let mut size = [0; 4];
        input.read_exact(&mut size).map_err(Error::unpacking(request.path))?;
        shape.push(u64::from(u32::from_be_bytes(size)));
    }
    let mut layout = Layout { big_endian: true, ..Layout::new(element, &shape, request)? };
    if rank == 3 {
        layout.shape.insert(0, 1);
    }
    Ok((layout, 4 + 4 * u64::from(rank)))
}
