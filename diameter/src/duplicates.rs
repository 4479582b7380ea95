//! Equal rows: the search needs one of each.

use rayon::prelude::*;

use crate::centroid::{Ranked, Square};
use crate::entry::Entry;
use crate::error::Error;
use crate::rows::{self, Rows};

/// A ranking without the rows that repeat another one, entry by entry; of equal rows the first in the store stays.
///
/// Unless all rows are equal, neither the largest distance nor the lexicographically smallest pair that has it changes.
///
/// # Arguments
/// * `ranked` — as from [`crate::ranking::rank`], where equal rows have equal squares
///
/// # Accuracy
/// Exact: rows are told apart by a hash, and compared where it is equal. Only rows that share their square are read,
/// once or twice. Memory: 12 bytes for each of those, and two rows per thread.
pub(crate) fn drop_equal<E: Entry>(
    rows: &impl Rows<E>,
    mut ranked: Vec<Ranked<E::Square>>,
) -> Result<Vec<Ranked<E::Square>>, Error> {
    let mut repeated = Vec::new();
    for run in ranked.chunk_by(|a, b| a.square == b.square).filter(|run| run.len() > 1) {
        repeated.extend(repetitions(rows, run)?);
    }
    repeated.sort_unstable();
    ranked.retain(|ranked| repeated.binary_search(&ranked.row).is_err());
    Ok(ranked)
}

/// The numbers of the rows that repeat one with a smaller number.
fn repetitions<E: Entry, S: Square>(rows: &impl Rows<E>, run: &[Ranked<S>]) -> Result<Vec<u32>, Error> {
    let buffer = || vec![E::default(); rows.dim()];
    let read = |number: u32, row: &mut [E]| rows::read(rows, number as usize, row);
    let mut hashed = run
        .par_iter()
        .map_init(buffer, |row, ranked| {
            read(ranked.row, row)?;
            Ok((hash(row), ranked.row))
        })
        .collect::<Result<Vec<(u32, u32)>, Error>>()?;
    hashed.par_sort_unstable();
    hashed
        .par_chunk_by(|a, b| a.0 == b.0)
        .filter(|alike| alike.len() > 1)
        .map_init(
            || [buffer(), buffer()],
            |[row, other], alike| {
                let (mut firsts, mut repeated) = (Vec::new(), Vec::new());
                for &(_, number) in alike {
                    read(number, row)?;
                    let mut known = false;
                    for &first in &firsts {
                        read(first, other)?;
                        known = known || same(row, other);
                    }
                    if known { repeated.push(number) } else { firsts.push(number) }
                }
                Ok(repeated)
            },
        )
        .try_reduce(Vec::new, |all, more| Ok([all, more].concat()))
}

/// Whether two rows have the same entries; 0 and −0 differ here, which only leaves a row too many.
fn same<E: Entry>(a: &[E], b: &[E]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_f64().to_bits() == b.to_f64().to_bits())
}

fn hash<E: Entry>(row: &[E]) -> u32 {
    // Odd and without a pattern: 2⁶⁴ divided by the golden ratio. Its products mix upwards, so the upper half is taken.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = row
        .iter()
        .fold(0, |hash: u64, entry| (hash.rotate_left(23) ^ entry.to_f64().to_bits()).wrapping_mul(FACTOR));
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::RowSlice;

    fn numbers(ranked: &[Ranked<u64>]) -> Vec<u32> {
        ranked.iter().map(|ranked| ranked.row).collect()
    }

    #[test]
    fn the_first_of_equal_rows_stays_and_the_order_of_the_ranking() {
        let data = [3_u8, 4, 4, 3, 0, 0, 4, 3, 3, 4, 5, 0, 0, 0];
        let rows = RowSlice::new(&data, 2).unwrap();
        let ranked =
            [0, 1, 3, 4, 5, 2, 6].map(|row| Ranked { square: if row % 4 == 2 { 0 } else { 25 }, row });
        let kept = drop_equal(&rows, ranked.to_vec()).unwrap();
        assert_eq!(numbers(&kept), [0, 1, 5, 2]);
    }

    /// After some 2¹⁶ rows two have one hash of 32 bits.
    #[test]
    fn rows_that_differ_all_stay_whatever_their_hash() {
        let mut seen = std::collections::HashMap::new();
        let (a, b) = (0_u32..)
            .find_map(|k| {
                let row = [f64::from(k), 0.5];
                seen.insert(hash(&row), row).map(|before| (before, row))
            })
            .unwrap();
        assert!(a != b && hash(&a) == hash(&b));
        let data = [a, b, a, b, b].concat();
        let rows = RowSlice::new(&data, 2).unwrap();
        let ranked: Vec<_> = (0..5).map(|row| Ranked { square: 1.0, row }).collect();
        let kept = drop_equal(&rows, ranked).unwrap();
        assert_eq!(kept.iter().map(|ranked| ranked.row).collect::<Vec<_>>(), [0, 1]);
    }
}
