//! One record batch: the buffers of one column, read and unpacked one after the other.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use lz4_flex::frame::FrameDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::flat::{Table, Vector};
use super::messages::{self, Batch};
use super::schema::{Field, Kind};
use crate::error::Error;
use crate::guard::{Guarded, guarded};
use crate::options::DEFLATE_RATIO;

/// Largest buffer, unpacked; nor is one read of more than 1032 times the bytes of its batch.
const MAX_BUFFER: u64 = 1 << 30;

/// Where a column of a batch begins among its nodes and buffers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    node: usize,
    buffer: usize,
    views: usize,
}

/// A batch whose header is understood.
pub(crate) struct Reader<'a, R> {
    input: &'a mut R,
    path: &'a Path,
    at: u64,
    /// Byte of the file where the body begins.
    body: u64,
    /// Bytes of the body.
    length: u64,
    pub rows: usize,
    nodes: Vec<[i64; 2]>,
    buffers: Vec<[i64; 2]>,
    views: Vec<[i64; 1]>,
    packing: Option<Packing>,
}

/// How buffers are compressed.
#[derive(Clone, Copy)]
enum Packing {
    Lz4,
    Zstd,
}

/// Which values of an array are there.
pub(crate) enum Valid {
    All,
    Bits(Vec<u8>),
}

impl Valid {
    pub(crate) fn has(&self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Bits(bits) => bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1),
        }
    }

    /// The first of some values that is not there.
    pub(crate) fn missing(&self, mut values: std::ops::Range<usize>) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Bits(_) => values.find(|&index| !self.has(index)),
        }
    }
}

impl<'a, R: Read + Seek> Reader<'a, R> {
    /// Reads the header of a batch.
    ///
    /// # Errors
    /// `Kind::Damaged`; `Kind::Unreadable`.
    pub(crate) fn open(input: &'a mut R, batch: &Batch, path: &'a Path) -> Result<Self, Error> {
        let bytes = messages::header(input, batch, path)?;
        let damaged =
            || Error::field(path, batch.at, "header of an Arrow batch", "damaged", "a record batch");
        let header = Table::root(&bytes).and_then(|message| message.table(2)?).ok_or_else(damaged)?;
        let all =
            |vector: Vector| (0..vector.len).map(|index| vector.longs(index)).collect::<Option<Vec<_>>>();
        let parts = || {
            let rows = usize::try_from(header.int::<8>(0)?).ok()?;
            let views = header.vector(4, 8)?;
            let views = (0..views.len).map(|index| views.longs(index)).collect::<Option<Vec<_>>>()?;
            Some((rows, all(header.vector(1, 16)?)?, all(header.vector(2, 16)?)?, views, header.table(3)?))
        };
        let (rows, nodes, buffers, views, compression) = parts().ok_or_else(damaged)?;
        let packing = match compression.map(|packing| packing.int::<1>(0)) {
            None => None,
            Some(Some(0)) => Some(Packing::Lz4),
            Some(Some(1)) => Some(Packing::Zstd),
            Some(other) => {
                let found = other.map_or_else(|| "damaged".into(), |number| number.to_string());
                return Err(Error::field(
                    path,
                    batch.at,
                    "Arrow compression",
                    found,
                    "0 (LZ4), 1 (Zstandard)",
                ));
            }
        };
        let body = batch.at + batch.header as u64;
        let length = batch.body;
        Ok(Self { input, path, at: batch.at, body, length, rows, nodes, buffers, views, packing })
    }

    /// Places of the columns.
    pub(crate) fn places(&self, fields: &[Field]) -> Vec<Place> {
        let mut place = Place::default();
        fields
            .iter()
            .map(|field| {
                let before = place;
                self.pass(field, &mut place);
                before
            })
            .collect()
    }

    /// Goes on behind a field and those within it.
    pub(crate) fn pass(&self, field: &Field, place: &mut Place) {
        self.enter(field, place);
        field.children.iter().for_each(|child| self.pass(child, place));
    }

    /// Goes on behind a field, to the first within it.
    pub(crate) fn enter(&self, field: &Field, place: &mut Place) {
        place.node += 1;
        place.buffer = place.buffer.saturating_add(field.buffers());
        if let Kind::Other { views: true, .. } = field.kind {
            let more = self.views.get(place.views).map_or(0, |&[more]| more);
            place.buffer = place.buffer.saturating_add(usize::try_from(more).unwrap_or(usize::MAX));
            place.views += 1;
        }
    }

    /// Number of values that the header gives an array; 0 where it has no such array.
    pub(crate) fn length(&self, place: Place) -> u64 {
        self.nodes.get(place.node).map_or(0, |&[length, _]| length.max(0).cast_unsigned())
    }

