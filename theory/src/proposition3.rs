//! Proposition 3: the variance of a Gaussian after T Langevin steps at one noise level.
//!
//! The chain x ← x − (α/σ²)·x + √(2α)·z with α = ε·σ²/σ_L² starts from N(0, γ²σ²) and aims at N(0, σ²).
//! Only γ, δ = ε/σ_L² and T matter, so every function here works in units of σ². With data of covariance Λ
//! the same holds in each eigendirection with its own γ and δ ([`Level::excess`]).

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::Error;
use crate::geometric::Geometric;
use crate::interval::Interval;

/// Largest number of draws for which the χ² quantiles have been checked.
const MOST_DRAWS: u64 = 3_000_000;

/// Variance ratio s_T²/σ² from the definition, one step after the other.
///
/// # Formula
/// ```text
/// s₀² = γ²σ²,   s²_{t+1} = (1 − α/σ²)² s²_t + 2α,   α = δσ²
/// ```
/// # Arguments
/// * `gamma` — σ_{i−1}/σ_i
/// * `delta` — ε/σ_L²; the chain is stable on (0, 2), the recursion holds for every δ
/// * `steps` — T
///
/// # Accuracy
/// Enclosure; at points with δ ∈ (0, 1) relative width at most 5T + 2 ulp. Time O(T).
///
/// # Source
/// Appendix A, proof of Proposition 3.
#[must_use]
pub fn recursion(gamma: Interval, delta: Interval, steps: u64) -> Interval {
    let kept = (1.0 - delta).sqr();
    let added = 2.0 * delta;
    (0..steps).fold(gamma.sqr(), |variance, _| kept * variance + added)
}

/// Variance ratio s_T²/σ² as the paper prints it.
///
/// # Formula
/// ```text
/// s_T²/σ² = (1 − δ)^{2T}·(γ² − v) + v,   v = 2δ/(1 − (1 − δ)²)
/// ```
/// # Arguments
/// As for [`recursion`]; [`Interval::ENTIRE`] when `delta` contains 0 or 2.
///
/// # Accuracy
/// Enclosure. 1 − (1 − δ)² cancels for small δ: relative width about ulp/δ. [`variance_ratio`] has no such
/// loss.
///
/// # Source
/// Equation (6).
#[must_use]
pub fn closed_form(gamma: Interval, delta: Interval, steps: u64) -> Interval {
    let kept = (1.0 - delta).sqr();
    let stationary = 2.0 * delta / (1.0 - kept);
    kept.powi(steps) * (gamma.sqr() - stationary) + stationary
}

/// Excess s_T²/σ² − 1 of the variance over its target, without cancellation.
///
/// # Formula
/// ```text
/// s_T²/σ² − 1 = δ²·G_T(w²) + A·w^{2T},   w = 1 − δ,   A = γ² − 1,   G_T(q) = Σ_{k<T} q^k
/// ```
/// From s²_{t+1} − 1 = w²(s²_t − 1) + (w² + 2δ − 1) and w² + 2δ − 1 = δ². For γ > 1 every term is positive,
/// hence the chain never gets down to its target.
///
/// # Arguments
/// * `gamma` — σ_{i−1}/σ_i
/// * `delta` — ε/σ_L², in (0, 2) for a stable chain; the formula holds for every δ
/// * `steps` — T
///
/// # Accuracy
/// Enclosure; at points with γ > 1, δ ∈ (0, 1) relative width at most 5T + 20 ulp. Time O(log T).
///
/// # Example
/// ```
/// use ncsn_theory::{interval::Interval, proposition3::variance_excess};
/// // Table 4, LSUN church: σ₁ = 140, L = 788, T = 4, ε = 4.9e-6, σ_L = 0.01.
/// let gamma = (140.0_f64 / 0.01).powf(1.0 / 787.0);
/// let excess = variance_excess(Interval::point(gamma), Interval::point(4.9e-6 / 1e-4), 4);
/// // The level starts with an excess of γ² − 1 and ends with more.
/// assert!(excess.is_above(gamma * gamma - 1.0) && (excess.mid() - 0.0247424).abs() < 1e-7);
/// ```
///
/// # Source
/// Proposition 3; the form is equation (6) rearranged.
#[must_use]
pub fn variance_excess(gamma: Interval, delta: Interval, steps: u64) -> Interval {
    excess_from((gamma - 1.0) * (gamma + 1.0), delta, steps)
}

/// Variance ratio s_T²/σ²: 1 + [`variance_excess`], with its arguments.
///
/// # Accuracy
/// Enclosure; one ulp wider than the excess, so the relative width is close to one ulp where the excess is
/// small.
#[must_use]
pub fn variance_ratio(gamma: Interval, delta: Interval, steps: u64) -> Interval {
    1.0 + variance_excess(gamma, delta, steps)
}

