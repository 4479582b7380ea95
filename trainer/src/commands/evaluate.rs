//! `ncsn-trainer evaluate`.

use std::io::Write;

use anyhow::Result;
use ncsn_data::Options;
use ncsn_shell::Outcome;
use ncsn_shell::output;
use serde_json::json;
use tch::{Device, Tensor};

use crate::Error;
use crate::cli::{ComparisonArgs, DeviceArgs, EvaluateArgs, Format, SetsArgs};
use crate::config::Precision;
use crate::dataset::{Items, Units};
use crate::evaluate::features::{self, Clamped, Features};
use crate::evaluate::frechet::{Frechet, frechet};
use crate::evaluate::kernel::{Kernel, kernel};
use crate::evaluate::statistics::{self, Moments, Statistics};
use crate::layout::Wanted;

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
    output::check(&[("--statistics", args.statistics.as_deref(), &["safetensors"])])?;
    let device = device(comparison)?;
    let features = Features::open(comparison.inception.as_deref(), device)?;
    let (features, samples, data, mut notes) = if statistics::is_statistics(&comparison.sets.data) {
        let (samples, note) = open_samples(&comparison.sets)?;
        let features = features.of_statistics(statistics::identity(&comparison.sets.data)?.as_deref());
        let statistics = Statistics::read(&comparison.sets.data, &features.identity())?;
        (features, samples, Side { statistics, features: None, note: None }, note.into_iter().collect())
    } else {
        let Compared { features, samples, data, notes } = open(comparison, features)?;
        let data = side("data", &data, &features, comparison.batch, device)?;
        (features, samples, data, notes)
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
    notes.extend(remarks([&samples, &data], distance, kernel));
    report(args, &features, [&samples.statistics, &data.statistics], distance, kernel, &notes, out)?;
    Ok(Outcome::Yes)
}

/// The device asked for, set to single precision, in which published distances are computed.
///
/// # Errors
/// [`Error::NoDevice`]; [`Error::Setting`] for a batch outside 1 to 2²⁰.
pub fn device(args: &ComparisonArgs) -> Result<Device, Error> {
    super::within("batch", args.batch, 1 << 20)?;
    let single = DeviceArgs {
        device: args.device,
        precision: Some(Precision::F32),
        threads: args.threads,
        deterministic: false,
    };
    Ok(super::set_up(&single)?.0)
}

/// What is compared, and by what.
pub struct Compared {
    /// The features, for the units of the data.
    pub features: Features,
    /// Samples.
    pub samples: Items,
    /// Data of their shape, where pixels are compared.
    pub data: Items,
    /// Lines on what was found by a rule.
    pub notes: Vec<String>,
}

/// Opens samples and data.
///
/// # Errors
/// Those of reading; [`Error::Content`] with both shapes, or with both units.
pub fn open(args: &ComparisonArgs, features: Features) -> Result<Compared, Error> {
    let (samples, samples_note) = open_samples(&args.sets)?;
    let wanted = Wanted { shape: samples.shape(), as_what: "the samples have" };
    let wanted = Some(wanted).filter(|_| !matches!(features, Features::Inception(..)));
    let (data, data_note) = open_data(&args.sets, wanted)?;
    let features = features.fitting(&data)?;
    // Units of floats are found by reading all of them.
    if matches!(features, Features::Values)
        && let Units::Floats([least, most]) = data.units()?
        && samples.units()? == Units::Bytes
    {
        return Err(Error::content(
            &args.sets.samples,
            "bytes, which become pixels in [0, 1]",
            format!("numbers in the units of the data, which go from {least} to {most}"),
        ));
    }
    let notes = samples_note.into_iter().chain(data_note).collect();
    Ok(Compared { features, samples, data, notes })
}

/// Suffixes of files of arrays, whose values are as they were made: no crop, size or range is theirs.
const ARRAYS: [&str; 8] = ["npy", "npz", "pt", "pth", "pkl", "safetensors", "h5", "mat"];

/// Opens the data; with a line where axes were found by a rule.
///
/// # Errors
/// Those of [`features::open_items`].
pub(super) fn open_data(args: &SetsArgs, wanted: Option<Wanted>) -> Result<(Items, Option<String>), Error> {
    features::open_items(&args.data, &args.read.clone().into(), args.layout.stated(), wanted)
}

