//! `ncsn check`: published settings held against the techniques.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ncsn_theory::schedule::check::{Finding, Verdict, check, check_dimension};
use ncsn_theory::schedule::presets::{DATASETS, Dataset, Model, PUBLISHED_SIGMA_MIN};
use ncsn_theory::schedule::{DataRange, NoiseRange, Schedule, Spacing};
use serde::Serialize;

use super::reading::{read_schedule, shown};
use super::schedule::find_dataset;
use crate::cli::{CheckArgs, NumberArgs, ReportFormat};
use crate::measure::measure;
use crate::report;
use crate::stated::Stated;
use ncsn_data as data;
use ncsn_data::escape::one_line;
use ncsn_schedule::{FindingRow, ends};
use ncsn_shell::Outcome;
use ncsn_shell::ReadArgs;

/// What to check and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    subject: Subject,
    data: Option<(PathBuf, data::Options)>,
    overlap: Option<f64>,
    format: ReportFormat,
}

#[derive(Clone, Debug)]
enum Subject {
    Table4(Vec<&'static Dataset>),
    Files(Vec<PathBuf>, Option<u64>),
    Numbers(Box<Stated>),
}

impl TryFrom<CheckArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: CheckArgs) -> Result<Self> {
        ensure!(
            args.data.is_some() || args.read == ReadArgs::default(),
            "--size, --crop and the other options of reading need --data"
        );
        let dataset = args.dataset.as_deref().map(find_dataset).transpose()?;
        let subject = if let Some(numbers) = args.numbers {
            Subject::Numbers(Box::new(given(&numbers, dataset, args.dim)?))
        } else if !args.files.is_empty() {
            Subject::Files(args.files, args.dim)
        } else {
            let without = [("--data", args.data.is_some()), ("--dim", args.dim.is_some())];
            if let Some((flag, _)) = without.into_iter().find(|(_, is_given)| *is_given) {
                bail!("{flag} needs a file, or numbers by flags (--sigma-max and the others)");
            }
            Subject::Table4(dataset.map_or_else(|| DATASETS.iter().collect(), |dataset| vec![dataset]))
        };
        let options = args.read;
        let data = args.data.map(|path| (path, options.into()));
        Ok(Self { subject, data, overlap: args.overlap, format: args.format })
    }
}

/// The schedule that was given number by number.
fn given(numbers: &NumberArgs, dataset: Option<&'static Dataset>, dim: Option<u64>) -> Result<Stated> {
    let dim = dim.or_else(|| dataset.map(Dataset::dim)).context(
        "numbers by flags need --dim, or --dataset for the dimension and diameter of a known data set",
    )?;
    let range = NoiseRange::new(numbers.sigma_max, numbers.sigma_min.unwrap_or(PUBLISHED_SIGMA_MIN))?;
    let NumberArgs { num_levels, steps_per_level, epsilon, .. } = *numbers;
    let mut notes = Vec::new();
    if numbers.sigma_min.is_none() {
        notes.push(format!("sigma_min is not given: {PUBLISHED_SIGMA_MIN}, as in the paper"));
    }
    Ok(Stated {
        schedule: Schedule::new(dim, range, num_levels, steps_per_level, epsilon)?,
        name: Some(dataset.map_or("given".to_owned(), |dataset| format!("given for {}", dataset.title))),
        dataset,
        range: DataRange::Unit,
        spacing: Spacing::default(),
        notes,
    })
}

/// One schedule and what was found about it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The file that it was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) schedule: Schedule,
    /// Enclosure of Proposition 3's variance ratio, of one level.
    variance_ratio: [f64; 2],
    /// Enclosure of the variance ratio after all levels.
    chain_ratio: [f64; 2],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    pub(super) findings: Vec<FindingRow>,
    #[serde(skip)]
    differs: bool,
}

impl Report {
    fn new(name: String, schedule: Schedule, findings: &[Finding]) -> Self {
        Self {
            file: None,
            name,
            schedule,
            variance_ratio: ends(schedule.variance_ratio()),
            chain_ratio: ends(schedule.chain_ratio()),
            notes: Vec::new(),
            findings: findings.iter().map(FindingRow::from).collect(),
            differs: findings.iter().any(|finding| finding.verdict() == Verdict::Differs),
        }
    }

    fn text(&self) -> Result<String> {
        let schedule = &self.schedule;
        // A file that names no data set is itself the name.
        let file = self.file.as_ref().filter(|file| **file != self.name);
        let mut text = file.map_or_else(String::new, |file| format!("{}, ", one_line(file)));
        writeln!(
            text,
            "{}: D = {}, sigma_max {}, sigma_min {}, L = {}, T = {}, epsilon {:e}",
            one_line(&self.name),
            schedule.dim(),
            schedule.range().max(),
            schedule.range().min(),
            schedule.num_levels(),
            schedule.steps_per_level(),
            schedule.epsilon()
        )?;
        for note in &self.notes {
            writeln!(text, "  {:<10} {}", "note", one_line(note))?;
        }
        report::findings(&mut text, &self.findings)?;
        Ok(text)
    }
}

