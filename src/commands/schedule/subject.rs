//! What a schedule is derived for: a known data set, data that are measured, or a dimension.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ncsn_data as data;
use ncsn_schedule::{DataProvenance, ends};
use ncsn_theory::schedule::DataRange;
use ncsn_theory::schedule::presets::{Dataset, Model, Published};

use crate::measure::{Measured, Subsample, measure};

/// Where the dimension and σ₁ come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A data set of Table 4, or MNIST.
    Preset(&'static Dataset),
    /// Data to be read and measured.
    Data(PathBuf, data::Options, Option<Subsample>),
    /// A dimension given as a number.
    Dimension(u64),
}

/// What is known of the data before any technique but the first.
pub(super) struct Subject {
    pub name: String,
    pub dim: u64,
    pub dim_origin: String,
    pub range: DataRange,
    /// Technique 1's σ₁, where there is one, and its origin.
    pub sigma_max: Option<(f64, String)>,
    pub published: Option<&'static Published>,
    pub data: Option<DataProvenance>,
}

impl Subject {
    /// # Arguments
    /// * `range` — units of pixels
    ///
    /// # Errors
    /// Data that cannot be read or measured; pixels in units of their own.
    pub fn new(source: &Source, range: DataRange) -> Result<Self> {
        match source {
            Source::Preset(dataset) => Self::of_preset(dataset, range),
            Source::Data(path, options, subsample) => {
                Self::of_data(&measure(path, options, *subsample, range)?)
            }
            Source::Dimension(dim) => Ok(Self {
                name: format!("dimension {dim}"),
                dim: *dim,
                dim_origin: "given".to_owned(),
                range,
                sigma_max: None,
                published: None,
                data: None,
            }),
        }
    }

    fn of_preset(dataset: &Dataset, range: DataRange) -> Result<Self> {
        ensure!(
            range != DataRange::Native,
            "{} holds pixels; --data-range {range} is for floating-point values",
            dataset.name
        );
        let doubled = if range == DataRange::Signed { ", doubled for pixels in [-1, 1]" } else { "" };
        let origin = format!("{}{doubled}", dataset.sigma_max_source);
        Ok(Self {
            name: dataset.name.to_owned(),
            dim: dataset.dim(),
            dim_origin: format!("{} x {} x {}", dataset.channels, dataset.size, dataset.size),
            range,
            sigma_max: Some((dataset.sigma_max * range.scale(), origin)),
            published: dataset.row(Model::NcsnV2),
            data: None,
        })
    }

    fn of_data(measured: &Measured) -> Result<Self> {
        // The upper end: no pair that was measured is farther apart.
        let sigma_max = measured.diameter.hi();
        Ok(Self {
            name: measured.path.clone(),
            dim: measured.dim(),
            dim_origin: measured.shape_text(),
            range: measured.range,
            sigma_max: Some((sigma_max, format!("Technique 1: {}", measured.diameter_text()))),
            published: None,
            data: Some(DataProvenance {
                path: measured.path.clone(),
                digest: measured.data.digest().with_context(|| measured.path.clone())?.to_owned(),
                count: measured.count() as u64,
                shape: measured.data.shape.iter().map(|&side| side as u64).collect(),
                witness: measured.witness.map(|row| measured.name(row)),
                diameter: ends(measured.diameter),
                notes: measured.data.notes.clone(),
            }),
        })
    }

    /// σ₁ and where it comes from: given, measured, or published.
    ///
    /// # Errors
    /// None known; items that are all equal.
    pub fn sigma_max(&self, given: Option<f64>) -> Result<(f64, String)> {
        if let Some(sigma) = given {
            return Ok((sigma, "given".to_owned()));
        }
        let (sigma, origin) = self.sigma_max.clone().context("--dim needs --sigma-max")?;
        if let Some(data) = &self.data {
            ensure!(sigma > 0.0, "{}: all {} items are equal, so their diameter is 0", data.path, data.count);
        }
        Ok((sigma, origin))
    }
}
