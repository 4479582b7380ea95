//! `ncsn check`: published settings held against the techniques.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ncsn_theory::schedule::check::{Finding, Spacing, Verdict, check};
use ncsn_theory::schedule::presets::{DATASETS, Dataset, Model};
use ncsn_theory::schedule::{DataRange, Schedule};
use serde::Serialize;

use super::Outcome;
use super::schedule::{self, find_dataset};
use crate::cli::{CheckArgs, ReadArgs, ReportFormat};
use crate::data;
use crate::foreign::{Configuration, parse_yaml};
use crate::measure::measure;
use crate::report;
use crate::schedule_file::{FindingRow, ScheduleFile};

/// What to check and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    subject: Subject,
    overlap: Option<f64>,
    format: ReportFormat,
}

#[derive(Clone, Debug)]
enum Subject {
    Table4(Vec<&'static Dataset>),
    File { path: PathBuf, dim: Option<u64>, data: Option<(PathBuf, data::Options)> },
}

impl TryFrom<CheckArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: CheckArgs) -> Result<Self> {
        anyhow::ensure!(
            args.data.is_some() || args.read == ReadArgs::default(),
            "--size, --crop and the other options of reading need --data"
        );
        let subject = match (args.file, args.dataset) {
            (Some(path), _) => {
                let options = args.read;
                Subject::File { path, dim: args.dim, data: args.data.map(|data| (data, options.into())) }
            }
            (None, Some(name)) => Subject::Table4(vec![find_dataset(&name)?]),
            (None, None) => Subject::Table4(DATASETS.iter().collect()),
        };
        Ok(Self { subject, overlap: args.overlap, format: args.format })
    }
}

/// One schedule and what was found about it.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    dim: u64,
    sigma_max: f64,
    sigma_min: f64,
    num_levels: u64,
    steps_per_level: u64,
    epsilon: f64,
    findings: Vec<FindingRow>,
    #[serde(skip)]
    differs: bool,
}

impl Report {
    fn new(name: String, schedule: &Schedule, findings: &[Finding]) -> Self {
        Self {
            name,
            dim: schedule.dim(),
            sigma_max: schedule.range().max(),
            sigma_min: schedule.range().min(),
            num_levels: schedule.num_levels(),
            steps_per_level: schedule.steps_per_level(),
            epsilon: schedule.epsilon(),
            findings: findings.iter().map(FindingRow::from).collect(),
            differs: findings.iter().any(|finding| finding.verdict() == Verdict::Differs),
        }
    }

    fn text(&self) -> Result<String> {
        let mut text = format!(
            "{}: D = {}, sigma_max {}, sigma_min {}, L = {}, T = {}, epsilon {:e}\n",
            self.name,
            self.dim,
            self.sigma_max,
            self.sigma_min,
            self.num_levels,
            self.steps_per_level,
            self.epsilon
        );
        report::findings(&mut text, &self.findings)?;
        Ok(text)
    }
}

/// Checks and prints; the answer is no when a published number differs from what the techniques give.
///
/// # Errors
/// Files and data that cannot be read.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let reports = match &request.subject {
        Subject::Table4(datasets) => table_4(datasets, request.overlap)?,
        Subject::File { path, dim, data } => vec![file(path, *dim, data.as_ref(), request.overlap)?],
    };
    let differing = reports.iter().filter(|report| report.differs).count();
    match request.format {
        ReportFormat::Text => {
            let mut text = String::new();
            for report in &reports {
                writeln!(text, "{}", report.text()?)?;
            }
            writeln!(text, "{differing} of {} schedules differ from the techniques", reports.len())?;
            out.write_all(text.as_bytes())?;
        }
        ReportFormat::Json => {
            let json = serde_json::json!({ "schema": "ncsn.check/1", "schedules": reports });
            writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
        }
    }
    Ok(if differing == 0 { Outcome::Yes } else { Outcome::No })
}

fn table_4(datasets: &[&Dataset], overlap: Option<f64>) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let spacing = asked(Spacing::default(), overlap);
    for dataset in datasets {
        for row in dataset.published {
            let schedule = row.schedule(dataset.dim())?;
            // NCSN chose sigma_max by hand; the NCSNv2 row of the same data has it by Technique 1.
            let diameter = (row.model == Model::Ncsn).then_some(dataset.sigma_max);
            let findings = check(&schedule, spacing, diameter)?;
            reports.push(Report::new(
                format!("{} {}", row.model.name(), dataset.title),
                &schedule,
                &findings,
            ));
        }
    }
    anyhow::ensure!(!reports.is_empty(), "Table 4 has no row for {}", datasets[0].name);
    Ok(reports)
}

fn file(
    path: &Path,
    dim: Option<u64>,
    data: Option<&(PathBuf, data::Options)>,
    overlap: Option<f64>,
) -> Result<Report> {
    let stated = read_schedule(path, dim)?;
    let diameter = match data {
        Some((data, options)) => {
            let measured = measure(data, options, None, stated.range)?;
            anyhow::ensure!(
                (measured.dim(), measured.range) == (stated.schedule.dim(), stated.range),
                "{} has dimension {} and data range {}, the schedule {} and {}",
                measured.path,
                measured.dim(),
                measured.range.name(),
                stated.schedule.dim(),
                stated.range.name()
            );
            Some(measured.diameter.hi())
        }
        None => None,
    };
    let findings = check(&stated.schedule, asked(stated.spacing, overlap), diameter)?;
    Ok(Report::new(stated.name, &stated.schedule, &findings))
}

/// The overlap on the command line before that of the file.
fn asked(spacing: Spacing, overlap: Option<f64>) -> Spacing {
    Spacing { target: overlap.unwrap_or(spacing.target), ..spacing }
}

/// A schedule and what it is said to be for.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The schedule.
    pub schedule: Schedule,
    /// Name of the data set, else of the file.
    pub name: String,
    /// Units of the data.
    pub range: DataRange,
    /// What was asked of Technique 2; the paper's choice where the file does not say.
    pub spacing: Spacing,
}

/// The schedule that `schedule --dataset NAME` derives.
///
/// # Errors
/// An unknown name.
pub fn derive_schedule(name: &str) -> Result<Stated> {
    let (file, derivation) = schedule::derive(&schedule::Request::preset(name)?)?;
    let (range, spacing) = (file.range()?, file.spacing()?);
    Ok(Stated { schedule: derivation.schedule, name: file.dataset, range, spacing })
}

/// The schedule in one of our files or in a configuration of the authors' code, told apart by suffix, else by content.
///
/// # Errors
/// The path, and what is wrong with the file.
pub fn read_schedule(path: &Path, dim: Option<u64>) -> Result<Stated> {
    let context = || format!("{}", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    let yaml = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("yml" | "yaml") => true,
        Some("toml" | "json") => false,
        _ => !text.contains("ncsn.schedule/"),
    };
    if yaml {
        let Configuration { schedule, dataset, range } = parse_yaml(&text, dim).with_context(context)?;
        let name = dataset.unwrap_or_else(context);
        return Ok(Stated { schedule, name, range, spacing: Spacing::default() });
    }
    let file = ScheduleFile::parse(&text).with_context(context)?;
    anyhow::ensure!(
        dim.is_none_or(|dim| dim == file.dim),
        "{} states dimension {}, not that of --dim",
        path.display(),
        file.dim
    );
    let (schedule, range, spacing) = (file.schedule()?, file.range()?, file.spacing()?);
    Ok(Stated { schedule, name: file.dataset, range, spacing })
}
