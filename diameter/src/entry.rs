//! The kinds of entries a row may have, and what is known about their squared distances.

use std::fmt::Debug;

use super::{brute, centroid, kernels};
use ncsn_theory::Error;
use ncsn_theory::interval::Interval;

/// An entry of a row: `u8` (exact integers), `f32` or `f64` (enclosures).
pub trait Entry: Arithmetic {
    /// What is returned as a squared distance: `u64` for `u8`, [`Interval`] for floats.
    type Squared: Copy + Debug + PartialEq + Send + Sync;

    /// The squared distance of rows with `dim` entries, from the number the kernels computed for it.
    #[doc(hidden)]
    fn certified(square: Self::Square, dim: usize) -> Self::Squared;
}

pub(super) mod sealed {
    use super::{Block, Error, Kept, Square};

    /// Arithmetic on rows. Not for other crates: every certificate rests on it.
    pub trait Arithmetic: Copy + Default + Send + Sync + 'static {
        /// The computed squared distance: exact for `u8`, rounded for floats.
        type Square: Square;

        /// The entry itself.
        fn to_f64(self) -> f64;

        /// The entry nearest to a mean of entries.
        fn nearest(mean: f64) -> Self;

        /// Computed squared distance of two rows.
        fn squared_distance(a: &[Self], b: &[Self]) -> Self::Square;

        /// (row − centre)·scale in singles, off by at most 2⁻²⁴(1 + 2⁻²⁸) relatively; `scale` is a power of two.
        fn centred(row: &[Self], centre: &[Self], scale: f64, out: &mut [f32]);

        /// A lower bound of the squared distance for which `square` was computed.
        fn lower(square: Self::Square, dim: usize) -> Self::Square;

        /// An upper bound of the squared distance for which `square` was computed.
        fn upper(square: Self::Square, dim: usize) -> Self::Square;

        /// Refuses a row with an entry that is not a finite number.
        fn check(row: &[Self], number: usize) -> Result<(), Error>;

        /// Computes every distance between two blocks and keeps the largest.
        fn farthest_between(a: &Block<'_, Self>, b: &Block<'_, Self>, kept: &mut Kept<Self::Square>);
    }
}

pub use sealed::Arithmetic;

/// Squared distances that can be compared: `u64` or `f64`.
pub trait Square: Copy + Debug + Default + PartialOrd + Send + Sync + 'static {
    /// Whether two rows with these squared distances from a centre surely have a squared distance below `floor`.
    fn closer_than(floor: Self, from_centre: [Self; 2]) -> bool;

    /// The nearest double that is not below.
    fn above(self) -> f64;

    /// The nearest double that is not above.
    fn below(self) -> f64;
}

impl Square for u64 {
    fn closer_than(floor: Self, [a, b]: [Self; 2]) -> bool {
        centroid::closer_than(floor, a, b)
    }

    fn above(self) -> f64 {
        Interval::integer(self).hi()
    }

    fn below(self) -> f64 {
        Interval::integer(self).lo()
    }
}

impl Square for f64 {
    fn closer_than(floor: Self, [a, b]: [Self; 2]) -> bool {
        let sum = Interval::point(a).sqrt() + Interval::point(b).sqrt();
        sum.sqr().is_below(floor)
    }

    fn above(self) -> f64 {
        self
    }

    fn below(self) -> f64 {
        self
    }
}

/// Consecutive rows of the ranking, read into memory.
pub struct Block<'a, T> {
    /// The entries, row after row.
    pub(super) entries: &'a [T],
    /// The number of each row in the store.
    pub(super) numbers: &'a [u32],
    /// Entries per row.
    pub(super) dim: usize,
}

impl<T> Block<'_, T> {
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, &[T])> {
        self.numbers.iter().copied().zip(self.entries.chunks_exact(self.dim))
    }
}

/// The largest square met so far, with the lexicographically smallest pair of rows that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept<S> {
    /// The square and the pair (lower row number first), once a pair was evaluated.
    pub(super) best: Option<(S, [u32; 2])>,
    /// Pairs evaluated.
    pub(super) evaluated: u64,
}

impl<S: Square> Kept<S> {
    pub(super) const NONE: Self = Self { best: None, evaluated: 0 };

    /// Takes one evaluated pair into account.
    pub(super) fn offer(&mut self, square: S, a: u32, b: u32) {
        self.evaluated += 1;
        let pair = [a.min(b), a.max(b)];
        let beaten = match self.best {
            None => true,
            Some((least, _)) if square > least => true,
            Some((least, witness)) => square == least && pair < witness,
        };
        if beaten {
            self.best = Some((square, pair));
        }
    }

