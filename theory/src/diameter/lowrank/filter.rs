//! The low-rank bound for all pairs of a staircase, by single-precision matrix products.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::{Directions, residual, slack};
use crate::diameter::centroid::{Staircase, spread};
use crate::diameter::entry::{Entry, Kept, Square};
use crate::diameter::evaluate::Search;
use crate::diameter::kernels::{self, DIRECTIONS, STRIP};
use crate::diameter::rows::Rows;
use crate::diameter::{Counter, DiameterError, Stage};

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

/// Bytes of projections, beside 16 for each row of the store.
const RECORD_BYTES: usize = 16 << 20;

/// Rows in a block of bounds.
const BLOCK: usize = 256;

/// Pairs of blocks between two looks at the largest distance found.
const BATCH: usize = 64;

/// Pairs that one pair of blocks, and all together, may leave.
const BLOCK_CANDIDATES: usize = 8_192;
const CANDIDATES: usize = 1 << 19;

/// Evaluating a pair alone costs about as much as this many pairs in blocks.
const COST_OF_ONE: u64 = 32;

/// Candidates between two looks at the largest distance found.
const WAVE: usize = 512;

/// A pair of positions and an upper bound of its squared distance, in the filter's unit.
#[derive(Clone, Copy)]
struct Candidate {
    bound: f32,
    pair: [u32; 2],
}

/// What the bound needs to know of each row.
struct Records {
    /// For each position `width` numbers: the projections, the residual, the enlarged squared radius. All lengths are
    /// multiplied by `scale`.
    table: Vec<f32>,
    width: usize,
    scale: f64,
}

/// Discards pairs by low-rank bounds and evaluates the others; `false` when too many are left, or the rows are unfit.
pub(in crate::diameter) fn decide<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    stairs: &Staircase,
) -> Result<bool, DiameterError> {
    let Some(records) = records(search, stairs.rows())? else { return Ok(false) };
    evaluate(search, records.extremes(), &records)?;
    let Some(candidates) = filter(search, &search.staircase(), &records)? else { return Ok(false) };
    evaluate(search, candidates, &records)?;
    Ok(true)
}

/// A power of two that brings the largest radius near 1, so that single precision neither overflows nor underflows.
fn scale(largest_square: f64) -> Option<f64> {
    // Beyond these limits the squares of entries or of the scale leave the range of a double.
    (1e-200..1e200)
        .contains(&largest_square)
        .then(|| 2.0_f64.powi((-0.5 * largest_square.log2()).floor() as i32))
}

fn records<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    count: usize,
) -> Result<Option<Records>, DiameterError> {
    let dim = search.rows.dim();
    let storable = (RECORD_BYTES + 16 * search.ranked.len()) / (size_of::<f32>() * count) - 2;
    let wanted =
        if size_of::<f32>() * dim * DIRECTIONS <= DIRECTION_BYTES { storable.min(DIRECTIONS) } else { 0 };
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

fn directions<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    count: usize,
    wanted: usize,
) -> Result<Directions, DiameterError> {
    let dim = search.rows.dim();
    let sample_rows = (SAMPLE_BYTES / (dim * size_of::<E>())).clamp(2, SAMPLE_ROWS).min(count);
    let mut sample = vec![E::default(); sample_rows * dim];
    for (index, row) in sample.chunks_exact_mut(dim).enumerate() {
        let position = spread(index, sample_rows, count);
        search.gather(&search.ranked[position..=position], row)?;
    }
    Ok(Directions::principal(&sample, &search.centre, wanted.min(sample_rows)))
}

