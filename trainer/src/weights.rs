//! Which weights of a network: those of Technique 5, or the last.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Which of a checkpoint's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// The moving average of Technique 5.
    Ema,
    /// As the optimiser left them.
    Raw,
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ema => "averaged",
            Self::Raw => "last",
        })
    }
}

impl FromStr for Weights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "ema" => Ok(Self::Ema),
            "raw" => Ok(Self::Raw),
            _ => Err(Error::setting("weights", text, "ema, raw")),
        }
    }
}

impl Weights {
    /// Name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ema => "ema",
            Self::Raw => "raw",
        }
    }

    /// How the names of these weights begin in a checkpoint.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Ema => "ema.",
            Self::Raw => "model.",
        }
    }
}
