//! NumPy's npy: a magic word, a Python dictionary of three fields, values.

use std::fs::File;
use std::io::Read;

use crate::array;
use crate::element::Element;
use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::set::DataSet;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header; NumPy itself reads 10,000 bytes unless told otherwise.
const MAX_HEADER: u32 = 1 << 16;

/// Whether a file begins like an npy file.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Values of a file; bytes and little-endian floats of 4 and 8 bytes in C order are read in place, others become floats.
///
/// # Errors
/// As [`read`].
pub(crate) fn open(mut file: File, request: &Request) -> Result<DataSet, Error> {
    let (layout, offset) = header(&mut file, request)?;
    let named = layout.element != Element::Bf16;
    noted(array::open(file, offset, layout, request)?, named).ranged(request)?.unfitted(request)
}

/// NumPy has no name for bfloat16: it writes that of the package ml_dtypes as two bytes without a type.
fn noted(mut data: DataSet, named: bool) -> DataSet {
    if !named {
        data.notes.push("entries of two bytes without a type are taken for bfloat16".into());
    }
    data
}

/// Values of a stream; an array of shape `[N, ...]` gives N rows of shape `[...]`, one of shape `[N]` rows of one entry.
///
/// # Errors
/// * `Kind::Damaged` — not npy 1 to 3; entries that are neither booleans, integers nor floats; a malformed dictionary
/// * `Kind::Value` — an integer of more than 53 bits that no double is
/// * `Kind::Damaged`, `Kind::Empty`
/// * `Kind::Value` — a NaN or an infinity
/// * `Kind::Option` — a size or crop asked for: an array does not say which of its axes are pixels
pub fn read(mut input: impl Read, request: &Request) -> Result<DataSet, Error> {
    let (layout, _) = header(&mut input, request)?;
    let named = layout.element != Element::Bf16;
    noted(array::read(input, layout, request)?, named).ranged(request)?.unfitted(request)
}

/// Reads the header; returns it and its length.
pub(crate) fn header(input: &mut impl Read, request: &Request) -> Result<(Layout, u64), Error> {
    let refused = |field, found: &str, allowed| {
        let found = found.chars().take(60).collect::<String>();
        Error::header(request.path, field, found, allowed)
    };
    let unpacking = || Error::unpacking(request.path);
    let mut start = [0; 8];
    input.read_exact(&mut start).map_err(unpacking())?;
    if !start.starts_with(MAGIC) {
        return Err(refused("npy magic", &format!("{:02x?}", &start[..6]), "[93, 4e, 55, 4d, 50, 59]"));
    }
    let wide = match start[6] {
        1 => false,
        2 | 3 => true,
        version => return Err(refused("npy version", &version.to_string(), "1, 2, 3")),
    };
    let mut length = [0; 4];
    let digits = if wide { 4 } else { 2 };
    input.read_exact(&mut length[..digits]).map_err(unpacking())?;
    let length = u32::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(refused("npy header length", &length.to_string(), "0 to 65536"));
    }
    let mut text = vec![0; length as usize];
    input.read_exact(&mut text).map_err(unpacking())?;
    let text = String::from_utf8_lossy(&text);

    let kind = value(&text, "descr").unwrap_or_default();
    let name = kind.trim_matches(['\'', '"']);
    let element = name.strip_prefix(['|', '<', '>']).and_then(element).ok_or_else(|| {
        let allowed = "'|b1', '|u1', '|i1', '<u2' to '<u8', '<i2' to '<i8', '<f2' to '<f8', or with '>'";
        refused("npy descr", kind, allowed)
    })?;
    let big_endian = name.starts_with('>');
    let order = value(&text, "fortran_order").unwrap_or_default();
    let fortran = match order {
        "True" => true,
        "False" => false,
        _ => return Err(refused("npy fortran_order", order, "True, False")),
    };
    let sizes = value(&text, "shape").unwrap_or_default();
    let shape = tuple(sizes).ok_or_else(|| refused("npy shape", sizes, "(rows, ...)"))?;
    let layout = Layout { big_endian, fortran, ..Layout::new(element, &shape, request)? };
    Ok((layout, 8 + digits as u64 + u64::from(length)))
}

/// The type that NumPy names so, after the mark of its byte order.
fn element(name: &str) -> Option<Element> {
    Some(match name {
        "b1" => Element::Bool,
        "u1" => Element::U8,
        "i1" => Element::I8,
        "u2" => Element::U16,
        "i2" => Element::I16,
        "u4" => Element::U32,
        "i4" => Element::I32,
        "u8" => Element::U64,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "V2" => Element::Bf16,
        _ => return None,
    })
}

/// The text of a value in a Python dictionary: up to the next comma outside brackets.
fn value<'a>(dictionary: &'a str, key: &str) -> Option<&'a str> {
    let after =
        ['\'', '"'].iter().find_map(|quote| dictionary.split_once(&format!("{quote}{key}{quote}")))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start();
    let mut depth = 0;
    let end = value.find(|c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(c, ',' | '}')
    })?;
    Some(value[..end].trim_end())
}

/// Sizes of a Python tuple; long integers of Python 2 end in L.
fn tuple(text: &str) -> Option<Vec<u64>> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?;
    let sizes = inside.strip_suffix(',').unwrap_or(inside);
    if sizes.trim().is_empty() {
        return None;
    }
    sizes.split(',').map(|size| size.trim().trim_end_matches('L').parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_key_in_any_order() {
        let header = "{'shape': (2, 3L), \"descr\" : '<f4','fortran_order': False, }";
        assert_eq!(value(header, "shape"), Some("(2, 3L)"));
        assert_eq!(value(header, "descr"), Some("'<f4'"));
        assert_eq!(value(header, "fortran_order"), Some("False"));
        assert_eq!(value("{'shape': (2, 3", "shape"), None);
    }

    #[test]
    fn tuples_parse_as_numpy_writes_them() {
        assert_eq!(tuple("(5,)"), Some(vec![5]));
        assert_eq!(tuple("(2, 3L)"), Some(vec![2, 3]));
        assert_eq!(["()", "(", "(-1,)", "(1,,2)", "5"].map(tuple), [const { None }; 5]);
    }
}
