//! What a run is made of: one TOML file, written resolved into the run's folder.

mod differing;
mod noise;
mod rate;
mod table;
mod weighting;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ncsn_theory::ema::Ema;
use ncsn_theory::schedule::Schedule;
use serde::{Deserialize, Serialize};

pub(crate) use differing::differing;
pub use noise::{Noise, Stated, read_schedule};
pub use rate::Decay;
pub use table::Table;
pub use weighting::{Density, Weighting};

use crate::Error;
use crate::layout::{ImageShape, Layout};
use crate::model::NetworkShape;

/// Everything that determines a run; the file `config.toml` of its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table")]
pub struct Config {
    /// Preset that the rest started from.
    pub preset: String,
    /// The network.
    pub network: NetworkShape,
    /// Noise levels and the Langevin dynamics on them, with their origin: the table `schedule`.
    #[serde(rename = "schedule")]
    pub noise: Noise,
    /// What is learnt.
    pub data: Data,
    /// How it is learnt.
    pub training: Training,
    /// What is written down meanwhile.
    pub records: Records,
}

/// The data and what is done to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Files or folders of the training items, several as a pattern; none for data that are built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// Files or folders of the test items; none to use the test split of `train`, or to hold items out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Side of the centre crop taken before resizing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<u32>,
    /// Side of black squares in whose middle images are put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<u32>,
    /// Side that images are resized to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Whether images that cannot be decoded are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_corrupt: bool,
    /// Which to read of several: array of .npz, column of parquet, resolution of LMDB, IDX file of a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Stored values of bytes and images that become 0 and 255, where they are not all that the type holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_range: Option<ncsn_data::ValueRange>,
    /// Whether images are turned upright as their EXIF orientation says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exif: bool,
    /// Whether each file of arrays in a folder holds many items, instead of one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batches: bool,
    /// Whether 16-bit images are kept as numbers in their own units.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full_depth: bool,
    /// Order of the values of images in an array, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Channels, height and width of the items of an array, where they were said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<ImageShape>,
    /// Items held out for the test loss, drawn by the seed, where there is no test split.
    pub held_out: u64,
    /// Whether half of the images, drawn anew at each step, are mirrored left to right.
    pub flip: bool,
    /// Whether pixels become (255·x + u)/256 with u uniform in [0, 1).
    pub dequantize: bool,
    /// SHA-256 of the training items, filled in when they are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Classes of the items, for a network that is told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

/// Classes of the items and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// File of a label for each training item; none for labels that the data have with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// The same of the test items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Array or column of these files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Names of the classes, filled in when they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// SHA-256 of the labels of the training items and of the names, filled in when they are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Optimisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Items per step.
    pub batch: u64,
    /// Steps.
    pub iterations: u64,
    /// Learning rate of Adam.
    pub lr: f64,
    /// ε of Adam.
    pub adam_eps: f64,
    /// β₁ and β₂ of Adam.
    pub betas: [f64; 2],
    /// Whether Adam keeps the largest second moment.
    pub amsgrad: bool,
    /// m of Technique 5.
    pub ema_rate: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Parts of a batch that are computed one after the other, which takes the memory of one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub accumulate: u64,
    /// Whether layers are computed again for their gradients, in less memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gradient_checkpointing: bool,
    /// Largest norm of the gradient of all parameters; longer ones are shortened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Steps over which the learning rate grows to its value.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warmup: u64,
    /// How the learning rate falls after that.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decay: Decay,
    /// How often each noise level is trained on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub level_density: Density,
    /// Weight of each level's losses.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weighting: Weighting,
    /// Share of the items of classes that are trained on as if their class were not known, so that samples can be guided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_dropout: Option<f64>,
    /// Steps between snapshots of two averages of the weights, of which those of other lengths can be made; none for no snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots_every: Option<u64>,
}

fn one() -> u64 {
    1
}

fn is_one(value: &u64) -> bool {
    *value == 1
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Logs and checkpoints, in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// Steps between records of the loss.
    pub log_every: u64,
    /// Steps between test losses.
    pub test_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Checkpoints kept, the newest ones.
    pub keep: u64,
    /// Images sampled for a sheet.
    pub samples: u64,
    /// Steps between sheets; none for checkpoints at which sheets take little of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_every: Option<u64>,
}

