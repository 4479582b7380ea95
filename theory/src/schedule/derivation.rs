//! Techniques 2 and 4 in turn: from a dimension, σ₁ and σ_L to a schedule.

use super::{
    NoiseRange, Schedule, Spacing, Steps, count_evaluations, epsilon_from_delta, gamma_root, num_levels,
    optimal_delta_from, real_levels, realised_gamma, spacing,
};
use crate::Error;
use crate::chain::chain_excess_from;
use crate::interval::Interval;
use crate::proposition3::excess_from;

/// What a schedule is derived from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// D = channels × height × width, at least 5.
    pub dim: u64,
    /// σ₁ (Technique 1) and σ_L.
    pub range: NoiseRange,
    /// What is asked of Technique 2.
    pub spacing: Spacing,
    /// How T is chosen.
    pub steps: Steps,
}

/// A schedule and the enclosures of the numbers that it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Derivation {
    /// What was asked.
    pub request: Request,
    /// The schedule; its ε is the middle of `epsilon`.
    pub schedule: Schedule,
    /// The ratio at which adjacent levels overlap with the target probability.
    pub gamma_root: Interval,
    /// x = ln(σ₁/σ_L)/ln γ before rounding.
    pub real_levels: Interval,
    /// The ratio of L geometric levels.
    pub gamma: Interval,
    /// Overlap at the realised ratio.
    pub overlap: Interval,
    /// The minimiser of the variance ratio at the realised ratio.
    pub epsilon: Interval,
    /// The variance ratio of one level of `schedule`, its double ε included.
    pub variance_ratio: Interval,
    /// The variance ratio after all levels of `schedule`.
    pub chain_ratio: Interval,
}

impl Request {
    /// Techniques 2 and 4 in turn: γ, L, T, ε.
    ///
    /// # Errors
    /// Those of [`gamma_root`], [`num_levels`], [`Steps::per_level`] and [`Schedule::new`].
    ///
    /// # Example
    /// ```
    /// use ncsn_theory::schedule::{NoiseRange, Request, Rounding, Spacing, Steps};
    /// // Source: Table 4, CIFAR-10: L = 232, ε = 6.2e-6, which follow from an overlap of 0.567 and ⌊x⌋ + 1.
    /// let derivation = Request {
    ///     dim: 3072,
    ///     range: NoiseRange::new(50.0, 0.01)?,
    ///     spacing: Spacing { target: 0.567, rounding: Rounding::FloorPlusOne, ..Spacing::default() },
    ///     steps: Steps::PerLevel(5),
    /// }
    /// .derive()?;
    /// assert_eq!(derivation.schedule.num_levels(), 232);
    /// assert_eq!(format!("{:.1e}", derivation.schedule.epsilon()), "6.2e-6");
    /// # Ok::<(), ncsn_theory::Error>(())
    /// ```
    pub fn derive(self) -> Result<Derivation, Error> {
        let Spacing { target, law, rounding } = self.spacing;
        let gamma_root = gamma_root(self.dim, target, law)?;
        let levels = num_levels(self.range, gamma_root, rounding)?;
        let gamma = realised_gamma(self.range, levels);
        let steps = self.steps.per_level(self.range, levels)?;
        let epsilon =
            epsilon_from_delta(self.range, optimal_delta_from(self.range.start_excess(levels), steps)?)?;
        let schedule = Schedule::new(self.dim, self.range, levels, steps, epsilon.mid())?;
        Ok(Derivation {
            request: self,
            schedule,
            gamma_root,
            real_levels: real_levels(self.range, gamma_root),
            gamma,
            overlap: schedule.overlap(law),
            epsilon,
            variance_ratio: schedule.variance_ratio(),
            chain_ratio: schedule.chain_ratio(),
        })
    }
}

/// One row of the trade-off between computing time and fidelity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeOff {
    /// T.
    pub steps_per_level: u64,
    /// The optimal ε for this T.
    pub epsilon: Interval,
    /// s_T²/σ² − 1 of one level at that ε, free of cancellation.
    pub variance_excess: Interval,
    /// The same after all levels of Algorithm 1.
    pub chain_excess: Interval,
    /// L·T.
    pub score_evaluations: u64,
}

/// The best reachable variance ratio for each of several T.
///
/// # Errors
/// Those of [`optimal_delta_from`]; [`Error::Count`] when L·T exceeds 2⁵³.
pub fn trade_off(range: NoiseRange, num_levels: u64, steps: &[u64]) -> Result<Vec<TradeOff>, Error> {
    let start = range.start_excess(spacing::check_levels(num_levels)?);
    steps
        .iter()
        .map(|&steps_per_level| {
            let delta = optimal_delta_from(start, steps_per_level)?;
            let chosen = Interval::point(delta.mid());
            Ok(TradeOff {
                steps_per_level,
                epsilon: epsilon_from_delta(range, delta)?,
                variance_excess: excess_from(start, chosen, steps_per_level),
                chain_excess: chain_excess_from(start, chosen, steps_per_level, num_levels),
                score_evaluations: count_evaluations(num_levels, steps_per_level)?,
            })
        })
        .collect()
}
