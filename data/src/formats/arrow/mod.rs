//! Arrow, as the library `datasets` of Hugging Face keeps tables: streams of record batches in files named `*.arrow`.
//!
//! A reader of its own: of 15,506 single-byte changes of eight small files the crate `arrow-ipc` (60.1) panics on 2806, and
//! on 38 it ends the process by asking for more memory than there is (`tests/oracles/arrow_ipc` counts them).
//!
//! Read are columns of images (a structure with a column `bytes`, or bytes), of lists of numbers and of numbers; buffers are
//! not compressed or by LZ4 or Zstandard. Files that begin with `ARROW1` are read like streams, from front to back.
//! Memory holds the headers of a batch and the buffers of the columns that are read: each is checked against the file
//! before it is allocated, and unpacked is 1 GiB at most and 1032 times its batch.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use batch::{Place, Reader};
use messages::Messages;
use schema::{Field, Kind};

use crate::element::Element;
use crate::error::Error;
use crate::files::has_suffix as ends_in;
use crate::formats::table::{self, Column, Holds, NumberRows, Table, TakeImage, common, interleave, widened};
use crate::options::Request;
use crate::pipeline::Leftovers;
use crate::set::DataSet;

mod batch;
mod flat;
mod lists;
mod messages;
mod saved;
mod schema;

pub(crate) use messages::is_header;

/// Whether a name promises Arrow.
pub(crate) fn has_suffix(name: &str) -> bool {
    ends_in(name, &["arrow", "feather"])
}

/// Reads the images or the numbers of one file; which columns, is as in parquet.
///
/// # Errors
/// * `Kind::Choose` — no column that is read; several; none of the name; one that is dictionary-encoded
/// * `Kind::Damaged`, `Kind::Unpack` — a damaged file, or types that are not known
/// * `Kind::Mixed` — lists of different lengths; `Kind::Value` — a null or an empty list
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub fn read(input: impl Read + Seek + Send, request: &Request) -> Result<DataSet, Error> {
    table::read::<Arrow>(input, request)
}

/// Reads the files of a folder, those of one split, in the order in which `datasets` has saved them.
///
/// # Arguments
/// * `files` — paths relative to the folder
/// * `leftovers` — what else the folder holds
///
/// # Errors
/// `Kind::NoSplit`; `Kind::Damaged` — a saved state that is none; those of [`read`], by file.
pub(crate) fn open(
    files: Vec<PathBuf>,
    mut leftovers: Leftovers,
    request: &Request,
) -> Result<DataSet, Error> {
    let files = saved::ordered(files, &mut leftovers, request.path)?;
    table::open::<Arrow>(files, leftovers, request)
}

/// What the headers of a file say.
struct Arrow {
    messages: Messages,
    columns: Vec<Column>,
    rows: u64,
}

