//! The exact diameter against integer brute force written without any of its parts.

use ncsn_diameter::{Error, Method, RowSlice, Rows, brute_force, diameter, subsample};
use ncsn_theory::interval::Interval;
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Largest squared distance, the first pair in lexicographic order that has it, from the definition.
fn from_definition(data: &[u8], dim: usize) -> (u64, (usize, usize)) {
    let rows: Vec<&[u8]> = data.chunks_exact(dim).collect();
    let mut best = (0, (0, 1));
    for (i, a) in rows.iter().enumerate() {
        for (j, b) in rows.iter().enumerate().skip(i + 1) {
            let square = a.iter().zip(*b).map(|(&x, &y)| u64::from(x.abs_diff(y)).pow(2)).sum();
            if square > best.0 {
                best = (square, (i, j));
            }
        }
    }
    best
}

fn rational(x: f64) -> BigRational {
    BigRational::from_float(x).expect("the values under test are finite")
}

/// Largest squared distance of finite doubles, without rounding.
fn exact_float(data: &[f64], dim: usize) -> BigRational {
    let rows: Vec<&[f64]> = data.chunks_exact(dim).collect();
    let mut best = BigRational::from_integer(BigInt::from(0));
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[i + 1..] {
            let square = a.iter().zip(*b).map(|(&x, &y)| (rational(x) - rational(y)).pow(2)).sum();
            best = best.max(square);
        }
    }
    best
}

fn encloses(found: Interval, exact: &BigRational) -> bool {
    rational(found.lo()) <= *exact && *exact <= rational(found.hi())
}

/// Smooth random fields on a torus, like small grey images: a few waves whose power falls with the square of their
/// frequency, and a brightness of their own.
fn smooth_fields(count: usize, side: usize, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut data = Vec::with_capacity(count * side * side);
    for _ in 0..count {
        let brightness: f64 = rng.random_range(-60.0..60.0);
        let waves: Vec<[f64; 4]> = (0..12)
            .map(|_| {
                let (fx, fy): (i32, i32) = (rng.random_range(0..4), rng.random_range(0..4));
                let amplitude = rng.random_range(0.0..60.0) / f64::from(1 + fx * fx + fy * fy);
                [f64::from(fx), f64::from(fy), rng.random_range(0.0..std::f64::consts::TAU), amplitude]
            })
            .collect();
        for pixel in 0..side * side {
            let at = [pixel % side, pixel / side].map(|x| std::f64::consts::TAU * x as f64 / side as f64);
            let value: f64 =
                waves.iter().map(|[fx, fy, phase, a]| a * (fx * at[0] + fy * at[1] + phase).cos()).sum();
            let noise: f64 = rng.random_range(-4.0..4.0);
            data.push((128.0 + brightness + value + noise).clamp(0.0, 255.0) as u8);
        }
    }
    data
}

/// Rows of equal brightness: the centre tells nothing about them, their directions do.
fn balanced_fields(count: usize, side: usize, seed: u64) -> Vec<u8> {
    let mut data = smooth_fields(count, side, seed);
    for row in data.chunks_exact_mut(side * side) {
        let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / row.len() as f64;
        let spread =
            (row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / row.len() as f64).sqrt();
        for entry in row {
            *entry = (128.0 + 40.0 * (f64::from(*entry) - mean) / spread).clamp(0.0, 255.0) as u8;
        }
    }
    data
}

fn noise(count: usize, dim: usize, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count * dim).map(|_| rng.random()).collect()
}

/// Small sets with whatever is awkward: ties, duplicates, extremes, clusters, long rows, short rows.
fn awkward_rows() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let entry = prop_oneof![
        Just(vec![0_u8, 255]),
        Just(vec![7]),
        Just(vec![100, 101, 200, 201]),
        Just((0..=255).collect::<Vec<u8>>()),
    ];
    (entry, prop_oneof![Just((2, 1)), (2_usize..12, 1_usize..400), (2_usize..90, 1_usize..5)]).prop_flat_map(
        |(alphabet, (count, dim))| {
            let entries = prop::collection::vec(prop::sample::select(alphabet), count * dim);
            entries.prop_map(move |data| (dim, data))
        },
    )
}

