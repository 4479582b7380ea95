//! `ncsn-trainer select`: the best of a run's checkpoints, by the Fréchet distance of a few samples.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ncsn_data::escape;
use ncsn_shell::Outcome;
use ncsn_theory::langevin::Annealing;
use serde_json::json;
use tch::{Device, Tensor};

use super::evaluate::{Side, Taking, measured, open_statistics};
use crate::checkpoint::{self, CHECKPOINTS};
use crate::cli::{Format, SelectArgs};
use crate::config::Config;
use crate::dataset::{self, HeldOut, Wish};
use crate::evaluate::features::{self, Features};
use crate::evaluate::foreign::Which;
use crate::evaluate::frechet::Law;
use crate::evaluate::selection::{Conditions, Measured, Record, best};
use crate::evaluate::statistics::{self, Moments, Statistics};
use crate::source::{self, Opening, Trained};
use crate::train::CONFIG;
use crate::weights::Weights;
use crate::{Error, figures, sample, sheet};

/// Name of the best checkpoint's folder in a run's, which training does not remove.
const BEST: &str = "best";
/// Name of the curves in a run's folder.
const CURVES: &str = "selection.svg";

/// What samples are compared with.
struct Target {
    features: Features,
    statistics: Statistics,
    /// SHA-256 of the data, or of the file of statistics.
    digest: String,
    notes: Vec<String>,
}

/// Measures what is not measured yet, marks the best, draws the curves.
///
/// # Errors
/// A run without checkpoints; data, weights or statistics that cannot be read or do not fit.
pub fn run(args: &SelectArgs, out: &mut dyn Write) -> Result<Outcome> {
    select(args, out)?;
    Ok(Outcome::Yes)
}

/// As [`run`]; the measurements, in the order of their steps.
///
/// # Errors
/// As [`run`].
pub(super) fn select(args: &SelectArgs, out: &mut dyn Write) -> Result<Vec<Measured>> {
    let num = super::within("num", args.num, 1 << 24)?;
    ensure!(num >= 2, "num is {num}, allowed: at least 2");
    super::within("batch", args.chain.batch, 1 << 20)?;
    let config = Config::read(&args.run.join(CONFIG))?;
    let checkpoints = args.run.join(CHECKPOINTS);
    let steps = checkpoint::list(&checkpoints)?;
    ensure!(!steps.is_empty(), "{} holds no checkpoint, nothing to select", escape::path(&checkpoints));
    let (device, precision) = super::set_up(&args.chain.device)?;
    let target = target(args, &config, device)?;
    let mut law = None;
    let mut record = Record::open(&args.run)?;
    let mut found = Vec::new();
    let total = steps.len() * 2;
    for (number, (&step, weights)) in
        steps.iter().flat_map(|step| [Weights::Ema, Weights::Raw].map(|weights| (step, weights))).enumerate()
    {
        let folder = checkpoint::folder(&checkpoints, step);
        let manifest = checkpoint::manifest(&folder)?;
        // Denoising is measured apart.
        let annealing = super::annealing(&manifest.config, &args.chain, false)?;
        let conditions = Conditions {
            num,
            seed: args.chain.seed,
            features: target.features.identity(),
            data: target.digest.clone(),
            steps_per_level: annealing.schedule.steps_per_level(),
            epsilon: annealing.schedule.epsilon(),
            precision,
        };
        if let Some(known) = record.find(&manifest.tensors_sha256, weights, &conditions) {
            found.push(known.clone());
            continue;
        }
        let what = format!("step {step}, {weights} weights ({} of {total})", number + 1);
        let trained = source::open(&folder, None, Opening { weights, device, precision })?;
        let [plain, denoised] = samples(&trained, annealing, args, &what, &target.features, device)?;
        let law = match &mut law {
            Some(law) => law,
            none => none.insert(Law::new(&target.statistics)?),
        };
        let measured = Measured {
            step,
            weights,
            tensors: manifest.tensors_sha256,
            conditions,
            plain: law.distance(&plain)?,
            denoised: law.distance(&denoised)?,
        };
        record.add(measured.clone())?;
        found.push(measured);
    }
    let best = best(&found).context("nothing was measured")?;
    keep(&checkpoint::folder(&checkpoints, best.step), &args.run.join(BEST))?;
    let curves = args.run.join(CURVES);
    let figure = figures::selection(&found);
    sheet::write(&curves, figure.svg().as_bytes()).map_err(Error::file(&curves))?;
    report(args, &found, best, &target, out)?;
    Ok(found)
}

