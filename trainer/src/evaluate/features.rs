//! What is compared of images: their pixels, or the features of a network.

use std::path::Path;

use ncsn_data::Options;
use tch::{Device, Kind, Tensor};

use super::inception::{FEATURES, Inception};
use super::script::{Convention, Script};
use crate::dataset::{Items, Stored, Units};
use crate::layout::{Stated, Wanted};
use crate::peers::Peers;
use crate::{Error, checkpoint, sheet, torch};

/// A map from items to vectors.
#[derive(Debug)]
pub enum Features {
    /// The entries of images in [0, 1].
    Pixels,
    /// The entries of vectors, and of images in other units, as they are.
    Values,
    /// The features of a network, and SHA-256 of the file that its weights are from.
    Inception(Box<Inception>, String),
    /// What a network of somebody else gives.
    Script(Box<Script>),
}

/// Where features come from; pixels if from nowhere.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The items themselves.
    Pixels,
    /// Weights of Inception.
    Inception(&'a Path),
    /// A TorchScript file.
    Script(&'a Path, Convention),
}

impl Features {
    /// The features of a source.
    ///
    /// # Errors
    /// Those of [`Inception::read`] and [`Script::open`]; [`Error::File`].
    pub fn open(source: Source, device: Device) -> Result<Self, Error> {
        Ok(match source {
            Source::Pixels => Self::Pixels,
            Source::Inception(path) => {
                Self::Inception(Box::new(Inception::read(path, device)?), checkpoint::sha256(path)?)
            }
            Source::Script(path, convention) => {
                Self::Script(Box::new(Script::open(path, convention, device)?))
            }
        })
    }

    /// These features, or the values themselves where pixels were meant and the items have none.
    ///
    /// # Errors
    /// [`Error::Content`] for values outside [0, 1] where a network needs pixels; those of reading.
    pub fn fitting(self, items: &Items) -> Result<Self, Error> {
        let is_image = items.shape().len() == 3;
        let (least, most) = match items.units()? {
            Units::Floats([least, most]) if is_image && !(least >= 0.0 && most <= 1.0) => (least, most),
            _ if is_image => return Ok(self),
            _ => return Ok(self.of_values()),
        };
        match self {
            Self::Pixels | Self::Values => Ok(self.of_values()),
            Self::Inception(..) | Self::Script(_) => Err(Error::content(
                items.path(),
                format!("values from {least} to {most}"),
                format!("0 to 1, which {} takes for pixels", self.name()),
            )),
        }
    }

    /// These features, or the values themselves where pixels were meant and items of a shape have none.
    #[must_use]
    pub fn for_shape(self, item: &[i64]) -> Self {
        if item.len() == 3 { self } else { self.of_values() }
    }

    /// Values in place of pixels.
    fn of_values(self) -> Self {
        match self {
            Self::Pixels => Self::Values,
            features => features,
        }
    }

    /// The features that statistics are of, if pixels or values.
    #[must_use]
    pub fn of_statistics(self, identity: Option<&str>) -> Self {
        if identity == Some(Self::Values.name()) { self.of_values() } else { self }
    }

    /// Name for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Values => "values in their own units",
            Self::Inception(..) => "Inception",
            Self::Script(_) => "the network",
        }
    }

    /// Whether they are of a network, which takes images of any size.
    #[must_use]
    pub const fn is_network(&self) -> bool {
        matches!(self, Self::Inception(..) | Self::Script(_))
    }

    /// Their name in files with statistics of several networks, where there is a usual one: EDM2's.
    #[must_use]
    pub const fn published_name(&self) -> Option<&'static str> {
        if let Self::Inception(..) = self { Some("fid") } else { None }
    }

    /// Name for files: features of other weights are other features.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Pixels | Self::Values => self.name().to_owned(),
            Self::Inception(_, digest) => format!("{} of weights {digest}", self.name()),
            Self::Script(script) => script.identity(),
        }
    }

    /// Number of features of items of a shape.
    ///
    /// # Errors
    /// Those of [`Self::of`], where a network must be asked.
    pub fn dim(&self, item: &[i64]) -> Result<i64, Error> {
        match self {
            Self::Pixels | Self::Values => Ok(item.iter().product()),
            Self::Inception(..) => Ok(FEATURES),
            Self::Script(_) => {
                let shape: Vec<i64> = [1].iter().chain(item).copied().collect();
                let black = Tensor::zeros(shape, (Kind::Float, Device::Cpu));
                Ok(self.of(&black, Device::Cpu)?.size()[1])
            }
        }
    }

    /// Vectors of items.
    ///
    /// # Returns
    /// `[count, dim]` in single precision on the device.
    ///
    /// # Errors
    /// [`Error::Setting`] for vectors where a network needs images, and for features that are not finite; those of torch and of
    /// [`Script::features`].
    pub fn of(&self, items: &Tensor, device: Device) -> Result<Tensor, Error> {
        let features = match self {
            Self::Pixels | Self::Values => {
                return Ok(items.to_device(device).to_kind(Kind::Float).flatten(1, -1));
            }
            Self::Inception(network, _) => network.features(images("an item for --inception", items)?),
            Self::Script(script) => script.features(images("an item for --network", items)?),
        };
        finite(features?)
    }

    /// Vectors of items, and those that sFID compares.
    ///
    /// # Errors
    /// As [`Self::of`]; [`Error::Setting`] for other features than Inception's.
    pub fn with_spatial(&self, items: &Tensor) -> Result<[Tensor; 2], Error> {
        let Self::Inception(network, _) = self else {
            return Err(Error::setting("features for --spatial", self.name(), "those of --inception"));
        };
        let [features, spatial] = network.with_spatial(images("an item for --inception", items)?)?;
        Ok([finite(features)?, spatial])
    }

    /// Items as neighbours are looked for among: bytes for pixels, which are compared exactly, else [`of`](Self::of).
    ///
    /// # Errors
    /// Those of [`of`](Self::of); [`Error::Setting`] for values that are not finite.
    pub fn vectors(&self, items: &Tensor, device: Device) -> Result<Stored, Error> {
        match self {
            Self::Pixels => Ok(Stored::Bytes(sheet::to_bytes(items)?)),
            _ => Ok(Stored::Floats(torch::to_vec(&self.of(items, device)?))),
        }
    }
}

