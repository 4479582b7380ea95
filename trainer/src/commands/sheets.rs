//! `ncsn-trainer sheets`: a run's uncurated samples, interpolations, and samples over its training, on one page.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ncsn_data::escape;
use ncsn_figures::{Page, Part};
use ncsn_shell::Outcome;
use ncsn_theory::langevin::Annealing;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::interpolate;
use super::neighbours::Among;
use crate::Error;
use crate::checkpoint::{self, CHECKPOINTS};
use crate::cli::SheetsArgs;
use crate::config::Precision;
use crate::dataset::{self, HeldOut, Items, Wish};
use crate::diagnose::spread;
use crate::evaluate::features::{self, Features};
use crate::sheet::{self, Sheet};
use crate::source::{self, Opening, Trained};
use crate::weights::Weights;

/// Name of the folder in a run's.
const FOLDER: &str = "sheets";

/// Name of the file of captions in the folder.
const CAPTIONS: &str = "captions.json";

/// Training items beside a sample.
const NEAREST: usize = 8;

/// A sheet and what it shows.
#[derive(Debug, Serialize, Deserialize)]
struct Captioned {
    file: String,
    title: String,
    caption: String,
    command: String,
}

/// What all sheets are made with.
struct Maker<'a> {
    args: &'a SheetsArgs,
    device: Device,
    precision: Precision,
    batch: u64,
}

/// Samples, and writes the sheets and the page.
///
/// # Errors
/// A run without checkpoints, vectors, counts out of range, files that cannot be written.
pub fn run(args: &SheetsArgs, out: &mut dyn Write) -> Result<Outcome> {
    super::within("num", args.num, 1 << 16)?;
    super::within("pairs", args.pairs, 1 << 10)?;
    super::within("count", args.count, 1 << 10)?;
    let batch = super::within("batch", args.sampling.chain.batch, 1 << 20)?;
    let checkpoints = args.run.join(CHECKPOINTS);
    let steps = checkpoint::list(&checkpoints)?;
    let Some(&last) = steps.last() else {
        anyhow::bail!("{} holds no checkpoint, nothing to show", escape::path(&checkpoints));
    };
    let (device, precision) = super::set_up(&args.sampling.chain.device)?;
    let maker = Maker { args, device, precision, batch };
    let trained = maker.open(last, Weights::Ema)?;
    ensure!(
        trained.network.shape().item.len() == 3,
        "vectors are no pictures: 'sample --output FILE' writes them"
    );
    // Before any sampling: data may be elsewhere by now.
    let data = (args.neighbours > 0).then(|| dataset::open(&trained.config.data, &wish(&trained)));
    let data = data.transpose().context("neighbours (--neighbours 0 leaves them out)")?;
    let folder = args.run.join(FOLDER);
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let name = &trained.config.preset;
    let mut parts = vec![Part::Text(format!(
        "{} after step {last}, seed {}, {}.",
        trained.network.shape().architecture.name(),
        args.sampling.chain.seed,
        trained.config.noise.subject()
    ))];
    let mut captions = Vec::new();
    let mut show = |file: &str, title: &str, sheet: &Sheet, caption: String, command: String| -> Result<()> {
        let path = folder.join(file);
        sheet::write(&path, &sheet.png()).map_err(Error::file(&path))?;
        writeln!(out, "{}  {caption}", escape::path(&path))?;
        captions.push(Captioned { file: file.into(), title: title.into(), caption, command });
        Ok(())
    };
    let run = args.run.display();
    let flags = flags(args);

    let images = maker.samples(&trained, "samples", args.num)?;
    show(
        "samples.png",
        "Uncurated samples",
        &Sheet::of_tensor(&images)?,
        format!("{} samples, the first that the seed gives, none left out (as Figs. 25 to 30)", args.num),
        format!("ncsn-trainer sample --checkpoint {run} --num {}{flags} --grid samples.png", args.num),
    )?;
    if let Some(split) = data {
        let (images, columns) = maker.neighbours(&trained, &images, split.train)?;
        show(
            "neighbours.png",
            "Nearest training items",
            &Sheet::with_columns(&images, columns)?,
            "each row has a sample and the training items nearest to it, by pixels: a copy would be seen at once (as \
             Figs. 16 to 19)"
                .to_owned(),
            format!("ncsn-trainer sheets {run} --num {} --neighbours {}{flags}", args.num, args.neighbours),
        )?;
    }
    let images = maker.interpolations(&trained)?;
    show(
        "interpolation.png",
        "Interpolation",
        &Sheet::with_columns(&images, args.count as usize + 2)?,
        "each row leads from one sample to another, through noise that turns from the one's into the other's \
         (as Figs. 20 to 24)"
            .to_owned(),
        format!(
            "ncsn-trainer interpolate --checkpoint {run} --pairs {} --count {}{flags} --grid interpolation.png",
            args.pairs, args.count
        ),
    )?;
    let chosen: Vec<u64> =
        spread(steps.len(), args.checkpoints as usize).into_iter().map(|at| steps[at]).collect();
    let (images, columns) = maker.over_training(&chosen)?;
    show(
        "over-training.png",
        "Over training",
        &Sheet::with_columns(&images, columns)?,
        format!(
            "samples from the same start and noise after steps {}: above with averaged weights, below with the last \
             ones, whose colours shift (as Figs. 11 and 12)",
            chosen.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
        ),
        format!(
            "ncsn-trainer sheets {run} --images {} --checkpoints {}{flags}",
            args.images, args.checkpoints
        ),
    )?;
    let path = folder.join(CAPTIONS);
    let text = serde_json::to_string_pretty(&captions)?;
    sheet::write(&path, text.as_bytes()).map_err(Error::file(&path))?;
    parts.extend(self::parts(&args.run)?);
    let page = Page { title: format!("{name}: sheets"), parts };
    let path = folder.join("index.html");
    sheet::write(&path, page.html().as_bytes()).map_err(Error::file(&path))?;
    writeln!(out, "all of them with their captions: {}", escape::path(&path))?;
    Ok(Outcome::Yes)
}

