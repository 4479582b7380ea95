//! Command lines: what can be given, and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ncsn_data::Share;
use ncsn_theory::schedule::{DataRange, Law, Rounding, Spacing};

use ncsn_shell::ReadArgs;
use ncsn_shell::pages::{CompletionsArgs, ManArgs};

use crate::choices;
use crate::shard::Square;

/// Certified noise schedules for score-based generative models
///
/// Derives the noise levels, step size and number of steps of annealed Langevin dynamics from a data set, by Song &
/// Ermon (2020), "Improved Techniques for Training Score-Based Generative Models". Every number comes with a rigorous
/// enclosure and its origin.
#[derive(Debug, Parser)]
#[command(name = "ncsn", version, propagate_version = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The calculator on its own: the same as `ncsn schedule`
#[derive(Debug, Parser)]
#[command(name = "schedule", version, allow_negative_numbers = true)]
pub struct ScheduleCli {
    /// The options of `ncsn schedule`
    #[command(flatten)]
    pub args: ScheduleArgs,
}

/// The commands; each is described by its options.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a description here would replace that of the options in --help")]
pub enum Command {
    Schedule(ScheduleArgs),
    Diameter(DiameterArgs),
    Check(CheckArgs),
    Explain(ExplainArgs),
    Validate(ValidateArgs),
    Certify(CertifyArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

impl Command {
    /// Whether it prints for people, rather than something for programs to read.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        match self {
            Self::Schedule(args) => args.format == ScheduleFormat::Text,
            Self::Diameter(DiameterArgs { format, .. })
            | Self::Check(CheckArgs { format, .. })
            | Self::Explain(ExplainArgs { format, .. })
            | Self::Validate(ValidateArgs { format, .. }) => *format == ReportFormat::Text,
            Self::Certify(args) => args.verify.is_some(),
            Self::Completions(_) | Self::Man(_) => false,
        }
    }
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What is printed for a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScheduleFormat {
    /// A short report
    Text,
    /// The schedule file as JSON
    Json,
    /// The schedule file as TOML, which the trainer reads
    Toml,
    /// The keys of the authors' YAML configurations
    Ncsnv2,
}

/// Where the dimension and the largest noise level come from.
#[derive(Args, Clone, Debug)]
#[group(id = "source", required = true, multiple = false, args = ["dataset", "data", "dim"])]
pub struct SourceArgs {
    /// A data set with published settings: cifar10, celeba, church, bedroom, tower, ffhq, mnist
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// A data set of your own: a folder, an archive, a file of arrays or a table (README lists the formats), - for standard
    /// input, a pattern such as 'shard-{000..012}.tar'; several with --data again. What must be decoded or unpacked goes
    /// into a temporary file (TMPDIR)
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// Dimension of the data, with --sigma-max
    #[arg(long, value_name = "D", requires = "sigma_max")]
    pub dim: Option<u64>,
}

/// Derive a noise schedule for a data set
///
/// Technique 1 gives the largest noise level, Technique 2 their number, Technique 4 the step size and the number of
/// steps. Every number comes with an enclosure and its origin.
///
/// Example: ncsn schedule --dataset ffhq --budget 7000 --format toml -o ffhq.toml
#[derive(Args, Clone, Debug)]
#[command(allow_negative_numbers = true)]
pub struct ScheduleArgs {
    /// Where the dimension and the largest noise level come from
    #[command(flatten)]
    pub source: SourceArgs,
    /// How items are read with --data
    #[command(flatten)]
    pub read: ReadArgs,
    /// Largest noise level, instead of Technique 1's diameter
    #[arg(long, value_name = "SIGMA")]
    pub sigma_max: Option<f64>,
    /// Smallest noise level [default: 0.01 for pixels in [0, 1], the paper's]
    #[arg(long, value_name = "SIGMA")]
    pub sigma_min: Option<f64>,
    /// Units of pixels, hence of the noise levels
    #[arg(long, value_name = "RANGE", value_parser = choices::data_range(), default_value_t)]
    pub data_range: DataRange,
    /// Overlap of adjacent levels (Technique 2)
    #[arg(long, value_name = "PROBABILITY", default_value_t = Spacing::default().target)]
    pub overlap: f64,
    /// Law of the radius in Technique 2
    #[arg(long, value_name = "LAW", value_parser = choices::law(), default_value_t = Spacing::default().law)]
    pub law: Law,
    /// How the number of levels is rounded: ceil+1 guarantees the overlap, floor+1 is what was published
    #[arg(long, value_name = "RULE", value_parser = choices::rounding(), default_value_t = Spacing::default().rounding)]
    pub rounding: Rounding,
    /// Langevin steps per level [default: the published number, else 5]
    #[arg(long, value_name = "T", group = "steps")]
    pub steps_per_level: Option<u64>,
    /// Score evaluations that one sampling run may cost; T is as large as they allow (Technique 4)
    #[arg(long, value_name = "EVALUATIONS", group = "steps")]
    pub budget: Option<u64>,
    /// Acceptable excess of the variance ratio over 1; T is the smallest that reaches it
    #[arg(long, value_name = "EXCESS", group = "steps")]
    pub tolerance: Option<f64>,
    /// Measure the diameter on this many items drawn at random: a lower bound, as the paper does above 60,000 images
    #[arg(long, value_name = "COUNT")]
    pub subsample: Option<usize>,
    /// Seed of the subsample
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "subsample")]
    pub seed: u64,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ScheduleFormat::Text)]
    pub format: ScheduleFormat,
    /// Write to a file instead of standard output, which is '-'
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw why gamma and epsilon are what they are: FILE.svg, with feature png also FILE.png
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Write a page with every number, why it is so, and the curves behind it
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Derive everything but write no file
    #[arg(long)]
    pub dry_run: bool,
}

