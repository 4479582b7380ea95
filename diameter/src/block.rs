//! Some rows at once, in memory.

use crate::error::Error;
use crate::kept::Kept;
use crate::rows::{self, Rows};

/// Rows of a store, read into memory.
pub struct Block<'a, T> {
    /// The entries, row after row.
    pub(crate) entries: &'a [T],
    /// The number of each row in the store.
    pub(crate) numbers: &'a [u32],
    /// Entries per row.
    pub(crate) dim: usize,
}

impl<'a, T> Block<'a, T> {
    /// Reads the rows with these numbers, at least one, into the start of `buffer`.
    pub(crate) fn read(rows: &impl Rows<T>, numbers: &'a [u32], buffer: &'a mut [T]) -> Result<Self, Error> {
        let dim = rows.dim();
        let buffer = &mut buffer[..numbers.len() * dim];
        let consecutive = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        if consecutive {
            rows::read(rows, numbers[0] as usize, buffer)?;
        } else {
            for (&number, row) in numbers.iter().zip(buffer.chunks_exact_mut(dim)) {
                rows::read(rows, number as usize, row)?;
            }
        }
        Ok(Self { entries: buffer, numbers, dim })
    }

    pub(crate) fn row(&self, position: usize) -> &[T] {
        &self.entries[position * self.dim..][..self.dim]
    }
}

/// Visits the positions of every pair of rows of two blocks, or of one block with itself, once.
pub(crate) fn for_each_pair<T>(a: &Block<'_, T>, b: &Block<'_, T>, mut visit: impl FnMut(usize, usize)) {
    let same = a.numbers[0] == b.numbers[0];
    for i in 0..a.numbers.len() {
        for j in if same { i + 1 } else { 0 }..b.numbers.len() {
            visit(i, j);
        }
    }
}

/// Computes the distances of these pairs one by one and keeps the largest.
pub(crate) fn farthest_between<T, S: Copy + PartialOrd>(
    a: &Block<'_, T>,
    b: &Block<'_, T>,
    squared_distance: impl Fn(&[T], &[T]) -> S,
    kept: &mut Kept<S>,
) {
    for_each_pair(a, b, |i, j| {
        kept.offer(squared_distance(a.row(i), b.row(j)), a.numbers[i], b.numbers[j]);
    });
}
