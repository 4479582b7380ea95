//! Technique 2's overlap with the exact radius law in place of its normal limit.

use crate::gamma::{lower, upper};
use crate::interval::Interval;
use crate::proposition2::RadiusLaw;

/// Probability that the radius of N(0, σ_i²I) lies within three standard deviations of the mean radius of
/// N(0, σ_{i−1}²I), where γ = σ_{i−1}/σ_i.
///
/// # Formula
/// ```text
/// C_χ(γ) = P(D/2, γ²b²/2) − P(D/2, γ²a²/2),   a = m − 3s,   b = m + 3s
/// ```
/// with m, s the mean and standard deviation of the radius at σ = 1 (a = 0 where m < 3s: a radius is not negative).
///
/// C_χ′(γ) < 0 iff γ² > 2D ln(b/a)/(b² − a²), as the radius density is proportional to r^{D−1}e^{−r²/2}. So for a > 0 it
/// rises, then falls strictly to 0, and takes each value in (0, C_χ(1)) exactly once at γ > 1. For a ≤ 0 it only rises,
/// to 1, and takes no value below C_χ(1) at γ > 1. The first case is D ≥ 5: there
/// m² > D e^{−1/(2D)} ≥ 0.904·D (ln m exceeds the first term of its series), and m > 3s means m² > 0.9·D as s² = D − m².
/// The second is D = 1, 2, 3, 4.
///
/// # Arguments
/// * `gamma` — γ > 0
/// * `dim` — D, 1 to 2⁵². [`Interval::ENTIRE`] elsewhere
///
/// # Accuracy
/// For γ ≥ 1, at a point: relative width at most `(30 + 20√(D(1 + |ln C_χ|)) + 12·|ln C_χ|)` · 2⁻⁵² while C_χ is above
/// 1e-150. Tested against the 50-digit table.
///
/// # Source
/// Song & Ermon (2020), Technique 2, before Proposition 2 replaces the law by its limit.
#[must_use]
pub fn chi_overlap(gamma: Interval, dim: u64) -> Interval {
    let Some((near, far)) = three_deviations(dim).filter(|_| gamma.is_above(0.0)) else {
        return Interval::ENTIRE;
    };
    let half_square = |r: Interval| (gamma * r.max(Interval::ZERO)).sqr() / 2.0;
    let (near, far) = (half_square(near), half_square(far));
    let centre = dim as f64 / 2.0;
    let overlap = if near.is_above(centre) {
        upper(dim, near) - upper(dim, far)
    } else if far.is_below(centre) {
        lower(dim, far) - lower(dim, near)
    } else {
        1.0 - (lower(dim, near) + upper(dim, far))
    };
    overlap.max(Interval::ZERO)
}

/// (m − 3s, m + 3s) of the radius law at σ = 1; the first is positive iff D ≥ 5. `None` outside 1 ≤ D ≤ 2⁵².
#[must_use]
pub fn three_deviations(dim: u64) -> Option<(Interval, Interval)> {
    let law = RadiusLaw::new(dim, 1.0).ok()?;
    let (mean, reach) = (law.mean(), 3.0 * law.standard_deviation());
    Some((mean - reach, mean + reach))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_deviations_reach_below_zero_up_to_dimension_four_only() {
        let near = |dim| three_deviations(dim).unwrap().0;
        assert!((1..=4).all(|dim| near(dim).is_below(0.0)));
        assert!((5..=3072).all(|dim| near(dim).is_above(0.0)));
    }

    #[test]
    fn in_four_dimensions_the_overlap_only_rises() {
        let at = |gamma: f64| chi_overlap(Interval::point(gamma), 4);
        let rising = [1.0, 1.01, 1.1, 1.5, 2.0].windows(2).all(|g| at(g[0]).hi() < at(g[1]).lo());
        assert!(rising && at(20.0).contains(1.0));
    }

    #[test]
    fn outside_its_domain_nothing_is_concluded() {
        assert_eq!(chi_overlap(Interval::ZERO, 10), Interval::ENTIRE);
        assert_eq!(chi_overlap(Interval::ONE, 0), Interval::ENTIRE);
    }

    proptest! {
        #[test]
        fn overlap_falls_strictly_beyond_its_peak(dim in 5_u64..5000, step in 0.001..0.5_f64, more in 0.001..0.5_f64) {
            let (near, far) = three_deviations(dim).unwrap();
            let peak = (2.0 * Interval::integer(dim) * (far / near).ln() / (far.sqr() - near.sqr())).sqrt().hi();
            let scale = 1.0 / (2.0 * dim as f64).sqrt();
            let first = peak + step * scale;
            let value = chi_overlap(Interval::point(first), dim);
            let later = chi_overlap(Interval::point(first + more * scale), dim);
            prop_assert!(later.hi() < value.lo(), "{later} {value}");
        }
    }
}
