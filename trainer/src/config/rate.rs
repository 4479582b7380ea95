//! The learning rate of each step.

use std::f64::consts::PI;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Training;
use crate::Error;

/// How the learning rate falls until the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// It does not, as in the paper.
    #[default]
    Constant,
    /// In a straight line to 0.
    Linear,
    /// As half a wave of a cosine to 0 (Loshchilov & Hutter 2017).
    Cosine,
}

impl FromStr for Decay {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "constant" => Ok(Self::Constant),
            "linear" => Ok(Self::Linear),
            "cosine" => Ok(Self::Cosine),
            _ => Err(Error::setting("decay", text, "constant, linear, cosine")),
        }
    }
}

impl Training {
    /// Learning rate of a step, from 0.
    ///
    /// # Formula
    /// With w steps of warm-up of n in all and s = (t − w)/(n − w):
    /// ```text
    /// lr·(t + 1)/w for t < w, then lr·{1, 1 − s, ½(1 + cos πs)}
    /// ```
    #[must_use]
    pub fn lr_at(&self, step: u64) -> f64 {
        let Self { lr, warmup, iterations, .. } = *self;
        if step < warmup {
            return lr * (step + 1) as f64 / warmup as f64;
        }
        let done = (step - warmup) as f64 / iterations.saturating_sub(warmup).max(1) as f64;
        lr * match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => (1.0 - done).max(0.0),
            Decay::Cosine => 0.5 * (1.0 + (PI * done.min(1.0)).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    fn rates(decay: Decay) -> Vec<f64> {
        let training = presets::find("shapes").expect("a preset").training;
        let training = Training { lr: 8.0, warmup: 4, iterations: 8, decay, ..training };
        (0..8).map(|step| training.lr_at(step)).collect()
    }

    #[test]
    fn rates_rise_and_fall() {
        assert_eq!(rates(Decay::Constant), [2.0, 4.0, 6.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
        assert_eq!(rates(Decay::Linear), [2.0, 4.0, 6.0, 8.0, 8.0, 6.0, 4.0, 2.0]);
        let root = 2.0 * 2.0_f64.sqrt();
        for (found, expected) in rates(Decay::Cosine)[4..].iter().zip([8.0, 4.0 + root, 4.0, 4.0 - root]) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }
}
