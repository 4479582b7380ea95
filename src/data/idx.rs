//! IDX, the format of MNIST: two zero bytes, element type, number of dimensions, sizes, values; all big-endian.

use std::fs::File;
use std::io::Read;

use super::array::{self, Element, Layout};
use super::{DataSet, Error, Request};

/// Whether a file begins like an IDX file.
pub(crate) fn is_header(head: &[u8]) -> bool {
    matches!(head, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, (1..), ..])
}

/// Values of an uncompressed file; bytes are read in place.
///
/// # Errors
/// As [`read`].
pub(crate) fn open(mut file: File, request: &Request) -> Result<DataSet, Error> {
    let (layout, offset) = header(&mut file, request)?;
    array::open(file, offset, layout, request)?.fitted(request)
}

/// Values of a stream.
///
/// Three dimensions are rows of shape `[1, height, width]`, others keep theirs.
///
/// # Arguments
/// * input — the file, unpacked if it was compressed
/// * stored — its length, and the largest ratio of its compression, where known: larger promises are refused
/// * request — its path, for errors, and the options
///
/// # Errors
/// * [`Error::Header`] — an element type that is neither bytes nor floats; no dimensions
/// * [`Error::Shape`], [`Error::Empty`], [`Error::Length`], [`Error::Trailing`], [`Error::Ratio`]
/// * [`Error::NotFinite`] — a NaN or an infinity
pub fn read(mut input: impl Read, stored: Option<(u64, u64)>, request: &Request) -> Result<DataSet, Error> {
    let (layout, _) = header(&mut input, request)?;
    if let Some((stored, limit)) = stored {
        array::check_ratio(&layout, stored, limit, request)?;
    }
    array::read(input, layout, request)?.fitted(request)
}

fn header(input: &mut impl Read, request: &Request) -> Result<(Layout, u64), Error> {
    let refused = |field, found, allowed| Error::Header { path: request.path.into(), field, found, allowed };
    let mut magic = [0; 4];
    input.read_exact(&mut magic).map_err(Error::unpacking(request.path))?;
    let [0, 0, kind, rank] = magic else {
        return Err(refused("IDX magic", format!("{magic:02x?}"), "[00, 00, type, dimensions]"));
    };
    let element = match kind {
        0x08 => Element::U8,
        0x0d => Element::F32,
        0x0e => Element::F64,
        _ => {
            let allowed = "0x08 (bytes), 0x0d (f32), 0x0e (f64)";
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
