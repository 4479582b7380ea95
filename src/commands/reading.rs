//! Schedules derived for a preset, or read from one of our files or a configuration of the authors' code.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ncsn_schedule::ScheduleFile;

use super::schedule;
use crate::foreign::{self, parse_yaml};
use crate::stated::Stated;

/// The schedule that `schedule --dataset NAME` derives.
///
/// # Errors
/// An unknown name.
pub fn derive_schedule(name: &str) -> Result<Stated> {
    let (file, _) = schedule::derive(&schedule::Request::preset(name)?)?;
    Ok(file.into())
}

/// What a path is called in reports: `-` is standard input.
#[must_use]
pub fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// The schedule in one of our files or in a configuration of the authors' code, told apart by suffix, else by content.
///
/// # Arguments
/// * `path` — a file, or `-` for standard input
/// * `dim` — D, for configurations that do not state an image size
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
            dim.is_none_or(|dim| dim == file.schedule.dim()),
            "{} states dimension {}, not that of --dim",
            context(),
            file.schedule.dim()
        );
        return Ok(file.into());
    }
    let stated = parse_yaml(&text, dim).with_context(context)?;
    Ok(Stated { name: stated.name.or_else(|| Some(context())), ..stated })
}

fn read_text(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}
