//! Noise schedules: Techniques 1, 2 and 4 put together.
//!
//! A [`Request`] says what is known (dimension, largest and smallest noise) and what is wanted (overlap, steps); its
//! [`Request::derive`] returns a [`Derivation`]: the [`Schedule`] and how each of its numbers was found. A schedule
//! that somebody else published is built from its four numbers with [`Schedule::new`] and can then be
//! [`check`]ed against the techniques.

pub mod check;
mod derivation;
pub mod presets;
mod range;
#[cfg(feature = "serde")]
mod serial;
mod spacing;
mod step;

pub use derivation::{Derivation, Request, TradeOff, trade_off};
pub use range::{DataRange, NoiseRange};
pub use spacing::{
    Law, MAX_CHI_DIM, MAX_DIM, MIN_DIM, Rounding, Spacing, gamma_root, num_levels, overlap, real_levels,
    realised_gamma, targets_for_levels,
};
pub use step::{MAX_STEPS, Steps, optimal_delta, optimal_delta_from, steps_for_tolerance};

use crate::Error;
use crate::chain::{chain_excess_from, unconditional_noise};
use crate::interval::Interval;
use crate::proposition3::excess_from;

/// A geometric sequence of noise levels and the Langevin dynamics that runs on it.
///
/// With the feature `serde`, files hold its six numbers by the names `dim`, `sigma_max`, `sigma_min`, `num_levels`,
/// `steps_per_level` and `epsilon`; what they hold passes [`Schedule::new`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "serial::Numbers", into = "serial::Numbers")
)]
pub struct Schedule {
    dim: u64,
    range: NoiseRange,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
}