/// Find the largest distance between two items of a data set, exactly
///
/// Bytes are compared in integers, floating-point values in enclosures; every pair is evaluated or excluded by a bound.
///
/// Several machines that see the same data share the work: each writes a file with --shard, --merge finds the diameter of
/// the whole from the files alone, or says which shards must keep more rows (--keep-from), with exit status 2.
///
/// Examples: ncsn diameter train-images-idx3-ubyte.gz; ncsn diameter images --shard 1/4 -o 1.safetensors; ncsn diameter
/// --merge 1.safetensors 2.safetensors 3.safetensors 4.safetensors
#[derive(Args, Clone, Debug)]
pub struct DiameterArgs {
    /// A folder, an archive, a file of arrays or a table (README lists the formats), - for standard input, a pattern such as
    /// 'shard-{000..012}.tar'; several are read as one. What must be decoded or unpacked goes into a temporary file (TMPDIR)
    #[arg(value_name = "PATH", required_unless_present = "merge")]
    pub data: Vec<PathBuf>,
    /// How items are read
    #[command(flatten)]
    pub read: ReadArgs,
    /// Units of pixels
    #[arg(long, value_name = "RANGE", value_parser = choices::data_range(), default_value_t, conflicts_with = "shard")]
    pub data_range: DataRange,
    /// Measure on this many items drawn at random: a lower bound
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["shard", "merge"])]
    pub subsample: Option<usize>,
    /// Seed of the subsample
    #[arg(long, value_name = "SEED", default_value_t = 0, requires = "subsample")]
    pub seed: u64,
    /// Read share I of N, and write what --merge needs of it; images outside it are not decoded
    #[arg(long, value_name = "I/N", requires = "output")]
    pub shard: Option<Share>,
    /// Keep rows from this squared distance from the common centre on, as --merge asks (bytes: in units of 1/255^2) [default:
    /// a guess from the shard's own diameter]
    #[arg(long, value_name = "SQUARED", requires = "shard")]
    pub keep_from: Option<Square>,
    /// File for the shard; one that is there is replaced
    #[arg(short, long, value_name = "FILE", requires = "shard")]
    pub output: Option<PathBuf>,
    /// Measure the shard but write no file
    #[arg(long, requires = "shard")]
    pub dry_run: bool,
    /// Find the diameter of the whole from the files of all its shards, in any order
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["data", "shard"])]
    pub merge: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Hold published settings against the techniques
///
/// Without files, numbers or a data set, every row of Table 4 is checked. The exit status is 1 when a number differs, 2
/// when a file cannot be read.
///
/// Examples: ncsn check configs/*.yml; ncsn check --dataset cifar10 --sigma-max 50 --num-levels 232 --steps-per-level 5
/// --epsilon 6.2e-6
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Schedule files (TOML, JSON) or configurations of the authors' code, ncsn or ncsnv2 (YAML); - is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["dataset", "sigma_max"])]
    pub files: Vec<PathBuf>,
    /// The published rows of one data set only; with numbers by flags, the data set that they are for
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// Numbers to check in place of a file
    #[command(flatten)]
    pub numbers: Option<NumberArgs>,
    /// Dimension of the data, for configurations that state no image size and for numbers by flags
    #[arg(long, value_name = "D")]
    pub dim: Option<u64>,
    /// Measure the diameter of this data set and check the largest noise level against it
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// How items are read with --data
    #[command(flatten)]
    pub read: ReadArgs,
    /// Overlap that Technique 2 is asked for [default: the file's, else 0.5]
    #[arg(long, value_name = "PROBABILITY")]
    pub overlap: Option<f64>,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// A schedule, number by number.
