//! The values of one column in one row group: pages of levels and bytes, unpacked one at a time.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;

use super::delta::Delta;
use super::footer::Chunk;
use super::header::{DATA, DATA_V2, DICTIONARY, Header};
use super::schema::{Leaf, Stored};
use super::thrift::Thrift;
use super::unpack::{Fault, READ, unpack};
use super::values::{Dictionary, Hybrid, Plain, Values, joined};
use crate::error::Error;

/// Largest page, unpacked: some writers put a thousand images into one.
const MAX_PAGE: u64 = 1 << 30;

const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RLE: i64 = 3;
const DELTA_BINARY_PACKED: i64 = 5;
const RLE_DICTIONARY: i64 = 8;
const BYTE_STREAM_SPLIT: i64 = 9;

/// Takes a repetition level and a value, or nothing for a null or an empty list, and says whether to go on.
pub(crate) type Take<'a> = dyn FnMut(u8, Option<&[u8]>) -> Result<bool, Error> + 'a;

/// Passes the values of a row group on, in order; whether to go on.
///
/// # Errors
/// * `Kind::Unpack` — a header or compressed page that is none
/// * `Kind::Damaged` — numbers that contradict each other, encodings and compressions that are not read
/// * `Kind::Unreadable`; those of `take`
pub(crate) fn read(
    input: &mut (impl Read + Seek),
    path: &Path,
    leaf: &Leaf,
    chunk: &Chunk,
    take: &mut Take,
) -> Result<bool, Error> {
    input.seek(SeekFrom::Start(chunk.start)).map_err(Error::reading(path))?;
    let mut rest = BufReader::with_capacity(1 << 17, input).take(chunk.length);
    let mut dictionary = None;
    let mut left = chunk.values;
    while left > 0 {
        let at = chunk.start + chunk.length - rest.limit();
        let header = Header::read(&mut Thrift::new(&mut rest)).map_err(Error::unpacking(path))?;
        let mut page = Page { path, at, codec: chunk.codec, header, bytes: Vec::new() };
        page.fill(&mut rest)?;
        match page.header.kind {
            DICTIONARY if dictionary.is_some() => {
                return Err(page.refused("parquet page's type", "a second dictionary", "one"));
            }
            DICTIONARY => dictionary = Some(page.dictionary(leaf)?),
            DATA | DATA_V2 => {
                left -= page.check_values(left)?;
                if !page.values(leaf, dictionary.as_ref(), take)? {
                    return Ok(false);
                }
            }
            // Pages of an index.
            _ => {}
        }
    }
    Ok(true)
}

/// What a data page holds.
struct Parts {
    repetition: Vec<u8>,
    definition: Vec<u8>,
    /// Unpacked, perhaps with the levels.
    bytes: Vec<u8>,
    /// Where the values begin.
    first: usize,
}

/// Levels of values: none are stored where they can only be 0.
enum Levels<'a> {
    Zero,
    Stored(Hybrid<'a>),
}

impl<'a> Levels<'a> {
    fn new(bytes: &'a [u8], largest: u8) -> Self {
        if largest == 0 { Self::Zero } else { Self::Stored(Hybrid::new(bytes, 8 - largest.leading_zeros())) }
    }

    fn next(&mut self) -> Option<u64> {
        match self {
            Self::Zero => Some(0),
            Self::Stored(levels) => levels.next(),
        }
    }
}

/// A page: packed after `fill`.
struct Page<'a> {
    path: &'a Path,
    /// Byte of the file where its header begins.
    at: u64,
    codec: i64,
    header: Header,
    bytes: Vec<u8>,
}

