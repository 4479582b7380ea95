//! `ncsn-trainer diagnose`.

use std::io::Write;

use anyhow::Result;
use ncsn_data::escape::one_line;
use ncsn_shell::Outcome;
use ncsn_theory::langevin::Annealing;
use serde_json::json;
use tch::{Device, Tensor};

use crate::Error;
use crate::cli::{DiagnoseArgs, Format};
use crate::config::{Config, Data};
use crate::dataset::{self, HeldOut, Wish};
use crate::diagnose::{Probe, Row, Trajectory, measure, spread, trajectory};
use crate::sample::{self, Noise, Streams};
use crate::source::Trained;

/// Levels shown without --all.
const SHOWN: usize = 20;
/// Streams of the noise that perturbs items; sampling uses those from 0 on.
const PROBE_STREAM: u64 = 1 << 40;

/// Measures level by level, and writes a table.
///
/// # Errors
/// A checkpoint or data that cannot be read, more states than fit, those of writing.
pub fn run(args: &DiagnoseArgs, out: &mut dyn Write) -> Result<Outcome> {
    let num = super::within("num", args.num, 1 << 20)?;
    let batch = super::within("batch", args.sampling.chain.batch, 1 << 20)?;
    let (device, precision) = super::set_up(&args.sampling.chain.device)?;
    let trained = super::open(&args.trained, device, precision)?;
    let annealing = super::annealing(&trained.config, &args.sampling.chain, !args.sampling.no_denoise)?;
    let levels = annealing.schedule.num_levels() as usize;
    let chosen = spread(levels, if args.all { levels } else { SHOWN });
    let found = items(args, &trained)?;
    let run = sampled(args, &trained, &annealing, &chosen, device)?;
    let (source, items) = found.unwrap_or_else(|| ("own samples".to_owned(), run.last.shallow_clone()));
    let item = &trained.network.shape().item;
    let streams = PROBE_STREAM..PROBE_STREAM + items.size()[0] as u64;
    let mut noise = Streams::new(args.sampling.chain.seed, streams, item, Device::Cpu);
    let mut probe = Probe { items: &items, noise: &mut noise, batch: batch as i64, device };
    let score = &mut |x: &Tensor, sigma: f64| sample::score_at(&trained.network, x, sigma);
    let rows = chosen
        .iter()
        .zip(&run.states)
        .map(|(&level, state)| measure(score, &annealing.schedule, level, [state, &run.last], &mut probe));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let evaluations = annealing.score_evaluations();
    match args.format {
        Format::Json => {
            let all = json!({"schema": "ncsn.diagnosis/2", "preset": trained.config.preset, "step": trained.step,
                "dim": trained.network.shape().dim(), "samples": num, "items": items.size()[0], "item_source": source,
                "evaluations_per_sample": evaluations, "levels": rows});
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            writeln!(
                out,
                "{} after step {}: {num} samples of {evaluations} score evaluations; {} items: {}",
                trained.config.preset,
                trained.step,
                items.size()[0],
                one_line(&source)
            )?;
            table(&rows, out)?;
        }
    }
    Ok(Outcome::Yes)
}

/// Samples in batches, keeping the states after the chosen levels.
fn sampled(
    args: &DiagnoseArgs,
    trained: &Trained,
    annealing: &Annealing,
    chosen: &[usize],
    device: Device,
) -> Result<Trajectory, Error> {
    let score = &mut |x: &Tensor, sigma: f64| sample::score_at(&trained.network, x, sigma);
    let item = &trained.network.shape().item;
    let runs = super::in_batches("samples", args.num, args.sampling.chain.batch, |numbers, each| {
        let mut streams = Streams::new(args.sampling.chain.seed, numbers, item, device);
        let x = streams.start(annealing.schedule.range().max())?;
        trajectory(score, annealing, chosen, x, &mut Noise::Streams(streams), each)
    })?;
    let together =
        |part: &dyn Fn(&Trajectory) -> &Tensor| Tensor::cat(&runs.iter().map(part).collect::<Vec<_>>(), 0);
    Ok(Trajectory {
        states: (0..chosen.len()).map(|k| together(&|run| &run.states[k])).collect(),
        last: together(&|run| &run.last),
    })
}

/// Clean items and where they are from, as stored; none where the run's data are not built in.
fn items(args: &DiagnoseArgs, trained: &Trained) -> Result<Option<(String, Tensor)>, Error> {
    let Config { preset, data, .. } = &trained.config;
    let built_in = data.train.is_none() && ["shapes", "mixture2d"].contains(&preset.as_str());
    let source = match &args.data {
        Some(path) => path.display().to_string(),
        None if built_in => format!("built-in data of {preset}"),
        None => return Ok(None),
    };
    let data = Data { train: args.data.clone(), test: None, held_out: 0, ..data.clone() };
    let items = dataset::open(&data, &Wish::of(&trained.config, HeldOut::Exactly))?.train;
    // Evenly spread, for data are often sorted.
    let count = (args.num as usize).min(items.len());
    let numbers: Vec<usize> = (0..count).map(|k| k * items.len() / count).collect();
    Ok(Some((source, items.read(&numbers)?.tensor(items.shape(), Device::Cpu)?)))
}

/// The rows, and how to read them.
fn table(rows: &[Row], out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "{:>5} {:>10} {:>22} {:>22} {:>9} {:>10} {:>7} {:>7}",
        "level", "sigma", "|x - x_final|", "norm of noise", "ratio", "predicted", "score", "loss"
    )?;
    let spread = |mean: f64, sd: f64| format!("{mean:.4} ± {sd:.4}");
    for row in rows {
        writeln!(
            out,
            "{:>5} {:>10.5} {:>22} {:>22} {:>9.4} {:>10.4} {:>7.4} {:>7.4}",
            row.level,
            row.sigma,
            spread(row.distance, row.distance_sd),
            spread(row.noise_norm, row.noise_norm_sd),
            row.variance_ratio,
            row.predicted_ratio,
            row.score_norm,
            row.loss
        )?;
    }
    writeln!(
        out,
        "ratio: mean |x - x_final|^2/(D sigma^2), near Proposition 3's prediction in the chain of levels where what \
         follows only takes the noise away; score: rms sigma |s|/sqrt(D); score^2 + loss = 1 for an exact score"
    )?;
    Ok(())
}