    /// Which values of an array are there; it is to have `expected` at least.
    pub(crate) fn valid(&mut self, place: Place, expected: usize) -> Result<Valid, Error> {
        let Some(&[length, nulls]) = self.nodes.get(place.node) else {
            return Err(self.refused(
                "arrays of an Arrow batch",
                self.nodes.len(),
                "as many as its schema has",
            ));
        };
        if length < expected as i64 || nulls < 0 || nulls > length {
            let (found, allowed) = (format!("{length}, {nulls} of them null"), format!("{expected} or more"));
            return Err(self.refused("values of an Arrow array", found, &allowed));
        }
        if nulls == 0 {
            return Ok(Valid::All);
        }
        let bits = self.buffer(place, 0)?;
        if (bits.len() as u64) < (expected as u64).div_ceil(8) {
            return Err(self.refused(
                "bytes of an Arrow bitmap",
                bits.len(),
                &format!("{} or more", expected.div_ceil(8)),
            ));
        }
        Ok(Valid::Bits(bits))
    }

    /// The offsets of `count` values: one more of them, rising, the last within what they count.
    pub(crate) fn offsets(&mut self, place: Place, width: usize, count: usize) -> Result<Vec<u64>, Error> {
        let bytes = self.buffer(place, 1)?;
        if count == 0 {
            return Ok(vec![0]);
        }
        let mut offsets = Vec::new();
        for offset in bytes.chunks_exact(width).take(count.saturating_add(1)) {
            let offset = offset.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
            if offsets.last().is_some_and(|&before| before > offset) {
                return Err(self.refused("Arrow offset", offset, "no less than the one before"));
            }
            offsets.push(offset);
        }
        if offsets.len() != count.saturating_add(1) {
            return Err(self.refused(
                "offsets of an Arrow array",
                offsets.len(),
                &format!("{count} and one more"),
            ));
        }
        Ok(offsets)
    }

    /// A buffer of an array, the validity being the first, unpacked.
    pub(crate) fn buffer(&mut self, place: Place, number: usize) -> Result<Vec<u8>, Error> {
        let Some(&[start, length]) = self.buffers.get(place.buffer.saturating_add(number)) else {
            return Err(self.refused(
                "buffers of an Arrow batch",
                self.buffers.len(),
                "as many as its schema has",
            ));
        };
        let place = u64::try_from(start).ok().zip(u64::try_from(length).ok());
        let inside =
            |&(start, length): &(u64, u64)| start.checked_add(length).is_some_and(|end| end <= self.length);
        let Some((start, length)) = place.filter(inside) else {
            let found = format!("{length} bytes from {start} on");
            return Err(self.refused(
                "Arrow buffer",
                found,
                &format!("within the {} bytes of its batch", self.length),
            ));
        };
        let mut bytes = vec![0; length as usize];
        let read = self
            .input
            .seek(SeekFrom::Start(self.body + start))
            .and_then(|_| self.input.read_exact(&mut bytes));
        read.map_err(Error::reading(self.path))?;
        match self.packing {
            Some(packing) if length > 0 => self.unpack(packing, bytes),
            _ => Ok(bytes),
        }
    }

    /// The bytes that packed ones stand for: behind their number, or behind -1 as they are.
    fn unpack(&self, packing: Packing, mut bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some((size, packed)) = bytes.split_first_chunk::<8>() else {
            return Err(self.refused("bytes of a compressed Arrow buffer", bytes.len(), "0, or 8 or more"));
        };
        let size = i64::from_le_bytes(*size);
        if size == -1 {
            bytes.drain(..8);
            return Ok(bytes);
        }
        let limit = self.length.saturating_mul(DEFLATE_RATIO).min(MAX_BUFFER);
        if !(0..=limit.cast_signed()).contains(&size) {
            return Err(self.refused("size of an Arrow buffer", size, &format!("-1 to {limit}")));
        }
        let size = size.cast_unsigned();
        let mut unpacked = Vec::new();
        let mut read = |unpacker: &mut dyn Read| Guarded(unpacker).take(size + 1).read_to_end(&mut unpacked);
        let done = match packing {
            Packing::Lz4 => read(&mut FrameDecoder::new(packed)),
            Packing::Zstd => guarded(|| StreamingDecoder::new(packed))
                .map_err(io::Error::other)
                .and_then(|decoder| decoder.map_err(io::Error::other))
                .and_then(|mut decoder| read(&mut decoder)),
        };
        done.map_err(Error::unpacking(self.path))?;
        if unpacked.len() as u64 != size {
            return Err(self.refused("unpacked size of an Arrow buffer", unpacked.len(), &size.to_string()));
        }
        Ok(unpacked)
    }

    pub(crate) fn refused(&self, field: &str, found: impl std::fmt::Display, allowed: &str) -> Error {
        Error::field(self.path, self.at, field, found, allowed)
    }
}