/// Items, which must be images.
fn images<'a>(name: &'static str, items: &'a Tensor) -> Result<&'a Tensor, Error> {
    if matches!(items.size()[..], [_, 1 | 3, _, _]) {
        return Ok(items);
    }
    let found = format!("of shape {:?}", &items.size()[1..]);
    Err(Error::setting(name, found, "images of 1 or 3 channels"))
}

/// Features of a network, none of which may be infinite or no number.
fn finite(features: Tensor) -> Result<Tensor, Error> {
    if features.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::setting("a feature that the network gives", "not finite", "finite numbers"));
    }
    Ok(features)
}

/// Items by their numbers as [`Features::vectors`] has them, and what of them was clamped.
///
/// # Errors
/// Those of [`read`] and [`Features::vectors`].
pub fn read_vectors(
    items: &Items,
    numbers: &[usize],
    features: &Features,
    device: Device,
) -> Result<(Stored, Clamped), Error> {
    match (features, items.read(numbers)?) {
        (Features::Pixels, stored @ Stored::Bytes(_)) => Ok((stored, Clamped::default())),
        (_, stored) => {
            let batch = compared(&stored, items.shape(), features)?;
            Ok((features.vectors(&batch.items, device)?, batch.clamped))
        }
    }
}

/// Opens samples or data, with a progress bar on a terminal; with a line where axes were found by a rule.
///
/// # Errors
/// Those of [`ncsn_data::open`] and [`Items::of_files`].
pub fn open_items(
    path: &Path,
    options: &Options,
    stated: Stated,
    wanted: Option<Wanted>,
) -> Result<(Items, Option<String>), Error> {
    let set = ncsn_shell::read(path, options)?;
    Items::of_files(set, path, stated, wanted)
}

