//! Matrices as text: CSV with commas, semicolons or tabs, and columns between spaces as `numpy.savetxt` writes them.
//!
//! A line is a row. The first line may be a header: one with a cell that is no number. Lines that are blank or begin
//! with `#` are passed over. Memory holds a line.

use std::io::{BufRead, BufReader, Read};

use cells::Separator;
use narrow::NarrowWriter;

use crate::choose::is_label;
use crate::error::{Error, Kind};
use crate::escape::{one_line, path as shown};
use crate::files;
use crate::options::Request;
use crate::set::DataSet;

mod cells;
mod narrow;

/// Longest line.
const MAX_LINE: u64 = 64 << 20;
/// Rows between two words of progress.
const REPORTED: u64 = 4096;
/// Columns left out that are named in the notes.
const NAMED: usize = 8;
/// Whether a file begins like a matrix of text.
///
/// # Arguments
/// * `head` — its first bytes
/// * `named` — whether its name promises a matrix, so that one column is enough
pub(crate) fn is_header(head: &[u8], named: bool) -> bool {
    let head = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may have been cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    if head.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return false;
    }
    let head = head.trim_start_matches('\u{feff}');
    let mut lines = head.split_inclusive('\n').filter(|line| is_row(line));
    let Some(first) = lines.next() else { return head.starts_with('#') };
    let separator = Separator::of(first);
    let columns = separator.cells(first.trim_end()).count();
    if columns == 1 && !named {
        return false;
    }
    is_numbers(first, separator)
        || lines.next().map_or(!first.ends_with('\n'), |second| is_numbers(second, separator))
}

/// Whether a name promises a matrix of text, perhaps compressed.
pub(crate) fn has_suffix(name: &str) -> bool {
    let promises = |name: &str| files::has_suffix(name, &["csv", "tsv", "txt", "dat"]);
    promises(name) || name.rsplit_once('.').is_some_and(|(packed, _)| promises(packed))
}

/// Reads a matrix: every line a row, every column an entry.
///
/// Numbers are the doubles nearest to what is written. Rows are bytes if all values are whole numbers from 0 to 255,
/// in single precision if all values are such numbers, else in double precision. Of a matrix with a header, columns
/// named like labels are left out (y not beside x), and a first column without a name, which is an index.
///
/// # Errors
/// * `Kind::Unknown` — text that is no matrix
/// * `Kind::Damaged` — a cell that is no number, a line with more or fewer cells than the first, or of over 64 MiB
/// * `Kind::Value` — a NaN or an infinity
/// * `Kind::Option` — a size or crop asked for
/// * `Kind::Unpack`, `Kind::Room`
pub fn read(input: impl Read, request: &Request) -> Result<DataSet, Error> {
    let unknown = || Error::unknown(request.path, "is text, but its first lines are no rows of numbers");
    let mut lines = Lines { input: BufReader::new(input), buffer: Vec::new(), number: 0, request };
    let Some(first) = lines.next()? else { return Err(unknown()) };
    let mut table = Table::of(first.text, request)?;
    let mut next = if table.header.is_some() { lines.next()? } else { Some(first) };
    if !next.as_ref().is_some_and(|line| is_numbers(line.text, table.separator)) {
        return Err(unknown());
    }
    let mut writer = NarrowWriter::new(table.columns - table.left_out.len(), request)?;
    let mut rows = 0_u64;
    while let Some(line) = next {
        writer.take(table.row(&line)?)?;
        rows += 1;
        if rows.is_multiple_of(REPORTED) {
            (request.progress)(rows, None);
        }
        next = lines.next()?;
    }
    let (mut data, bytes) = writer.finish()?;
    data.notes.extend(table.notes());
    if bytes {
        data.notes.push("whole numbers from 0 to 255 are taken for pixels".into());
    }
    data.ranged(request)?.unfitted(request)
}

/// Whether a line is neither blank nor a comment.
fn is_row(line: &str) -> bool {
    !matches!(line.trim_ascii_start().bytes().next(), None | Some(b'#'))
}

/// Whether most cells of a line are numbers.
fn is_numbers(line: &str, separator: Separator) -> bool {
    let (numbers, all) = separator
        .cells(line.trim_end())
        .fold((0, 0), |(numbers, all), cell| (numbers + usize::from(cell.parse::<f64>().is_ok()), all + 1));
    2 * numbers > all
}

/// A line with its number, which counts from 1.
struct Line<'a> {
    number: u64,
    text: &'a str,
}

/// The lines of a file that are rows, and before them the header.
struct Lines<'a, R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
    request: &'a Request<'a>,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<Line<'_>>, Error> {
        let path = self.request.path;
        loop {
            self.buffer.clear();
            self.number += 1;
            let mut rest = (&mut self.input).take(MAX_LINE + 1);
            let read = rest.read_until(b'\n', &mut self.buffer).map_err(Error::unpacking(path))?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 > MAX_LINE {
                let text = format!("more than the {MAX_LINE} bytes allowed for a line");
                return Err(damaged(self.request, self.number, &text));
            }
            // A mark of byte order, as spreadsheets begin their text.
            if self.number == 1 && self.buffer.starts_with("\u{feff}".as_bytes()) {
                self.buffer.drain(..3);
            }
            let end = self.buffer.trim_ascii_end().len();
            let start = self.buffer.len() - self.buffer.trim_ascii_start().len();
            if start < end && self.buffer[start] != b'#' {
                break;
            }
        }
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some(Line { number: self.number, text })),
            Err(error) => {
                let text = format!("byte {} is no text in UTF-8", error.valid_up_to() + 1);
                Err(damaged(self.request, self.number, &text))
            }
        }
    }
}

