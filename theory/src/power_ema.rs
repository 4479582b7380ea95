//! Averages of the weights by powers of the step, from which those of any other length are made after training.
//!
//! Technique 5's average forgets at a fixed rate, which has to be chosen before training. An average by a power γ keeps
//!
//! ```text
//! θ̂(t) = Σ_{k=1}^{t} w_k·θ_k,   w_k = (k^{γ+1} − (k−1)^{γ+1})/t^{γ+1},   the integral of (γ+1)·τ^γ/t^{γ+1} from k − 1 to k,
//! ```
//!
//! so that its length is a share of the training so far. Stored at some steps for two powers, such averages span those of
//! all others nearly, and their scalar products have a closed form, so that the best combination is a linear system.
//!
//! Source: Karras et al. (2024), "Analyzing and Improving the Training Dynamics of Diffusion Models", section 3 and
//! appendix C.

use crate::Error;
use crate::interval::Interval;
use crate::root::falling_root;

/// An average by a power γ of the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerEma {
    gamma: f64,
}

/// Largest relative width, 1/√12 of the uniform average, γ = 0.
const WIDEST: f64 = 0.288_675_134_594_812_87;

impl PowerEma {
    /// # Errors
    /// [`Error::Domain`] unless γ ≥ 0 is finite.
    pub fn new(gamma: f64) -> Result<Self, Error> {
        if gamma >= 0.0 && gamma.is_finite() {
            Ok(Self { gamma })
        } else {
            Err(Error::Domain { name: "gamma", value: gamma, allowed: "at least 0" })
        }
    }

    /// The average whose weights have a standard deviation of `width` times the steps so far.
    ///
    /// # Formula
    /// ```text
    /// σ_rel² = (γ + 1)/((γ + 2)²·(γ + 3))
    /// ```
    /// # Accuracy
    /// γ is a double next to the root.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 0.0001 ≤ width < 1/√12.
    ///
    /// # Example
    /// ```
    /// use ncsn_theory::power_ema::PowerEma;
    /// // As printed in the paper: σ_rel = 0.05 and 0.10 are γ = 16.97 and 6.94.
    /// let gammas = [0.05, 0.10].map(|width| PowerEma::with_relative_width(width).map(PowerEma::gamma));
    /// assert!((gammas[0].clone()? - 16.97).abs() < 0.005 && (gammas[1].clone()? - 6.94).abs() < 0.005);
    /// # Ok::<(), ncsn_theory::Error>(())
    /// ```
    pub fn with_relative_width(width: f64) -> Result<Self, Error> {
        if !(1e-4..WIDEST).contains(&width) {
            let allowed = "0.0001 to below 0.288675, that of the uniform average";
            return Err(Error::Domain { name: "sigma_rel", value: width, allowed });
        }
        let excess = |gamma: f64| variance(Interval::point(gamma)) - Interval::point(width).sqr();
        Self::new(falling_root(excess, 0.0, 1.0 / width, 1.0 / width - 2.5).mid())
    }

    /// γ.
    #[must_use]
    pub fn gamma(self) -> f64 {
        self.gamma
    }

    /// Standard deviation of the weights over the steps, as a share of the steps so far.
    #[must_use]
    pub fn relative_width(self) -> Interval {
        variance(Interval::point(self.gamma)).sqrt()
    }

    /// Share of the old average that step t = 1, 2, … keeps.
    ///
    /// # Formula
    /// ```text
    /// β(t) = (1 − 1/t)^{γ+1}
    /// ```
    /// # Errors
    /// [`Error::Count`] for t = 0.
    pub fn rate(self, step: u64) -> Result<Interval, Error> {
        match step {
            0 => Err(Error::Count { name: "step", value: 0, allowed: "at least 1" }),
            1 => Ok(Interval::point(0.0)),
            _ => Ok((self.exponent() * (-1.0 / Interval::integer(step)).ln_1p()).exp()),
        }
    }