impl Training {
    /// Technique 5's average of the weights.
    ///
    /// # Errors
    /// Those of [`Ema::new`].
    pub fn ema(&self) -> Result<Ema, Error> {
        Ok(Ema::new(self.ema_rate)?)
    }
}

/// Precision of products and convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single precision.
    F32,
    /// Single precision, products rounded to TF32 on CUDA.
    Tf32,
    /// Products in bfloat16, all else in single precision.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "f32" => Ok(Self::F32),
            "tf32" => Ok(Self::Tf32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(Error::setting("precision", text, "f32, tf32, bf16")),
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] naming the line for unknown, missing or ill-typed keys; those of
    /// [`check`](Self::check).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let table: Table = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            Error::content(
                path,
                format!("line {line}: {}", error.message().replace('\n', " ")),
                "the keys of a configuration",
            )
        })?;
        let config = Self::try_from(table)?;
        config.check()?;
        Ok(config)
    }

    /// TOML text.
    ///
    /// # Panics
    /// Never: all keys are text, numbers and tables.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| unreachable!("a configuration is valid TOML: {error}"))
    }

    /// Whether every number lies in its domain.
    ///
    /// # Errors
    /// [`Error::Setting`] with key and limit; those of the noise levels.
    pub fn check(&self) -> Result<(), Error> {
        self.network.check()?;
        self.noise.check(&self.network)?;
        self.training.ema()?;
        let Training { batch, iterations, lr, adam_eps, betas, .. } = self.training;
        let counts = [
            ("batch", batch, 1, 1 << 20),
            ("iterations", iterations, 1, 1 << 31),
            ("accumulate", self.training.accumulate, 1, batch),
            ("warmup", self.training.warmup, 0, iterations),
            ("snapshots_every", self.training.snapshots_every.unwrap_or(1), 1, 1 << 31),
            ("log_every", self.records.log_every, 1, 1 << 31),
            ("test_every", self.records.test_every, 1, 1 << 31),
            ("checkpoint_every", self.records.checkpoint_every, 1, 1 << 31),
            ("keep", self.records.keep, 1, 1 << 20),
            ("samples", self.records.samples, 0, 10_000),
            ("samples_every", self.records.samples_every.unwrap_or(1), 1, 1 << 31),
        ];
        for (name, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                return Err(Error::setting(name, value, format!("{least} to {most}")));
            }
        }
        let sigmas: Vec<f64> = self.schedule().sigmas().collect();
        self.training.level_density.cumulated(&sigmas)?;
        match (self.network.classes, &self.data.labels) {
            (0, None) => {}
            // To be filled in.
            (0, Some(labels)) if labels.names.is_empty() => {}
            (classes, Some(labels)) if labels.names.len() as i64 == classes => {}
            (classes, labels) => {
                let found = labels.as_ref().map_or(0, |labels| labels.names.len());
                return Err(Error::setting(
                    "network.classes",
                    classes,
                    format!("the number of data.labels.names, {found}"),
                ));
            }
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        let clip_norm = self.training.clip_norm.unwrap_or(1.0);
        let dropout = self.training.label_dropout.unwrap_or(0.1);
        let numbers = [
            ("clip_norm", clip_norm, positive(clip_norm), "positive and finite"),
            ("label_dropout", dropout, fraction(dropout) && dropout > 0.0, "above 0, below 1"),
            ("lr", lr, positive(lr), "positive and finite"),
            ("adam_eps", adam_eps, positive(adam_eps), "positive and finite"),
            ("betas", betas[0], fraction(betas[0]), "0 to below 1"),
            ("betas", betas[1], fraction(betas[1]), "0 to below 1"),
        ];
        match numbers.into_iter().find(|(.., fine, _)| !fine) {
            Some((name, value, _, allowed)) => Err(Error::setting(name, value, allowed)),
            None => Ok(()),
        }
    }

    /// Noise levels, T and ε.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        self.noise.schedule()
    }

    /// σ of each level in single precision, as the authors' code has them.
    ///
    /// # Formula
    /// ```text
    /// float32(exp(ln σ₁ + i·(ln σ_L − ln σ₁)/(L − 1))),   i = 0 … L − 1
    /// ```
    #[must_use]
    pub fn sigmas(&self) -> Vec<f32> {
        self.schedule().sigmas().map(|sigma| sigma as f32).collect()
    }
}
