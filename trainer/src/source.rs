//! Trained networks opened from a run, a checkpoint, or a file of somebody else.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use tch::Device;

use crate::config::{Config, Precision};
use crate::model::Network;
use crate::train::CHECKPOINTS;
use crate::{Error, checkpoint, torch};

/// Which of a checkpoint's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// The moving average of Technique 5.
    Ema,
    /// As the optimiser left them.
    Raw,
}

impl FromStr for Weights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "ema" => Ok(Self::Ema),
            "raw" => Ok(Self::Raw),
            _ => Err(Error::setting("weights", text, "ema, raw")),
        }
    }
}

impl Weights {
    /// How the names of these weights begin in a checkpoint.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Ema => "ema.",
            Self::Raw => "model.",
        }
    }
}

/// A trained network and the settings it was trained with.
#[derive(Debug)]
pub struct Trained {
    /// The network, without gradients.
    pub network: Network,
    /// Settings of its run.
    pub config: Config,
    /// Steps it was trained for.
    pub step: u64,
    /// The checkpoint's folder.
    pub path: PathBuf,
}

/// Folder of the checkpoint meant by a path: a run's last one, or the folder itself.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] where there is no checkpoint.
pub fn locate(path: &Path) -> Result<PathBuf, Error> {
    if path.join(checkpoint::MANIFEST).exists() {
        return Ok(path.to_owned());
    }
    std::fs::metadata(path).map_err(Error::file(path))?;
    let checkpoints = path.join(CHECKPOINTS);
    match checkpoint::list(&checkpoints)?.last() {
        Some(&step) => Ok(checkpoint::folder(&checkpoints, step)),
        None => Err(Error::Content {
            path: path.to_owned(),
            found: "holds no checkpoint".to_owned(),
            expected: "a run or a checkpoint's folder".to_owned(),
        }),
    }
}

/// Opens a trained network from a run's folder (its last checkpoint) or a checkpoint's.
///
/// # Errors
/// Those of [`locate`], [`checkpoint::manifest`] and [`checkpoint::load_parameters`]; [`Error::OutOfMemory`].
pub fn open(path: &Path, weights: Weights, device: Device, precision: Precision) -> Result<Trained, Error> {
    let path = locate(path)?;
    let manifest = checkpoint::manifest(&path)?;
    let file = checkpoint::tensors(&path, &manifest)?;
    let sigmas = manifest.config.noise.sigmas()?;
    let mut network = torch::attempt(|| Network::new(&manifest.config.network, &sigmas, device))??;
    network.set_autocast(precision == Precision::Bf16);
    let parameters = network.parameters();
    let prefix = weights.prefix();
    torch::attempt(|| checkpoint::load_parameters(parameters, &file, prefix))??;
    Ok(Trained { network, config: manifest.config, step: manifest.step, path })
}
