//! Proposition 2: the radius r = ‖x‖ of x ~ N(0, σ²I) in R^D, its normal limit, and the distance between the two.

mod distance;

use statrs::distribution::{ContinuousCDF, Normal};

use crate::Error;
use crate::gamma::{enveloping_series, lower, poisson_weight, upper};
use crate::interval::Interval;
use crate::normal;
use crate::root::falling_root;

/// (1 − 4⁻ᵏ)B₂ₖ/(k(2k − 1)), numerators and denominators, for [`log_mean_deficit`].
const GAMMA_RATIO: [(f64, f64); 8] = [
    (1.0, 8.0),
    (-1.0, 192.0),
    (1.0, 640.0),
    (-17.0, 14_336.0),
    (31.0, 18_432.0),
    (-691.0, 180_224.0),
    (5461.0, 425_984.0),
    (-929_569.0, 15_728_640.0),
];

/// From this dimension on, seven terms of the series leave less than an ulp of the mean's distance from √D.
const SERIES_FROM: u64 = 32;

/// The law of r = ‖x‖ for x ~ N(0, σ²I) in R^D: σ times a χ variable with D degrees of freedom.
///
/// # Example
/// ```
/// use ncsn_theory::{interval::Interval, proposition2::RadiusLaw};
/// // In the plane the radius is Rayleigh distributed: F(r) = 1 − exp(−r²/2σ²), mean σ√(π/2).
/// let law = RadiusLaw::new(2, 1.0)?;
/// assert!(law.mean().intersection((Interval::PI / 2.0).sqrt()).is_some());
/// # Ok::<(), ncsn_theory::Error>(())
/// ```
///
/// # Source
/// Song & Ermon (2020), Proposition 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RadiusLaw {
    dim: u64,
    sigma: f64,
}

impl RadiusLaw {
    /// The radius law in `dim` dimensions for the standard deviation `sigma` of each coordinate.
    ///
    /// # Errors
    /// [`Error::Count`] when `dim` is 0 or above 2⁵² (counts beyond are not all doubles), [`Error::Domain`] when `sigma`
    /// is not a positive finite number.
    pub fn new(dim: u64, sigma: f64) -> Result<Self, Error> {
        if dim == 0 || dim > 1 << 52 {
            return Err(Error::Count { name: "dim", value: dim, allowed: "1 to 2^52" });
        }
        if !(sigma > 0.0 && sigma.is_finite()) {
            return Err(Error::Domain { name: "sigma", value: sigma, allowed: "positive finite numbers" });
        }
        Ok(Self { dim, sigma })
    }

    /// D.
    #[must_use]
    pub const fn dim(&self) -> u64 {
        self.dim
    }

    /// σ.
    #[must_use]
    pub const fn sigma(&self) -> f64 {
        self.sigma
    }

    /// Probability density p(r), per unit of length; 0 for r < 0.
    ///
    /// # Formula
    /// ```text
    /// p(r) = r^{D−1} e^{−r²/2σ²} / (2^{D/2−1} Γ(D/2) σ^D) = (r/σ²) · x^{D/2−1} e^{−x}/Γ(D/2),   x = r²/2σ²
    /// ```
    ///
    /// # Accuracy
    /// At a point: relative width at most `(30 + 12·|ln(σp)| + 2·|D − (r/σ)²|)` · 2⁻⁵² while
    /// r/σ and σp are above 1e-150; the last part is the rounding of x.
    ///
    /// # Source
    /// Song & Ermon (2020), Proposition 2.
    #[must_use]
    pub fn density(&self, r: Interval) -> Interval {
        if r.is_below(0.0) {
            return Interval::ZERO;
        }
        let ratio = r.max(Interval::ZERO) / self.sigma;
        let inside = if self.dim == 1 {
            2.0 * normal::density(ratio)
        } else {
            ratio * poisson_weight(self.dim - 2, ratio.sqr() / 2.0)
        };
        let density = inside / self.sigma;
        if r.lo() < 0.0 { density.hull(Interval::ZERO) } else { density }
    }

