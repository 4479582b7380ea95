//! A schedule with everything that is known about it.

use ncsn_theory::schedule::{DataRange, Derivation, Schedule, Spacing};
use serde::{Deserialize, Serialize};

use crate::rows::{FindingRow, Provenance, PublishedRow, ends};

/// More levels than are listed one by one.
pub const MAX_LISTED: u64 = 1_000_000;
/// Name and version of the format.
pub const SCHEMA: &str = "ncsn.schedule/1";

/// A schedule with its enclosures and the origin of each number.
///
/// One that was read agrees with itself. Numbers print so that they parse back to the same double; the ends of enclosures
/// are rounded outward.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleFile {
    /// Name of the data set, or how its dimension and σ₁ were given.
    pub dataset: String,
    /// Units of the data.
    pub data_range: DataRange,
    /// The schedule.
    pub schedule: Schedule,
    /// What was asked of Technique 2.
    pub spacing: Spacing,
    /// The doubles that stand for the real numbers enclosed.
    pub values: Values,
    /// `[lo, hi]` around each real number that a double stands for.
    pub enclosures: Enclosures,
    /// The row of Table 4 for this data set.
    pub published: Option<PublishedRow>,
    /// What the check of the published row found.
    pub findings: Vec<FindingRow>,
    /// How each number was chosen.
    pub provenance: Provenance,
}

/// Numbers that follow from a schedule and its spacing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values {
    /// The ratio whose overlap is the target.
    pub gamma_root: f64,
    /// σ_i/σ_{i+1} = (σ₁/σ_L)^{1/(L−1)}.
    pub gamma: f64,
    /// Overlap of adjacent levels at `gamma`.
    pub overlap: f64,
    /// s_T²/σ_i² of Proposition 3: one level, started at σ_{i−1}².
    pub variance_ratio: f64,
    /// s²/σ_L² after all levels of Algorithm 1, the first started at σ₁². For information; not in older files.
    pub chain_ratio: Option<f64>,
}

/// Enclosures by key of the number enclosed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field encloses the number that the file has under its name")]
pub struct Enclosures {
    pub gamma_root: [f64; 2],
    pub gamma: [f64; 2],
    pub overlap: [f64; 2],
    pub epsilon: [f64; 2],
    pub variance_ratio: [f64; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_ratio: Option<[f64; 2]>,
}

impl ScheduleFile {
    /// The file for a derivation; `findings` and `published` start empty.
    #[must_use]
    pub fn new(
        derivation: &Derivation,
        dataset: String,
        data_range: DataRange,
        provenance: Provenance,
    ) -> Self {
        Self {
            dataset,
            data_range,
            schedule: derivation.schedule,
            spacing: derivation.request.spacing,
            values: Values {
                gamma_root: derivation.gamma_root.mid(),
                gamma: derivation.gamma.mid(),
                overlap: derivation.overlap.mid(),
                variance_ratio: derivation.variance_ratio.mid(),
                chain_ratio: Some(derivation.chain_ratio.mid()),
            },
            enclosures: Enclosures {
                gamma_root: ends(derivation.gamma_root),
                gamma: ends(derivation.gamma),
                overlap: ends(derivation.overlap),
                epsilon: ends(derivation.epsilon),
                variance_ratio: ends(derivation.variance_ratio),
                chain_ratio: Some(ends(derivation.chain_ratio)),
            },
            published: None,
            findings: Vec::new(),
            provenance,
        }
    }

    /// The numbers that are enclosed, with their keys and enclosures.
    #[must_use]
    pub fn enclosed(&self) -> [(&'static str, f64, [f64; 2]); 5] {
        let (values, enclosures) = (self.values, self.enclosures);
        [
            ("gamma_root", values.gamma_root, enclosures.gamma_root),
            ("gamma", values.gamma, enclosures.gamma),
            ("overlap", values.overlap, enclosures.overlap),
            ("epsilon", self.schedule.epsilon(), enclosures.epsilon),
            ("variance_ratio", values.variance_ratio, enclosures.variance_ratio),
        ]
    }

    /// SHA-256 of the data that σ₁ was measured on, where it was measured.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.provenance.data.as_ref().map(|data| data.digest.as_str())
    }
}
