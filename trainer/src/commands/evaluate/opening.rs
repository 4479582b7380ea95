//! What is compared, opened as the flags say.

use std::path::Path;

use ncsn_data::{Options, escape};
use tch::Device;

use super::super::{set_up_at, within};
use crate::Error;
use crate::cli::{ComparisonArgs, DeviceArgs, KernelChoice, SetsArgs};
use crate::config::Precision;
use crate::dataset::{Items, Units};
use crate::evaluate::features::{self, Features};
use crate::evaluate::foreign::Which;
use crate::evaluate::statistics::{self, Statistics};
use crate::layout::Wanted;
use crate::peers::Place;

/// Statistics of a file, the features that they are of, and a line where the file does not say which.
///
/// # Errors
/// Those of [`Statistics::read`].
pub fn open_statistics(
    path: &Path,
    features: Features,
    stated: Option<&str>,
) -> Result<(Features, Statistics, Option<String>), Error> {
    let identity = statistics::identity(path)?;
    let features = features.of_statistics(identity.as_deref());
    let which = Which { stated, usual: features.published_name() };
    let statistics = Statistics::read(path, &features.identity(), which)?;
    let note = identity.is_none().then(|| unnamed(path, statistics.dim()));
    Ok((features, statistics, note))
}

/// A line on statistics and features of an unknown network.
pub fn unnamed(path: &Path, dim: i64) -> String {
    format!(
        "{} does not say of which network its {dim} features are: only their number is compared",
        escape::path(path)
    )
}

/// The device asked for, set to single precision, in which published distances are computed; for one of several processes its own
/// GPU, or its share of the cores.
///
/// # Errors
/// [`Error::NoDevice`]; [`Error::Setting`] for a batch outside 1 to 2²⁰.
pub fn device(args: &ComparisonArgs, place: Option<&Place>) -> Result<Device, Error> {
    within("batch", args.batch, 1 << 20)?;
    let single = DeviceArgs {
        device: args.device,
        precision: Some(Precision::F32),
        threads: args.threads,
        deterministic: false,
        kernels: KernelChoice::Torch,
    };
    Ok(set_up_at(&single, place)?.0)
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
    let wanted = Some(wanted).filter(|_| !features.is_network());
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
pub fn open_data(args: &SetsArgs, wanted: Option<Wanted>) -> Result<(Items, Option<String>), Error> {
    features::open_items(&args.data, &args.read.clone().into(), args.layout.stated(), wanted)
}

/// Opens the samples: images as the data are read, arrays as they are; with a line where axes were found by a rule.
///
/// # Errors
/// Those of [`features::open_items`].
pub fn open_samples(args: &SetsArgs) -> Result<(Items, Option<String>), Error> {
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
