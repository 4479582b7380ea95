//! Floats: squared distances are computed in doubles, and enclosed.

use ncsn_theory::interval::Interval;

use super::{Arithmetic, Entry};
use crate::block::{self, Block};
use crate::error::Error;
use crate::kept::Kept;
use crate::kernels;

/// Relative rounding error of [`kernels::f64_squared_distance`]: γ_n = n·u/(1 − n·u) with n the roundings a term meets
/// (Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1).
fn rounding(dim: usize) -> Interval {
    let roundings = dim.div_ceil(kernels::LANES) + kernels::LANES + 3;
    let n_u = Interval::integer(roundings as u64) * (0.5 * f64::EPSILON);
    n_u / (1.0 - n_u)
}

/// The squared distance for which `square` was computed: terms are non-negative, so their relative errors carry over to
/// the sum, and each square that underflows loses less than the smallest positive double.
fn enclosure(square: f64, dim: usize) -> Interval {
    let gamma = rounding(dim);
    let underflow = Interval::integer(dim as u64) * f64::from_bits(1);
    let lower = (square - underflow) / (1.0 + gamma);
    let upper = (square + underflow) / (1.0 - gamma);
    Interval::point(lower.lo().max(0.0)).hull(Interval::point(upper.hi()))
}

macro_rules! float_entry {
    ($float:ty, $distance:ident, $centred:ident) => {
        impl Entry for $float {
            type Squared = Interval;

            fn certified(square: f64, dim: usize) -> Interval {
                enclosure(square, dim)
            }

            fn reached(squared: Interval) -> f64 {
                squared.lo()
            }
        }

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
                enclosure(square, dim).lo()
            }

            fn upper(square: f64, dim: usize) -> f64 {
                enclosure(square, dim).hi()
            }

            fn check(row: &[Self], number: usize) -> Result<(), Error> {
                match row.iter().position(|entry| !entry.is_finite()) {
                    None => Ok(()),
                    Some(column) => {
                        Err(Error::NotFinite { row: number, column, value: f64::from(row[column]) })
                    }
                }
            }

            fn farthest_between(a: &Block<'_, Self>, b: &Block<'_, Self>, kept: &mut Kept<f64>) {
                block::farthest_between(a, b, Self::squared_distance, kept);
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
    fn float_squares_enclose_the_exact_value() {
        // 0.1f32 has 24 significant bits, so 3 · 0.1f32² is exact in a double up to its last bits.
        let row = [0.1_f32; 3];
        let enclosure = f32::certified(f32::squared_distance(&row, &[0.0; 3]), 3);
        let exact = Interval::point(f64::from(0.1_f32)).sqr() * 3.0;
        assert_eq!(enclosure.intersection(exact), Some(exact));
    }
}
