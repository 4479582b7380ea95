//! One pass over the store: a centre, and the distance of every row from it.

use rayon::prelude::*;

use crate::centroid::{Ranked, Square};
use crate::entry::Entry;
use crate::error::Error;
use crate::progress::{Counter, Progress, Stage};
use crate::rows::{self, Rows};

/// Bytes of rows that are averaged for the centre; any centre is valid, so a sample is enough.
const SAMPLE_BYTES: usize = 4 << 20;
const SAMPLE_ROWS: usize = 512;

/// Bytes read at a time by one thread: a part of its second-level cache.
const READ_BYTES: usize = 256 << 10;

/// Mean of rows spread over the store, rounded to an entry.
pub(crate) fn centre<E: Entry>(rows: &impl Rows<E>) -> Result<Vec<E>, Error> {
    let affordable = SAMPLE_BYTES / (rows.dim() * size_of::<E>()).max(1);
    let count = affordable.clamp(16, SAMPLE_ROWS).min(rows.len());
    let mut row = vec![E::default(); rows.dim()];
    let mut mean = vec![0.0; rows.dim()];
    for sample in 0..count {
        let number = spread(sample, count, rows.len());
        rows::read(rows, number, &mut row)?;
        E::check(&row, number)?;
        for (mean, entry) in mean.iter_mut().zip(&row) {
            *mean += entry.to_f64() / count as f64;
        }
    }
    Ok(mean.into_iter().map(E::nearest).collect())
}

/// The `index`-th of `count` row numbers spread evenly over `0 .. len`.
pub(crate) fn spread(index: usize, count: usize, len: usize) -> usize {
    (index as u128 * len as u128 / count as u128) as usize
}

/// Rows per block of about [`READ_BYTES`].
pub(crate) fn rows_per_read<E>(dim: usize) -> usize {
    (READ_BYTES / (dim * size_of::<E>()).max(1)).clamp(1, 4096)
}

/// All rows with their squared distances from `centre`, farthest first; one pass over the store.
pub(crate) fn rank<E: Entry>(
    rows: &impl Rows<E>,
    centre: &[E],
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Ranked<E::Square>>, Error> {
    let (dim, per_read) = (rows.dim(), rows_per_read::<E>(rows.dim()));
    let mut ranked = vec![Ranked { square: Default::default(), row: 0 }; rows.len()];
    let progress = Counter::new(Stage::Radii, rows.len() as u64, report);
    let outcomes: Vec<Result<(), Error>> = ranked
        .par_chunks_mut(per_read)
        .enumerate()
        .map_init(
            || vec![E::default(); per_read * dim],
            |buffer, (index, block)| {
                let first = index * per_read;
                let buffer = &mut buffer[..block.len() * dim];
                rows::read(rows, first, buffer)?;
                for (offset, (ranked, row)) in block.iter_mut().zip(buffer.chunks_exact(dim)).enumerate() {
                    let number = first + offset;
                    let square = squared_radius(row, centre, number)?;
                    *ranked = Ranked { square, row: number as u32 };
                }
                progress.add(block.len() as u64);
                Ok(())
            },
        )
        .collect();
    // In order, so that the first bad row is the one named.
    outcomes.into_iter().collect::<Result<(), _>>()?;
    ranked.par_sort_unstable_by(|a, b| {
        b.square.partial_cmp(&a.square).unwrap_or(std::cmp::Ordering::Equal).then(a.row.cmp(&b.row))
    });
    Ok(ranked)
}

pub(crate) fn squared_radius<E: Entry>(row: &[E], centre: &[E], number: usize) -> Result<E::Square, Error> {
    let square = E::upper(E::squared_distance(row, centre), row.len());
    // No two rows are farther apart than twice the largest radius.
    if !(4.0 * square.above()).is_finite() {
        E::check(row, number)?;
        return Err(Error::TooFar { squared: square.above() });
    }
    Ok(square)
}
