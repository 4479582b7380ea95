//! Parquet: a column of encoded images, as Hugging Face stores them, a column of lists of numbers, or columns of numbers,
//! in one file or in several.
//!
//! A reader of its own, of the little that this needs: the crate `parquet` (60.1) panics on 105 of the single-byte
//! changes of five small files, and takes nearly two CPU minutes to compile. Read are columns of bytes and numbers, plain,
//! split, by differences or by dictionary, in pages of either version, not compressed or by Snappy, gzip, Brotli, LZ4 or Zstandard; row
//! group by row group. Memory holds a page and its unpacked form, 1 GiB each at most, and a row; columns of numbers meet
//! in a temporary file.
//!
//! Parquet's checksums are optional, and checked where they are.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use footer::Footer;
use lists::{Lists, narrowed};
use schema::Leaf;

use crate::element::Element;
use crate::error::Error;
use crate::files::has_suffix as ends_in;
use crate::formats::table::{
    self, Column, Holds, NumberRows, Table, TakeImage, check_ratio, common, interleave, widened,
};
use crate::options::Request;
use crate::pipeline::Leftovers;
use crate::rows::read_exact_at;
use crate::set::DataSet;
use crate::spool;

mod delta;
mod footer;
mod header;
mod lists;
mod pages;
mod schema;
mod thrift;
mod unpack;
mod values;

/// Numbers of a column converted at a time.
const TOGETHER: usize = 1 << 13;

/// Whether a file begins like parquet.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.starts_with(footer::MAGIC)
}

/// Whether a name promises parquet.
pub(crate) fn has_suffix(name: &str) -> bool {
    ends_in(name, &["parquet"])
}

/// Reads the images or the numbers of one file.
///
/// The column of images is the only one that is a structure with a column `bytes`, else the only one of plain bytes. A file
/// without such columns has its only column of lists as rows (of several, the only one of lists of more than one entry),
/// else all its columns of numbers side by side, but those named like labels. The option `array` names one column. A null
/// in place of an image counts as a corrupt one; in place of a number it is an error.
///
/// # Errors
/// * `Kind::Choose` — no column that is read; several; none of the name
/// * `Kind::Damaged`, `Kind::Unpack` — a damaged file, or encodings that are not read
/// * `Kind::Damaged` — a promise of more than 1032 times the file's bytes
/// * `Kind::Mixed` — lists of different lengths; `Kind::Value` — a null or an empty list
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub fn read(input: impl Read + Seek + Send, request: &Request) -> Result<DataSet, Error> {
    table::read::<Parquet>(input, request)
}

/// Reads the files of a folder in the order given, those of one split.
///
/// # Arguments
/// * `files` — paths relative to the folder
/// * `leftovers` — what else the folder holds
///
/// # Errors
/// `Kind::NoSplit`; those of [`read`], by file.
pub(crate) fn open(files: Vec<PathBuf>, leftovers: Leftovers, request: &Request) -> Result<DataSet, Error> {
    table::open::<Parquet>(files, leftovers, request)
}

/// What a footer says of the columns.
struct Parquet {
    columns: Vec<Column>,
    /// Where the values of each column lie that is read.
    leaves: Vec<Option<Leaf>>,
    rows: u64,
    length: u64,
}

impl Parquet {
    /// Where the values of a column lie, and what its numbers are.
    fn leaf(&self, column: usize, path: &Path) -> Result<(&Leaf, Element), Error> {
        let column = (&self.columns[column], self.leaves[column].as_ref());
        let (of, Some(leaf)) = column else { return Err(Error::no_array(path, &column.0.name, &[])) };
        let element = of.number().unwrap_or(Element::U8);
        Ok((leaf, element))
    }

