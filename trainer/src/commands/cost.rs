//! `ncsn-trainer cost`: what training and sampling as published take on this device (Table 6).

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_shell::Outcome;
use serde::Serialize;

use crate::bench::{Timing, bench};
use crate::cli::{CostArgs, Format};
use crate::presets;
use crate::train::duration;

/// Table 6: data set, devices, minutes for a batch of samples, hours of training.
const PUBLISHED: [(&str, &str, f64, f64); 6] = [
    ("cifar10", "2 V100", 2.0, 22.0),
    ("celeba", "4 V100", 7.0, 29.0),
    ("church", "8 V100", 17.0, 52.0),
    ("bedroom", "8 V100", 19.0, 52.0),
    ("tower", "8 V100", 19.0, 52.0),
    ("ffhq", "8 V100", 50.0, 41.0),
];

/// A row of the table.
#[derive(Debug, Serialize)]
struct Row {
    preset: String,
    device: String,
    precision: String,
    /// Items of a step as measured, and as published.
    batch: [u64; 2],
    iterations: u64,
    /// Score evaluations for a sample.
    evaluations: u64,
    peak_memory_bytes: u64,
    /// Seconds of a training step and of a Langevin step with the batch measured: median, least, most.
    train_step_s: [f64; 3],
    langevin_step_s: [f64; 3],
    /// Seconds of all of it as published, extrapolated from these: median, least, most.
    training_s: [f64; 3],
    sampling_s: [f64; 3],
    published: Option<Published>,
}

/// What Table 6 says.
#[derive(Debug, Serialize)]
struct Published {
    devices: &'static str,
    training_s: f64,
    sampling_s: f64,
}

/// Measures each preset, and writes a table.
///
/// # Errors
/// Unknown presets, want of memory.
pub fn run(args: &CostArgs, out: &mut dyn Write) -> Result<Outcome> {
    ensure!((2..=1000).contains(&args.repeats), "repeats is {}, allowed: 2 to 1000", args.repeats);
    let (device, precision) = super::set_up(&args.device)?;
    let names = if args.preset.is_empty() {
        PUBLISHED.iter().map(|(name, ..)| (*name).to_owned()).collect()
    } else {
        args.preset.clone()
    };
    let configs = names.iter().map(|name| presets::find(name)).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    for (name, mut config) in names.into_iter().zip(configs) {
        let batch = config.training.batch;
        config.training.batch = args.batch.unwrap_or(batch);
        config.check()?;
        let report = bench(&config, device, precision, args.repeats, None)?;
        let (iterations, schedule) = (config.training.iterations, config.schedule());
        let evaluations = schedule.num_levels() * schedule.steps_per_level() + 1;
        // Another batch than the published one is taken to have the same throughput.
        let scale = batch as f64 / report.batch as f64;
        let all = |timing: [f64; 3], times: u64| timing.map(|seconds| seconds * times as f64 * scale);
        let (train, langevin) = (spread(report.train_step), spread(report.langevin_step));
        let published = PUBLISHED.iter().find(|row| row.0 == name);
        rows.push(Row {
            preset: name,
            device: report.device,
            precision: report.precision,
            batch: [report.batch, batch],
            iterations,
            evaluations,
            peak_memory_bytes: report.peak_memory_bytes,
            train_step_s: train,
            langevin_step_s: langevin,
            training_s: all(train, iterations),
            sampling_s: all(langevin, evaluations),
            published: published.map(|&(_, devices, minutes, hours)| Published {
                devices,
                training_s: 3600.0 * hours,
                sampling_s: 60.0 * minutes,
            }),
        });
        if args.format == Format::Text {
            write_row(&rows, args.repeats, out)?;
        }
    }
    if args.format == Format::Json {
        let all = serde_json::json!({"schema": "ncsn.cost/1", "repeats": args.repeats, "rows": rows});
        writeln!(out, "{all:#}")?;
    }
    Ok(Outcome::Yes)
}

fn spread(timing: Timing) -> [f64; 3] {
    [timing.median_s, timing.min_s, timing.max_s]
}

/// The last row, as soon as it is there; before the first, what the table is.
fn write_row(rows: &[Row], repeats: usize, out: &mut dyn Write) -> Result<()> {
    let [.., row] = rows else { return Ok(()) };
    if rows.len() == 1 {
        writeln!(
            out,
            "training and one batch of samples as published, on {} in {}: extrapolated from {repeats} steps of each, \
             [least, most] of them",
            row.device, row.precision
        )?;
    }
    let time = |[median, least, most]: [f64; 3]| {
        format!("{} [{}, {}]", duration(median), duration(least), duration(most))
    };
    let Row { preset, batch: [measured, batch], iterations, evaluations, .. } = row;
    let scaled = if measured == batch {
        String::new()
    } else {
        format!(", measured with {measured} and taken to have the same throughput")
    };
    writeln!(out, "{preset}: batch {batch}{scaled}, {:.1} GB", row.peak_memory_bytes as f64 / 1e9)?;
    writeln!(out, "  training  {iterations} steps      {}", time(row.training_s))?;
    writeln!(out, "  sampling  {evaluations} evaluations  {}", time(row.sampling_s))?;
    if let Some(published) = &row.published {
        writeln!(
            out,
            "  Table 6   {}: training {}, sampling {}",
            published.devices,
            duration(published.training_s),
            duration(published.sampling_s)
        )?;
    }
    Ok(out.flush()?)
}