/// The sheets of a run with their captions; none where none were made.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] for captions of something else.
pub fn parts(run: &Path) -> Result<Vec<Part>, Error> {
    let folder = run.join(FOLDER);
    let path = folder.join(CAPTIONS);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(Error::file(&path))?,
    };
    let captions: Vec<Captioned> = serde_json::from_str(&text).map_err(|error| {
        Error::content(&path, error.to_string().replace('\n', " "), "captions of 'sheets'")
    })?;
    let mut parts = Vec::new();
    for Captioned { file, title, caption, command } in captions {
        let path = folder.join(file);
        let png = fs::read(&path).map_err(Error::file(&path))?;
        let told = format!("{title}: {caption}");
        parts.extend([Part::Heading(title), Part::Picture { png, caption, told, command }]);
    }
    Ok(parts)
}

/// The items that a run was trained on.
fn wish(trained: &Trained) -> Wish<'_> {
    Wish::of(&trained.config, HeldOut::Exactly)
}

/// The flags of Langevin dynamics that were given.
fn flags(args: &SheetsArgs) -> String {
    let sampling = &args.sampling;
    let mut flags = format!(" --seed {}", sampling.chain.seed);
    if let Some(steps) = sampling.chain.steps_per_level {
        flags += &format!(" --steps-per-level {steps}");
    }
    if let Some(epsilon) = sampling.chain.epsilon {
        flags += &format!(" --epsilon {epsilon:e}");
    }
    if sampling.no_denoise {
        flags += " --no-denoise";
    }
    flags
}

impl Maker<'_> {
    fn open(&self, step: u64, weights: Weights) -> Result<Trained, Error> {
        let folder = checkpoint::folder(&self.args.run.join(CHECKPOINTS), step);
        let Self { device, precision, .. } = *self;
        source::open(&folder, None, Opening { weights, device, precision })
    }

    fn annealing(&self, trained: &Trained) -> Result<Annealing, Error> {
        let sampling = &self.args.sampling;
        super::annealing(&trained.config, &sampling.chain, !sampling.no_denoise)
    }

    /// The first images that the seed gives.
    fn samples(&self, trained: &Trained, what: &str, count: u64) -> Result<Tensor, Error> {
        let (annealing, seed) = (self.annealing(trained)?, self.args.sampling.chain.seed);
        let parts = super::in_batches(what, count, self.batch, |numbers, each| {
            Ok(super::drawn(trained, annealing, seed, numbers, self.device, each)?.to_device(Device::Cpu))
        })?;
        Ok(Tensor::cat(&parts, 0))
    }

    /// Samples in rows with the training items nearest to them, and the images in a row.
    fn neighbours(&self, trained: &Trained, samples: &Tensor, data: Items) -> Result<(Tensor, usize), Error> {
        let Self { args, batch, device, .. } = *self;
        let rows = (args.neighbours as i64).min(samples.size()[0]);
        let features = Features::Pixels.fitting(&data)?;
        let samples = features::as_compared(samples.narrow(0, 0, rows), &features)?.items;
        let flip = trained.config.data.flip;
        let among = Among { data: &data, features: &features, flip, batch, device };
        let (found, _) = among.nearest(&samples, NEAREST.min(data.len()))?;
        among.rows(&samples, &found)
    }

    /// Rows from one sample to another.
    fn interpolations(&self, trained: &Trained) -> Result<Tensor, Error> {
        let SheetsArgs { pairs, count, sampling, .. } = self.args;
        let annealing = self.annealing(trained)?;
        let (seed, count) = (sampling.chain.seed, *count as i64);
        let [_, images] =
            interpolate::rows(trained, &annealing, seed, *pairs, count, self.batch, self.device)?;
        Ok(images)
    }

    /// The same images after each of these steps, by averaged and by the last weights, in rows; and the images in a row.
    fn over_training(&self, steps: &[u64]) -> Result<(Tensor, usize), Error> {
        let mut blocks = Vec::new();
        for weights in [Weights::Ema, Weights::Raw] {
            let mut columns = Vec::new();
            for &step in steps {
                let trained = self.open(step, weights)?;
                columns.push(self.samples(&trained, &format!("step {step}, {weights}"), self.args.images)?);
            }
            blocks.push(Tensor::stack(&columns, 1).flatten(0, 1));
        }
        Ok((Tensor::cat(&blocks, 0), steps.len()))
    }
}
