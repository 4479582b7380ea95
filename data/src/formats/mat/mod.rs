//! MATLAB's files of version 5 to 7: a head of 128 bytes, then arrays one after another, each alone compressed or not.
//!
//! Files of version 7.3 are HDF5, and others.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::ZlibDecoder;

use cast::Cast;
use header::{Class, Fault, Header, Parts};

use crate::array;
use crate::choose::{Offer, choose};
use crate::error::{Error, Kind};
use crate::escape::{one_line, path as shown};
use crate::guard::Guarded;
use crate::layout::Layout;
use crate::options::{DEFLATE_RATIO, Request};
use crate::set::DataSet;
use crate::spool;
use crate::transpose::last_index_fastest;
use crate::writer::RowWriter;

mod cast;
mod header;

/// Bytes before the first array.
const HEAD: u64 = 128;
/// Arrays of one file at most.
const MAX_ARRAYS: usize = 1 << 14;

/// Types of the elements of a file.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// Whether a file begins like MATLAB's of version 5 to 7.
pub(crate) fn is_header(head: &[u8]) -> bool {
    big_endian(head).is_some()
}

/// The byte order, which the last four bytes of the head tell.
fn big_endian(head: &[u8]) -> Option<bool> {
    match head.get(124..128)? {
        [0, 1, b'I', b'M'] => Some(false),
        [1, 0, b'M', b'I'] => Some(true),
        _ => None,
    }
}

/// Reads an array: the one named; the only one; or the only one beside labels.
///
/// Rows go along the first axis, as numpy has it. If they do not go along with labels, an array of one number for each
/// row, but the last axis does, they go along that, and the other axes are those of a row.
///
/// # Errors
/// * `Kind::Choose` — several arrays and none named; none of the name; one of text, cells, complex numbers and the like
/// * `Kind::Damaged`, `Kind::Unpack` — fields that contradict each other, an array cut short
/// * `Kind::Unknown` — no array of numbers
/// * `Kind::Option` — a size or crop asked for
/// * `Kind::Value`, `Kind::Room`
pub fn read(input: impl Read + Seek, request: &Request) -> Result<DataSet, Error> {
    let mut file = Mat::open(input, request)?;
    let arrays = file.arrays()?;
    let (numbers, others): (Vec<_>, Vec<_>) =
        arrays.iter().partition(|array| matches!(array.header.class, Class::Numbers(_)));
    if let Some(wanted) = &request.options.array
        && let Some(Array { header: Header { class: Class::Other(what), .. }, .. }) =
            others.iter().find(|array| array.header.name == *wanted)
    {
        let text = format!(
            "array {} of {} is {what}: read are arrays of real numbers",
            one_line(wanted),
            shown(request.path)
        );
        return Err(Error::new(Kind::Choose, request.path, text));
    }
    if numbers.is_empty() {
        return Err(Error::unknown(request.path, "is a MATLAB file without arrays of numbers"));
    }
    let axes: Vec<_> = numbers.iter().map(|array| (&array.header.name[..], &array.header.axes[..])).collect();
    let (offers, rows_last) = offers(&axes);
    let index = choose(request.path, &offers, request.options.array.as_deref())?;
    let mut data = file.values(numbers[index], rows_last[index])?;
    if rows_last[index] {
        let name = one_line(&offers[index].name);
        data.notes.insert(0, format!("rows go along the last axis of {name}, as the labels do"));
    }
    data.ranged(request)?.unfitted(request)
}

/// A file whose head has been read.
struct Mat<'a, R> {
    input: BufReader<R>,
    big_endian: bool,
    length: u64,
    request: &'a Request<'a>,
}

/// An array and where it is.
struct Array {
    header: Header,
    /// Place of its first byte, the tag before it.
    at: u64,
    /// Bytes behind that tag.
    bytes: u64,
    compressed: bool,
}

impl<'a, R: Read + Seek> Mat<'a, R> {
    fn open(input: R, request: &'a Request<'a>) -> Result<Self, Error> {
        let mut input = BufReader::new(input);
        let mut head = Vec::new();
        let read = (&mut input).take(HEAD).read_to_end(&mut head);
        read.map_err(Error::reading(request.path))?;
        let big_endian = big_endian(&head).ok_or_else(|| {
            let end = format!("{:02x?}", head.get(124..).unwrap_or_default());
            Error::field(request.path, 124, "version", end, "[00, 01, 49, 4d] or [01, 00, 4d, 49]")
        })?;
        let length = input.seek(SeekFrom::End(0)).map_err(Error::reading(request.path))?;
        Ok(Self { input, big_endian, length, request })
    }

