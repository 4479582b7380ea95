//! What is compared of images: their pixels, or the features of Inception.

use std::path::Path;

use ncsn::data::Options;
use tch::{Device, Kind, Tensor};

use super::inception::Inception;
use crate::dataset::{Items, Stored};
use crate::{Error, checkpoint, sheet};

/// A map from items to vectors.
#[derive(Debug)]
pub enum Features {
    /// The entries themselves; for images the pixels in [0, 1].
    Pixels,
    /// The features of a network, and SHA-256 of the file that its weights are from.
    Inception(Box<Inception>, String),
}

impl Features {
    /// The features of a weights file, or pixels without one.
    ///
    /// # Errors
    /// Those of [`Inception::read`]; [`Error::File`].
    pub fn open(inception: Option<&Path>, device: Device) -> Result<Self, Error> {
        match inception {
            None => Ok(Self::Pixels),
            Some(path) => {
                Ok(Self::Inception(Box::new(Inception::read(path, device)?), checkpoint::sha256(path)?))
            }
        }
    }

    /// Name for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Inception(..) => "Inception",
        }
    }

    /// Name for files: features of other weights are other features.
    pub fn identity(&self) -> String {
        match self {
            Self::Pixels => self.name().to_owned(),
            Self::Inception(_, digest) => format!("{} of weights {digest}", self.name()),
        }
    }

    /// Vectors of items.
    ///
    /// # Returns
    /// `[count, dim]` in single precision on the device.
    ///
    /// # Errors
    /// [`Error::Setting`] for vectors where Inception needs images; those of torch.
    pub fn of(&self, items: &Tensor, device: Device) -> Result<Tensor, Error> {
        match self {
            Self::Pixels => Ok(items.to_device(device).to_kind(Kind::Float).flatten(1, -1)),
            Self::Inception(network, _) if matches!(items.size()[..], [_, 1 | 3, _, _]) => {
                network.features(items)
            }
            Self::Inception(..) => {
                let found = format!("of shape {:?}", &items.size()[1..]);
                Err(Error::setting("an item for --inception", found, "images of 1 or 3 channels"))
            }
        }
    }
}

/// Opens samples or data, with a progress bar on a terminal.
///
/// # Errors
/// Those of [`ncsn::data::open`].
pub fn open_items(path: &Path, options: &Options) -> Result<Items, Error> {
    let set = ncsn::measure::read(path, options)?;
    let shape: Vec<i64> = match set.shape[..] {
        [height, width] => vec![1, height as i64, width as i64],
        _ => set.shape.iter().map(|&side| side as i64).collect(),
    };
    Items::of_files(set, path, &shape)
}

/// Items as they are compared.
#[derive(Debug)]
pub struct Batch {
    /// `[count, …shape]` on the CPU; images as an 8-bit file has them, whatever they are stored as, vectors as they are.
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
    pub fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, most: self.most.max(other.most) }
    }

    /// A line for people, where there are any; `values` is the number of all.
    pub fn note(self, what: &str, values: u64) -> Option<String> {
        let Self { count, most } = self;
        let share = 100.0 * count as f64 / values as f64;
        (count > 0).then(|| {
            format!("{share:.2} % of the values of the {what} lay outside [0, 1], by up to {most:.3}, and were clamped")
        })
    }
}

/// Items by their numbers.
///
/// # Errors
/// [`Error::File`]; [`Error::Setting`] for values that are not finite.
pub fn read(items: &Items, numbers: &[usize]) -> Result<Batch, Error> {
    let stored = items.read(numbers)?;
    let tensor = stored.tensor(items.shape(), Device::Cpu);
    if !matches!(stored, Stored::Floats(_)) || items.shape().len() != 3 {
        return Ok(Batch { items: tensor, clamped: Clamped::default() });
    }
    let bytes = sheet::to_bytes(&tensor)?;
    let excess = (&tensor - tensor.clamp(0.0, 1.0)).abs();
    let count = excess.gt(0.5 / 255.0).sum(Kind::Int64).int64_value(&[]) as u64;
    let most = if count > 0 { excess.max().double_value(&[]) } else { 0.0 };
    let items = Stored::Bytes(bytes).tensor(items.shape(), Device::Cpu);
    Ok(Batch { items, clamped: Clamped { count, most } })
}
