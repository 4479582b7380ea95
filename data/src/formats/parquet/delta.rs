//! Integers as differences to the one before, in blocks of equally many, packed as tightly as each part of a block allows.
//!
//! # Format
//! ```text
//! values   varints: values of a block, parts of a block, number of values; zigzag: the first value; blocks
//! block    zigzag: least difference; a byte each: bits of a number of each part; parts
//! part     what each difference is above the least, lowest bits first
//! ```

/// Integers of 4 or 8 bytes.
pub(crate) struct Delta<'a> {
    rest: &'a [u8],
    /// Bytes of a value.
    width: usize,
    parts: usize,
    /// Values of a part.
    in_part: u64,
    left: u64,
    /// The value to come where none was before, else the one before.
    value: i64,
    begun: bool,
    least: i64,
    /// Bits of the parts of the block to come.
    bits: &'a [u8],
    part: Part<'a>,
    bytes: [u8; 8],
}

/// The part that is being read.
#[derive(Default)]
struct Part<'a> {
    bytes: &'a [u8],
    bits: u8,
    next: u64,
    left: u64,
}

impl<'a> Delta<'a> {
    /// Nothing where the values are none.
    pub(crate) fn new(bytes: &'a [u8], width: usize) -> Option<Self> {
        let mut rest = bytes;
        let (block, parts, left) = (varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?);
        let value = zigzag(&mut rest)?;
        let (in_part, parts) = (block.checked_div(parts)?, usize::try_from(parts).ok()?);
        let part = Part::default();
        Some(Self {
            rest,
            width,
            parts,
            in_part,
            left,
            value,
            begun: false,
            least: 0,
            bits: &[],
            part,
            bytes: [0; 8],
        })
    }

    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::replace(&mut self.begun, true) {
            if self.part.left == 0 {
                self.next_part()?;
            }
            self.value = self.value.wrapping_add(self.least).wrapping_add(self.part.next()?);
        }
        self.bytes = self.value.to_le_bytes();
        self.bytes.get(..self.width)
    }

    fn next_part(&mut self) -> Option<()> {
        if self.bits.is_empty() {
            self.least = zigzag(&mut self.rest)?;
            (self.bits, self.rest) = self.rest.split_at_checked(self.parts)?;
        }
        let (&bits, others) = self.bits.split_first()?;
        self.bits = others;
        let length = usize::try_from(self.in_part.saturating_mul(bits.into()) / 8).unwrap_or(usize::MAX);
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        self.part = Part { bytes, bits, next: 0, left: self.in_part };
        (bits <= 64 && self.in_part > 0).then_some(())
    }
}

impl Part<'_> {
    fn next(&mut self) -> Option<i64> {
        let (start, end) = (self.next, self.next + u64::from(self.bits));
        let bytes = self.bytes.get((start / 8) as usize..end.div_ceil(8) as usize)?;
        let number =
            bytes.iter().rev().fold(0_u128, |number, &byte| number << 8 | u128::from(byte)) >> (start % 8);
        (self.next, self.left) = (end, self.left - 1);
        Some(((number & ((1 << self.bits) - 1)) as u64).cast_signed())
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn zigzag(rest: &mut &[u8]) -> Option<i64> {
    let number = varint(rest)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(bytes: &[u8]) -> Vec<i32> {
        let mut delta = Delta::new(bytes, 4).unwrap();
        std::iter::from_fn(|| delta.next().map(|value| i32::from_le_bytes(value.try_into().unwrap())))
            .collect()
    }

    /// Source: the examples of parquet's Encodings.md: 1 to 5, whose differences are all 1, and 7, 5, 3, 1, 2, 3, 4, 5, whose
    /// least is -2 and whose packed ones are 0, 0, 0, 3, 3, 3, 3 in two bits.
    #[test]
    fn differences_add_up() {
        assert_eq!(values(&[128, 1, 4, 5, 2, 2, 0, 0, 0, 0]), [1, 2, 3, 4, 5]);
        let second = [128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0];
        assert_eq!(values(&second), [7, 5, 3, 1, 2, 3, 4, 5]);
        for length in 5..11 {
            assert!(values(&second[..length]).len() < 8, "{length} bytes");
        }
        assert!(Delta::new(&[128, 1, 0, 8, 14], 4).is_none());
        assert_eq!(values(&[0, 4, 8, 14, 3, 2, 0, 0, 0]), [7]);
    }
}
