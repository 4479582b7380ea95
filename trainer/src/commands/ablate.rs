//! `ncsn-trainer ablate`: the paper's models with groups of techniques taken away, side by side.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use ncsn_data::escape;
use ncsn_figures::{Page, Part};
use ncsn_shell::{Outcome, command_line};
use tch::{Device, Tensor};

use super::select;
use super::train::{Plan, Ready, stop_on_signals};
use crate::ablation::{Variant, variants};
use crate::checkpoint::{self, CHECKPOINTS};
use crate::cli::{AblateArgs, ChainArgs, Format, SelectArgs};
use crate::config::{Config, Precision};
use crate::evaluate::selection::Measured;
use crate::peers::Peers;
use crate::sheet::{self, Sheet};
use crate::source::{self, Opening};
use crate::train::CONFIG;
use crate::weights::Weights;
use crate::{Error, figures, log};

/// Name of the folder of sheets.
const SHEETS: &str = "sheets";

/// A model with what was measured of it.
struct Model<'a> {
    name: &'static str,
    weights: Weights,
    run: PathBuf,
    config: &'a Config,
    found: Vec<Measured>,
}

/// Trains and measures what is not there yet, and writes the page.
///
/// # Errors
/// Those of training and selecting; flags that ask for something else than an ablation.
pub fn run(args: &AblateArgs, out: &mut dyn Write) -> Result<Outcome> {
    let train = &args.train;
    ensure!(!train.resume, "--resume is not needed: the same command goes on where it was left");
    ensure!(
        train.overrides.architecture.is_none(),
        "--architecture is what an ablation changes; leave it out"
    );
    super::within("images", args.images, 1 << 16)?;
    let setting = super::set_up(&train.device)?;
    let plan = Plan::wanted(train, setting.0.is_cuda())?;
    let mut variants = variants(&plan.config)?;
    for Variant { config, .. } in &mut variants {
        let keep = config.training.iterations.div_ceil(config.records.checkpoint_every);
        config.records.keep = train.records.keep.unwrap_or(keep);
        config.check()?;
    }
    if train.dry_run {
        for Variant { folder, config, .. } in &variants {
            writeln!(out, "# {folder}\n{}", config.to_toml())?;
        }
        return Ok(Outcome::Yes);
    }
    let stop = stop_on_signals()?;
    let mut plan = plan;
    let root = plan.run.clone();
    for Variant { folder, config, .. } in &variants {
        (plan.run, plan.config) = (root.join(folder), config.clone());
        plan.resume = plan.run.join(CONFIG).exists();
        let done = Ready::new(&plan, None, setting, Peers::alone())?.train(&stop)?;
        writeln!(out, "{}: {} steps of training", escape::path(&plan.run), done.step)?;
        out.flush()?;
        if !done.complete {
            writeln!(out, "to go on: the same command")?;
            return Ok(Outcome::Stopped(stop.load(Ordering::Relaxed)));
        }
    }
    // From here on a signal ends the process at once: every measurement is on the disk.
    let signal = stop.swap(1, Ordering::Relaxed);
    if signal > 0 {
        return Ok(Outcome::Stopped(signal));
    }
    let mut models = Vec::new();
    for Variant { folder, config, models: names } in &variants {
        let run = root.join(folder);
        let all = select::select(&selection(args, &run), out)?;
        models.extend(names.iter().map(|&(name, weights)| Model {
            name,
            weights,
            run: run.clone(),
            config,
            found: all.iter().filter(|row| row.weights == weights).cloned().collect(),
        }));
    }
    let page = page(args, &root, &models, setting)?;
    let path = root.join("index.html");
    sheet::write(&path, page.html().as_bytes()).map_err(Error::file(&path))?;
    writeln!(out, "curves and samples side by side: {}", escape::path(&path))?;
    Ok(Outcome::Yes)
}

fn selection(args: &AblateArgs, run: &Path) -> SelectArgs {
    SelectArgs {
        run: run.to_owned(),
        num: args.num,
        features: args.features.clone(),
        data: None,
        array: None,
        chain: chain(args),
        format: Format::Text,
    }
}

/// Langevin dynamics of every model, but for what is its own.
fn chain(args: &AblateArgs) -> ChainArgs {
    ChainArgs {
        batch: args.sample_batch,
        seed: args.train.overrides.seed.unwrap_or(0),
        steps_per_level: args.steps_per_level,
        epsilon: None,
        device: args.train.device.clone(),
    }
}

