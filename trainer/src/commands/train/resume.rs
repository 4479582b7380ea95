//! Going on with a run: from which checkpoint, whether it is the run's, and what becomes of later ones.

use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};

use crate::checkpoint::CHECKPOINTS;
use crate::config::{Config, differing};
use crate::train::posthoc::AVERAGES;
use crate::train::{CONFIG, State};
use crate::{Error, checkpoint};

/// Brings a new state to where a run was; leaves it where no checkpoint was saved yet.
///
/// # Arguments
/// * `run` — the run's folder
/// * `from` — name of the checkpoint, else the last. Later ones are set aside, for a run has one past, and `warn` is
///   told
///
/// # Errors
/// A name that is none; a damaged checkpoint, with the last before it that is whole; one of another run, by the keys that
/// differ.
pub(super) fn restore(
    state: &mut State,
    run: &Path,
    config: &Config,
    from: Option<&str>,
    warn: &dyn Fn(&str),
) -> Result<()> {
    let checkpoints = &run.join(CHECKPOINTS);
    checkpoint::sweep(checkpoints)?;
    let steps = checkpoint::list(checkpoints)?;
    let at = match from {
        Some(name) => steps.iter().position(|&step| checkpoint::name(step) == name),
        None => steps.len().checked_sub(1),
    };
    let Some(at) = at else {
        let Some(name) = from else { return Ok(()) };
        let names: Vec<String> = steps.into_iter().map(checkpoint::name).collect();
        bail!("--from is {name}, there are: {}", names.join(", "));
    };
    let folder = checkpoint::folder(checkpoints, steps[at]);
    let damaged = |error| or_whole_before(error, checkpoints, &steps[..=at]);
    let manifest = checkpoint::manifest(&folder).map_err(damaged)?;
    same_run(&manifest.config, config, &folder)?;
    state.restore(&folder, &manifest).map_err(damaged)?;
    for &later in &steps[at + 1..] {
        let kept = checkpoint::set_aside(checkpoints, later)?;
        warn(&format!("{} is kept as {kept}", checkpoint::name(later)));
    }
    let averages = &run.join(AVERAGES);
    checkpoint::sweep(averages)?;
    for later in checkpoint::list(averages)?.into_iter().filter(|&step| step > steps[at]) {
        // What came after the last checkpoint will come again; another past is kept.
        if from.is_some() {
            let kept = checkpoint::set_aside(averages, later)?;
            warn(&format!("{AVERAGES}/{} is kept as {kept}", checkpoint::name(later)));
        } else {
            checkpoint::remove(averages, later)?;
        }
    }
    Ok(())
}

/// The error of the last of these checkpoints; where it is damaged, with the name of the last that is not.
fn or_whole_before(error: Error, checkpoints: &Path, steps: &[u64]) -> anyhow::Error {
    let is_whole = |step: &u64| checkpoint::verify(&checkpoint::folder(checkpoints, *step)).is_ok();
    let whole = match steps.split_last() {
        Some((last, before)) if !is_whole(last) => before.iter().rev().find(|step| is_whole(step)),
        _ => None,
    };
    match whole.map(|&step| checkpoint::name(step)) {
        Some(name) => anyhow!("{error}; {name} is whole: --from {name} goes on from it"),
        None => error.into(),
    }
}

/// A checkpoint belongs to the run whose configuration lies beside it, but for what may change.
fn same_run(found: &Config, wanted: &Config, folder: &Path) -> Result<()> {
    let mut found = found.clone();
    found.training.iterations = wanted.training.iterations;
    found.records.clone_from(&wanted.records);
    found.data.train.clone_from(&wanted.data.train);
    found.data.test.clone_from(&wanted.data.test);
    let different = differing(&serde_json::to_value(&found)?, &serde_json::to_value(wanted)?);
    ensure!(
        different.is_empty(),
        "{} was written with another {} than the run's {CONFIG} has",
        folder.display(),
        different.join(", ")
    );
    Ok(())
}