proptest! {
    #[test]
    fn squared_and_witness_equal_the_definition((dim, data) in awkward_rows()) {
        let rows = RowSlice::new(&data, dim).unwrap();
        let expected = from_definition(&data, dim);
        let found = diameter(&rows, |_| ()).unwrap();
        prop_assert_eq!((found.squared, found.witness), expected);
        let brute = brute_force(&rows, |_| ()).unwrap();
        prop_assert_eq!((brute.squared, brute.witness, brute.pairs_evaluated), (expected.0, expected.1, found.pairs));
    }

    #[test]
    fn float_enclosures_contain_the_exact_value(
        data in prop::collection::vec(prop_oneof![-1e3..1e3_f64, -1e-160..1e-160_f64, Just(0.1)], 3 * 20),
    ) {
        let found = diameter(&RowSlice::new(&data, 20).unwrap(), |_| ()).unwrap();
        prop_assert!(encloses(found.squared, &exact_float(&data, 20)));
        let singles: Vec<f32> = data.iter().map(|&x| x as f32).collect();
        let widened: Vec<f64> = singles.iter().map(|&x| f64::from(x)).collect();
        let found = diameter(&RowSlice::new(&singles, 20).unwrap(), |_| ()).unwrap();
        prop_assert!(encloses(found.squared, &exact_float(&widened, 20)));
    }

    #[test]
    fn a_subsample_never_exceeds_the_whole((dim, data) in awkward_rows(), seed in any::<u64>()) {
        let rows = RowSlice::new(&data, dim).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = rng.random_range(2..=data.len() / dim);
        let some = subsample(&rows, size, &mut rng, |_| ()).unwrap();
        let (i, j) = some.witness;
        let pair = [&data[i * dim..][..dim], &data[j * dim..][..dim]].concat();
        prop_assert_eq!(some.squared, from_definition(&pair, dim).0);
        prop_assert!(i < j && some.squared <= from_definition(&data, dim).0);
        prop_assert_eq!(some.exact, size * dim == data.len());
    }
}

#[test]
fn bright_and_dark_images_are_decided_by_the_centre() {
    let data = smooth_fields(3000, 10, 1);
    let found = diameter(&RowSlice::new(&data, 100).unwrap(), |_| ()).unwrap();
    assert_eq!((found.squared, found.witness), from_definition(&data, 100));
    assert_eq!(found.method, Method::Centroid);
    assert!(found.pairs_evaluated < found.pairs / 50);
}

#[test]
fn balanced_images_are_decided_by_low_rank_bounds() {
    let data = balanced_fields(3000, 10, 2);
    let found = diameter(&RowSlice::new(&data, 100).unwrap(), |_| ()).unwrap();
    assert_eq!((found.squared, found.witness), from_definition(&data, 100));
    assert_eq!(found.method, Method::LowRank);
    assert!(found.pairs_evaluated < found.pairs / 50);
}

#[test]
fn noise_is_decided_by_blocks() {
    let data = noise(1200, 1100, 3);
    let found = diameter(&RowSlice::new(&data, 1100).unwrap(), |_| ()).unwrap();
    assert_eq!((found.squared, found.witness), from_definition(&data, 1100));
    assert_eq!(found.method, Method::Blocks);
}

#[test]
fn floats_take_the_same_paths() {
    for (data, dim, method) in [
        (smooth_fields(1500, 10, 4), 100, Method::Centroid),
        (balanced_fields(3000, 10, 2), 100, Method::LowRank),
        (noise(600, 100, 6), 100, Method::Blocks),
    ] {
        // Halves of bytes are exact in singles, so the expected value is an integer over 4.
        let halves: Vec<f32> = data.iter().map(|&x| 0.5 * f32::from(x)).collect();
        let found = diameter(&RowSlice::new(&halves, dim).unwrap(), |_| ()).unwrap();
        let (square, witness) = from_definition(&data, dim);
        assert!(found.squared.contains(square as f64 / 4.0));
        assert_eq!((found.witness, found.method), (witness, method));
    }
}

/// Largest relative width that the documentation of `diameter` states for dim = 3072.
const STATED_WIDTH: f64 = 4.9e-14;

#[test]
fn float_enclosures_are_as_narrow_as_stated() {
    let data: Vec<f64> = noise(20, 3072, 7).iter().map(|&x| f64::from(x) / 255.0).collect();
    let found = diameter(&RowSlice::new(&data, 3072).unwrap(), |_| ()).unwrap();
    assert!(found.squared.relative_width() <= STATED_WIDTH);
}

