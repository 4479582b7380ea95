//! Technique 5: the exponential moving average of the weights.
//!
//! θ′ ← m·θ′ + (1 − m)·θ_k after step k = 1, 2, …, from θ′ = θ_0. Unrolled,
//!
//! ```text
//! θ′_n = mⁿ·θ_0 + (1 − m)·Σ_{k=1}^{n} m^{n−k}·θ_k.
//! ```

use crate::Error;
use crate::interval::Interval;

/// An exponential moving average, given by the share m of the old average that each step keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    rate: f64,
}

impl Ema {
    /// The rate of the paper, m = 0.999.
    pub const PAPER: Self = Self { rate: 0.999 };

    /// # Errors
    /// [`Error::Domain`] unless 0 ≤ m < 1.
    pub fn new(rate: f64) -> Result<Self, Error> {
        if (0.0..1.0).contains(&rate) {
            Ok(Self { rate })
        } else {
            Err(Error::Domain { name: "ema_rate", value: rate, allowed: "0 to below 1" })
        }
    }

    /// m.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.rate
    }

    /// Weight (1 − m)·mᵃ of the parameters that are `age` steps old.
    #[must_use]
    pub fn weight(self, age: u64) -> Interval {
        (1.0 - Interval::point(self.rate)) * Interval::point(self.rate).powi(age)
    }

    /// Weight mⁿ that the initial parameters still have after n steps: the bias of an average without correction.
    ///
    /// # Example
    /// ```
    /// use ncsn_theory::ema::Ema;
    /// // After 1000 steps the initial weights still count for e^{−1.0005}.
    /// assert!((Ema::PAPER.bias(1000).mid() - (-1.000_500_333_58_f64).exp()).abs() < 1e-11);
    /// ```
    #[must_use]
    pub fn bias(self, steps: u64) -> Interval {
        Interval::point(self.rate).powi(steps)
    }

    /// Mean age Σ a(1 − m)mᵃ of the averaged parameters plus one, 1/(1 − m), in steps.
    #[must_use]
    pub fn window(self) -> Interval {
        1.0 / (1.0 - Interval::point(self.rate))
    }

    /// Number of equally weighted independent iterates with the same variance, 1/Σ weight² = (1 + m)/(1 − m).
    #[must_use]
    pub fn effective_count(self) -> Interval {
        let rate = Interval::point(self.rate);
        (1.0 + rate) / (1.0 - rate)
    }

    /// Smallest number of steps after which the initial weights count for at most `share`, with certainty.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 0 < share < 1.
    pub fn steps_to_forget(self, share: f64) -> Result<u64, Error> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::Domain { name: "share", value: share, allowed: "above 0 and below 1" });
        }
        if self.rate == 0.0 {
            return Ok(1);
        }
        let mut steps =
            (Interval::point(share).ln() / Interval::point(self.rate).ln()).lo().floor().max(1.0) as u64;
        while self.bias(steps).hi() > share {
            steps += 1;
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_bias_add_up_to_one() {
        let ema = Ema::new(0.9).unwrap();
        for steps in [0, 1, 7, 300] {
            let total = (0..steps).fold(ema.bias(steps), |sum, age| sum + ema.weight(age));
            assert!(total.contains(1.0) && total.width() < 1e-12, "{total}");
        }
    }

    #[test]
    fn constant_parameters_are_reproduced_exactly_in_dyadic_arithmetic() {
        // m = 1/2 keeps every value a double: the recursion from 0 towards 1 has bias 2⁻ⁿ exactly.
        let ema = Ema::new(0.5).unwrap();
        let mut average = 0.0;
        for n in 1..50 {
            average = ema.rate() * average + (1.0 - ema.rate());
            assert_eq!(Interval::point(1.0 - average), ema.bias(n));
        }
    }

    #[test]
    fn window_counts_mean_age_and_variance() {
        let ema = Ema::new(0.75).unwrap();
        assert_eq!(ema.window(), Interval::point(4.0));
        assert_eq!(ema.effective_count(), Interval::point(7.0));
        assert_eq!(ema.steps_to_forget(0.1), Ok(9)); // 0.75⁸ = 0.1001
        assert_eq!(Ema::new(0.5).unwrap().steps_to_forget(0.25), Ok(2));
        assert!(ema.steps_to_forget(1.0).is_err());
        assert!(Ema::new(1.0).is_err() && Ema::new(f64::NAN).is_err());
    }
}
