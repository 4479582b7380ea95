//! Arguments of `hype`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, SetsArgs};

/// Let people judge samples: the HYPE∞ score, as in Table 5
///
/// People see real and generated images, equally many, one at a time and without a limit of time, and say of each what it is. HYPE∞
/// is the share of wrong answers in percent: 50 where nobody can tell them apart. 'make' writes a page for a browser, 'score' reads
/// the answers that it saves. Zhou et al. (2019), "HYPE: A Benchmark for Human eYe Perceptual Evaluation of Generative Models", let
/// 30 people judge 50 images of either kind.
#[derive(Args, Clone, Debug)]
pub struct HypeArgs {
    /// What to do
    #[command(subcommand)]
    pub command: HypeCommand,
}

/// The two halves.
#[derive(Clone, Debug, Subcommand)]
#[expect(missing_docs, reason = "a description here would replace that of the options in --help")]
pub enum HypeCommand {
    Make(HypeMakeArgs),
    Score(HypeScoreArgs),
}

/// Write the page on which people judge, and its key
///
/// One HTML file with everything inside, which needs no server and sends nothing: give it to the evaluators. Beside it FILE.key.json
/// tells which image is what: keep it. Nothing in the page but the pixels themselves depends on what is real; each evaluator sees the
/// images in an order of their own.
///
/// Images of noise, uniform in every value, find out who does not look: 'score' leaves out evaluators who take more than one in
/// eight of them for real (none if there are fewer than eight). Images are not shown twice: where real and generated can hardly be
/// told apart, attentive people contradict themselves too.
///
/// Example: ncsn-trainer hype make --samples samples.npy --data cifar10/ -o hype.html
#[derive(Args, Clone, Debug)]
pub struct HypeMakeArgs {
    /// Samples and data
    #[command(flatten)]
    pub sets: SetsArgs,
    /// The page to write; its key is written beside it
    #[arg(short, long, value_name = "FILE.html")]
    pub output: PathBuf,
    /// Images of each kind, drawn by the seed
    #[arg(long, value_name = "IMAGES", default_value_t = 50)]
    pub num: u64,
    /// Images of noise, which only those take for real who do not look
    #[arg(long, value_name = "IMAGES", default_value_t = 8)]
    pub catch: u64,
    /// Seed of what is drawn and of the names of the images [default: another every time; the key has it]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Title of the page
    #[arg(long, value_name = "TEXT", default_value = "Real or generated?")]
    pub title: String,
}

/// Compute HYPE∞ from the answers of evaluators
///
/// Per evaluator and over all: HYPE∞, the share of the generated images taken for real (fakes error) and of the real ones taken for
/// generated (reals error), in percent. The standard deviation and the 95 % interval of HYPE∞ are those of 10,000 sets of as many
/// evaluators, drawn with replacement.
///
/// Left out, with the reason: who did not finish; a second time of one evaluator (the finished one that was begun first counts); who took
/// more than one in eight images of noise for real; who gave one answer to all real and generated images. Exit status 1 if nobody is
/// left.
///
/// Example: ncsn-trainer hype score --key hype.key.json hype-*.json
#[derive(Args, Clone, Debug)]
pub struct HypeScoreArgs {
    /// The key of the page
    #[arg(long, value_name = "FILE.key.json")]
    pub key: PathBuf,
    /// Answers that the page has saved
    #[arg(value_name = "ANSWERS.json", required = true)]
    pub answers: Vec<PathBuf>,
    /// Seed of the sets of evaluators
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Output for people or programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}
