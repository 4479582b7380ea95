//! What is compared of images: their pixels, or the features of Inception.

use std::path::Path;

use ncsn::data::Options;
use tch::{Device, Kind, Tensor};

use super::inception::Inception;
use crate::dataset::{Items, Stored};
use crate::{Error, sheet};

/// A map from items to vectors.
#[derive(Debug)]
pub enum Features {
    /// The entries themselves; for images the pixels in [0, 1].
    Pixels,
    /// 2,048 features.
    Inception(Box<Inception>),
}

impl Features {
    /// The features of a weights file, or pixels without one.
    ///
    /// # Errors
    /// Those of [`Inception::read`].
    pub fn open(inception: Option<&Path>, device: Device) -> Result<Self, Error> {
        match inception {
            None => Ok(Self::Pixels),
            Some(path) => Ok(Self::Inception(Box::new(Inception::read(path, device)?))),
        }
    }

    /// Name for people and files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Inception(_) => "Inception",
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
            Self::Inception(network) if matches!(items.size()[..], [_, 1 | 3, _, _]) => {
                network.features(items)
            }
            Self::Inception(_) => {
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

/// Items by their numbers: images as an 8-bit file has them, whatever they are stored as; vectors as they are.
///
/// # Errors
/// [`Error::File`]; [`Error::Setting`] for values that are not finite.
pub fn read(items: &Items, numbers: &[usize]) -> Result<Tensor, Error> {
    let stored = items.read(numbers)?;
    let is_image = items.shape().len() == 3;
    let tensor = stored.tensor(items.shape(), Device::Cpu);
    match stored {
        Stored::Floats(_) if is_image => {
            Ok(Stored::Bytes(sheet::to_bytes(&tensor)?).tensor(items.shape(), Device::Cpu))
        }
        _ => Ok(tensor),
    }
}
