//! Compressions of pages, as parquet numbers them.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::thrift::invalid;
use crate::guard::{Guarded, guarded};

/// Bytes that Snappy can make of one: copies of 64 bytes are written in three.
const SNAPPY_RATIO: u64 = 22;
/// Bytes that LZ4 can make of one: each byte of a length stands for 255.
const LZ4_RATIO: u64 = 255;

/// The compressions that are read, for people.
pub(crate) const READ: &str = "0 (none), 1 (Snappy), 2 (gzip), 4 (Brotli), 5 and 7 (LZ4), 6 (Zstandard)";

/// Why bytes are not unpacked.
pub(crate) enum Fault {
    /// They are not what the compression makes.
    Broken(io::Error),
    /// They are to give more than this times their number, which the compression does not reach.
    Ratio(u64),
    /// The compression is not read.
    Unread,
}

impl From<io::Error> for Fault {
    fn from(reason: io::Error) -> Self {
        Self::Broken(reason)
    }
}

/// The bytes that packed ones stand for: `unpacked`, or another number where they are damaged.
///
/// What is allocated beforehand is bounded by the ratio of the compression, else it grows with what is there.
pub(crate) fn unpack(codec: i64, packed: &[u8], unpacked: u64) -> Result<Vec<u8>, Fault> {
    match codec {
        0 => Ok(packed.to_vec()),
        1 => {
            check_ratio(packed, unpacked, SNAPPY_RATIO)?;
            if snap::raw::decompress_len(packed).map_err(io::Error::other)? as u64 != unpacked {
                return Ok(Vec::new());
            }
            let decoded = guarded(|| snap::raw::Decoder::new().decompress_vec(packed));
            Ok(decoded.map_err(io::Error::other)?.map_err(io::Error::other)?)
        }
        2 => read(MultiGzDecoder::new(packed), unpacked),
        4 => {
            // Windows of up to 1 GiB are an extension, which begins with these bits.
            if packed.first().is_some_and(|head| head & 0x7f == 0x11) {
                return Err(invalid("Brotli's window is larger than 16 MiB".into()).into());
            }
            read(brotli_decompressor::Decompressor::new(packed, 1 << 12), unpacked)
        }
        5 => {
            check_ratio(packed, unpacked, LZ4_RATIO)?;
            // Old writers of C++ left the framing of Hadoop out.
            hadoop(packed, unpacked as usize).map_or_else(|| lz4(packed, unpacked as usize), Ok)
        }
        6 => {
            let decoder = guarded(|| StreamingDecoder::new(packed)).map_err(io::Error::other)?;
            read(decoder.map_err(io::Error::other)?, unpacked)
        }
        7 => {
            check_ratio(packed, unpacked, LZ4_RATIO)?;
            lz4(packed, unpacked as usize)
        }
        _ => Err(Fault::Unread),
    }
}

fn check_ratio(packed: &[u8], unpacked: u64, limit: u64) -> Result<(), Fault> {
    if unpacked > (packed.len() as u64).saturating_mul(limit) { Err(Fault::Ratio(limit)) } else { Ok(()) }
}

/// At most a byte more than there should be.
fn read(unpacker: impl Read, unpacked: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    Guarded(unpacker).take(unpacked + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One block of LZ4.
fn lz4(packed: &[u8], unpacked: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; unpacked];
    let length = guarded(|| lz4_flex::block::decompress_into(packed, &mut bytes));
    let length = length.map_err(io::Error::other)?.map_err(io::Error::other)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Blocks of LZ4 behind their lengths, unpacked and packed, in four big-endian bytes each; nothing if they are none.
fn hadoop(mut packed: &[u8], unpacked: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !packed.is_empty() {
        let (sizes, rest) = packed.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *sizes;
        let [whole, stored] = [[a, b, c, d], [e, f, g, h]].map(|size| u32::from_be_bytes(size) as usize);
        let (block, rest) = rest.split_at_checked(stored)?;
        if whole > unpacked - bytes.len() {
            return None;
        }
        let block = lz4(block, whole).ok().filter(|block| block.len() == whole)?;
        bytes.extend_from_slice(&block);
        packed = rest;
    }
    (bytes.len() == unpacked).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: LZ4's block format, by hand: a token of three or two literals, then they.
    const BLOCKS: [&[u8]; 2] = [&[0x30, b'a', b'b', b'c'], &[0x20, b'd', b'e']];

    fn message(codec: i64, packed: &[u8], unpacked: u64) -> Option<String> {
        match unpack(codec, packed, unpacked).err()? {
            Fault::Broken(reason) => Some(reason.to_string()),
            Fault::Ratio(limit) => Some(format!("ratio {limit}")),
            Fault::Unread => Some("unread".into()),
        }
    }

    #[test]
    fn lz4_is_read_in_the_framing_of_hadoop_and_without() {
        let framed =
            [&[0, 0, 0, 3, 0, 0, 0, 4][..], BLOCKS[0], &[0, 0, 0, 2, 0, 0, 0, 3], BLOCKS[1]].concat();
        assert_eq!(unpack(5, &framed, 5).ok().as_deref(), Some(&b"abcde"[..]));
        assert_eq!(unpack(5, BLOCKS[0], 3).ok().as_deref(), Some(&b"abc"[..]));
        assert_eq!(unpack(7, BLOCKS[0], 3).ok().as_deref(), Some(&b"abc"[..]));
        assert!(unpack(7, &framed, 5).is_err());
        for length in 0..framed.len() {
            assert_ne!(
                unpack(5, &framed[..length], 5).ok().as_deref(),
                Some(&b"abcde"[..]),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_promise_beyond_a_compression_is_refused_before_it_is_allocated() {
        assert_eq!(message(7, BLOCKS[0], 1 << 30).as_deref(), Some("ratio 255"));
        assert_eq!(message(5, BLOCKS[0], 1 << 30).as_deref(), Some("ratio 255"));
        assert_eq!(message(1, BLOCKS[0], 1 << 30).as_deref(), Some("ratio 22"));
        assert_eq!(message(3, BLOCKS[0], 3).as_deref(), Some("unread"));
        assert_eq!(message(4, &[0x91, 0, 0], 3).as_deref(), Some("Brotli's window is larger than 16 MiB"));
    }
}