/// Opens the samples: images as the data are read, arrays as they are; with a line where axes were found by a rule.
///
/// # Errors
/// Those of [`features::open_items`].
pub(super) fn open_samples(args: &SetsArgs) -> Result<(Items, Option<String>), Error> {
    let suffix = args.samples.extension().and_then(|suffix| suffix.to_str());
    let is_array = suffix.is_some_and(|suffix| ARRAYS.contains(&suffix));
    let has_names = suffix != Some("npy");
    let mut options: Options = args.read.clone().into();
    if is_array || args.samples_as_is {
        let Options { skip_corrupt, array, batches, .. } = options;
        options = Options { skip_corrupt, array, batches, ..Options::default() };
    }
    options.array = args.samples_array.clone().or(options.array.filter(|_| has_names));
    features::open_items(&args.samples, &options, args.layout.stated(), None)
}

/// Features of all items, with their statistics.
fn side(what: &str, items: &Items, features: &Features, batch: u64, device: Device) -> Result<Side, Error> {
    let mut parts = Vec::new();
    let (statistics, note) =
        measured(what, items, features, batch, device, &mut |part| parts.push(part.shallow_clone()))?;
    Ok(Side { statistics, features: Some(Tensor::cat(&parts, 0)), note })
}

/// Statistics of all items, and a line on values that were clamped; `each` is shown the features of each batch.
///
/// # Errors
/// Those of reading and of torch; [`Error::Setting`] for fewer than two items.
pub(super) fn measured(
    what: &str,
    items: &Items,
    features: &Features,
    batch: u64,
    device: Device,
    each: &mut dyn FnMut(&Tensor),
) -> Result<(Statistics, Option<String>), Error> {
    let mut moments: Option<Moments> = None;
    let mut clamped = Clamped::default();
    let total = items.len() as u64;
    super::in_batches(what, total, batch, |numbers, tell| {
        let done = numbers.end;
        let numbers: Vec<usize> = numbers.map(|number| number as usize).collect();
        let batch = features::read(items, &numbers, features)?;
        clamped = clamped.and(batch.clamped);
        let part = features.of(&batch.items, device)?;
        let moments = match &mut moments {
            Some(moments) => moments,
            none => none.insert(Moments::new(part.size()[1], device)?),
        };
        moments.add(&part);
        each(&part);
        tell(done, total);
        Ok(())
    })?;
    let moments = moments.ok_or_else(|| Error::setting("number of items", 0, "at least 2"))?;
    let values = total * items.shape().iter().product::<i64>() as u64;
    Ok((moments.finish()?, clamped.note(what, values)))
}

/// Lines on what a reader of the distances should know.
fn remarks(sides: [&Side; 2], distance: Frechet, kernel: Option<Kernel>) -> Vec<String> {
    let [samples, data] = sides.map(|side| &side.statistics);
    let few: Vec<&str> = [("samples", samples), ("data", data)]
        .into_iter()
        .filter(|(_, side)| side.count.is_some_and(|count| count <= samples.dim() as u64))
        .map(|(name, _)| name)
        .collect();
    let few = (!few.is_empty()).then(|| {
        format!(
            "no more {} than features: the covariance is singular and the distance depends on their number",
            few.join(" and ")
        )
    });
    let rounded = (distance.distance < 0.0)
        .then(|| "a Fréchet distance below 0 is 0 but for rounding: no difference was found".to_owned());
    let unbiased = kernel.filter(|kernel| kernel.distance < 0.0).map(|_| {
        "a kernel distance below 0 is an estimate of 0 or little more: no difference was found".to_owned()
    });
    let clamped = sides.iter().filter_map(|side| side.note.clone());
    clamped.chain(few).chain(rounded).chain(unbiased).collect()
}

fn report(
    args: &EvaluateArgs,
    features: &Features,
    [samples, data]: [&Statistics; 2],
    distance: Frechet,
    kernel: Option<Kernel>,
    notes: &[String],
    out: &mut dyn Write,
) -> Result<()> {
    let dim = samples.dim();
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

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn distances_below_0_have_their_word() {
        let side = || {
            let [mean, covariance] =
                [vec![2], vec![2, 2]].map(|shape| Tensor::zeros(shape, (Kind::Double, Device::Cpu)));
            Side { statistics: Statistics { count: Some(9), mean, covariance }, features: None, note: None }
        };
        let said = |frechet: f64, kernel: f64| {
            let distance = Frechet { distance: frechet, means: 0.0, covariances: frechet, rounding: 1e-6 };
            let kernel = Kernel { distance: kernel, spread: 0.1, subsets: 100, size: 9 };
            remarks([&side(), &side()], distance, Some(kernel)).join("\n")
        };
        assert_eq!(said(0.0, 0.0), "");
        assert!(said(-1e-9, 0.0).starts_with("a Fréchet distance below 0 is 0 but for rounding"));
        assert!(said(0.0, -1e-3).starts_with("a kernel distance below 0 is an estimate of 0"));
    }
}
