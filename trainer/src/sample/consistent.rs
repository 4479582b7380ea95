//! Consistent annealed sampling: one step per level, after which the noise is exactly that of the next level.

use tch::Tensor;

use super::{Noise, Progress, Score};
use crate::Error;

/// Constants of consistent annealed sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Consistent {
    /// σ₁ > … > σ_L.
    pub(super) levels: Vec<f64>,
    eta: f64,
    denoise: bool,
}

impl Consistent {
    /// For noise levels and a step size η, which is also α_i/σ_i² of Algorithm 1.
    ///
    /// # Formula
    /// ```text
    /// |1 − η| < γ,   γ = min σ_{i+1}/σ_i < 1;   by default η = 1 − γ²
    /// ```
    /// The default is Technique 4's step for T = 1 (`ncsn_theory::schedule::optimal_delta`), and the step of ancestral
    /// sampling from the same levels (Song et al. 2021, Appendix F). It is in the domain for all levels; ε/σ_L² of a
    /// schedule made for T > 1 need not be.
    ///
    /// # Arguments
    /// * `levels` — σ₁ > … > σ_L, as [`geometric`](super::geometric) makes them
    /// * `denoise` — whether the last step removes all noise instead of the part η
    ///
    /// # Errors
    /// [`Error::Setting`] with the domain of η; it is open, for at its ends no noise is added, and β is the root of a
    /// rounding error.
    ///
    /// # Source
    /// Jolicoeur-Martineau et al. (2021), Proposition 2 and Algorithm 2, where σ_{i+1}/σ_i is γ as here: the inverse of
    /// `gamma` elsewhere in this project.
    pub fn new(levels: Vec<f64>, eta: Option<f64>, denoise: bool) -> Result<Self, Error> {
        let ratio = levels.windows(2).map(|pair| pair[1] / pair[0]).fold(1.0, f64::min);
        let eta = eta.unwrap_or(1.0 - ratio * ratio);
        if (1.0 - eta).abs() < ratio {
            return Ok(Self { levels, eta, denoise });
        }
        let allowed = format!("above {} and below {} for these levels", 1.0 - ratio, 1.0 + ratio);
        Err(Error::setting("eta", eta, allowed))
    }

    /// η.
    #[must_use]
    pub const fn eta(&self) -> f64 {
        self.eta
    }

    /// Score evaluations: L.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.levels.len() as u64
    }

    /// β of the step between two levels, in (0, 1].
    fn beta(&self, sigma: f64, next: f64) -> f64 {
        (1.0 - ((1.0 - self.eta) * sigma / next).powi(2)).sqrt()
    }
}

/// Samples by consistent annealed sampling.
///
/// # Formula
/// ```text
/// for i from 1 to L:   x ← x + η·σ_i²·s(x, σ_i) + β_i·σ_{i+1}·z,   β_i² = 1 − ((1 − η)·σ_i/σ_{i+1})²,   σ_{L+1} = 0
/// with denoising, at last (i = L):   x ← x + σ_L²·s(x, σ_L)
/// ```
/// Around clean items y the exact score is (y − x)/σ_i². For x = y + σ_i·z' a step leaves y + (1 − η)·σ_i·z' +
/// β_i·σ_{i+1}·z, of noise variance (1 − η)²σ_i² + β_i²σ_{i+1}² = σ_{i+1}²: exactly that of the next level. Algorithm 1
/// misses it (Proposition 3).
///
/// # Arguments
/// * `x` — where it starts, `[batch, …]` of N(0, σ₁²)
/// * `each` — told of every step; returns whether to go on
///
/// # Errors
/// Those of `score` and [`Noise::draw`].
///
/// # Source
/// Jolicoeur-Martineau et al. (2021), "Adversarial score matching and improved sampling for image generation",
/// Algorithm 2. Denoising takes the place of the last step, as in the authors' code: a step to σ_{L+1} = 0 adds no noise
/// in either case.
pub fn consistent_annealed(
    score: &mut Score,
    settings: &Consistent,
    mut x: Tensor,
    noise: &mut Noise,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let levels = &settings.levels;
    let total = settings.evaluations();
    for (level, &sigma) in levels.iter().enumerate() {
        let s = score(&x, sigma)?;
        x = match levels.get(level + 1) {
            Some(&next) => {
                let added = settings.beta(sigma, next) * next;
                x + s * (settings.eta * sigma * sigma) + noise.draw()? * added
            }
            None => x + s * (if settings.denoise { 1.0 } else { settings.eta } * sigma * sigma),
        };
        if !each(Progress { done: level as u64 + 1, total, level, x: &x }) {
            break;
        }
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_ends_with_the_noise_of_the_next_level() {
        let settings = Consistent::new(vec![8.0, 4.0, 3.0], Some(0.6), true).expect("1 − 0.6 < 1/2");
        for pair in settings.levels.windows(2) {
            let left = (0.4 * pair[0]).powi(2) + (settings.beta(pair[0], pair[1]) * pair[1]).powi(2);
            // Few roundings, each of relative size 2⁻⁵³.
            assert!((left / pair[1].powi(2) - 1.0).abs() < 1e-15, "{left}");
        }
    }

    /// Source: δ = 1 − γ⁻² minimises equation (6) for T = 1 (`ncsn_theory::schedule::optimal_delta`).
    #[test]
    fn the_step_by_default_is_technique_4s() {
        use ncsn_theory::{interval::Interval, schedule::optimal_delta};
        let settings = Consistent::new(vec![4.0, 2.0, 1.0], None, true).expect("in the domain");
        assert!(optimal_delta(Interval::point(2.0), 1).expect("above 1").contains(settings.eta()));
    }

    #[test]
    fn steps_that_leave_too_much_noise_are_refused() {
        for eta in [0.5, 1.5, f64::NAN, -1.0] {
            let message = Consistent::new(vec![2.0, 1.0], Some(eta), true).expect_err("outside").to_string();
            assert!(message.ends_with("above 0.5 and below 1.5 for these levels"), "{message}");
        }
    }
}
