//! `ncsn explain`: a schedule level by level.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::proposition3;
use ncsn_theory::schedule::{DataRange, Law, Schedule};
use serde::Serialize;

use super::reading::{derive_schedule, read_schedule};
use crate::cli::{ExplainArgs, ReportFormat};
use crate::stated::Stated;
use ncsn_data as data;
use ncsn_data::escape::one_line;
use ncsn_schedule::{MAX_LISTED, ends};
use ncsn_shell::Outcome;
use ncsn_shell::ReadArgs;

/// Rows shown unless every level is asked for.
const SHOWN: u64 = 20;

/// Which schedule to explain and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    subject: Subject,
    spectrum: Option<(PathBuf, data::Options, usize)>,
    all: bool,
    format: ReportFormat,
}

#[derive(Clone, Debug)]
enum Subject {
    Preset(String),
    File(PathBuf, Option<u64>),
}

impl TryFrom<ExplainArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: ExplainArgs) -> Result<Self> {
        let subject = match (args.file, args.dataset) {
            (Some(path), _) => Subject::File(path, args.dim),
            (None, Some(name)) => Subject::Preset(name),
            (None, None) => anyhow::bail!("one of FILE and --dataset is required"),
        };
        anyhow::ensure!(
            args.spectrum.is_some() || args.read == ReadArgs::default(),
            "--size, --crop and the other options of reading need --spectrum"
        );
        let (options, items) = (args.read.into(), args.items);
        let spectrum = args.spectrum.map(|path| (path, options, items));
        Ok(Self { subject, spectrum, all: args.all, format: args.format })
    }
}

/// What happens at one level, for an exact score and data without extent beside the noise.
#[derive(Debug, Serialize)]
struct Level {
    level: u64,
    sigma: f64,
    step_size: f64,
    /// Overlap with the next level; none at the last.
    overlap_next: Option<f64>,
    /// Variance per coordinate of noise at the level above, from which Proposition 3 starts.
    variance_in: f64,
    /// Variance T steps later, by Proposition 3.
    variance_out: f64,
    /// Variance at the end of this level in Algorithm 1, which starts each level where the one above ended.
    chain_variance_out: f64,
    /// E‖x‖ of noise at this level.
    expected_norm: f64,
    /// Variance ratio in the worst eigendirection of the data, and its eigenvalue; with --spectrum, from level 2 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_direction: Option<WorstDirection>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct WorstDirection {
    variance_ratio: f64,
    eigenvalue: f64,
}

