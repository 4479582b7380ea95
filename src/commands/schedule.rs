//! `ncsn schedule`: the whole schedule of a data set, each number enclosed and explained.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use ncsn_theory::schedule::check::{Spacing, check};
use ncsn_theory::schedule::presets::{DATASETS, Dataset, Model, PUBLISHED_SIGMA_MIN};
use ncsn_theory::schedule::{DataRange, Derivation, Law, NoiseRange, Request as Derive, Rounding, Steps};

use crate::cli::{LawName, Range, ScheduleArgs, ScheduleFormat};
use crate::measure::{Measured, Subsample, measure};
use crate::plot;
use crate::report;
use ncsn_data as data;
use ncsn_data::escape;
use ncsn_schedule::{DataProvenance, FindingRow, Provenance, PublishedRow, ScheduleFile, ends};
use ncsn_shell::Outcome;
use ncsn_shell::ReadArgs;
use ncsn_shell::output::{self, write_files};

/// T where neither the user nor Table 4 says otherwise.
const DEFAULT_STEPS: u64 = 5;

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

/// What to derive and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    source: Source,
    sigma_max: Option<f64>,
    sigma_min: Option<f64>,
    range: DataRange,
    overlap: f64,
    law: Law,
    rounding: Rounding,
    steps: Option<Steps>,
    format: ScheduleFormat,
    output: Option<PathBuf>,
    plot: Option<PathBuf>,
    dry_run: bool,
}

impl From<Range> for DataRange {
    fn from(range: Range) -> Self {
        match range {
            Range::Unit => Self::Unit,
            Range::Signed => Self::Signed,
        }
    }
}

impl From<LawName> for Law {
    fn from(law: LawName) -> Self {
        match law {
            LawName::Normal => Self::Normal,
            LawName::Chi => Self::Chi,
        }
    }
}

/// The preset with this name.
///
/// # Errors
/// An unknown name, with the known ones.
pub fn find_dataset(name: &str) -> Result<&'static Dataset> {
    Dataset::find(name).with_context(|| {
        let known = DATASETS.map(|dataset| dataset.name).join(", ");
        format!("dataset is {name:?}, allowed: {known} (or give --data PATH)")
    })
}

impl TryFrom<ScheduleArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: ScheduleArgs) -> Result<Self> {
        ensure!(
            args.source.data.is_some() || (args.read == ReadArgs::default() && args.subsample.is_none()),
            "--size, --crop, the other options of reading and --subsample need --data"
        );
        let source = match (args.source.dataset, args.source.data, args.source.dim) {
            (Some(name), _, _) => Source::Preset(find_dataset(&name)?),
            (_, Some(path), _) => {
                let subsample = args.subsample.map(|count| Subsample { count, seed: args.seed });
                Source::Data(path, args.read.into(), subsample)
            }
            (_, _, Some(dim)) => Source::Dimension(dim),
            (None, None, None) => bail!("one of --dataset, --data and --dim is required"),
        };
        let steps = match (args.steps_per_level, args.budget, args.tolerance) {
            (Some(steps), _, _) => Some(Steps::PerLevel(steps)),
            (_, Some(budget), _) => Some(Steps::Budget(budget)),
            (_, _, Some(tolerance)) => Some(Steps::Tolerance(tolerance)),
            (None, None, None) => None,
        };
        Ok(Self {
            source,
            sigma_max: args.sigma_max,
            sigma_min: args.sigma_min,
            range: args.data_range.into(),
            overlap: args.overlap,
            law: args.law.into(),
            rounding: args.rounding,
            steps,
            format: args.format,
            output: args.output.filter(|path| path.as_os_str() != "-"),
            plot: args.plot,
            dry_run: args.dry_run,
        })
    }
}

impl Request {
    /// The request that `schedule --dataset NAME` makes.
    ///
    /// # Errors
    /// An unknown name.
    pub fn preset(name: &str) -> Result<Self> {
        Ok(Self {
            source: Source::Preset(find_dataset(name)?),
            sigma_max: None,
            sigma_min: None,
            range: DataRange::Unit,
            overlap: 0.5,
            law: Law::Normal,
            rounding: Rounding::default(),
            steps: None,
            format: ScheduleFormat::Text,
            output: None,
            plot: None,
            dry_run: false,
        })
    }
}