impl Page<'_> {
    /// Reads the packed bytes, whose length is checked against what is left of the column.
    fn fill(&mut self, rest: &mut std::io::Take<impl Read>) -> Result<(), Error> {
        let sizes = [(self.header.packed, rest.limit().min(MAX_PAGE)), (self.header.unpacked, MAX_PAGE)];
        for (size, limit) in sizes {
            if !(0..=limit.cast_signed()).contains(&size) {
                return Err(self.refused("parquet page's size", size, format!("0 to {limit}")));
            }
        }
        let packed = self.header.packed.cast_unsigned();
        self.bytes.reserve(packed as usize);
        rest.take(packed).read_to_end(&mut self.bytes).map_err(Error::reading(self.path))?;
        if (self.bytes.len() as u64) < packed {
            return Err(self.refused("parquet page's size", packed, self.bytes.len().to_string()));
        }
        if let Some(expected) = self.header.checksum {
            let mut crc = Crc::new();
            crc.update(&self.bytes);
            if crc.sum() != expected as u32 {
                let allowed = format!("{:#x}, that of its bytes", crc.sum());
                return Err(self.refused(
                    "parquet page's checksum",
                    format!("{:#x}", expected as u32),
                    allowed,
                ));
            }
        }
        Ok(())
    }

    /// Number of values of a data page.
    fn check_values(&self, left: u64) -> Result<u64, Error> {
        let values = self.header.values;
        match u64::try_from(values) {
            Ok(values) if values <= left => Ok(values),
            _ => Err(self.refused("parquet page's number of values", values, format!("0 to {left}"))),
        }
    }

    /// The bytes from `first` on, which are to give `unpacked` bytes.
    fn unpack(&self, first: usize, unpacked: u64) -> Result<Vec<u8>, Error> {
        let packed = self.bytes.get(first..).unwrap_or_default();
        let codec = if self.header.plain { 0 } else { self.codec };
        let bytes = unpack(codec, packed, unpacked).map_err(|fault| match fault {
            Fault::Broken(reason) => Error::unpacking(self.path)(reason),
            Fault::Ratio(limit) => Error::ratio(self.path, unpacked, packed.len() as u64, limit),
            Fault::Unread => {
                let found = if codec == 3 { "3 LZO".into() } else { codec.to_string() };
                self.refused("parquet compression", found, READ)
            }
        })?;
        if bytes.len() as u64 != unpacked {
            let allowed = format!("{unpacked} as its header says");
            return Err(self.refused("parquet page's unpacked size", bytes.len(), allowed));
        }
        Ok(bytes)
    }

    fn dictionary(&self, leaf: &Leaf) -> Result<Dictionary, Error> {
        if !matches!(self.header.encoding, PLAIN | PLAIN_DICTIONARY) || leaf.stored == Stored::Bits {
            return Err(self.refused("encoding of a parquet dictionary", self.header.encoding, "0, 2"));
        }
        let bytes = self.unpack(0, self.header.unpacked.cast_unsigned())?;
        let width = if let Stored::Fixed(width) = leaf.stored { Some(width) } else { None };
        Dictionary::new(bytes, self.header.values, width).map_err(|found| self.values_missing(found))
    }

    fn values(&self, leaf: &Leaf, dictionary: Option<&Dictionary>, take: &mut Take) -> Result<bool, Error> {
        let Parts { repetition, definition, mut bytes, first } = self.parts(leaf)?;
        let mut repetition = Levels::new(&repetition, leaf.repetition);
        let mut definition = Levels::new(&definition, leaf.definition);
        if let (BYTE_STREAM_SPLIT, Stored::Fixed(width)) = (self.header.encoding, leaf.stored) {
            let values = joined(&bytes[first..], width);
            bytes.truncate(first);
            bytes.extend(values);
        }
        let mut values = self.decoder(&bytes[first..], leaf, dictionary)?;
        for index in 0..self.header.values {
            let missing = || self.values_missing(index as usize);
            let level = |found: Option<u64>, limit: u8| match u8::try_from(found.ok_or_else(missing)?) {
                Ok(level) if level <= limit => Ok(level),
                _ => Err(self.refused("parquet level", found.unwrap_or(0), format!("0 to {limit}"))),
            };
            let repeated = level(repetition.next(), leaf.repetition)?;
            let defined = level(definition.next(), leaf.definition)? == leaf.definition;
            let value = if defined { Some(values.next().ok_or_else(missing)?) } else { None };
            if !take(repeated, value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The values of a data page, by its encoding.
    fn decoder<'a>(
        &self,
        values: &'a [u8],
        leaf: &Leaf,
        dictionary: Option<&'a Dictionary>,
    ) -> Result<Values<'a>, Error> {
        Ok(match (self.header.encoding, leaf.stored) {
            (PLAIN, Stored::Bytes) => Values::Plain(Plain(values)),
            (PLAIN, Stored::Bits) => Values::Bits(Hybrid::packed(values, 1)),
            (PLAIN | BYTE_STREAM_SPLIT, Stored::Fixed(width)) => Values::Fixed(values.chunks_exact(width)),
            (DELTA_BINARY_PACKED, Stored::Fixed(width @ (4 | 8))) => {
                Values::Differences(Delta::new(values, width).ok_or_else(|| self.values_missing(0))?)
            }
            // Behind their length.
            (RLE, Stored::Bits) => Values::Bits(Hybrid::new(values.get(4..).unwrap_or_default(), 1)),
            (PLAIN_DICTIONARY | RLE_DICTIONARY, _) => {
                let Some(dictionary) = dictionary else {
                    return Err(self.refused("parquet page's dictionary", "missing", "before the page"));
                };
                let (&width, indices) = values.split_first().unwrap_or((&0, &[]));
                if width > 32 {
                    return Err(self.refused("width of parquet dictionary indices", width, "0 to 32"));
                }
                Values::Dictionary(Hybrid::new(indices, width.into()), dictionary)
            }
            (encoding, _) => {
                let allowed = "0 (plain), 2 and 8 (dictionary), of numbers 5 (differences), 9 (split), \
                               of booleans 3 (runs)";
                return Err(self.refused("encoding of a parquet page", encoding, allowed));
            }
        })
    }

    /// The levels and the unpacked values.
    fn parts(&self, leaf: &Leaf) -> Result<Parts, Error> {
        let unpacked = self.header.unpacked.cast_unsigned();
        if self.header.kind == DATA_V2 {
            // Levels lie unpacked before the values, those of repetition first.
            let [repetition, definition] = self.header.levels;
            let largest = unpacked.min(self.bytes.len() as u64).cast_signed();
            let end = repetition.checked_add(definition).filter(|end| (0..=largest).contains(end));
            let (Some(end), 0.., 0..) = (end, repetition, definition) else {
                let found = format!("{repetition} and {definition}");
                return Err(self.refused(
                    "lengths of parquet levels",
                    found,
                    format!("0 to {largest} together"),
                ));
            };
            let (repetition, end) = (repetition as usize, end as usize);
            let bytes = self.unpack(end, unpacked - end as u64)?;
            let levels = |from, to| self.bytes[from..to].to_vec();
            return Ok(Parts {
                repetition: levels(0, repetition),
                definition: levels(repetition, end),
                bytes,
                first: 0,
            });
        }
        let bytes = self.unpack(0, unpacked)?;
        let mut first = 0;
        let mut levels = [Vec::new(), Vec::new()];
        for (at, largest) in [leaf.repetition, leaf.definition].into_iter().enumerate() {
            if largest > 0 {
                let encoding = self.header.level_encodings[at];
                if encoding != RLE {
                    return Err(self.refused("encoding of parquet levels", encoding, "3 (runs)"));
                }
                levels[at] = self.levels(&bytes[first..])?.to_vec();
                first += 4 + levels[at].len();
            }
        }
        let [repetition, definition] = levels;
        Ok(Parts { repetition, definition, bytes, first })
    }

    /// Levels behind their length.
    fn levels<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let Some((length, rest)) = bytes.split_first_chunk() else {
            return Err(self.refused("parquet page's unpacked size", bytes.len(), "at least 4, with levels"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        rest.get(..length)
            .ok_or_else(|| self.refused("length of parquet levels", length, format!("0 to {}", rest.len())))
    }

    fn values_missing(&self, found: usize) -> Error {
        self.refused(
            "values of a parquet page",
            format!("{found} whole ones"),
            self.header.values.to_string(),
        )
    }

    fn refused(&self, field: &'static str, found: impl ToString, allowed: impl Into<String>) -> Error {
        let (at, found, allowed) = (self.at, found.to_string(), allowed.into());
        Error::field(self.path, at, field, found, allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message about a data page of one value that may be null, not compressed.
    fn refusal(bytes: &[u8]) -> String {
        let leaf = Leaf { index: 0, kind: 6, stored: Stored::Bytes, definition: 1, repetition: 0 };
        let size = bytes.len() as i64;
        let sizes = Header { packed: size, unpacked: size, values: 1, ..Header::default() };
        let header = Header { kind: DATA, encoding: PLAIN, level_encodings: [RLE; 2], ..sizes };
        let page = Page { path: Path::new("x"), at: 4, codec: 0, header, bytes: bytes.into() };
        page.values(&leaf, None, &mut |_, _| Ok(true)).unwrap_err().to_string()
    }

    #[test]
    fn pages_that_end_early_are_refused() {
        let level = [2, 0, 0, 0, 2, 1];
        let missing = "values of a parquet page is 0 whole ones, allowed: 1";
        let cases: [(&[u8], &str); 5] = [
            (&[0, 0], "parquet page's unpacked size is 2, allowed: at least 4, with levels"),
            (&level[..5], "length of parquet levels is 2, allowed: 0 to 1"),
            (&[0, 0, 0, 0], missing),
            (&level, missing),
            (&[2, 0, 0, 0, 2, 2], "parquet level is 2, allowed: 0 to 1"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(refusal(bytes), format!("x, byte 4: {expected}"));
        }
    }
}
