//! What the footer of a parquet file says: its columns, and where the parts of some of them lie.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::schema::{self, Leaf, Node};
use super::thrift::{Kind, Thrift, invalid};
use crate::error::Error;
use crate::formats::table::Column;

/// First and last bytes of a file.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";
/// Longest footer.
const MAX_FOOTER: u64 = 64 << 20;
/// Largest number of columns and of groups of them.
const MAX_COLUMNS: usize = 10_000;

/// Values of a column in one row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Byte of the file where its pages begin.
    pub start: u64,
    /// Bytes of its pages.
    pub length: u64,
    /// Its rows.
    pub rows: u64,
    /// Its values, nulls and empty lists.
    pub values: u64,
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

    /// The columns, and where the values lie of those that are read.
    ///
    /// # Errors
    /// `Kind::Unpack` — a schema that is none
    pub(crate) fn columns(&self) -> Result<Vec<(Column, Option<Leaf>)>, Error> {
        let mut nodes = Vec::new();
        self.parse(|thrift, number, kind| {
            if number != 2 {
                return Ok(false);
            }
            let (count, kind) = thrift.list(kind)?;
            for _ in 0..count {
                if nodes.len() == MAX_COLUMNS {
                    return Err(invalid(format!("the schema has more than {MAX_COLUMNS} columns")));
                }
                nodes.push(Node::read(thrift, kind)?);
            }
            Ok(true)
        })?;
        let broken = || invalid("the schema is no tree of columns".into());
        schema::columns(&nodes).ok_or_else(broken).map_err(Error::unpacking(self.path))
    }

    /// Rows of all row groups, and the values of each of some leaves.
    ///
    /// # Arguments
    /// * `leaves` — their positions, rising
    ///
    /// # Errors
    /// As [`Self::chunks`].
    pub(crate) fn totals(&self, leaves: &[usize]) -> Result<(u64, Vec<i64>), Error> {
        let (rows, groups) = self.groups(leaves)?;
        let mut values = vec![0_i64; leaves.len()];
        for group in &groups {
            values
                .iter_mut()
                .zip(&group.parts)
                .for_each(|(sum, part)| *sum = sum.saturating_add(part.values));
        }
        Ok((rows, values))
    }

    /// Where the values of some leaves lie, by row groups.
    ///
    /// # Errors
    /// `Kind::Unpack` — a row group that is none; `Kind::Damaged` — numbers that contradict each other
    pub(crate) fn chunks(&self, leaves: &[Leaf]) -> Result<Vec<Vec<Chunk>>, Error> {
        let mut wanted: Vec<usize> = leaves.iter().map(|leaf| leaf.index).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (_, groups) = self.groups(&wanted)?;
        let of = |leaf: &Leaf| {
            let place = wanted.partition_point(|&index| index < leaf.index);
            groups.iter().map(|group| self.chunk(leaf, group.rows, &group.parts[place])).collect()
        };
        leaves.iter().map(of).collect()
    }

    /// Rows of all groups, which is what the file says, and what the groups say of some leaves.
    fn groups(&self, leaves: &[usize]) -> Result<(u64, Vec<Group>), Error> {
        let mut groups = Vec::new();
        let mut rows = None;
        self.parse(|thrift, number, kind| {
            match number {
                3 => rows = Some(thrift.int(kind)?),
                4 => {
                    let (count, kind) = thrift.list(kind)?;
                    for _ in 0..count {
                        groups.push(Group::read(thrift, kind, leaves)?);
                    }
                }
                8 => return Err(invalid("the file is encrypted".into())),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let total =
            groups.iter().try_fold(0_i64, |n, group| n.checked_add(group.rows).filter(|_| group.rows >= 0));
        let Some(total) = total.filter(|&total| rows == Some(total)) else {
            let found = groups.iter().fold(0_i64, |n, group| n.saturating_add(group.rows));
            let allowed = rows.unwrap_or(0);
            return Err(Error::field(self.path, self.data, "rows of all parquet row groups", found, allowed));
        };
        Ok((total.cast_unsigned(), groups))
    }

    /// Refuses more rows than bytes: an image takes more than one, so these are no data, and no work to begin.
    pub(crate) fn check_images(&self, rows: u64) -> Result<(), Error> {
        if rows <= self.data {
            return Ok(());
        }
        let allowed = format!("0 to {}, a byte each", self.data);
        Err(Error::field(self.path, self.data, "rows of all parquet row groups", rows, allowed))
    }

    /// The place of a column in a row group, checked against the file.
    fn chunk(&self, leaf: &Leaf, rows: i64, part: &Part) -> Result<Chunk, Error> {
        let refused = |field, found: i64, allowed: String| {
            Err(Error::field(self.path, self.data, field, found, allowed))
        };
        let &Part { kind, values, codec, length, data, dictionary } = part;
        if rows == 0 {
            return Ok(Chunk { start: 0, length: 0, rows: 0, values: 0, codec });
        }
        if kind != leaf.kind {
            return refused("parquet column's type", kind, format!("{}, that of its schema", leaf.kind));
        }
        if leaf.repetition == 0 && values != rows {
            return refused("parquet column's number of values", values, format!("{rows}, a row each"));
        }
        if values < rows {
            return refused("parquet column's number of values", values, format!("{rows} or more, its rows"));
        }
        let start = if (4..data).contains(&dictionary) { dictionary } else { data };
        let end = self.data.cast_signed();
        if !(4..=end).contains(&start) {
            return refused("parquet column's first page", start, format!("4 to {end}"));
        }
        if !(0..=end - start).contains(&length) {
            return refused("parquet column's length", length, format!("0 to {}", end - start));
        }
        let [start, length, rows, values] = [start, length, rows, values].map(i64::cast_unsigned);
        Ok(Chunk { start, length, rows, values, codec })
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

/// What a row group says of itself and of some columns, unchecked.
struct Group {
    rows: i64,
    parts: Vec<Part>,
}

/// What a row group says of a column.
struct Part {
    kind: i64,
    values: i64,
    codec: i64,
    length: i64,
    data: i64,
    dictionary: i64,
}

impl Group {
    fn read<R: Read>(thrift: &mut Thrift<R>, kind: Kind, leaves: &[usize]) -> io::Result<Self> {
        let (mut rows, mut parts) = (None, Vec::new());
        thrift.structure(kind)?.fields(|thrift, number, kind| {
            match number {
                1 => {
                    let (count, kind) = thrift.list(kind)?;
                    for index in 0..count {
                        if leaves.get(parts.len()).is_some_and(|&leaf| leaf as u64 == index) {
                            parts.push(Part::read(thrift, kind)?);
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
        match rows {
            Some(rows) if parts.len() == leaves.len() => Ok(Self { rows, parts }),
            _ => Err(invalid("a row group lacks its rows or its column".into())),
        }
    }
}

impl Part {
    fn read<R: Read>(thrift: &mut Thrift<R>, kind: Kind) -> io::Result<Self> {
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
        Ok(Self { kind, values, codec, length, data, dictionary: dictionary.unwrap_or(0) })
    }
}
