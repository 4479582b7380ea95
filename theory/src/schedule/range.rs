//! The largest and the smallest noise level, and Technique 1's choice of the largest.

use crate::Error;
use crate::interval::Interval;
use crate::names::named;

/// σ₁ > σ_L, both between 10⁻⁷⁵ and 10⁷⁵, so that their squares and the square of their ratio are doubles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseRange {
    max: f64,
    min: f64,
}

impl NoiseRange {
    /// # Arguments
    /// * `max` — σ₁
    /// * `min` — σ_L, both in the units of the data
    ///
    /// # Errors
    /// [`Error::Domain`] for a level outside [1e-75, 1e75]; [`Error::Order`] unless σ_L < σ₁.
    pub fn new(max: f64, min: f64) -> Result<Self, Error> {
        for (name, value) in [("sigma_max", max), ("sigma_min", min)] {
            if !(1e-75..=1e75).contains(&value) {
                return Err(Error::Domain { name, value, allowed: "1e-75 to 1e75" });
            }
        }
        if min < max {
            Ok(Self { max, min })
        } else {
            Err(Error::Order { small_name: "sigma_min", small: min, large_name: "sigma_max", large: max })
        }
    }

    /// σ₁.
    #[must_use]
    pub fn max(self) -> f64 {
        self.max
    }

    /// σ_L.
    #[must_use]
    pub fn min(self) -> f64 {
        self.min
    }

    /// σ_i of L geometric levels for i = 0 (σ₁) … L − 1 (σ_L).
    ///
    /// # Accuracy
    /// σ₁ and σ_L exactly; levels between them to a relative error of `4 + 2(|ln σ₁| + |ln σ_L|)` ulp.
    #[must_use]
    pub fn level(self, index: u64, num_levels: u64) -> f64 {
        let last = num_levels.saturating_sub(1);
        if index == 0 {
            return self.max;
        }
        if index >= last {
            return self.min;
        }
        let share = index as f64 / last as f64;
        core_math::exp((1.0 - share) * core_math::log(self.max) + share * core_math::log(self.min))
    }

    /// All of L geometric levels, the largest first.
    ///
    /// # Accuracy
    /// That of [`level`](Self::level).
    pub fn levels(self, num_levels: u64) -> impl Iterator<Item = f64> {
        (0..num_levels).map(move |index| self.level(index, num_levels))
    }

    /// ln(σ₁/σ_L) > 0.
    ///
    /// # Accuracy
    /// Relative width at most 4 · 2⁻⁵², also for σ₁ next to σ_L: their difference, when σ₁ ≤ 2σ_L, is a double (Sterbenz).
    #[must_use]
    pub fn ln_ratio(self) -> Interval {
        let (max, min) = (Interval::point(self.max), Interval::point(self.min));
        if self.max <= 2.0 * self.min { ((max - min) / min).ln_1p() } else { (max / min).ln() }
    }

    /// γ² − 1 of L geometric levels: the excess of the variance with which Proposition 3 starts a level.
    ///
    /// # Formula
    /// ```text
    /// γ² − 1 = exp(2 ln(σ₁/σ_L)/(L − 1)) − 1
    /// ```
    /// # Arguments
    /// * `num_levels` — L ≥ 2; for fewer, all from −1 on is returned
    ///
    /// # Accuracy
    /// Relative width at most `(10 + 14 ln γ)` · 2⁻⁵², however near γ is to 1 (test).
    #[must_use]
    pub fn start_excess(self, num_levels: u64) -> Interval {
        (2.0 * self.ln_ratio() / Interval::integer(num_levels.saturating_sub(1))).exp_m1()
    }
}

/// The interval in which data values live; distances and noise levels mean nothing without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataRange {
    /// Pixels in [0, 1], as in the paper: a byte b is b/255.
    #[default]
    Unit,
    /// Pixels in [−1, 1]: a byte b is 2b/255 − 1, so distances and noise levels are twice those of [`DataRange::Unit`].
    Signed,
    /// Floating-point data in their own units.
    Native,
}

named!(DataRange, "data_range": Unit => "unit", Signed => "signed", Native => "native");

impl DataRange {
    /// Distance in this range per distance in [0, 1].
    #[must_use]
    pub const fn scale(self) -> f64 {
        match self {
            Self::Unit | Self::Native => 1.0,
            Self::Signed => 2.0,
        }
    }

    /// Technique 1's σ₁ for u8 data: the distance √S/255, scaled, for the integer S = max Σ(x_i − y_i)².
    ///
    /// # Accuracy
    /// Enclosure, at most three ulp wide for S < 2⁵³.
    ///
    /// # Example
    /// ```
    /// use ncsn_theory::schedule::DataRange;
    /// // Black and white images of 3×32×32 are √3072 apart.
    /// let sigma = DataRange::Unit.sigma_max(3072 * 255 * 255);
    /// assert!(sigma.contains(3072_f64.sqrt()));
    /// ```
    #[must_use]
    pub fn sigma_max(self, squared: u64) -> Interval {
        Interval::integer(squared).sqrt() / 255.0 * self.scale()
    }
}
