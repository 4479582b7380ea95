//! `ncsn-trainer interpolate`.

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_shell::Outcome;
use ncsn_shell::output;
use ncsn_theory::langevin::Annealing;
use tch::{Device, Tensor};

use crate::Error;
use crate::cli::InterpolateArgs;
use crate::sample::{self, annealed_langevin};
use crate::sheet::Sheet;
use crate::source::Trained;

/// Samples rows of images, and writes what was asked for.
///
/// # Errors
/// A checkpoint that cannot be read, counts out of range, files that cannot be written.
pub fn run(args: &InterpolateArgs, out: &mut dyn Write) -> Result<Outcome> {
    ensure!(
        args.grid.is_some() || args.output.is_some(),
        "nothing to write: give --grid FILE.png or --output FILE"
    );
    output::check(&[
        ("--grid", args.grid.as_deref(), &["png"]),
        ("--output", args.output.as_deref(), super::VALUES),
    ])?;
    let pairs = super::within("pairs", args.pairs, 1 << 20)?;
    let count = super::within("count", args.count, 1 << 10)? as i64;
    let batch = super::within("batch", args.sampling.chain.batch, 1 << 20)?;
    let (device, precision) = super::set_up(&args.sampling.chain.device)?;
    let trained = super::open(&args.trained, device, precision)?;
    let item = &trained.network.shape().item;
    ensure!(item.len() == 3 || args.grid.is_none(), "vectors are no pictures: give --output FILE");
    let annealing = super::annealing(&trained.config, &args.sampling.chain, !args.sampling.no_denoise)?;
    let seed = args.sampling.chain.seed;
    let [starts, images] = rows(&trained, &annealing, seed, pairs, count, batch, device)?;
    let mut written = Vec::new();
    if let Some(path) = &args.grid {
        written.push(super::write_sheet(path, &Sheet::with_columns(&images, count as usize + 2)?)?);
    }
    if let Some(path) = &args.output {
        let rows = images.view([&[pairs as i64, count + 2], &item[..]].concat().as_slice());
        // 'sample --init' with the same seed makes the ends of all rows from these.
        let starts = starts.view(rows.size().as_slice()).narrow(1, 0, 2).flatten(0, 1);
        written.push(super::write_values(path, &[("samples", &rows), ("x0", &starts)])?);
    }
    writeln!(
        out,
        "{pairs} rows of {} images after step {} of {} ({} score evaluations each): {}",
        count + 2,
        trained.step,
        trained.config.preset,
        annealing.score_evaluations(),
        written.join(", ")
    )?;
    Ok(Outcome::Yes)
}

/// Where rows of `count` images between two samples start, and the images, each `[pairs·(count + 2), …]` on the CPU.
pub(super) fn rows(
    trained: &Trained,
    annealing: &Annealing,
    seed: u64,
    pairs: u64,
    count: i64,
    batch: u64,
    device: Device,
) -> Result<[Tensor; 2], Error> {
    let item = &trained.network.shape().item;
    let score = &mut |x: &Tensor, sigma: f64| sample::score_at(&trained.network, x, sigma);
    let sigma_max = annealing.schedule.range().max();
    let at_once = (batch / (count as u64 + 2)).max(1);
    let mut starts = Vec::new();
    let images = super::in_batches("rows", pairs, at_once, |rows, each| {
        let (x, mut noise) = sample::rows(seed, rows, count, item, sigma_max, device)?;
        starts.push(x.to_device(Device::Cpu));
        let x = annealed_langevin(score, annealing, x, &mut noise, &mut |at| {
            each(at.done, at.total);
            true
        })?;
        Ok(x.to_device(Device::Cpu))
    })?;
    Ok([starts, images].map(|parts| Tensor::cat(&parts, 0)))
}
