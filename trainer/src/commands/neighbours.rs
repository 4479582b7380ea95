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
    let device = super::evaluate::device(comparison, None)?;
    let features = Features::open(comparison.features.source(), device)?;
    let Compared { features, samples, data, mut notes } = super::evaluate::open(comparison, features)?;
    let is_image = samples.shape().len() == 3;
    ensure!(is_image || !args.flip, "--flip is for images; the samples are vectors");
    ensure!(is_image || args.grid.is_none(), "--grid is for images; the samples are vectors");
    let num = super::within("num", args.num, samples.len() as u64)? as usize;
    let count = super::within("count", args.count, data.len() as u64)? as usize;
    let chosen = features::read(&samples, &(0..num).collect::<Vec<_>>(), &features)?;
    let (batch, flip) = (comparison.batch, args.flip);
    let among = Among { data: &data, features: &features, flip, batch, device };
    let (found, clamped) = among.nearest(&chosen.items, count)?;
    let sheet = match &args.grid {
        Some(path) => {
            let (images, columns) = among.rows(&chosen.items, &found)?;
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
    let clamped = [("samples", chosen.clamped, num as u64), ("data", clamped, data.len() as u64)];
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

/// What neighbours are looked for among.
pub(super) struct Among<'a> {
    pub data: &'a Items,
    pub features: &'a Features,
    /// Whether mirror images count too.
    pub flip: bool,
    /// Items whose features a network computes at once.
    pub batch: u64,
    pub device: Device,
}

impl Among<'_> {
    /// The nearest items of each sample, and what of the data was clamped.
    ///
    /// # Arguments
    /// * `samples` — `[count, …shape]`, as [`features::as_compared`] has them
    ///
    /// # Errors
    /// Those of reading, of [`Features::of`] and of [`Nearest::add`].
    pub fn nearest(&self, samples: &Tensor, count: usize) -> Result<(Vec<Vec<Neighbour>>, Clamped), Error> {
        let Self { data, features, flip, batch, device } = *self;
        // An item's mirror image is as far from a sample as the item is from the sample's; features have no such law.
        let mirrors_samples = flip && !features.is_network();
        let mirrored = mirrors_samples.then(|| features.vectors(&samples.flip([3]), device)).transpose()?;
        let own = features.vectors(samples, device)?;
        let dim = features.dim(&samples.size()[1..])? as usize;
        let mut nearest = Nearest::new(own, mirrored, dim, count, device)?;
        let mut clamped = Clamped::default();
        let total = data.len() as u64;
        let batch =
            if features.is_network() { batch } else { batch.max(BATCH.min(BATCH_VALUES / dim as u64)) };
        super::in_batches("data", total, batch, |numbers, each| {
            let done = numbers.end;
            let numbers = scattered(numbers.start, batch, total);
            if flip && !mirrors_samples {
                let Batch { items, clamped: more } = features::read(data, &numbers, features)?;
                clamped = clamped.and(more);
                nearest.add(&features.vectors(&items, device)?, &numbers, false)?;
                nearest.add(&features.vectors(&items.flip([3]), device)?, &numbers, true)?;
            } else {
                let (vectors, more) = features::read_vectors(data, &numbers, features, device)?;
                clamped = clamped.and(more);
                nearest.add(&vectors, &numbers, false)?;
            }
            each(done, total);
            Ok(())
        })?;
        Ok((nearest.finish(), clamped))
    }

    /// A row for each sample: the sample, then its neighbours, mirrored where they are near so; and the images in a row.
    ///
    /// # Errors
    /// Those of reading.
    pub fn rows(&self, samples: &Tensor, found: &[Vec<Neighbour>]) -> Result<(Tensor, usize), Error> {
        let mut images = Vec::new();
        for (number, row) in found.iter().enumerate() {
            images.push(samples.get(number as i64));
            for neighbour in row {
                let image = features::read(self.data, &[neighbour.item], self.features)?.items.get(0);
                images.push(if neighbour.mirrored { image.flip([2]) } else { image });
            }
        }
        let columns = found.first().map_or(0, Vec::len) + 1;
        Ok((Tensor::stack(&images, 0).to_device(Device::Cpu), columns))
    }
}
