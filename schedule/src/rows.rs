//! What a schedule file says of its numbers: where they come from, what was published, what a check found.

use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::Schedule;
use ncsn_theory::schedule::check::{Finding, Verdict};
use ncsn_theory::schedule::presets::{Model, Published};
use serde::{Deserialize, Serialize};

/// `[lo, hi]`.
#[must_use]
pub fn ends(interval: Interval) -> [f64; 2] {
    [interval.lo(), interval.hi()]
}

/// A row of Table 4.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedRow {
    /// The model configured.
    pub model: Model,
    /// The schedule, on data of the file's dimension.
    pub schedule: Schedule,
    /// Where it is published.
    pub source: String,
}

impl PublishedRow {
    /// The row on data of dimension `dim`.
    ///
    /// # Errors
    /// Those of [`Published::schedule`]; none for the rows of Table 4.
    pub fn new(row: &Published, dim: u64) -> Result<Self, ncsn_theory::Error> {
        Ok(Self {
            model: row.model,
            schedule: row.schedule(dim)?,
            source: "Song & Ermon (2020), Table 4".to_owned(),
        })
    }
}

/// One finding of the check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingRow {
    /// Key of the number concerned.
    pub field: String,
    /// How it stands to the techniques.
    pub verdict: Verdict,
    /// One sentence.
    pub text: String,
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self { field: finding.field().to_owned(), verdict: finding.verdict(), text: finding.to_string() }
    }
}

/// Where each number comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field tells the origin of the number that the file has under its name")]
pub struct Provenance {
    pub program: String,
    pub dim: String,
    pub sigma_max: String,
    pub sigma_min: String,
    pub gamma_root: String,
    pub num_levels: String,
    pub steps_per_level: String,
    pub epsilon: String,
    /// The data that σ₁ was measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataProvenance>,
}

/// The data set that σ₁ was measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataProvenance {
    /// Path as given.
    pub path: String,
    /// SHA-256 of the decoded values, their shape and order.
    pub digest: String,
    /// Number of rows.
    pub count: u64,
    /// Shape of a row.
    pub shape: Vec<u64>,
    /// The two rows that are farthest apart.
    pub witness: [String; 2],
    /// Enclosure of their distance.
    pub diameter: [f64; 2],
    /// What was done to the data on reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
