//! Arrays of numbers, as IDX and npy describe them: a header, then the values.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::sync::OnceLock;

use crate::element::Element;
use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::rows::{Pixels, Rows};
use crate::set::DataSet;
use crate::spool;
use crate::transpose::transposed;
use crate::writer::{Finite, RowWriter, data_set};

/// Bytes converted at a time.
const CHUNK: usize = 1 << 18;

/// The values of a file from `offset` on: in place where they are plain, else converted once.
///
/// # Errors
/// `Kind::Damaged`; `Kind::Value`; `Kind::Unreadable`; `Kind::Room`.
pub(crate) fn open(file: File, offset: u64, layout: Layout, request: &Request) -> Result<DataSet, Error> {
    let reading = || Error::reading(request.path);
    let (expected, length) = (layout.bytes(), file.metadata().map_err(reading())?.len());
    let found = length.saturating_sub(offset);
    if found != expected {
        return Err(Error::length(request.path, expected, found));
    }
    open_part(file, offset, layout, request)
}

/// As [`open`], of a file in which other things may follow; its bytes are known to be there.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_part(
    mut file: File,
    offset: u64,
    layout: Layout,
    request: &Request,
) -> Result<DataSet, Error> {
    let reading = || Error::reading(request.path);
    if layout.fortran {
        return transposed(&file, offset, layout, request);
    }
    if !layout.is_plain() {
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset)).map_err(reading())?;
        let values = BufReader::new(file).take(layout.bytes());
        return read(values, layout, request);
    }
    let Layout { count, element, shape, .. } = layout;
    let data = data_set(file, offset, count, element, shape, OnceLock::new(), request);
    check_finite(&data, request)?;
    Ok(data)
}

/// The values of a stream, written once to a temporary file.
///
/// # Errors
/// `Kind::Damaged`; `Kind::Value`; `Kind::Unpack`; `Kind::Room`.
pub(crate) fn read(mut input: impl Read, layout: Layout, request: &Request) -> Result<DataSet, Error> {
    let entries = layout.bytes() / layout.element.width() as u64;
    spool::check_room(entries.saturating_mul(layout.element.kept().width() as u64))?;
    if layout.fortran {
        let mut columns = tempfile::tempfile().map_err(Error::spooling)?;
        let mut write = |bytes: &mut [u8]| columns.write_all(bytes).map_err(Error::spooling);
        stream(&mut input, &layout, request, &mut write)?;
        return transposed(&columns, 0, layout, request);
    }
    let mut rows = RowWriter::new(layout.element, layout.big_endian, &layout.shape, request)?;
    stream(&mut input, &layout, request, &mut |bytes| rows.take(bytes))?;
    rows.finish()
}

/// Refuses a promise of more bytes than a compressed file can hold, before anything is unpacked.
///
/// # Arguments
/// * `stored` — bytes of the compressed file
/// * `limit` — largest ratio of the compression
pub(crate) fn check_ratio(layout: &Layout, stored: u64, limit: u64, request: &Request) -> Result<(), Error> {
    let expected = layout.bytes();
    if expected > stored.saturating_mul(limit) {
        return Err(Error::ratio(request.path, expected, stored, limit));
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
            return Err(Error::length(request.path, expected, done));
        }
        pass(&mut chunk)?;
        (request.progress)(done / row, Some(layout.count as u64));
    }
    // Reading on also makes a compressed stream check its checksum.
    match input.take(1).read_to_end(&mut chunk).map_err(unpacking())? {
        0 => Ok(()),
        _ => Err(Error::trailing(request.path, expected)),
    }
}

/// Reads values in place once, for no NaN or infinity may pass.
fn check_finite(data: &DataSet, request: &Request) -> Result<(), Error> {
    let Pixels::Floats(rows) = &data.rows else { return Ok(()) };
    let (len, row) = (Rows::<f64>::len(rows), Rows::<f64>::dim(rows) * rows.width());
    let element = if rows.is_double() { Element::F64 } else { Element::F32 };
    let mut check = Finite::new(element, row / rows.width());
    let together = (CHUNK / row).max(1);
    let mut buffer = vec![0; together.min(len) * row];
    for first in (0..len).step_by(together) {
        let part = &mut buffer[..together.min(len - first) * row];
        rows.read_bytes(first, part).map_err(Error::reading(request.path))?;
        check.take(part).map_err(|found| found.error(request))?;
        (request.progress)((first + part.len() / row) as u64, Some(len as u64));
    }
    Ok(())
}