/// The run's training data, or what --data names, as statistics of features; those of a run's data are kept beside it.
fn target(args: &SelectArgs, config: &Config, device: Device) -> Result<Target> {
    let features = Features::open(args.features.source(), device)?;
    if let Some(path) = &args.data {
        ensure!(
            statistics::is_statistics(path),
            "{} is no file of statistics, as 'evaluate --statistics', pytorch-fid or EDM2 write them; without --data \
             samples are compared with the run's training data",
            escape::path(path)
        );
        let features = features.for_shape(&config.network.item);
        let (features, statistics, note) = open_statistics(path, features, args.array.as_deref())?;
        let (found, own) = (statistics.dim(), features.dim(&config.network.item)?);
        ensure!(found == own, "{} holds {found} features, samples of the run have {own}", escape::path(path));
        let notes = note.into_iter().collect();
        return Ok(Target { features, statistics, digest: checkpoint::sha256(path)?, notes });
    }
    let split = dataset::open(&config.data, &Wish::of(config, HeldOut::Exactly))?;
    let features = features.fitting(&split.train)?;
    let identity = features.identity();
    let digest = split.digest;
    // A name for each pair of data and features: statistics of others are never taken for these.
    let name = format!("{identity} {digest}").replace(' ', "-");
    let path = args.run.join("statistics").join(format!("{name}.safetensors"));
    if path.exists() {
        let statistics = Statistics::read(&path, &identity, Which::default())?;
        return Ok(Target { features, statistics, digest, notes: Vec::new() });
    }
    let taking = Taking { features: &features, batch: args.chain.batch, device, spatial: false };
    let Side { statistics, note, .. } = measured("data", &split.train, taking, &mut |_| Ok(()))?;
    let folder = args.run.join("statistics");
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    statistics.write(&path, &identity)?;
    Ok(Target { features, statistics, digest, notes: note.into_iter().collect() })
}

/// Statistics of samples as Langevin dynamics leaves them, and after the denoising step.
fn samples(
    trained: &Trained,
    annealing: Annealing,
    args: &SelectArgs,
    what: &str,
    features: &Features,
    device: Device,
) -> Result<[Statistics; 2]> {
    let dim = features.dim(&trained.network.shape().item)?;
    let mut moments = [Moments::new(dim, device)?, Moments::new(dim, device)?];
    super::in_batches(what, args.num, args.chain.batch, |numbers, each| {
        let plain = super::drawn(trained, annealing, args.chain.seed, numbers, device, each)?;
        let score = &mut |x: &Tensor, sigma: f64| sample::score_at(&trained.network, x, sigma);
        let denoised = sample::denoised(score, &plain, annealing.schedule.range().min())?;
        for (moments, x) in moments.iter_mut().zip([plain, denoised]) {
            let compared = features::as_compared(x.to_device(Device::Cpu), features)?;
            moments.add(&features.of(&compared.items, device)?);
        }
        Ok(())
    })
    .with_context(|| what.to_owned())?;
    let [plain, denoised] = moments;
    Ok([plain.finish()?, denoised.finish()?])
}

/// Makes the best checkpoint's files those of a folder of its own: links, or copies where the file system has none.
fn keep(checkpoint: &Path, best: &Path) -> Result<(), Error> {
    let beside = |mark: &str| -> PathBuf { best.with_file_name(format!(".{mark}-{BEST}")) };
    let (unfinished, removed) = (beside("unfinished"), beside("removed"));
    for left in [&unfinished, &removed] {
        if left.exists() {
            fs::remove_dir_all(left).map_err(Error::file(left))?;
        }
    }
    fs::create_dir(&unfinished).map_err(Error::file(&unfinished))?;
    for name in [checkpoint::TENSORS, checkpoint::MANIFEST] {
        let (from, to) = (checkpoint.join(name), unfinished.join(name));
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).map_err(Error::file(&to))?;
    }
    if best.exists() {
        fs::rename(best, &removed).map_err(Error::file(best))?;
    }
    fs::rename(&unfinished, best).map_err(Error::file(best))?;
    if removed.exists() {
        fs::remove_dir_all(&removed).map_err(Error::file(&removed))?;
    }
    Ok(())
}

fn report(
    args: &SelectArgs,
    found: &[Measured],
    best: &Measured,
    target: &Target,
    out: &mut dyn Write,
) -> Result<()> {
    let (distance, denoised) = best.better();
    let path = args.run.join(BEST);
    let mut notes = target.notes.clone();
    if args.num <= target.statistics.dim() as u64 {
        notes.push(format!(
            "no more samples than the {} features: distances are too large, and comparable at this number only",
            target.statistics.dim()
        ));
    }
    match args.format {
        Format::Json => {
            let all = json!({"schema": "ncsn.selection/1", "features": target.features.name(), "samples": args.num,
                "measured": found, "notes": notes, "best": {"step": best.step, "weights": best.weights,
                "denoised": denoised, "distance": distance, "checkpoint": path}});
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            writeln!(
                out,
                "Fréchet distance of {} samples to the data, by {} features: {}",
                args.num,
                target.statistics.dim(),
                target.features.name()
            )?;
            writeln!(out, "{:>9}  {:<8} {:>14} {:>14}", "step", "weights", "not denoised", "denoised")?;
            for row in found {
                let mark = |here: bool| if here && row == best { "<" } else { " " };
                writeln!(
                    out,
                    "{:>9}  {:<8} {:>13.4}{} {:>13.4}{}",
                    row.step,
                    row.weights.to_string(),
                    row.plain.distance,
                    mark(!denoised),
                    row.denoised.distance,
                    mark(denoised)
                )?;
            }
            for note in notes {
                writeln!(out, "note: {note}")?;
            }
            writeln!(
                out,
                "best: step {}, {} weights, {}, kept in {}; curves in {}",
                best.step,
                best.weights,
                if denoised { "denoised" } else { "not denoised" },
                escape::path(&path),
                escape::path(&args.run.join(CURVES))
            )?;
        }
    }
    Ok(())
}