#[derive(Args, Clone, Debug)]
#[group(id = "numbers", requires_all = ["sigma_max", "num_levels", "steps_per_level", "epsilon"])]
pub struct NumberArgs {
    /// Largest noise level
    #[arg(long, value_name = "SIGMA", required = false)]
    pub sigma_max: f64,
    /// Smallest noise level [default: 0.01, the paper's]
    #[arg(long, value_name = "SIGMA")]
    pub sigma_min: Option<f64>,
    /// Number of noise levels
    #[arg(long, value_name = "LEVELS", required = false)]
    pub num_levels: u64,
    /// Langevin steps per level
    #[arg(long, value_name = "T", required = false)]
    pub steps_per_level: u64,
    /// Step size at the smallest noise level
    #[arg(long, value_name = "EPSILON", required = false)]
    pub epsilon: f64,
}

/// Show a schedule level by level
///
/// Noise level, step size, overlap with the next level, variance before and after the Langevin steps, expected norm.
///
/// Example: ncsn explain ffhq.toml
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A schedule file (TOML, JSON) or a configuration of the authors' code (YAML); - is standard input
    #[arg(value_name = "FILE", required_unless_present = "dataset", conflicts_with = "dataset")]
    pub file: Option<PathBuf>,
    /// Explain the schedule derived for this data set
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// Dimension of the data, for configurations that state no image size
    #[arg(long, value_name = "D", requires = "file")]
    pub dim: Option<u64>,
    /// Add the direction of this data set's covariance in which the variance ends farthest off (feature lapack)
    #[arg(long, value_name = "PATH")]
    pub spectrum: Option<PathBuf>,
    /// Number of items that the covariance is estimated from
    #[arg(long, value_name = "COUNT", default_value_t = 1000, requires = "spectrum")]
    pub items: usize,
    /// How items are read with --spectrum
    #[command(flatten)]
    pub read: ReadArgs,
    /// Show every level instead of about twenty, as JSON does
    #[arg(long)]
    pub all: bool,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Write a schedule as a file that Coq proves right
///
/// The file holds numbers only; what is proved of them, and the checker, stand in the project's folder proofs: each number
/// printed lies in its enclosure with the exact one, which is as narrow as stated, gamma_root is the only solution, L follows
/// from it, epsilon is Technique 4's optimum.
///
/// --verify takes a certificate from anybody: only its numbers are read, compared with those of a schedule where one is
/// given, and proved anew in the project's own text. The exit status is 1 when there is no proof.
///
/// Example: ncsn certify --dataset ffhq -o ffhq.v
#[derive(Args, Clone, Debug)]
pub struct CertifyArgs {
    /// A schedule file (TOML, JSON)
    #[arg(
        value_name = "SCHEDULE",
        required_unless_present_any = ["dataset", "verify"],
        conflicts_with = "dataset"
    )]
    pub file: Option<PathBuf>,
    /// Certify the schedule derived for this data set
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// Verify this certificate, with Coq
    #[arg(long, value_name = "FILE.v", conflicts_with = "output")]
    pub verify: Option<PathBuf>,
    /// The project's folder proofs, beside which scripts/coq.sh finds Coq
    #[arg(long, value_name = "DIR", default_value = "proofs", requires = "verify")]
    pub proofs: PathBuf,
    /// Write to a file instead of standard output, which is '-'
    #[arg(short, long, value_name = "FILE.v")]
    pub output: Option<PathBuf>,
}

/// Test the paper's propositions numerically
///
/// The exit status is 1 when a proposition fails its test.
///
/// Example: ncsn validate --seed 7
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    /// Seed of all simulations
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Random draws per simulation; chains take more where they need them to tell Langevin steps from none
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub samples: usize,
    /// Probability that a true statement fails any of the statistical tests
    #[arg(long, value_name = "PROBABILITY", default_value_t = 1e-6)]
    pub significance: f64,
    /// Repeat the poster's sampling experiment on these images
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// How items are read with --data
    #[command(flatten)]
    pub read: ReadArgs,
    /// Number of mixture centres in the poster's experiment
    #[arg(long, value_name = "COUNT", default_value_t = 500, requires = "data")]
    pub centres: usize,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Write a page with all checks, curves beside simulations, Table 4 with what was found, the poster's samples
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}
