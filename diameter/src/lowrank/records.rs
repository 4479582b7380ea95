//! What the low-rank bound needs to know of each row, laid out for the kernel that bounds many pairs at once.

use rayon::prelude::*;

use super::{Directions, residual, slack};
use crate::centroid::spread;
use crate::entry::{Entry, Square};
use crate::evaluate::Search;
use crate::kernels::{self, BAND_ROWS, DIRECTIONS, STRIP, TILE_ROWS};
use crate::rows::{self, Rows};
use crate::{Counter, DiameterError, Stage};

/// Rows that have fewer entries are faster compared than projected.
const LEAST_DIM: usize = 64;

/// Rows from which the directions are computed.
const SAMPLE_ROWS: usize = 256;

/// Bytes of that sample, and of the directions.
const SAMPLE_BYTES: usize = 16 << 20;
const DIRECTION_BYTES: usize = 20 << 20;

/// Directions that are worth the trouble.
const LEAST_DIRECTIONS: usize = 4;

/// Bytes of rows that one thread projects at a time.
const PROJECTED_BYTES: usize = 512 << 10;

/// Such parts of the store whose projections wait to be put in their places.
const PARTS: usize = 32;

/// Bytes of records, beside 8 for each row of the store.
const RECORD_BYTES: usize = 24 << 20;

/// Rows in a block of bounds: whole tiles and whole bands.
pub(super) const BLOCK: usize = 5 * TILE_ROWS * BAND_ROWS / 2;

/// What the bound needs to know of each row, by position in the ranking.
pub(super) struct Records {
    /// In each tile of [`TILE_ROWS`] positions `width` numbers of every position: what `half` of the projections leave,
    /// these, the others, what all leave, the enlarged squared radius. All lengths are multiplied by `scale`.
    tiles: Vec<f32>,
    width: usize,
    half: usize,
    scale: f64,
}

/// The factors of some rows: (2ρ_half, −2a, 2ρ, q).
pub(super) struct Band {
    positions: [usize; BAND_ROWS],
    factors: Vec<[f32; BAND_ROWS]>,
}

impl Records {
    /// The records of the first `count` positions; `None` when the rows are unfit for bounds of this kind.
    pub(super) fn new<E: Entry, R: Rows<E>>(
        search: &Search<'_, E, R>,
        count: usize,
    ) -> Result<Option<Self>, DiameterError> {
        let dim = search.rows.dim();
        let storable =
            (RECORD_BYTES + 8 * search.ranked.len()) / (size_of::<f32>() * count.next_multiple_of(BLOCK));
        let affordable = size_of::<f32>() * dim * DIRECTIONS <= DIRECTION_BYTES;
        let wanted = if affordable { storable.saturating_sub(3).min(DIRECTIONS) } else { 0 };
        let Some(scale) = scale(search.ranked[0].square.above()) else { return Ok(None) };
        if dim < LEAST_DIM || wanted < LEAST_DIRECTIONS {
            return Ok(None);
        }
        let directions = directions(search, count, wanted)?;
        if directions.count() == 0 || directions.defect > 0.01 || directions.error > 0.001 {
            return Ok(None);
        }
        Ok(Some(project(search, &directions, count, scale)?))
    }

    /// The single below which a bound proves a pair closer than `floor`.
    pub(super) fn threshold<S: Square>(&self, floor: S) -> f32 {
        ((floor.below() * self.scale * self.scale) as f32).next_down()
    }

    /// One tile, `[number, position]`.
    fn tile(&self, index: usize) -> &[[f32; TILE_ROWS]] {
        &self.tiles.as_chunks().0[index * self.width..][..self.width]
    }

    fn at(&self, position: usize, number: usize) -> f32 {
        self.tile(position / TILE_ROWS)[number][position % TILE_ROWS]
    }

    /// Where the residuals are among the numbers.
    fn residuals(&self) -> [usize; 2] {
        [0, self.width - 2]
    }

