//! P(a, x) and Q(a, x) from sums of positive terms, one on each side of x = a.

use super::{shape, weight_at};
use crate::interval::Interval;
use crate::normal::{erf, erfc};

/// Unit roundoff: the relative error of one rounding.
const ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// A term below this share of the sum ends the sum; what is left out is bounded and added.
const NEGLIGIBLE: f64 = 1.0 / (1_u128 << 64) as f64;

const UNIT: Interval = Interval::ordered(0.0, 1.0);

/// Lower regularised incomplete gamma function P(a, x), a = D/2: the probability that a χ² variable with D degrees of
/// freedom is at most 2x; [`Interval::ENTIRE`] for negative x.
///
/// # Formula
/// ```text
/// P(a, x) = xᵃe⁻ˣ/Γ(a+1) · (1 + x/(a+1) + x²/((a+1)(a+2)) + …)                            x ≤ a
/// Q(a, x) = xᵃe⁻ˣ/Γ(a+1) · (a/x)(1 + (a−1)/x + (a−1)(a−2)/x² + …) + (erfc √x for odd D)   x > a
/// P + Q = 1
/// ```
///
/// # Arguments
/// * `dim` — D = 2a, at most 2⁵² (beyond, only [0, 1] is returned)
/// * `x` — where; the ends are treated one by one, so a wide interval loses nothing
///
/// # Accuracy
/// Relative width at a point at most `(24 + 2√a + 12·|ln P|)` · 2⁻⁵², which is full relative accuracy in the lower tail,
/// while P is above 1e-300. Tested against the 50-digit table. Time grows as √a, in both functions.
///
/// # Example
/// ```
/// use ncsn_theory::{gamma, interval::Interval};
/// // Two degrees of freedom: P(1, x) = 1 − e⁻ˣ
/// let x = Interval::point(1e-3);
/// assert!(gamma::lower(2, x).intersection(-(-x).exp_m1()).is_some());
/// ```
///
/// # Source
/// DLMF 8.7.1 and 8.8.6.
#[must_use]
pub fn lower(dim: u64, x: Interval) -> Interval {
    match domain(dim, x) {
        Ok(shape) if x.lo() == x.hi() => lower_at(shape, x.lo()),
        Ok(shape) => Interval::ordered(lower_at(shape, x.lo()).lo(), lower_at(shape, x.hi()).hi()),
        Err(nothing_known) => nothing_known,
    }
}

/// Upper regularised incomplete gamma function Q(a, x) = 1 − P(a, x), a = D/2; [`Interval::ENTIRE`] for negative x.
///
/// # Arguments
/// As for [`lower`].
///
/// # Accuracy
/// Relative width at a point at most `(24 + 2√a + 12·|ln Q|)` · 2⁻⁵², which is full relative accuracy in the upper tail,
/// while Q is above 1e-300. Tested against the 50-digit table.
///
/// # Example
/// ```
/// use ncsn_theory::{gamma, interval::Interval};
/// // Two degrees of freedom: Q(1, x) = e⁻ˣ
/// let x = Interval::point(700.0);
/// assert!(gamma::upper(2, x).intersection((-x).exp()).is_some());
/// ```
///
/// # Source
/// DLMF 8.7.1 and 8.8.6.
#[must_use]
pub fn upper(dim: u64, x: Interval) -> Interval {
    match domain(dim, x) {
        Ok(shape) if x.lo() == x.hi() => upper_at(shape, x.lo()),
        Ok(shape) => Interval::ordered(upper_at(shape, x.hi()).lo(), upper_at(shape, x.lo()).hi()),
        Err(nothing_known) => nothing_known,
    }
}

/// The shape, or all that can be said without one.
fn domain(dim: u64, x: Interval) -> Result<f64, Interval> {
    if x.lo() < 0.0 { Err(Interval::ENTIRE) } else { shape(dim).ok_or(UNIT) }
}

fn lower_at(a: f64, x: f64) -> Interval {
    let p = if x == 0.0 || x == f64::INFINITY {
        Interval::point(if x == 0.0 && a > 0.0 { 0.0 } else { 1.0 })
    } else if a == 0.5 {
        erf(Interval::point(x).sqrt())
    } else if x <= a {
        ascending(a, x)
    } else {
        1.0 - descending(a, x)
    };
    p.intersection(UNIT).unwrap_or(UNIT)
}

fn upper_at(a: f64, x: f64) -> Interval {
    let q = if x == 0.0 || x == f64::INFINITY {
        Interval::point(if x == 0.0 && a > 0.0 { 1.0 } else { 0.0 })
    } else if a == 0.5 {
        erfc(Interval::point(x).sqrt())
    } else if x <= a {
        1.0 - ascending(a, x)
    } else {
        descending(a, x)
    };
    q.intersection(UNIT).unwrap_or(UNIT)
}