#[test]
fn runs_repeat_down_to_the_number_of_evaluations() {
    let data = balanced_fields(3000, 10, 2);
    let rows = RowSlice::new(&data, 100).unwrap();
    let [first, second] = [(); 2].map(|()| diameter(&rows, |_| ()).unwrap());
    assert_eq!(first, second);
}

#[test]
fn identical_rows_have_diameter_zero() {
    let data = [9_u8; 50 * 70];
    let found = diameter(&RowSlice::new(&data, 70).unwrap(), |_| ()).unwrap();
    assert_eq!((found.squared, found.witness), (0, (0, 1)));
}

#[test]
fn long_rows_do_not_overflow() {
    const DIM: usize = 100_000;
    let data = [vec![0_u8; DIM], vec![255; DIM]].concat();
    let rows = RowSlice::new(&data, DIM).unwrap();
    // Source: 255² · 100,000, beyond 2³².
    let found = [diameter(&rows, |_| ()).unwrap().squared, brute_force(&rows, |_| ()).unwrap().squared];
    assert_eq!(found, [6_502_500_000; 2]);
}

#[test]
fn fewer_than_two_rows_are_refused() {
    for count in 0..2 {
        let data = vec![0_u8; 5 * count];
        let refused = diameter(&RowSlice::new(&data, 5).unwrap(), |_| ());
        let message = refused.unwrap_err().to_string();
        assert_eq!(message, format!("rows is {count}, allowed: at least 2"));
    }
}

#[test]
fn the_first_row_that_is_not_finite_is_named() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut data = vec![0.0_f32; 5000 * 3];
        data[4000 * 3 + 2] = bad;
        data[4999 * 3] = bad;
        let refused = diameter(&RowSlice::new(&data, 3).unwrap(), |_| ());
        let message = refused.unwrap_err().to_string();
        assert_eq!(message, format!("row 4000 of data, entry 2, is {bad}, not a finite number"));
    }
}

#[test]
fn distances_beyond_the_largest_double_are_refused() {
    let data = [-1e200, 1e200];
    let refused = diameter(&RowSlice::new(&data, 1).unwrap(), |_| ());
    assert!(matches!(refused, Err(Error::TooFar { squared }) if squared > 1e300));
}

/// Three rows of nothing, which no [`RowSlice`] can be.
struct Empty;

impl Rows<f32> for Empty {
    fn len(&self) -> usize {
        3
    }
    fn dim(&self) -> usize {
        0
    }
    fn read(&self, _: usize, _: &mut [f32]) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn rows_without_entries_are_refused() {
    for refused in [diameter(&Empty, |_| ()), brute_force(&Empty, |_| ())] {
        assert_eq!(refused.unwrap_err().to_string(), "entries per row is 0, allowed: at least 1");
    }
}

/// A store that fails from some row on, as a truncated file does.
struct Truncated<'a>(RowSlice<'a, u8>);

impl Rows<u8> for Truncated<'_> {
    fn len(&self) -> usize {
        self.0.len() + 1
    }
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn read(&self, first: usize, buffer: &mut [u8]) -> std::io::Result<()> {
        self.0.read(first, buffer)
    }
}

#[test]
fn a_failing_store_is_reported_with_its_rows() {
    let data = noise(700, 50, 8);
    let refused = diameter(&Truncated(RowSlice::new(&data, 50).unwrap()), |_| ());
    assert!(matches!(refused, Err(Error::Read { last: 700, .. })));
}

#[test]
fn progress_ends_at_its_total() {
    let data = noise(1200, 100, 9);
    let finished = std::sync::Mutex::new(Vec::new());
    let record = |progress: ncsn_diameter::Progress| {
        assert!(progress.done <= progress.total);
        if progress.done == progress.total {
            finished.lock().unwrap().push(progress.stage);
        }
    };
    diameter(&RowSlice::new(&data, 100).unwrap(), record).unwrap();
    let stages = finished.into_inner().unwrap();
    assert!(stages.contains(&ncsn_diameter::Stage::Radii));
    assert_eq!(stages.last(), Some(&ncsn_diameter::Stage::Blocks));
}
