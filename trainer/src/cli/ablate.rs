//! Arguments of `ablate`.

use clap::Args;

use super::{FeatureArgs, TrainArgs};

/// Train and compare NCSN, NCSN₅, NCSN₁,₂,₄,₅ and NCSNv2 on one data set (Section 6, Figs. 3, 5, 9, 13 and 14)
///
/// Takes the options of 'train' for NCSNv2 and trains three networks in RUN: NCSN with its published noise, whose last and averaged
/// weights are NCSN and NCSN₅; NCSN's network with NCSNv2's noise; NCSNv2. Data, batch, steps and seed are the same for all; without
/// Technique 3 the learning rate is 0.001, as in the paper. Every checkpoint is kept and compared with the data as 'select' does.
/// RUN/index.html shows curves and samples side by side. The same command goes on where an interruption has left it.
///
/// Example: ncsn-trainer ablate --preset shapes --run runs/ablation --num 256
#[derive(Args, Clone, Debug)]
pub struct AblateArgs {
    /// Settings, data and budget
    #[command(flatten)]
    pub train: TrainArgs,
    /// Samples of each checkpoint; the paper took 1000
    #[arg(long, value_name = "IMAGES", default_value_t = 1000)]
    pub num: u64,
    /// Images on each sheet
    #[arg(long, value_name = "IMAGES", default_value_t = 36)]
    pub images: u64,
    /// Items sampled at once
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub sample_batch: u64,
    /// Langevin steps per level, the same for all [default: each model's own, as published 100 for NCSN]
    #[arg(long, value_name = "T")]
    pub steps_per_level: Option<u64>,
    /// Which features
    #[command(flatten)]
    pub features: FeatureArgs,
}
