//! Arrays of numbers, as IDX and npy describe them: a header, then the values.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::OnceLock;

use super::element::Element;
use super::rows::{ByteRows, FloatRows, Rows, read_exact_at};
use super::spool::{self, Spool};
use super::{DataSet, Error, Names, Pixels, Request};

/// Longest row.
const MAX_ROW: u64 = 1 << 30;
/// Bytes converted at a time.
const CHUNK: usize = 1 << 18;
/// Bytes of rows gathered from columns at a time: the reads needed fall as it grows.
const GATHERED: usize = 32 << 20;

/// What a header says of the values behind it; the number of bytes is known to be below 2⁶³.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub element: Element,
    pub big_endian: bool,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    pub count: usize,
    /// Shape of one row.
    pub shape: Vec<usize>,
    pub dim: usize,
}

impl Layout {
    /// Checks that a shape `[rows, ...]` has rows of a size that can be handled.
    ///
    /// # Errors
    /// [`Error::Shape`]; [`Error::Empty`] for no rows.
    pub(crate) fn new(element: Element, shape: &[u64], request: &Request) -> Result<Self, Error> {
        let path = || request.path.to_path_buf();
        let refused = || Error::Shape { path: path(), shape: shape.to_vec(), limit: MAX_ROW };
        let (&count, item) = shape.split_first().ok_or_else(refused)?;
        let bytes = |n: u64, &d: &u64| n.checked_mul(d);
        let row = item.iter().try_fold(element.width() as u64, bytes).filter(|n| (1..=MAX_ROW).contains(n));
        let row = row.ok_or_else(refused)?;
        if count == 0 {
            return Err(Error::empty(request.path));
        }
        let all = row.checked_mul(count).filter(|&n| n <= i64::MAX as u64 && usize::try_from(n).is_ok());
        all.ok_or_else(refused)?;
        let shape = if item.is_empty() { vec![1] } else { item.iter().map(|&d| d as usize).collect() };
        let dim = row as usize / element.width();
        Ok(Self { element, big_endian: false, fortran: false, count: count as usize, shape, dim })
    }

    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> u64 {
        (self.count * self.dim * self.element.width()) as u64
    }

    /// Whether the values can be read where they are: rows one after the other, numbers as rows hold them.
    fn is_plain(&self) -> bool {
        !self.fortran
            && (!self.big_endian || self.element == Element::U8)
            && self.element == self.element.kept()
    }
}

/// The values of a file from `offset` on: in place where they are plain, else converted once.
///
/// # Errors
/// [`Error::Length`]; [`Error::NotFinite`]; [`Error::Unreadable`]; [`Error::Spool`].
pub(crate) fn open(mut file: File, offset: u64, layout: Layout, request: &Request) -> Result<DataSet, Error> {
    let reading = || Error::reading(request.path);
    let (expected, length) = (layout.bytes(), file.metadata().map_err(reading())?.len());
    let found = length.saturating_sub(offset);
    if found != expected {
        return Err(Error::Length { path: request.path.into(), expected, found });
    }
    if layout.fortran {
        return transposed(&file, offset, layout, request);
    }
    if !layout.is_plain() {
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset)).map_err(reading())?;
        return read(file, layout, request);
    }
    let data = data_set(file, offset, &layout, OnceLock::new(), request);
    check_finite(&data, request)?;
    Ok(data)
}

/// The values of a stream, written once to a temporary file.
///
/// # Errors
/// [`Error::Length`]; [`Error::Trailing`]; [`Error::NotFinite`]; [`Error::Unpack`]; [`Error::Room`]; [`Error::Spool`].
pub(crate) fn read(mut input: impl Read, layout: Layout, request: &Request) -> Result<DataSet, Error> {
    let entries = layout.bytes() / layout.element.width() as u64;
    spool::check_room(entries.saturating_mul(layout.element.kept().width() as u64))?;
    if layout.fortran {
        let mut columns = tempfile::tempfile().map_err(Error::spooling)?;
        let mut write = |bytes: &mut [u8]| columns.write_all(bytes).map_err(Error::spooling);
        stream(&mut input, &layout, request, &mut write)?;
        return transposed(&columns, 0, layout, request);
    }
    let mut kept = Kept::new(&layout, request)?;
    stream(&mut input, &layout, request, &mut |bytes| kept.take(bytes))?;
    kept.finish()
}

