//! Arguments of the smaller commands.

use std::path::PathBuf;

use clap::Args;
use ncsn_shell::ReadArgs;

use super::{DeviceArgs, Format, LayoutArgs};
use crate::layout::ImageShape;

/// Settings of a network that is not trained.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct NetworkArgs {
    /// Preset of the network; 'own' needs --shape
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub preset: Option<String>,
    /// Configuration of the network, such as the config.toml of a run or what 'train --dry-run' prints
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Channels, height and width of the images of preset 'own'
    #[arg(long, value_name = "C,H,W", conflicts_with = "config")]
    pub shape: Option<ImageShape>,
    /// n of Tables 2 and 3 [default: the preset's]
    #[arg(long, value_name = "CHANNELS")]
    pub filters: Option<i64>,
}

/// Show a network layer by layer, or list the presets
///
/// Example: ncsn-trainer model --preset own --shape 3,64,64
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// The network; without it, all presets are listed
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Write data as one array that training reads in place: files decoded once for all, or what a preset draws
///
/// Folders and archives of images are decoded into a temporary file (TMPDIR) at every start, 12 kB for an image of 64 × 64;
/// an array of them has the same content, so that schedules and runs of the one go on with the other.
///
/// Example: ncsn-trainer data --data my/images --size 64 -o my.npy
#[derive(Args, Clone, Debug)]
pub struct DataArgs {
    /// Data that are drawn by code: shapes or mixture2d
    #[arg(long, value_name = "NAME", required_unless_present = "data", conflicts_with_all = ["data", "ReadArgs"])]
    pub preset: Option<String>,
    /// Data to decode: folders or archives of images, LMDB, parquet, IDX, CIFAR, arrays; several with
    /// --data again
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// How items are read
    #[command(flatten)]
    pub read: ReadArgs,
    /// How arrays hold images
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// Array of all items, without those of a test split
    #[arg(short, long, value_name = "FILE.npy")]
    pub output: PathBuf,
    /// Array of the items of the test split
    #[arg(long, value_name = "FILE.npy", requires = "data")]
    pub test_output: Option<PathBuf>,
    /// Sheet of the first 64 images
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
}

/// Time a forward pass, a training step and a Langevin step
///
/// Example: ncsn-trainer bench --preset cifar10 --batch 8 --format json
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// The network; without it, that of cifar10
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Items per step [default: the preset's]
    #[arg(long, value_name = "ITEMS")]
    pub batch: Option<u64>,
    /// Compute layers again for their gradients, in less memory
    #[arg(long)]
    pub gradient_checkpointing: bool,
    /// Timed repeats of each step
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub repeats: usize,
    /// Record three more training steps, operators and kernels, in Chrome's trace format
    #[arg(long, value_name = "FILE.json")]
    pub trace: Option<PathBuf>,
    /// Where to compute
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Say what training and sampling as published take on this device (Table 6)
///
/// Steps are measured, all of them extrapolated. Table 6 does not say how many images a batch of samples has; here it is the batch of
/// training.
///
/// Example: ncsn-trainer cost --preset cifar10
#[derive(Args, Clone, Debug)]
pub struct CostArgs {
    /// A preset, several with --preset again [default: the data sets of Table 6]
    #[arg(long, value_name = "NAME")]
    pub preset: Vec<String>,
    /// Items per step as measured, for devices that have no room for the published batch
    #[arg(long, value_name = "ITEMS")]
    pub batch: Option<u64>,
    /// Timed repeats of each step
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub repeats: usize,
    /// Where to compute
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Say which devices torch sees
#[derive(Args, Clone, Debug)]
pub struct DevicesArgs {
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}
