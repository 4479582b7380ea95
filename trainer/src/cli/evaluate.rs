//! Arguments of the commands that compare samples and exchange weights.

use std::path::PathBuf;

use clap::Args;
use ncsn_shell::ReadArgs;

use super::{ChainArgs, DeviceArgs, Format, LayoutArgs};
use crate::device::Wanted;
use crate::evaluate::features::Source;
use crate::evaluate::script::{Convention, Filter, Input};
use crate::weights::Weights;

/// Features that are compared instead of pixels.
#[derive(Args, Clone, Debug)]
pub struct FeatureArgs {
    /// Weights of Inception v3, whose features are compared instead of pixels: pt_inception-2015-12-05-6726825d.pth
    #[arg(long, value_name = "FILE")]
    pub inception: Option<PathBuf>,
    /// TorchScript file of a network from images to vectors, which are compared instead of pixels: DINOv2, CLIP, …; its code
    /// is run, so take it from whom you trust
    #[arg(long, value_name = "FILE.pt", conflicts_with = "inception")]
    pub network: Option<PathBuf>,
    /// What --network takes: bytes (0 to 255), unit (0 to 1), signed (-1 to 1), imagenet or clip (less the mean, by the
    /// deviation of each channel), nvidia (bytes, and True for features: NVIDIA's inception-2015-12-05.pt)
    #[arg(long, value_name = "INPUT", default_value = "imagenet", requires = "network")]
    pub network_input: Input,
    /// Side of the squares that images are resized to for --network [default: as they are]
    #[arg(long, value_name = "PIXELS", requires = "network")]
    pub network_size: Option<u32>,
    /// How they are resized, antialiased: bicubic or bilinear
    #[arg(long, value_name = "FILTER", default_value = "bicubic", requires = "network_size")]
    pub network_filter: Filter,
}

impl FeatureArgs {
    /// The same, for the opener.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        let convention =
            Convention { input: self.network_input, size: self.network_size, filter: self.network_filter };
        match (&self.inception, &self.network) {
            (Some(path), _) => Source::Inception(path),
            (None, Some(path)) => Source::Script(path, convention),
            (None, None) => Source::Pixels,
        }
    }
}

/// Samples, and the data that they are compared with.
#[derive(Args, Clone, Debug)]
pub struct SetsArgs {
    /// Samples: a folder or archive of images, .npy, .npz, …
    #[arg(long, value_name = "PATH")]
    pub samples: PathBuf,
    /// Data: a folder or archive of images, LMDB, parquet, IDX, CIFAR binary, .npy, .npz; its training part
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// How images of both are read; arrays are taken as they are
    #[command(flatten)]
    pub read: ReadArgs,
    /// How arrays of both hold images
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// Array of .npz or column of parquet for the samples, where it is not that of --array
    #[arg(long, value_name = "NAME")]
    pub samples_array: Option<String>,
    /// Read images of the samples without --size, --crop, --value-range and --exif: they have been through them
    #[arg(long)]
    pub samples_as_is: bool,
}

