//! What a run is made of: one TOML file, written resolved into the run's folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ncsn_schedule::ScheduleFile;
use ncsn_theory::langevin::Annealing;
use ncsn_theory::schedule::DataRange;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::dataset::{ImageShape, Layout};
use crate::model::NetworkShape;

/// Everything that determines a run; the file `config.toml` of its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Preset that the rest started from.
    pub preset: String,
    /// The network.
    pub network: NetworkShape,
    /// Noise levels and the Langevin dynamics on them.
    pub noise: Noise,
    /// What is learnt.
    pub data: Data,
    /// How it is learnt.
    pub training: Training,
    /// What is written down meanwhile.
    pub records: Records,
}

/// Geometric noise levels, and the constants of Algorithm 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// σ₁.
    pub sigma_max: f64,
    /// σ_L.
    pub sigma_min: f64,
    /// L.
    pub num_levels: u64,
    /// T.
    pub steps_per_level: u64,
    /// ε.
    pub epsilon: f64,
    /// Units of the levels: those of pixels in [0, 1], or the data's own.
    #[serde(default, skip_serializing_if = "Scale::is_unit")]
    pub units: Scale,
    /// Where these numbers come from.
    pub source: String,
}

/// What a noise level of 1 means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// The distance from black to white.
    #[default]
    Unit,
    /// 1 as the data's numbers count it.
    Native,
}

impl Scale {
    fn is_unit(&self) -> bool {
        *self == Self::Unit
    }
}

/// The data and what is done to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// File or folder of the training items; none for data that are built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// File or folder of the test items; none to use the test split of `train`, or to hold items out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Side of the centre crop taken before resizing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<u32>,
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

/// Precision of products and convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let config: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            Error::Content {
                path: path.to_owned(),
                found: format!("line {line}: {}", error.message().replace('\n', " ")),
                expected: "the keys of a configuration".to_owned(),
            }
        })?;
        config.check()?;
        Ok(config)
    }

    /// TOML text.
    ///
    /// # Panics
    /// Never: all keys are text, numbers and tables.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| unreachable!("a configuration is valid TOML: {error}"))
    }

    /// Whether every number lies in its domain.
    ///
    /// # Errors
    /// [`Error::Setting`] with key and limit; those of the noise levels.
    pub fn check(&self) -> Result<(), Error> {
        self.network.check()?;
        self.noise.annealing()?;
        let Training { batch, iterations, lr, adam_eps, betas, ema_rate, .. } = self.training;
        let counts = [
            ("batch", batch, 1, 1 << 20),
            ("iterations", iterations, 1, 1 << 31),
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
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        let numbers = [
            ("lr", lr, positive(lr), "positive and finite"),
            ("adam_eps", adam_eps, positive(adam_eps), "positive and finite"),
            ("betas", betas[0], fraction(betas[0]), "0 to below 1"),
            ("betas", betas[1], fraction(betas[1]), "0 to below 1"),
            ("ema_rate", ema_rate, fraction(ema_rate), "0 to below 1"),
        ];
        match numbers.into_iter().find(|(.., fine, _)| !fine) {
            Some((name, value, _, allowed)) => Err(Error::setting(name, value, allowed)),
            None => Ok(()),
        }
    }

    /// Takes noise levels, steps and ε from a schedule file, which is returned.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] for files that are none, contradict themselves, are for another dimension
    /// than the network's, or for pixels in another range than [0, 1].
    pub fn use_schedule(&mut self, path: &Path) -> Result<ScheduleFile, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let content =
            |found: String, expected: String| Error::Content { path: path.to_owned(), found, expected };
        let file = ScheduleFile::parse(&text)
            .map_err(|error| content(format!("{error:#}"), "a schedule file".to_owned()))?;
        if file.dim != self.network.dim() {
            let sides: Vec<String> = self.network.item.iter().map(i64::to_string).collect();
            let expected = format!("{} for items of {}", self.network.dim(), sides.join(" x "));
            return Err(content(format!("dim is {}", file.dim), expected));
        }
        if file.data_range == "signed" {
            return Err(content(
                "data_range is signed".to_owned(),
                "unit: the trainer's pixels are in [0, 1]".to_owned(),
            ));
        }
        self.noise = Noise {
            sigma_max: file.sigma_max,
            sigma_min: file.sigma_min,
            num_levels: file.num_levels,
            steps_per_level: file.steps_per_level,
            epsilon: file.epsilon,
            units: if file.data_range == DataRange::Native.name() { Scale::Native } else { Scale::Unit },
            source: format!("{} for {}", file.provenance.program, file.dataset),
        };
        Ok(file)
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sigma_max, sigma_min, num_levels, steps_per_level, epsilon, units, source } = self;
        let units = match units {
            Scale::Unit => "",
            Scale::Native => " in the data's units",
        };
        write!(
            f,
            "{sigma_max} to {sigma_min}{units} in {num_levels} levels, T = {steps_per_level}, epsilon {epsilon:e} \
             ({source})"
        )
    }
}

impl Noise {
    /// Noise levels for Algorithm 1, with the final denoising.
    ///
    /// # Errors
    /// Those of [`Annealing::geometric`].
    pub fn annealing(&self) -> Result<Annealing, Error> {
        let Self { sigma_max, sigma_min, num_levels, steps_per_level, epsilon, .. } = *self;
        if !(2..=1_000_000).contains(&num_levels) {
            return Err(Error::setting("num_levels", num_levels, "2 to 1000000"));
        }
        if steps_per_level == 0 {
            return Err(Error::setting("steps_per_level", 0, "at least 1"));
        }
        Ok(Annealing::geometric(sigma_max, sigma_min, num_levels as usize, epsilon, steps_per_level)?)
    }

    /// σ of each level in single precision, as the authors' code has them.
    ///
    /// # Formula
    /// ```text
    /// float32(exp(ln σ₁ + i·(ln σ_L − ln σ₁)/(L − 1))),   i = 0 … L − 1
    /// ```
    ///
    /// # Errors
    /// Those of [`annealing`](Self::annealing).
    pub fn sigmas(&self) -> Result<Vec<f32>, Error> {
        Ok(self.annealing()?.levels.iter().map(|&sigma| sigma as f32).collect())
    }
}
