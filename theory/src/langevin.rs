//! Algorithm 1, annealed Langevin dynamics, in double precision for scores that are known exactly.

use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::Error;
use crate::schedule::Schedule;

/// One run of Algorithm 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Annealing {
    /// Levels, ε and T.
    pub schedule: Schedule,
    /// Whether to add σ_L² times the score at the end, without noise.
    pub denoise: bool,
}

impl Annealing {
    /// Score evaluations for each sample: L·T, and one for the clean-up.
    #[must_use]
    pub fn score_evaluations(&self) -> u64 {
        self.schedule.score_evaluations() + u64::from(self.denoise)
    }
}

impl From<Schedule> for Annealing {
    /// With the clean-up step.
    fn from(schedule: Schedule) -> Self {
        Self { schedule, denoise: true }
    }
}

/// Samples by annealed Langevin dynamics.
///
/// # Arguments
/// * `annealing` — levels, ε, T
/// * `score` — `(points [batch, dim], σ) ↦ ∇ ln p_σ` of the same shape
/// * `x` — starting points `[batch, dim]`, advanced in place
/// * `rng` — noise is drawn from it row by row, one number per entry and step, so that the result does not depend on
///   threads
///
/// # Errors
/// Those of `score`; [`Error::Shape`] when it returns another shape.
///
/// # Source
/// Algorithm 1 with the last clean-up step of section 4.
pub fn annealed_langevin(
    annealing: &Annealing,
    mut score: impl FnMut(ArrayView2<f64>, f64) -> Result<Array2<f64>, Error>,
    mut x: Array2<f64>,
    rng: &mut impl Rng,
) -> Result<Array2<f64>, Error> {
    let schedule = &annealing.schedule;
    for level in 0..schedule.num_levels() {
        let (sigma, alpha) = (schedule.sigma(level), schedule.step_size(level));
        for _ in 0..schedule.steps_per_level() {
            // x ← x + α_i·s(x, σ_i) + √(2α_i)·z
            let scores = score(x.view(), sigma)?;
            check_same_shape(&scores, &x)?;
            let noise_scale = (2.0 * alpha).sqrt();
            for (x, s) in x.iter_mut().zip(&scores) {
                *x += alpha * s + noise_scale * rng.sample::<f64, _>(StandardNormal);
            }
        }
    }
    if annealing.denoise {
        let sigma_min = schedule.range().min();
        let scores = score(x.view(), sigma_min)?;
        check_same_shape(&scores, &x)?;
        x.scaled_add(sigma_min * sigma_min, &scores);
    }
    Ok(x)
}

fn check_same_shape(scores: &Array2<f64>, x: &Array2<f64>) -> Result<(), Error> {
    if scores.dim() == x.dim() {
        return Ok(());
    }
    Err(Error::Shape { name: "score", found: scores.len(), expected: x.len() })
}