    /// Distribution function F(r) = P(D/2, r²/2σ²); 0 for r ≤ 0.
    ///
    /// # Accuracy
    /// Relative width at a point at most `(30 + 3√D + 12·|ln F| + 2·|D − (r/σ)²|)` · 2⁻⁵² while r/σ and F
    /// are above 1e-150: full relative accuracy in the lower tail.
    #[must_use]
    pub fn cdf(&self, r: Interval) -> Interval {
        lower(self.dim, self.half_square(r))
    }

    /// 1 − F(r) = Q(D/2, r²/2σ²), in full relative accuracy in the upper tail.
    ///
    /// # Accuracy
    /// As for [`cdf`](Self::cdf), with 1 − F for F.
    #[must_use]
    pub fn survival(&self, r: Interval) -> Interval {
        upper(self.dim, self.half_square(r))
    }

    /// The radius below which the law has probability `p`.
    ///
    /// # Arguments
    /// * `p` — in (0, 1), exactly the double given
    ///
    /// # Accuracy
    /// The ends are the closest doubles at which F(r) and p are certified to differ, times σ. Relative width at most
    /// `(4 + c·q/(r p(r)))` · 2⁻⁵², where q is the smaller of p and 1 − p, and c · 2⁻⁵² the bound of [`cdf`](Self::cdf).
    ///
    /// # Errors
    /// [`Error::Domain`] when `p` is not strictly between 0 and 1.
    pub fn quantile(&self, p: f64) -> Result<Interval, Error> {
        if !(p > 0.0 && p < 1.0) {
            return Err(Error::Domain { name: "probability", value: p, allowed: "0 < p < 1" });
        }
        let unit = Self { sigma: 1.0, ..*self };
        // The smaller of F and 1 − F is the one known to more digits.
        let shortfall = |r: f64| {
            let r = Interval::point(r);
            if p <= 0.5 { p - unit.cdf(r) } else { unit.survival(r) - (1.0 - Interval::point(p)) }
        };
        // ‖x‖ is 1-Lipschitz with mean at most √D, so P(r > √D + 10) ≤ e⁻⁵⁰ < 2⁻⁵³ ≤ 1 − p (Gaussian concentration).
        let farthest = (self.root_dim() + 10.0).hi();
        Ok(falling_root(shortfall, 0.0, farthest, unit.quantile_guess(p)) * self.sigma)
    }

    /// Wilson and Hilferty's approximation, improved by Newton's method; not certified.
    fn quantile_guess(&self, p: f64) -> f64 {
        let share = 2.0 / (9.0 * self.dim as f64);
        let cube_root = 1.0 - share + Normal::standard().inverse_cdf(p) * share.sqrt();
        let mut r = (self.dim as f64 * cube_root.max(0.01).powi(3)).sqrt();
        for _ in 0..4 {
            let at = Interval::point(r);
            let excess = if p <= 0.5 { self.cdf(at).mid() - p } else { (1.0 - p) - self.survival(at).mid() };
            let next = r - excess / self.density(at).mid();
            if !(next > 0.0 && next.is_finite()) {
                break;
            }
            r = next;
        }
        r
    }

    /// Mean radius E(r) = √2 σ Γ((D+1)/2)/Γ(D/2).
    ///
    /// # Accuracy
    /// Relative width at most 6 · 2⁻⁵².
    #[must_use]
    pub fn mean(&self) -> Interval {
        self.root_dim() * log_mean_deficit(self.dim).exp() * self.sigma
    }

    /// Variance of the radius σ²D − E(r)², without that cancellation; it rises to σ²/2 as D grows.
    ///
    /// # Accuracy
    /// Relative width at most 16 · 2⁻⁵².
    #[must_use]
    pub fn variance(&self) -> Interval {
        self.relative_variance() * Interval::integer(self.dim) * Interval::point(self.sigma).sqr()
    }

    /// Standard deviation of the radius.
    ///
    /// # Accuracy
    /// Relative width at most 12 · 2⁻⁵².
    #[must_use]
    pub fn standard_deviation(&self) -> Interval {
        self.relative_variance().sqrt() * self.root_dim() * self.sigma
    }

