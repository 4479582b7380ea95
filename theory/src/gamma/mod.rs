//! The gamma function, the regularised incomplete gamma functions and the Poisson weight they share, enclosed.
//!
//! The shape is a = D/2 for a dimension D, which is what a radius needs: ‖x‖² is twice a gamma variable. Nothing here
//! forms a·ln x − x − ln Γ(a), which would lose as many digits as that difference cancels: the weight
//! xᵃe⁻ˣ/Γ(a + 1) is a deviance and a Stirling remainder, both sums of terms that do not cancel.

mod incomplete;

use crate::interval::Interval;
pub use incomplete::{lower, upper};

/// ln Γ decreases up to a point in this interval of two neighbouring doubles and increases after it.
const ARGMIN_LN_GAMMA: Interval = Interval::ordered(1.461_632_144_968_362_2, 1.461_632_144_968_362_5);

/// From this shape on, ten terms of Stirling's series leave less than a thousandth of an ulp of 1.
const SERIES_FROM: f64 = 8.0;

/// B₂ₖ/(2k(2k − 1)), numerators and denominators.
const STIRLING: [(f64, f64); 10] = [
    (1.0, 12.0),
    (-1.0, 360.0),
    (1.0, 1260.0),
    (-1.0, 1680.0),
    (1.0, 1188.0),
    (-691.0, 360_360.0),
    (1.0, 156.0),
    (-3617.0, 122_400.0),
    (43_867.0, 244_188.0),
    (-174_611.0, 125_400.0),
];

/// ln Γ(x) for x > 0; [`Interval::ENTIRE`] elsewhere.
///
/// # Accuracy
/// Two ulp wide at a point.
///
/// # Example
/// ```
/// use ncsn_theory::{gamma::ln_gamma, interval::Interval};
/// // Γ(11) = 10!
/// let ln_of_ten_factorial = ln_gamma(Interval::point(11.0));
/// assert!(ln_of_ten_factorial.intersection(Interval::point(3_628_800.0).ln()).is_some());
/// ```
#[must_use]
pub fn ln_gamma(x: Interval) -> Interval {
    if x.lo() <= 0.0 {
        return Interval::ENTIRE;
    }
    let falling = |x: Interval| x.decreasing(core_math::lgamma, f64::NEG_INFINITY, f64::INFINITY);
    let rising = |x: Interval| x.increasing(core_math::lgamma, f64::NEG_INFINITY, f64::INFINITY);
    if x.hi() <= ARGMIN_LN_GAMMA.lo() {
        falling(x)
    } else if x.lo() >= ARGMIN_LN_GAMMA.hi() {
        rising(x)
    } else {
        // The minimum is below the value at the nearest double by less than 1e-31, a sliver of the ulp added outside.
        let (least, greatest) = (ARGMIN_LN_GAMMA.lo(), ARGMIN_LN_GAMMA.hi());
        falling(Interval::ordered(x.lo().min(least), greatest))
            .hull(rising(Interval::ordered(least, x.hi().max(greatest))))
    }
}

/// Poisson weight xᵃe⁻ˣ/Γ(a + 1) of the shape a = D/2 at x ≥ 0; [`Interval::ENTIRE`] for negative x.
///
/// # Formula
/// ```text
/// exp(−(x − a − a ln(x/a)) − s(a)) / √(2πa),   s(a) = ln Γ(a + 1) − (a ln a − a + ½ ln 2πa)
/// ```
///
/// # Arguments
/// * `dim` — D, at most 2⁵² (beyond, only [0, 1] is returned)
/// * `x` — the place, half a squared radius in units of σ²
///
/// # Accuracy
/// Relative width at most `(20 + 12·|ln weight|)` · 2⁻⁵² at a point. Tested against the 50-digit table.
///
/// # Source
/// The split into deviance and Stirling remainder: Loader, "Fast and accurate computation of binomial probabilities"
/// (2000).
#[must_use]
pub fn poisson_weight(dim: u64, x: Interval) -> Interval {
    if x.lo() < 0.0 {
        return Interval::ENTIRE;
    }
    let Some(shape) = shape(dim) else {
        return Interval::ordered(0.0, 1.0);
    };
    // The weight rises up to x = a and falls after it.
    let ends = weight_at(shape, x.lo());
    if x.lo() == x.hi() {
        return ends;
    }
    let ends = ends.hull(weight_at(shape, x.hi()));
    if x.contains(shape) { ends.hull(weight_at(shape, shape)) } else { ends }
}

/// a = D/2, when it and all shapes that the sums pass through are doubles.
fn shape(dim: u64) -> Option<f64> {
    (dim <= 1 << 52).then_some(dim as f64 / 2.0)
}

fn weight_at(shape: f64, x: f64) -> Interval {
    if shape == 0.0 {
        return (-Interval::ordered(x, x)).exp();
    }
    if x == 0.0 || x == f64::INFINITY {
        return Interval::ZERO;
    }
    let exponent = deviance(shape, x) + stirling_remainder(shape);
    (-exponent).exp() / (2.0 * Interval::PI * shape).sqrt()
}

