//! Arguments of `ema`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// Make averages of a run's weights of other lengths, after training
///
/// From the snapshots that 'train --snapshots-every' has written (Karras et al. 2024), for Technique 5's average whose length
/// had to be chosen before. The relative width sigma_rel is the standard deviation of the age of what is averaged, as a share of
/// the training so far: 0.05 is a short average, 0.25 a long one. Each becomes a checkpoint in RUN/ema, for 'sample' and
/// 'evaluate' to compare.
///
/// Example: ncsn-trainer ema runs/cifar10 --sigma-rel 0.05,0.1,0.15,0.2
#[derive(Args, Clone, Debug)]
pub struct EmaArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Relative widths, each below 0.288675, that of the mean of all weights so far
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', required = true)]
    pub sigma_rel: Vec<f64>,
    /// After which step, that of a snapshot [default: the last]
    #[arg(long, value_name = "STEP")]
    pub step: Option<u64>,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}
