//! Nearest neighbours against brute force in integers.

use ncsn_trainer::dataset::Stored;
use ncsn_trainer::evaluate::neighbours::{Nearest, Neighbour};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

/// Squared distance, number of the item, whether it is mirrored: in the order of neighbours.
type Key = (u64, usize, bool);

/// Rows of `dim` bytes.
struct Rows {
    bytes: Vec<u8>,
    dim: usize,
}

impl Rows {
    fn new(dim: usize, count: usize, mut value: impl FnMut(usize, usize) -> u8) -> Self {
        let bytes = (0..count * dim).map(|at| value(at / dim, at % dim)).collect();
        Self { bytes, dim }
    }

    /// Sums of a few waves and noise: most of the variance lies in few directions, as of images.
    fn waves(dim: usize, count: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let amplitudes: Vec<[f64; 12]> = (0..count)
            .map(|_| std::array::from_fn(|k| rng.random_range(-50.0..50.0) / (1.0 + k as f64)))
            .collect();
        Self::new(dim, count, |row, column| {
            let wave = |k: usize| (0.02 * (k + 1) as f64 * column as f64 + k as f64).cos();
            let sum: f64 = amplitudes[row].iter().enumerate().map(|(k, a)| a * wave(k)).sum();
            (128.0 + sum + rng.random_range(-3.0..3.0)).clamp(0.0, 255.0) as u8
        })
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.dim)
    }

    fn reversed(&self) -> Self {
        let bytes = self.rows().flat_map(|row| row.iter().rev().copied()).collect();
        Self { bytes, dim: self.dim }
    }

    fn stored(&self) -> Stored {
        Stored::Bytes(self.bytes.clone())
    }
}

fn square(a: &[u8], b: &[u8]) -> u64 {
    a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum()
}

/// The nearest by all distances.
fn brute_force(samples: &Rows, items: &Rows, flip: bool, count: usize) -> Vec<Vec<Key>> {
    let mirrored = items.reversed();
    let of = |sample: &[u8]| {
        let mut all: Vec<Key> = (0..)
            .zip(items.rows().zip(mirrored.rows()))
            .map(|(number, (item, mirrored))| {
                let plain = (square(sample, item), number, false);
                if flip { plain.min((square(sample, mirrored), number, true)) } else { plain }
            })
            .collect();
        all.sort_unstable();
        all.truncate(count);
        all
    };
    samples.rows().map(of).collect()
}

/// The nearest by bounds, items in parts of `part`.
fn by_bounds(samples: &Rows, items: &Rows, flip: bool, count: usize, part: usize) -> Vec<Vec<Neighbour>> {
    let mirrored = flip.then(|| samples.reversed().stored());
    let mut nearest =
        Nearest::new(samples.stored(), mirrored, samples.dim, count, Device::Cpu).expect("samples");
    // Scattered as by the command, and the last part first: an item that comes later may have a lower number.
    let count = items.bytes.len() / items.dim;
    let parts = count.div_ceil(part);
    for first in (0..parts).rev() {
        let numbers: Vec<usize> = (first..count).step_by(parts).collect();
        let bytes = numbers.iter().flat_map(|&number| &items.bytes[number * items.dim..][..items.dim]);
        nearest.add(&Stored::Bytes(bytes.copied().collect()), &numbers, false).expect("items");
    }
    nearest.finish()
}