impl Schedule {
    /// # Arguments
    /// * `dim` — D = channels × height × width
    /// * `range` — σ₁ and σ_L
    /// * `num_levels` — L ≥ 2
    /// * `steps_per_level` — T ≥ 1
    /// * `epsilon` — ε, step size at the smallest level, in squared units of σ
    ///
    /// # Errors
    /// [`Error::Count`] for L, T, D or L·T out of range; [`Error::Domain`] for ε outside (0, 2σ_L²), where the Langevin
    /// dynamics of a Gaussian diverges.
    pub fn new(
        dim: u64,
        range: NoiseRange,
        num_levels: u64,
        steps_per_level: u64,
        epsilon: f64,
    ) -> Result<Self, Error> {
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(Error::Count { name: "dim", value: dim, allowed: "1 to 2^53" });
        }
        count_evaluations(spacing::check_levels(num_levels)?, step::check_steps(steps_per_level)?)?;
        step::check_epsilon(epsilon, range)?;
        Ok(Self { dim, range, num_levels, steps_per_level, epsilon })
    }

    /// The same levels with another ε.
    ///
    /// # Errors
    /// [`Error::Domain`] as for [`Schedule::new`].
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self, Error> {
        step::check_epsilon(epsilon, self.range)?;
        Ok(Self { epsilon, ..self })
    }

    /// The same levels with another T.
    ///
    /// # Errors
    /// [`Error::Count`] as for [`Schedule::new`].
    pub fn with_steps(self, steps_per_level: u64) -> Result<Self, Error> {
        count_evaluations(self.num_levels, step::check_steps(steps_per_level)?)?;
        Ok(Self { steps_per_level, ..self })
    }

    /// D.
    #[must_use]
    pub fn dim(&self) -> u64 {
        self.dim
    }

    /// σ₁ and σ_L.
    #[must_use]
    pub fn range(&self) -> NoiseRange {
        self.range
    }

    /// L.
    #[must_use]
    pub fn num_levels(&self) -> u64 {
        self.num_levels
    }

    /// T.
    #[must_use]
    pub fn steps_per_level(&self) -> u64 {
        self.steps_per_level
    }

    /// ε.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// Total number of score evaluations L·T of one sampling run, without the final denoising.
    #[must_use]
    pub fn score_evaluations(&self) -> u64 {
        self.num_levels * self.steps_per_level
    }

    /// The realised noise ratio γ = (σ₁/σ_L)^{1/(L−1)}.
    #[must_use]
    pub fn gamma(&self) -> Interval {
        realised_gamma(self.range, self.num_levels)
    }

    /// δ = ε/σ_L².
    #[must_use]
    pub fn delta(&self) -> Interval {
        step::delta(self.epsilon, self.range)
    }

    /// Overlap of adjacent levels at the realised ratio.
    #[must_use]
    pub fn overlap(&self, law: Law) -> Interval {
        overlap(self.gamma(), self.dim, law)
    }

    /// Proposition 3's s_T²/σ_i² at the realised ratio: variance after one level that starts at exactly σ_{i−1}².
    #[must_use]
    pub fn variance_ratio(&self) -> Interval {
        1.0 + excess_from(self.start_excess(), self.delta(), self.steps_per_level)
    }

    /// s²/σ_L² after all L levels of Algorithm 1, each from where the one above ended, the first from σ₁².
    #[must_use]
    pub fn chain_ratio(&self) -> Interval {
        1.0 + self.chain_excess(self.num_levels)
    }

    /// Noise left after all levels of Algorithm 1, in units of σ_L, by scores that are not told σ; see [`unconditional_noise`].
    #[must_use]
    pub fn unconditional_noise(&self) -> f64 {
        unconditional_noise(self.gamma().mid(), self.delta().mid(), self.steps_per_level, self.num_levels)
    }

    /// s²/σ² − 1 after the first `levels` levels of Algorithm 1.
    #[must_use]
    pub fn chain_excess(&self, levels: u64) -> Interval {
        chain_excess_from(self.start_excess(), self.delta(), self.steps_per_level, levels)
    }

    fn start_excess(&self) -> Interval {
        self.range.start_excess(self.num_levels)
    }

    /// σ_i for i = 0 (σ₁) … L − 1 (σ_L).
    ///
    /// # Accuracy
    /// That of [`NoiseRange::level`].
    #[must_use]
    pub fn sigma(&self, level: u64) -> f64 {
        self.range.level(level, self.num_levels)
    }

    /// σ₁ … σ_L.
    pub fn sigmas(&self) -> impl Iterator<Item = f64> {
        self.range.levels(self.num_levels)
    }

    /// Langevin step size α_i = ε·σ_i²/σ_L² at level i = 0 … L − 1.
    #[must_use]
    pub fn step_size(&self, level: u64) -> f64 {
        self.epsilon * (self.sigma(level) / self.range.min()).powi(2)
    }

    /// The ε that Technique 4 gives for this γ and T.
    ///
    /// # Errors
    /// [`Error::Domain`] when the product σ_L²·δ is not a positive double.
    pub fn optimal_epsilon(&self) -> Result<Interval, Error> {
        epsilon_from_delta(self.range, optimal_delta_from(self.start_excess(), self.steps_per_level)?)
    }
}

/// L·T, at most 2⁵³.
fn count_evaluations(num_levels: u64, steps_per_level: u64) -> Result<u64, Error> {
    match num_levels.checked_mul(steps_per_level) {
        Some(evaluations) if evaluations <= MAX_DIM => Ok(evaluations),
        product => Err(Error::Count {
            name: "score_evaluations",
            value: product.unwrap_or(u64::MAX),
            allowed: "1 to 2^53",
        }),
    }
}

/// ε = σ_L²·δ.
fn epsilon_from_delta(range: NoiseRange, delta: Interval) -> Result<Interval, Error> {
    let epsilon = Interval::point(range.min()).sqr() * delta;
    if epsilon.is_above(0.0) && epsilon.is_bounded() {
        Ok(epsilon)
    } else {
        Err(Error::Domain { name: "epsilon", value: epsilon.mid(), allowed: "positive numbers" })
    }
}
