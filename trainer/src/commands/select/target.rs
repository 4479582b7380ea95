//! What `select` compares samples with.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use ncsn_data::escape;
use tch::Device;

use super::super::evaluate::{Taking, measured, open_statistics};
use crate::cli::SelectArgs;
use crate::config::Config;
use crate::dataset::{self, HeldOut, Items, Wish};
use crate::evaluate::features::Features;
use crate::evaluate::foreign::Which;
use crate::evaluate::statistics::{self, Statistics};
use crate::peers::Peers;
use crate::{Error, checkpoint};

/// What samples are compared with.
pub struct Target {
    pub features: Features,
    /// For the first process.
    pub statistics: Option<Statistics>,
    /// SHA-256 of the data, or of the file of statistics.
    pub digest: String,
    pub notes: Vec<String>,
}

/// Where the statistics of what samples are compared with are from.
enum Origin {
    /// A file.
    Known(Statistics),
    /// The items themselves; they will be kept in a file.
    Items(Items, PathBuf),
}

/// What samples are compared with, opened.
pub struct Aim {
    pub features: Features,
    from: Origin,
    pub digest: String,
    notes: Vec<String>,
}

impl Aim {
    /// The run's training data, or what --data names, as statistics of features; those of a run's data are kept beside it.
    ///
    /// # Errors
    /// Those of reading; statistics of other features.
    pub fn open(args: &SelectArgs, config: &Config, device: Device) -> Result<Self> {
        let features = Features::open(args.features.source(), device)?;
        if let Some(path) = &args.data {
            ensure!(
                statistics::is_statistics(path),
                "{} is no file of statistics, as 'evaluate --statistics', pytorch-fid or EDM2 write them; without \
                 --data samples are compared with the run's training data",
                escape::path(path)
            );
            let features = features.for_shape(&config.network.item);
            let (features, statistics, note) = open_statistics(path, features, args.array.as_deref())?;
            let (found, own) = (statistics.dim(), features.dim(&config.network.item)?);
            ensure!(
                found == own,
                "{} holds {found} features, samples of the run have {own}",
                escape::path(path)
            );
            let (from, notes) = (Origin::Known(statistics), note.into_iter().collect());
            return Ok(Self { features, from, digest: checkpoint::sha256(path)?, notes });
        }
        let split = dataset::open(&config.data, &Wish::of(config, HeldOut::Exactly))?;
        let features = features.fitting(&split.train)?;
        let identity = features.identity();
        let digest = split.digest;
        // A name for each pair of data and features: statistics of others are never taken for these.
        let name = format!("{identity} {digest}").replace(' ', "-");
        let path = args.run.join("statistics").join(format!("{name}.safetensors"));
        let from = if path.exists() {
            Origin::Known(Statistics::read(&path, &identity, Which::default())?)
        } else {
            Origin::Items(split.train, path)
        };
        Ok(Self { features, from, digest, notes: Vec::new() })
    }

    /// Whether a file has the statistics.
    pub fn is_known(&self) -> bool {
        matches!(self.from, Origin::Known(_))
    }

    /// Takes what is not known.
    ///
    /// # Errors
    /// Those of [`measured`]; [`Error::File`].
    pub fn take(self, args: &SelectArgs, device: Device, peers: &Peers) -> Result<Target, Error> {
        let Self { features, from, digest, mut notes } = self;
        let statistics = match from {
            Origin::Known(statistics) => Some(statistics),
            Origin::Items(items, path) => {
                let taking =
                    Taking { features: &features, batch: args.chain.batch, device, spatial: false, peers };
                let side = measured("data", &items, taking, &mut |_| Ok(()))?;
                if let (Some(side), Some(folder)) = (&side, path.parent()) {
                    fs::create_dir_all(folder).map_err(Error::file(folder))?;
                    side.statistics.write(&path, &features.identity())?;
                }
                side.map(|side| {
                    notes.extend(side.note);
                    side.statistics
                })
            }
        };
        Ok(Target { features, statistics, digest, notes })
    }
}
