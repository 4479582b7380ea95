//! `ncsn-trainer evaluate`.

use std::io::Write;

use anyhow::Result;
use ncsn::commands::Outcome;
use ncsn::data::Options;
use serde_json::json;
use tch::{Device, Tensor};

use crate::Error;
use crate::cli::{ComparisonArgs, DeviceArgs, EvaluateArgs, Format};
use crate::config::Precision;
use crate::dataset::{Items, shape_text};
use crate::evaluate::features::{self, Clamped, Features};
use crate::evaluate::frechet::{Frechet, frechet};
use crate::evaluate::kernel::{Kernel, kernel};
use crate::evaluate::statistics::{self, Moments, Statistics};

/// KID's usual numbers of subsets, and of items in each.
const SUBSETS: (usize, usize) = (100, 1000);

/// One side of the comparison.
struct Side {
    statistics: Statistics,
    /// The features themselves, which a file of statistics has not.
    features: Option<Tensor>,
    /// A line on values that were clamped.
    note: Option<String>,
}

/// Measures, and writes a table.
///
/// # Errors
/// Samples, data, weights or statistics that cannot be read or do not fit together.
pub fn run(args: &EvaluateArgs, out: &mut dyn Write) -> Result<Outcome> {
    let comparison = &args.comparison;
    if let Some(path) =
        args.statistics.as_ref().filter(|path| path.extension().is_none_or(|s| s != "safetensors"))
    {
        return Err(Error::setting("statistics", path.display(), "FILE.safetensors").into());
    }
    let device = device(comparison)?;
    let features = Features::open(comparison.inception.as_deref(), device)?;
    let samples = features::open_items(&comparison.samples, &Options::default())?;
    let data = if statistics::is_statistics(&comparison.data) {
        let statistics = Statistics::read(&comparison.data, &features.identity())?;
        Side { statistics, features: None, note: None }
    } else {
        let items = data(comparison, &features, &samples)?;
        side("data", &items, &features, comparison.batch, device)?
    };
    // Before the samples, which may take long too.
    if let Some(path) = &args.statistics {
        data.statistics.write(path, &features.identity())?;
    }
    let samples = side("samples", &samples, &features, comparison.batch, device)?;
    let distance = frechet(&samples.statistics, &data.statistics)?;
    let kernel = match (&samples.features, &data.features) {
        (Some(samples), Some(data)) => Some(kernel(samples, data, SUBSETS.0, SUBSETS.1, args.seed)?),
        _ => None,
    };
    report(args, &features, [&samples, &data], distance, kernel, out)?;
    Ok(Outcome::Yes)
}

/// The device asked for, set to single precision, in which published distances are computed.
///
/// # Errors
/// [`Error::NoDevice`]; [`Error::Setting`] for a batch outside 1 to 2²⁰.
pub fn device(args: &ComparisonArgs) -> Result<Device, Error> {
    super::within("batch", args.batch, 1 << 20)?;
    let single = DeviceArgs { device: args.device, precision: Some(Precision::F32), threads: args.threads };
    Ok(super::set_up(&single)?.0)
}

/// Opens the data, which must have the samples' shape where pixels are compared.
///
/// # Errors
/// Those of reading; [`Error::Content`] with both shapes.
pub fn data(args: &ComparisonArgs, features: &Features, samples: &Items) -> Result<Items, Error> {
    let items = features::open_items(&args.data, &args.read.clone().into())?;
    if matches!(features, Features::Pixels) && items.shape() != samples.shape() {
        return Err(Error::Content {
            path: args.data.clone(),
            found: format!("items of {}", shape_text(items.shape())),
            expected: format!("{}, as the samples have (--size resizes images)", shape_text(samples.shape())),
        });
    }
    Ok(items)
}

/// Features of all items, with their statistics.
fn side(what: &str, items: &Items, features: &Features, batch: u64, device: Device) -> Result<Side, Error> {
    let mut moments: Option<Moments> = None;
    let mut clamped = Clamped::default();
    let total = items.len() as u64;
    let parts = super::in_batches(what, total, batch, |numbers, each| {
        let done = numbers.end;
        let numbers: Vec<usize> = numbers.map(|number| number as usize).collect();
        let batch = features::read(items, &numbers)?;
        clamped = clamped.and(batch.clamped);
        let part = features.of(&batch.items, device)?;
        let moments = match &mut moments {
            Some(moments) => moments,
            none => none.insert(Moments::new(part.size()[1], device)?),
        };
        crate::torch::attempt(|| moments.add(&part))?;
        each(done, total);
        Ok(part)
    })?;
    let moments = moments.ok_or_else(|| Error::setting("number of items", 0, "at least 2"))?;
    let values = total * items.shape().iter().product::<i64>() as u64;
    let note = clamped.note(what, values);
    Ok(Side { statistics: moments.finish()?, features: Some(Tensor::cat(&parts, 0)), note })
}

fn report(
    args: &EvaluateArgs,
    features: &Features,
    sides: [&Side; 2],
    distance: Frechet,
    kernel: Option<Kernel>,
    out: &mut dyn Write,
) -> Result<()> {
    let [samples, data] = sides.map(|side| &side.statistics);
    let dim = samples.dim();
    let few = [("samples", samples), ("data", data)]
        .into_iter()
        .filter(|(_, side)| side.count.is_some_and(|count| count <= dim as u64))
        .map(|(name, _)| name);
    let few = few.collect::<Vec<_>>().join(" and ");
    let few = (!few.is_empty()).then(|| {
        format!(
            "no more {few} than features: the covariance is singular and the distance depends on their number"
        )
    });
    let notes: Vec<&String> = sides.iter().filter_map(|side| side.note.as_ref()).chain(&few).collect();
    match args.comparison.format {
        Format::Json => {
            let kernel = kernel.map(|kernel| {
                json!({"distance": kernel.distance, "standard_deviation": kernel.spread, "subsets": kernel.subsets,
                    "subset_size": kernel.size})
            });
            let all = json!({"schema": "ncsn.evaluation/1", "features": features.name(), "dim": dim,
                "samples": samples.count, "data": data.count, "notes": notes, "kernel": kernel,
                "frechet": {"distance": distance.distance, "means": distance.means,
                    "covariances": distance.covariances, "rounding": distance.rounding}});
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            let count =
                |side: &Statistics| side.count.map_or("unknown".to_owned(), |count| count.to_string());
            let (samples, data) = (count(samples), count(data));
            let is_inception = matches!(features, Features::Inception(..));
            let named = |name: &str| if is_inception { format!(" ({name})") } else { String::new() };
            writeln!(
                out,
                "{samples} samples against {data} items of the data, by {dim} features: {}",
                features.name()
            )?;
            writeln!(
                out,
                "  Fréchet distance{}  {:.4} = {:.4} of the means + {:.4} of the covariances; rounding about {:.0e}",
                named("FID"),
                distance.distance,
                distance.means,
                distance.covariances,
                distance.rounding
            )?;
            if let Some(kernel) = kernel {
                writeln!(
                    out,
                    "  kernel distance{}   {:.6}, standard deviation {:.6} over {} subsets of {}",
                    named("KID"),
                    kernel.distance,
                    kernel.spread,
                    kernel.subsets,
                    kernel.size
                )?;
            }
            for note in notes {
                writeln!(out, "  {note}")?;
            }
        }
    }
    Ok(())
}
