//! How much each noise level counts in training: how often it is drawn, and the weight of its losses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Weight of an item's loss.
///
/// # Formula
/// With D(x̃) = x̃ + σ²·s(x̃, σ), which estimates the clean item y,
/// ```text
/// published   λ(σ) = σ² in equation (2):            ½·‖σ·s + z‖²
/// edm:σ_d     (σ² + σ_d²)/(σ·σ_d)²·½·‖D − y‖²  =  (1 + (σ/σ_d)²)·½·‖σ·s + z‖²
/// ```
/// # Source
/// Song & Ermon (2020), equation (2); Karras et al. (2022), Table 1, where σ_d = 0.5 for pixels in [−1, 1]: 0.25 in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Weighting {
    /// 1.
    #[default]
    Published,
    /// 1 + (σ/σ_d)².
    Edm {
        /// σ_d, the standard deviation of the data.
        sigma_data: f64,
    },
}

/// How often each noise level is trained on.
///
/// # Formula
/// ```text
/// uniform           P(σ_i) = 1/L
/// lognormal:m,s     P(σ_i) ∝ exp(−½·((ln σ_i − m)/s)²):   ln σ is normal, for levels are evenly spaced in it
/// ```
/// # Source
/// Song & Ermon (2020), Section 2; Karras et al. (2022), Table 1, where m = −1.2 and s = 1.2 for pixels in [−1, 1]: m = −1.9 in
/// [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Density {
    /// All alike.
    #[default]
    Uniform,
    /// ln σ from a normal distribution.
    LogNormal {
        /// m.
        mean: f64,
        /// s.
        deviation: f64,
    },
}

impl Weighting {
    /// The weight at each noise level; nothing where it is 1.
    #[must_use]
    pub fn factors(self, sigmas: &[f64]) -> Option<Vec<f64>> {
        let Self::Edm { sigma_data } = self else { return None };
        Some(sigmas.iter().map(|sigma| 1.0 + (sigma / sigma_data).powi(2)).collect())
    }
}

impl Density {
    /// Probability of each level and of those before it, the last exactly 1; nothing where all are alike.
    ///
    /// # Errors
    /// [`Error::Setting`] where no level is within 38 deviations of the mean.
    pub fn cumulated(self, sigmas: &[f64]) -> Result<Option<Vec<f64>>, Error> {
        let Self::LogNormal { mean, deviation } = self else { return Ok(None) };
        let density = |sigma: &f64| (-0.5 * ((sigma.ln() - mean) / deviation).powi(2)).exp();
        let mut sums: Vec<f64> = sigmas
            .iter()
            .scan(0.0, |sum, sigma| {
                *sum += density(sigma);
                Some(*sum)
            })
            .collect();
        let all = sums.last().copied().unwrap_or(0.0);
        if all < f64::MIN_POSITIVE {
            let near = "a mean and a deviation with noise levels within 37 deviations of the mean";
            return Err(Error::setting("level density", self, near));
        }
        sums.iter_mut().for_each(|sum| *sum /= all);
        Ok(Some(sums))
    }
}

impl fmt::Display for Weighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => f.write_str("published"),
            Self::Edm { sigma_data } => write!(f, "edm:{sigma_data}"),
        }
    }
}

impl fmt::Display for Density {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::LogNormal { mean, deviation } => write!(f, "lognormal:{mean},{deviation}"),
        }
    }
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| *value > 0.0 && value.is_finite())
}

impl FromStr for Weighting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let edm = || Some(Self::Edm { sigma_data: positive(text.strip_prefix("edm:")?)? });
        match text {
            "published" => Some(Self::Published),
            _ => edm(),
        }
        .ok_or_else(|| Error::setting("weighting", text, "published, or edm:SIGMA_DATA such as edm:0.25"))
    }
}

impl FromStr for Density {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let log_normal = || {
            let (mean, deviation) = text.strip_prefix("lognormal:")?.split_once(',')?;
            let mean = mean.parse().ok().filter(|value: &f64| value.is_finite())?;
            Some(Self::LogNormal { mean, deviation: positive(deviation)? })
        };
        match text {
            "uniform" => Some(Self::Uniform),
            _ => log_normal(),
        }
        .ok_or_else(|| {
            Error::setting(
                "level density",
                text,
                "uniform, or lognormal:MEAN,DEVIATION of ln sigma such as lognormal:-1.9,1.2",
            )
        })
    }
}

impl TryFrom<String> for Weighting {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Density {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Weighting> for String {
    fn from(weighting: Weighting) -> Self {
        weighting.to_string()
    }
}

impl From<Density> for String {
    fn from(density: Density) -> Self {
        density.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_is_written_and_nonsense_is_refused() {
        for text in ["published", "edm:0.25"] {
            assert_eq!(text.parse::<Weighting>().expect("a weighting").to_string(), text);
        }
        for text in ["uniform", "lognormal:-1.9,1.2"] {
            assert_eq!(text.parse::<Density>().expect("a density").to_string(), text);
        }
        for text in ["edm", "edm:0", "edm:-1", "edm:nan", "edm:inf", ""] {
            assert!(text.parse::<Weighting>().is_err(), "{text}");
        }
        for text in ["lognormal:1", "lognormal:1,0", "lognormal:inf,1", "normal:0,1"] {
            assert!(text.parse::<Density>().is_err(), "{text}");
        }
    }

    /// Source: integers by hand. Levels 1, e⁻¹, e⁻² with m = −1, s² = 1/(2 ln 2): densities ½, 1, ½.
    #[test]
    fn levels_are_as_likely_as_the_density_says() {
        let sigmas = [0, 1, 2].map(|k| f64::from(-k).exp());
        let density = Density::LogNormal { mean: -1.0, deviation: (0.5 / 2.0_f64.ln()).sqrt() };
        let cumulated = density.cumulated(&sigmas).expect("levels are near").expect("they differ");
        for (found, expected) in cumulated.iter().zip([0.25, 0.75, 1.0]) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        assert!(Density::LogNormal { mean: 100.0, deviation: 1.0 }.cumulated(&sigmas).is_err());
    }

    #[test]
    fn edm_weights_a_level_by_its_size_beside_that_of_the_data() {
        let factors = Weighting::Edm { sigma_data: 0.5 }.factors(&[1.0, 0.5, 0.0]);
        assert_eq!(factors, Some(vec![5.0, 2.0, 1.0]));
    }
}
