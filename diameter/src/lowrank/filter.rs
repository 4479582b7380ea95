//! The low-rank bound for all pairs of a staircase.

use rayon::prelude::*;

use super::project::{BLOCK, records};
use super::records::Records;
use crate::centroid::{Square, Staircase};
use crate::entry::Entry;
use crate::error::Error;
use crate::kept::Kept;
use crate::kernels::{BAND_ROWS, TILE_ROWS};
use crate::progress::{Counter, Stage};
use crate::rows::Rows;
use crate::search::Search;

/// Sweeps by estimates at most; they end when one finds nothing farther.
const SWEEPS: usize = 6;

/// Pairs of blocks between two looks at the largest distance found.
const BATCH: usize = 64;

/// Pairs that one pair of blocks, and all together, may leave.
const BLOCK_CANDIDATES: usize = 8_192;
const CANDIDATES: usize = 1 << 19;

/// Evaluating a pair alone costs about as much as this many pairs in blocks.
const COST_OF_ONE: u64 = 32;

/// Columns of a block of bounds; the factors of a band serve as many.
const COLUMNS: usize = 4 * BLOCK;

/// Candidates between the first two looks at the largest distance found; each next wave is twice as large.
const WAVE: usize = 512;

/// A pair of positions and an upper bound of its squared distance, in the filter's unit.
#[derive(Clone, Copy)]
struct Candidate {
    bound: f32,
    pair: [u32; 2],
}

/// Discards pairs by low-rank bounds and evaluates the others; `false` when too many are left, or the rows are unfit.
pub(crate) fn decide<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    stairs: &Staircase,
) -> Result<bool, Error> {
    let count = stairs.rows();
    let Some(records) = records(search, count)? else { return Ok(false) };
    sweep(search, &records, count)?;
    let Some(candidates) = filter(search, &search.staircase(), &records)? else { return Ok(false) };
    evaluate(search, candidates, &records)?;
    Ok(true)
}

/// Raises the largest distance found: evaluates some rows with that which seems farthest from each, then those in turn.
///
/// The first are the pair found so far and the rows that go farthest along the directions.
fn sweep<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    records: &Records,
    count: usize,
) -> Result<(), Error> {
    let found = search.kept.best.map_or([0; 2], |(_, rows)| rows);
    let mut from = records.extremes(count);
    from.extend((0..count).filter(|&position| found.contains(&search.ranked[position].row)));
    for _ in 0..SWEEPS {
        let mut found: Vec<Candidate> = from
            .par_chunks(BAND_ROWS)
            .flat_map_iter(|from| seemingly_farthest(records, from, count))
            .collect();
        best_first(&mut found);
        from = found.iter().take(BAND_ROWS).map(|candidate| candidate.pair[1] as usize).collect();
        // Estimates are no bounds: none of these pairs may be discarded for its estimate.
        for candidate in &mut found {
            candidate.bound = f32::INFINITY;
        }
        let before = search.floor();
        evaluate(search, found, records)?;
        if search.floor() <= before {
            break;
        }
    }
    Ok(())
}

/// For each of at most [`BAND_ROWS`] positions the one whose estimated distance from it is largest.
fn seemingly_farthest(records: &Records, from: &[usize], count: usize) -> Vec<Candidate> {
    let mut positions = [from[0]; BAND_ROWS];
    positions[..from.len()].copy_from_slice(from);
    let band = records.band_of_estimates(positions);
    let mut farthest = [(f32::NEG_INFINITY, None); BAND_ROWS];
    for tile in 0..count.div_ceil(TILE_ROWS) {
        let beaten = farthest.iter().fold(f32::INFINITY, |least, (estimate, _)| least.min(*estimate));
        records.visit(&band, tile, beaten, |estimate, row, [i, j]| {
            if estimate > farthest[row].0 && i != j {
                farthest[row] = (estimate, Some([i as u32, j as u32]));
            }
        });
    }
    let found = farthest.into_iter().take(from.len());
    found.filter_map(|(bound, pair)| pair.map(|pair| Candidate { bound, pair })).collect()
}

