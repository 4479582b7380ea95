//! One pass over the store: directions, and the projections of the rows on them.

use rayon::prelude::*;

use super::directions::Directions;
use super::record::{BESIDE, Record};
use super::records::Records;
use crate::centroid::Square;
use crate::entry::Entry;
use crate::error::Error;
use crate::kernels::{BAND_ROWS, DIRECTIONS, STRIP, TILE_ROWS};
use crate::progress::{Counter, Stage};
use crate::ranking::spread;
use crate::rows::{self, Rows};
use crate::search::Search;

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

/// The records of the first `count` positions; `None` when the rows are unfit for bounds of this kind.
pub(super) fn records<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    count: usize,
) -> Result<Option<Records>, Error> {
    let dim = search.rows.dim();
    let Some(scale) = scale(search.ranked[0].square.above()) else { return Ok(None) };
    let wanted = affordable_directions(dim, count, search.ranked.len());
    if dim < LEAST_DIM || wanted < LEAST_DIRECTIONS {
        return Ok(None);
    }
    let directions = directions(search, count, wanted)?;
    // What `residual` and `slack` presuppose.
    if directions.count() == 0 || directions.defect > 0.01 || directions.error > 0.001 {
        return Ok(None);
    }
    project(search, &directions, count, scale).map(Some)
}

/// As many directions as there is memory for them and for `count` records of a store of `rows` rows.
fn affordable_directions(dim: usize, count: usize, rows: usize) -> usize {
    if size_of::<f32>() * dim * DIRECTIONS > DIRECTION_BYTES {
        return 0;
    }
    let width = (RECORD_BYTES + 8 * rows) / (size_of::<f32>() * count.next_multiple_of(BLOCK));
    width.saturating_sub(BESIDE).min(DIRECTIONS)
}

/// A power of two that brings the largest radius near 1, so that single precision neither overflows nor underflows.
fn scale(largest_square: f64) -> Option<f64> {
    // Beyond these limits the squares of entries or of the scale leave the range of a double.
    (1e-200..1e200)
        .contains(&largest_square)
        .then(|| 2.0_f64.powi((-0.5 * largest_square.log2()).floor() as i32))
}

/// At most `wanted` directions in which the first `count` rows of the ranking differ most.
fn directions<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    count: usize,
    wanted: usize,
) -> Result<Directions, Error> {
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
) -> Result<Records, Error> {
    let (dim, width) = (search.rows.dim(), directions.count() + BESIDE);
    let per_part = (PROJECTED_BYTES / (dim * size_of::<E>())).clamp(1, 1024).next_multiple_of(STRIP);
    let mut numbers = vec![0.0_f32; count.next_multiple_of(BLOCK) * width];
    for beyond in numbers[count * width..].chunks_exact_mut(width) {
        // Nothing is far from positions that do not exist.
        *Record::of(beyond).radius = f32::NEG_INFINITY;
    }
    let progress = Counter::new(Stage::Projections, count as u64, search.report);
    for (wave, positions) in positions(search, count).chunks(PARTS * per_part).enumerate() {
        let parts: Vec<Vec<f32>> = positions
            .par_chunks(per_part)
            .enumerate()
            .map_init(
                || vec![E::default(); per_part * dim],
                |buffer, (part, positions)| {
                    let first = (wave * PARTS + part) * per_part;
                    let records = project_some(search, directions, scale, first, positions, buffer)?;
                    progress.add((records.len() / width) as u64);
                    Ok::<_, Error>(records)
                },
            )
            .collect::<Result<_, _>>()?;
        let records = parts.iter().flat_map(|part| part.chunks_exact(width));
        for (&position, record) in positions.iter().flatten().zip(records) {
            numbers[position as usize * width..][..width].copy_from_slice(record);
        }
    }
    Ok(Records::new(numbers, width, scale))
}

/// For each row of the store its position in the ranking, if it is below `count`.
fn positions<E: Entry, R: Rows<E>>(search: &Search<'_, E, R>, count: usize) -> Vec<Option<u32>> {
    let mut positions = vec![None; search.rows.len()];
    for (position, ranked) in (0..count as u32).zip(&search.ranked) {
        positions[ranked.row as usize] = Some(position);
    }
    positions
}

/// The records of those of the rows from `first` on that have a position, one after the other.
fn project_some<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    directions: &Directions,
    scale: f64,
    first: usize,
    positions: &[Option<u32>],
    buffer: &mut [E],
) -> Result<Vec<f32>, Error> {
    let rows = read_some(search.rows, first, positions, buffer)?;
    let projections = directions.project(rows, &search.centre, scale);
    let width = directions.count() + BESIDE;
    let mut records = vec![0.0; projections.len() * width];
    let places = positions.iter().flatten().zip(&projections);
    for (record, (&position, projection)) in records.chunks_exact_mut(width).zip(places) {
        // Exact: the scale is a power of two.
        let radius = search.ranked[position as usize].square.above() * scale * scale;
        Record::of(record).fill(radius, projection, directions);
    }
    Ok(records)
}

/// Reads those of the rows from `first` on that have a position, one after the other into `buffer`; returns them.
fn read_some<'b, E: Entry>(
    rows: &impl Rows<E>,
    first: usize,
    positions: &[Option<u32>],
    buffer: &'b mut [E],
) -> Result<&'b [E], Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels;
    use crate::lowrank::{residual, slack, upper_bound};
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

        /// The property on which exactness rests: neither computed bound is below the squared distance it bounds.
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
                    let (defect, error) = (directions.defect, directions.error);
                    let residuals = [0, 1].map(|at| residual(radii[at], projected[at], defect, error));
                    let product = a.iter().zip(b).map(|(x, y)| x * y).sum();
                    let exact = upper_bound(radii, product, projected, residuals, defect);
                    let computed = f64::from(bounds[j]) * 1024.0 * 1024.0;
                    // Beside the slack there is the rounding of a bound in singles that the slack covers.
                    let slack = slack(directions.count() + BESIDE, defect, error);
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
