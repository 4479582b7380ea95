//! The variance-exploding SDE and its probability-flow ODE, with the score of the same network at every σ.
//!
//! ```text
//! σ(t) = σ_L·(σ₁/σ_L)^t,   dx = √(dσ²/dt)·dw      t from 0 to 1: data to noise
//! dx = −(dσ²/dt)·s dt + √(dσ²/dt)·dw̄              backwards: the reverse-time SDE
//! dx = −½·(dσ²/dt)·s dt = −σ·s dσ                 the ODE with the same density at every σ
//! ```
//! Equal steps of t are equal ratios of σ. Song et al. (2021), "Score-based generative modeling through stochastic
//! differential equations", equations (6), (9), (13) and Appendix C.

use tch::Tensor;

use super::{Noise, Progress, Score, denoised};
use crate::Error;

/// Signal-to-noise ratio of the corrector that Song et al. (2021) use for the variance-exploding SDE on CIFAR-10.
pub const PUBLISHED_SNR: f64 = 0.16;

/// Constants of predictor–corrector sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictorCorrector {
    pub(super) levels: Vec<f64>,
    snr: f64,
    denoise: bool,
}

impl PredictorCorrector {
    /// # Arguments
    /// * `levels` — σ from largest to smallest, as [`geometric`](super::geometric) makes them
    /// * `snr` — r, norm of the corrector's step relative to its noise
    ///
    /// # Errors
    /// [`Error::Setting`] for r that is not positive and finite.
    pub fn new(levels: Vec<f64>, snr: f64, denoise: bool) -> Result<Self, Error> {
        if snr > 0.0 && snr.is_finite() {
            Ok(Self { levels, snr, denoise })
        } else {
            Err(Error::setting("snr", snr, "positive and finite"))
        }
    }

    /// Score evaluations: two a step, and one for the denoising.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        two_a_step(&self.levels, self.denoise)
    }
}

/// Samples the reverse-time SDE: reverse diffusion predicts, one Langevin step at the new level corrects.
///
/// # Formula
/// ```text
/// for each step from σ to σ':
///   x ← x + (σ² − σ'²)·s(x, σ) + √(σ² − σ'²)·z
///   x ← x + ε·s(x, σ') + √(2ε)·z,   ε = 2·(r·‖z‖/‖s(x, σ')‖)²
/// with denoising, at last:   x ← x + σ_L²·s(x, σ_L)
/// ```
/// ε has no bound where scores vanish. In many dimensions norms keep close to √D (Proposition 2) and ε close to 2r² times
/// the variance; in the plane, steps from near a mode are thrown far away.
///
/// # Arguments
/// * `x` — where it starts, `[batch, …]` of N(0, σ₁²)
/// * `each` — told of every step; returns whether to go on
///
/// # Errors
/// Those of `score` and [`Noise::draw`].
///
/// # Source
/// Song et al. (2021), Algorithms 2 and 4. ε is each item's own, as printed; the authors' code averages the norms over
/// the batch, so that its samples depend on their company.
pub fn predictor_corrector(
    score: &mut Score,
    settings: &PredictorCorrector,
    mut x: Tensor,
    noise: &mut Noise,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let total = settings.evaluations();
    for (step, pair) in settings.levels.windows(2).enumerate() {
        let (sigma, next) = (pair[0], pair[1]);
        // Predictor; (σ − σ')(σ + σ') keeps the digits of neighbouring levels.
        let variance = (sigma - next) * (sigma + next);
        x = &x + score(&x, sigma)? * variance + noise.draw()? * variance.sqrt();
        // Corrector
        let (s, z) = (score(&x, next)?, noise.draw()?);
        let epsilon = (norms(&z) / norms(&s) * settings.snr).square() * 2.0;
        x = x + &epsilon * s + (epsilon * 2.0).sqrt() * z;
        if !each(Progress { done: 2 * (step as u64 + 1), total, level: step + 1, x: &x }) {
            return Ok(x);
        }
    }
    finish(score, &settings.levels, settings.denoise, total, x, each)
}

