//! What was done to a chunk before it was written, undone.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::source::Fields;
use crate::error::Error;
use crate::guard::Guarded;

/// A step on the way to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    Shuffle,
    Fletcher,
    Lzf,
}

impl Filter {
    /// All of a data set, in the order in which they were applied.
    ///
    /// # Errors
    /// `Kind::Damaged` — one that is not read, by its name.
    pub(super) fn all(mut fields: Fields) -> Result<Vec<Self>, Error> {
        let version = fields.one_of(1, "version of filters", &[1, 2])?;
        let count = fields.byte()?;
        fields.take(if version == 1 { 6 } else { 0 })?;
        let mut filters = Vec::new();
        for _ in 0..count {
            let here = fields;
            let number = fields.uint(2)?;
            let named = version == 1 || number >= 256;
            let name = if named { fields.uint(2)? as usize } else { 0 };
            fields.take(2)?;
            let parameters = fields.uint(2)? as usize;
            let name = fields.take(if version == 1 { name.next_multiple_of(8) } else { name })?;
            fields.take(4 * if version == 1 { parameters.next_multiple_of(2) } else { parameters })?;
            filters.push(match number {
                1 => Self::Deflate,
                2 => Self::Shuffle,
                3 => Self::Fletcher,
                32000 => Self::Lzf,
                _ => {
                    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
                    let found = format!("{number} {}", String::from_utf8_lossy(name));
                    return Err(here.wrong(
                        "filter",
                        found,
                        "1 (deflate), 2 (shuffle), 3 (Fletcher-32), 32000 (LZF)",
                    ));
                }
            });
        }
        Ok(filters)
    }

    /// A chunk of `expected` bytes as it was before all filters but those that its mask leaves out.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn undo(
        filters: &[Self],
        mask: u32,
        mut chunk: Vec<u8>,
        expected: usize,
        width: usize,
    ) -> Result<Vec<u8>, String> {
        // What does not get shorter by packing gets a little longer, and a checksum may be within.
        let limit = expected + expected / 16 + 64;
        for (index, filter) in filters.iter().enumerate().rev() {
            if mask >> index & 1 == 1 {
                continue;
            }
            chunk = match filter {
                Self::Deflate => {
                    let mut unpacked = Vec::new();
                    let input = Guarded(ZlibDecoder::new(&chunk[..]));
                    input.take(limit as u64).read_to_end(&mut unpacked).map_err(|e| e.to_string())?;
                    unpacked
                }
                Self::Lzf => lzf(&chunk, limit).ok_or("damaged LZF")?,
                Self::Shuffle => unshuffled(&chunk, width),
                Self::Fletcher => {
                    let (content, stated) = chunk.split_last_chunk::<4>().ok_or("no checksum")?;
                    let (stated, right) = (u32::from_le_bytes(*stated), fletcher(content));
                    if stated != right {
                        return Err(format!("checksum {stated:#010x} instead of {right:#010x}"));
                    }
                    content.to_vec()
                }
            };
        }
        if chunk.len() != expected {
            let more = if chunk.len() >= limit { "at least " } else { "" };
            return Err(format!("{more}{} bytes instead of {expected}", chunk.len()));
        }
        Ok(chunk)
    }
}

/// All first bytes of entries, then all second ones, and so on, as entries; what is no whole entry stays behind them.
fn unshuffled(chunk: &[u8], width: usize) -> Vec<u8> {
    let count = chunk.len() / width;
    let mut entries = chunk.to_vec();
    for (place, bytes) in chunk[..count * width].chunks_exact(count.max(1)).enumerate() {
        bytes.iter().enumerate().for_each(|(entry, &byte)| entries[entry * width + place] = byte);
    }
    entries
}

/// Fletcher's checksum of big-endian words of 16 bits, an odd byte at the end as the upper one.
fn fletcher(bytes: &[u8]) -> u32 {
    let (words, odd) = bytes.as_chunks::<2>();
    let words =
        words.iter().map(|word| u16::from_be_bytes(*word)).chain(odd.first().map(|&b| u16::from(b) << 8));
    // Ones' complement: 0xffff stays where something was added.
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (low, high) = words.fold((0, 0), |(low, high), word| {
        let low = fold(low + u32::from(word));
        (low, fold(high + low))
    });
    high << 16 | low
}

/// LZF: runs as they are, and copies of what came at most 8192 bytes before.
fn lzf(mut packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    while let Some(&head) = packed.split_off_first() {
        if head < 32 {
            unpacked.extend_from_slice(packed.split_off(..usize::from(head) + 1)?);
        } else {
            let mut length = usize::from(head >> 5);
            if length == 7 {
                length += usize::from(*packed.split_off_first()?);
            }
            let back = usize::from(head & 0x1f) << 8 | usize::from(*packed.split_off_first()?);
            let from = unpacked.len().checked_sub(back + 1)?;
            for place in from..from + length + 2 {
                unpacked.push(unpacked[place]);
            }
        }
        if unpacked.len() > limit {
            return None;
        }
    }
    Some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_entries_come_together_again() {
        assert_eq!(unshuffled(&[1, 3, 5, 2, 4, 6, 9], 2), [1, 2, 3, 4, 5, 6, 9]);
        assert_eq!(unshuffled(&[7], 4), [7]);
    }

    #[test]
    fn copies_may_reach_into_themselves() {
        assert_eq!(lzf(&[1, b'a', b'b', 0x60, 1], 9).unwrap(), b"abababa");
        assert_eq!(lzf(&[0, b'a', 0xe0, 3, 0], 100).unwrap(), [b'a'; 13]);
        assert_eq!(lzf(&[0, b'a', 0x20, 1], 9), None);
        assert_eq!(lzf(&[5, b'a'], 9), None);
        assert_eq!(lzf(&[0, b'a', 0xe0, 255, 0], 9), None);
    }
}