    /// Joins what two threads have kept; the order of joining does not matter.
    pub(super) fn join(mut self, other: Self) -> Self {
        if let Some((square, [a, b])) = other.best {
            self.offer(square, a, b);
            self.evaluated -= 1;
        }
        self.evaluated += other.evaluated;
        self
    }
}

impl Arithmetic for u8 {
    type Square = u64;

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn nearest(mean: f64) -> Self {
        mean.round() as Self
    }

    fn squared_distance(a: &[Self], b: &[Self]) -> u64 {
        kernels::u8_squared_distance(a, b)
    }

    fn centred(row: &[Self], centre: &[Self], scale: f64, out: &mut [f32]) {
        kernels::u8_centred(row, centre, scale, out);
    }

    fn lower(square: u64, _: usize) -> u64 {
        square
    }

    fn upper(square: u64, _: usize) -> u64 {
        square
    }

    fn check(_: &[Self], _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn farthest_between(a: &Block<'_, Self>, b: &Block<'_, Self>, kept: &mut Kept<u64>) {
        brute::farthest_by_products(a, b, kept);
    }
}

impl Entry for u8 {
    type Squared = u64;

    fn certified(square: u64, _: usize) -> u64 {
        square
    }
}

/// Relative rounding error of [`kernels::f64_squared_distance`]: γ_n = n·u/(1 − n·u) with n the roundings a term meets
/// (Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1).
fn rounding(dim: usize) -> Interval {
    let roundings = dim.div_ceil(kernels::LANES) + kernels::LANES + 3;
    let n_u = Interval::integer(roundings as u64) * (0.5 * f64::EPSILON);
    n_u / (1.0 - n_u)
}

/// The squared distance for which `square` was computed: terms are non-negative, so their relative errors carry over to
/// the sum, and each square that underflows loses less than the smallest positive double.
fn float_enclosure(square: f64, dim: usize) -> Interval {
    let gamma = rounding(dim);
    let underflow = Interval::integer(dim as u64) * f64::from_bits(1);
    let lower = (square - underflow) / (1.0 + gamma);
    let upper = (square + underflow) / (1.0 - gamma);
    Interval::point(lower.lo().max(0.0)).hull(Interval::point(upper.hi()))
}

macro_rules! float_entry {
    ($float:ty, $distance:ident, $centred:ident) => {
        impl Arithmetic for $float {
            type Square = f64;

            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            fn nearest(mean: f64) -> Self {
                mean as Self
            }

            fn squared_distance(a: &[Self], b: &[Self]) -> f64 {
                kernels::$distance(a, b)
            }

            fn centred(row: &[Self], centre: &[Self], scale: f64, out: &mut [f32]) {
                kernels::$centred(row, centre, scale, out);
            }

            fn lower(square: f64, dim: usize) -> f64 {
                float_enclosure(square, dim).lo()
            }

            fn upper(square: f64, dim: usize) -> f64 {
                float_enclosure(square, dim).hi()
            }

            fn check(row: &[Self], number: usize) -> Result<(), Error> {
                match row.iter().position(|entry| !entry.is_finite()) {
                    None => Ok(()),
                    Some(column) => {
                        let value = f64::from(row[column]);
                        Err(Error::NotFinite { name: "data", row: number, column, value })
                    }
                }
            }

            fn farthest_between(a: &Block<'_, Self>, b: &Block<'_, Self>, kept: &mut Kept<f64>) {
                brute::farthest_by_differences(a, b, kept);
            }
        }

        impl Entry for $float {
            type Squared = Interval;

            fn certified(square: f64, dim: usize) -> Interval {
                float_enclosure(square, dim)
            }
        }
    };
}
float_entry!(f32, f32_squared_distance, f32_centred);
float_entry!(f64, f64_squared_distance, f64_centred);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_smallest_pair_whatever_the_order() {
        let mut kept = Kept::NONE;
        for (a, b) in [(5, 3), (9, 1), (1, 7)] {
            kept.offer(4_u64, a, b);
        }
        let mut other = Kept::NONE;
        other.offer(4, 2, 1);
        let joined = Kept { best: Some((4, [1, 2])), evaluated: 4 };
        assert_eq!((kept.join(other), other.join(kept)), (joined, joined));
    }

    #[test]
    fn float_squares_enclose_the_exact_value() {
        // 0.1f32 has 24 significant bits, so 3 · 0.1f32² is exact in a double up to its last bits.
        let row = [0.1_f32; 3];
        let enclosure = f32::certified(f32::squared_distance(&row, &[0.0; 3]), 3);
        let exact = Interval::point(f64::from(0.1_f32)).sqr() * 3.0;
        assert_eq!(enclosure.intersection(exact), Some(exact));
    }
}
