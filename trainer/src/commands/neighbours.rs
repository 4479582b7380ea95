//! `ncsn-trainer neighbours`.

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_shell::Outcome;
use ncsn_shell::output;
use serde_json::json;
use tch::{Device, Tensor};

use super::evaluate::Compared;
use crate::Error;
use crate::cli::{Format, NeighboursArgs};
use crate::dataset::{Items, Units};
use crate::evaluate::features::{self, Batch, Clamped, Features};
use crate::evaluate::neighbours::{Nearest, Neighbour};
use crate::sheet::Sheet;

/// Items that are compared at once where their values are their features, and values of them.
const BATCH: u64 = 1024;
const BATCH_VALUES: u64 = 1 << 22;

/// Finds neighbours, and writes a table and a sheet.
///
/// # Errors
/// Samples, data or weights that cannot be read or do not fit together; --flip or --grid for vectors.
pub fn run(args: &NeighboursArgs, out: &mut dyn Write) -> Result<Outcome> {
    let comparison = &args.comparison;
    output::check(&[("--grid", args.grid.as_deref(), &["png"])])?;
    let device = super::evaluate::device(comparison)?;
    let features = Features::open(comparison.inception.as_deref(), device)?;
    let Compared { features, samples, data, mut notes } = super::evaluate::open(comparison, features)?;
    let is_image = samples.shape().len() == 3;
    ensure!(is_image || !args.flip, "--flip is for images; the samples are vectors");
    ensure!(is_image || args.grid.is_none(), "--grid is for images; the samples are vectors");
    let num = super::within("num", args.num, samples.len() as u64)? as usize;
    let count = super::within("count", args.count, data.len() as u64)? as usize;
    let chosen = features::read(&samples, &(0..num).collect::<Vec<_>>(), &features)?;
    // An item's mirror image is as far from a sample as the item is from the sample's; features have no such law.
    let mirrors_samples = args.flip && !matches!(features, Features::Inception(..));
    let mirrored = mirrors_samples.then(|| features.vectors(&chosen.items.flip([3]), device)).transpose()?;
    let own = features.vectors(&chosen.items, device)?;
    let dim = features.dim(samples.shape()) as usize;
    let mut nearest = Nearest::new(own, mirrored, dim, count, device)?;
    let mut clamped = Clamped::default();
    let total = data.len() as u64;
    let batch = match &features {
        Features::Inception(..) => comparison.batch,
        _ => comparison.batch.max(BATCH.min(BATCH_VALUES / dim as u64)),
    };
    super::in_batches("data", total, batch, |numbers, each| {
        let done = numbers.end;
        let numbers = scattered(numbers.start, batch, total);
        if args.flip && !mirrors_samples {
            let Batch { items, clamped: more } = features::read(&data, &numbers, &features)?;
            clamped = clamped.and(more);
            nearest.add(&features.vectors(&items, device)?, &numbers, false)?;
            nearest.add(&features.vectors(&items.flip([3]), device)?, &numbers, true)?;
        } else {
            let (vectors, more) = features::read_vectors(&data, &numbers, &features, device)?;
            clamped = clamped.and(more);
            nearest.add(&vectors, &numbers, false)?;
        }
        each(done, total);
        Ok(())
    })?;
    let found = nearest.finish();
    let sheet = match &args.grid {
        Some(path) => {
            let (images, columns) = rows(&chosen.items, &data, &found, &features)?;
            let shown = match (&features, data.units()?) {
                (Features::Values, Units::Floats([least, most])) if most > least => {
                    notes.push(format!("the sheet shows {least} as black and {most} as white"));
                    (images - least) / (most - least)
                }
                _ => images,
            };
            Some(super::write_sheet(path, &Sheet::with_columns(&shown, columns)?)?)
        }
        None => None,
    };
    let dim = samples.shape().iter().product::<i64>() as u64;
    let clamped = [("samples", chosen.clamped, num as u64), ("data", clamped, total)];
    notes.extend(clamped.into_iter().filter_map(|(what, clamped, items)| clamped.note(what, items * dim)));
    match comparison.format {
        Format::Json => {
            let rows: Vec<_> = found.iter().map(|row| row.iter().map(object).collect::<Vec<_>>()).collect();
            let all = json!({"schema": "ncsn.neighbours/1", "features": features.name(), "data": data.len(),
                "notes": notes, "neighbours": rows});
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            writeln!(
                out,
                "{:>6} {:>8} {:>12}  of {} items, by {}",
                "sample",
                "nearest",
                "distance",
                data.len(),
                features.name()
            )?;
            for (sample, row) in found.iter().enumerate() {
                let Neighbour { item, mirrored, distance } = row[0];
                let mirrored = if mirrored { "  mirrored" } else { "" };
                writeln!(out, "{sample:>6} {item:>8} {distance:>12.4}{mirrored}")?;
            }
            for note in notes {
                writeln!(out, "{note}")?;
            }
            if let Some(sheet) = sheet {
                writeln!(out, "each sample and its {count} nearest: {sheet}")?;
            }
        }
    }
    Ok(Outcome::Yes)
}

/// Numbers of one of the batches that begin at `start`, `start + batch`, …: from everywhere among the data, which may be sorted.
fn scattered(start: u64, batch: u64, total: u64) -> Vec<usize> {
    let batches = total.div_ceil(batch);
    (start / batch..total).step_by(batches as usize).map(|number| number as usize).collect()
}

fn object(neighbour: &Neighbour) -> serde_json::Value {
    json!({"item": neighbour.item, "mirrored": neighbour.mirrored, "distance": neighbour.distance})
}

/// A row for each sample: the sample, then its neighbours, mirrored where they are near so; and the images in a row.
fn rows(
    samples: &Tensor,
    data: &Items,
    found: &[Vec<Neighbour>],
    features: &Features,
) -> Result<(Tensor, usize), Error> {
    let mut images = Vec::new();
    for (number, row) in found.iter().enumerate() {
        images.push(samples.get(number as i64));
        for neighbour in row {
            let image = features::read(data, &[neighbour.item], features)?.items.get(0);
            images.push(if neighbour.mirrored { image.flip([2]) } else { image });
        }
    }
    let columns = found.first().map_or(0, Vec::len) + 1;
    Ok((Tensor::stack(&images, 0).to_device(Device::Cpu), columns))
}
