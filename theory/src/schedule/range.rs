//! The largest and the smallest noise level, and Technique 1's choice of the largest.

use crate::Error;
use crate::interval::Interval;

/// σ₁ > σ_L, both between 10⁻¹⁰⁰ and 10¹⁰⁰ so that squares and ratios stay doubles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseRange {
    max: f64,
    min: f64,
}

impl NoiseRange {
    /// # Arguments
    /// `max` — σ₁, `min` — σ_L, both in the units of the data.
    ///
    /// # Errors
    /// [`Error::Domain`] for a level outside [1e-100, 1e100]; [`Error::Order`] unless σ_L < σ₁.
    pub fn new(max: f64, min: f64) -> Result<Self, Error> {
        for (name, value) in [("sigma_max", max), ("sigma_min", min)] {
            if !(1e-100..=1e100).contains(&value) {
                return Err(Error::Domain { name, value, allowed: "1e-100 to 1e100" });
            }
        }
        if min < max {
            Ok(Self { max, min })
        } else {
            Err(Error::Order { small_name: "sigma_min", small: min, large_name: "sigma_max", large: max })
        }
    }

    /// σ₁.
    pub fn max(self) -> f64 {
        self.max
    }

    /// σ_L.
    pub fn min(self) -> f64 {
        self.min
    }

    /// ln(σ₁/σ_L) > 0.
    pub(super) fn ln_ratio(self) -> Interval {
        (Interval::point(self.max) / Interval::point(self.min)).ln()
    }
}