    /// The factors of some positions for bounds of the squared distances from them.
    pub(super) fn band(&self, positions: [usize; BAND_ROWS]) -> Band {
        let mut factors = vec![[0.0; BAND_ROWS]; self.width];
        for (row, position) in positions.into_iter().enumerate() {
            for (factors, numbers) in factors.iter_mut().zip(self.tile(position / TILE_ROWS)) {
                factors[row] = -2.0 * numbers[position % TILE_ROWS];
            }
        }
        for residual in self.residuals() {
            factors[residual] = factors[residual].map(|factor| -factor);
        }
        let last = self.width - 1;
        factors[last] = factors[last].map(|factor| -0.5 * factor);
        Band { positions, factors }
    }

    /// The same without the residuals: not for bounds, but for estimates of the squared distances.
    pub(super) fn band_of_estimates(&self, positions: [usize; BAND_ROWS]) -> Band {
        let mut band = self.band(positions);
        for residual in self.residuals() {
            band.factors[residual] = [0.0; BAND_ROWS];
        }
        band
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
        let (numbers, last) = (self.tile(tile), self.width - 1);
        let mut bounds = [[0.0; TILE_ROWS]; BAND_ROWS];
        let mut reach = |terms| kernels::bounds(&band.factors, numbers, terms, threshold, &mut bounds);
        if !reach(0..self.half + 1) || !reach(1..last) {
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

    /// Rows that go farthest in some direction, by position.
    pub(super) fn extremes(&self, count: usize) -> Vec<usize> {
        let ends = (1..self.width - 2).into_par_iter().flat_map_iter(|direction| {
            let mut least = (f32::INFINITY, 0);
            let mut most = (f32::NEG_INFINITY, 0);
            for position in 0..count {
                let along = self.at(position, direction);
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

/// A power of two that brings the largest radius near 1, so that single precision neither overflows nor underflows.
fn scale(largest_square: f64) -> Option<f64> {
    // Beyond these limits the squares of entries or of the scale leave the range of a double.
    (1e-200..1e200)
        .contains(&largest_square)
        .then(|| 2.0_f64.powi((-0.5 * largest_square.log2()).floor() as i32))
}

fn directions<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    count: usize,
    wanted: usize,
) -> Result<Directions, DiameterError> {
    let dim = search.rows.dim();
    let sample_rows = (SAMPLE_BYTES / (dim * size_of::<E>())).clamp(2, SAMPLE_ROWS).min(count);
    let mut sample = vec![E::default(); sample_rows * dim];
    for (index, row) in sample.chunks_exact_mut(dim).enumerate() {
        // Denser far from the centre: most undecided pairs have a row there.
        let position = spread(index * index, sample_rows * sample_rows, count);
        search.gather(&search.ranked[position..=position], row)?;
    }
    Ok(Directions::principal(&sample, &search.centre, wanted.min(sample_rows)))
}

/// The records of the first `count` positions, computed in the order of the store so that it is read in large pieces.
fn project<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    directions: &Directions,
    count: usize,
    scale: f64,
) -> Result<Records, DiameterError> {
    let (dim, width) = (search.rows.dim(), directions.count() + 3);
    let per_part = (PROJECTED_BYTES / (dim * size_of::<E>())).clamp(1, 1024).next_multiple_of(STRIP);
    let mut positions = vec![None; search.rows.len()];
    for (position, ranked) in (0..count as u32).zip(&search.ranked) {
        positions[ranked.row as usize] = Some(position);
    }
    let mut table = vec![0.0_f32; count.next_multiple_of(BLOCK) * width];
    // Nothing is far from positions that do not exist.
    table[count * width..].chunks_exact_mut(width).for_each(|record| record[width - 1] = f32::NEG_INFINITY);
    let progress = Counter::new(Stage::Projections, count as u64, search.report);
    for (wave, positions) in positions.chunks(PARTS * per_part).enumerate() {
        let parts: Vec<Vec<f32>> = positions
            .par_chunks(per_part)
            .enumerate()
            .map_init(
                || vec![E::default(); per_part * dim],
                |buffer, (part, positions)| {
                    let rows = read_some(search.rows, (wave * PARTS + part) * per_part, positions, buffer)?;
                    let projections = directions.project(rows, &search.centre, scale);
                    let mut records = vec![0.0; projections.len() * width];
                    for ((record, projection), &position) in
                        records.chunks_exact_mut(width).zip(&projections).zip(positions.iter().flatten())
                    {
                        // Exact: the scale is a power of two.
                        let radius = search.ranked[position as usize].square.above() * scale * scale;
                        fill_record(record, radius, projection, directions);
                    }
                    progress.add(projections.len() as u64);
                    Ok::<_, DiameterError>(records)
                },
            )
            .collect::<Result<_, _>>()?;
        let records = parts.iter().flat_map(|part| part.chunks_exact(width));
        for (&position, record) in positions.iter().flatten().zip(records) {
            table[position as usize * width..][..width].copy_from_slice(record);
        }
    }
    table.par_chunks_exact_mut(TILE_ROWS * width).for_each(|tile| transpose(tile, width));
    Ok(Records { tiles: table, width, half: directions.count() / 2, scale })
}

/// Reads those of the rows from `first` on that have a position, one after the other into `buffer`; returns them.
fn read_some<'b, E: Entry>(
    rows: &impl Rows<E>,
    first: usize,
    positions: &[Option<u32>],
    buffer: &'b mut [E],
) -> Result<&'b [E], DiameterError> {
    let (mut row, mut filled) = (first, 0);
    for run in positions.chunk_by(|a, b| a.is_some() == b.is_some()) {
        if run[0].is_some() {
            let end = filled + run.len() * rows.dim();
            rows::read(rows, row, &mut buffer[filled..end])?;
            filled = end;
        }
        row += run.len();
    }
    Ok(&buffer[..filled])
}

/// The numbers of one row.
fn fill_record(record: &mut [f32], radius: f64, projection: &[f64], directions: &Directions) {
    let count = directions.count();
    let left = |projected| above(residual(radius, projected, directions.defect, directions.error));
    let squares = |projection: &[f64]| projection.iter().map(|a| a * a).sum::<f64>();
    record[0] = left(squares(&projection[..count / 2]));
    for (out, &a) in record[1..].iter_mut().zip(&projection[..count]) {
        *out = a as f32;
    }
    record[count + 1] = left(squares(&projection[..count]));
    // 2⁻¹⁰⁰ exceeds what singles lose to underflow; 1e-14 is more than the roundings to doubles in this line.
    let enlarged = 1.0 + slack(count + 3, directions.defect, directions.error) + 1e-14;
    record[count + 2] = above(radius * enlarged + 2.0_f64.powi(-100));
}

/// A single that is greater than a double.
fn above(x: f64) -> f32 {
    (x as f32).next_up()
}

/// `[position, number]` to `[number, position]`, within one tile.
fn transpose(tile: &mut [f32], width: usize) {
    let mut rows = [0.0; TILE_ROWS * (DIRECTIONS + 3)];
    rows[..tile.len()].copy_from_slice(tile);
    for (number, out) in tile.as_chunks_mut::<TILE_ROWS>().0.iter_mut().enumerate() {
        for (position, out) in out.iter_mut().enumerate() {
            *out = rows[position * width + number];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lowrank;
    use crate::rows::RowSlice;
    use proptest::prelude::*;

    /// Rows along a few shared directions with a little noise, from a small linear congruential generator.
    fn correlated(count: usize, dim: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1_u64 << 24) as f64 - 0.5
        };
        let mut data = Vec::with_capacity(count * dim);
        for _ in 0..count {
            let weights = [200.0 * next(), 120.0 * next(), 40.0 * next()];
            for column in 0..dim {
                let x = column as f64 / dim as f64;
                let smooth = weights[0] + weights[1] * (6.0 * x).sin() + weights[2] * (17.0 * x).cos();
                data.push((128.0 + smooth + 20.0 * next()) as u8);
            }
        }
        data
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The property on which exactness rests: neither of the computed bounds is below the squared distance it bounds.
        #[test]
        fn bounds_in_singles_are_above_the_distances(
            seed in any::<u64>(), dim in 64_usize..200, wanted in LEAST_DIRECTIONS..=DIRECTIONS,
        ) {
            let data = correlated(40, dim, seed);
            let rows = RowSlice::new(&data, dim).unwrap();
            let search = Search::start(&rows, &|_| ()).unwrap();
            let directions = directions(&search, 40, wanted).unwrap();
            let scale = scale(search.ranked[0].square.above()).unwrap();
            let records = project(&search, &directions, 40, scale).unwrap();
            for (i, a) in search.ranked.iter().enumerate() {
                let band = records.band([i; BAND_ROWS]);
                for (j, b) in search.ranked.iter().enumerate().filter(|&(j, _)| i != j) {
                    let [a, b] = [a.row, b.row].map(|row| &data[row as usize * dim..][..dim]);
                    let threshold = records.threshold(kernels::u8_squared_distance(a, b));
                    let mut visited = 0;
                    records.visit(&band, j / TILE_ROWS, threshold, |_, _, pair| visited += u32::from(pair == [i, j]));
                    prop_assert_eq!(visited as usize, BAND_ROWS, "positions {}, {}", i, j);
                }
            }
        }

        #[test]
        fn the_bound_in_doubles_agrees_with_the_bound_in_singles(seed in any::<u64>()) {
            let data = correlated(8, 64, seed);
            let rows = RowSlice::new(&data, 64).unwrap();
            let search = Search::start(&rows, &|_| ()).unwrap();
            let directions = directions(&search, 8, 4).unwrap();
            let records = project(&search, &directions, 8, 1.0 / 1024.0).unwrap();
            let ordered: Vec<u8> = search
                .ranked
                .iter()
                .flat_map(|ranked| &data[ranked.row as usize * 64..][..64])
                .copied()
                .collect();
            let projections = directions.project(&ordered, &search.centre, 1.0);
            for (i, a) in projections.iter().enumerate() {
                let mut bounds = [f32::NAN; 8];
                records.visit(&records.band([i; BAND_ROWS]), 0, f32::NEG_INFINITY, |bound, _, [_, j]| {
                    if let Some(out) = bounds.get_mut(j) {
                        *out = bound;
                    }
                });
                for (j, b) in projections.iter().enumerate() {
                    let radii = [i, j].map(|at| search.ranked[at].square as f64);
                    let projected = [a, b].map(|a| a.iter().map(|x| x * x).sum::<f64>());
                    let residuals = [0, 1].map(|at| residual(radii[at], projected[at], directions.defect, directions.error));
                    let product = a.iter().zip(b).map(|(x, y)| x * y).sum();
                    let exact = lowrank::upper_bound(radii, product, projected, residuals, directions.defect);
                    let computed = f64::from(bounds[j]) * 1024.0 * 1024.0;
                    // Beside the slack there is the rounding of a bound in singles that the slack covers.
                    let slack = slack(directions.count() + 3, directions.defect, directions.error);
                    prop_assert!((computed - exact).abs() <= 2.0 * slack * (radii[0] + radii[1]));
                }
            }
        }
    }

    #[test]
    fn only_rows_with_a_position_are_read() {
        let data: Vec<u8> = (0..14).collect();
        let mut buffer = [0; 10];
        let positions = [Some(4), Some(0), None, Some(1), None];
        let found = read_some(&RowSlice::new(&data, 2).unwrap(), 1, &positions, &mut buffer).unwrap();
        assert_eq!(found, [2, 3, 4, 5, 8, 9]);
    }
}
