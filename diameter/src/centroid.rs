//! The centroid certificate: rows near the centre cannot be far apart.

use rayon::prelude::*;

use super::entry::{Entry, Square};
use super::rows::{self, Rows};
use super::{DiameterError, Progress, Stage};
use ncsn_theory::Error;

/// Bytes of rows that are averaged for the centre; any centre is valid, so a sample is enough.
const SAMPLE_BYTES: usize = 4 << 20;
const SAMPLE_ROWS: usize = 512;

/// Bytes read at a time by one thread: a part of its second-level cache.
const READ_BYTES: usize = 256 << 10;

/// Whether two rows at squared distances `a`, `b` from one centre surely have a squared distance below `floor`.
///
/// # Formula
/// ```text
/// √a + √b < √floor   ⇔   a + b < floor  and  4ab < (floor − a − b)²
/// ```
/// and ‖x_i − x_j‖ ≤ ‖x_i − c‖ + ‖x_j − c‖.
///
/// # Accuracy
/// Exact: the sum of two 64-bit numbers and both products fit into 128 bits, since a·b ≤ (floor/2)² when a + b < floor.
pub fn closer_than(floor: u64, a: u64, b: u64) -> bool {
    let (floor, a, b) = (u128::from(floor), u128::from(a), u128::from(b));
    // The left side is at most floor² < 2¹²⁸.
    floor > a + b && 4 * a * b < (floor - a - b).pow(2)
}

/// A row and an upper bound of its squared distance from the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranked<S> {
    pub(super) square: S,
    pub(super) row: u32,
}

/// Mean of rows spread over the store, rounded to an entry.
pub(super) fn centre<E: Entry>(rows: &impl Rows<E>) -> Result<Vec<E>, DiameterError> {
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
pub(super) fn spread(index: usize, count: usize, len: usize) -> usize {
    (index as u128 * len as u128 / count as u128) as usize
}

/// Rows per block of about [`READ_BYTES`].
pub(super) fn rows_per_read<E>(dim: usize) -> usize {
    (READ_BYTES / (dim * size_of::<E>()).max(1)).clamp(1, 4096)
}

/// All rows with their squared distances from `centre`, farthest first; one pass over the store.
pub(super) fn rank<E: Entry>(
    rows: &impl Rows<E>,
    centre: &[E],
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Ranked<E::Square>>, DiameterError> {
    let (dim, per_read) = (rows.dim(), rows_per_read::<E>(rows.dim()));
    let mut ranked = vec![Ranked { square: Default::default(), row: 0 }; rows.len()];
    let progress = super::Counter::new(Stage::Radii, rows.len() as u64, report);
    let outcomes: Vec<Result<(), DiameterError>> = ranked
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

fn squared_radius<E: Entry>(row: &[E], centre: &[E], number: usize) -> Result<E::Square, Error> {
    let square = E::upper(E::squared_distance(row, centre), row.len());
    // No two rows are farther apart than twice the largest radius.
    if !(4.0 * square.above()).is_finite() {
        E::check(row, number)?;
        return Err(Error::Domain {
            name: "squared distance of a row from the centre",
            value: square.above(),
            allowed: "below a quarter of the largest double",
        });
    }
    Ok(square)
}

/// For each row in turn, the end of the rows that the certificate leaves it to be compared with.
///
/// Pairs of positions `i < j` with `j ≥ reach[i]` are closer than `floor`.
pub(super) struct Staircase {
    /// Ends that exceed their own position by more than one, from position 0 on; decreasing.
    pub(super) reach: Vec<u32>,
    /// Pairs that remain.
    pub(super) pairs: u64,
}

impl Staircase {
    /// # Formula
    /// Squares descend with the position, so the ends do too, and one sweep finds them all.
    pub(super) fn new<S: Square>(ranked: &[Ranked<S>], floor: S) -> Self {
        let mut stairs = Self { reach: Vec::new(), pairs: 0 };
        let mut end = ranked.len();
        for (i, row) in ranked.iter().enumerate() {
            while end > i + 1 && S::closer_than(floor, [row.square, ranked[end - 1].square]) {
                end -= 1;
            }
            if end <= i + 1 {
                break;
            }
            stairs.reach.push(end as u32);
            stairs.pairs += (end - i - 1) as u64;
        }
        stairs
    }

    /// Positions that occur in a remaining pair: `0 .. rows()`.
    pub(super) fn rows(&self) -> usize {
        self.reach.first().map_or(0, |&end| end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integer_rule_is_strict_at_equality() {
        // √9 + √16 = √49
        let decisions = [48, 49, 50].map(|floor| closer_than(floor, 9, 16));
        assert_eq!(decisions, [false, false, true]);
    }

    #[test]
    fn the_integer_rule_survives_the_largest_numbers() {
        assert!(!closer_than(u64::MAX, u64::MAX, u64::MAX));
        assert!(closer_than(u64::MAX, u64::MAX / 4 - 1, u64::MAX / 4 - 1));
        assert!(!closer_than(u64::MAX, u64::MAX / 4 + 1, u64::MAX / 4 + 1));
    }

    #[test]
    fn the_staircase_keeps_exactly_the_pairs_the_rule_keeps() {
        let squares = [100_u64, 81, 64, 36, 25, 9, 4, 1, 0];
        let ranked: Vec<_> = (0..).zip(squares).map(|(row, square)| Ranked { square, row }).collect();
        for floor in 0..=400 {
            let stairs = Staircase::new(&ranked, floor);
            let kept = |i: usize, j: usize| stairs.reach.get(i).is_some_and(|&end| j < end as usize);
            for j in 0..squares.len() {
                for i in 0..j {
                    assert_eq!(kept(i, j), !closer_than(floor, squares[i], squares[j]), "{floor} {i} {j}");
                }
            }
        }
    }
}
