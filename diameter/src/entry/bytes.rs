//! Bytes: squared distances are integers, computed exactly.

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;

use super::{Arithmetic, Entry};
use crate::block::{Block, for_each_pair};
use crate::error::Error;
use crate::kept::Kept;
use crate::kernels;

/// Columns multiplied at once. Entries less 128 have products of at most 2¹⁴ in magnitude, so sums of 2¹⁰ of them are
/// integers of at most 2²⁴: exact in single precision in whatever order they are added.
const COLUMNS: usize = 1024;

impl Entry for u8 {
    type Squared = u64;

    fn certified(square: u64, _: usize) -> u64 {
        square
    }

    fn reached(squared: u64) -> u64 {
        squared
    }
}

impl Arithmetic for u8 {
    type Square = u64;

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn nearest(mean: f64) -> Self {
        mean.round() as Self
    }

    fn squared_distance(a: &[Self], b: &[Self]) -> u64 {
        kernels::u8_squared_distance(a, b)
    }

    fn centred(row: &[Self], centre: &[Self], scale: f64, out: &mut [f32]) {
        kernels::u8_centred(row, centre, scale, out);
    }

    fn lower(square: u64, _: usize) -> u64 {
        square
    }

    fn upper(square: u64, _: usize) -> u64 {
        square
    }

    fn check(_: &[Self], _: usize) -> Result<(), Error> {
        Ok(())
    }

    /// By ‖x‖² + ‖y‖² − 2 x·y, with all entries less 128.
    fn farthest_between(a: &Block<'_, Self>, b: &Block<'_, Self>, kept: &mut Kept<u64>) {
        let products = products(a, b);
        let (a_norms, b_norms) = (norms(a), norms(b));
        let mut least = kept.best.map_or(0, |(square, _)| square as i64);
        let before = kept.evaluated;
        let mut visited = 0;
        for_each_pair(a, b, |i, j| {
            visited += 1;
            let square = a_norms[i] + b_norms[j] - 2 * products[[i, j]];
            if square >= least {
                least = square;
                kept.offer(square as u64, a.numbers[i], b.numbers[j]);
            }
        });
        kept.evaluated = before + visited;
    }
}

fn norms(block: &Block<'_, u8>) -> Vec<i64> {
    let origin = vec![128; block.dim];
    (0..block.numbers.len()).map(|i| u8::squared_distance(block.row(i), &origin) as i64).collect()
}

/// Exact inner products of the rows of two blocks, entries less 128.
fn products(a: &Block<'_, u8>, b: &Block<'_, u8>) -> Array2<i64> {
    let shape = (a.numbers.len(), b.numbers.len());
    let mut sums = Array2::<i64>::zeros(shape);
    let mut part = Array2::<f32>::zeros(shape);
    let width = COLUMNS.min(a.dim);
    let (mut a_tile, mut b_tile) = (Array2::zeros((shape.0, width)), Array2::zeros((shape.1, width)));
    for start in (0..a.dim).step_by(width) {
        fill_tile(a, start, &mut a_tile);
        fill_tile(b, start, &mut b_tile);
        general_mat_mul(1.0, &a_tile, &b_tile.t(), 0.0, &mut part);
        sums.zip_mut_with(&part, |sum, &part| *sum += part as i64);
    }
    sums
}

/// Copies columns `start ..` of a block, less 128, and zeros where there are none.
fn fill_tile(block: &Block<'_, u8>, start: usize, tile: &mut Array2<f32>) {
    for (row, mut out) in block.entries.chunks_exact(block.dim).zip(tile.rows_mut()) {
        let missing = (start + out.len()).saturating_sub(block.dim);
        let present = out.len() - missing;
        for (out, &entry) in out.iter_mut().zip(&row[start..start + present]) {
            *out = f32::from(entry) - 128.0;
        }
        out.iter_mut().skip(present).for_each(|out| *out = 0.0);
    }
}