/// P for x ≤ a (DLMF 8.7.1).
fn ascending(a: f64, x: f64) -> Interval {
    weight_at(a, x) * sum_of_products(|n| x / (a + n), f64::INFINITY)
}

/// Q for x > a: Q(a, x) = Q(a − 1, x) + xᵃ⁻¹e⁻ˣ/Γ(a) down to Q(0, x) = 0 or Q(½, x) = erfc √x (DLMF 8.8.6).
fn descending(a: f64, x: f64) -> Interval {
    if a == 0.0 {
        return Interval::ZERO;
    }
    let sum = sum_of_products(|n| (a - n) / x, (a - 1.0).floor());
    let terms = weight_at(a, x) * (Interval::point(a) / x) * sum;
    if a.fract() == 0.0 { terms } else { terms + erfc(Interval::point(x).sqrt()) }
}

/// 1 + ρ₁ + ρ₁ρ₂ + … + ρ₁⋯ρ_last for falling ratios 0 < ρₙ < 1, each given with one rounding.
///
/// The terms are plain doubles; their rounding is bounded from the sum itself. The n-th term carries 2n roundings, so
/// all of them together err by at most 2u·Σ n·termₙ up to second order, and the compensated sum by (1 + n²u)·u·sum
/// (Ogita, Rump & Oishi, "Accurate sum and dot product", 2005, proposition 4.5).
fn sum_of_products(ratio: impl Fn(f64) -> f64, last: f64) -> Interval {
    let (mut n, mut term, mut sum) = (0.0, 1.0, 1.0);
    let (mut compensation, mut weighted) = (0.0, 0.0);
    while n < last && term > NEGLIGIBLE * sum {
        n += 1.0;
        term *= ratio(n);
        weighted += n * term;
        let total = sum + term;
        compensation += term - (total - sum); // exact residual, since sum ≥ 1 ≥ term
        sum = total;
    }
    // 1.001 covers the second order and the rounding of the bound itself for n < 10⁹.
    let rounding = 1.001 * ROUNDOFF * (2.0 * weighted + (2.0 + n * n * ROUNDOFF) * sum);
    let next = if n < last { ratio(n + 1.0) } else { 0.0 };
    let omitted = 1.001 * term * next / (1.0 - next);
    let value = sum + compensation;
    Interval::ordered((value - rounding).next_down(), (value + rounding + omitted).next_up().next_up())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn probabilities_sum_to_one(dim in 1_u64..20_000, offset in -8.0..8.0_f64) {
            let a = dim as f64 / 2.0;
            let x = Interval::point((a + offset * a.sqrt()).max(0.0));
            prop_assert!((lower(dim, x) + upper(dim, x)).contains(1.0));
        }

        #[test]
        fn shapes_one_apart_differ_by_the_poisson_weight(dim in 1_u64..5000, x in 0.0..3000.0_f64) {
            let x = Interval::point(x);
            let difference = lower(dim, x) - lower(dim + 2, x);
            prop_assert!(difference.intersection(super::super::poisson_weight(dim, x)).is_some());
        }

        #[test]
        fn an_interval_holds_the_probabilities_inside(
            dim in 0_u64..5000, x in 0.0..4000.0_f64, width in 0.0..50.0_f64, part in 0.0..1.0_f64,
        ) {
            let (whole, inside) = (Interval::ordered(x, x + width), Interval::point(x + part * width));
            prop_assert_eq!(lower(dim, whole).hull(lower(dim, inside)), lower(dim, whole));
            prop_assert_eq!(upper(dim, whole).hull(upper(dim, inside)), upper(dim, whole));
        }
    }

    #[test]
    fn the_ends_of_the_half_line_are_exact() {
        let half_line = Interval::ordered(0.0, f64::INFINITY);
        for dim in [1, 2, 3, 3072] {
            assert_eq!(lower(dim, Interval::ZERO), Interval::ZERO);
            assert_eq!(upper(dim, Interval::ZERO), Interval::ONE);
            assert_eq!(lower(dim, half_line), UNIT);
        }
    }

    #[test]
    fn a_negative_argument_concludes_nothing() {
        assert_eq!(lower(3, Interval::ordered(-1.0, 1.0)), Interval::ENTIRE);
        assert_eq!(upper(3, Interval::ordered(-1.0, 1.0)), Interval::ENTIRE);
    }

    #[test]
    fn a_shape_that_is_no_double_gives_only_a_probability() {
        assert_eq!(upper(u64::MAX, Interval::ONE), UNIT);
    }
}