/// What the first line says, and the values of a row.
struct Table<'a> {
    separator: Separator,
    /// The first line, if it names the columns.
    header: Option<String>,
    /// Whether it does so by numbers.
    counted: bool,
    /// Number of columns, with those left out.
    columns: usize,
    /// Columns that are no entries, in order.
    left_out: Vec<usize>,
    values: Vec<f64>,
    request: &'a Request<'a>,
}

impl<'a> Table<'a> {
    fn of(first: &str, request: &'a Request<'a>) -> Result<Self, Error> {
        let separator = Separator::of(first);
        let (mut columns, mut left_out, mut numbers, mut counted) = (0, Vec::new(), true, true);
        let coordinates = separator.cells(first).any(|name| name.eq_ignore_ascii_case("x"));
        for name in separator.cells(first) {
            numbers &= name.parse::<f64>().is_ok();
            counted &= name.parse() == Ok(columns);
            let beside = is_label(name) && !(coordinates && name.eq_ignore_ascii_case("y"));
            if beside || (columns, name) == (0, "") {
                left_out.push(columns);
            }
            columns += 1;
        }
        // A data frame without names of its columns is written with their numbers: 0, 1, 2, ...
        counted &= separator != Separator::Space && columns > 2;
        if let Some(wanted) = &request.options.array {
            let names: Vec<String> = separator.cells(first).map(str::to_owned).collect();
            let chosen = names.iter().position(|name| name == wanted && !numbers);
            let Some(chosen) = chosen else {
                let names = if numbers { Vec::new() } else { names };
                return Err(Error::no_array(request.path, wanted, &names));
            };
            left_out = (0..columns).filter(|&column| column != chosen).collect();
        }
        if columns == left_out.len() {
            let text = "every column is named like labels, none is left for the rows";
            return Err(at_line(Kind::Choose, request, 1, text));
        }
        let header = (!numbers || counted).then(|| first.to_owned());
        Ok(Self { separator, header, counted, columns, left_out, values: Vec::new(), request })
    }

    /// The entries of a row.
    fn row(&mut self, line: &Line) -> Result<&[f64], Error> {
        self.values.clear();
        let (mut found, mut left_out) = (0, self.left_out.iter().peekable());
        for (column, cell) in self.separator.cells(line.text).enumerate() {
            found += 1;
            if left_out.next_if_eq(&&column).is_some() {
                continue;
            }
            let text = |what: &str| {
                let cell: String = cell.chars().take(40).collect();
                format!("column {}{} is {cell:?}, {what}", column + 1, self.named(column))
            };
            match cell.parse::<f64>() {
                Ok(value) if value.is_finite() => self.values.push(value),
                Ok(_) => {
                    let text = text("not a finite number");
                    return Err(at_line(Kind::Value, self.request, line.number, &text));
                }
                Err(_) => return Err(damaged(self.request, line.number, &text("not a number"))),
            }
        }
        if found != self.columns {
            let text = format!("{found} cells, the first line has {}", self.columns);
            return Err(damaged(self.request, line.number, &text));
        }
        Ok(&self.values)
    }

    /// The name of a column in brackets, if it has one.
    fn named(&self, column: usize) -> String {
        let name = self.header.as_deref().and_then(|header| self.separator.cells(header).nth(column));
        name.map_or(String::new(), |name| format!(" ({})", name.chars().take(40).collect::<String>()))
    }

    /// What to say of the header.
    fn notes(&self) -> Vec<String> {
        let Some(header) = &self.header else { return Vec::new() };
        let mut notes = Vec::new();
        if self.counted {
            notes.push("the first line counts from 0 and is taken for the names of the columns".into());
        }
        let mut left_out = self.left_out.iter().peekable();
        let names = self.separator.cells(header).enumerate();
        let names = names.filter(|(column, _)| left_out.next_if_eq(&column).is_some());
        let shown: Vec<_> = names
            .map(
                |(_, name)| if name.is_empty() { "the first, without a name".into() } else { one_line(name) },
            )
            .take(NAMED)
            .collect();
        if !shown.is_empty() {
            let more = if self.left_out.len() > NAMED { ", …" } else { "" };
            notes.push(format!("columns left out: {}{more}", shown.join(", ")));
        }
        notes
    }
}

fn damaged(request: &Request, line: u64, text: &str) -> Error {
    at_line(Kind::Damaged, request, line, text)
}

fn at_line(kind: Kind, request: &Request, line: u64, text: &str) -> Error {
    let text = format!("{}, line {line}: {}", shown(request.path), one_line(text));
    Error::new(kind, request.path, text)
}
