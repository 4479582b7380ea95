//! What the footer of a parquet file says: its columns, and where the parts of one of them lie.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::thrift::{Kind, Thrift, invalid};
use crate::error::Error;

/// First and last bytes of a file.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";
/// Longest footer.
const MAX_FOOTER: u64 = 64 << 20;
/// Largest number of columns and of groups of them.
const MAX_COLUMNS: usize = 10_000;
/// Deepest nesting of columns.
const MAX_DEPTH: usize = 32;

/// The physical type of bytes of any length.
const BYTE_ARRAY: i64 = 6;
const OPTIONAL: i64 = 1;
const REPEATED: i64 = 2;

/// A column that may hold images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Name of the column.
    pub name: String,
    /// Whether it is a structure with a column `bytes`, as Hugging Face stores images, or else plain bytes.
    pub structure: bool,
    /// Position of the bytes among all columns of values.
    pub leaf: usize,
    /// Definition level of a value that is there; lower ones are nulls.
    pub present: u8,
}

/// Values of a column in one row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Byte of the file where its pages begin.
    pub start: u64,
    /// Bytes of its pages.
    pub length: u64,
    /// Its rows.
    pub rows: u64,
    /// Compression, as parquet numbers them.
    pub codec: i64,
}

/// The footer, not yet understood, and the bytes before it.
pub(crate) struct Footer<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    /// Bytes of the file before the footer.
    data: u64,
}

impl<'a> Footer<'a> {
    /// Reads the end of a file.
    ///
    /// # Errors
    /// `Kind::Damaged` — no parquet file; `Kind::Damaged`; `Kind::Unreadable`.
    pub(crate) fn read(input: &mut (impl Read + Seek), path: &'a Path) -> Result<Self, Error> {
        let reading = || Error::reading(path);
        let length = input.seek(SeekFrom::End(0)).map_err(reading())?;
        if length < 12 {
            return Err(Error::short(path, 12, length));
        }
        let mut tail = [0; 8];
        input.seek(SeekFrom::Start(length - 8)).map_err(reading())?;
        input.read_exact(&mut tail).map_err(reading())?;
        let [a, b, c, d, magic @ ..] = tail;
        let refused = |at, field, found, allowed| Error::field(path, at, field, found, allowed);
        if magic != *MAGIC {
            let found = magic.escape_ascii().to_string();
            let allowed = "PAR1 (the file may have been cut short)".into();
            return Err(refused(length - 4, "last word of the parquet file", found, allowed));
        }
        let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
        let largest = MAX_FOOTER.min(length - 12);
        if footer > largest {
            let allowed = format!("0 to {largest}");
            return Err(refused(length - 8, "length of the parquet footer", footer.to_string(), allowed));
        }
        let data = length - 8 - footer;
        let mut bytes = vec![0; footer as usize];
        input.seek(SeekFrom::Start(data)).map_err(reading())?;
        input.read_exact(&mut bytes).map_err(reading())?;
        Ok(Self { path, bytes, data })
    }

    /// The columns that may hold images, and the names of all.
    ///
    /// # Errors
    /// `Kind::Unpack` — a schema that is none
    pub(crate) fn columns(&self) -> Result<(Vec<Column>, Vec<String>), Error> {
        let mut elements = Vec::new();
        self.parse(|thrift, number, kind| {
            if number != 2 {
                return Ok(false);
            }
            let (count, kind) = thrift.list(kind)?;
            for _ in 0..count {
                if elements.len() == MAX_COLUMNS {
                    return Err(invalid(format!("the schema has more than {MAX_COLUMNS} columns")));
                }
                elements.push(Element::read(thrift, kind)?);
            }
            Ok(true)
        })?;
        let broken = || invalid("the schema is no tree of columns".into());
        columns(&elements).ok_or_else(broken).map_err(Error::unpacking(self.path))
    }