    /// Var(r)/(σ²D) = 1 − exp(2 ln(E(r)/σ√D)).
    fn relative_variance(&self) -> Interval {
        -(2.0 * log_mean_deficit(self.dim)).exp_m1()
    }

    /// The law that Proposition 2 gives for large D.
    #[must_use]
    pub fn normal_limit(&self) -> NormalLimit {
        NormalLimit { mean: self.root_dim() * self.sigma, sigma: self.sigma }
    }

    fn root_dim(&self) -> Interval {
        Interval::integer(self.dim).sqrt()
    }

    /// r²/2σ², 0 for r < 0.
    fn half_square(&self, r: Interval) -> Interval {
        (r.max(Interval::ZERO) / self.sigma).sqr() / 2.0
    }
}

/// The normal law with mean √D σ and variance σ²/2, the limit of the radius law.
///
/// # Source
/// Song & Ermon (2020), Proposition 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalLimit {
    mean: Interval,
    sigma: f64,
}

impl NormalLimit {
    /// √D σ.
    #[must_use]
    pub const fn mean(&self) -> Interval {
        self.mean
    }

    /// σ²/2.
    #[must_use]
    pub fn variance(&self) -> Interval {
        Interval::point(self.sigma).sqr() / 2.0
    }

    /// Probability density at `r`.
    #[must_use]
    pub fn density(&self, r: Interval) -> Interval {
        normal::density(self.standardised(r)) * Interval::point(2.0).sqrt() / self.sigma
    }

    /// Distribution function Φ((r − √D σ)√2/σ).
    #[must_use]
    pub fn cdf(&self, r: Interval) -> Interval {
        normal::cdf(self.standardised(r))
    }

    fn standardised(&self, r: Interval) -> Interval {
        (r - self.mean) / self.sigma * Interval::point(2.0).sqrt()
    }
}

