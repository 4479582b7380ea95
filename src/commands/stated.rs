//! Schedules that somebody stated: derived for a preset, in one of our files, in a configuration of the authors' code.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ncsn_theory::schedule::check::Spacing;
use ncsn_theory::schedule::presets::Dataset;
use ncsn_theory::schedule::{DataRange, Schedule};

use super::schedule;
use crate::foreign::{self, Configuration, parse_yaml};
use ncsn_schedule::ScheduleFile;

/// A schedule and what it is said to be for.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The schedule.
    pub schedule: Schedule,
    /// Name of the data set, else of the file.
    pub name: String,
    /// The data set, where it is one with known dimension and diameter.
    pub dataset: Option<&'static Dataset>,
    /// Units of the data.
    pub range: DataRange,
    /// What was asked of Technique 2; the paper's choice where the file does not say.
    pub spacing: Spacing,
    /// Numbers that are not in the file, and where they were taken from.
    pub notes: Vec<String>,
}

/// The schedule that `schedule --dataset NAME` derives.
///
/// # Errors
/// An unknown name.
pub fn derive_schedule(name: &str) -> Result<Stated> {
    let (file, _) = schedule::derive(&schedule::Request::preset(name)?)?;
    stated(file)
}

/// What a path is called in reports: `-` is standard input.
pub fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// The schedule in one of our files or in a configuration of the authors' code, told apart by suffix, else by content.
///
/// # Arguments
/// `path` — a file, or `-` for standard input. `dim` — D, for configurations that do not state an image size.
///
/// # Errors
/// The path, and what is wrong with the file.
pub fn read_schedule(path: &Path, dim: Option<u64>) -> Result<Stated> {
    let context = || shown(path);
    let text = read_text(path).with_context(context)?;
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    let (is_yaml, is_ours) =
        (matches!(suffix, Some("yml" | "yaml")), matches!(suffix, Some("toml" | "json")));
    if suffix == Some("py") || (!is_yaml && !is_ours && foreign::is_python(&text)) {
        return Err(foreign::python()).with_context(context);
    }
    if is_ours || (!is_yaml && text.contains("ncsn.schedule/")) {
        let file = ScheduleFile::parse(&text).with_context(context)?;
        ensure!(
            dim.is_none_or(|dim| dim == file.dim),
            "{} states dimension {}, not that of --dim",
            context(),
            file.dim
        );
        return stated(file);
    }
    let Configuration { schedule, name, dataset, range, notes } =
        parse_yaml(&text, dim).with_context(context)?;
    let name = name.unwrap_or_else(context);
    Ok(Stated { schedule, name, dataset, range, spacing: Spacing::default(), notes })
}

fn read_text(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}

fn stated(file: ScheduleFile) -> Result<Stated> {
    let (schedule, range, spacing) = (file.schedule()?, file.range()?, file.spacing()?);
    // Data of one's own may lie in a folder that is called like a preset.
    let dataset = if file.provenance.data.is_none() { Dataset::find(&file.dataset) } else { None };
    Ok(Stated { schedule, name: file.dataset, dataset, range, spacing, notes: Vec::new() })
}
