//! Algorithm 1: annealed Langevin dynamics with an estimated score.

use ncsn_theory::langevin::Annealing;
use tch::Tensor;

use super::noise::Noise;
use super::{Progress, Score};
use crate::Error;

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
/// Those of `score` and [`Noise::draw`].
///
/// # Source
/// Song & Ermon (2020), Algorithm 1.
pub fn annealed_langevin(
    score: &mut Score,
    annealing: &Annealing,
    mut x: Tensor,
    noise: &mut Noise,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let Annealing { schedule, denoise } = *annealing;
    let total = annealing.score_evaluations();
    let mut done = 0;
    for level in 0..schedule.num_levels() {
        let (sigma, alpha) = (schedule.sigma(level), schedule.step_size(level));
        for _ in 0..schedule.steps_per_level() {
            let s = score(&x, sigma)?;
            x = x + s * alpha + noise.draw()? * (2.0 * alpha).sqrt();
            done += 1;
            if !each(Progress { done, total, level: level as usize, x: &x }) {
                return Ok(x);
            }
        }
    }
    if denoise {
        x = denoised(score, &x, schedule.range().min())?;
        each(Progress { done: total, total, level: schedule.num_levels() as usize - 1, x: &x });
    }
    Ok(x)
}

/// x + σ²·s(x, σ): the mean of the clean items given noisy ones, for an exact score (Tweedie's formula).
///
/// # Errors
/// Those of `score`.
///
/// # Source
/// Song & Ermon (2020), last step of Algorithm 1, with σ = σ_L.
pub fn denoised(score: &mut Score, x: &Tensor, sigma: f64) -> Result<Tensor, Error> {
    Ok(x + score(x, sigma)? * sigma.powi(2))
}
