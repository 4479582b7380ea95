//! Every pair of a set of rows, by blocks that stay in the cache.

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;
use rayon::prelude::*;

use super::entry::{Arithmetic, Block, Entry, Kept};
use super::evaluate::{block, found};
use super::rows::Rows;
use super::{Counter, Diameter, DiameterError, Method, Progress, Stage, check_count};

/// Rows in a block.
const BLOCK: usize = 256;

/// Bytes of rows that all threads together hold.
const BLOCK_BYTES: usize = 24 << 20;

/// Pairs of blocks between two looks at the largest distance found.
const BATCH: usize = 64;

/// Columns multiplied at once. Entries less 128 have products of at most 2¹⁴ in magnitude, so sums of 2¹⁰ of them are
/// integers of at most 2²⁴: exact in single precision in whatever order they are added.
const COLUMNS: usize = 1024;

/// The largest distance between two rows, by evaluating all pairs: the reference for [`super::diameter`].
///
/// # Accuracy
/// As [`super::diameter`]. For `u8`, products of blocks are computed by a single-precision matrix product in which every
/// partial sum is an integer of at most 2²⁴, hence exact.
///
/// # Errors
/// As [`super::diameter`].
///
/// # Example
/// ```
/// use ncsn_diameter::{RowSlice, brute_force};
/// let corners = [0_u8, 0, 3, 0, 3, 4];
/// let found = brute_force(&RowSlice::new(&corners, 2)?, |_| ())?;
/// assert_eq!((found.squared, found.pairs_evaluated), (25, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn brute_force<E: Entry>(
    rows: &impl Rows<E>,
    progress: impl Fn(Progress) + Sync,
) -> Result<Diameter<E::Squared>, DiameterError> {
    check_count(rows.len())?;
    // The pass refuses rows that have no distances.
    let centre = super::centroid::centre(rows)?;
    super::centroid::rank(rows, &centre, &progress)?;
    let numbers: Vec<u32> = (0..rows.len() as u32).collect();
    let kept = by_blocks(rows, &numbers, Kept::NONE, |_, _, _| false, &progress)?;
    found(rows, kept, Method::Blocks)
}

/// Evaluates all pairs of the rows with these numbers, except pairs of blocks whose first positions are `near`.
pub(super) fn by_blocks<E: Entry>(
    rows: &impl Rows<E>,
    numbers: &[u32],
    mut kept: Kept<E::Square>,
    near: impl Fn(&Kept<E::Square>, usize, usize) -> bool + Sync,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Kept<E::Square>, DiameterError> {
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
                    let (a, b) = (block(rows, members(i), a)?, block(rows, members(j), b)?);
                    E::farthest_between(&a, &b, &mut kept);
                    Ok::<_, DiameterError>(kept)
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

/// Visits the pairs of two blocks, or of one block with itself, once each.
fn for_each_pair<E>(a: &Block<'_, E>, b: &Block<'_, E>, mut visit: impl FnMut(usize, usize)) {
    let same = a.numbers[0] == b.numbers[0];
    for i in 0..a.numbers.len() {
        for j in if same { i + 1 } else { 0 }..b.numbers.len() {
            visit(i, j);
        }
    }
}

/// Distances as sums of squared differences.
pub(super) fn farthest_by_differences<E: Arithmetic>(
    a: &Block<'_, E>,
    b: &Block<'_, E>,
    kept: &mut Kept<E::Square>,
) {
    let dim = a.dim;
    for_each_pair(a, b, |i, j| {
        let square = E::squared_distance(&a.entries[i * dim..][..dim], &b.entries[j * dim..][..dim]);
        kept.offer(square, a.numbers[i], b.numbers[j]);
    });
}

/// Distances as ‖x‖² + ‖y‖² − 2 x·y with all entries less 128.
pub(super) fn farthest_by_products(a: &Block<'_, u8>, b: &Block<'_, u8>, kept: &mut Kept<u64>) {
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

fn norms(block: &Block<'_, u8>) -> Vec<i64> {
    let origin = vec![128; block.dim];
    block.rows().map(|(_, row)| u8::squared_distance(row, &origin) as i64).collect()
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
