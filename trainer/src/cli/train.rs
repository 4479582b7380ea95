//! Arguments of `train`.

use std::path::PathBuf;

use clap::Args;
use ncsn_shell::ReadArgs;

use super::{DeviceArgs, Format, LayoutArgs};
use crate::config::{Decay, Density, Weighting};
use crate::model::Architecture;

/// Train a network
///
/// Starts from a preset, which flags override; the resolved configuration is written to the run's folder. With
/// --resume, a run goes on from its last checkpoint as if it had never stopped.
///
/// Example: ncsn-trainer train --preset mnist --data mnist/ --run runs/mnist
#[derive(Args, Clone, Debug)]
#[command(allow_negative_numbers = true)]
pub struct TrainArgs {
    /// Settings to start from; 'ncsn-trainer model' lists them. 'own' is for data of your own, with --schedule
    #[arg(long, value_name = "NAME", conflicts_with_all = ["config", "resume"])]
    pub preset: Option<String>,
    /// A configuration file to start from, such as the config.toml of another run
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Folder of the run, made anew [default: runs/PRESET]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Go on with the run in --run
    #[arg(long, requires = "run", conflicts_with_all = ["ReadArgs", "LayoutArgs"])]
    pub resume: bool,
    /// Go on from this checkpoint instead of the last, such as step-00005000
    #[arg(long, value_name = "NAME", requires = "resume")]
    pub from: Option<String>,
    /// Noise schedule from 'ncsn schedule --format toml', instead of the preset's
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub schedule: Option<PathBuf>,
    /// Take a --schedule that was derived from other data than these
    #[arg(long, requires = "schedule")]
    pub any_data: bool,
    /// Training data: folders or archives of images, LMDB, parquet, IDX, CIFAR, arrays, a pattern such as
    /// 'shard-{000..012}.tar'; several with --data again. Images are decoded into a temporary file (TMPDIR) at every start,
    /// unless 'ncsn-trainer data' has made an array of them
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// Test data [default: the test split of --data, or items held out]
    #[arg(long, value_name = "PATH")]
    pub test_data: Vec<PathBuf>,
    /// How items are read
    #[command(flatten)]
    pub read: ReadArgs,
    /// How arrays hold images
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// Classes of the items
    #[command(flatten)]
    pub labels: LabelArgs,
    /// Settings that override the preset's
    #[command(flatten)]
    pub overrides: OverrideArgs,
    /// What is written down
    #[command(flatten)]
    pub records: RecordArgs,
    /// Stop after this many steps [default: the preset's]
    #[arg(long, value_name = "STEPS")]
    pub iterations: Option<u64>,
    /// Seconds to wait at the start for the other processes of a training by several
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub rendezvous_timeout: u64,
    /// Where to compute
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print the resolved configuration and write nothing
    #[arg(long, conflicts_with = "resume")]
    pub dry_run: bool,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Classes of the items.
#[derive(Args, Clone, Debug, Default)]
#[group(id = "labels_of_items", multiple = true, conflicts_with = "resume")]
pub struct LabelArgs {
    /// Tell the network the class of each item, for NCSNv2 and mlp: from CIFAR's records, MNIST's file of labels, an array
    /// 'labels', 'label', 'y' or 'targets' beside the items, or the folder that an image lies in
    #[arg(long)]
    pub class_conditional: bool,
    /// The same, from a file with a whole number for each training item, in any format in which a row can be one number
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// File of the test items' labels
    #[arg(long, value_name = "FILE", requires = "labels")]
    pub test_labels: Option<PathBuf>,
    /// Array or column of the files of labels
    #[arg(long, value_name = "NAME", requires = "labels")]
    pub labels_array: Option<String>,
    /// Share of the items whose class is kept from the network, so that it knows items of any class too and samples can be
    /// guided [default: 0.1, as Ho & Salimans (2022) found best]
    #[arg(long, value_name = "SHARE")]
    pub label_dropout: Option<f64>,
}

/// Settings that override the preset's.
#[derive(Args, Clone, Debug, Default)]
#[group(id = "overrides", multiple = true, conflicts_with = "resume")]
pub struct OverrideArgs {
    /// Network: ncsn, ncsn-deeper, ncsnv2, ncsnv2-deeper, ncsnv2-deepest, mlp [default: the preset's, or by the size of
    /// the items]
    #[arg(long, value_name = "NAME")]
    pub architecture: Option<Architecture>,
    /// n of Tables 2 and 3, the channels of the first stage [default: the preset's]
    #[arg(long, value_name = "CHANNELS")]
    pub filters: Option<i64>,
    /// Items held out for the test loss where there is no test split [default: the preset's, at most a tenth of all]
    #[arg(long, value_name = "ITEMS")]
    pub held_out: Option<u64>,
    /// Whether half of the images are mirrored [default: the preset's]
    #[arg(long, value_name = "BOOL")]
    pub flip: Option<bool>,
    /// Items per step [default: the preset's]
    #[arg(long, value_name = "ITEMS")]
    pub batch: Option<u64>,
    /// Learning rate of Adam [default: the preset's]
    #[arg(long, value_name = "RATE")]
    pub lr: Option<f64>,
    /// Epsilon of Adam [default: the preset's]
    #[arg(long, value_name = "EPSILON")]
    pub adam_eps: Option<f64>,
    /// Keep the largest second moment (AMSGrad) [default: the preset's]
    #[arg(long, value_name = "BOOL")]
    pub amsgrad: Option<bool>,
    /// Weight m kept from the old average of the weights (Technique 5) [default: the preset's]
    #[arg(long, value_name = "RATE")]
    pub ema_rate: Option<f64>,
    /// The same, as the number of steps after which half of the old average is left
    #[arg(long, value_name = "STEPS", conflicts_with = "ema_rate")]
    pub ema_half_life: Option<f64>,
    /// Compute a batch in this many parts, one after the other, in the memory of one: the same gradients but for rounding
    #[arg(long, value_name = "PARTS")]
    pub accumulate: Option<u64>,
    /// Compute layers again for their gradients instead of keeping all that these need: less memory, a third more time
    #[arg(long)]
    pub gradient_checkpointing: bool,
    /// Shorten gradients whose norm over all parameters is larger
    #[arg(long, value_name = "NORM")]
    pub clip_norm: Option<f64>,
    /// Steps over which the learning rate grows from 0 to its value
    #[arg(long, value_name = "STEPS")]
    pub warmup: Option<u64>,
    /// How the learning rate falls to 0 at the last step: constant (it does not), linear or cosine
    #[arg(long, value_name = "SHAPE")]
    pub decay: Option<Decay>,
    /// Weight of each noise level's losses: published, or edm:SIGMA_DATA, (1 + (sigma/SIGMA_DATA)^2) times that (Karras et al. 2022,
    /// whose 0.5 for pixels in [-1, 1] is 0.25 in [0, 1])
    #[arg(long, value_name = "WEIGHTING")]
    pub weighting: Option<Weighting>,
    /// How often each noise level is trained on: uniform, or lognormal:MEAN,DEVIATION of ln sigma (-1.9,1.2 for pixels in [0, 1] in
    /// Karras et al. 2022)
    #[arg(long, value_name = "DENSITY")]
    pub level_density: Option<Density>,
    /// Steps between snapshots of two averages, 8 bytes a parameter, of which 'ncsn-trainer ema' makes those of other lengths
    #[arg(long, value_name = "STEPS")]
    pub snapshots_every: Option<u64>,
    /// Seed of everything random [default: the preset's]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
}

/// What is written down, which a run that goes on may change.
#[derive(Args, Clone, Debug, Default)]
pub struct RecordArgs {
    /// Steps between checkpoints [default: the preset's]
    #[arg(long, value_name = "STEPS")]
    pub checkpoint_every: Option<u64>,
    /// Steps between test losses [default: the preset's]
    #[arg(long, value_name = "STEPS")]
    pub test_every: Option<u64>,
    /// Steps between records of the loss [default: the preset's]
    #[arg(long, value_name = "STEPS")]
    pub log_every: Option<u64>,
    /// Checkpoints kept [default: the preset's]
    #[arg(long, value_name = "COUNT")]
    pub keep: Option<u64>,
    /// Images on a sheet of samples; 0 for no sheets [default: the preset's]
    #[arg(long, value_name = "IMAGES")]
    pub samples: Option<u64>,
    /// Steps between sheets [default: at checkpoints, as long as sheets take at most 5 % of the time]
    #[arg(long, value_name = "STEPS")]
    pub samples_every: Option<u64>,
}
