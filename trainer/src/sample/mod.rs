//! Sampling with a trained network, or with any other score.

mod consistent;
mod inpaint;
mod interpolate;
mod langevin;
mod likelihood;
mod noise;
mod sde;

use ncsn_theory::langevin::Annealing;
use ncsn_theory::schedule::NoiseRange;
use tch::Tensor;

pub use consistent::{Consistent, consistent_annealed};
pub use inpaint::{Mask, Region, inpaint};
pub use interpolate::rows;
pub use langevin::{annealed_langevin, denoised, noise_left};
pub use likelihood::{Densities, Trace, ln_densities, ln_normal, score_and_divergence, signs};
pub use noise::{Noise, Streams, between};
pub use sde::{PUBLISHED_SNR, PredictorCorrector, ProbabilityFlow, predictor_corrector, probability_flow};

use crate::Error;
use crate::model::Network;

/// Score of items `[batch, …]` at a noise level σ, of the same shape: a network's by [`score_at`], or an exact one.
pub type Score<'a> = dyn FnMut(&Tensor, f64) -> Result<Tensor, Error> + 'a;

/// Where a sampler is.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Score evaluations done.
    pub done: u64,
    /// Score evaluations in all, the final denoising included.
    pub total: u64,
    /// Index of the noise level.
    pub level: usize,
    /// The items as they are now, `[batch, …]`.
    pub x: &'a Tensor,
}

/// Scores of a batch by a network, without gradients.
///
/// # Errors
/// Those of [`Network::score_at_sigma`].
pub fn score_at(network: &Network, x: &Tensor, sigma: f64) -> Result<Tensor, Error> {
    tch::no_grad(|| network.score_at_sigma(x, sigma))
}

/// Levels of `steps` equal steps of ln σ, both ends included: `steps + 1` numbers, ends exact.
///
/// # Formula
/// ```text
/// σ_i = σ₁·(σ_L/σ₁)^{i/N},   i = 0 … N
/// ```
/// With N = L − 1, they are the levels of the schedule.
///
/// # Errors
/// [`Error::Setting`] for no steps or more than a million.
pub fn geometric(range: NoiseRange, steps: u64) -> Result<Vec<f64>, Error> {
    if !(1..=1_000_000).contains(&steps) {
        return Err(Error::setting("steps", steps, "1 to 1000000"));
    }
    Ok(range.levels(steps + 1).collect())
}

/// A way to sample, with its constants.
#[derive(Clone, Debug, PartialEq)]
pub enum Sampler {
    /// Algorithm 1.
    Langevin(Annealing),
    /// One step per level, which keeps the noise consistent.
    Consistent(Consistent),
    /// The reverse-time SDE.
    PredictorCorrector(PredictorCorrector),
    /// The probability-flow ODE.
    ProbabilityFlow(ProbabilityFlow),
}

impl Sampler {
    /// Where it starts: Algorithm 1 as [`Streams::start`] has it, the others from N(0, σ₁²).
    pub fn start(&self, streams: &mut Streams) -> Result<Tensor, Error> {
        match self {
            Self::Langevin(annealing) => streams.start(annealing.schedule.range().max()),
            Self::Consistent(Consistent { levels, .. })
            | Self::PredictorCorrector(PredictorCorrector { levels, .. })
            | Self::ProbabilityFlow(ProbabilityFlow { levels, .. }) => Ok(streams.normal()? * levels[0]),
        }
    }

    /// Score evaluations for each item.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        match self {
            Self::Langevin(annealing) => annealing.score_evaluations(),
            Self::Consistent(settings) => settings.evaluations(),
            Self::PredictorCorrector(settings) => settings.evaluations(),
            Self::ProbabilityFlow(settings) => settings.evaluations(),
        }
    }

    /// Samples from a start `[batch, …]`; `each` is told of every step, and returns whether to go on.
    ///
    /// # Errors
    /// Those of `score` and [`Noise::draw`].
    pub fn sample(
        &self,
        score: &mut Score,
        x: Tensor,
        noise: &mut Noise,
        each: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Tensor, Error> {
        match self {
            Self::Langevin(annealing) => annealed_langevin(score, annealing, x, noise, each),
            Self::Consistent(settings) => consistent_annealed(score, settings, x, noise, each),
            Self::PredictorCorrector(settings) => predictor_corrector(score, settings, x, noise, each),
            Self::ProbabilityFlow(settings) => probability_flow(score, settings, x, each),
        }
    }
}