/// A file among several that could not be read.
#[derive(Debug, Serialize)]
struct Unread {
    file: String,
    error: String,
}

/// Checks and prints; the answer is no when a published number differs from what the techniques give.
///
/// # Errors
/// Files and data that cannot be read. Of several files the others are reported all the same.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let mut unread = Vec::new();
    let reports = match &request.subject {
        Subject::Table4(datasets) => table_4(datasets, request.overlap)?,
        Subject::Numbers(stated) => vec![report(stated, request)?],
        Subject::Files(paths, dim) => {
            let mut reports = Vec::new();
            for path in paths {
                match file(path, *dim, request) {
                    Ok(report) => reports.push(report),
                    Err(error) if paths.len() > 1 => {
                        unread.push(Unread { file: shown(path), error: format!("{error:#}") });
                    }
                    Err(error) => return Err(error),
                }
            }
            reports
        }
    };
    let differing = reports.iter().filter(|report| report.differs).count();
    match request.format {
        ReportFormat::Text => {
            let mut text = String::new();
            for report in &reports {
                writeln!(text, "{}", report.text()?)?;
            }
            for Unread { error, .. } in &unread {
                writeln!(text, "not read: {}\n", one_line(&error.replace('\n', " ")))?;
            }
            writeln!(text, "{differing} of {} schedules differ from the techniques", reports.len())?;
            out.write_all(text.as_bytes())?;
        }
        ReportFormat::Json => {
            let mut json = serde_json::json!({ "schema": "ncsn.check/1", "schedules": reports });
            if !unread.is_empty() {
                json["unread"] = serde_json::to_value(&unread)?;
            }
            writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
        }
    }
    if let Subject::Files(paths, _) = &request.subject
        && !unread.is_empty()
    {
        out.flush()?;
        bail!("{} of {} files could not be read", unread.len(), paths.len());
    }
    Ok(if differing == 0 { Outcome::Yes } else { Outcome::No })
}

/// The rows of Table 4 for some data sets, held against the techniques.
///
/// # Errors
/// Data sets without a row; those of [`check`].
pub(super) fn table_4(datasets: &[&Dataset], overlap: Option<f64>) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let spacing = asked(Spacing::default(), overlap);
    for dataset in datasets {
        for row in dataset.published {
            let schedule = row.schedule(dataset.dim())?;
            // NCSN chose sigma_max by hand; the NCSNv2 row of the same data has it by Technique 1.
            let diameter = (row.model == Model::Ncsn).then_some(dataset.sigma_max);
            let findings = check(&schedule, spacing, diameter)?;
            reports.push(Report::new(format!("{} {}", row.model, dataset.title), schedule, &findings));
        }
    }
    ensure!(!reports.is_empty(), "Table 4 has no row for {}", datasets[0].name);
    Ok(reports)
}

fn file(path: &Path, dim: Option<u64>, request: &Request) -> Result<Report> {
    let found = report(&read_schedule(path, dim)?, request)?;
    Ok(Report { file: Some(shown(path)), ..found })
}

/// Checks one schedule against the techniques, against the data set that it names, and against data.
fn report(stated: &Stated, request: &Request) -> Result<Report> {
    let schedule = &stated.schedule;
    let mut findings = Vec::new();
    findings.extend(stated.dataset.and_then(|dataset| check_dimension(schedule, dataset)));
    let diameter = match &request.data {
        Some((data, options)) => Some(measured_diameter(data, options, stated)?),
        // At another size of the images, the diameter is another, too.
        None => stated
            .dataset
            .filter(|dataset| dataset.dim() == schedule.dim())
            .map(|dataset| dataset.sigma_max * stated.range.scale()),
    };
    findings.extend(check(schedule, asked(stated.spacing, request.overlap), diameter)?);
    let found = Report::new(stated.title().to_owned(), stated.schedule, &findings);
    Ok(Report { notes: stated.notes.clone(), ..found })
}

fn measured_diameter(data: &Path, options: &data::Options, stated: &Stated) -> Result<f64> {
    let measured = measure(data, options, None, stated.range)?;
    ensure!(
        (measured.dim(), measured.range) == (stated.schedule.dim(), stated.range),
        "{} has dimension {} and data range {}, the schedule {} and {}",
        measured.path,
        measured.dim(),
        measured.range,
        stated.schedule.dim(),
        stated.range
    );
    Ok(measured.diameter.hi())
}

/// The overlap on the command line before that of the file.
fn asked(spacing: Spacing, overlap: Option<f64>) -> Spacing {
    Spacing { target: overlap.unwrap_or(spacing.target), ..spacing }
}