/// Excess of the variance over its target after T steps, from any start.
///
/// # Arguments
/// * `start` — s₀²/σ² − 1, negative when the chain starts too narrow
/// * `delta`, `steps` — as for [`variance_excess`]
///
/// # Accuracy
/// Enclosure; as [`variance_excess`] for `start` ≥ 0. For `start` < 0 the two terms have opposite signs and
/// their difference keeps their absolute width only.
#[must_use]
pub fn excess_from(start: Interval, delta: Interval, steps: u64) -> Interval {
    let kept = (1.0 - delta).sqr();
    let Geometric { sum, power, .. } = Geometric::new(kept, steps);
    delta.sqr() * sum + start * power
}

/// One noise level of a schedule, as it acts on data with a covariance.
///
/// At the level σ_i the perturbed density of N(0, Λ) is N(0, Λ + σ_i²), whose score in the eigendirection k
/// is −x/(λ_k + σ_i²). The direction starts with variance λ_k + σ_{i−1}² and should reach τ² = λ_k + σ_i².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// σ_{i−1}, the level before.
    sigma_before: f64,
    /// σ_i.
    sigma: f64,
    /// α_i = ε·σ_i²/σ_L².
    step_size: Interval,
    /// T.
    steps: u64,
}

impl Level {
    /// The level σ_i of a schedule that ends at σ_L.
    ///
    /// # Errors
    /// [`Error::Domain`] when a level or ε is not positive and finite.
    pub fn new(
        sigma_before: f64,
        sigma: f64,
        sigma_min: f64,
        epsilon: f64,
        steps: u64,
    ) -> Result<Self, Error> {
        let arguments = [
            ("sigma_before", sigma_before),
            ("sigma", sigma),
            ("sigma_min", sigma_min),
            ("epsilon", epsilon),
        ];
        for (name, value) in arguments {
            if !(value > 0.0 && value < f64::INFINITY) {
                return Err(Error::Domain { name, value, allowed: "(0, ∞)" });
            }
        }
        let step_size = epsilon * (Interval::point(sigma) / sigma_min).sqr();
        Ok(Self { sigma_before, sigma, step_size, steps })
    }

    /// Relative excess v_T/(λ + σ_i²) − 1 of the variance in one eigendirection, when it starts from λ +
    /// σ_{i−1}².
    ///
    /// # Formula
    /// ```text
    /// v ← (1 − α/τ²)²·v + 2α,   τ² = λ + σ_i²
    /// ```
    /// This is Proposition 3 with δ_λ = α/τ² and A_λ = (σ_{i−1}² − σ_i²)/τ²; λ = 0 gives [`variance_excess`].
    ///
    /// # Arguments
    /// * `eigenvalue` — λ ≥ 0 of the data's covariance
    ///
    /// # Accuracy
    /// Enclosure. δ_λ is at most 8 ulp wide, which adds at most 16·δ_λ/(1 − δ_λ) ulp per step to the
    /// relative width of [`variance_excess`].
    #[must_use]
    pub fn excess(&self, eigenvalue: f64) -> Interval {
        let (before, sigma) = (Interval::point(self.sigma_before), Interval::point(self.sigma));
        let target = eigenvalue + sigma.sqr();
        let start = (before - sigma) * (before + sigma) / target;
        excess_from(start, self.step_size / target, self.steps)
    }

    /// Variance in one eigendirection after the level, when it arrives with `variance`.
    ///
    /// # Accuracy
    /// Enclosure.
    #[must_use]
    pub fn variance_after(&self, variance: Interval, eigenvalue: f64) -> Interval {
        let target = eigenvalue + Interval::point(self.sigma).sqr();
        target * (1.0 + excess_from((variance - target) / target, self.step_size / target, self.steps))
    }

