//! Encodings of values: bytes one after the other, or numbers in runs that refer to a dictionary.

use std::slice::ChunksExact;

use super::delta::Delta;

/// The values of a page.
pub(crate) enum Values<'a> {
    Plain(Plain<'a>),
    Fixed(ChunksExact<'a, u8>),
    Differences(Delta<'a>),
    /// Bits, lowest first.
    Bits(Hybrid<'a>),
    Dictionary(Hybrid<'a>, &'a Dictionary),
}

impl Values<'_> {
    /// The next value, until the one after it.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        match self {
            Self::Plain(plain) => plain.next(),
            Self::Fixed(values) => values.next(),
            Self::Differences(values) => values.next(),
            Self::Bits(bits) => bits.next().map(|bit| if bit == 0 { &[0][..] } else { &[1] }),
            Self::Dictionary(indices, dictionary) => dictionary.get(indices.next()?),
        }
    }
}

/// Values that data pages refer to.
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    places: Places,
}

/// Where the values of a dictionary lie.
enum Places {
    /// Start and length of each; a page is shorter than 4 GiB.
    Each(Vec<(u32, u32)>),
    /// Bytes of every one.
    Every(usize),
}

impl Dictionary {
    /// The values of a dictionary page; the number found, if they are fewer than `count`.
    ///
    /// # Arguments
    /// * `width` — bytes of each value, or nothing where each comes behind its length
    pub(crate) fn new(bytes: Vec<u8>, count: i64, width: Option<usize>) -> Result<Self, usize> {
        if let Some(width) = width {
            let found = bytes.len() / width;
            let enough = found as u64 >= count.cast_unsigned();
            return if enough { Ok(Self { bytes, places: Places::Every(width) }) } else { Err(found) };
        }
        let mut places = Vec::new();
        let mut plain = Plain(&bytes);
        for _ in 0..count {
            let value = plain.next().ok_or(places.len())?;
            let start = bytes.len() - plain.0.len() - value.len();
            places.push((start as u32, value.len() as u32));
        }
        Ok(Self { bytes, places: Places::Each(places) })
    }

    fn get(&self, index: u64) -> Option<&[u8]> {
        let index = usize::try_from(index).ok()?;
        let (start, length) = match &self.places {
            Places::Each(places) => {
                places.get(index).map(|&(start, length)| (start as usize, length as usize))?
            }
            &Places::Every(width) => (index.checked_mul(width)?, width),
        };
        self.bytes.get(start..)?.get(..length)
    }
}

/// Numbers whose first bytes come first, then all second bytes and so on, as each one's bytes.
pub(crate) fn joined(streams: &[u8], width: usize) -> Vec<u8> {
    let count = streams.len() / width;
    (0..count * width).map(|at| streams[at % width * count + at / width]).collect()
}

/// Values of any length, each behind its length.
pub(crate) struct Plain<'a>(pub &'a [u8]);

impl<'a> Iterator for Plain<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some(value)
    }
}

/// Numbers of a fixed width in runs of equal ones and in packs of eight.
///
/// # Format
/// ```text
/// run      varint 2n, then one number in whole bytes, which counts n times
/// packs    varint 2n + 1, then 8n numbers, lowest bits first
/// ```
pub(crate) struct Hybrid<'a> {
    rest: &'a [u8],
    /// Bits of a number, 0 to 32.
    width: u32,
    run: Run<'a>,
}

enum Run<'a> {
    Equal { value: u64, left: u64 },
    Packed { bytes: &'a [u8], bit: u64, left: u64 },
}

impl<'a> Hybrid<'a> {
    pub(crate) fn new(bytes: &'a [u8], width: u32) -> Self {
        Self { rest: bytes, width, run: Run::Equal { value: 0, left: 0 } }
    }

    /// Numbers that all lie in one pack, without a header.
    pub(crate) fn packed(bytes: &'a [u8], width: u32) -> Self {
        let left = (8 * bytes.len() as u64).checked_div(width.into()).unwrap_or(0);
        Self { rest: &[], width, run: Run::Packed { bytes, bit: 0, left } }
    }

    /// The next run, whose header and value take at least a byte.
    fn next_run(&mut self) -> Option<()> {
        let head = self.varint()?;
        self.run = if head & 1 == 0 {
            let (value, rest) = self.rest.split_at_checked(self.width.div_ceil(8) as usize)?;
            self.rest = rest;
            Run::Equal { value: little_endian(value), left: head >> 1 }
        } else {
            let packs = head >> 1;
            let length = packs.saturating_mul(self.width.into());
            // The last pack may end early.
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(self.rest.len());
            let (bytes, rest) = self.rest.split_at(length);
            self.rest = rest;
            Run::Packed { bytes, bit: 0, left: packs.saturating_mul(8) }
        };
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl Iterator for Hybrid<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        loop {
            match &mut self.run {
                Run::Equal { value, left } if *left > 0 => {
                    *left -= 1;
                    return Some(*value);
                }
                Run::Packed { bytes, bit, left } if *left > 0 => {
                    let end = *bit + u64::from(self.width);
                    if end > 8 * bytes.len() as u64 {
                        return None;
                    }
                    let first = (*bit / 8) as usize;
                    // Eight bytes hold any number of 32 bits, wherever it begins in the first; the last may have fewer.
                    let number = match bytes[first..].first_chunk() {
                        Some(chunk) => u64::from_le_bytes(*chunk),
                        None => little_endian(&bytes[first..end.div_ceil(8) as usize]),
                    } >> (*bit % 8);
                    (*bit, *left) = (end, *left - 1);
                    return Some(number & ((1 << self.width) - 1));
                }
                _ => self.next_run()?,
            }
        }
    }
}

/// A number of at most eight bytes.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the example of parquet's Encodings.md, 0 to 7 in three bits, behind a run of five sixes.
    #[test]
    fn runs_and_packs_decode_to_their_numbers() {
        let bytes = [10, 6, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let numbers: Vec<u64> = Hybrid::new(&bytes, 3).collect();
        assert_eq!(numbers, [6, 6, 6, 6, 6, 0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn numbers_of_every_width_survive_packing() {
        for width in 0..=32_u32 {
            let numbers: Vec<u64> = (0..16_u64).map(|i| (i * 0x9e37_79b9) & ((1 << width) - 1)).collect();
            let mut bytes = vec![5];
            let bits = numbers.iter().flat_map(|n| (0..width).map(move |bit| (n >> bit & 1) as u8));
            let bits: Vec<u8> = bits.collect();
            bytes.extend(bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)));
            assert_eq!(Hybrid::new(&bytes, width).collect::<Vec<_>>(), numbers, "{width} bits");
        }
    }

    #[test]
    fn streams_of_bytes_join_to_numbers() {
        assert_eq!(joined(&[1, 2, 3, 11, 12, 13], 2), [1, 11, 2, 12, 3, 13]);
        assert_eq!(Hybrid::packed(&[0b0000_0110], 1).collect::<Vec<_>>(), [0, 1, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn values_end_where_a_length_reaches_beyond() {
        let bytes = [2, 0, 0, 0, 7, 8, 3, 0, 0, 0, 9, 9];
        assert_eq!(Plain(&bytes).collect::<Vec<_>>(), [[7, 8]]);
        assert_eq!(Dictionary::new(bytes.to_vec(), 2, None).err(), Some(1));
        assert_eq!(Dictionary::new(bytes.to_vec(), 2, Some(8)).err(), Some(1));
    }
}