/// Refuses a promise of more bytes than a compressed file can hold, before anything is unpacked.
///
/// # Arguments
/// * stored — bytes of the compressed file
/// * limit — largest ratio of the compression
pub(crate) fn check_ratio(layout: &Layout, stored: u64, limit: u64, request: &Request) -> Result<(), Error> {
    let expected = layout.bytes();
    if expected > stored.saturating_mul(limit) {
        return Err(Error::Ratio { path: request.path.into(), expected, stored, limit });
    }
    Ok(())
}

/// Passes exactly the promised bytes on, in chunks.
fn stream(
    input: &mut impl Read,
    layout: &Layout,
    request: &Request,
    pass: &mut dyn FnMut(&mut [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let unpacking = || Error::unpacking(request.path);
    let expected = layout.bytes();
    let row = expected / layout.count as u64;
    let mut chunk = Vec::with_capacity(CHUNK.min(expected as usize));
    let mut done = 0;
    while done < expected {
        chunk.clear();
        let wanted = (expected - done).min(CHUNK as u64);
        let read = input.by_ref().take(wanted).read_to_end(&mut chunk).map_err(unpacking())? as u64;
        done += read;
        if read < wanted {
            return Err(Error::Length { path: request.path.into(), expected, found: done });
        }
        pass(&mut chunk)?;
        (request.progress)(done / row, Some(layout.count as u64));
    }
    // Reading on also makes a compressed stream check its checksum.
    match input.take(1).read_to_end(&mut chunk).map_err(unpacking())? {
        0 => Ok(()),
        _ => Err(Error::Trailing { path: request.path.into(), expected }),
    }
}

/// Brings columns (first index fastest) into rows, a block of rows at a time.
fn transposed(file: &File, offset: u64, layout: Layout, request: &Request) -> Result<DataSet, Error> {
    let Layout { count, dim, .. } = layout;
    let width = layout.element.width();
    let mut kept = Kept::new(&layout, request)?;
    let block = (GATHERED / (dim * width)).clamp(1, count);
    let (mut rows, mut column) = (vec![0; block * dim * width], vec![0; block * width]);
    for first in (0..count).step_by(block) {
        let here = block.min(count - first);
        let mut index = vec![0; layout.shape.len()];
        for entry in 0..dim {
            let position = fastest_first(&index, &layout.shape) * count + first;
            let part = &mut column[..here * width];
            let at = offset + (position * width) as u64;
            read_exact_at(file, part, at).map_err(Error::reading(request.path))?;
            for (row, value) in part.chunks_exact(width).enumerate() {
                rows[(row * dim + entry) * width..][..width].copy_from_slice(value);
            }
            advance(&mut index, &layout.shape);
        }
        kept.take(&mut rows[..here * dim * width])?;
        (request.progress)((first + here) as u64, Some(count as u64));
    }
    kept.finish()
}

/// Position of an index where the first coordinate runs fastest.
fn fastest_first(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).rev().fold(0, |position, (i, d)| position * d + i)
}

/// Next index where the last coordinate runs fastest.
fn advance(index: &mut [usize], shape: &[usize]) {
    for (i, d) in index.iter_mut().zip(shape).rev() {
        *i += 1;
        if *i < *d {
            return;
        }
        *i = 0;
    }
}

/// Values on their way to a temporary file: as rows hold them, finite, counted.
struct Kept<'a> {
    layout: &'a Layout,
    request: &'a Request<'a>,
    spool: Spool,
    check: Finite<'a>,
    converted: Vec<u8>,
}

impl<'a> Kept<'a> {
    fn new(layout: &'a Layout, request: &'a Request<'a>) -> Result<Self, Error> {
        let check = Finite { element: layout.element.kept(), dim: layout.dim, seen: 0, request };
        Ok(Self { layout, request, spool: Spool::new()?, check, converted: Vec::new() })
    }

