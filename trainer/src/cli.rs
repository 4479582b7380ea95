//! Command line: what can be given, and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use ncsn::cli::{CompletionsArgs, ManArgs};

use crate::config::Precision;
use crate::device::Wanted;
use crate::model::Architecture;
use crate::source::Weights;

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
    Sample(SampleArgs),
    Interpolate(InterpolateArgs),
    Inpaint(InpaintArgs),
    Diagnose(DiagnoseArgs),
    Convert(ConvertArgs),
    /// Write the scores that a network gives to the items of a file
    ///
    /// Reads tensors 'x' (items) and 'y' (index of the noise level of each); writes 'out'.
    Score(EvaluateArgs),
    /// Write the losses of the items of a file
    ///
    /// Reads tensors 'x' (clean items), 'labels' (index of the noise level of each) and 'noise' (standard normal); writes
    /// 'loss' and 'loss_per_sample'.
    Loss(EvaluateArgs),
    Model(ModelArgs),
    Data(DataArgs),
    Bench(BenchArgs),
    Devices(DevicesArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Write the manual pages, one per command
    Man(ManArgs),
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
}

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
    #[arg(long, requires = "run")]
    pub resume: bool,
    /// Noise schedule from 'ncsn schedule --format toml', instead of the preset's
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub schedule: Option<PathBuf>,
    /// Training data: a folder or archive of images, LMDB, parquet, IDX, CIFAR binary, .npy, .npz
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Test data [default: the test split of --data, or items held out]
    #[arg(long, value_name = "PATH")]
    pub test_data: Option<PathBuf>,
    /// Settings that override the preset's
    #[command(flatten)]
    pub overrides: OverrideArgs,
    /// Stop after this many steps
    #[arg(long, value_name = "STEPS")]
    pub iterations: Option<u64>,
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

/// Settings that override the preset's.
#[derive(Args, Clone, Debug, Default)]
#[group(id = "overrides", multiple = true, conflicts_with = "resume")]
pub struct OverrideArgs {
    /// Network: ncsn, ncsn-deeper, ncsnv2, ncsnv2-deeper, ncsnv2-deepest, mlp
    #[arg(long, value_name = "NAME")]
    pub architecture: Option<Architecture>,
    /// n of Tables 2 and 3, the channels of the first stage
    #[arg(long, value_name = "CHANNELS")]
    pub filters: Option<i64>,
    /// Resize images so that the short side has this many pixels, then crop the centre to a square
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u32>,
    /// Crop the centre to a square of this many pixels before resizing
    #[arg(long, value_name = "PIXELS")]
    pub crop: Option<u32>,
    /// Leave out images that cannot be decoded, and report them
    #[arg(long)]
    pub skip_corrupt: bool,
    /// Which to read of several: array of .npz, column of parquet, resolution of LMDB, IDX file of a folder
    #[arg(long, value_name = "NAME")]
    pub array: Option<String>,
    /// Items held out for the test loss where there is no test split
    #[arg(long, value_name = "ITEMS")]
    pub held_out: Option<u64>,
    /// Whether half of the images are mirrored
    #[arg(long, value_name = "BOOL")]
    pub flip: Option<bool>,
    /// Items per step
    #[arg(long, value_name = "ITEMS")]
    pub batch: Option<u64>,
    /// Learning rate of Adam
    #[arg(long, value_name = "RATE")]
    pub lr: Option<f64>,
    /// Epsilon of Adam
    #[arg(long, value_name = "EPSILON")]
    pub adam_eps: Option<f64>,
    /// Keep the largest second moment (AMSGrad)
    #[arg(long, value_name = "BOOL")]
    pub amsgrad: Option<bool>,
    /// Weight m kept from the old average of the weights (Technique 5)
    #[arg(long, value_name = "RATE")]
    pub ema_rate: Option<f64>,
    /// Seed of everything random
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Steps between checkpoints
    #[arg(long, value_name = "STEPS")]
    pub checkpoint_every: Option<u64>,
    /// Steps between test losses
    #[arg(long, value_name = "STEPS")]
    pub test_every: Option<u64>,
    /// Steps between records of the loss
    #[arg(long, value_name = "STEPS")]
    pub log_every: Option<u64>,
    /// Checkpoints kept
    #[arg(long, value_name = "COUNT")]
    pub keep: Option<u64>,
    /// Images sampled at each checkpoint
    #[arg(long, value_name = "IMAGES")]
    pub samples: Option<u64>,
}