    /// Appends the numbers of a column to a file, as a type that has all of them.
    fn stage(
        &self,
        column: usize,
        chunks: &[footer::Chunk],
        to: Element,
        input: &mut (impl Read + Seek),
        file: &mut impl Write,
        (path, rows): (&Path, &NumberRows),
    ) -> Result<(), Error> {
        let (leaf, element) = self.leaf(column, path)?;
        let (mut stored, mut kept, mut wide) = (Vec::new(), Vec::new(), Vec::new());
        let mut done = 0_u64;
        let mut flush = |stored: &mut Vec<u8>, after: u64| {
            element.convert(stored, &mut kept).map_err(|(at, value)| {
                let row = after - (stored.len() / element.width() - at) as u64;
                Error::no_double(path, row, column as u64, &value)
            })?;
            wide.clear();
            widened(element.kept(), to, &kept, &mut wide);
            stored.clear();
            file.write_all(&wide).map_err(Error::spooling)
        };
        let mut take = |_, value: Option<&[u8]>| {
            let value = value.ok_or_else(|| rows.missing(done, Some(&self.columns[column].name)))?;
            stored.extend_from_slice(narrowed(value, element, path)?);
            done += 1;
            if done.is_multiple_of(TOGETHER as u64) {
                flush(&mut stored, done)?;
            }
            Ok(true)
        };
        for chunk in chunks {
            pages::read(input, path, leaf, chunk, &mut take)?;
        }
        flush(&mut stored, done)
    }
}

impl Table for Parquet {
    const KIND: &'static str = "parquet";

    fn open(input: &mut (impl Read + Seek), path: &Path) -> Result<Self, Error> {
        let footer = Footer::read(input, path)?;
        let (mut columns, leaves): (Vec<_>, Vec<_>) = footer.columns()?.into_iter().unzip();
        let lists: Vec<usize> =
            (0..columns.len()).filter(|&index| matches!(columns[index].holds, Holds::Lists(..))).collect();
        let places: Vec<usize> =
            lists.iter().filter_map(|&index| leaves[index].map(|leaf: Leaf| leaf.index)).collect();
        let (rows, values) = footer.totals(&places)?;
        for (index, values) in lists.into_iter().zip(values) {
            let values = values.cast_unsigned();
            if let Holds::Lists(_, entries) = &mut columns[index].holds {
                *entries = (rows > 0 && values.is_multiple_of(rows)).then(|| values / rows);
            }
        }
        Ok(Self { columns, leaves, rows, length: footer.file_length() })
    }

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn images(
        &self,
        column: usize,
        input: &mut (impl Read + Seek),
        path: &Path,
        take: &mut TakeImage,
    ) -> Result<bool, Error> {
        let (leaf, _) = self.leaf(column, path)?;
        let footer = Footer::read(input, path)?;
        footer.check_images(self.rows)?;
        for chunk in footer.chunks(&[*leaf])?.iter().flatten() {
            if !pages::read(input, path, leaf, chunk, &mut |_, value| take(value))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lists(
        &self,
        column: usize,
        input: &mut (impl Read + Seek),
        path: &Path,
        rows: &mut NumberRows,
    ) -> Result<(), Error> {
        let (leaf, element) = self.leaf(column, path)?;
        let footer = Footer::read(input, path)?;
        let mut lists = Lists::new(path, element, leaf.repetition, rows);
        for chunk in footer.chunks(&[*leaf])?.iter().flatten() {
            lists.begin(chunk.rows);
            pages::read(input, path, leaf, chunk, &mut |level, value| {
                lists.take(level, value).map(|()| true)
            })?;
            lists.finish()?;
        }
        Ok(())
    }

    fn numbers(
        &self,
        columns: &[usize],
        input: &mut (impl Read + Seek),
        path: &Path,
        rows: &mut NumberRows,
    ) -> Result<(), Error> {
        let leaves = columns.iter().map(|&column| self.leaf(column, path)).collect::<Result<Vec<_>, _>>()?;
        let element = common(leaves.iter().map(|&(_, element)| element));
        let bytes = self.rows.saturating_mul((columns.len() * element.width()) as u64);
        check_ratio(path, bytes, self.length)?;
        spool::check_room(bytes.saturating_mul(2))?;
        let footer = Footer::read(input, path)?;
        let chunks = footer.chunks(&leaves.iter().map(|&(leaf, _)| *leaf).collect::<Vec<_>>())?;
        let mut staged = BufWriter::with_capacity(1 << 18, tempfile::tempfile().map_err(Error::spooling)?);
        for (&column, chunks) in columns.iter().zip(&chunks) {
            self.stage(column, chunks, element, input, &mut staged, (path, rows))?;
        }
        let staged: File = staged.into_inner().map_err(|e| Error::spooling(e.into_error()))?;
        let (count, width) = (self.rows as usize, element.width());
        let mut gather = |column: usize, first: usize, values: &mut [u8]| {
            let at = (column * count + first) as u64 * width as u64;
            read_exact_at(&staged, values, at).map_err(Error::spooling)
        };
        interleave(element, columns.len(), count, &mut gather, rows)
    }
}