/// What samples are compared with, and by which features.
#[derive(Args, Clone, Debug)]
pub struct ComparisonArgs {
    /// Samples and data
    #[command(flatten)]
    pub sets: SetsArgs,
    /// Which features
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Items computed at once
    #[arg(long, value_name = "ITEMS", default_value_t = 64)]
    pub batch: u64,
    /// Where to compute, in single precision: auto, cpu, cuda or cuda:N; auto is the first GPU, or else the CPU
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Wanted,
    /// CPU threads [default: one per core]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<u32>,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Measure how far samples are from data: FID, KID, precision and recall, density and coverage, Inception score
///
/// The Fréchet distance of Gaussian laws fitted to features of both, the kernel distance, and how much of each law the other
/// covers; beside each number stands how it was taken. With --inception the distances are FID and KID as published, and there is
/// an Inception score where the weights have a classifier; without it pixels are compared, and only numbers of the same kind can
/// be compared. Images are rounded to 8 bits first, as files of them are.
///
/// --data may also be a file of --statistics, an .npz file with mu and sigma (pytorch-fid, clean-fid, EDM, guided-diffusion), or a
/// .pkl file with them (EDM2; of several networks, --array says which); then there are only the Fréchet distance and the
/// Inception score. Of an .npz file with pool_3 (score_sde) the features are taken. KID, precision and recall, and --extrapolate
/// keep features in memory, 4 bytes each: 82 MB for 10,000 of Inception; without them memory does not grow with the images.
///
/// Example: ncsn-trainer evaluate --samples samples.npy --data cifar10/ --inception
/// pt_inception-2015-12-05-6726825d.pth
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// Samples, data, features
    #[command(flatten)]
    pub comparison: ComparisonArgs,
    /// Write mean and covariance of the data's features, to be given as --data from then on
    #[arg(long, value_name = "FILE.safetensors")]
    pub statistics: Option<PathBuf>,
    /// Subsets of KID; 0 leaves it out
    #[arg(long, value_name = "SUBSETS", default_value_t = 100)]
    pub subsets: u64,
    /// Items of each side in a subset of KID, at most all
    #[arg(long, value_name = "ITEMS", default_value_t = 1000)]
    pub subset_size: u64,
    /// Nearest neighbour whose distance is the radius for precision and recall, density and coverage; 0 leaves them out
    /// [default: 3 for precision and recall, 5 for density and coverage, as published; left out above 25,000 items]
    #[arg(long, value_name = "K")]
    pub nearest: Option<u64>,
    /// Extrapolate the Fréchet distance to infinitely many samples, from 15 counts: takes the time of 15 distances, and at least
    /// 10,000 samples with --inception
    #[arg(long)]
    pub extrapolate: bool,
    /// Also compare where in the image features are, by 2,023 values of an inner layer of --inception: sFID
    #[arg(long, requires = "inception")]
    pub spatial: bool,
    /// Seed of all subsets: of KID, --extrapolate and the Inception score
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
}

/// Find the data nearest to samples, by which memorised images show (Figs. 16 to 19)
///
/// Example: ncsn-trainer neighbours --samples samples.npy --data cifar10/ --flip --grid neighbours.png
#[derive(Args, Clone, Debug)]
pub struct NeighboursArgs {
    /// Samples, data, features
    #[command(flatten)]
    pub comparison: ComparisonArgs,
    /// Samples taken, the first ones
    #[arg(long, value_name = "SAMPLES", default_value_t = 10)]
    pub num: u64,
    /// Neighbours of each
    #[arg(long, value_name = "NEIGHBOURS", default_value_t = 8)]
    pub count: u64,
    /// Look among mirrored images too, as training with --flip sees them
    #[arg(long)]
    pub flip: bool,
    /// Sheet with a row for each sample: the sample, then its neighbours
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
}

/// Find the best checkpoint of a run by the distance of samples (Figs. 4 and 8)
///
/// For each checkpoint that is kept ('train --keep'), with averaged and with last weights, samples are drawn from one seed and
/// compared with the training data, before and after the denoising step. The best checkpoint is kept in RUN/best, the curves in
/// RUN/selection.svg, every distance in RUN/selection.jsonl, with which the next call goes on. Without --inception pixels are
/// compared: distances for this purpose only.
///
/// Example: ncsn-trainer select runs/cifar10 --inception pt_inception-2015-12-05-6726825d.pth
#[derive(Args, Clone, Debug)]
pub struct SelectArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Samples of each checkpoint; the paper took 1000
    #[arg(long, value_name = "IMAGES", default_value_t = 1000)]
    pub num: u64,
    /// Which features
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Statistics to compare with: of 'evaluate --statistics', pytorch-fid, clean-fid or EDM2 [default: of the training data]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Which statistics of a .pkl file with those of several networks, such as fid
    #[arg(long, value_name = "NAME", requires = "data")]
    pub array: Option<String>,
    /// Batches, seed, Langevin dynamics and device, the same for every checkpoint
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Show a run on one page: loss, loss by noise level, selection, sheets, configuration
///
/// One HTML file with everything inside, made from the files in the run's folder, without sampling: what 'select' and 'sheets' have
/// not made yet is named.
///
/// Example: ncsn-trainer report runs/mnist
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where to write it [default: RUN/report.html]
    #[arg(short, long, value_name = "FILE.html")]
    pub output: Option<PathBuf>,
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

/// Which network to apply, and to what.
#[derive(Args, Clone, Debug)]
pub struct ScoreArgs {
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