/// Items as they are compared.
#[derive(Debug)]
pub struct Batch {
    /// `[count, …shape]` on the CPU; pixels as an 8-bit file has them, whatever they are stored as, values as they are.
    pub items: Tensor,
    /// What that changed by more than rounding.
    pub clamped: Clamped,
}

/// Values of images outside [0, 1], to which 0 and 1 are not the nearest bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clamped {
    /// How many.
    pub count: u64,
    /// The largest distance from [0, 1] among them.
    pub most: f64,
}

impl Clamped {
    /// Those of two sets of images.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, most: self.most.max(other.most) }
    }

    /// Those of all processes.
    ///
    /// # Errors
    /// Those of [`Peers::all_gather`].
    pub fn of_all(self, peers: &Peers) -> Result<Self, Error> {
        let own = Tensor::f_from_slice(&[self.count as f64, self.most])?.f_view([1, 2])?;
        let all = torch::values::<f64>(&peers.all_gather(&own, peers.rank(), peers.size())?);
        let each = all.chunks_exact(2).map(|pair| Self { count: pair[0] as u64, most: pair[1] });
        Ok(each.fold(Self::default(), Self::and))
    }

    /// A line for people, where there are any; `values` is the number of all.
    #[must_use]
    pub fn note(self, what: &str, values: u64) -> Option<String> {
        let Self { count, most } = self;
        let share = 100.0 * count as f64 / values as f64;
        (count > 0).then(|| {
            format!("{share:.2} % of the values of the {what} lay outside [0, 1], by up to {most:.3}, and were clamped")
        })
    }
}

/// Items by their numbers, for some features.
///
/// # Errors
/// [`Error::File`]; [`Error::Setting`] for values that are not finite.
pub fn read(items: &Items, numbers: &[usize], features: &Features) -> Result<Batch, Error> {
    compared(&items.read(numbers)?, items.shape(), features)
}

/// Items as they are stored, as they are compared.
fn compared(stored: &Stored, shape: &[i64], features: &Features) -> Result<Batch, Error> {
    let tensor = stored.tensor(shape, Device::Cpu)?;
    if matches!(stored, Stored::Floats(_)) {
        as_compared(tensor, features)
    } else {
        Ok(Batch { items: tensor, clamped: Clamped::default() })
    }
}

/// Items as a sampler leaves them, `[count, …shape]`, as they are compared.
///
/// # Errors
/// [`Error::Setting`] for values that are not finite.
pub fn as_compared(items: Tensor, features: &Features) -> Result<Batch, Error> {
    if matches!(features, Features::Values) {
        sheet::check_finite(&items)?;
        return Ok(Batch { items, clamped: Clamped::default() });
    }
    let bytes = sheet::to_bytes(&items)?;
    let excess = (&items - items.clamp(0.0, 1.0)).abs();
    let count = excess.gt(0.5 / 255.0).sum(Kind::Int64).int64_value(&[]) as u64;
    let most = if count > 0 { excess.max().double_value(&[]) } else { 0.0 };
    let rounded = Stored::Bytes(bytes).tensor(&items.size()[1..], Device::Cpu)?;
    Ok(Batch { items: rounded, clamped: Clamped { count, most } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A NaN in a record of distances would be one that cannot be read again.
    #[test]
    fn what_is_not_finite_is_refused_as_pixels_and_as_values() {
        for features in [Features::Pixels, Features::Values] {
            for value in [f32::NAN, f32::INFINITY] {
                let items = Tensor::from_slice(&[0.5, value]).view([2, 1]);
                let message = as_compared(items, &features).expect_err("not finite").to_string();
                assert_eq!(message, "a value of the images is not finite, allowed: finite numbers");
            }
            let items = Tensor::from_slice(&[0.5_f32, 1.0]).view([2, 1]);
            assert_eq!(as_compared(items, &features).expect("finite").clamped, Clamped::default());
        }
    }
}