/// Prints the levels.
///
/// # Errors
/// A schedule that cannot be read, or more levels than can be listed.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let stated = match &request.subject {
        Subject::Preset(name) => derive_schedule(name)?,
        Subject::File(path, dim) => read_schedule(path, *dim)?,
    };
    let Stated { schedule, range, spacing, ref notes, .. } = stated;
    // Programs choose their rows themselves.
    let all = request.all || request.format == ReportFormat::Json;
    let shown = shown_levels(schedule.num_levels(), all)?;
    let eigenvalues =
        request.spectrum.as_ref().map(|data| eigenvalues(data, &schedule, range)).transpose()?;
    let levels = shown
        .into_iter()
        .map(|level| explain(&schedule, spacing.law, level, eigenvalues.as_deref()))
        .collect::<Result<Vec<_>>>()?;
    match request.format {
        ReportFormat::Text => out.write_all(text(&schedule, stated.title(), notes, &levels)?.as_bytes())?,
        ReportFormat::Json => {
            let json = serde_json::json!({
                "schema": "ncsn.explain/1",
                "dataset": stated.title(),
                "dim": schedule.dim(),
                "data_range": range,
                "sigma_max": schedule.range().max(),
                "sigma_min": schedule.range().min(),
                "gamma": ends(schedule.gamma()),
                "overlap": ends(schedule.overlap(spacing.law)),
                "law": spacing.law,
                "num_levels": schedule.num_levels(),
                "steps_per_level": schedule.steps_per_level(),
                "epsilon": schedule.epsilon(),
                "variance_ratio": ends(schedule.variance_ratio()),
                "chain_ratio": ends(schedule.chain_ratio()),
                "notes": notes,
                "levels": levels,
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
        }
    }
    Ok(Outcome::Yes)
}

/// Every level, or about [`SHOWN`] evenly spread, the first and the last among them; numbered from 1 as in the paper.
fn shown_levels(num_levels: u64, all: bool) -> Result<Vec<u64>> {
    if all {
        anyhow::ensure!(
            num_levels <= MAX_LISTED,
            "{num_levels} levels are too many to list, at most {MAX_LISTED}"
        );
        return Ok((1..=num_levels).collect());
    }
    let rows = SHOWN.min(num_levels);
    Ok((0..rows)
        .map(|k| 1 + (u128::from(k) * u128::from(num_levels - 1) / u128::from(rows - 1)) as u64)
        .collect())
}

/// Eigenvalues of the covariance of some items of a data set.
#[cfg(feature = "lapack")]
fn eigenvalues(
    (path, options, items): &(PathBuf, data::Options, usize),
    schedule: &Schedule,
    range: DataRange,
) -> Result<Vec<f64>> {
    let rows = crate::measure::spread(path, options, *items)?.rows;
    anyhow::ensure!(
        rows.ncols() as u64 == schedule.dim(),
        "items of {} have dimension {}, the schedule {}",
        path.display(),
        rows.ncols(),
        schedule.dim()
    );
    let scale = range.scale() * range.scale();
    let eigenvalues = ncsn_theory::spectrum::covariance_eigenvalues(rows.view())?;
    Ok(eigenvalues.into_iter().map(|eigenvalue| scale * eigenvalue).collect())
}

#[cfg(not(feature = "lapack"))]
fn eigenvalues(_: &(PathBuf, data::Options, usize), _: &Schedule, _: DataRange) -> Result<Vec<f64>> {
    anyhow::bail!("--spectrum needs LAPACK: build with --features lapack (make lapack installs OpenBLAS)")
}

/// Proposition 3 in the eigendirection where it ends farthest from its target.
fn worst_direction(schedule: &Schedule, index: u64, eigenvalues: &[f64]) -> Result<WorstDirection> {
    let (before, sigma) = (schedule.sigma(index - 1), schedule.sigma(index));
    let (epsilon, steps) = (schedule.epsilon(), schedule.steps_per_level());
    let level = proposition3::Level::new(before, sigma, schedule.range().min(), epsilon, steps)?;
    let (k, excess) = level.worst(eigenvalues)?;
    Ok(WorstDirection { variance_ratio: 1.0 + excess.mid(), eigenvalue: eigenvalues[k] })
}

fn explain(schedule: &Schedule, law: Law, level: u64, eigenvalues: Option<&[f64]>) -> Result<Level> {
    let index = level - 1;
    let sigma = schedule.sigma(index);
    let entering = if index == 0 { sigma } else { schedule.sigma(index - 1) };
    // The first level starts from noise of its own scale; below it Proposition 3 applies with the realised gamma.
    let ratio = if index == 0 {
        proposition3::variance_ratio(Interval::ONE, schedule.delta(), schedule.steps_per_level())
    } else {
        schedule.variance_ratio()
    };
    Ok(Level {
        level,
        sigma,
        step_size: schedule.step_size(index),
        overlap_next: (level < schedule.num_levels()).then(|| schedule.overlap(law).mid()),
        variance_in: entering * entering,
        variance_out: ratio.mid() * sigma * sigma,
        chain_variance_out: (1.0 + schedule.chain_excess(level).mid()) * sigma * sigma,
        expected_norm: RadiusLaw::new(schedule.dim(), sigma)?.mean().mid(),
        worst_direction: match eigenvalues {
            Some(eigenvalues) if index > 0 => Some(worst_direction(schedule, index, eigenvalues)?),
            _ => None,
        },
    })
}

fn text(schedule: &Schedule, name: &str, notes: &[String], levels: &[Level]) -> Result<String> {
    let mut text = format!(
        "{}: D = {}, L = {}, T = {}, epsilon {:e}, gamma {}\n",
        one_line(name),
        schedule.dim(),
        schedule.num_levels(),
        schedule.steps_per_level(),
        schedule.epsilon(),
        schedule.gamma().mid()
    );
    for note in notes {
        writeln!(text, "note: {}", one_line(note))?;
    }
    let spectral = levels.iter().any(|row| row.worst_direction.is_some());
    writeln!(
        text,
        "\n {:>6} {:>10} {:>10} {:>8} {:>10} {:>10} {:>10} {:>10}{}",
        "level",
        "sigma",
        "alpha",
        "overlap",
        "var. in",
        "var. out",
        "in chain",
        "E|x|",
        if spectral { "  worst ratio  at eigenvalue" } else { "" }
    )?;
    for row in levels {
        let worst = row.worst_direction.map_or_else(String::new, |worst| {
            format!("  {:>11.6}  {:>13.5e}", worst.variance_ratio, worst.eigenvalue)
        });
        let overlap = row.overlap_next.map_or_else(|| "-".to_owned(), |overlap| format!("{overlap:.5}"));
        writeln!(
            text,
            " {:>6} {:>10.4e} {:>10.4e} {overlap:>8} {:>10.4e} {:>10.4e} {:>10.4e} {:>10.4e}{worst}",
            row.level,
            row.sigma,
            row.step_size,
            row.variance_in,
            row.variance_out,
            row.chain_variance_out,
            row.expected_norm
        )?;
    }
    writeln!(
        text,
        "\n  var. in   sigma^2 of the level above, where Proposition 3 starts\n  var. out  T steps later\n  in chain  \
         after the level in Algorithm 1, which starts where the one above ended"
    )?;
    Ok(text)
}
