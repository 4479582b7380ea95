//! Algorithm 1, annealed Langevin dynamics, in double precision for scores that are known exactly.

use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::Error;
use crate::schedule::{NoiseRange, Schedule};

/// The constants of Algorithm 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Annealing {
    /// σ₁ > … > σ_L, from largest to smallest.
    pub levels: Vec<f64>,
    /// ε.
    pub epsilon: f64,
    /// T.
    pub steps_per_level: u64,
    /// Whether to add σ_L² times the score at the end, without noise.
    pub denoise: bool,
}

impl Annealing {
    /// Geometric levels from `sigma_max` to `sigma_min`, ends exact, with the clean-up step.
    ///
    /// # Errors
    /// [`Error::Count`] for fewer than 2 levels; otherwise those of [`NoiseRange::new`] and [`check`](Self::check).
    pub fn geometric(
        sigma_max: f64,
        sigma_min: f64,
        num_levels: usize,
        epsilon: f64,
        steps_per_level: u64,
    ) -> Result<Self, Error> {
        if num_levels < 2 {
            let value = num_levels as u64;
            return Err(Error::Count { name: "num_levels", value, allowed: "at least 2" });
        }
        let range = NoiseRange::new(sigma_max, sigma_min)?;
        let levels = (0..num_levels as u64).map(|level| range.level(level, num_levels as u64)).collect();
        let annealing = Self { levels, epsilon, steps_per_level, denoise: true };
        annealing.check()?;
        Ok(annealing)
    }

    /// α_i = ε·σ_i²/σ_L² for the level with index `i` from 0.
    ///
    /// # Panics
    /// When there is no such level.
    pub fn step_size(&self, i: usize) -> f64 {
        let smallest = self.levels[self.levels.len() - 1];
        self.epsilon * (self.levels[i] / smallest).powi(2)
    }

    /// Whether the constants make a stable chain.
    ///
    /// # Errors
    /// [`Error::Count`] without levels; [`Error::Domain`] for a level or ε that is not positive and finite,
    /// or ε ≥ 2σ_L², where the chain diverges; [`Error::Order`] for levels that do not fall.
    pub fn check(&self) -> Result<(), Error> {
        let &[.., smallest] = &self.levels[..] else {
            return Err(Error::Count { name: "num_levels", value: 0, allowed: "at least 1" });
        };
        if let Some(&value) = self.levels.iter().find(|&&sigma| !(sigma > 0.0 && sigma < f64::INFINITY)) {
            return Err(Error::Domain { name: "noise level", value, allowed: "(0, ∞)" });
        }
        if let Some(pair) = self.levels.windows(2).find(|pair| pair[1] >= pair[0]) {
            let (large, small) = (pair[0], pair[1]);
            return Err(Error::Order {
                small_name: "noise level",
                small,
                large_name: "the one before",
                large,
            });
        }
        if !(self.epsilon > 0.0 && self.epsilon < 2.0 * smallest * smallest) {
            return Err(Error::Domain {
                name: "epsilon", value: self.epsilon, allowed: "(0, 2·sigma_min²)"
            });
        }
        Ok(())
    }
}

impl From<&Schedule> for Annealing {
    /// The levels, ε and T of a schedule, with the clean-up step.
    fn from(schedule: &Schedule) -> Self {
        Self {
            levels: (0..schedule.num_levels()).map(|level| schedule.sigma(level)).collect(),
            epsilon: schedule.epsilon(),
            steps_per_level: schedule.steps_per_level(),
            denoise: true,
        }
    }
}

/// Samples by annealed Langevin dynamics.
///
/// # Arguments
/// `annealing` — levels, ε, T. `score` — `(points [batch, dim], σ) ↦ ∇ ln p_σ` of the same shape. `x` —
/// starting points `[batch, dim]`, advanced in place. `rng` — noise is drawn from it row by row, one number
/// per entry and step, so that the result does not depend on threads.
///
/// # Errors
/// Those of [`Annealing::check`] and of `score`; [`Error::Shape`] when it returns another shape.
///
/// # Source
/// Algorithm 1 with the last clean-up step of section 4.
pub fn annealed_langevin(
    annealing: &Annealing,
    mut score: impl FnMut(ArrayView2<f64>, f64) -> Result<Array2<f64>, Error>,
    mut x: Array2<f64>,
    rng: &mut impl Rng,
) -> Result<Array2<f64>, Error> {
    annealing.check()?;
    for (i, &sigma) in annealing.levels.iter().enumerate() {
        let alpha = annealing.step_size(i);
        for _ in 0..annealing.steps_per_level {
            // x ← x + α_i·s(x, σ_i) + √(2α_i)·z
            let scores = score(x.view(), sigma)?;
            check_same_shape(&scores, &x)?;
            let noise_scale = (2.0 * alpha).sqrt();
            for (x, s) in x.iter_mut().zip(&scores) {
                *x += alpha * s + noise_scale * rng.sample::<f64, _>(StandardNormal);
            }
        }
    }
    if let (true, Some(&sigma_min)) = (annealing.denoise, annealing.levels.last()) {
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