/// Derives the schedule and prints it.
///
/// # Errors
/// Data that cannot be read, a request that has no answer, a file that cannot be written.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[
        ("--output", request.output.as_deref(), &[]),
        ("--plot", request.plot.as_deref(), &["svg"]),
    ])?;
    let (file, derivation) = derive(request)?;
    let text = match request.format {
        ScheduleFormat::Text => report::schedule(&file, &derivation, request.steps.is_none())?,
        ScheduleFormat::Json => file.to_json()?,
        ScheduleFormat::Toml => file.to_toml()?,
        ScheduleFormat::Ncsnv2 => file.to_ncsnv2()?,
    };
    // Everything is made before anything is written.
    let picture = request.plot.as_ref().map(|_| plot::svg(&file, &derivation)).transpose()?;
    let outputs =
        [(request.output.as_deref(), Some(text.as_str())), (request.plot.as_deref(), picture.as_deref())];
    let files: Vec<_> = outputs.into_iter().filter_map(|(path, content)| path.zip(content)).collect();
    if request.dry_run {
        for (path, content) in &files {
            writeln!(out, "would write {} bytes to {}", content.len(), escape::path(path))?;
        }
    } else {
        write_files(&files)?;
    }
    if request.output.is_none() {
        out.write_all(text.as_bytes())?;
    }
    Ok(Outcome::Yes)
}

/// The schedule file for a request, and the derivation behind it.
///
/// # Errors
/// As [`run`].
pub fn derive(request: &Request) -> Result<(ScheduleFile, Derivation)> {
    let measured = match &request.source {
        Source::Data(path, options, subsample) => Some(measure(path, options, *subsample, request.range)?),
        _ => None,
    };
    let range_of_data = measured.as_ref().map_or(request.range, |measured| measured.range);
    let (sigma_max, sigma_max_origin) = sigma_max(request, measured.as_ref())?;
    let (sigma_min, sigma_min_origin) = sigma_min(request, range_of_data)?;
    let (steps, steps_origin) = steps(request);
    let derivation = Derive {
        dim: dim(request, measured.as_ref()),
        range: NoiseRange::new(sigma_max, sigma_min)?,
        overlap: request.overlap,
        law: request.law,
        rounding: request.rounding,
        steps,
    }
    .derive()?;
    let x = derivation.real_levels;
    let provenance = Provenance {
        program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        dim: dim_origin(request, measured.as_ref()),
        sigma_max: sigma_max_origin,
        sigma_min: sigma_min_origin,
        gamma_root: format!(
            "Technique 2: overlap {} of adjacent levels by the {} law",
            report::number(request.overlap),
            request.law.name()
        ),
        num_levels: format!(
            "{} of x = ln(sigma_max/sigma_min)/ln(gamma_root) = {}",
            request.rounding.name(),
            beside_integers(x.mid())
        ),
        steps_per_level: steps_origin,
        epsilon: "Technique 4: the minimiser of the variance ratio at gamma and T".to_owned(),
        data: measured.as_ref().map(data_provenance).transpose()?,
    };
    let mut file = ScheduleFile::new(&derivation, dataset_name(request), range_of_data, provenance);
    if let Source::Preset(dataset) = request.source
        && let Some(row) = dataset.row(Model::NcsnV2)
    {
        file.published = Some(PublishedRow::from(row));
        let spacing = Spacing { target: request.overlap, law: request.law, rounding: request.rounding };
        let findings = check(&row.schedule(dataset.dim())?, spacing, None)?;
        file.findings = findings.iter().map(FindingRow::from).collect();
    }
    Ok((file, derivation))
}

/// x with three decimals, or as many more as show on which side of a whole or half number it lies, as rounding asks.
fn beside_integers(x: f64) -> String {
    let side = |x: f64| (x.floor(), x.ceil(), x.round());
    (3..17)
        .map(|digits| format!("{x:.digits$}"))
        .find(|text| text.parse().is_ok_and(|shown: f64| side(shown) == side(x)))
        .unwrap_or_else(|| report::number(x))
}

fn dim(request: &Request, measured: Option<&Measured>) -> u64 {
    match (&request.source, measured) {
        (Source::Dimension(dim), _) => *dim,
        (Source::Preset(dataset), _) => dataset.dim(),
        (Source::Data(..), measured) => measured.map_or(0, Measured::dim),
    }
}