/// Pairs of a staircase whose bound is not below the floor; `None` when they are too many to be worth it.
fn filter<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    stairs: &Staircase,
    records: &Records,
) -> Result<Option<Vec<Candidate>>, Error> {
    let limit = CANDIDATES.min((stairs.pairs / COST_OF_ONE) as usize);
    let columns = |i: usize| (i..stairs.reach[i] as usize).step_by(COLUMNS);
    let bands = || (0..stairs.reach.len()).step_by(BLOCK);
    let progress = Counter::new(Stage::Bounds, bands().map(|i| columns(i).len() as u64).sum(), search.report);
    let mut blocks = bands().flat_map(|i| columns(i).map(move |j| [i, j]));
    let mut candidates: Vec<Candidate> = Vec::new();
    loop {
        let batch: Vec<[usize; 2]> = blocks.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(Some(candidates));
        }
        let crowded = list(search, stairs, records, &batch, &mut candidates)?;
        if !crowded.is_empty() || candidates.len() > limit {
            // A larger distance may thin them out; if not, the rows are like noise and no bound of this kind helps.
            thin_out(search, records, &mut candidates)?;
            let still = list(search, stairs, records, &crowded, &mut candidates)?;
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
    stairs: &Staircase,
    records: &Records,
    blocks: &[[usize; 2]],
    candidates: &mut Vec<Candidate>,
) -> Result<Vec<[usize; 2]>, Error> {
    let outcomes: Vec<(Vec<Candidate>, Kept<E::Square>)> = blocks
        .par_iter()
        .map_init(
            || search.pair_buffers(),
            |buffers, &block| filter_block(search, stairs, records, block, buffers),
        )
        .collect::<Result<_, Error>>()?;
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
) -> Result<(), Error> {
    best_first(candidates);
    let rest = candidates.split_off(candidates.len().min(8 * WAVE));
    evaluate(search, std::mem::replace(candidates, rest), records)?;
    let threshold = records.threshold(search.floor());
    candidates.retain(|candidate| candidate.bound >= threshold);
    Ok(())
}

/// Bounds the pairs of two blocks of positions, evaluates the most promising one and lists the others that it leaves;
/// when these are too many, only some.
fn filter_block<E: Entry, R: Rows<E>>(
    search: &Search<'_, E, R>,
    stairs: &Staircase,
    records: &Records,
    [i, j]: [usize; 2],
    buffers: &mut [Vec<E>; 2],
) -> Result<(Vec<Candidate>, Kept<E::Square>), Error> {
    let floor = search.floor();
    if E::Square::closer_than(floor, [search.ranked[i].square, search.ranked[j].square]) {
        return Ok((Vec::new(), Kept::NONE));
    }
    let mut found = at_least(stairs, records, records.threshold(floor), [i, j]);
    let Some(best) = found.iter().copied().reduce(|a, b| if b.bound > a.bound { b } else { a }) else {
        return Ok((found, Kept::NONE));
    };
    let kept = search.evaluate_row(best.pair[0], [best.pair[1]], buffers)?;
    let raised =
        records.threshold(kept.best.map_or(floor, |(square, _)| E::lower(square, search.rows.dim())));
    found.retain(|candidate| candidate.bound >= raised && candidate.pair != best.pair);
    // One too many says that there are too many; the memory for the others is not needed.
    found.truncate(BLOCK_CANDIDATES + 1);
    found.shrink_to_fit();
    Ok((found, kept))
}

/// The pairs of a staircase in two blocks, from the positions `i`, `j` on, whose bounds are at least `threshold`.
fn at_least(stairs: &Staircase, records: &Records, threshold: f32, [i, j]: [usize; 2]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for top in (i..stairs.reach.len().min(i + BLOCK)).step_by(BAND_ROWS) {
        let band = records.band(std::array::from_fn(|row| top + row));
        let (from, to) = (j.max(top + 1), (stairs.reach[top] as usize).min(j + COLUMNS));
        for tile in from / TILE_ROWS..to.div_ceil(TILE_ROWS) {
            records.visit(&band, tile, threshold, |bound, _, [a, b]| {
                if a < b && stairs.reach.get(a).is_some_and(|&reach| b < reach as usize) {
                    found.push(Candidate { bound, pair: [a as u32, b as u32] });
                }
            });
        }
    }
    found
}

/// Evaluates candidates, the most promising first, until the rest is bounded below the largest distance found.
fn evaluate<E: Entry, R: Rows<E>>(
    search: &mut Search<'_, E, R>,
    mut candidates: Vec<Candidate>,
    records: &Records,
) -> Result<(), Error> {
    best_first(&mut candidates);
    let (mut rest, mut size) = (&mut candidates[..], WAVE);
    while !rest.is_empty() {
        let threshold = records.threshold(search.floor());
        let end = rest.partition_point(|candidate| candidate.bound >= threshold).min(size);
        let (wave, after) = rest.split_at_mut(end);
        // Pairs of one row share its reading.
        wave.par_sort_unstable_by_key(|candidate| candidate.pair);
        let kept = wave
            .par_chunk_by(|a, b| a.pair[0] == b.pair[0])
            .map_init(
                || search.pair_buffers(),
                |buffers, pairs| {
                    let others = pairs.iter().map(|candidate| candidate.pair[1]);
                    search.evaluate_row(pairs[0].pair[0], others, buffers)
                },
            )
            .try_reduce(|| Kept::NONE, |a, b| Ok(a.join(b)))?;
        search.kept = search.kept.join(kept);
        rest = if end < size { &mut [] } else { after };
        size *= 2;
    }
    Ok(())
}

/// Sorts by descending bound, ties by position so that every run evaluates the same pairs.
fn best_first(candidates: &mut [Candidate]) {
    candidates.par_sort_unstable_by(|a, b| b.bound.total_cmp(&a.bound).then(a.pair.cmp(&b.pair)));
}