    /// The arrays that have a name, and entries unless they hold no numbers.
    fn arrays(&mut self) -> Result<Vec<Array>, Error> {
        let path = self.request.path;
        let (mut arrays, mut at) = (Vec::new(), HEAD);
        while at < self.length {
            if self.length - at < 8 {
                return Err(Error::short(path, at + 8, self.length));
            }
            let (kind, bytes) = self.element(at)?;
            if at + 8 + bytes > self.length {
                return Err(Error::short(path, at + 8 + bytes, self.length));
            }
            if !matches!(kind, MATRIX | COMPRESSED) {
                return Err(Error::field(
                    path,
                    at,
                    "type of an element",
                    kind,
                    "14 (array), 15 (compressed)",
                ));
            }
            // An array without any bytes is an empty one.
            if bytes > 0 {
                let compressed = kind == COMPRESSED;
                let header = self.content(at, bytes, compressed)?.header().map_err(fault(path, at))?;
                if !header.name.is_empty() && !header.axes.contains(&0) {
                    arrays.push(Array { header, at, bytes, compressed });
                }
            }
            if arrays.len() > MAX_ARRAYS {
                return Err(Error::field(path, at, "number of arrays", arrays.len(), MAX_ARRAYS));
            }
            at += 8 + bytes;
        }
        Ok(arrays)
    }

    /// Type and number of bytes of the element at a place.
    fn element(&mut self, at: u64) -> Result<(u32, u64), Error> {
        self.input.seek(SeekFrom::Start(at)).map_err(Error::reading(self.request.path))?;
        let mut parts = Parts { input: &mut self.input, big_endian: self.big_endian };
        let tag = parts.tag().map_err(Error::reading(self.request.path))?;
        Ok((tag.kind, u64::from(tag.bytes)))
    }

    /// The parts of an array.
    fn content(&mut self, at: u64, bytes: u64, compressed: bool) -> Result<Parts<Box<dyn Read + '_>>, Error> {
        let path = self.request.path;
        self.input.seek(SeekFrom::Start(at + 8)).map_err(Error::reading(path))?;
        let big_endian = self.big_endian;
        let stored = (&mut self.input).take(bytes);
        if !compressed {
            return Ok(Parts { input: Box::new(stored), big_endian });
        }
        let input: Box<dyn Read> = Box::new(Guarded(ZlibDecoder::new(stored)));
        let mut parts = Parts { input, big_endian };
        match parts.tag().map_err(Error::unpacking(path))?.kind {
            MATRIX => Ok(parts),
            kind => Err(Error::field(path, at, "type of a compressed element", kind, "14 (array)")),
        }
    }

    /// The values of an array as rows.
    fn values(&mut self, array: &Array, rows_last: bool) -> Result<DataSet, Error> {
        let &Array { header: Header { class, ref axes, .. }, at, bytes, compressed } = array;
        let (request, big_endian) = (self.request, self.big_endian);
        let refused = |field: &str, found: String, allowed: &str| {
            Err(Error::field(request.path, at, field, found, allowed))
        };
        let Class::Numbers(class) = class else { return refused("class", format!("{class:?}"), "numbers") };
        let shape = if rows_last { rows_first(axes, true) } else { axes.clone() };
        let layout = Layout { fortran: !rows_last, ..Layout::new(class, &shape, request)? };
        let mut parts = self.content(at, bytes, compressed)?;
        parts.header().map_err(fault(request.path, at))?;
        let tag = parts.tag().map_err(Error::unpacking(request.path))?;
        let Some(stored) = header::stored(tag.kind) else {
            return refused("type of values", tag.kind.to_string(), "1 to 7, 9, 12, 13");
        };
        let expected = (layout.count * layout.dim * stored.width()) as u64;
        if u64::from(tag.bytes) != expected {
            return Err(Error::length(request.path, expected, tag.bytes.into()));
        }
        if expected > bytes.saturating_mul(if compressed { DEFLATE_RATIO } else { 1 }) {
            return Err(Error::ratio(request.path, expected, bytes, DEFLATE_RATIO));
        }
        let within = tag.within.map_or(Vec::new(), |within| within[..tag.bytes as usize].to_vec());
        let behind = expected - within.len() as u64;
        let values = io::Cursor::new(within).chain((&mut parts.input).take(behind));
        let values = Cast::new(values, stored, big_endian, class);
        let data = if rows_last {
            along_last(values, layout, request)
        } else {
            array::read(values, layout, request)
        }?;
        // Reading on, over what fills the last eight bytes, makes a compressed stream check its checksum.
        match parts.input.take(8).read_to_end(&mut Vec::new()).map_err(Error::unpacking(request.path))? {
            0..8 => Ok(data),
            _ => Err(Error::trailing(request.path, expected)),
        }
    }
}