fn dim_origin(request: &Request, measured: Option<&Measured>) -> String {
    match (&request.source, measured) {
        (Source::Preset(dataset), _) => format!("{} x {} x {}", dataset.channels, dataset.size, dataset.size),
        (Source::Data(..), Some(measured)) => measured.shape_text(),
        _ => "given".to_owned(),
    }
}

fn dataset_name(request: &Request) -> String {
    match &request.source {
        Source::Preset(dataset) => dataset.name.to_owned(),
        Source::Data(path, ..) => path.display().to_string(),
        Source::Dimension(dim) => format!("dimension {dim}"),
    }
}

/// σ₁ and where it comes from: given, measured, or published.
fn sigma_max(request: &Request, measured: Option<&Measured>) -> Result<(f64, String)> {
    if let Some(sigma) = request.sigma_max {
        return Ok((sigma, "given".to_owned()));
    }
    match (&request.source, measured) {
        (Source::Preset(dataset), _) => {
            let doubled =
                if request.range == DataRange::Signed { ", doubled for pixels in [-1, 1]" } else { "" };
            let origin = format!("{}{doubled}", dataset.sigma_max_source);
            Ok((dataset.sigma_max * request.range.scale(), origin))
        }
        (_, Some(measured)) => {
            ensure!(
                measured.diameter.hi() > 0.0,
                "{}: all {} items are equal, so their diameter is 0",
                measured.path,
                measured.count()
            );
            // The upper end: no pair that was measured is farther apart.
            Ok((measured.diameter.hi(), format!("Technique 1: {}", measured.diameter_text())))
        }
        _ => bail!("--dim needs --sigma-max"),
    }
}

/// σ_L: given, or the paper's for pixels in [0, 1], scaled to the range.
fn sigma_min(request: &Request, range: DataRange) -> Result<(f64, String)> {
    match (request.sigma_min, range) {
        (Some(sigma), _) => Ok((sigma, "given".to_owned())),
        (None, DataRange::Unit) => {
            Ok((PUBLISHED_SIGMA_MIN, "0.01 for pixels in [0, 1], as in the paper".to_owned()))
        }
        (None, DataRange::Signed) => {
            let origin = "the paper's 0.01, doubled for pixels in [-1, 1]".to_owned();
            Ok((PUBLISHED_SIGMA_MIN * range.scale(), origin))
        }
        (None, DataRange::Native) => bail!("floating-point data are in their own units: give --sigma-min"),
    }
}

fn steps(request: &Request) -> (Steps, String) {
    let published = match &request.source {
        Source::Preset(dataset) => dataset.row(Model::NcsnV2).map(|row| row.steps_per_level),
        _ => None,
    };
    match (request.steps, published) {
        (Some(steps @ Steps::PerLevel(_)), _) => (steps, "given".to_owned()),
        (Some(steps @ Steps::Budget(budget)), _) => {
            (steps, format!("Technique 4: the most that {budget} score evaluations allow"))
        }
        (Some(steps @ Steps::Tolerance(tolerance)), _) => {
            (steps, format!("the fewest with variance ratio at most 1 + {}", report::number(tolerance)))
        }
        (None, Some(steps)) => (Steps::PerLevel(steps), "as published".to_owned()),
        (None, None) => (Steps::PerLevel(DEFAULT_STEPS), "default, as published for CIFAR-10".to_owned()),
    }
}

fn data_provenance(measured: &Measured) -> Result<DataProvenance> {
    Ok(DataProvenance {
        path: measured.path.clone(),
        digest: measured.data.digest().with_context(|| measured.path.clone())?.to_owned(),
        count: measured.count() as u64,
        shape: measured.data.shape.iter().map(|&side| side as u64).collect(),
        witness: measured.witness.map(|row| measured.name(row)),
        diameter: ends(measured.diameter),
        notes: measured.data.notes.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounding_can_be_followed_from_the_digits_shown() {
        for (x, shown) in [
            (218.25, "218.250"),
            (217.999_96, "217.99996"),
            (218.000_001, "218.000001"),
            (218.0, "218.000"),
            (218.499_99, "218.49999"),
            (218_f64.next_up(), "218.00000000000003"),
        ] {
            assert_eq!(beside_integers(x), shown);
        }
    }
}