fn check(samples: &Rows, items: &Rows, flip: bool, count: usize, part: usize) {
    let expected = brute_force(samples, items, flip, count);
    let found = by_bounds(samples, items, flip, count, part);
    for (sample, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let expected: Vec<Neighbour> = expected
            .iter()
            .map(|&(square, item, mirrored)| Neighbour {
                item,
                mirrored,
                distance: (square as f64).sqrt() / 255.0,
            })
            .collect();
        assert_eq!(*found, expected, "sample {sample}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn neighbours_by_projections_are_those_of_brute_force() {
    // 300 samples of 700 bytes are projected; 20, or of 90 bytes, are not.
    for (dim, count) in [(700, 300), (700, 20), (90, 300)] {
        let (samples, items) = (Rows::waves(dim, count, 1), Rows::waves(dim, 900, 2));
        for flip in [false, true] {
            check(&samples, &items, flip, 5, 128);
        }
    }
}

#[test]
fn equal_distances_go_to_the_lowest_number() {
    // Six different rows, over and over: every distance occurs many times.
    let samples = Rows::new(400, 260, |row, column| ((row % 7) * 30 + column % 2) as u8);
    let items = Rows::new(400, 500, |row, column| ((row % 6) * 40 + (column / 3) % 3) as u8);
    for flip in [false, true] {
        check(&samples, &items, flip, 9, 64);
    }
}

#[test]
fn rows_without_spread_noise_and_extremes_are_compared_exactly() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let noise = Rows::new(512, 280, |_, _| rng.random());
    let black_or_white = Rows::new(512, 300, |row, _| if row % 2 == 0 { 0 } else { 255 });
    let equal = Rows::new(512, 300, |_, _| 77);
    for (samples, items) in [
        (&equal, &equal),
        (&equal, &noise),
        (&noise, &equal),
        (&noise, &noise),
        (&black_or_white, &noise),
        (&noise, &black_or_white),
    ] {
        check(samples, items, false, 4, 100);
        check(samples, items, true, 4, 100);
    }
}

#[test]
fn one_item_and_all_items_are_found() {
    let (samples, items) = (Rows::waves(300, 257, 4), Rows::waves(300, 40, 5));
    check(&samples, &Rows::waves(300, 1, 6), true, 1, 10);
    check(&samples, &items, true, 40, 7);
    check(&samples, &items, false, 40, 7);
}

/// Samples, and six copies of each that differ in one pixel by one to six steps. The parts of [`by_bounds`] with 99 items each
/// begin with the furthest, so that a bound that is too large by little excludes a nearer one.
fn copies() -> [Rows; 2] {
    let samples = Rows::waves(1500, 256, 7);
    let items = Rows::new(1500, 510, |row, column| {
        let byte = samples.bytes[row / 6 * 1500 + column];
        let steps = if column == row { row as u8 % 6 + 1 } else { 0 };
        if byte < 128 { byte + steps } else { byte - steps }
    });
    [samples, items]
}

#[test]
fn copies_that_differ_by_single_steps_are_told_apart() {
    let [samples, items] = copies();
    check(&samples, &items, false, 2, 99);
    check(&samples, &items, true, 2, 99);
}

#[test]
fn floats_are_compared_in_double_precision() {
    let [samples, items] = copies();
    // Around 1000 with steps of 2⁻¹⁰: exact in single precision, and so are the distances in double.
    let floats =
        |rows: &Rows| Stored::Floats(rows.bytes.iter().map(|&x| 1000.0 + f32::from(x) / 1024.0).collect());
    let mut nearest = Nearest::new(floats(&samples), None, 1500, 2, Device::Cpu).expect("samples");
    for first in (0..6).rev() {
        let numbers: Vec<usize> = (first..510).step_by(6).collect();
        let bytes = numbers.iter().flat_map(|&number| items.bytes[number * 1500..][..1500].to_vec());
        let part = Rows { bytes: bytes.collect(), dim: 1500 };
        nearest.add(&floats(&part), &numbers, false).expect("items");
    }
    for (found, expected) in nearest.finish().iter().zip(brute_force(&samples, &items, false, 2)) {
        for (found, (square, item, _)) in found.iter().zip(expected) {
            assert_eq!((found.item, found.distance), (item, (square as f64).sqrt() / 1024.0));
        }
    }
    for value in [f32::NAN, f32::INFINITY, 1e30] {
        let refused = Nearest::new(Stored::Floats(vec![value, 0.0]), None, 1, 1, Device::Cpu);
        let message = refused.expect_err("refused").to_string();
        assert!(message.starts_with("a value to compare is"), "{message}");
    }
}
