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

#[cfg(test)]
mod tests {
    use ncsn_theory::schedule::{NoiseRange, Schedule};
    use tch::{Device, Kind};

    use super::*;
    use crate::sample::Streams;

    fn rms(x: &Tensor) -> f64 {
        x.to_kind(Kind::Double).square().mean(Kind::Double).sqrt().double_value(&[])
    }

    fn schedule(steps: u64) -> Schedule {
        let range = NoiseRange::new(50.0, 0.01).expect("a range");
        Schedule::new(3072, range, 232, steps, 6.2e-6).expect("CIFAR-10's schedule")
    }

    #[test]
    fn a_network_that_is_not_told_sigma_leaves_the_noise_that_theory_has() {
        let dim = 100_000_i64;
        for steps in [1, 2, 3, 5] {
            let annealing = Annealing { schedule: schedule(steps), denoise: false };
            let expected = annealing.schedule.unconditional_noise();
            // One image, 0: the network sees the noise in the norm.
            let score =
                &mut |x: &Tensor, sigma: f64| -> Result<Tensor, Error> { Ok(x * (-1.0 / (rms(x) * sigma))) };
            let mut streams = Streams::new(7, 0..1, &[dim], Device::Cpu);
            let x = streams.normal().expect("noise") * 50.0;
            let noise = &mut Noise::Streams(streams);
            let x = annealed_langevin(score, &annealing, x, noise, &mut |_| true).expect("samples");
            let found = rms(&x) / 0.01;
            // Norms fluctuate by 1/√(2D) = 0.22 %. Where the chain grows, so does what its first norms were off by.
            let most = if steps < 3 { 0.1 } else { 0.01 };
            assert!((found / expected - 1.0).abs() < most, "T = {steps}: {found} and {expected}");
        }
    }
}