impl Arrow {
    /// Goes through the batches that have rows.
    fn batches<R: Read + Seek>(
        &self,
        input: &mut R,
        path: &Path,
        mut take: impl FnMut(&mut Reader<R>, &[Place]) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        for batch in &self.messages.batches {
            let mut reader = Reader::open(input, batch, path)?;
            let places = reader.places(&self.messages.fields);
            if reader.rows > 0 && !take(&mut reader, &places)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finds how many entries each row has of each column of lists, where there are several to choose from.
    fn count_entries(&mut self, input: &mut (impl Read + Seek), path: &Path) -> Result<(), Error> {
        let is_list = |&index: &usize| matches!(self.columns[index].holds, Holds::Lists(..));
        let lists: Vec<usize> = (0..self.columns.len()).filter(is_list).collect();
        if lists.len() < 2 || self.rows == 0 {
            return Ok(());
        }
        let mut counts = vec![0_u64; lists.len()];
        self.batches(input, path, |batch, places| {
            for (count, &index) in counts.iter_mut().zip(&lists) {
                let (mut field, mut place) = (&self.messages.fields[index], places[index]);
                while let [inner] = &field.children[..] {
                    batch.enter(field, &mut place);
                    field = inner;
                }
                *count = count.saturating_add(batch.length(place));
            }
            Ok(true)
        })?;
        for (count, index) in counts.into_iter().zip(lists) {
            if let Holds::Lists(_, entries) = &mut self.columns[index].holds {
                *entries = count.is_multiple_of(self.rows).then(|| count / self.rows);
            }
        }
        Ok(())
    }
}

impl Table for Arrow {
    const KIND: &'static str = "Arrow";

    fn open(input: &mut (impl Read + Seek), path: &Path) -> Result<Self, Error> {
        let messages = messages::read(input, path)?;
        let column = |field: &Field| Column { name: field.name.clone(), holds: field.holds() };
        let columns = messages.fields.iter().map(column).collect();
        let rows = messages.batches.iter().fold(0_u64, |sum, batch| sum.saturating_add(batch.rows));
        let mut table = Self { messages, columns, rows };
        table.count_entries(input, path)?;
        Ok(table)
    }

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn length(&self) -> u64 {
        self.messages.length
    }

    fn images(
        &self,
        column: usize,
        input: &mut (impl Read + Seek),
        path: &Path,
        take: &mut TakeImage,
    ) -> Result<bool, Error> {
        let field = &self.messages.fields[column];
        self.batches(input, path, |batch, places| images(batch, field, places[column], take))
    }

    fn lists(
        &self,
        column: usize,
        input: &mut (impl Read + Seek),
        path: &Path,
        rows: &mut NumberRows,
    ) -> Result<(), Error> {
        let field = &self.messages.fields[column];
        self.batches(input, path, |batch, places| {
            lists::read(batch, field, places[column], rows)?;
            Ok(true)
        })?;
        Ok(())
    }

    fn numbers(
        &self,
        columns: &[usize],
        input: &mut (impl Read + Seek),
        path: &Path,
        rows: &mut NumberRows,
    ) -> Result<(), Error> {
        let elements: Vec<Element> =
            columns.iter().filter_map(|&column| self.columns[column].number()).collect();
        let element = common(elements.iter().copied());
        self.batches(input, path, |batch, places| {
            rows.check_entries(batch.rows.saturating_mul(columns.len()), element)?;
            let (mut all, mut kept) = (Vec::with_capacity(columns.len()), Vec::new());
            for (&column, &from) in columns.iter().zip(&elements) {
                let missing = batch.valid(places[column], batch.rows)?.missing(0..batch.rows);
                if let Some(row) = missing {
                    return Err(rows.missing(rows.in_file() + row as u64, Some(&self.columns[column].name)));
                }
                let stored = numbers(batch, from, places[column], 0..batch.rows)?;
                from.convert(&stored, &mut kept).map_err(|(at, value)| {
                    Error::no_double(path, rows.in_file() + at as u64, column as u64, &value)
                })?;
                let mut wide = Vec::new();
                widened(from.kept(), element, &kept, &mut wide);
                all.push(wide);
            }
            let mut gather = |column: usize, first: usize, values: &mut [u8]| {
                values.copy_from_slice(&all[column][first * element.width()..][..values.len()]);
                Ok(())
            };
            interleave(element, columns.len(), batch.rows, &mut gather, rows)?;
            Ok(true)
        })?;
        Ok(())
    }
}

/// Passes the images of a batch on; whether to go on.
fn images<R: Read + Seek>(
    batch: &mut Reader<R>,
    field: &Field,
    place: Place,
    take: &mut TakeImage,
) -> Result<bool, Error> {
    let outer = batch.valid(place, batch.rows)?;
    let (mut field, mut place) = (field, place);
    if field.kind == Kind::Structure {
        let within = |child: &&Field| child.name == "bytes" && matches!(child.kind, Kind::Bytes(_));
        let missing = || batch.refused("Arrow structure", "without bytes", "a field of bytes");
        let found = field.children.iter().find(within).ok_or_else(missing)?;
        batch.enter(field, &mut place);
        field
            .children
            .iter()
            .take_while(|child| !within(child))
            .for_each(|child| batch.pass(child, &mut place));
        field = found;
    }
    let inner = batch.valid(place, batch.rows)?;
    let Kind::Bytes(width) = field.kind else {
        return Err(batch.refused("Arrow column", "not of bytes", "bytes"));
    };
    let offsets = batch.offsets(place, width, batch.rows)?;
    let values = batch.buffer(place, 2)?;
    for (row, ends) in offsets.windows(2).enumerate() {
        let value = values.get(ends[0] as usize..).and_then(|rest| rest.get(..(ends[1] - ends[0]) as usize));
        let Some(value) = value else {
            return Err(batch.refused("Arrow offset", ends[1], &format!("0 to {}", values.len())));
        };
        if !take((outer.has(row) && inner.has(row)).then_some(value))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Numbers of an array, a byte or more each.
fn numbers<R: Read + Seek>(
    batch: &mut Reader<R>,
    element: Element,
    place: Place,
    range: std::ops::Range<usize>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = batch.buffer(place, 1)?;
    let width = element.width();
    let held = if element == Element::Bool { bytes.len().saturating_mul(8) } else { bytes.len() / width };
    if range.end > held {
        return Err(batch.refused("numbers of an Arrow array", held, &format!("{} or more", range.end)));
    }
    if element == Element::Bool {
        return Ok(range.map(|at| bytes[at / 8] >> (at % 8) & 1).collect());
    }
    bytes.truncate(range.end * width);
    bytes.drain(..range.start * width);
    Ok(bytes)
}
