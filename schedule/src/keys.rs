//! The format `ncsn.schedule/1` key by key, in the order of the files.

use anyhow::{Error, Result, ensure};
use ncsn_theory::schedule::presets::Model;
use ncsn_theory::schedule::{DataRange, Law, NoiseRange, Rounding, Schedule, Spacing};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::agreement::check_levels;
use crate::file::{Enclosures, SCHEMA, ScheduleFile, Values};
use crate::rows::{FindingRow, Provenance, PublishedRow};

/// A file as it is written; what its numbers mean stands at [`ScheduleFile`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    schema: String,
    dataset: String,
    dim: u64,
    data_range: DataRange,
    sigma_max: f64,
    sigma_min: f64,
    overlap_target: f64,
    law: Law,
    rounding: Rounding,
    overlap: f64,
    gamma_root: f64,
    gamma: f64,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
    variance_ratio: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain_ratio: Option<f64>,
    /// L·T.
    score_evaluations: u64,
    /// σ of each level, the largest first: in JSON, for programs that compute nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sigmas: Option<Vec<f64>>,
    enclosures: Enclosures,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<PublishedKeys>,
    #[serde(default)]
    findings: Vec<FindingRow>,
    provenance: Provenance,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedKeys {
    model: Model,
    sigma_max: f64,
    sigma_min: f64,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
    source: String,
}

impl From<ScheduleFile> for Keys {
    fn from(file: ScheduleFile) -> Self {
        let ScheduleFile { schedule, spacing, values, .. } = file;
        Self {
            schema: SCHEMA.to_owned(),
            dataset: file.dataset,
            dim: schedule.dim(),
            data_range: file.data_range,
            sigma_max: schedule.range().max(),
            sigma_min: schedule.range().min(),
            overlap_target: spacing.target,
            law: spacing.law,
            rounding: spacing.rounding,
            overlap: values.overlap,
            gamma_root: values.gamma_root,
            gamma: values.gamma,
            num_levels: schedule.num_levels(),
            steps_per_level: schedule.steps_per_level(),
            epsilon: schedule.epsilon(),
            variance_ratio: values.variance_ratio,
            chain_ratio: values.chain_ratio,
            score_evaluations: schedule.score_evaluations(),
            sigmas: None,
            enclosures: file.enclosures,
            published: file.published.map(PublishedKeys::from),
            findings: file.findings,
            provenance: file.provenance,
        }
    }
}

impl TryFrom<Keys> for ScheduleFile {
    type Error = Error;

    fn try_from(keys: Keys) -> Result<Self> {
        ensure!(keys.schema == SCHEMA, "schema is {:?}, expected {SCHEMA:?}", keys.schema);
        let range = NoiseRange::new(keys.sigma_max, keys.sigma_min)?;
        let schedule = Schedule::new(keys.dim, range, keys.num_levels, keys.steps_per_level, keys.epsilon)?;
        let file = Self {
            dataset: keys.dataset,
            data_range: keys.data_range,
            schedule,
            spacing: Spacing { target: keys.overlap_target, law: keys.law, rounding: keys.rounding },
            values: Values {
                gamma_root: keys.gamma_root,
                gamma: keys.gamma,
                overlap: keys.overlap,
                variance_ratio: keys.variance_ratio,
                chain_ratio: keys.chain_ratio,
            },
            enclosures: keys.enclosures,
            published: keys.published.map(|row| row.on(keys.dim)).transpose()?,
            findings: keys.findings,
            provenance: keys.provenance,
        };
        file.check()?;
        ensure!(
            keys.score_evaluations == schedule.score_evaluations(),
            "score_evaluations is {}, expected num_levels * steps_per_level = {}",
            keys.score_evaluations,
            schedule.score_evaluations()
        );
        if let Some(sigmas) = &keys.sigmas {
            check_levels(sigmas, &schedule)?;
        }
        Ok(file)
    }
}

impl Serialize for ScheduleFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Keys::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ScheduleFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Keys::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl From<PublishedRow> for PublishedKeys {
    fn from(PublishedRow { model, schedule, source }: PublishedRow) -> Self {
        Self {
            model,
            sigma_max: schedule.range().max(),
            sigma_min: schedule.range().min(),
            num_levels: schedule.num_levels(),
            steps_per_level: schedule.steps_per_level(),
            epsilon: schedule.epsilon(),
            source,
        }
    }
}

impl PublishedKeys {
    fn on(self, dim: u64) -> Result<PublishedRow> {
        let Self { model, sigma_max, sigma_min, num_levels, steps_per_level, epsilon, source } = self;
        let range = NoiseRange::new(sigma_max, sigma_min)?;
        let schedule = Schedule::new(dim, range, num_levels, steps_per_level, epsilon)?;
        Ok(PublishedRow { model, schedule, source })
    }
}
