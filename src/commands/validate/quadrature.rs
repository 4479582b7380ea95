//! The slow road: integrals taken from the definitions, in plain doubles and with none of the theory's functions.

use std::f64::consts::PI;

/// Half-width, in units of σ, of the range over which Gaussian-like integrands are summed; e^{−12²/2} is below 1e-31.
pub(super) const REACH: f64 = 12.0;

/// Panels per integral: steps of at most 0.005 units of σ, whose fourth power is below 1e-9.
const PANELS: usize = 4800;

/// Relative errors of these integrals stay below this: Simpson's rule leaves 1e-10, and the logarithm of a density in
/// 196,608 dimensions is rounded to 1e-11.
pub(super) const TOLERANCE: f64 = 1e-9;

/// ∫ f from `lo` to each of the points `lo + 2kh`, h = (hi − lo)/[`PANELS`], by Simpson's rule.
pub(super) fn running_integral(f: impl Fn(f64) -> f64, lo: f64, hi: f64) -> Vec<f64> {
    let h = (hi - lo) / PANELS as f64;
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for k in (0..PANELS).step_by(2) {
        let at = |k: usize| f(lo + k as f64 * h);
        sum += (at(k) + 4.0 * at(k + 1) + at(k + 2)) * h / 3.0;
        sums.push(sum);
    }
    sums
}

/// ∫ f from `lo` to `hi`.
pub(super) fn integral(f: impl Fn(f64) -> f64, lo: f64, hi: f64) -> f64 {
    running_integral(f, lo, hi).last().copied().unwrap_or_default()
}

/// |found − expected| relative to the expected value.
pub(super) fn relative_difference(found: f64, expected: f64) -> f64 {
    ((found - expected) / expected).abs()
}

/// Density of N(0, 1).
pub(super) fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The radius of N(0, I) in R^D: its density is proportional to the area r^{D−1} of the sphere times e^{−r²/2}.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shells {
    dim: f64,
    total: f64,
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Shells {
    pub(super) fn new(dim: u64) -> Self {
        let dim = dim as f64;
        let unscaled = Self { dim, total: 1.0, mean: 0.0, deviation: 0.0 };
        let total = unscaled.between(f64::NEG_INFINITY, f64::INFINITY);
        let shells = Self { total, ..unscaled };
        let mean = shells.expectation(|r| r);
        Self { mean, deviation: shells.expectation(|r| (r - mean).powi(2)).sqrt(), ..shells }
    }

    /// √D, about which the radius is spread by less than 1.
    pub(super) fn centre(&self) -> f64 {
        self.dim.sqrt()
    }

    pub(super) fn density(&self, r: f64) -> f64 {
        if r <= 0.0 {
            return 0.0;
        }
        let centre = self.centre();
        ((self.dim - 1.0) * (r / centre).ln() - 0.5 * (r - centre) * (r + centre)).exp() / self.total
    }

    /// Probability of a radius between the two.
    pub(super) fn between(&self, lo: f64, hi: f64) -> f64 {
        let (least, most) = (self.centre() - REACH, self.centre() + REACH);
        integral(|r| self.density(r), lo.clamp(least, most), hi.clamp(least, most))
    }

    fn expectation(&self, f: impl Fn(f64) -> f64) -> f64 {
        integral(|r| f(r) * self.density(r), self.centre() - REACH, self.centre() + REACH)
    }
}