/// x − a − a ln(x/a) ≥ 0, without cancellation near x = a.
fn deviance(shape: f64, x: f64) -> Interval {
    let difference = Interval::point(x) - shape;
    // With μ = (x − a)/a and y = μ/(2 + μ): ln(1 + μ) = 2 artanh y, hence μ − ln(1 + μ) = yμ − 2y³(1/3 + y²/5 + …).
    let y = difference / (Interval::point(x) + shape);
    if y.abs().hi() > 0.5 {
        return difference - shape * (Interval::point(x) / shape).ln();
    }
    let square = y.sqr();
    y * (difference - 2.0 * shape * square * artanh_tail(square))
}

/// s(a) = ln Γ(a + 1) − (a ln a − a + ½ ln 2πa), between 0 and 1/(12a), to a few ulp of itself.
pub(crate) fn stirling_remainder(shape: f64) -> Interval {
    let (mut shifts, mut a) = (Interval::ZERO, shape);
    while a < SERIES_FROM {
        // s(a) − s(a + 1) = (a + ½) ln(1 + 1/a) − 1 = artanh(y)/y − 1 with y = 1/(2a + 1).
        let square = 1.0 / Interval::point(2.0 * a + 1.0).sqr();
        shifts = shifts + square * artanh_tail(square);
        a += 1.0;
    }
    shifts + enveloping_series(&STIRLING, a)
}

/// Σ_{j≥0} qʲ/(2j + 3) for 0 ≤ q ≤ 0.26: artanh y = y + y³·artanh_tail(y²).
///
/// # Accuracy
/// Relative width at most 12 · 2⁻⁵² at a point.
pub(crate) fn artanh_tail(q: Interval) -> Interval {
    // The terms from the J-th on sum to at most qᴶ/((2J + 3)(1 − q)), here below 2⁻⁵⁶ of the first.
    let terms = (-56.0 / q.hi().log2()).ceil().max(1.0) as u32;
    let odd = |j: u32| Interval::point(f64::from(2 * j + 3));
    let rest = Interval::ZERO.hull(1.0 / (odd(terms) * (1.0 - q)));
    (0..terms).rev().fold(rest, |sum, j| 1.0 / odd(j) + q * sum)
}

/// Σ_k c_k/a^{2k−1} for a series whose error has the sign of the first omitted term and at most its size; the last
/// coefficient given only serves as that bound.
pub(crate) fn enveloping_series(coefficients: &[(f64, f64)], a: f64) -> Interval {
    let inverse = 1.0 / Interval::point(a);
    let square = inverse.sqr();
    let value = |&(numerator, denominator): &(f64, f64)| Interval::point(numerator) / denominator;
    let (bound, known) = coefficients
        .split_last()
        .map_or((Interval::ZERO, coefficients), |(last, known)| (value(last).hull(Interval::ZERO), known));
    known.iter().rev().fold(bound, |sum, c| value(c) + square * sum) * inverse
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ln_gamma_of_an_interval_around_the_minimum_reaches_down_to_it() {
        let around = ln_gamma(Interval::ordered(1.0, 3.0));
        // Source: ln Γ at 1.46163214496836234126…, mpmath 1.3.0
        assert!(around.contains(-0.121_486_290_535_849_6) && around.contains(std::f64::consts::LN_2));
        assert!(around.width() < 0.814_634);
    }

    #[test]
    fn ln_gamma_outside_its_domain_concludes_nothing() {
        assert_eq!(ln_gamma(Interval::ordered(0.0, 1.0)), Interval::ENTIRE);
    }

    #[test]
    fn stirling_remainder_agrees_with_ln_gamma() {
        for dim in 1..60_u32 {
            let a = Interval::point(f64::from(dim) / 2.0);
            let leading = a * a.ln() - a + (2.0 * Interval::PI * a).ln() / 2.0;
            let remainder = ln_gamma(a + 1.0) - leading;
            assert!(stirling_remainder(a.lo()).intersection(remainder).is_some(), "a = {a}");
        }
    }

    #[test]
    fn artanh_tail_completes_artanh() {
        for y in [0.0, 1e-300, 1e-9, 0.01, 0.1, 0.3, 0.5] {
            let y = Interval::point(y);
            let artanh = ((1.0 + y) / (1.0 - y)).ln() / 2.0;
            let tail = artanh_tail(y.sqr());
            assert!((y + y * y.sqr() * tail).intersection(artanh).is_some());
            assert!(tail.relative_width() <= 12.0 * f64::EPSILON, "{}", tail.relative_width());
        }
    }

    proptest! {
        #[test]
        fn ln_gamma_of_an_interval_holds_the_values_inside(
            x in 0.01..4.0_f64, width in 0.0..3.0_f64, part in 0.0..1.0_f64,
        ) {
            let whole = ln_gamma(Interval::ordered(x, x + width));
            let inside = ln_gamma(Interval::point(x + part * width));
            prop_assert_eq!(whole.hull(inside), whole);
        }

        #[test]
        fn weight_of_an_interval_holds_the_weights_inside(
            dim in 0_u64..5000, x in 0.0..4000.0_f64, width in 0.0..50.0_f64, part in 0.0..1.0_f64,
        ) {
            let whole = poisson_weight(dim, Interval::ordered(x, x + width));
            let inside = poisson_weight(dim, Interval::point(x + part * width));
            prop_assert_eq!(whole.hull(inside), whole);
        }
    }
}