    /// Takes whole values as they are stored.
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let element = self.layout.element;
        if self.layout.big_endian {
            bytes.chunks_exact_mut(element.width()).for_each(<[u8]>::reverse);
        }
        element.convert(bytes, &mut self.converted).map_err(|(at, value)| {
            let (row, column) = self.check.place(at);
            Error::NoDouble { path: self.request.path.into(), row, column, value }
        })?;
        self.check.take(&self.converted)?;
        self.spool.write(&self.converted)
    }

    fn finish(self) -> Result<DataSet, Error> {
        let Self { layout, request, spool, .. } = self;
        let (file, hash) = spool.finish()?;
        let digest = spool::digest(hash, layout.element.name(), layout.count, &layout.shape);
        Ok(data_set(file, 0, layout, OnceLock::from(digest), request))
    }
}

fn data_set(
    file: File,
    offset: u64,
    layout: &Layout,
    digest: OnceLock<String>,
    request: &Request,
) -> DataSet {
    let &Layout { element, count, dim, ref shape, .. } = layout;
    let rows = match element.kept() {
        Element::U8 => {
            let mut rows = ByteRows::new(dim);
            rows.push(file, count, offset, dim);
            Pixels::Bytes(rows)
        }
        _ => Pixels::Floats(FloatRows::new(file, count, dim, offset, element.kept() == Element::F64)),
    };
    let mut names = Names::default();
    let name = request.path.file_name().unwrap_or_default().to_string_lossy();
    names.push_records(&name, count);
    DataSet { rows, shape: shape.clone(), planes: false, names, notes: Vec::new(), skipped: 0, digest }
}

/// Reads values in place once, for no NaN or infinity may pass.
fn check_finite(data: &DataSet, request: &Request) -> Result<(), Error> {
    let Pixels::Floats(rows) = &data.rows else { return Ok(()) };
    let (len, row) = (Rows::<f64>::len(rows), Rows::<f64>::dim(rows) * rows.width());
    let element = if rows.is_double() { Element::F64 } else { Element::F32 };
    let mut check = Finite { element, dim: row / rows.width(), seen: 0, request };
    let together = (CHUNK / row).max(1);
    let mut buffer = vec![0; together.min(len) * row];
    for first in (0..len).step_by(together) {
        let part = &mut buffer[..together.min(len - first) * row];
        rows.read_bytes(first, part).map_err(Error::reading(request.path))?;
        check.take(part)?;
        (request.progress)((first + part.len() / row) as u64, Some(len as u64));
    }
    Ok(())
}

/// Looks for numbers that are not finite in values that pass in order.
struct Finite<'a> {
    element: Element,
    dim: usize,
    seen: u64,
    request: &'a Request<'a>,
}

impl Finite<'_> {
    /// Row and column of a value of those that come next.
    fn place(&self, index: usize) -> (u64, u64) {
        let at = self.seen + index as u64;
        (at / self.dim as u64, at % self.dim as u64)
    }

    /// Looks at little-endian values.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let single = |b: &[u8; 4]| f64::from(f32::from_le_bytes(*b));
        let double = |b: &[u8; 8]| f64::from_le_bytes(*b);
        let found = match self.element {
            Element::F32 => first_infinite(bytes.as_chunks().0, single),
            Element::F64 => first_infinite(bytes.as_chunks().0, double),
            _ => None,
        };
        if let Some((index, value)) = found {
            let (row, column) = self.place(index);
            return Err(Error::NotFinite { path: self.request.path.into(), row, column, value });
        }
        self.seen += (bytes.len() / self.element.width()) as u64;
        Ok(())
    }
}

fn first_infinite<const W: usize>(
    numbers: &[[u8; W]],
    value: impl Fn(&[u8; W]) -> f64,
) -> Option<(usize, f64)> {
    numbers.iter().map(value).enumerate().find(|(_, x)| !x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_advance_in_row_order_and_map_to_column_order() {
        let shape = [2, 3];
        let mut index = vec![0; 2];
        let mut positions = Vec::new();
        for _ in 0..6 {
            positions.push(fastest_first(&index, &shape));
            advance(&mut index, &shape);
        }
        assert_eq!(positions, [0, 2, 4, 1, 3, 5]);
        assert_eq!(index, [0, 0]);
    }
}
