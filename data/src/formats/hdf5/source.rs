//! The bytes of a file, and the fields in them.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::Error;

/// Largest structure that is read as a whole.
const MAX_BLOCK: u64 = 64 << 20;

/// A file with the widths of its addresses and lengths.
pub(super) struct Source<'a, R> {
    input: R,
    pub path: &'a Path,
    /// Bytes of the file.
    pub length: u64,
    /// Where addresses count from.
    pub base: u64,
    pub widths: Widths,
    /// Bytes of structures that may still be read: they refer to each other, and could do so in circles.
    budget: u64,
}

/// Bytes of an address, and of a length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    pub offset: usize,
    pub length: usize,
}

impl<'a, R: Read + Seek> Source<'a, R> {
    pub(super) fn new(mut input: R, path: &'a Path) -> Result<Self, Error> {
        let length = input.seek(SeekFrom::End(0)).map_err(Error::reading(path))?;
        let budget = length.saturating_mul(16).saturating_add(1 << 20);
        Ok(Self { input, path, length, base: 0, widths: Widths { offset: 8, length: 8 }, budget })
    }

    /// Reads bytes that are there.
    ///
    /// # Errors
    /// `Kind::Damaged` — the file is shorter.
    pub(super) fn read(&mut self, at: u64, length: u64, into: &mut Vec<u8>) -> Result<(), Error> {
        let start = self.base.saturating_add(at);
        let end = start.saturating_add(length);
        if end > self.length {
            return Err(Error::short(self.path, end, self.length));
        }
        into.clear();
        self.input.seek(SeekFrom::Start(start)).map_err(Error::reading(self.path))?;
        let read = (&mut self.input).take(length).read_to_end(into).map_err(Error::reading(self.path))?;
        if (read as u64) < length {
            return Err(Error::short(self.path, end, start + read as u64));
        }
        Ok(())
    }

    /// A structure.
    pub(super) fn block(&mut self, at: u64, length: u64) -> Result<Block<'a>, Error> {
        if length > MAX_BLOCK {
            return Err(self.wrong(at, "length of a structure", length, "0 to 67108864"));
        }
        self.budget = match self.budget.checked_sub(length) {
            Some(left) => left,
            None => return Err(self.wrong(at, "structure", "read too often", "no circles of references")),
        };
        let mut bytes = Vec::new();
        self.read(at, length, &mut bytes)?;
        Ok(Block { bytes, at: self.base + at, path: self.path, widths: self.widths })
    }

    /// A structure that begins with four letters and ends in a checksum, if it is one of those that do.
    pub(super) fn signed(
        &mut self,
        at: u64,
        length: u64,
        letters: &[u8; 4],
        sum: bool,
    ) -> Result<Block<'a>, Error> {
        let mut block = self.block(at, length)?;
        if !block.bytes.starts_with(letters) {
            let found = String::from_utf8_lossy(&block.bytes[..block.bytes.len().min(4)]).into_owned();
            return Err(self.wrong(at, "signature", found, String::from_utf8_lossy(letters)));
        }
        if sum {
            block.check()?;
        }
        Ok(block)
    }

    pub(super) fn wrong(
        &self,
        at: u64,
        field: &str,
        found: impl std::fmt::Display,
        allowed: impl std::fmt::Display,
    ) -> Error {
        Error::field(self.path, self.base.saturating_add(at), field, found, allowed)
    }
}

/// A part of a file.
#[derive(Clone, Debug)]
pub(super) struct Block<'a> {
    pub bytes: Vec<u8>,
    /// Where it begins.
    pub at: u64,
    pub path: &'a Path,
    pub widths: Widths,
}

impl Block<'_> {
    /// Compares the last four bytes with the checksum of the others, and takes them off.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let Some((content, stated)) = self.bytes.split_last_chunk::<4>() else {
            return Err(Error::field(self.path, self.at, "checksum", "none", "4 bytes"));
        };
        let (stated, right) = (u32::from_le_bytes(*stated), checksum(content));
        if stated != right {
            let (found, allowed) = (format!("{stated:#010x}"), format!("{right:#010x}"));
            return Err(Error::field(self.path, self.at, "checksum", found, allowed));
        }
        self.bytes.truncate(self.bytes.len() - 4);
        Ok(())
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields { rest: &self.bytes, at: self.at, path: self.path, widths: self.widths }
    }
}

/// What is left of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'b> {
    pub rest: &'b [u8],
    pub at: u64,
    pub path: &'b Path,
    pub widths: Widths,
}

impl<'b> Fields<'b> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let Some(taken) = self.rest.split_off(..length) else {
            let found = format!("cut short after {} bytes", self.rest.len());
            return Err(self.wrong("structure", found, format!("{length} bytes")));
        };
        self.at += length as u64;
        Ok(taken)
    }

    /// A little-endian number of at most eight bytes.
    pub(super) fn uint(&mut self, width: usize) -> Result<u64, Error> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    /// An address, if it is one.
    pub(super) fn offset(&mut self) -> Result<Option<u64>, Error> {
        let width = self.widths.offset;
        let address = self.uint(width)?;
        Ok((address != u64::MAX >> (64 - 8 * width)).then_some(address))
    }

    /// An address that must be one.
    pub(super) fn address(&mut self) -> Result<u64, Error> {
        let here = *self;
        self.offset()?.ok_or_else(|| here.wrong("address", "undefined", "a place in the file"))
    }

    pub(super) fn length(&mut self) -> Result<u64, Error> {
        self.uint(self.widths.length)
    }

    /// A field that must have one of some values.
    pub(super) fn one_of(&mut self, width: usize, field: &str, allowed: &[u64]) -> Result<u64, Error> {
        let here = *self;
        let found = self.uint(width)?;
        if allowed.contains(&found) {
            return Ok(found);
        }
        let allowed: Vec<String> = allowed.iter().map(u64::to_string).collect();
        Err(here.wrong(field, found, allowed.join(", ")))
    }

    pub(super) fn wrong(
        &self,
        field: &str,
        found: impl std::fmt::Display,
        allowed: impl std::fmt::Display,
    ) -> Error {
        Error::field(self.path, self.at, field, found, allowed)
    }
}

/// Jenkins's hash "lookup3" of bytes, which HDF5 takes for a checksum.
fn checksum(bytes: &[u8]) -> u32 {
    let mut state = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    let mut rest = bytes;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(12));
        let mut padded = [0; 12];
        padded[..now.len()].copy_from_slice(now);
        for (word, bytes) in state.iter_mut().zip(padded.as_chunks().0) {
            *word = word.wrapping_add(u32::from_le_bytes(*bytes));
        }
        if later.is_empty() {
            last(&mut state);
        } else {
            mix(&mut state);
        }
        rest = later;
    }
    state[2]
}

fn mix(state: &mut [u32; 3]) {
    for (step, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
        let [x, y, z] = [0, 2, 1].map(|place| (step + place) % 3);
        state[x] = state[x].wrapping_sub(state[y]) ^ state[y].rotate_left(turn);
        state[y] = state[y].wrapping_add(state[z]);
    }
}

fn last(state: &mut [u32; 3]) {
    for (step, turn) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let [x, y] = [2, 1].map(|place| (step + place) % 3);
        state[x] = (state[x] ^ state[y]).wrapping_sub(state[y].rotate_left(turn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the comments of lookup3.c, driver5, with no initial value
    #[test]
    fn checksums_are_those_of_lookup3() {
        assert_eq!(checksum(b""), 0xdead_beef);
        assert_eq!(checksum(b"Four score and seven years ago"), 0x1777_0551);
    }
}
