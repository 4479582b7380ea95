//! Algorithm 1: annealed Langevin dynamics with an estimated score.

use ncsn_theory::langevin::Annealing;
use tch::{Kind, Tensor};

use super::noise::Noise;
use crate::model::Network;
use crate::{Error, torch};

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

/// Scores of a batch at one level, without gradients.
///
/// # Errors
/// [`Error::OutOfMemory`], [`Error::Torch`].
pub fn score_at(network: &Network, x: &Tensor, level: usize) -> Result<Tensor, Error> {
    torch::attempt(|| {
        let levels = Tensor::full([x.size()[0]], level as i64, (Kind::Int64, x.device()));
        tch::no_grad(|| network.score(x, &levels))
    })
}

/// Samples by annealed Langevin dynamics.
///
/// # Formula
/// ```text
/// for σ_i from σ₁ to σ_L, T times:   x ← x + α_i·s(x, σ_i) + √(2α_i)·z,   α_i = ε·σ_i²/σ_L²
/// with denoising, at last:            x ← x + σ_L²·s(x, σ_L)
/// ```
/// # Arguments
/// * `x` — where it starts, `[batch, …]`; the result has its shape and is not clamped
/// * `each` — told of every step; returns whether to go on
///
/// # Errors
/// Those of [`score_at`] and [`Noise::next`].
///
/// # Source
/// Song & Ermon (2020), Algorithm 1.
pub fn annealed_langevin(
    network: &Network,
    annealing: &Annealing,
    mut x: Tensor,
    noise: &mut Noise,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let levels = &annealing.levels;
    let total = levels.len() as u64 * annealing.steps_per_level + u64::from(annealing.denoise);
    let mut done = 0;
    for level in 0..levels.len() {
        let alpha = annealing.step_size(level);
        for _ in 0..annealing.steps_per_level {
            let score = score_at(network, &x, level)?;
            x = x + score * alpha + noise.next()? * (2.0 * alpha).sqrt();
            done += 1;
            if !each(Progress { done, total, level, x: &x }) {
                return Ok(x);
            }
        }
    }
    if annealing.denoise {
        x = denoised(network, annealing, &x)?;
        each(Progress { done: total, total, level: levels.len() - 1, x: &x });
    }
    Ok(x)
}

/// x + σ_L²·s(x, σ_L), the last step of Algorithm 1.
///
/// # Errors
/// Those of [`score_at`].
pub fn denoised(network: &Network, annealing: &Annealing, x: &Tensor) -> Result<Tensor, Error> {
    let last = annealing.levels.len() - 1;
    Ok(x + score_at(network, x, last)? * annealing.levels[last].powi(2))
}