fn page(args: &AblateArgs, root: &Path, models: &[Model], setting: (Device, Precision)) -> Result<Page> {
    let command = command_line();
    let distances: Vec<_> = models.iter().map(|model| (model.name, model.found.clone())).collect();
    let mut parts = vec![
        Part::Text(
            "Groups of techniques are taken away from NCSNv2: Technique 3 (conditioning on noise by division), 1, 2 \
             and 4 (noise levels and step size), 5 (averaged weights). NCSN has none of them; subscripts are those \
             in effect."
                .into(),
        ),
        table(models)?,
    ];
    let mut losses = Vec::new();
    for model in models.iter().filter(|model| ["NCSN₁,₂,₄,₅", "NCSNv2"].contains(&model.name)) {
        losses.push((model.name, log::read(&model.run)?));
    }
    let curves = [
        (
            figures::ablation(&distances, true),
            "Fréchet distance over training, with the denoising step (as Fig. 5).",
        ),
        (figures::ablation(&distances, false), "The same without the denoising step (as Fig. 9)."),
        (
            figures::conditioning(&losses),
            "Training loss, smoothed by 0.9, with the same noise: NCSN's network and NCSNv2's (as Fig. 3).",
        ),
    ];
    for (figure, caption) in curves {
        parts.push(Part::Curves { figure, caption: caption.into(), command: command.clone() });
    }
    let folder = root.join(SHEETS);
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    for (denoised, heading) in [
        (true, "Samples, denoised, of the best checkpoint by them (as Fig. 13)"),
        (false, "Samples without denoising, of the best checkpoint by them (as Fig. 14)"),
    ] {
        parts.push(Part::Heading(heading.into()));
        let sheets = models.iter().map(|model| model.samples(args, denoised, &folder, setting));
        parts.push(Part::Beside(sheets.collect::<Result<_>>()?));
    }
    parts.extend([Part::Heading("Made by".into()), Part::Code(command)]);
    Ok(Page { title: format!("Ablation on {}", models[0].config.preset), parts })
}

impl Model<'_> {
    /// The best measurement and its distance.
    fn best(&self, denoised: bool) -> Result<(&Measured, f64)> {
        let distance = |row: &Measured| if denoised { row.denoised.distance } else { row.plain.distance };
        let best = self.found.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let best = best.with_context(|| format!("{}: nothing was measured", self.name))?;
        Ok((best, distance(best)))
    }

    /// A sheet of the best checkpoint.
    fn samples(
        &self,
        args: &AblateArgs,
        denoised: bool,
        folder: &Path,
        (device, precision): (Device, Precision),
    ) -> Result<Part> {
        let (best, distance) = self.best(denoised)?;
        let checkpoint = checkpoint::folder(&self.run.join(CHECKPOINTS), best.step);
        let opening = Opening { weights: self.weights, device, precision };
        let trained = source::open(&checkpoint, None, opening)?;
        let chain = chain(args);
        let annealing = super::annealing(&trained.config, &chain, denoised)?;
        let parts = super::in_batches(self.name, args.images, chain.batch, |numbers, each| {
            Ok(super::drawn(&trained, annealing, chain.seed, numbers, device, each)?.to_device(Device::Cpu))
        })?;
        let png = Sheet::of_tensor(&Tensor::cat(&parts, 0))?.png();
        let run = self.run.file_name().unwrap_or_default().to_string_lossy();
        let file = format!("{run}-{}{}.png", self.weights.name(), if denoised { "-denoised" } else { "" });
        let path = folder.join(file);
        sheet::write(&path, &png).map_err(Error::file(&path))?;
        let caption = format!("{}, step {}, distance {distance:.2}.", self.name, best.step);
        let flags = if denoised { "" } else { " --no-denoise" };
        let steps = args.steps_per_level.map_or(String::new(), |steps| format!(" --steps-per-level {steps}"));
        let command = format!(
            "ncsn-trainer sample --checkpoint {} --weights {} --num {} --seed {}{steps}{flags} --grid samples.png",
            checkpoint.display(),
            self.weights.name(),
            args.images,
            chain.seed
        );
        let told = format!("Samples of {}", self.name);
        Ok(Part::Picture { png, caption, told, command })
    }
}

/// The models and their best distances.
fn table(models: &[Model]) -> Result<Part> {
    let mut rows = Vec::new();
    for model in models {
        let (schedule, training) = (model.config.schedule(), &model.config.training);
        // As it was sampled, which a flag may have changed.
        let (best, _) = model.best(true)?;
        let mut row = vec![
            model.name.to_owned(),
            model.config.network.architecture.name().to_owned(),
            format!(
                "σ₁ = {:.4}, L = {}, T = {}, ε = {:.4e}",
                schedule.range().max(),
                schedule.num_levels(),
                best.conditions.steps_per_level,
                best.conditions.epsilon
            ),
            format!("{}", training.lr),
            model.weights.to_string(),
        ];
        for denoised in [true, false] {
            let (best, distance) = model.best(denoised)?;
            row.extend([format!("{distance:.2}"), best.step.to_string()]);
        }
        rows.push(row);
    }
    let conditions = models[0].found.first().map(|row| &row.conditions);
    let features = conditions.map_or("", |conditions| conditions.features.as_str());
    let head = [
        "model",
        "network",
        "noise",
        "learning rate",
        "weights",
        "denoised",
        "at step",
        "not denoised",
        "at step",
    ];
    Ok(Part::Table {
        caption: format!("Least Fréchet distances, by {features}"),
        head: head.map(str::to_owned).to_vec(),
        rows,
    })
}
