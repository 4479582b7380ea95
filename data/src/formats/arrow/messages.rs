//! The messages of an Arrow file or stream: its schema, and where its record batches lie.
//!
//! # Format
//! ```text
//! stream   messages: u32 of ones, i32 length of the header, header (a flatbuffer), body; the end is a length of 0
//! file     "ARROW1" and two zeros, a stream, a footer, i32 its length, "ARROW1"
//! ```

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::flat::Table;
use super::schema::{Field, fields};
use crate::error::Error;

/// First bytes of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// First and last bytes of a file.
const MAGIC: &[u8; 6] = b"ARROW1";
/// Longest header of a message.
const MAX_HEADER: u64 = 64 << 20;

/// Kinds of messages.
const SCHEMA: i64 = 1;
const BATCH: i64 = 3;

/// Whether bytes begin like a file, or like a stream, whose first message is a schema.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
        || head.strip_prefix(&CONTINUATION[..]).is_some_and(|rest| {
            let message = rest.get(4..).and_then(Table::root);
            message.and_then(|message| message.int::<1>(1)) == Some(SCHEMA)
        })
}

/// A record batch, whose header has been seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// Byte of the file where its header begins.
    pub at: u64,
    /// Bytes of the header.
    pub header: usize,
    /// Bytes behind it.
    pub body: u64,
    pub rows: u64,
}

/// What a file holds.
pub(crate) struct Messages {
    pub fields: Vec<Field>,
    pub batches: Vec<Batch>,
    /// Bytes of the file.
    pub length: u64,
}

/// Goes through the headers of all messages.
///
/// # Errors
/// `Kind::Damaged` — a file that is cut short or contradicts itself; `Kind::Unreadable`
pub(crate) fn read(input: &mut (impl Read + Seek), path: &Path) -> Result<Messages, Error> {
    let reading = || Error::reading(path);
    let length = input.seek(SeekFrom::End(0)).map_err(reading())?;
    let mut walk = Walk { input, path, at: 0, end: length };
    if walk.bytes(6.min(length) as usize)? == *MAGIC {
        walk.frame(length)?;
    }
    let (mut schema, mut batches) = (None, Vec::new());
    while let Some((batch, header)) = walk.message()? {
        let broken = |what: &str| walk.refused(batch.at, "header of an Arrow message", "damaged", what);
        let message = Table::root(&header).ok_or_else(|| broken("a flatbuffer"))?;
        let kind = message.int::<1>(1).ok_or_else(|| broken("a flatbuffer"))?;
        if kind != SCHEMA && schema.is_none() {
            return Err(walk.refused(batch.at, "first Arrow message", kind, "1, a schema"));
        }
        let content = message.table(2).flatten();
        match kind {
            SCHEMA if schema.is_some() => {
                return Err(walk.refused(batch.at, "Arrow schema", "a second one", "one"));
            }
            SCHEMA => {
                let content = content.ok_or_else(|| broken("a schema"))?;
                if content.int::<2>(0).ok_or_else(|| broken("a schema"))? != 0 {
                    return Err(walk.refused(batch.at, "Arrow byte order", "big-endian", "little-endian"));
                }
                schema = Some(fields(content).ok_or_else(|| broken("fields of known types"))?);
            }
            BATCH => {
                let count = content.and_then(|content| content.int::<8>(0)).unwrap_or(-1);
                let rows = u64::try_from(count).map_err(|_| broken("a number of rows"))?;
                batches.push(Batch { rows, ..batch });
            }
            _ => {}
        }
    }
    let missing = || Error::short(path, length + 8, length);
    Ok(Messages { fields: schema.ok_or_else(missing)?, batches, length })
}

/// The header of a batch, as it has been seen.
pub(crate) fn header(input: &mut (impl Read + Seek), batch: &Batch, path: &Path) -> Result<Vec<u8>, Error> {
    let mut header = vec![0; batch.header];
    let read = input.seek(SeekFrom::Start(batch.at)).and_then(|_| input.read_exact(&mut header));
    read.map(|()| header).map_err(Error::reading(path))
}

struct Walk<'a, R> {
    input: &'a mut R,
    path: &'a Path,
    /// Byte of the file where the next message begins.
    at: u64,
    /// Where the last one ends.
    end: u64,
}

impl<R: Read + Seek> Walk<'_, R> {
    /// Finds the stream in a file.
    fn frame(&mut self, length: u64) -> Result<(), Error> {
        if length < 24 {
            return Err(Error::short(self.path, 24, length));
        }
        self.at = length - 10;
        let tail = self.bytes(10)?;
        let (footer, magic) = tail.split_at(4);
        if magic != MAGIC {
            let allowed = "ARROW1 (the file may have been cut short)";
            return Err(self.refused(
                length - 6,
                "last word of the Arrow file",
                magic.escape_ascii(),
                allowed,
            ));
        }
        let footer = footer.iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte));
        let largest = length - 18;
        if footer > largest {
            let allowed = format!("0 to {largest}");
            return Err(self.refused(length - 10, "length of the Arrow footer", footer, &allowed));
        }
        (self.at, self.end) = (8, length - 10 - footer);
        Ok(())
    }

    /// The next message: where it lies, and its header.
    fn message(&mut self) -> Result<Option<(Batch, Vec<u8>)>, Error> {
        let start = self.at;
        if start == self.end {
            return Ok(None);
        }
        if self.end - start < 8 {
            return Err(Error::short(self.path, start + 8, self.end));
        }
        let head = self.bytes(8)?;
        let (word, size) = head.split_at(4);
        if word != CONTINUATION {
            return Err(self.refused(
                start,
                "first word of an Arrow message",
                format!("{word:02x?}"),
                "[ff, ff, ff, ff]",
            ));
        }
        let size = size.iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte));
        if size == 0 {
            return Ok(None);
        }
        let at = start + 8;
        if size > MAX_HEADER {
            return Err(self.refused(
                start + 4,
                "length of an Arrow header",
                size,
                &format!("0 to {MAX_HEADER}"),
            ));
        }
        if size > self.end - at {
            return Err(Error::short(self.path, at + size, self.end));
        }
        self.at = at;
        let header = self.bytes(size as usize)?;
        let body = Table::root(&header).and_then(|message| message.int::<8>(3)).unwrap_or(-1);
        let left = self.end - at - size;
        let Ok(body) = u64::try_from(body) else {
            return Err(self.refused(at, "length of an Arrow body", body, &format!("0 to {left}")));
        };
        if body > left {
            return Err(Error::short(self.path, (at + size).saturating_add(body), self.end));
        }
        self.at = at + size + body;
        Ok(Some((Batch { at, header: size as usize, body, rows: 0 }, header)))
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; count];
        let read: io::Result<()> =
            self.input.seek(SeekFrom::Start(self.at)).and_then(|_| self.input.read_exact(&mut bytes));
        read.map(|()| bytes).map_err(Error::reading(self.path))
    }

    fn refused(&self, at: u64, field: &str, found: impl std::fmt::Display, allowed: &str) -> Error {
        Error::field(self.path, at, field, found, allowed)
    }
}
