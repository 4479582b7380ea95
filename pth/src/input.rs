//! Bytes with a known end.

use std::io::{Read, Seek, SeekFrom};

use super::blob::Blob;
use super::error::Position;
use super::fault::Fault;

/// Bytes from which on a string is left in the file, where that is asked for: names of any kind are shorter.
const SHORTEST_LEFT: u64 = 1 << 16;

/// A reader that knows how much is left, so that no length is believed before it is checked.
pub(super) struct Input<R> {
    inner: R,
    offset: u64,
    end: u64,
    part: &'static str,
    left_at: Option<u64>,
}

impl<R: Read> Input<R> {
    /// Bytes `0..end` of `inner`, which stands at 0. `part` names it in messages.
    pub(super) fn new(inner: R, end: u64, part: &'static str) -> Self {
        Self { inner, offset: 0, end, part, left_at: None }
    }

    /// Leaves long strings of bytes in the file, of which this input is the part that starts at `start`.
    pub(super) fn leave_in_file(&mut self, start: u64) {
        self.left_at = Some(start);
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes not yet read.
    pub(super) fn left(&self) -> u64 {
        self.end - self.offset
    }

    /// The name and position of what starts at `offset`.
    pub(super) fn position(&self, offset: u64, item: &'static str) -> Position {
        Position { part: self.part, offset, item }
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.check(N as u64)?;
        let mut array = [0; N];
        self.inner.read_exact(&mut array)?;
        self.offset += N as u64;
        Ok(array)
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64) -> Result<Vec<u8>, Fault> {
        self.check(len)?;
        let bytes = read_exactly(&mut self.inner, len)?;
        self.offset += len;
        Ok(bytes)
    }

    /// The bytes up to the next newline, which is read and dropped.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, Fault> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                byte => line.push(byte),
            }
        }
    }

    fn check(&self, needed: u64) -> Result<(), Fault> {
        let left = self.left();
        if needed > left { Err(Fault::Truncated { needed, left }) } else { Ok(()) }
    }
}

impl<R: Read + Seek> Input<R> {
    /// Passes over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), Fault> {
        self.check(len)?;
        self.offset += len;
        self.inner.seek(SeekFrom::Start(self.offset))?;
        Ok(())
    }

    /// The next `len` bytes, or their place where they are left in the file.
    pub(super) fn blob(&mut self, len: u64) -> Result<Blob, Fault> {
        match self.left_at {
            Some(start) if len >= SHORTEST_LEFT => {
                let place = start + self.offset;
                self.skip(len)?;
                Ok(Blob::left(place, len))
            }
            _ => self.take(len).map(Blob::from),
        }
    }

    /// The bytes of a [`Input::blob`] that was left in the file.
    pub(super) fn left_blob(&mut self, place: u64, len: u64) -> Result<Vec<u8>, Fault> {
        self.at(place - self.left_at.unwrap_or(0), len)
    }

    /// `len` bytes at `offset`, both from a place passed over before. The input is of no further use in order.
    pub(super) fn at(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, Fault> {
        self.inner.seek(SeekFrom::Start(offset))?;
        read_exactly(&mut self.inner, len)
    }
}

/// Exactly `len` bytes, which the caller has checked against the size of the file.
///
/// # Errors
///
/// [`Fault::Memory`] without memory for them, [`Fault::Truncated`] at an early end, [`Fault::Read`].
pub(super) fn read_exactly(reader: &mut impl Read, len: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = reserve(len)?;
    let found = reader.take(len).read_to_end(&mut bytes)? as u64;
    if found < len { Err(Fault::Truncated { needed: len, left: found }) } else { Ok(bytes) }
}

/// An empty vector with room for `len` bytes, or [`Fault::Memory`] where `Vec` would abort the process.
pub(super) fn reserve(len: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let fits = usize::try_from(len).is_ok_and(|len| bytes.try_reserve_exact(len).is_ok());
    if fits { Ok(bytes) } else { Err(Fault::Memory { bytes: len }) }
}