fn project<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    directions: &Directions,
    count: usize,
    scale: f64,
) -> Result<Records, DiameterError> {
    let (dim, width) = (search.rows.dim(), directions.count() + 2);
    let per_task = (PROJECTED_BYTES / (dim * size_of::<E>())).clamp(1, BLOCK).next_multiple_of(STRIP);
    let mut table = vec![0.0_f32; count * width];
    let progress = Counter::new(Stage::Projections, count as u64, search.report);
    table.par_chunks_mut(per_task * width).enumerate().try_for_each_init(
        || vec![E::default(); per_task * dim],
        |buffer, (task, records)| {
            let rows = records.len() / width;
            let ranked = &search.ranked[task * per_task..][..rows];
            search.gather(ranked, buffer)?;
            let projections = directions.project(&buffer[..rows * dim], &search.centre, scale);
            for ((ranked, projection), record) in
                ranked.iter().zip(projections).zip(records.chunks_exact_mut(width))
            {
                // Exact: the scale is a power of two.
                let radius = ranked.square.above() * scale * scale;
                fill_record(record, radius, &projection, directions);
            }
            progress.add(rows as u64);
            Ok::<_, DiameterError>(())
        },
    )?;
    Ok(Records { table, width, scale })
}

fn fill_record(record: &mut [f32], radius: f64, projection: &[f64], directions: &Directions) {
    let count = directions.count();
    let mut projected = 0.0;
    for (out, &a) in record[..count].iter_mut().zip(projection) {
        *out = a as f32;
        projected += a * a;
    }
    record[count] = above(residual(radius, projected, directions.defect, directions.error));
    // 2⁻¹⁰⁰ exceeds what singles lose to underflow; 1e-14 is more than the roundings to doubles in this line.
    let enlarged = 1.0 + slack(count + 3, directions.defect, directions.error) + 1e-14;
    record[count + 1] = above(radius * enlarged + 2.0_f64.powi(-100));
}

/// A single that is greater than a double.
fn above(x: f64) -> f32 {
    (x as f32).next_up()
}

impl Records {
    /// The single below which a bound proves a pair closer than `floor`.
    fn threshold<S: Square>(&self, floor: S) -> f32 {
        ((floor.below() * self.scale * self.scale) as f32).next_down()
    }

    /// All pairs of rows that go farthest in some direction: some of them are far apart.
    fn extremes(&self) -> Vec<Candidate> {
        let mut least = vec![(f32::INFINITY, 0_u32); self.width - 2];
        let mut most = vec![(f32::NEG_INFINITY, 0_u32); self.width - 2];
        for (position, record) in (0..).zip(self.table.chunks_exact(self.width)) {
            for ((&along, least), most) in record.iter().zip(&mut least).zip(&mut most) {
                if along < least.0 {
                    *least = (along, position);
                }
                if along > most.0 {
                    *most = (along, position);
                }
            }
        }
        let mut positions: Vec<u32> = least.into_iter().chain(most).map(|(_, position)| position).collect();
        positions.sort_unstable();
        positions.dedup();
        let pairs = positions.iter().enumerate().flat_map(|(index, &j)| {
            positions[..index].iter().map(move |&i| Candidate { bound: f32::INFINITY, pair: [i, j] })
        });
        pairs.collect()
    }

    /// Factors whose product is the bound: (−2a, 2ρ, q, 1) of the rows from `from` on, or (a, ρ, 1, q).
    fn factors(&self, from: usize, left: bool) -> Array2<f32> {
        let records = self.table[from * self.width..].chunks_exact(self.width).take(BLOCK);
        let (rows, count) = (records.len(), self.width - 2);
        let mut factors = Vec::with_capacity(rows * (count + 3));
        for record in records {
            let (square, lengths) = (record[count + 1], &record[..=count]);
            if left {
                factors.extend(lengths[..count].iter().map(|a| -2.0 * a));
                factors.extend([2.0 * lengths[count], square, 1.0]);
            } else {
                factors.extend_from_slice(lengths);
                factors.extend([1.0, square]);
            }
        }
        let shape = (rows, count + 3);
        Array2::from_shape_vec(shape, factors).expect("each record gives count + 3 factors")
    }
}

