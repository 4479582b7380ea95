//! Bytes with a known end, and the memory that a file of that size may ask for.

use std::io::{Read, Seek, SeekFrom};

use super::error::Place;
use super::fault::Fault;

/// A reader that knows how much is left, so that no length is believed before it is checked.
pub(super) struct Input<R> {
    inner: R,
    offset: u64,
    end: u64,
    part: &'static str,
}

impl<R: Read> Input<R> {
    /// Bytes `0..end` of `inner`, which stands at 0. `part` names it in messages.
    pub(super) fn new(inner: R, end: u64, part: &'static str) -> Self {
        Self { inner, offset: 0, end, part }
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
    pub(super) fn place(&self, offset: u64, item: &'static str) -> Place {
        Place { part: self.part, offset, item }
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

/// The memory that a file may still ask for.
///
/// A memo lets a pickle of 100 bytes name 2³⁰ objects, a stride of 0 lets a tensor of any size live in four bytes, and
/// deflate packs 1000 to 1. A real checkpoint asks for two bytes per byte of its storages: the storage, and its tensor.
pub(super) struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// Allowed for any file, however small: a state dict without its tensors.
    const BASE: u64 = 64 << 20;
    /// Allowed per byte of file.
    const RATIO: u64 = 16;

    /// The budget of a file of `len` bytes: 64 MiB + 16 `len`.
    pub(super) fn new(len: u64) -> Self {
        let limit = len.saturating_mul(Self::RATIO).saturating_add(Self::BASE);
        Self { left: limit, limit }
    }

    /// Takes `bytes` away, or fails with [`Fault::Budget`].
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes).ok_or(self.exceeded())?;
        Ok(())
    }

    /// The fault of asking for more.
    pub(super) fn exceeded(&self) -> Fault {
        Fault::Budget { limit: self.limit }
    }

    /// Takes `count` items of `size` bytes away, or fails with [`Fault::Budget`].
    pub(super) fn charge_items(&mut self, count: usize, size: usize) -> Result<(), Fault> {
        self.charge((count as u64).saturating_mul(size as u64))
    }
}
