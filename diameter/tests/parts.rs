//! Parts of a store against integer brute force over the whole.

use ncsn_diameter::centroid::{closer_than, least_reach};
use ncsn_diameter::part::{Extremes, Keep, extremes};
use ncsn_diameter::{Error, RowSlice};
use proptest::prelude::*;

fn square(a: &[u8], b: &[u8]) -> u64 {
    a.iter().zip(b).map(|(&x, &y)| u64::from(x.abs_diff(y)).pow(2)).sum()
}

fn largest(rows: &[&[u8]]) -> u64 {
    rows.iter().flat_map(|a| rows.iter().map(|b| square(a, b))).max().unwrap_or_default()
}

/// Rows, some of them equal, their number of entries, a centre, and the number of parts.
fn divided() -> impl Strategy<Value = (usize, Vec<u8>, Vec<u8>, usize)> {
    (1_usize..6, 2_usize..40, 1_usize..6).prop_flat_map(|(dim, count, parts)| {
        let entry = prop_oneof![3 => 0..=255_u8, 1 => Just(128_u8)];
        let entries = prop::collection::vec(entry, dim * count);
        (Just(dim), entries, prop::collection::vec(90..160_u8, dim), Just(parts))
    })
}

/// The rows that all parts keep, and whether nothing they left out can be farther apart.
fn united<'a>(
    data: &'a [u8],
    dim: usize,
    centre: &[u8],
    parts: usize,
    keep: Keep<u64>,
) -> (Vec<&'a [u8]>, Vec<Extremes<u8>>) {
    let rows = data.len() / dim;
    let (mut kept, mut found) = (Vec::new(), Vec::new());
    for part in 0..parts {
        let own = &data[rows * part / parts * dim..rows * (part + 1) / parts * dim];
        let extremes = extremes(&RowSlice::new(own, dim).unwrap(), centre, keep, |_| ()).unwrap();
        kept.extend(extremes.kept.iter().map(|&row| &own[row * dim..][..dim]));
        found.push(extremes);
    }
    (kept, found)
}

/// For each part whose rows left out may matter: the squared distance from which on they would have to be kept.
fn demands(found: &[Extremes<u8>], floor: u64) -> Vec<u64> {
    let others = |k: usize| {
        found.iter().enumerate().filter(move |(j, _)| *j != k).filter_map(|(_, part)| part.farthest).max()
    };
    (0..found.len())
        .filter_map(|k| Some((found[k].left_out?, others(k)?)))
        .filter(|&(left_out, other)| !closer_than(floor, left_out, other))
        .map(|(_, other)| least_reach(floor, other))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_parts_keep_gives_the_diameter_or_says_what_is_missing((dim, data, centre, parts) in divided()) {
        let all: Vec<&[u8]> = data.chunks_exact(dim).collect();
        let expected = largest(&all);
        let (kept, found) = united(&data, dim, &centre, parts, Keep::Likely);
        let floor = largest(&kept);
        prop_assert!(floor <= expected);
        let demanded = demands(&found, floor);
        if demanded.is_empty() {
            prop_assert_eq!(floor, expected);
        } else {
            let least = demanded.into_iter().min().unwrap();
            let (kept, found) = united(&data, dim, &centre, parts, Keep::From(least));
            prop_assert_eq!(largest(&kept), expected);
            prop_assert!(demands(&found, expected).is_empty());
        }
    }

    #[test]
    fn a_part_says_the_truth_about_what_it_left_out((dim, data, centre, _) in divided(), from in 0..70_000_u64) {
        let all: Vec<&[u8]> = data.chunks_exact(dim).collect();
        for keep in [Keep::Likely, Keep::From(from)] {
            let found = extremes(&RowSlice::new(&data, dim).unwrap(), &centre, keep, |_| ()).unwrap();
            let kept: Vec<&[u8]> = found.kept.iter().map(|&row| all[row]).collect();
            let out = all.iter().filter(|row| !kept.contains(row)).map(|row| square(row, &centre)).max();
            prop_assert_eq!(found.left_out, out);
            prop_assert_eq!(found.farthest, all.iter().map(|row| square(row, &centre)).max());
            let diameter = found.diameter.unwrap();
            prop_assert_eq!(diameter.squared, largest(&all));
            prop_assert_eq!(largest(&kept), largest(&all));
        }
    }
}

#[test]
fn parts_of_no_row_and_of_one_are_parts() {
    let of = |data: &[u8]| extremes(&RowSlice::new(data, 2).unwrap(), &[1, 1], Keep::Likely, |_| ()).unwrap();
    let none = of(&[]);
    assert_eq!((none.diameter, none.farthest, none.kept, none.left_out), (None, None, vec![], None));
    let one = of(&[4, 5]);
    assert_eq!((one.diameter, one.farthest, one.kept, one.left_out), (None, Some(25), vec![0], None));
}

#[test]
fn of_equal_rows_two_are_kept_and_none_is_left_out() {
    let found = extremes(&RowSlice::new(&[7_u8; 40], 2).unwrap(), &[1, 1], Keep::From(1000), |_| ()).unwrap();
    assert_eq!((found.kept, found.left_out, found.farthest), (vec![0, 1], None, Some(72)));
}

#[test]
fn a_centre_of_another_length_and_an_infinite_row_are_refused() {
    let refused = extremes(&RowSlice::new(&[7_u8; 40], 2).unwrap(), &[1], Keep::Likely, |_| ());
    assert!(matches!(refused, Err(Error::LastRow { found: 1, expected: 2 })));
    let refused = extremes(&RowSlice::new(&[f32::NAN], 1).unwrap(), &[1.0], Keep::Likely, |_| ());
    assert!(matches!(refused, Err(Error::NotFinite { row: 0, column: 0, .. })));
}
