//! Arguments of the smaller commands.

use std::path::PathBuf;

use clap::Args;

use super::{DeviceArgs, Format};

/// Show a preset's network layer by layer, or list the presets
///
/// Example: ncsn-trainer model --preset cifar10
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// Preset whose network is shown; without it, all presets are listed
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// n of Tables 2 and 3 [default: the preset's]
    #[arg(long, value_name = "CHANNELS", requires = "preset")]
    pub filters: Option<i64>,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Write the data that a preset draws by code, to look at or to measure
///
/// Example: ncsn-trainer data --preset shapes -o shapes.npy && ncsn schedule --data shapes.npy
#[derive(Args, Clone, Debug)]
pub struct DataArgs {
    /// shapes or mixture2d
    #[arg(long, value_name = "NAME")]
    pub preset: String,
    /// Array of all items
    #[arg(short, long, value_name = "FILE.npy")]
    pub output: PathBuf,
    /// Sheet of the first 64 images
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
}

/// Time a forward pass, a training step and a Langevin step
///
/// Example: ncsn-trainer bench --preset cifar10 --batch 8 --format json
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Preset whose network is timed
    #[arg(long, value_name = "NAME", default_value = "cifar10")]
    pub preset: String,
    /// n of Tables 2 and 3 [default: the preset's]
    #[arg(long, value_name = "CHANNELS")]
    pub filters: Option<i64>,
    /// Items per step [default: the preset's]
    #[arg(long, value_name = "ITEMS")]
    pub batch: Option<u64>,
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

/// Say which devices torch sees
#[derive(Args, Clone, Debug)]
pub struct DevicesArgs {
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}
