//! Which network: its family, and its depth by the size of the images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Depth of an image network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Four stages, for 32² to 64²: Tables 2a and 3a.
    Shallow,
    /// Five stages, for 96² to 128²: Tables 2b and 3b.
    Deeper,
    /// Six stages, for 256²: Table 3c.
    Deepest,
}

/// A network of the paper, or the one for plain vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Conditional network of Table 2a.
    Ncsn,
    /// Conditional network of Table 2b.
    NcsnDeeper,
    /// Table 3a.
    Ncsnv2,
    /// Table 3b.
    Ncsnv2Deeper,
    /// Table 3c.
    Ncsnv2Deepest,
    /// Residual perceptron for vectors.
    Mlp,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ncsn, Self::NcsnDeeper, Self::Ncsnv2, Self::Ncsnv2Deeper, Self::Ncsnv2Deepest, Self::Mlp];

    /// Name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ncsn => "ncsn",
            Self::NcsnDeeper => "ncsn-deeper",
            Self::Ncsnv2 => "ncsnv2",
            Self::Ncsnv2Deeper => "ncsnv2-deeper",
            Self::Ncsnv2Deepest => "ncsnv2-deepest",
            Self::Mlp => "mlp",
        }
    }

    /// The network of this family for images of a size, as in Tables 2 and 3.
    ///
    /// # Errors
    /// [`Error::Setting`] for NCSN beyond 128², which the paper has not.
    pub fn for_size(conditional: bool, size: u64) -> Result<Self, Error> {
        match (conditional, size) {
            (true, 0..=64) => Ok(Self::Ncsn),
            (true, 65..=128) => Ok(Self::NcsnDeeper),
            (true, _) => Err(Error::setting("image size of ncsn", size, "at most 128")),
            (false, 0..=64) => Ok(Self::Ncsnv2),
            (false, 65..=128) => Ok(Self::Ncsnv2Deeper),
            (false, _) => Ok(Self::Ncsnv2Deepest),
        }
    }

    /// Whether the network is told the noise level: all but NCSNv2, which divides by σ instead (Technique 3).
    #[must_use]
    pub const fn is_conditional(self) -> bool {
        matches!(self, Self::Ncsn | Self::NcsnDeeper)
    }

    /// Depth of an image network; nothing for vectors.
    #[must_use]
    pub const fn depth(self) -> Option<Depth> {
        match self {
            Self::Ncsn | Self::Ncsnv2 => Some(Depth::Shallow),
            Self::NcsnDeeper | Self::Ncsnv2Deeper => Some(Depth::Deeper),
            Self::Ncsnv2Deepest => Some(Depth::Deepest),
            Self::Mlp => None,
        }
    }

    /// What height and width must be divisible by.
    #[must_use]
    pub const fn factor(self) -> i64 {
        match self.depth() {
            Some(Depth::Shallow) => 2,
            Some(Depth::Deeper) => 4,
            Some(Depth::Deepest) => 8,
            None => 1,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
            Error::setting("architecture", text, names.join(", "))
        })
    }
}