    /// Where the values of a column lie, by row groups.
    ///
    /// # Errors
    /// `Kind::Unpack` — a row group that is none; `Kind::Damaged` — numbers that contradict each other
    pub(crate) fn chunks(&self, column: &Column) -> Result<Vec<Chunk>, Error> {
        let mut groups = Vec::new();
        let mut rows = None;
        self.parse(|thrift, number, kind| {
            match number {
                3 => rows = Some(thrift.int(kind)?),
                4 => {
                    let (count, kind) = thrift.list(kind)?;
                    for _ in 0..count {
                        groups.push(Group::read(thrift, kind, column.leaf)?);
                    }
                }
                8 => return Err(invalid("the file is encrypted".into())),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let chunks: Vec<Chunk> = groups.iter().map(|group| self.chunk(group)).collect::<Result<_, _>>()?;
        let refused =
            |field, found: u64, allowed| Err(Error::field(self.path, self.data, field, found, allowed));
        let total = chunks.iter().fold(0_u64, |n, chunk| n.saturating_add(chunk.rows));
        if rows != i64::try_from(total).ok() {
            return refused("rows of all parquet row groups", total, format!("{}", rows.unwrap_or(0)));
        }
        // An image takes more than a byte: more rows than bytes are no data, and no work to begin.
        if total > self.data {
            return refused(
                "rows of all parquet row groups",
                total,
                format!("0 to {}, a byte each", self.data),
            );
        }
        Ok(chunks)
    }

    /// The place of a column in a row group, checked against the file.
    fn chunk(&self, group: &Group) -> Result<Chunk, Error> {
        let refused = |field, found: i64, allowed: String| {
            Err(Error::field(self.path, self.data, field, found, allowed))
        };
        let &Group { rows, kind, values, codec, length, data, dictionary } = group;
        if rows == 0 {
            return Ok(Chunk { start: 0, length: 0, rows: 0, codec });
        }
        if kind != BYTE_ARRAY {
            return refused("parquet column's type", kind, format!("{BYTE_ARRAY} (bytes)"));
        }
        if values != rows || rows < 0 {
            return refused(
                "parquet column's number of values",
                values,
                format!("{}, a row each", rows.max(0)),
            );
        }
        let start = if (4..data).contains(&dictionary) { dictionary } else { data };
        let end = self.data.cast_signed();
        if !(4..=end).contains(&start) {
            return refused("parquet column's first page", start, format!("4 to {end}"));
        }
        if !(0..=end - start).contains(&length) {
            return refused("parquet column's length", length, format!("0 to {}", end - start));
        }
        let [start, length, rows] = [start, length, rows].map(i64::cast_unsigned);
        Ok(Chunk { start, length, rows, codec })
    }

    /// Bytes of the file.
    pub(crate) fn file_length(&self) -> u64 {
        self.data + self.bytes.len() as u64 + 8
    }

    /// Goes through the fields of the footer.
    fn parse<'b>(
        &'b self,
        take: impl FnMut(&mut Thrift<&'b [u8]>, i64, Kind) -> io::Result<bool>,
    ) -> Result<(), Error> {
        Thrift::new(&self.bytes[..]).fields(take).map_err(Error::unpacking(self.path))
    }
}

/// A node of the schema, whose children follow it.
#[derive(Default)]
struct Element {
    name: String,
    kind: Option<i64>,
    repetition: i64,
    children: i64,
    /// Whether the bytes are said to be something else, such as text.
    annotated: bool,
}

impl Element {
    fn read<R: Read>(thrift: &mut Thrift<R>, kind: Kind) -> io::Result<Self> {
        let mut element = Self::default();
        thrift.structure(kind)?.fields(|thrift, number, kind| {
            match number {
                1 => element.kind = Some(thrift.int(kind)?),
                3 => element.repetition = thrift.int(kind)?,
                4 => element.name = thrift.text(kind)?,
                5 => element.children = thrift.int(kind)?,
                6 | 10 => {
                    element.annotated = true;
                    return Ok(false);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(element)
    }

    fn is_bytes(&self) -> bool {
        self.children == 0 && self.kind == Some(BYTE_ARRAY) && !self.annotated && self.repetition != REPEATED
    }
}

/// The columns of a schema, whose root comes first; nothing if it is no tree.
fn columns(elements: &[Element]) -> Option<(Vec<Column>, Vec<String>)> {
    let (mut found, mut names) = (Vec::new(), Vec::new());
    let (mut at, mut leaf) = (1, 0);
    for _ in 0..elements.first()?.children {
        let top = elements.get(at)?;
        names.push(top.name.clone());
        let level = |element: &Element| u8::from(element.repetition == OPTIONAL);
        let mut add = |structure, leaf, present| {
            found.push(Column { name: top.name.clone(), structure, leaf, present });
        };
        if top.is_bytes() {
            add(false, leaf, level(top));
        }
        at += 1;
        if top.children == 0 {
            leaf += 1;
        }
        for _ in 0..top.children {
            let child = elements.get(at)?;
            if child.name == "bytes" && child.is_bytes() && top.repetition != REPEATED {
                add(true, leaf, level(top) + level(child));
            }
            (at, leaf) = after(elements, at, leaf, MAX_DEPTH)?;
        }
    }
    (at == elements.len()).then_some((found, names))
}

/// Positions after a node and all below it, among the nodes and among the leaves.
fn after(elements: &[Element], at: usize, leaf: usize, depth: usize) -> Option<(usize, usize)> {
    let children = elements.get(at)?.children;
    let depth = depth.checked_sub(1)?;
    if children == 0 {
        return Some((at + 1, leaf + 1));
    }
    (0..children).try_fold((at + 1, leaf), |(at, leaf), _| after(elements, at, leaf, depth))
}

/// What a row group says of itself and of one column, unchecked.
struct Group {
    rows: i64,
    kind: i64,
    values: i64,
    codec: i64,
    length: i64,
    data: i64,
    dictionary: i64,
}

impl Group {
    fn read<R: Read>(thrift: &mut Thrift<R>, kind: Kind, leaf: usize) -> io::Result<Self> {
        let (mut rows, mut column) = (None, None);
        thrift.structure(kind)?.fields(|thrift, number, kind| {
            match number {
                1 => {
                    let (count, kind) = thrift.list(kind)?;
                    for index in 0..count {
                        if index == leaf as u64 {
                            column = Some(Self::read_column(thrift, kind)?);
                        } else {
                            thrift.pass(kind)?;
                        }
                    }
                }
                3 => rows = Some(thrift.int(kind)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let missing = || invalid("a row group lacks its rows or its column".into());
        Ok(Self { rows: rows.ok_or_else(missing)?, ..column.ok_or_else(missing)? })
    }

    /// A column, of which the rows are not known.
    fn read_column<R: Read>(thrift: &mut Thrift<R>, kind: Kind) -> io::Result<Self> {
        let mut found = [None; 11];
        thrift.structure(kind)?.fields(|thrift, number, kind| {
            match number {
                1 => return Err(invalid("a column lies in another file".into())),
                3 => thrift.structure(kind)?.fields(|thrift, number, kind| {
                    let Some(field) = usize::try_from(number - 1).ok().and_then(|at| found.get_mut(at))
                    else {
                        return Ok(false);
                    };
                    if matches!(number, 1 | 4 | 5 | 7 | 9 | 11) {
                        *field = Some(thrift.int(kind)?);
                        return Ok(true);
                    }
                    Ok(false)
                })?,
                8 => return Err(invalid("a column is encrypted".into())),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let [Some(kind), _, _, Some(codec), Some(values), _, Some(length), _, Some(data), _, dictionary] =
            found
        else {
            return Err(invalid("a column lacks its type, compression, size or place".into()));
        };
        Ok(Self { rows: 0, kind, values, codec, length, data, dictionary: dictionary.unwrap_or(0) })
    }
}
