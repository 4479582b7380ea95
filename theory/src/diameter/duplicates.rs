//! Equal rows: the search needs one of each.

use rayon::prelude::*;

use super::DiameterError;
use super::centroid::Ranked;
use super::entry::{Entry, Square};
use super::rows::{self, Rows};

/// A ranking without the rows that repeat another one, entry by entry; of equal rows the one with the smallest number stays.
///
/// Neither the largest distance nor the lexicographically smallest pair at this distance changes, unless all rows are equal.
///
/// # Arguments
/// `ranked` — as from [`super::centroid::rank`]: equal rows have equal squares, and stand in the order of their numbers
/// among those of one square.
///
/// # Accuracy
/// Exact: rows are told apart by a hash, and compared where it is equal. Only rows that share their square are read, once
/// or twice.
pub(super) fn drop_equal<E: Entry>(
    rows: &impl Rows<E>,
    mut ranked: Vec<Ranked<E::Square>>,
) -> Result<Vec<Ranked<E::Square>>, DiameterError> {
    let (mut start, mut kept) = (0, 0);
    while start < ranked.len() {
        let square = ranked[start].square;
        let length = ranked[start..].iter().take_while(|other| other.square == square).count();
        if length > 1 {
            let distinct = distinct(rows, &ranked[start..start + length])?;
            ranked[kept..kept + distinct.len()].copy_from_slice(&distinct);
            kept += distinct.len();
        } else {
            ranked[kept] = ranked[start];
            kept += 1;
        }
        start += length;
    }
    ranked.truncate(kept);
    Ok(ranked)
}

/// The first of every set of equal rows, in the order given.
fn distinct<E: Entry, S: Square>(
    rows: &impl Rows<E>,
    run: &[Ranked<S>],
) -> Result<Vec<Ranked<S>>, DiameterError> {
    let buffer = || vec![E::default(); rows.dim()];
    let mut hashed = run
        .par_iter()
        .map_init(buffer, |row, ranked| {
            rows::read(rows, ranked.row as usize, row)?;
            Ok((hash(row), *ranked))
        })
        .collect::<Result<Vec<_>, DiameterError>>()?;
    hashed.sort_unstable_by_key(|(hash, ranked)| (*hash, ranked.row));
    let groups: Vec<&[(u64, Ranked<S>)]> = hashed.chunk_by(|a, b| a.0 == b.0).collect();
    let mut distinct = groups
        .into_par_iter()
        .map_init(
            || [buffer(), buffer()],
            |[row, other], group| {
                let mut firsts = vec![group[0].1];
                for (_, ranked) in &group[1..] {
                    rows::read(rows, ranked.row as usize, row)?;
                    let mut known = false;
                    for first in &firsts {
                        rows::read(rows, first.row as usize, other)?;
                        known = known || same(row, other);
                    }
                    if !known {
                        firsts.push(*ranked);
                    }
                }
                Ok(firsts)
            },
        )
        .collect::<Result<Vec<_>, DiameterError>>()?
        .concat();
    distinct.sort_unstable_by_key(|ranked| ranked.row);
    Ok(distinct)
}

/// Whether two rows have the same entries; 0 and −0 differ here, which only leaves a row too many.
fn same<E: Entry>(a: &[E], b: &[E]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_f64().to_bits() == b.to_f64().to_bits())
}

fn hash<E: Entry>(row: &[E]) -> u64 {
    // Odd and without a pattern: 2⁶⁴ divided by the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    row.iter()
        .fold(0, |hash: u64, entry| (hash.rotate_left(23) ^ entry.to_f64().to_bits()).wrapping_mul(FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::rows::RowSlice;

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

    #[test]
    fn different_rows_of_one_hash_all_stay() {
        // A first entry that a second cancels: (h ⊕ x)·F of one entry, rotated, is the next one's bits.
        let cancelling = |x: f64| f64::from_bits(hash(&[x]).rotate_left(23));
        let data = [1.0, cancelling(1.0), 2.0, cancelling(2.0), 1.0, cancelling(1.0)];
        assert!(data.iter().all(|x| x.is_finite()));
        let rows = RowSlice::new(&data, 2).unwrap();
        assert_eq!(hash(&data[..2]), hash(&data[2..4]));
        let ranked: Vec<_> = (0..3).map(|row| Ranked { square: 1.0, row }).collect();
        let kept = drop_equal(&rows, ranked).unwrap();
        assert_eq!(kept.iter().map(|ranked| ranked.row).collect::<Vec<_>>(), [0, 1]);
    }
}
