//! The values of one column in one row group: pages of levels and bytes, unpacked one at a time.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::footer::{Chunk, Column};
use super::header::{DATA, DATA_V2, DICTIONARY, Header};
use super::thrift::Thrift;
use super::values::{Dictionary, Hybrid, Plain, Values};
use crate::error::Error;
use crate::guard::{Guarded, guarded};

/// Largest page, unpacked: some writers put a thousand images into one.
const MAX_PAGE: u64 = 1 << 30;
/// Bytes that Snappy can make of one: copies of 64 bytes are written in three.
const SNAPPY_RATIO: u64 = 22;

const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RLE: i64 = 3;
const RLE_DICTIONARY: i64 = 8;

/// Takes a value, or nothing for a null, and says whether to go on.
pub(crate) type Take<'a> = dyn FnMut(Option<&[u8]>) -> Result<bool, Error> + 'a;

/// Passes the values of a row group on, in order; whether to go on.
///
/// # Errors
/// * `Kind::Unpack` — a header or compressed page that is none
/// * `Kind::Damaged` — numbers that contradict each other, encodings and compressions that are not read
/// * `Kind::Unreadable`; those of `take`
pub(crate) fn read(
    input: &mut (impl Read + Seek),
    path: &Path,
    column: &Column,
    chunk: &Chunk,
    take: &mut Take,
) -> Result<bool, Error> {
    input.seek(SeekFrom::Start(chunk.start)).map_err(Error::reading(path))?;
    let mut rest = BufReader::with_capacity(1 << 17, input).take(chunk.length);
    let mut dictionary = None;
    let mut left = chunk.rows;
    while left > 0 {
        let at = chunk.start + chunk.length - rest.limit();
        let header = Header::read(&mut Thrift::new(&mut rest)).map_err(Error::unpacking(path))?;
        let mut page = Page { path, at, codec: chunk.codec, header, bytes: Vec::new() };
        page.fill(&mut rest)?;
        match page.header.kind {
            DICTIONARY if dictionary.is_some() => {
                return Err(page.refused("parquet page's type", "a second dictionary", "one"));
            }
            DICTIONARY => dictionary = Some(page.dictionary()?),
            DATA | DATA_V2 => {
                left -= page.check_values(left)?;
                if !page.values(column, dictionary.as_ref(), take)? {
                    return Ok(false);
                }
            }
            // Pages of an index.
            _ => {}
        }
    }
    Ok(true)
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

    /// Number of values of a data page, which is also that of its rows.
    fn check_values(&self, left: u64) -> Result<u64, Error> {
        let values = self.header.values;
        match u64::try_from(values) {
            Ok(values) if values <= left => Ok(values),
            _ => Err(self.refused("parquet page's number of values", values, format!("0 to {left}"))),
        }
    }

    /// The bytes from `first` on, which are to give `unpacked` bytes.
    fn unpack(&self, first: usize, unpacked: u64) -> Result<Vec<u8>, Error> {
        let unpacking = || Error::unpacking(self.path);
        let panicked = |panic: String| unpacking()(std::io::Error::other(panic));
        let packed = self.bytes.get(first..).unwrap_or_default();
        let mut bytes = Vec::new();
        match if self.header.plain { 0 } else { self.codec } {
            0 => bytes.extend_from_slice(packed),
            1 => {
                let (stored, limit) = (packed.len() as u64, SNAPPY_RATIO);
                if unpacked > stored.saturating_mul(limit) {
                    return Err(Error::ratio(self.path, unpacked, stored, limit));
                }
                let snappy = |e: snap::Error| unpacking()(std::io::Error::other(e));
                if snap::raw::decompress_len(packed).map_err(snappy)? as u64 == unpacked {
                    let decoded = guarded(|| snap::raw::Decoder::new().decompress_vec(packed));
                    bytes = decoded.map_err(panicked)?.map_err(snappy)?;
                }
            }
            2 => {
                let unpacker = Guarded(MultiGzDecoder::new(packed));
                unpacker.take(unpacked + 1).read_to_end(&mut bytes).map_err(unpacking())?;
            }
            6 => {
                let read = guarded(|| {
                    let zstd = StreamingDecoder::new(packed).map_err(std::io::Error::other)?;
                    zstd.take(unpacked + 1).read_to_end(&mut bytes)
                });
                read.map_err(panicked)?.map_err(unpacking())?;
            }
            codec => {
                let names = ["", "", "", "LZO", "Brotli", "LZ4", "", "LZ4"];
                let name = usize::try_from(codec).ok().and_then(|codec| names.get(codec)).unwrap_or(&"");
                let allowed = "0 (none), 1 (Snappy), 2 (gzip), 6 (Zstandard)";
                return Err(self.refused(
                    "parquet compression",
                    format!("{codec} {name}").trim_end(),
                    allowed,
                ));
            }
        }
        if bytes.len() as u64 != unpacked {
            let allowed = format!("{unpacked} as its header says");
            return Err(self.refused("parquet page's unpacked size", bytes.len(), allowed));
        }
        Ok(bytes)
    }

    fn dictionary(&self) -> Result<Dictionary, Error> {
        if !matches!(self.header.encoding, PLAIN | PLAIN_DICTIONARY) {
            return Err(self.refused("encoding of a parquet dictionary", self.header.encoding, "0, 2"));
        }
        let bytes = self.unpack(0, self.header.unpacked.cast_unsigned())?;
        Dictionary::new(bytes, self.header.values).map_err(|found| self.values_missing(found))
    }

    fn values(
        &self,
        column: &Column,
        dictionary: Option<&Dictionary>,
        take: &mut Take,
    ) -> Result<bool, Error> {
        let (levels, bytes, first) = self.parts(column)?;
        let mut levels = Hybrid::new(&levels, 8 - column.present.leading_zeros());
        let values = &bytes[first..];
        let mut values = match (self.header.encoding, dictionary) {
            (PLAIN, _) => Values::Plain(Plain(values)),
            (PLAIN_DICTIONARY | RLE_DICTIONARY, Some(dictionary)) => {
                let (&width, indices) = values.split_first().unwrap_or((&0, &[]));
                if width > 32 {
                    return Err(self.refused("width of parquet dictionary indices", width, "0 to 32"));
                }
                Values::Dictionary(Hybrid::new(indices, width.into()), dictionary)
            }
            (PLAIN_DICTIONARY | RLE_DICTIONARY, None) => {
                return Err(self.refused("parquet page's dictionary", "missing", "before the page"));
            }
            (encoding, _) => {
                let allowed = "0 (plain), 2 and 8 (dictionary)";
                return Err(self.refused("encoding of a parquet page", encoding, allowed));
            }
        };
        for index in 0..self.header.values {
            let missing = || self.values_missing(index as usize);
            let level = if column.present == 0 { 0 } else { levels.next().ok_or_else(missing)? };
            let value = match level.cmp(&column.present.into()) {
                std::cmp::Ordering::Less => None,
                std::cmp::Ordering::Equal => Some(values.next().ok_or_else(missing)?),
                std::cmp::Ordering::Greater => {
                    return Err(self.refused("parquet level", level, format!("0 to {}", column.present)));
                }
            };
            if !take(value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The definition levels; the unpacked bytes, and where in them the values begin.
    fn parts(&self, column: &Column) -> Result<(Vec<u8>, Vec<u8>, usize), Error> {
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
            let end = end as usize;
            let levels = self.bytes[repetition as usize..end].to_vec();
            let bytes = self.unpack(end, unpacked - end as u64)?;
            return Ok((levels, bytes, 0));
        }
        let bytes = self.unpack(0, unpacked)?;
        if column.present == 0 {
            return Ok((Vec::new(), bytes, 0));
        }
        if self.header.level_encoding != RLE {
            return Err(self.refused("encoding of parquet levels", self.header.level_encoding, "3 (runs)"));
        }
        let Some((length, rest)) = bytes.split_first_chunk() else {
            return Err(self.refused("parquet page's unpacked size", bytes.len(), "at least 4, with levels"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some(levels) = rest.get(..length) else {
            return Err(self.refused("length of parquet levels", length, format!("0 to {}", rest.len())));
        };
        Ok((levels.to_vec(), bytes, 4 + length))
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
        let column = Column { name: "image".into(), structure: false, leaf: 0, present: 1 };
        let size = bytes.len() as i64;
        let sizes = Header { packed: size, unpacked: size, values: 1, ..Header::default() };
        let header = Header { kind: DATA, encoding: PLAIN, level_encoding: RLE, ..sizes };
        let page = Page { path: Path::new("x"), at: 4, codec: 0, header, bytes: bytes.into() };
        page.values(&column, None, &mut |_| Ok(true)).unwrap_err().to_string()
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
