//! Command line: what can be given, and nothing else.

mod ablate;
mod ema;
mod evaluate;
mod hype;
mod launch;
mod sample;
mod tools;
mod train;

use clap::{Args, Parser, Subcommand, ValueEnum};

use ncsn_shell::pages::CompletionsArgs;
#[cfg(feature = "man")]
use ncsn_shell::pages::ManArgs;

use crate::config::Precision;
use crate::device::Wanted;
use crate::layout::{ImageShape, Layout, Stated};

pub use ablate::AblateArgs;
pub use ema::EmaArgs;
pub use evaluate::{
    ComparisonArgs, ConvertArgs, EvaluateArgs, FeatureArgs, NeighboursArgs, ReportArgs, ScoreArgs,
    SelectArgs, SetsArgs,
};
pub use hype::{HypeArgs, HypeCommand, HypeMakeArgs, HypeScoreArgs};
pub use launch::{LaunchArgs, Launched};
pub use sample::{
    AddChoice, ChainArgs, DiagnoseArgs, InpaintArgs, InterpolateArgs, LikelihoodArgs, SampleArgs,
    SamplerChoice, SamplingArgs, SheetsArgs, TrainedArgs,
};
pub use tools::{BenchArgs, CostArgs, DataArgs, DevicesArgs, ModelArgs, NetworkArgs};
pub use train::{LabelArgs, OverrideArgs, RecordArgs, TrainArgs};

/// Train NCSN and NCSNv2 from a certified noise schedule, and sample from them
///
/// Song & Ermon (2020), "Improved Techniques for Training Score-Based Generative Models", on libtorch. Schedules come
/// from `ncsn schedule --format toml`; without one, those of the paper's Table 4 are used.
#[derive(Debug, Parser)]
#[command(name = "ncsn-trainer", version, propagate_version = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands; each is described by its options.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a description here would replace that of the options in --help")]
pub enum Command {
    Train(TrainArgs),
    Launch(LaunchArgs),
    Sample(SampleArgs),
    Interpolate(InterpolateArgs),
    Inpaint(InpaintArgs),
    Sheets(SheetsArgs),
    Report(ReportArgs),
    Diagnose(DiagnoseArgs),
    Likelihood(LikelihoodArgs),
    Evaluate(EvaluateArgs),
    Neighbours(NeighboursArgs),
    Hype(HypeArgs),
    Select(SelectArgs),
    Ablate(AblateArgs),
    Ema(EmaArgs),
    Convert(ConvertArgs),
    /// Write the scores that a network gives to the items of a file
    ///
    /// Reads tensors 'x' (items) and 'y' (index of the noise level of each); writes 'out'.
    Score(ScoreArgs),
    /// Write the losses of the items of a file
    ///
    /// Reads tensors 'x' (clean items), 'labels' (index of the noise level of each) and 'noise' (standard normal); writes
    /// 'loss' and 'loss_per_sample'.
    Loss(ScoreArgs),
    Model(ModelArgs),
    Data(DataArgs),
    Bench(BenchArgs),
    Cost(CostArgs),
    Devices(DevicesArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Write the manual pages, one per command
    #[cfg(feature = "man")]
    Man(ManArgs),
}

impl Command {
    /// Whether it prints for people, rather than something for programs to read.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        match self {
            Self::Train(args) => args.format == Format::Text && !args.dry_run,
            Self::Diagnose(DiagnoseArgs { format, .. })
            | Self::Likelihood(LikelihoodArgs { format, .. })
            | Self::Evaluate(EvaluateArgs { comparison: ComparisonArgs { format, .. }, .. })
            | Self::Neighbours(NeighboursArgs { comparison: ComparisonArgs { format, .. }, .. })
            | Self::Hype(HypeArgs { command: HypeCommand::Score(HypeScoreArgs { format, .. }) })
            | Self::Select(SelectArgs { format, .. })
            | Self::Ema(EmaArgs { format, .. })
            | Self::Model(ModelArgs { format, .. })
            | Self::Bench(BenchArgs { format, .. })
            | Self::Cost(CostArgs { format, .. })
            | Self::Devices(DevicesArgs { format, .. }) => *format == Format::Text,
            Self::Completions(_) => false,
            #[cfg(feature = "man")]
            Self::Man(_) => false,
            _ => true,
        }
    }
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// How arrays hold images.
#[derive(Args, Clone, Debug, Default)]
pub struct LayoutArgs {
    /// Order of the values in arrays of images: chw or hwc [default: as far as it is unambiguous, which is said]
    #[arg(long, value_name = "ORDER")]
    pub layout: Option<Layout>,
    /// Channels, height and width of the items of an array, such as 3,32,32 for vectors that are images
    #[arg(long, value_name = "C,H,W")]
    pub shape: Option<ImageShape>,
}

impl LayoutArgs {
    /// The same, for the reader.
    #[must_use]
    pub fn stated(&self) -> Stated {
        Stated { layout: self.layout, shape: self.shape }
    }
}

/// Where to compute, and how precisely.
#[derive(Args, Clone, Debug)]
pub struct DeviceArgs {
    /// Where to compute: auto, cpu, cuda or cuda:N; auto is the first GPU, or else the CPU
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Wanted,
    /// Precision of products and convolutions: f32, tf32 or bf16 [default: bf16 on CUDA, f32 on the CPU]
    #[arg(long, value_name = "PRECISION")]
    pub precision: Option<Precision>,
    /// CPU threads [default: one per core]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<u32>,
    /// On a GPU, use only algorithms that give the same bits every time, as far as libtorch has them; it warns of the others.
    /// On the CPU all are such
    #[arg(long)]
    pub deterministic: bool,
    /// What computes InstanceNorm++ and ELU on a GPU: own takes far fewer passes over memory, but was not yet run on a GPU; it is
    /// compared with double precision at the start
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t)]
    pub kernels: KernelChoice,
}

/// What computes InstanceNorm++ and ELU on a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KernelChoice {
    /// Operators of torch
    #[default]
    Torch,
    /// Kernels that are compiled for the GPU at hand at the start
    Own,
}