/// Constants of the probability-flow ODE.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityFlow {
    pub(super) levels: Vec<f64>,
    denoise: bool,
}

impl ProbabilityFlow {
    /// # Arguments
    /// * `levels` — σ from largest to smallest, as [`geometric`](super::geometric) makes them
    #[must_use]
    pub fn new(levels: Vec<f64>, denoise: bool) -> Self {
        Self { levels, denoise }
    }

    /// Score evaluations: two a step, and one for the denoising.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        two_a_step(&self.levels, self.denoise)
    }
}

/// Carries noise to samples along the probability-flow ODE by Heun's method; nothing is drawn.
///
/// # Formula
/// ```text
/// d(x, σ) = −σ·s(x, σ)
/// for each step from σ to σ':   x̂ = x + (σ' − σ)·d(x, σ);   x ← x + (σ' − σ)·½·(d(x, σ) + d(x̂, σ'))
/// with denoising, at last:      x ← x + σ_L²·s(x, σ_L)
/// ```
/// The denoising is Euler's step from σ_L to 0.
///
/// # Arguments
/// * `x` — where it starts, `[batch, …]` of N(0, σ₁²)
/// * `each` — told of every step; returns whether to go on
///
/// # Accuracy
/// Second order: the distance from the ODE's solution at σ_L falls as 1/N² with the number N of steps. In σ, the
/// solution around a single clean item is a straight line, which Heun's method follows without error.
///
/// # Errors
/// Those of `score`.
///
/// # Source
/// Song et al. (2021), equation (13) for the SDE above; Karras et al. (2022), "Elucidating the design space of
/// diffusion-based generative models", Algorithm 1 with σ(t) = t, for σ as the variable and Heun's method.
pub fn probability_flow(
    score: &mut Score,
    settings: &ProbabilityFlow,
    mut x: Tensor,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let total = settings.evaluations();
    for (step, pair) in settings.levels.windows(2).enumerate() {
        let (sigma, next) = (pair[0], pair[1]);
        let slope = score(&x, sigma)? * -sigma;
        let ahead = &x + &slope * (next - sigma);
        let slope_ahead = score(&ahead, next)? * -next;
        x += (slope + slope_ahead) * (0.5 * (next - sigma));
        if !each(Progress { done: 2 * (step as u64 + 1), total, level: step + 1, x: &x }) {
            return Ok(x);
        }
    }
    finish(score, &settings.levels, settings.denoise, total, x, each)
}

/// The denoising at the smallest level, where wanted.
pub(super) fn finish(
    score: &mut Score,
    levels: &[f64],
    denoise: bool,
    total: u64,
    x: Tensor,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let (true, Some(&sigma_min)) = (denoise, levels.last()) else {
        return Ok(x);
    };
    let x = denoised(score, &x, sigma_min)?;
    each(Progress { done: total, total, level: levels.len() - 1, x: &x });
    Ok(x)
}

fn two_a_step(levels: &[f64], denoise: bool) -> u64 {
    2 * (levels.len() as u64 - 1) + u64::from(denoise)
}

/// Euclidean norm of each item, `[batch, 1, …]`.
fn norms(x: &Tensor) -> Tensor {
    let axes: Vec<i64> = (1..x.dim() as i64).collect();
    x.square().sum_dim_intlist(axes.as_slice(), true, x.kind()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn an_item_has_one_norm() {
        let norms = norms(&(Tensor::ones([2, 3, 2, 2], (Kind::Float, Device::Cpu)) * 2.0));
        assert_eq!(
            (norms.size(), norms.double_value(&[1, 0, 0, 0])),
            (vec![2, 1, 1, 1], 48.0_f64.sqrt() as f32 as f64)
        );
    }

    #[test]
    fn a_ratio_must_be_positive() {
        assert!(PredictorCorrector::new(vec![2.0, 1.0], 0.0, true).is_err());
        assert!(PredictorCorrector::new(vec![2.0, 1.0], f64::NAN, true).is_err());
    }
}
