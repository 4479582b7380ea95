//! Numbers of tables on their way into rows of one shape and one type, from one file or several.

use std::path::{Path, PathBuf};

use crate::element::Element;
use crate::error::{Error, Kind};
use crate::escape;
use crate::layout::{Layout, MAX_ROW};
use crate::names::Names;
use crate::options::{DEFLATE_RATIO, Request};
use crate::set::DataSet;
use crate::spool;
use crate::writer::RowWriter;

/// Rows of numbers that come in order.
pub(crate) struct NumberRows<'a> {
    request: &'a Request<'a>,
    /// Rows that the files promise.
    total: u64,
    first: Option<First<'a>>,
    names: Names,
    file: InFile,
    done: u64,
    converted: Vec<u8>,
}

/// What the first row sets for all.
struct First<'a> {
    name: String,
    /// A type that is kept.
    element: Element,
    shape: Vec<usize>,
    writer: RowWriter<'a>,
}

/// The file that is being read.
#[derive(Default)]
struct InFile {
    path: PathBuf,
    name: String,
    length: u64,
    rows: u64,
    /// Bytes of its rows.
    bytes: u64,
}

impl<'a> NumberRows<'a> {
    pub(crate) fn new(total: u64, request: &'a Request<'a>) -> Self {
        let (names, file) = (Names::default(), InFile::default());
        Self { request, total, first: None, names, file, done: 0, converted: Vec::new() }
    }

    /// From now on rows come from a file of `length` bytes.
    pub(crate) fn begin(&mut self, path: &Path, name: &str, length: u64) {
        self.end();
        self.file = InFile { path: path.into(), name: name.into(), length, ..InFile::default() };
    }

    fn end(&mut self) {
        if self.file.rows > 0 {
            self.names.push_records(&self.file.name, self.file.rows as usize);
        }
    }

    /// Rows taken from the file.
    pub(crate) fn in_file(&self) -> u64 {
        self.file.rows
    }

    /// Most bytes of a row of the file: what it can stand for, and no more than rows may have.
    pub(crate) fn longest(&self) -> usize {
        self.file.length.saturating_mul(DEFLATE_RATIO).min(MAX_ROW) as usize
    }

    /// Refuses more entries than the file can stand for, before they are converted.
    pub(crate) fn check_entries(&self, entries: usize, element: Element) -> Result<(), Error> {
        let bytes = (entries as u64).saturating_mul(element.kept().width() as u64);
        check_ratio(&self.file.path, self.file.bytes.saturating_add(bytes), self.file.length)
    }

    /// Takes whole rows of one shape, little-endian.
    ///
    /// # Errors
    /// `Kind::Mixed` — another shape or type than the first row; `Kind::Damaged` — rows too long, or more than the file
    /// can hold; `Kind::Value`; `Kind::Room`.
    pub(crate) fn push(&mut self, element: Element, shape: &[usize], values: &[u8]) -> Result<(), Error> {
        self.expect(element, shape)?;
        let Some(First { writer, .. }) = &mut self.first else { return Ok(()) };
        let dim: usize = shape.iter().product();
        element.convert(values, &mut self.converted).map_err(|(at, value)| {
            let (row, column) = (self.file.rows + (at / dim) as u64, (at % dim) as u64);
            Error::no_double(&self.file.path, row, column, &value)
        })?;
        let rows = (values.len() / element.width() / dim) as u64;
        self.file.bytes += self.converted.len() as u64;
        check_ratio(&self.file.path, self.file.bytes, self.file.length)?;
        writer.take(&mut self.converted)?;
        self.file.rows += rows;
        let before = self.done;
        self.done += rows;
        if before / 64 != self.done / 64 {
            (self.request.progress)(self.done, Some(self.total));
        }
        Ok(())
    }

    /// Checks that the rows that come next are like the first.
    fn expect(&mut self, element: Element, shape: &[usize]) -> Result<(), Error> {
        if let Some(first) = &self.first {
            if first.element == element.kept() && first.shape == shape {
                return Ok(());
            }
            let of = |element: Element, shape| format!("{} {}", element.name(), product(shape));
            let kinds = [of(first.element, &first.shape), of(element, shape)];
            return Err(Error::mixed((&first.name, &kinds[0]), (&self.name(self.file.rows), &kinds[1])));
        }
        let sizes: Vec<u64> =
            [self.total.max(1)].into_iter().chain(shape.iter().map(|&n| n as u64)).collect();
        let request = Request { path: &self.file.path, ..*self.request };
        let layout = Layout::new(element.kept(), &sizes, &request)?;
        spool::check_room(layout.bytes())?;
        let writer = RowWriter::new(layout.element, false, shape, self.request)?;
        let name = self.name(self.file.rows);
        self.first = Some(First { name, element: element.kept(), shape: shape.to_vec(), writer });
        Ok(())
    }

    /// A row of the file whose lists are of another size than those before.
    pub(crate) fn uneven(&self, (row, own): (u64, Vec<usize>), expected: &[usize]) -> Error {
        Error::mixed((&self.name(0), &product(expected)), (&self.name(row), &product(&own)))
    }

    /// A row of the file whose lists differ in length among each other.
    pub(crate) fn ragged(&self, row: u64) -> Error {
        let text = format!("{} has lists of different lengths", escape::one_line(&self.name(row)));
        Error::new(Kind::Mixed, self.name(row), text)
    }

    /// A row of the file without numbers: in a column, where there are several.
    pub(crate) fn missing(&self, row: u64, column: Option<&str>) -> Error {
        let place = column.map_or_else(String::new, |name| format!(", column {}", escape::one_line(name)));
        let what = if column.is_some() { "a null" } else { "a null or an empty list" };
        let text = format!("{}{place} is {what}, not numbers", escape::one_line(&self.name(row)));
        Error::new(Kind::Value, self.name(row), text)
    }

    fn name(&self, row: u64) -> String {
        format!("{}#{row}", self.file.name)
    }

    /// The rows of all files.
    ///
    /// # Errors
    /// `Kind::Empty` — none; `Kind::Room`.
    pub(crate) fn finish(mut self) -> Result<DataSet, Error> {
        self.end();
        let first = self.first.ok_or_else(|| Error::no_rows(self.request.path))?;
        (self.request.progress)(self.done, Some(self.done));
        Ok(DataSet { names: self.names, ..first.writer.finish()? })
    }
}

fn product(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// Refuses more bytes of values than a file of some length can stand for.
pub(crate) fn check_ratio(path: &Path, bytes: u64, length: u64) -> Result<(), Error> {
    if bytes > length.saturating_mul(DEFLATE_RATIO) {
        return Err(Error::ratio(path, bytes, length, DEFLATE_RATIO));
    }
    Ok(())
}