fn fault(path: &Path, at: u64) -> impl FnOnce(Fault) -> Error + '_ {
    move |fault| match fault {
        Fault::Field(field, found, allowed) => Error::field(path, at, field, found, allowed),
        Fault::Input(error) => Error::unpacking(path)(error),
    }
}

/// Rows one after the other, in each of which the first index runs fastest.
pub(super) fn along_last(mut values: impl Read, layout: Layout, request: &Request) -> Result<DataSet, Error> {
    let Layout { element, count, dim, ref shape, .. } = layout;
    spool::check_room((count as u64).saturating_mul((dim * element.kept().width()) as u64))?;
    let row = dim * element.width();
    let (mut stored, mut ordered) = (Vec::new(), Vec::new());
    let mut writer = RowWriter::new(element, layout.big_endian, shape, request)?;
    for done in 0..count {
        stored.clear();
        let read = (&mut values).take(row as u64).read_to_end(&mut stored);
        if read.map_err(Error::unpacking(request.path))? < row {
            return Err(Error::length(request.path, layout.bytes(), (done * row + stored.len()) as u64));
        }
        last_index_fastest(&stored, shape, element.width(), &mut ordered);
        writer.take(&mut ordered)?;
        if done.is_multiple_of(1024) {
            (request.progress)(done as u64, Some(count as u64));
        }
    }
    writer.finish()
}

/// What there is to choose from, each with its rows first, and whether these go along the last axis of the array.
pub(super) fn offers(arrays: &[(&str, &[u64])]) -> (Vec<Offer>, Vec<bool>) {
    let shapes: Vec<_> = arrays.iter().map(|&(_, axes)| axes).collect();
    let offer = |(index, &(name, axes)): (usize, &(&str, &[u64]))| {
        let last = goes_along_last(&shapes, index);
        (Offer { name: name.into(), shape: Some(rows_first(axes, last)) }, last)
    };
    arrays.iter().enumerate().map(offer).unzip()
}

/// The number of entries of a vector, which has two axes.
fn vector(axes: &[u64]) -> Option<u64> {
    match axes {
        &[1, n] | &[n, 1] => Some(n),
        _ => None,
    }
}

/// Whether labels, vectors beside an array, have as many entries as its last axis, and none has as many as its first.
fn goes_along_last(shapes: &[&[u64]], index: usize) -> bool {
    let (Some(first), Some(last)) = (shapes[index].first(), shapes[index].last()) else { return false };
    let labels = |n: u64| {
        let mut others = shapes.iter().enumerate().filter(|&(other, _)| other != index);
        others.any(|(_, axes)| vector(axes) == Some(n))
    };
    vector(shapes[index]).is_none() && labels(*last) && !labels(*first)
}

/// The axes with that of the rows first; a vector is one row for each entry if others are chosen by it.
pub(super) fn rows_first(axes: &[u64], last: bool) -> Vec<u64> {
    match axes.split_last() {
        Some((&count, item)) if last => [&[count], item].concat(),
        _ => vector(axes).filter(|_| axes.len() == 2).map_or(axes.to_vec(), |n| vec![n]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_along_which_axis_rows_go() {
        let along_last = |shapes: &[&[u64]]| goes_along_last(shapes, 0);
        assert!(along_last(&[&[32, 32, 3, 60], &[60, 1]]));
        assert!(along_last(&[&[784, 60], &[1, 60], &[10, 10]]));
        assert!(!along_last(&[&[60, 784], &[60, 1]]));
        assert!(!along_last(&[&[60, 60], &[60, 1]]));
        assert!(!along_last(&[&[32, 32, 3, 60]]));
        assert!(!along_last(&[&[32, 32, 3, 60], &[60, 2]]));
        assert!(!along_last(&[&[1, 60], &[60, 1]]));
        assert_eq!(rows_first(&[32, 16, 3, 60], true), [60, 32, 16, 3]);
        assert_eq!(rows_first(&[1, 60], false), [60]);
        assert_eq!(rows_first(&[2, 60], false), [2, 60]);
    }
}