    /// Scalar product of the weights of two averages after some steps, as functions of the step.
    ///
    /// # Formula
    /// ```text
    /// ∫₀^{min} p·q = (γ+1)(γ'+1)/(γ+γ'+1) · min(t, t')^{γ+γ'+1}/(t^{γ+1}·t'^{γ'+1})
    /// ```
    /// # Errors
    /// [`Error::Count`] for no steps.
    pub fn overlap(self, steps: u64, other: Self, other_steps: u64) -> Result<Interval, Error> {
        if steps == 0 || other_steps == 0 {
            return Err(Error::Count { name: "steps", value: 0, allowed: "at least 1" });
        }
        let (own, others) = (self.exponent(), other.exponent());
        let ln = |steps: u64| Interval::integer(steps).ln();
        let powers =
            (own + others - 1.0) * ln(steps.min(other_steps)) - own * ln(steps) - others * ln(other_steps);
        Ok(own * others / (own + others - 1.0) * powers.exp())
    }

    /// γ + 1.
    fn exponent(self) -> Interval {
        Interval::point(self.gamma) + 1.0
    }
}

/// (γ + 1)/((γ + 2)²·(γ + 3)).
fn variance(gamma: Interval) -> Interval {
    (gamma + 1.0) / ((gamma + 2.0).sqr() * (gamma + 3.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: Interval, expected: f64) {
        assert!(found.relative_width() < 1e-12, "{found}");
        assert!((found.mid() / expected - 1.0).abs() < 1e-12, "{found} {expected}");
    }

    /// Source: mpmath 1.3, `findroot` with 40 digits.
    #[test]
    fn powers_of_widths_are_the_roots() {
        for (width, gamma) in [
            (0.05, 16.972_198_602_303_45),
            (0.1, 6.937_203_937_601_807),
            (0.15, 3.557_868_774_899_466_2),
            (0.25, 0.719_823_958_000_709_9),
        ] {
            let found = PowerEma::with_relative_width(width).unwrap();
            assert!((found.gamma() / gamma - 1.0).abs() < 1e-14, "{width}: {}", found.gamma());
            is(found.relative_width(), width);
        }
        for refused in [0.0, 0.29, WIDEST, f64::NAN, -0.1] {
            assert!(PowerEma::with_relative_width(refused).is_err(), "{refused}");
        }
        assert!(PowerEma::new(-0.5).is_err() && PowerEma::new(f64::INFINITY).is_err());
    }

    /// Source: mpmath 1.3, quadrature with 40 digits.
    #[test]
    fn overlaps_are_those_of_quadrature() {
        for ((a, t, b, u), expected) in [
            ((6.94, 100, 16.97, 100), 0.057_278_924_126_856_69),
            ((6.94, 100, 16.97, 250), 4.045_879_055_598_055e-9),
            ((16.97, 300, 6.94, 20), 2.101_865_545_317_378e-22),
            ((0.0, 10, 0.5, 10), 0.1),
        ] {
            let [a, b] = [a, b].map(|gamma| PowerEma::new(gamma).unwrap());
            is(a.overlap(t, b, u).unwrap(), expected);
            is(b.overlap(u, a, t).unwrap(), expected);
        }
        let uniform = PowerEma::new(0.0).unwrap();
        assert!(uniform.overlap(0, uniform, 1).is_err() && uniform.rate(0).is_err());
    }

    /// With γ = 0 every iterate counts the same; with γ = 1 iterate k counts (2k − 1)/t².
    #[test]
    fn the_recursion_has_the_stated_weights() {
        for (gamma, weight) in [(0.0, (|_| 1.0) as fn(u64) -> f64), (1.0, |k| 2.0 * k as f64 - 1.0)] {
            let ema = PowerEma::new(gamma).unwrap();
            for steps in [1, 2, 7, 60] {
                let mut weights = Vec::new();
                for k in 1..=steps {
                    let rate = ema.rate(k).unwrap();
                    weights.iter_mut().for_each(|weight| *weight = *weight * rate);
                    weights.push(1.0 - rate);
                }
                let total = (steps as f64).powf(gamma + 1.0);
                for (k, found) in (1..).zip(weights) {
                    let expected = weight(k) / total;
                    assert!((found.mid() / expected - 1.0).abs() < 1e-12, "{gamma} {steps} {k}: {found}");
                }
            }
        }
    }
}