/// ln(E(r)/(σ√D)) < 0.
///
/// # Formula
/// With a = D/2 it is ln(Γ(a+½)/Γ(a)) − ½ ln a = −∫₀^∞ tanh(t/4) e^{−at}/(2t) dt. Expanding tanh in partial fractions,
/// each a geometric series, gives −Σ_k (1 − 4⁻ᵏ)B₂ₖ/(k(2k−1)a^{2k−1}), whose error has the sign of the first omitted term
/// and at most its size. Small D are raised by E_D/E_{D+2} = (D + 1)⁻¹D, from E_D E_{D+1} = σ²D.
///
/// # Accuracy
/// A few ulp of itself: every part has the same sign.
fn log_mean_deficit(dim: u64) -> Interval {
    let (mut shifts, mut d) = (Interval::ZERO, dim);
    while d < SERIES_FROM {
        // ½ ln(D(D + 2)/(D + 1)²)
        shifts = shifts + (-1.0 / Interval::integer(d + 1).sqr()).ln_1p() / 2.0;
        d += 2;
    }
    shifts - enveloping_series(&GAMMA_RATIO, d as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::*;

    fn law(dim: u64) -> RadiusLaw {
        RadiusLaw::new(dim, 1.0).unwrap()
    }

    proptest! {
        #[test]
        fn a_scaled_radius_has_the_law_of_the_unscaled_one(
            dim in 1_u64..20_000, sigma in 1e-3..1e3_f64, z in -6.0..6.0_f64,
        ) {
            let scaled = RadiusLaw::new(dim, sigma).unwrap();
            let ratio = Interval::point(((dim as f64).sqrt() + z).max(1e-3));
            let r = ratio * sigma;
            prop_assert!(scaled.cdf(r).intersection(law(dim).cdf(ratio)).is_some());
            prop_assert!((scaled.density(r) * sigma).intersection(law(dim).density(ratio)).is_some());
        }

        #[test]
        fn widths_hold_for_every_scale(dim in 1_u64..20_000, sigma in 1e-3..1e3_f64, z in -6.0..6.0_f64) {
            let scaled = RadiusLaw::new(dim, sigma).unwrap();
            let root = (dim as f64).sqrt();
            let ratio = (root + z).max(1e-3);
            let r = Interval::point(ratio * sigma);
            let rounding = 30.0 + 2.0 * (dim as f64 - ratio * ratio).abs();
            let (cdf, density) = (scaled.cdf(r), scaled.density(r) * sigma);
            let cdf_bound = rounding + 3.0 * root + 12.0 * cdf.lo().ln().abs();
            prop_assert!(cdf.relative_width() <= cdf_bound * f64::EPSILON);
            prop_assert!(density.relative_width() <= (rounding + 12.0 * density.lo().ln().abs()) * f64::EPSILON);
        }

        #[test]
        fn quantile_inverts_the_distribution_function(dim in 1_u64..5000, sigma in 1e-3..1e3_f64, p in 1e-12..1.0_f64) {
            let law = RadiusLaw::new(dim, sigma).unwrap();
            let r = law.quantile(p).unwrap();
            prop_assert!(law.cdf(r).contains(p));
        }
    }

    #[test]
    fn norms_of_gaussian_vectors_follow_the_law() {
        const SAMPLES: usize = 4000;
        const SIGNIFICANCE: f64 = 1e-6;
        const DIM: usize = 17;
        let law = RadiusLaw::new(DIM as u64, 0.3).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut norm =
            || (0..DIM).map(|_| rng.sample::<f64, _>(StandardNormal).powi(2)).sum::<f64>().sqrt() * 0.3;
        let mut norms: Vec<f64> = (0..SAMPLES).map(|_| norm()).collect();
        norms.sort_by(f64::total_cmp);
        let distance = norms.iter().enumerate().fold(0.0_f64, |distance, (below, &r)| {
            let (f, step) = (law.cdf(Interval::point(r)).mid(), 1.0 / SAMPLES as f64);
            distance.max(f - below as f64 * step).max((below + 1) as f64 * step - f)
        });
        // Dvoretzky-Kiefer-Wolfowitz with Massart's constant: P(distance > d) ≤ 2 exp(−2nd²).
        assert!(distance < ((2.0 / SIGNIFICANCE).ln() / (2.0 * SAMPLES as f64)).sqrt());
    }

    #[test]
    fn neighbouring_means_multiply_to_the_dimension() {
        for dim in 1..100 {
            assert!((law(dim).mean() * law(dim + 1).mean()).contains(dim as f64));
        }
    }

    #[test]
    fn variance_rises_to_that_of_the_normal_limit() {
        let variance = |dim| law(dim).variance();
        let limit = law(7).normal_limit().variance().lo();
        assert!(
            [1, 2, 3, 5, 31, 32, 33, 3072, 1 << 40]
                .windows(2)
                .all(|d| variance(d[0]).hi() < variance(d[1]).lo())
        );
        assert!(variance(1 << 40).is_below(limit) && variance(1 << 40).is_above(0.499_999));
        let limit = |sigma| RadiusLaw::new(7, sigma).unwrap().normal_limit().variance();
        assert_eq!((limit(1.0), limit(3.0)), (Interval::point(0.5), Interval::point(4.5)));
    }

    #[test]
    fn no_radius_is_negative() {
        let below = Interval::ordered(-2.0, -1.0);
        assert_eq!((law(3).density(below), law(3).cdf(below)), (Interval::ZERO, Interval::ZERO));
        assert_eq!(law(3).survival(below), Interval::ONE);
    }

    #[test]
    fn a_law_needs_a_dimension_and_a_positive_scale() {
        assert!(matches!(RadiusLaw::new(0, 1.0), Err(Error::Count { value: 0, .. })));
        for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(RadiusLaw::new(3, sigma), Err(Error::Domain { name: "sigma", .. })));
        }
    }

    #[test]
    fn a_quantile_needs_a_probability_strictly_inside() {
        for p in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(law(3).quantile(p), Err(Error::Domain { name: "probability", .. })));
        }
    }
}
