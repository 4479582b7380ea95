//! The fractal heap, which holds the links of large groups.

use std::io::{Read, Seek};

use super::source::{Block, Source};
use crate::error::Error;

/// A heap: blocks in rows, of which each is twice as long as the one before.
pub(super) struct Heap {
    /// Bytes of a place, and of a length, within it.
    place: usize,
    length: usize,
    /// Blocks of a row.
    width: u64,
    first: u64,
    largest: u64,
    root: Option<u64>,
    /// Rows of the root; none if it is a block itself.
    rows: u64,
}

impl Heap {
    pub(super) fn open<R: Read + Seek>(source: &mut Source<R>, at: u64) -> Result<Self, Error> {
        let (offset, length) = (source.widths.offset, source.widths.length);
        let head = source.signed(at, (26 + 3 * offset + 12 * length) as u64, b"FRHP", true)?;
        let mut fields = head.fields();
        fields.take(7)?;
        fields.one_of(2, "bytes of filters of a heap", &[0])?;
        fields.take(1)?;
        let managed = fields.uint(4)?;
        fields.take(2 * offset + 10 * length)?;
        let here = fields;
        let width = fields.uint(2)?;
        let first = fields.length()?;
        let largest = fields.length()?;
        let bits = fields.uint(2)?;
        fields.take(2)?;
        let root = fields.offset()?;
        let rows = fields.uint(2)?;
        let sound = |n: u64| n.is_power_of_two() && n <= 1 << 32;
        if ![width, first, largest].into_iter().all(sound) || first > largest || bits > 64 || rows > 64 {
            return Err(here.wrong(
                "blocks of a heap",
                format!("{width} of {first} to {largest} bytes"),
                "powers of two",
            ));
        }
        let place = bits.div_ceil(8) as usize;
        let length = (largest.ilog2().div_ceil(8)).min(managed.max(1).ilog2() / 8 + 1) as usize;
        Ok(Self { place, length, width, first, largest, root, rows })
    }

    /// The object of an identifier.
    pub(super) fn find<'a, R: Read + Seek>(
        &self,
        source: &mut Source<'a, R>,
        identifier: &[u8],
    ) -> Result<Block<'a>, Error> {
        let mut parts = identifier;
        let kind = parts.split_off_first().map(|first| first >> 4 & 3);
        let (Some(0), Some(place), Some(length), Some(root)) =
            (kind, parts.split_off(..self.place), parts.split_off(..self.length), self.root)
        else {
            return Err(source.wrong(
                0,
                "object of a heap",
                format!("{identifier:02x?}"),
                "one in its blocks",
            ));
        };
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
        let (place, length) = (number(place), number(length));
        let (block, start) = self.block(source, root, self.rows, place)?;
        source.block(block.saturating_add(place - start), length)
    }

    /// Bytes of a block in a row.
    fn size(&self, row: u64) -> u64 {
        self.first.saturating_mul(1_u64.checked_shl(row.saturating_sub(1) as u32).unwrap_or(u64::MAX))
    }

    /// The block that holds a place, and where it begins in the heap.
    fn block<R: Read + Seek>(
        &self,
        source: &mut Source<R>,
        root: u64,
        rows: u64,
        place: u64,
    ) -> Result<(u64, u64), Error> {
        let (mut at, mut rows, mut start) = (root, rows, 0);
        // Each round goes to a block of fewer rows.
        while rows > 0 {
            let mut row = 0;
            while row < rows && place - start >= self.width.saturating_mul(self.size(row)) {
                start += self.width.saturating_mul(self.size(row));
                row += 1;
            }
            if row == rows {
                return Err(source.wrong(at, "place in a heap", place, "within its blocks"));
            }
            let column = (place - start) / self.size(row);
            start += column * self.size(row);
            let before = 5 + source.widths.offset + self.place;
            let entry = before as u64 + (row * self.width + column) * source.widths.offset as u64;
            source.signed(at, before as u64, b"FHIB", false)?;
            at = source.block(at.saturating_add(entry), source.widths.offset as u64)?.fields().address()?;
            rows = match self.size(row) {
                size if size <= self.largest => 0,
                size => u64::from((size / self.first / self.width).max(1).ilog2()) + 1,
            };
            if rows > row {
                return Err(source.wrong(at, "rows of a block", rows, row));
            }
        }
        Ok((at, start))
    }
}
