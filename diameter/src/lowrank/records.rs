//! The records of all rows, laid out for the kernel that bounds many pairs at once.

use rayon::prelude::*;

use super::record::{BESIDE, Record, along, by_all, by_half};
use crate::centroid::Square;
use crate::kernels::{self, BAND_ROWS, DIRECTIONS, TILE_ROWS};

/// The records of the rows, by position in the ranking.
pub(super) struct Records {
    /// In tiles of [`TILE_ROWS`] positions: `[tile][number][position]`.
    numbers: Vec<f32>,
    /// Numbers of a record.
    width: usize,
    /// What all lengths are multiplied by: a power of two.
    scale: f64,
}

/// Some rows whose distances from all the others are to be bounded.
pub(super) struct Band {
    positions: [usize; BAND_ROWS],
    /// What the numbers of another row are multiplied by: `[number][row]`.
    factors: Vec<[f32; BAND_ROWS]>,
}

impl Records {
    /// Lays out records that lie one after the other, `width` numbers each, for whole tiles.
    pub(super) fn new(mut numbers: Vec<f32>, width: usize, scale: f64) -> Self {
        numbers.par_chunks_exact_mut(TILE_ROWS * width).for_each(|tile| transpose(tile, width));
        Self { numbers, width, scale }
    }

    /// The single below which a bound proves a pair closer than `floor`.
    pub(super) fn threshold<S: Square>(&self, floor: S) -> f32 {
        ((floor.below() * self.scale * self.scale) as f32).next_down()
    }

    /// One tile: `[number][position]`.
    fn tile(&self, index: usize) -> &[[f32; TILE_ROWS]] {
        &self.numbers.as_chunks().0[index * self.width..][..self.width]
    }

    /// The rows at some positions, for upper bounds of squared distances from them.
    pub(super) fn band(&self, positions: [usize; BAND_ROWS]) -> Band {
        self.band_with(positions, 2.0)
    }

    /// The same without what the directions leave: not for bounds, but for estimates of squared distances.
    pub(super) fn band_of_estimates(&self, positions: [usize; BAND_ROWS]) -> Band {
        self.band_with(positions, 0.0)
    }

    /// ‖u‖² + ‖w‖² − 2 a·b + `of_left`·‖u'‖‖w'‖, as factors of ‖w‖², b, ‖w'‖.
    fn band_with(&self, positions: [usize; BAND_ROWS], of_left: f32) -> Band {
        let mut factors = vec![[0.0; BAND_ROWS]; self.width];
        for (row, position) in positions.into_iter().enumerate() {
            for (factors, numbers) in factors.iter_mut().zip(self.tile(position / TILE_ROWS)) {
                factors[row] = numbers[position % TILE_ROWS];
            }
        }
        let Record { left_by_half, along, left, radius: _ } = Record::of(&mut factors);
        along.as_flattened_mut().iter_mut().for_each(|factor| *factor *= -2.0);
        left_by_half.iter_mut().chain(left).for_each(|factor| *factor *= of_left);
        Band { positions, factors }
    }

    /// Computes the bounds of a band and a tile, first by half of the directions, and visits those that are at least
    /// `threshold`, with their row in the band and both positions.
    #[inline]
    pub(super) fn visit(
        &self,
        band: &Band,
        tile: usize,
        threshold: f32,
        mut visit: impl FnMut(f32, usize, [usize; 2]),
    ) {
        let numbers = self.tile(tile);
        let mut bounds = [[0.0; TILE_ROWS]; BAND_ROWS];
        let mut reach = |terms| kernels::bounds(&band.factors, numbers, terms, threshold, &mut bounds);
        if !reach(by_half(self.width)) || !reach(by_all(self.width)) {
            return;
        }
        for (row, (bounds, &position)) in bounds.iter().zip(&band.positions).enumerate() {
            for (lane, &bound) in bounds.iter().enumerate() {
                if bound >= threshold {
                    visit(bound, row, [position, tile * TILE_ROWS + lane]);
                }
            }
        }
    }

    /// The positions below `count` that go farthest along each direction, one way and the other.
    pub(super) fn extremes(&self, count: usize) -> Vec<usize> {
        let ends = along(self.width).into_par_iter().flat_map_iter(|number| {
            let mut least = (f32::INFINITY, 0);
            let mut most = (f32::NEG_INFINITY, 0);
            for position in 0..count {
                let along = self.tile(position / TILE_ROWS)[number][position % TILE_ROWS];
                if along < least.0 {
                    least = (along, position);
                }
                if along > most.0 {
                    most = (along, position);
                }
            }
            [least.1, most.1]
        });
        ends.collect()
    }
}

/// `[position][number]` to `[number][position]`, within one tile.
fn transpose(tile: &mut [f32], width: usize) {
    let mut rows = [0.0; TILE_ROWS * (DIRECTIONS + BESIDE)];
    rows[..tile.len()].copy_from_slice(tile);
    for (number, out) in tile.as_chunks_mut::<TILE_ROWS>().0.iter_mut().enumerate() {
        for (position, out) in out.iter_mut().enumerate() {
            *out = rows[position * width + number];
        }
    }
}
