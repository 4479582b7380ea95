//! Sampling with a trained network, or with any other score.

mod consistent;
mod dpm;
mod guided;
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
pub use dpm::{DpmSolver, dpm_solver};
pub use guided::Told;
pub use inpaint::{Mask, Region, inpaint};
pub use interpolate::rows;
pub use langevin::{annealed_langevin, denoised};
pub use likelihood::{Densities, Trace, ln_densities, ln_normal, score_and_divergence, signs};
pub use noise::{Noise, Streams, between};
pub use sde::{PUBLISHED_SNR, PredictorCorrector, ProbabilityFlow, predictor_corrector, probability_flow};

use crate::model::{Network, NetworkShape};
use crate::{Error, torch};

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

/// The same levels, or with ρ those of equal steps of σ^{1/ρ}: the larger ρ, the denser at the small end.
///
/// # Formula
/// ```text
/// σ_i = (σ₁^{1/ρ} + (i/N)·(σ_L^{1/ρ} − σ₁^{1/ρ}))^ρ,   i = 0 … N, ends exact
/// ```
/// # Errors
/// Those of [`geometric`]; [`Error::Setting`] for ρ that is not positive or above 1000, where the levels are those of [`geometric`].
///
/// # Source
/// Karras et al. (2022), equation (5), with ρ = 7.
pub fn spaced(range: NoiseRange, steps: u64, rho: Option<f64>) -> Result<Vec<f64>, Error> {
    let mut levels = geometric(range, steps)?;
    if let Some(rho) = rho {
        if !(rho > 0.0 && rho <= 1000.0) {
            return Err(Error::setting("rho", rho, "positive, at most 1000"));
        }
        let [first, last] = [range.max(), range.min()].map(|sigma| sigma.powf(1.0 / rho));
        let inner = 1..steps as usize;
        for (step, level) in levels.iter_mut().enumerate().filter(|(step, _)| inner.contains(step)) {
            *level = (first + step as f64 / steps as f64 * (last - first)).powf(rho);
        }
    }
    Ok(levels)
}

/// Noise `[batch, …]` of N(0, σ²) brought to the norm that it has in many dimensions (Proposition 2), σ√D.
///
/// A network that is not told σ takes the norm for it. Along the probability-flow ODE its noise n then falls as σ does, dn = dσ, so
/// that what a start had too much, σ₁/√(2D) typically, is left at the end.
pub fn on_sphere(x: &Tensor, sigma: f64) -> Tensor {
    let axes: Vec<i64> = (1..x.dim() as i64).collect();
    let rms = x.square().mean_dim(axes.as_slice(), true, x.kind()).sqrt();
    x / rms * sigma
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
    /// The same in fewer evaluations.
    DpmSolver(DpmSolver),
}

impl Sampler {
    /// Where it starts: Algorithm 1 as [`Streams::start`] has it, the others from N(0, σ₁²).
    pub fn start(&self, streams: &mut Streams) -> Result<Tensor, Error> {
        match self {
            Self::Langevin(annealing) => streams.start(annealing.schedule.range().max()),
            Self::Consistent(Consistent { levels, .. })
            | Self::PredictorCorrector(PredictorCorrector { levels, .. })
            | Self::DpmSolver(DpmSolver { levels, .. })
            | Self::ProbabilityFlow(ProbabilityFlow { levels, .. }) => Ok(streams.normal()? * levels[0]),
        }
    }

    /// The same for a network: a flow, which draws nothing later, of images and without σ starts [`on_sphere`].
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub fn start_for(&self, network: &NetworkShape, streams: &mut Streams) -> Result<Tensor, Error> {
        let start = self.start(streams)?;
        match self {
            Self::ProbabilityFlow(ProbabilityFlow { levels, .. })
            | Self::DpmSolver(DpmSolver { levels, .. })
                if network.item.len() == 3 && !network.architecture.is_conditional() =>
            {
                torch::attempt(|| on_sphere(&start, levels[0]))
            }
            _ => Ok(start),
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
            Self::DpmSolver(settings) => settings.evaluations(),
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
            Self::DpmSolver(settings) => dpm_solver(score, settings, x, each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Architecture;
    use tch::{Device, Kind};

    #[test]
    fn flows_of_networks_without_sigma_start_with_the_norm_of_many_dimensions() {
        let range = NoiseRange::new(16.0, 0.01).expect("a range");
        let levels = || geometric(range, 4).expect("levels");
        let flows = [
            Sampler::ProbabilityFlow(ProbabilityFlow::new(levels(), true)),
            Sampler::DpmSolver(DpmSolver::new(levels(), true)),
        ];
        let start = |sampler: &Sampler, architecture: Architecture| {
            let item = vec![3, 8, 8];
            let mut streams = Streams::new(1, 0..4, &item, Device::Cpu);
            let network = NetworkShape { architecture, filters: 8, item, classes: 0 };
            let x = sampler.start_for(&network, &mut streams).expect("a start");
            let norms =
                x.flatten(1, -1).square().sum_dim_intlist([1_i64].as_slice(), false, Kind::Double).sqrt();
            ((norms / (16.0 * 192.0_f64.sqrt()) - 1.0).abs().max().double_value(&[]), x)
        };
        let corrected = PredictorCorrector::new(levels(), PUBLISHED_SNR, true).expect("a ratio");
        for flow in &flows {
            // Rounding of f32; drawn norms are off by 1/√(2·192) = 5 %.
            assert!(start(flow, Architecture::Ncsnv2).0 < 1e-6);
            assert!(
                start(flow, Architecture::Ncsn).0 > 0.01,
                "scores that are told σ take the start as drawn"
            );
        }
        let drawn = start(&Sampler::PredictorCorrector(corrected), Architecture::Ncsnv2).1;
        assert_eq!(drawn, start(&flows[0], Architecture::Ncsn).1);
    }
}