    /// The eigendirection of largest excess: its index and the excess.
    ///
    /// The excess need not be monotone in λ. It falls with λ, so that the smallest eigenvalue is the worst,
    /// whenever σ_{i−1} ≥ σ_i and (2T + 1)·ε/σ_L² ≤ 1, as in every NCSNv2 row of Table 4: with u = 1/τ² it
    /// is a sum of αu·(1 − (1 − αu)^{2T})/(2 − αu), increasing on αu ≤ 1, and of a multiple of u·(1 −
    /// αu)^{2T}, increasing until αu = 1/(2T + 1). No use is made of this here: every direction is
    /// evaluated.
    ///
    /// # Accuracy
    /// The excess is the hull of enclosures that contains the true maximum; the index has the largest upper
    /// end.
    ///
    /// # Errors
    /// [`Error::Count`] without eigenvalues, [`Error::Domain`] when one is negative or not finite.
    pub fn worst(&self, eigenvalues: &[f64]) -> Result<(usize, Interval), Error> {
        if let Some(&value) = eigenvalues.iter().find(|&&value| !(0.0..f64::INFINITY).contains(&value)) {
            return Err(Error::Domain { name: "eigenvalue of a covariance", value, allowed: "[0, ∞)" });
        }
        let directions = eigenvalues.iter().map(|&eigenvalue| self.excess(eigenvalue)).enumerate();
        directions
            .reduce(|(best, worst), (index, excess)| {
                (if excess.hi() > worst.hi() { index } else { best }, worst.max(excess))
            })
            .ok_or(Error::Count { name: "number of eigenvalues", value: 0, allowed: "at least 1" })
    }
}

/// What a simulated chain says about s_T²/σ².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulation {
    /// Mean of x² over all coordinates of all chains, in units of σ²; the mean of x is known to be 0.
    pub ratio: f64,
    /// Interval that contains s_T²/σ² with the probability asked for.
    pub interval: Interval,
}

/// Runs the chain of Proposition 3 and measures its variance.
///
/// # Formula
/// ```text
/// n·ratio/(s_T²/σ²) ~ χ²_n,   n = chains × dim
/// ```
/// Exact, because the coordinates are independent Gaussians of mean 0: no large-sample argument is used.
///
/// # Arguments
/// * `gamma`, `delta`, `steps` — as for [`variance_excess`], positive and finite
/// * `chains`, `dim` — independent chains and their dimension, 1 to 3·10⁶ coordinates together
/// * `confidence` — probability in (0, 1) that the interval covers the true ratio, half the rest on each side
///
/// # Accuracy
/// That of [`variance_interval`]; rounding in the chain is far below the interval's width.
///
/// # Errors
/// [`Error::Domain`], [`Error::Count`] for arguments out of range.
pub fn simulate(
    gamma: f64,
    delta: f64,
    steps: u64,
    (chains, dim): (usize, usize),
    confidence: f64,
    rng: &mut impl Rng,
) -> Result<Simulation, Error> {
    for (name, value) in [("gamma", gamma), ("delta", delta)] {
        if !(value > 0.0 && value < f64::INFINITY) {
            return Err(Error::Domain { name, value, allowed: "(0, ∞)" });
        }
    }
    let draws = chains.saturating_mul(dim) as u64;
    if !(1..=MOST_DRAWS).contains(&draws) {
        return Err(Error::Count { name: "chains × dim", value: draws, allowed: "1 to 3·10⁶" });
    }
    let noise_scale = (2.0 * delta).sqrt();
    let mut sum_of_squares = 0.0;
    for _ in 0..draws {
        let mut x = gamma * rng.sample::<f64, _>(StandardNormal);
        for _ in 0..steps {
            x += -delta * x + noise_scale * rng.sample::<f64, _>(StandardNormal);
        }
        sum_of_squares += x * x;
    }
    let interval = variance_interval(sum_of_squares, draws, confidence)?;
    Ok(Simulation { ratio: sum_of_squares / draws as f64, interval })
}

/// Confidence interval for the variance of a Gaussian of mean 0, from the sum of squares of independent
/// draws.
///
/// # Formula
/// ```text
/// [sum/χ²_{draws, 1−a/2}, sum/χ²_{draws, a/2}],   a = 1 − confidence
/// ```
/// # Accuracy
/// The quantiles are statrs', relative error below 1e-10 up to 3·10⁶ draws (table of 20 digits, a = 1e-6).
///
/// # Errors
/// [`Error::Count`] for 0 draws or more than 3·10⁶; [`Error::Domain`] when `confidence` is outside (0, 1)
/// or the sum not finite.
pub fn variance_interval(sum_of_squares: f64, draws: u64, confidence: f64) -> Result<Interval, Error> {
    let count = Error::Count { name: "number of draws", value: draws, allowed: "1 to 3·10⁶" };
    if draws > MOST_DRAWS {
        return Err(count);
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(Error::Domain { name: "confidence", value: confidence, allowed: "(0, 1)" });
    }
    let law = ChiSquared::new(draws as f64).map_err(|_| count)?; // refuses 0 degrees of freedom
    let tail = 0.5 * (1.0 - confidence);
    Interval::new(sum_of_squares / law.inverse_cdf(1.0 - tail), sum_of_squares / law.inverse_cdf(tail))
}
