//! The schedule file: the one contract between theory and trainer, as TOML or JSON.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::check::Finding;
use ncsn_theory::schedule::check::Spacing;
use ncsn_theory::schedule::presets::Published;
use ncsn_theory::schedule::{DataRange, Derivation, Law, NoiseRange, Schedule, gamma_root};
use serde::{Deserialize, Serialize};

/// More levels than are listed one by one.
pub const MAX_LISTED: u64 = 1_000_000;
/// Name and version of the format.
pub const SCHEMA: &str = "ncsn.schedule/1";

/// A schedule with its enclosures and the origin of each number.
///
/// Numbers print so that they parse back to the same double; the ends of enclosures are rounded outward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the data set, or how its dimension and σ₁ were given.
    pub dataset: String,
    /// D = channels × height × width.
    pub dim: u64,
    /// `unit` for pixels in [0, 1], `signed` for [−1, 1], `native` for floating-point data in their own units.
    pub data_range: String,
    /// σ₁.
    pub sigma_max: f64,
    /// σ_L.
    pub sigma_min: f64,
    /// Overlap of adjacent levels asked for (Technique 2).
    pub overlap_target: f64,
    /// `normal` or `chi`: the law of the radius in Technique 2.
    pub law: String,
    /// How L follows from `gamma_root`: `ceil+1`, `floor+1`, `ceil`, `floor`, `round+1`.
    pub rounding: String,
    /// Overlap of adjacent levels at `gamma`.
    pub overlap: f64,
    /// The ratio whose overlap is the target.
    pub gamma_root: f64,
    /// σ_i/σ_{i+1} = (σ₁/σ_L)^{1/(L−1)}.
    pub gamma: f64,
    /// L.
    pub num_levels: u64,
    /// T.
    pub steps_per_level: u64,
    /// ε.
    pub epsilon: f64,
    /// s_T²/σ_i² of Proposition 3: one level, started at σ_{i−1}².
    pub variance_ratio: f64,
    /// s²/σ_L² after all levels of Algorithm 1, the first started at σ₁². For information; not in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_ratio: Option<f64>,
    /// L·T.
    pub score_evaluations: u64,
    /// σ of each level, the largest first: in JSON, for programs that compute nothing, and of at most [`MAX_LISTED`] levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigmas: Option<Vec<f64>>,
    /// `[lo, hi]` around each real number that the doubles above stand for.
    pub enclosures: Enclosures,
    /// The row of Table 4 for this data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedRow>,
    /// What the check of the published row found.
    #[serde(default)]
    pub findings: Vec<FindingRow>,
    /// How each number was chosen.
    pub provenance: Provenance,
}

/// Enclosures by key of the number enclosed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field encloses the field of the same name in ScheduleFile")]
pub struct Enclosures {
    pub gamma_root: [f64; 2],
    pub gamma: [f64; 2],
    pub overlap: [f64; 2],
    pub epsilon: [f64; 2],
    pub variance_ratio: [f64; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_ratio: Option<[f64; 2]>,
}

/// A row of Table 4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of ScheduleFile, as published")]
pub struct PublishedRow {
    pub model: String,
    pub sigma_max: f64,
    pub sigma_min: f64,
    pub num_levels: u64,
    pub steps_per_level: u64,
    pub epsilon: f64,
    pub source: String,
}

/// One finding of the check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingRow {
    /// Key of the number concerned.
    pub field: String,
    /// `agrees`, `explained` or `differs`.
    pub verdict: String,
    /// One sentence.
    pub text: String,
}

/// Where each number comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field tells the origin of the field of the same name in ScheduleFile")]
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

/// `[lo, hi]`.
pub fn ends(interval: Interval) -> [f64; 2] {
    [interval.lo(), interval.hi()]
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            field: finding.field().to_owned(),
            verdict: finding.verdict().name().to_owned(),
            text: finding.to_string(),
        }
    }
}

impl From<&Published> for PublishedRow {
    fn from(row: &Published) -> Self {
        Self {
            model: row.model.name().to_owned(),
            sigma_max: row.sigma_max,
            sigma_min: ncsn_theory::schedule::presets::PUBLISHED_SIGMA_MIN,
            num_levels: row.num_levels,
            steps_per_level: row.steps_per_level,
            epsilon: row.epsilon,
            source: "Song & Ermon (2020), Table 4".to_owned(),
        }
    }
}