/// Pairs of a staircase whose bound is not below the floor; `None` when they are too many to be worth it.
fn filter<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    stairs: &Staircase,
    records: &Records,
) -> Result<Option<Vec<Candidate>>, DiameterError> {
    let limit = CANDIDATES.min((stairs.pairs / COST_OF_ONE) as usize);
    let columns = |i: usize| (i..stairs.reach[i] as usize).step_by(BLOCK);
    let bands = || (0..stairs.reach.len()).step_by(BLOCK);
    let progress = Counter::new(Stage::Bounds, bands().map(|i| columns(i).len() as u64).sum(), search.report);
    let mut blocks = bands().flat_map(|i| columns(i).map(move |j| [i, j]));
    let mut candidates: Vec<Candidate> = Vec::new();
    loop {
        let batch: Vec<[usize; 2]> = blocks.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(Some(candidates));
        }
        let crowded = list(search, records, &batch, &mut candidates)?;
        if !crowded.is_empty() || candidates.len() > limit {
            // A larger distance may thin them out; if not, the rows are like noise and no bound of this kind helps.
            thin_out(search, records, &mut candidates)?;
            let still = list(search, records, &crowded, &mut candidates)?;
            if !still.is_empty() || candidates.len() > limit / 2 {
                return Ok(None);
            }
        }
        progress.add(batch.len() as u64);
    }
}

/// Appends the candidates of some pairs of blocks; returns the pairs of blocks that have too many and were left out.
fn list<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    records: &Records,
    blocks: &[[usize; 2]],
    candidates: &mut Vec<Candidate>,
) -> Result<Vec<[usize; 2]>, DiameterError> {
    let outcomes: Vec<(Vec<Candidate>, Kept<E::Square>)> = blocks
        .par_iter()
        .map_init(
            || (Array2::zeros((BLOCK, BLOCK)), search.pair_buffers()),
            |(bounds, buffers), &block| filter_block(search, records, block, bounds, buffers),
        )
        .collect::<Result<_, DiameterError>>()?;
    let mut crowded = Vec::new();
    for (&block, (found, kept)) in blocks.iter().zip(outcomes) {
        search.kept = search.kept.join(kept);
        if found.len() > BLOCK_CANDIDATES {
            crowded.push(block);
        } else {
            candidates.extend(found);
        }
    }
    Ok(crowded)
}

/// Evaluates the most promising candidates and drops those that are then bounded below the largest distance found.
fn thin_out<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    records: &Records,
    candidates: &mut Vec<Candidate>,
) -> Result<(), DiameterError> {
    best_first(candidates);
    let rest = candidates.split_off(candidates.len().min(8 * WAVE));
    evaluate(search, std::mem::replace(candidates, rest), records)?;
    let threshold = records.threshold(search.floor());
    candidates.retain(|candidate| candidate.bound >= threshold);
    Ok(())
}

/// Bounds the pairs of two blocks of positions, evaluates the most promising one and lists the others that it leaves; when
/// these are too many, only some.
fn filter_block<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    records: &Records,
    [i, j]: [usize; 2],
    bounds: &mut Array2<f32>,
    buffers: &mut [Vec<E>; 2],
) -> Result<(Vec<Candidate>, Kept<E::Square>), DiameterError> {
    let floor = search.floor();
    if E::Square::closer_than(floor, [search.ranked[i].square, search.ranked[j].square]) {
        return Ok((Vec::new(), Kept::NONE));
    }
    let (left, right) = (records.factors(i, true), records.factors(j, false));
    let mut bounds = bounds.slice_mut(s![..left.nrows(), ..right.nrows()]);
    general_mat_mul(1.0, &left, &right.t(), 0.0, &mut bounds);
    let mut found = at_least(bounds.view(), records.threshold(floor), [i, j]);
    let Some(best) = found.iter().copied().reduce(|a, b| if b.bound > a.bound { b } else { a }) else {
        return Ok((found, Kept::NONE));
    };
    let kept = search.evaluate_pair(best.pair[0], best.pair[1], buffers)?;
    let raised =
        records.threshold(kept.best.map_or(floor, |(square, _)| E::lower(square, search.rows.dim())));
    found.retain(|candidate| candidate.bound >= raised && candidate.pair != best.pair);
    // One too many says that there are too many; the memory for the others is not needed.
    found.truncate(BLOCK_CANDIDATES + 1);
    found.shrink_to_fit();
    Ok((found, kept))
}

