//! How far the radius law is from its normal limit.

use super::RadiusLaw;
use crate::gamma::{artanh_tail, stirling_remainder};
use crate::interval::Interval;
use crate::normal;
use crate::root::falling_root;

impl RadiusLaw {
    /// sup_r |F(r) − F_N(r)| between the radius law and its normal limit; it does not depend on σ.
    ///
    /// # Formula
    /// With σ = 1, the densities' log ratio h has h′(r) = ((r − √D)² − 1)/r. It rises from −∞ (D ≥ 2), falls between
    /// √D − 1 and √D + 1, and rises to ∞; writing h as a power series in 1/√D shows h ≥ 2/(3√D) at √D − 1 and
    /// h ≤ −2/(3√D) + 1/(4D) at √D + 1. So F − F_N is stationary at exactly three r > 0 (two for D = 1, where h starts
    /// above 0), one in each stretch. For r ≤ 0 the distance is F_N(r), at most F_N(0).
    ///
    /// # Accuracy
    /// Absolute width at most `(8 + 2√D)` · 2⁻⁵².
    #[must_use]
    pub fn kolmogorov_distance(&self) -> Interval {
        let unit = Self { sigma: 1.0, ..*self };
        let centre = self.root_dim().mid();
        let log_ratio = LogDensityRatio::new(self.dim);
        let ratio = |r: f64| log_ratio.at(r);
        let middle = falling_root(ratio, (centre - 1.0).max(f64::MIN_POSITIVE), centre + 1.0, centre);
        // h(√D + 4) > 0: ln(1 + t) − t + t²/2 ≥ t³/(3(1 + t)), and 64/(3(√D + 4)) > 4/√D + 1/(6D) for D ≥ 1.
        let right = falling_root(|r| -ratio(r), centre + 1.0, centre + 4.0, centre + 3_f64.sqrt());
        let at_zero = unit.normal_limit().cdf(Interval::ZERO);
        let rest = at_zero.max(unit.gap_around(middle)).max(unit.gap_around(right));
        if self.dim == 1 {
            return rest;
        }
        let left = falling_root(|r| -ratio(r), 0.0, centre - 1.0, centre - 3_f64.sqrt());
        rest.max(unit.gap_around(left))
    }

    /// (√2/3)φ(0)/√D = 0.188…/√D, the leading term of [`kolmogorov_distance`](Self::kolmogorov_distance) for large D.
    ///
    /// # Accuracy
    /// Relative width at most 10 · 2⁻⁵².
    ///
    /// # Source
    /// Integrating h ≈ (z³/6 − z)/√(2D) against φ, with z = (r − √D σ)√2/σ, gives F − F_N ≈ φ(z)(4 − z²)/(6√(2D)), largest
    /// in size at z = 0.
    #[must_use]
    pub fn kolmogorov_leading(&self) -> Interval {
        normal::density(Interval::ZERO) * Interval::point(2.0).sqrt() / 3.0 / self.root_dim()
    }

    /// |F − F_N| at a stationary point known to lie in `r`: the value at one place, plus slope times distance.
    fn gap_around(&self, r: Interval) -> Interval {
        let (limit, place) = (self.normal_limit(), Interval::point(r.mid()));
        let slope = self.density(r) - limit.density(r);
        (self.cdf(place) - limit.cdf(place) + slope * (r - place)).abs()
    }
}

/// h(r) = ln p(r) − ln p_N(r) at σ = 1.
struct LogDensityRatio {
    dim: Interval,
    root: Interval,
    remainder: Interval,
}

impl LogDensityRatio {
    fn new(dim: u64) -> Self {
        let exact = Interval::integer(dim);
        Self { dim: exact, root: exact.sqrt(), remainder: stirling_remainder(dim as f64 / 2.0) }
    }

    /// h(r) = D(ln(1+t) − t + t²/2) − ln(1+t) − s(D/2) with r = √D(1 + t) and s the remainder of Stirling's formula.
    fn at(&self, r: f64) -> Interval {
        if r == 0.0 {
            return Interval::ENTIRE;
        }
        let t = (r - self.root) / self.root;
        let y = t / (2.0 + t);
        let log = (r / self.root).ln();
        let bracket = if y.abs().hi() > 0.25 {
            log - t + t.sqr() / 2.0
        } else {
            // ln(1 + t) = 2 artanh y turns the bracket into terms that do not cancel.
            let square = y.sqr();
            2.0 * y * square * (1.0 / (1.0 - y).sqr() + artanh_tail(square))
        };
        self.dim * bracket - log - self.remainder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law(dim: u64) -> RadiusLaw {
        RadiusLaw::new(dim, 1.0).unwrap()
    }

    #[test]
    fn kolmogorov_distance_times_root_dimension_approaches_0_188() {
        // Source: (√2/3)φ(0) = 0.18806…
        let scaled = |dim: u64| law(dim).kolmogorov_distance() * Interval::integer(dim).sqrt();
        assert_eq!((law(1).kolmogorov_leading().mid() * 1e5).round(), 18_806.0);
        assert!((scaled(1_000_000).mid() - law(1).kolmogorov_leading().mid()).abs() < 1e-4);
    }

    #[test]
    fn log_density_ratio_has_the_proved_signs_between_its_zeros() {
        for dim in [1, 2, 3, 4, 5, 10, 100, 3072, 196_608, 1 << 32, 1 << 52] {
            let root = (dim as f64).sqrt();
            assert!(dim == 1 || LogDensityRatio::new(dim).at(root - 1.0).is_above(0.0));
            assert!(LogDensityRatio::new(dim).at(root + 1.0).is_below(0.0));
            assert!(LogDensityRatio::new(dim).at(root + 4.0).is_above(0.0));
        }
    }

    #[test]
    fn log_density_ratio_is_that_of_the_densities() {
        for (dim, r) in [(1, 0.3), (2, 4.0), (3, 0.1), (16, 3.0), (3072, 57.0)] {
            let place = Interval::point(r);
            let ratio = law(dim).density(place) / law(dim).normal_limit().density(place);
            assert!(LogDensityRatio::new(dim).at(r).intersection(ratio.ln()).is_some());
        }
    }
}
