//! The error function and the normal distribution, enclosed.

use crate::interval::Interval;

/// Error function erf(x) = 2/√π ∫₀ˣ e^{−t²} dt, two ulp wide at a point.
pub fn erf(x: Interval) -> Interval {
    x.increasing(core_math::erf, -1.0, 1.0)
}

/// Complementary error function erfc(x) = 1 − erf(x), two ulp wide at a point.
pub fn erfc(x: Interval) -> Interval {
    x.decreasing(core_math::erfc, 0.0, 2.0)
}

/// Standard normal density φ(x) = e^{−x²/2}/√(2π).
///
/// # Accuracy
/// Relative width at most `(6 + x²)` ulp at a point.
#[must_use]
pub fn density(x: Interval) -> Interval {
    (-x.sqr() / 2.0).exp() / (2.0 * Interval::PI).sqrt()
}

/// Standard normal distribution function Φ(x) = erfc(−x/√2)/2.
///
/// # Accuracy
/// Relative width at most `(4 + 4x²)` ulp at a point: full relative accuracy in the lower tail, where Φ is small.
///
/// # Example
/// ```
/// use ncsn_theory::{interval::Interval, normal};
/// // Source: Abramowitz & Stegun, table 26.1, x = 1
/// assert!((normal::cdf(Interval::ONE).mid() - 0.841_344_746_068_543).abs() < 1e-15);
/// ```
#[must_use]
pub fn cdf(x: Interval) -> Interval {
    erfc(-over_sqrt_2(x)) / 2.0
}

/// Φ(upper) − Φ(lower), from whichever of erf and erfc loses less to cancellation.
///
/// # Arguments
/// * `lower`, `upper` — the ends; the result is negative when they are not in this order
///
/// # Accuracy
/// With x the end nearer to 0: width at most `(8 + 4x²)` · 2⁻⁵² · Φ(−|x|) for ends of one sign, relative width at most
/// `8` · 2⁻⁵² for ends on both sides of 0.
#[must_use]
pub fn probability_between(lower: Interval, upper: Interval) -> Interval {
    let (a, b) = (over_sqrt_2(lower), over_sqrt_2(upper));
    // erf and erfc are equal near ½.
    let twice = if a.lo() > 0.5 {
        erfc(a) - erfc(b)
    } else if b.hi() < -0.5 {
        erfc(-b) - erfc(-a)
    } else {
        erf(b) - erf(a)
    };
    twice / 2.0
}

fn over_sqrt_2(x: Interval) -> Interval {
    x / Interval::point(2.0).sqrt()
}
