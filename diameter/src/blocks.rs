//! Every pair of a set of rows, by blocks that stay in the cache.

use rayon::prelude::*;

use crate::block::Block;
use crate::entry::Entry;
use crate::error::Error;
use crate::kept::Kept;
use crate::progress::{Counter, Progress, Stage};
use crate::rows::Rows;

/// Rows in a block.
const BLOCK: usize = 256;

/// Bytes of rows that all threads together hold.
const BLOCK_BYTES: usize = 24 << 20;

/// Pairs of blocks between two looks at the largest distance found.
const BATCH: usize = 64;

/// Evaluates all pairs of the rows with these numbers, except pairs of blocks whose first positions are `near`.
pub(crate) fn by_blocks<E: Entry>(
    rows: &impl Rows<E>,
    numbers: &[u32],
    mut kept: Kept<E::Square>,
    near: impl Fn(&Kept<E::Square>, usize, usize) -> bool + Sync,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Kept<E::Square>, Error> {
    let per_block = rows_per_block::<E>(rows.dim());
    let starts = |from: usize| (from..numbers.len()).step_by(per_block);
    let total = starts(0).map(|i| starts(i).len() as u64).sum();
    let mut pairs = starts(0).flat_map(|i| starts(i).map(move |j| (i, j)));
    let progress = Counter::new(Stage::Blocks, total, report);
    loop {
        let batch: Vec<(usize, usize)> = pairs.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(kept);
        }
        let before = kept;
        let members = |start: usize| &numbers[start..numbers.len().min(start + per_block)];
        let found = batch
            .par_iter()
            .filter(|&&(i, j)| !near(&before, i, j))
            .map_init(
                || [vec![E::default(); per_block * rows.dim()], vec![E::default(); per_block * rows.dim()]],
                |[a, b], &(i, j)| {
                    let mut kept = Kept { evaluated: 0, ..before };
                    let (a, b) = (Block::read(rows, members(i), a)?, Block::read(rows, members(j), b)?);
                    E::farthest_between(&a, &b, &mut kept);
                    Ok::<_, Error>(kept)
                },
            )
            .try_reduce(|| Kept::NONE, |a, b| Ok(a.join(b)))?;
        kept = kept.join(found);
        progress.add(batch.len() as u64);
    }
}

/// Blocks as high as the memory for them allows.
fn rows_per_block<E>(dim: usize) -> usize {
    let blocks = 2 * rayon::current_num_threads();
    (BLOCK_BYTES / blocks / (dim * size_of::<E>()).max(1)).clamp(1, BLOCK)
}
