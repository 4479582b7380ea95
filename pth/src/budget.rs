//! The memory that a file of some size may ask for.

use super::fault::Fault;

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