impl ScheduleFile {
    /// The file for a derivation; `findings` and `published` start empty.
    pub fn new(derivation: &Derivation, dataset: String, range: DataRange, provenance: Provenance) -> Self {
        let schedule = &derivation.schedule;
        Self {
            schema: SCHEMA.to_owned(),
            dataset,
            dim: schedule.dim(),
            data_range: range.name().to_owned(),
            sigma_max: schedule.range().max(),
            sigma_min: schedule.range().min(),
            overlap_target: derivation.request.overlap,
            law: derivation.request.law.name().to_owned(),
            rounding: derivation.request.rounding.name().to_owned(),
            overlap: derivation.overlap.mid(),
            gamma_root: derivation.gamma_root.mid(),
            gamma: derivation.gamma.mid(),
            num_levels: schedule.num_levels(),
            steps_per_level: schedule.steps_per_level(),
            epsilon: schedule.epsilon(),
            variance_ratio: derivation.variance_ratio.mid(),
            chain_ratio: Some(derivation.chain_ratio.mid()),
            score_evaluations: schedule.score_evaluations(),
            sigmas: None,
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

    /// Reads TOML or, when the text starts with `{`, JSON.
    ///
    /// # Errors
    /// Unknown or missing keys, another schema, and numbers that contradict each other, with the key named.
    pub fn parse(text: &str) -> Result<Self> {
        let file: Self = if text.trim_start().starts_with('{') {
            // serde_json's messages quote what they met, line breaks included.
            serde_json::from_str(text)
                .map_err(|error| anyhow::anyhow!("{}", error.to_string().replace('\n', " ")))?
        } else {
            toml::from_str(text).map_err(|error| {
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                anyhow::anyhow!("line {line}: {}", error.message().replace('\n', " "))
            })?
        };
        file.schedule()?;
        // They follow from the rest, whatever the format.
        Ok(Self { sigmas: None, ..file })
    }

    /// The schedule, after checking that the numbers of the file are those of its σ₁, σ_L, L, T and ε.
    ///
    /// # Errors
    /// A key whose value contradicts the others, with both values.
    pub fn schedule(&self) -> Result<Schedule> {
        ensure!(self.schema == SCHEMA, "schema is {:?}, expected {SCHEMA:?}", self.schema);
        self.range()?;
        let schedule = self.unchecked()?;
        let Spacing { target, law, .. } = self.spacing()?;
        let recomputed = [
            gamma_root(self.dim, target, law)?,
            schedule.gamma(),
            schedule.overlap(law),
            schedule.optimal_epsilon()?,
            schedule.variance_ratio(),
        ];
        for ((key, value, ends), exact) in self.enclosed().into_iter().zip(recomputed) {
            agree(key, value, ends, exact)?;
        }
        if self.score_evaluations != schedule.score_evaluations() {
            bail!(
                "score_evaluations is {}, expected num_levels * steps_per_level = {}",
                self.score_evaluations,
                schedule.score_evaluations()
            );
        }
        match (self.chain_ratio, self.enclosures.chain_ratio) {
            (Some(ratio), Some(enclosure)) => {
                agree("chain_ratio", ratio, enclosure, schedule.chain_ratio())?;
            }
            (None, None) => {}
            _ => bail!("chain_ratio and its enclosure belong together, one of them is missing"),
        }
        if let Some(sigmas) = &self.sigmas {
            agree_levels(sigmas, &schedule)?;
        }
        Ok(schedule)
    }

    fn unchecked(&self) -> Result<Schedule> {
        let range = NoiseRange::new(self.sigma_max, self.sigma_min)?;
        Ok(Schedule::new(self.dim, range, self.num_levels, self.steps_per_level, self.epsilon)?)
    }

    /// The numbers that are enclosed, with their keys and enclosures.
    pub fn enclosed(&self) -> [(&'static str, f64, [f64; 2]); 5] {
        let Enclosures { gamma_root, gamma, overlap, epsilon, variance_ratio, .. } = self.enclosures;
        [
            ("gamma_root", self.gamma_root, gamma_root),
            ("gamma", self.gamma, gamma),
            ("overlap", self.overlap, overlap),
            ("epsilon", self.epsilon, epsilon),
            ("variance_ratio", self.variance_ratio, variance_ratio),
        ]
    }

    /// What was asked of Technique 2.
    ///
    /// # Errors
    /// An unknown law or rounding.
    pub fn spacing(&self) -> Result<Spacing> {
        let law = [Law::Normal, Law::Chi].into_iter().find(|law| law.name() == self.law);
        let law = law.with_context(|| format!("law is {:?}, allowed: normal, chi", self.law))?;
        let rounding = self.rounding.parse().map_err(anyhow::Error::msg)?;
        Ok(Spacing { target: self.overlap_target, law, rounding })
    }

    /// The range in which the data live.
    ///
    /// # Errors
    /// An unknown name.
    pub fn range(&self) -> Result<DataRange> {
        let known = [DataRange::Unit, DataRange::Signed, DataRange::Native];
        known
            .into_iter()
            .find(|range| range.name() == self.data_range)
            .with_context(|| format!("data_range is {:?}, allowed: unit, signed, native", self.data_range))
    }

    /// TOML text.
    ///
    /// # Errors
    /// None for finite numbers.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(&Self { sigmas: None, ..self.clone() }).context("writing TOML")
    }

    /// JSON text, with the levels.
    ///
    /// # Errors
    /// Numbers that make no schedule.
    pub fn to_json(&self) -> Result<String> {
        let schedule = self.unchecked()?;
        let sigmas = (self.num_levels <= MAX_LISTED)
            .then(|| (0..self.num_levels).map(|index| schedule.sigma(index)).collect());
        Ok(serde_json::to_string_pretty(&Self { sigmas, ..self.clone() })? + "\n")
    }

    /// The keys under which the authors' code reads a schedule (`configs/*.yml`), with their names and meaning.
    ///
    /// `image_size` and `channels` are left to the reader: a dimension does not determine them.
    ///
    /// # Errors
    /// Data in another range than [0, 1], in which the authors' σ live.
    pub fn to_ncsnv2(&self) -> Result<String> {
        ensure!(
            self.data_range == "unit",
            "data_range is {:?}, but the authors' configurations use pixels in [0, 1] (unit)",
            self.data_range
        );
        let mut text = String::new();
        // The name may be a path: escaped, it stays within the comment.
        let name = self.dataset.escape_debug();
        writeln!(text, "# {name} (D = {}), derived by {}", self.dim, self.provenance.program)?;
        writeln!(text, "sampling:")?;
        writeln!(text, "  step_lr: {}", yaml_number(self.epsilon))?;
        writeln!(text, "  n_steps_each: {}", self.steps_per_level)?;
        writeln!(text, "model:")?;
        writeln!(text, "  sigma_dist: geometric")?;
        writeln!(text, "  sigma_begin: {}", yaml_number(self.sigma_max))?;
        writeln!(text, "  sigma_end: {}", yaml_number(self.sigma_min))?;
        writeln!(text, "  num_classes: {}", self.num_levels)?;
        Ok(text)
    }
}

/// What an enclosure may exceed the one computed anew on either side, relative to its upper end, beside its width once more:
/// other versions round otherwise.
const SLACK: f64 = 1e-13;

/// Refuses levels that are not those of the schedule, to [`SLACK`].
fn agree_levels(sigmas: &[f64], schedule: &Schedule) -> Result<()> {
    ensure!(
        sigmas.len() as u64 == schedule.num_levels(),
        "sigmas holds {} levels, but num_levels is {}",
        sigmas.len(),
        schedule.num_levels()
    );
    for (index, &sigma) in (0..).zip(sigmas) {
        let expected = schedule.sigma(index);
        ensure!(
            (sigma - expected).abs() <= SLACK * expected,
            "sigmas[{index}] is {sigma:?}, but the other numbers of the file give {expected:?}"
        );
    }
    Ok(())
}

/// Refuses a number outside its enclosure, and an enclosure that misses the number computed anew or is wider than its
/// enclosure with [`SLACK`].
fn agree(key: &str, value: f64, [lo, hi]: [f64; 2], exact: Interval) -> Result<()> {
    ensure!(lo <= value && value <= hi, "{key} is {value:?}, outside its enclosure [{lo:?}, {hi:?}]");
    let stated = Interval::new(lo, hi)?;
    ensure!(
        stated.intersection(exact).is_some(),
        "{key} is stated to lie in {stated}, but the other numbers of the file give {:?}",
        exact.mid()
    );
    let slack = exact.width() + SLACK * exact.hi();
    ensure!(
        exact.lo() - slack <= lo && hi <= exact.hi() + slack,
        "{key} is stated to lie in [{lo:?}, {hi:?}], but the other numbers of the file give [{:?}, {:?}]",
        exact.lo(),
        exact.hi()
    );
    Ok(())
}

/// A double as YAML 1.1 and 1.2 readers both take for a number: with a point, and a signed exponent.
fn yaml_number(x: f64) -> String {
    let plain = format!("{x:?}");
    let Some((mantissa, exponent)) = plain.split_once('e') else { return plain };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value_and_have_a_point() {
        for (x, text) in
            [(50.0, "50.0"), (1e-5, "1.0e-5"), (6.2e-6, "6.2e-6"), (1e300, "1.0e+300"), (0.01, "0.01")]
        {
            assert_eq!(yaml_number(x), text);
            assert_eq!(text.parse(), Ok(x));
        }
    }
}
