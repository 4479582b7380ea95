//! `ncsn-trainer select`: the best of a run's checkpoints, by the Fréchet distance of a few samples.

mod target;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ncsn_data::escape;
use ncsn_shell::Outcome;
use ncsn_theory::langevin::Annealing;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::peers;
use crate::checkpoint::{self, CHECKPOINTS};
use crate::cli::{Format, SelectArgs};
use crate::config::Config;
use crate::evaluate::features::{self, Features};
use crate::evaluate::frechet::Law;
use crate::evaluate::selection::{Conditions, Measured, Record, best};
use crate::evaluate::statistics::{Moments, Statistics};
use crate::peers::{Peers, Place};
use crate::sample::{self, Told};
use crate::source::{self, Opening, Trained};
use crate::train::CONFIG;
use crate::weights::Weights;
use crate::{Error, figures, sheet};
use target::{Aim, Target};

/// Name of the best checkpoint's folder in a run's, which training does not remove.
const BEST: &str = "best";
/// Name of the curves in a run's folder.
const CURVES: &str = "selection.svg";

/// Measures what is not measured yet, marks the best, draws the curves; of several processes, each draws samples, and the first
/// writes.
///
/// # Errors
/// A run without checkpoints; data, weights or statistics that cannot be read or do not fit.
pub fn run(args: &SelectArgs, out: &mut dyn Write) -> Result<Outcome> {
    peers::outcome(select(args, out), |_| Ok(Outcome::Yes))
}

/// As [`run`]; the measurements, in the order of their steps: for the first process.
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
    let place = Place::of_environment()?;
    let (device, precision) = super::set_up_at(&args.chain.device, place.as_ref())?;
    let aim = Aim::open(args, &config, device)?;
    let known = Record::read(&args.run)?;
    let about = json!({"num": num, "steps": steps, "chain": [args.chain.batch, args.chain.seed],
        "features": aim.features.identity(), "data": aim.digest, "known": known.len(), "statistics": aim.is_known()});
    let peers = peers::meet(place.as_ref(), (device, precision), &about, peers::PATIENCE)?;
    let target = aim.take(args, device, &peers)?;
    let mut record = peers.is_first().then(|| Record::open(&args.run)).transpose()?;
    let mut law = None;
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
        if let Some(known) =
            known.iter().find(|known| known.is_of(&manifest.tensors_sha256, weights, &conditions))
        {
            found.push(known.clone());
            continue;
        }
        let what = format!("step {step}, {weights} weights ({} of {total})", number + 1);
        let trained = source::open(&folder, None, Opening { weights, device, precision })?;
        let samples = samples(&trained, annealing, args, &what, &target.features, &peers)?;
        let (Some([plain, denoised]), Some(statistics), Some(record)) =
            (samples, &target.statistics, &mut record)
        else {
            continue;
        };
        let law = match &mut law {
            Some(law) => law,
            none => none.insert(Law::new(statistics)?),
        };
        let measured = Measured {
            step,
            weights,
            tensors: manifest.tensors_sha256,
            conditions,
            plain: law.distance(&plain)?,
            denoised: law.distance(&denoised)?,
        };
        record.add(&measured)?;
        found.push(measured);
    }
    let is_first = peers.is_first();
    peers.leave()?;
    if !is_first {
        return Ok(found);
    }
    let best = best(&found).context("nothing was measured")?;
    keep(&checkpoint::folder(&checkpoints, best.step), &args.run.join(BEST))?;
    let curves = args.run.join(CURVES);
    let figure = figures::selection(&found);
    sheet::write(&curves, figure.svg().as_bytes()).map_err(Error::file(&curves))?;
    let dim = target.features.dim(&config.network.item)?;
    report(args, &found, best, &target, dim, out)?;
    Ok(found)
}

/// Statistics of samples as Langevin dynamics leaves them, and after the denoising step, for the first process.
fn samples(
    trained: &Trained,
    annealing: Annealing,
    args: &SelectArgs,
    what: &str,
    features: &Features,
    peers: &Peers,
) -> Result<Option<[Statistics; 2]>> {
    let device = trained.network.device();
    let dim = features.dim(&trained.network.shape().item)?;
    let mut moments = [Moments::new(dim, device)?, Moments::new(dim, device)?];
    let batch = args.chain.batch;
    super::in_batches(what, args.num, batch * peers.size() as u64, |round, each| {
        let own = peers.batch(&round, batch);
        let (first, count) = ((own.start - round.start) as usize, (round.end - round.start) as usize);
        let none = || Tensor::f_zeros([0, dim], (Kind::Float, device));
        let parts = if own.is_empty() {
            [none()?, none()?]
        } else {
            let plain = super::drawn(trained, annealing, args.chain.seed, own.clone(), device, each)?;
            let score = &mut Told::all(trained.network.shape()).score(&trained.network, own);
            let denoised = sample::denoised(score, &plain, annealing.schedule.range().min())?;
            let features_of = |x: &Tensor| {
                let compared = features::as_compared(x.to_device(Device::Cpu), features)?;
                features.of(&compared.items, device)
            };
            [features_of(&plain)?, features_of(&denoised)?]
        };
        for (moments, part) in moments.iter_mut().zip(parts) {
            let all = peers.all_gather(&part, first, count)?;
            if peers.is_first() {
                moments.add(&all);
            }
        }
        Ok(())
    })
    .with_context(|| what.to_owned())?;
    if !peers.is_first() {
        return Ok(None);
    }
    let [plain, denoised] = moments;
    Ok(Some([plain.finish()?, denoised.finish()?]))
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
    dim: i64,
    out: &mut dyn Write,
) -> Result<()> {
    let (distance, denoised) = best.better();
    let path = args.run.join(BEST);
    let mut notes = target.notes.clone();
    if args.num <= dim as u64 {
        notes.push(format!(
            "no more samples than the {dim} features: distances are too large, and comparable at this number only"
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
                dim,
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