/// The entries at least `threshold` of a matrix of bounds whose corner stands for the positions `i`, `j`.
fn at_least(bounds: ArrayView2<'_, f32>, threshold: f32, [i, j]: [usize; 2]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (a, row) in bounds.rows().into_iter().enumerate() {
        let row = row.to_slice().expect("rows of a matrix in standard order are contiguous");
        if kernels::count_at_least(row, threshold) == 0 {
            continue;
        }
        for (b, &bound) in row.iter().enumerate() {
            let (a, b) = (i + a, j + b);
            if bound >= threshold && a < b {
                found.push(Candidate { bound, pair: [a as u32, b as u32] });
            }
        }
    }
    found
}

/// Evaluates candidates, the most promising first, until the rest is bounded below the largest distance found.
fn evaluate<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    mut candidates: Vec<Candidate>,
    records: &Records,
) -> Result<(), DiameterError> {
    best_first(&mut candidates);
    for wave in candidates.chunks(WAVE) {
        let threshold = records.threshold(search.floor());
        let end = wave.partition_point(|candidate| candidate.bound >= threshold);
        let kept = wave[..end]
            .par_iter()
            .map_init(
                || search.pair_buffers(),
                |buffers, candidate| search.evaluate_pair(candidate.pair[0], candidate.pair[1], buffers),
            )
            .try_reduce(|| Kept::NONE, |a, b| Ok(a.join(b)))?;
        search.kept = search.kept.join(kept);
        if end < wave.len() {
            break;
        }
    }
    Ok(())
}

/// Sorts by descending bound, ties by position so that every run evaluates the same pairs.
fn best_first(candidates: &mut [Candidate]) {
    candidates.par_sort_unstable_by(|a, b| b.bound.total_cmp(&a.bound).then(a.pair.cmp(&b.pair)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::{RowSlice, lowrank};
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

        /// The property on which exactness rests: no computed bound is below the squared distance it bounds.
        #[test]
        fn bounds_in_singles_are_above_the_distances(seed in any::<u64>(), dim in 64_usize..200) {
            let data = correlated(40, dim, seed);
            let rows = RowSlice::new(&data, dim).unwrap();
            let search = Search::start(&rows, &|_| ()).unwrap();
            let records = records(&search, 40).unwrap().unwrap();
            let mut bounds = Array2::zeros((40, 40));
            general_mat_mul(1.0, &records.factors(0, true), &records.factors(0, false).t(), 0.0, &mut bounds);
            for (i, a) in search.ranked.iter().enumerate() {
                for (j, b) in search.ranked.iter().enumerate() {
                    let [a, b] = [a.row, b.row].map(|row| &data[row as usize * dim..][..dim]);
                    let square = kernels::u8_squared_distance(a, b);
                    prop_assert!(i == j || bounds[[i, j]] >= records.threshold(square));
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
            let mut bounds = Array2::zeros((8, 8));
            general_mat_mul(1.0, &records.factors(0, true), &records.factors(0, false).t(), 0.0, &mut bounds);
            for (i, a) in projections.iter().enumerate() {
                for (j, b) in projections.iter().enumerate() {
                    let radii = [i, j].map(|at| search.ranked[at].square as f64);
                    let projected = [a, b].map(|a| a.iter().map(|x| x * x).sum::<f64>());
                    let residuals = [0, 1].map(|at| residual(radii[at], projected[at], directions.defect, directions.error));
                    let product = a.iter().zip(b).map(|(x, y)| x * y).sum();
                    let exact = lowrank::upper_bound(radii, product, projected, residuals, directions.defect);
                    let computed = f64::from(bounds[[i, j]]) * 1024.0 * 1024.0;
                    // Beside the slack there is the rounding of a bound in singles that the slack covers.
                    let allowance = 2.0 * slack(records.width + 1, directions.defect, directions.error) * (radii[0] + radii[1]);
                    prop_assert!((computed - exact).abs() <= allowance);
                }
            }
        }
    }
}