/// A trained network.
#[derive(Args, Clone, Debug)]
pub struct TrainedArgs {
    /// A run's folder (its last checkpoint), a checkpoint's, or the authors' .pth or .safetensors file
    #[arg(long, value_name = "PATH")]
    pub checkpoint: PathBuf,
    /// Settings that a file without them was trained with, such as cifar10
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Averaged (ema) or last (raw) weights
    #[arg(long, value_name = "WEIGHTS", default_value = "ema")]
    pub weights: Weights,
}

/// How to sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SamplerChoice {
    /// Annealed Langevin dynamics, Algorithm 1
    #[default]
    Langevin,
    /// Consistent annealed sampling, one step per level (Jolicoeur-Martineau et al. 2021)
    Consistent,
    /// Reverse-time SDE: reverse diffusion, then a Langevin step (Song et al. 2021); not for vectors of few entries, where
    /// that step has no bound
    PredictorCorrector,
    /// Probability-flow ODE by Heun's method: no noise but the start (Song et al. 2021)
    Ode,
}

/// What all ways of sampling share.
#[derive(Args, Clone, Debug)]
pub struct SamplingArgs {
    /// Items computed at once
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub batch: u64,
    /// Seed of start and noise
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Langevin steps per level [default: the run's]
    #[arg(long, value_name = "T")]
    pub steps_per_level: Option<u64>,
    /// Step size at the smallest noise level [default: the run's]
    #[arg(long, value_name = "EPSILON")]
    pub epsilon: Option<f64>,
    /// Leave out the denoising at the end
    #[arg(long)]
    pub no_denoise: bool,
    /// Where to compute
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// Sample images from a trained network
///
/// Annealed Langevin dynamics (Algorithm 1) over all noise levels, or another sampler that needs fewer steps. The same
/// seed gives the same images, whatever the batch.
///
/// Example: ncsn-trainer sample --checkpoint runs/mnist --num 64 --grid digits.png
#[derive(Args, Clone, Debug)]
pub struct SampleArgs {
    /// The network
    #[command(flatten)]
    pub trained: TrainedArgs,
    /// Number of images
    #[arg(long, value_name = "IMAGES", default_value_t = 64)]
    pub num: u64,
    /// How to sample
    #[arg(long, value_name = "SAMPLER", value_enum, default_value_t)]
    pub sampler: SamplerChoice,
    /// Steps from the largest to the smallest noise level, for all samplers but langevin [default: the run's levels
    /// less one]
    #[arg(long, value_name = "STEPS")]
    pub steps: Option<u64>,
    /// Signal-to-noise ratio of predictor-corrector's corrector [default: 0.16, as published]
    #[arg(long, value_name = "RATIO")]
    pub snr: Option<f64>,
    /// Part of the noise that a step of consistent removes [default: 1 - g^2, where g is the ratio of a level to the one
    /// before]
    #[arg(long, value_name = "PART")]
    pub eta: Option<f64>,
    /// Batches, seed, Langevin dynamics and device
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Sheet of all images
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
    /// Folder for one PNG of each image
    #[arg(long, value_name = "DIR")]
    pub png: Option<PathBuf>,
    /// Values before rounding, as .npy or .safetensors
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Strip of the first images on their way through the noise levels
    #[arg(long, value_name = "FILE.png")]
    pub trajectory: Option<PathBuf>,
    /// Where to start: tensor 'x0' of a safetensors file
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// Noise to use: tensor 'noise' [steps, images, …] of a safetensors file
    #[arg(long, value_name = "FILE")]
    pub noise: Option<PathBuf>,
}

/// Interpolate between samples (Figs. 20 to 24)
///
/// Each row leads from one sample to another from the same start, through noise that turns from the one's into the
/// other's. Row k begins with image 2k that 'sample' makes from the same seed.
///
/// Example: ncsn-trainer interpolate --checkpoint runs/celeba --pairs 4 --count 8 --grid rows.png
#[derive(Args, Clone, Debug)]
pub struct InterpolateArgs {
    /// The network
    #[command(flatten)]
    pub trained: TrainedArgs,
    /// Rows
    #[arg(long, value_name = "PAIRS", default_value_t = 4)]
    pub pairs: u64,
    /// Images between the two ends of a row
    #[arg(long, value_name = "IMAGES", default_value_t = 8)]
    pub count: u64,
    /// Batches, seed, Langevin dynamics and device
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Sheet of all rows
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
    /// Values before rounding [pairs, count + 2, …], as .npy, or as .safetensors with the starts 'x0' of both ends of
    /// each row, from which 'sample --init' makes the same images
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Fill in parts of images
///
/// Annealed Langevin dynamics on the part that is masked, while the rest is kept as noisy as the level. The known pixels
/// come out as they went in.
///
/// Examples: ncsn-trainer inpaint --checkpoint runs/celeba --input face.png --mask right --num 6 --grid faces.png;
/// ncsn-trainer inpaint --checkpoint runs/celeba --input faces/ --images 4 --mask mask.png --grid faces.png
#[derive(Args, Clone, Debug)]
pub struct InpaintArgs {
    /// The network
    #[command(flatten)]
    pub trained: TrainedArgs,
    /// An image of the network's size, or data as for 'train', prepared as the run's data were
    #[arg(long, value_name = "PATH")]
    pub input: PathBuf,
    /// Part to fill in: left, right, top, bottom, centre, border, or an image: white is filled in, black kept
    #[arg(long, value_name = "PART|FILE")]
    pub mask: String,
    /// Fills of each image
    #[arg(long, value_name = "FILLS", default_value_t = 4)]
    pub num: u64,
    /// Images taken from --input, the first ones
    #[arg(long, value_name = "IMAGES", default_value_t = 1)]
    pub images: u64,
    /// Batches, seed, Langevin dynamics and device
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Sheet with a row for each image: the original, what is known of it, the fills
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
    /// Values before rounding [images, fills, …], as .npy or .safetensors
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Measure a network and its sampling level by level against Propositions 2 and 3
///
/// Example: ncsn-trainer diagnose --checkpoint runs/mnist --data mnist/
#[derive(Args, Clone, Debug)]
pub struct DiagnoseArgs {
    /// The network
    #[command(flatten)]
    pub trained: TrainedArgs,
    /// Items for scores and losses, as for 'train' [default: the built-in data of the run, or else its own samples]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Samples, and items of the data
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub num: u64,
    /// Every level instead of 20 of them
    #[arg(long)]
    pub all: bool,
    /// Batches, seed, Langevin dynamics and device
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Exchange weights with the authors' code and with PyTorch
///
/// From a .pth file of the authors (or a safetensors file with their keys), makes a run that 'train --resume' goes on
/// with; from a run or such a file, writes a safetensors file that PyTorch loads. No code of a pickle is ever run.
///
/// Examples: ncsn-trainer convert checkpoint.pth --preset cifar10 -o runs/imported;
/// ncsn-trainer convert runs/mnist --weights ema -o mnist.safetensors
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// What to convert
    #[arg(value_name = "PATH")]
    pub input: PathBuf,
    /// The run's folder to make, or FILE.safetensors to write
    #[arg(short, long, value_name = "PATH")]
    pub output: PathBuf,
    /// Averaged (ema) or last (raw) weights, for FILE.safetensors
    #[arg(long, value_name = "WEIGHTS")]
    pub weights: Option<Weights>,
    /// Settings for the run that the file does not hold, such as cifar10
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
}

/// What to evaluate, and on what.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// A run's folder (its last checkpoint), a checkpoint's, or the authors' .pth or .safetensors file
    #[arg(long, value_name = "PATH")]
    pub checkpoint: PathBuf,
    /// Averaged (ema) or last (raw) weights
    #[arg(long, value_name = "WEIGHTS", default_value = "ema")]
    pub weights: Weights,
    /// Tensors to read
    #[arg(long, value_name = "FILE.safetensors")]
    pub input: PathBuf,
    /// Tensors to write
    #[arg(long, value_name = "FILE.safetensors")]
    pub output: PathBuf,
    /// Where to compute
    #[command(flatten)]
    pub device: DeviceArgs,
}

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
