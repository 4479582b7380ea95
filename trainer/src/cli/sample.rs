//! Arguments of the commands that sample.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DeviceArgs, Format};
use crate::weights::Weights;

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
    /// The same by DPM-Solver++(2M), with one score evaluation a step (Lu et al. 2022)
    Dpm,
}

/// Langevin dynamics on a trained network.
#[derive(Args, Clone, Debug)]
pub struct ChainArgs {
    /// Items computed at once
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub batch: u64,
    /// Seed of start and noise
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Langevin steps per level, with Technique 4's epsilon for them [default: the run's]
    #[arg(long, value_name = "T")]
    pub steps_per_level: Option<u64>,
    /// Step size at the smallest noise level [default: the run's]
    #[arg(long, value_name = "EPSILON")]
    pub epsilon: Option<f64>,
    /// Where to compute
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// What all ways of sampling share.
#[derive(Args, Clone, Debug)]
pub struct SamplingArgs {
    /// The chain
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Leave out the denoising at the end
    #[arg(long)]
    pub no_denoise: bool,
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
    /// Space the levels of ode and dpm by equal steps of sigma^(1/RHO), 7 in Karras et al. (2022) [default: geometrically]
    #[arg(long, value_name = "RHO")]
    pub rho: Option<f64>,
    /// Signal-to-noise ratio of predictor-corrector's corrector [default: 0.16, as published]
    #[arg(long, value_name = "RATIO")]
    pub snr: Option<f64>,
    /// Part of the noise that a step of consistent removes [default: 1 - g^2, where g is the ratio of a level to the one
    /// before]
    #[arg(long, value_name = "PART")]
    pub eta: Option<f64>,
    /// Classes to sample, by name, one image of each in turn; any for images of no class in particular; for networks that are
    /// told classes [default: all]
    #[arg(long = "class", value_name = "NAME", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// How strongly to guide towards the class: 1 samples it as it is, more gives more typical images in twice the time (Ho &
    /// Salimans 2022, whose w is one less) [default: 1]
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    pub guidance: Option<f64>,
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

/// Show a run: uncurated samples, interpolations, and samples over training (Figs. 11, 12, 20 to 30)
///
/// Writes PNG sheets and one page with their captions and commands into RUN/sheets.
///
/// Example: ncsn-trainer sheets runs/mnist
#[derive(Args, Clone, Debug)]
pub struct SheetsArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Uncurated samples
    #[arg(long, value_name = "IMAGES", default_value_t = 64)]
    pub num: u64,
    /// Samples shown with the training items nearest to them; 0 reads no data
    #[arg(long, value_name = "ROWS", default_value_t = 8)]
    pub neighbours: u64,
    /// Rows of interpolations
    #[arg(long, value_name = "PAIRS", default_value_t = 4)]
    pub pairs: u64,
    /// Images between the two ends of a row
    #[arg(long, value_name = "IMAGES", default_value_t = 8)]
    pub count: u64,
    /// Images shown over training
    #[arg(long, value_name = "IMAGES", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub images: u64,
    /// Checkpoints that they are shown of at most, spread over those that are kept
    #[arg(long, value_name = "CHECKPOINTS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub checkpoints: u64,
    /// Batches, seed, Langevin dynamics and device
    #[command(flatten)]
    pub sampling: SamplingArgs,
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

/// What is added to items before their likelihood is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AddChoice {
    /// Noise of the smallest level, as in training; bytes are coded through it (Kingma et al. 2021)
    Noise,
    /// What spreads each byte evenly over its 256th of [0, 1] (Song et al. 2021)
    Spread,
    /// Nothing: the density of the items themselves, in nats
    Nothing,
}

/// Measure the likelihood of data: bits per dimension by the probability-flow ODE (Song et al. 2021)
///
/// The density is that of the ODE started from N(0, sigma_max^2) and ended at sigma_min: of data with noise of sigma_min, no
/// denoising. Bytes are given in bits per dimension, an upper bound of what it takes to code them; other values in nats per item.
/// Errors are reported one by one: of the items, Hutchinson's probes, the steps, the start.
///
/// Example: ncsn-trainer likelihood --checkpoint runs/mnist --num 100
#[derive(Args, Clone, Debug)]
pub struct LikelihoodArgs {
    /// The network
    #[command(flatten)]
    pub trained: TrainedArgs,
    /// Items, as for 'train' [default: those that the run held out]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Items taken, evenly spread over the data
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub num: u64,
    /// Steps from the smallest to the largest noise level, an even number, of four evaluations each [default: a third of the
    /// run's levels, at least 32]
    #[arg(long, value_name = "STEPS")]
    pub steps: Option<u64>,
    /// Random signs by which the divergence is estimated, for each item [default: 2; up to 64 dimensions it is computed
    /// exactly]
    #[arg(long, value_name = "PROBES")]
    pub probes: Option<u64>,
    /// What is added to the items first [default: spread for bytes, nothing for other values]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub add: Option<AddChoice>,
    /// Items computed at once
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub batch: u64,
    /// Seed of what is added, and of the probes
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Where to compute; here the precision is f32 unless another is given
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Likelihood of each item, as .npy or .safetensors
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}
