//! `ncsn-trainer train`.

mod cost;
mod resume;
mod signals;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, bail, ensure};
use ncsn_data::escape;
use ncsn_shell::ReadArgs;
use ncsn_shell::{Outcome, warn};
use serde_json::json;

use crate::cli::{Format, LayoutArgs, TrainArgs};
use crate::config::{Config, Precision};
use crate::dataset::{self, HeldOut};
use crate::train::{CHECKPOINTS, CONFIG, Lock, Session, State};
use crate::{Error, device, presets};

/// Trains, or goes on training.
///
/// # Errors
/// Everything that is wrong with settings, data and files; see [`Session::train`].
pub fn run(args: TrainArgs, out: &mut dyn Write) -> Result<Outcome> {
    let (device, precision) = super::set_up(&args.device)?;
    let mut config = if args.resume { resumed(&args)? } else { fresh(&args)? };
    let run = args.run.clone().unwrap_or_else(|| Path::new("runs").join(&config.preset));
    if !args.resume {
        refuse_existing(&run)?;
    }
    // A number that was given, or found before, stands.
    let given = args.resume || args.config.is_some() || args.overrides.held_out.is_some();
    let held_out = if given { HeldOut::Exactly } else { HeldOut::AtMostATenth };
    let split = dataset::open(&mut config, held_out)?;
    match &config.data.digest {
        Some(digest) if *digest != split.digest => {
            bail!("the training data have SHA-256 {}, but the run began with {digest}", split.digest)
        }
        _ => config.data.digest = Some(split.digest.clone()),
    }
    if args.preset.as_deref() == Some(presets::OWN) {
        presets::fit_own(&mut config, split.train.len(), device.is_cuda());
    }
    // The data have chosen the network; what was asked for stands.
    override_with(&mut config, &args);
    if let Some(path) = args.schedule.as_ref() {
        let schedule = config.use_schedule(path)?;
        if let Some(derived) =
            schedule.provenance.data.filter(|data| data.digest != split.digest && !args.any_data)
        {
            return Err(Error::Content {
                path: path.clone(),
                found: format!("levels derived from {} with SHA-256 {}", derived.path, derived.digest),
                expected: format!(
                    "levels for {} with SHA-256 {}; --any-data takes them all the same",
                    split.train.path().display(),
                    split.digest
                ),
            }
            .into());
        }
    }
    if !args.resume {
        split.check_units(config.noise.units)?;
    }
    config.check()?;
    let costs = || cost::lines(&config, device, precision);
    if args.dry_run {
        write!(out, "{}", config.to_toml())?;
        costs()?.iter().try_for_each(|line| writeln!(std::io::stderr(), "note: {line}"))?;
        return Ok(Outcome::Yes);
    }
    let costs = if args.resume || args.format == Format::Json { Vec::new() } else { costs()? };
    let mut state = State::new(&config, device, precision)?;
    fs::create_dir_all(&run).map_err(Error::file(&run))?;
    let _lock = Lock::take(&run)?;
    if args.resume {
        resume::restore(&mut state, &run.join(CHECKPOINTS), &config, args.from.as_deref(), &warn)?;
    } else {
        create(&run, &config)?;
    }
    if args.format == Format::Text
        && let Err(error) = describe(out, &config, &split, &state, precision, &costs)
    {
        warn(&format!("standard output: {error}; the training goes on"));
    }
    let stop = Arc::new(AtomicU8::new(0));
    signals::stop_on_signals(&stop)?;
    let session = Session { run: &run, config: &config, split: &split, stop: &stop, warn: &warn };
    let iterations = config.training.iterations;
    let done = if args.resume && state.step >= iterations {
        warn(&format!(
            "nothing to do after step {}: the run has {iterations}; --iterations goes on",
            state.step
        ));
        session.finished(&state)
    } else {
        session.train(&mut state)?
    };
    match args.format {
        Format::Json => {
            let all = json!({"schema": "ncsn.training/1", "run": run, "step": done.step, "complete": done.complete,
                "smoothed_loss": done.smoothed, "test_loss": done.test, "images_per_s": done.images_per_s,
                "checkpoint": done.checkpoint});
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            let word = if done.complete { "done" } else { "stopped" };
            let loss = |loss: Option<f64>| loss.map_or("none".to_owned(), |loss| format!("{loss:.2}"));
            writeln!(
                out,
                "{word} after step {}: smoothed loss {}, test loss {}, {:.1} images/s",
                done.step,
                loss(done.smoothed),
                loss(done.test),
                done.images_per_s
            )?;
            writeln!(out, "checkpoint {}", escape::path(&done.checkpoint))?;
            if !done.complete {
                writeln!(out, "to go on: ncsn-trainer train --resume --run {}", escape::path(&run))?;
            }
        }
    }
    Ok(match stop.load(Ordering::Relaxed) {
        signal if signal > 0 && !done.complete => Outcome::Stopped(signal),
        _ => Outcome::Yes,
    })
}

/// What is about to be trained, for people.
fn describe(
    out: &mut dyn Write,
    config: &Config,
    split: &dataset::Split,
    state: &State,
    precision: Precision,
    costs: &[String],
) -> std::io::Result<()> {
    writeln!(
        out,
        "{} steps of {} items from {} ({} for the test loss), {} parameters, {precision}, {}",
        config.training.iterations,
        config.training.batch,
        split.train.len(),
        split.test.as_ref().map_or(0, dataset::Items::len),
        state.network.parameters().count(),
        device::name(state.network.device())
    )?;
    writeln!(
        out,
        "items of {}, network {} with n = {}",
        dataset::shape_text(split.train.shape()),
        config.network.architecture,
        config.network.filters
    )?;
    writeln!(out, "noise {}", config.noise)?;
    for note in &split.notes {
        writeln!(out, "note: {note}")?;
    }
    for line in costs {
        writeln!(out, "{line}")?;
    }
    if state.step > 0 {
        writeln!(out, "going on after step {}", state.step)?;
    }
    out.flush()
}

/// Settings of a new run.
fn fresh(args: &TrainArgs) -> Result<Config> {
    let mut config = match (&args.preset, &args.config) {
        (_, Some(path)) => Config {
            data: crate::config::Data { digest: None, ..Config::read(path)?.data },
            ..Config::read(path)?
        },
        (Some(name), None) if name == presets::OWN => {
            ensure!(
                args.data.is_some() && args.schedule.is_some(),
                "preset own needs --data and --schedule; 'ncsn schedule --data PATH --format toml -o FILE' derives one"
            );
            presets::own(&[])
        }
        (Some(name), None) => presets::find(name)?,
        (None, None) => {
            ensure!(
                args.data.is_none(),
                "--preset is missing: own for data of your own with a --schedule derived from them, or one of {}",
                presets::names().join(", ")
            );
            presets::find("shapes")?
        }
    };
    override_with(&mut config, args);
    read_with(&mut config, &args.read, &args.layout);
    if let Some(path) = &args.data {
        config.data.train = Some(path.clone());
    }
    if let Some(path) = &args.test_data {
        config.data.test = Some(path.clone());
    }
    Ok(config)
}

/// Settings of a run that goes on, with those that may change.
fn resumed(args: &TrainArgs) -> Result<Config> {
    let run = args.run.as_deref().unwrap_or(Path::new(""));
    let mut config = Config::read(&run.join(CONFIG)).context("--resume")?;
    for (own, given) in [(&mut config.data.train, &args.data), (&mut config.data.test, &args.test_data)] {
        if let Some(path) = given {
            *own = Some(path.clone());
        }
    }
    override_with(&mut config, args);
    Ok(config)
}

fn set<T: Clone>(own: &mut T, given: &Option<T>) {
    if let Some(value) = given {
        *own = value.clone();
    }
}

/// What flags change of a preset; those that a run which goes on may not change are absent then.
fn override_with(config: &mut Config, args: &TrainArgs) {
    let TrainArgs { overrides, records, iterations, .. } = args;
    set(&mut config.network.architecture, &overrides.architecture);
    set(&mut config.network.filters, &overrides.filters);
    set(&mut config.data.held_out, &overrides.held_out);
    set(&mut config.data.flip, &overrides.flip);
    set(&mut config.training.batch, &overrides.batch);
    set(&mut config.training.lr, &overrides.lr);
    set(&mut config.training.adam_eps, &overrides.adam_eps);
    set(&mut config.training.amsgrad, &overrides.amsgrad);
    set(&mut config.training.ema_rate, &overrides.ema_rate);
    set(&mut config.training.seed, &overrides.seed);
    set(&mut config.training.iterations, iterations);
    set(&mut config.records.checkpoint_every, &records.checkpoint_every);
    set(&mut config.records.test_every, &records.test_every);
    set(&mut config.records.log_every, &records.log_every);
    set(&mut config.records.keep, &records.keep);
    set(&mut config.records.samples, &records.samples);
    config.records.samples_every = records.samples_every.or(config.records.samples_every);
}

/// What flags change of how data are read.
pub(super) fn read_with(config: &mut Config, args: &ReadArgs, layout: &LayoutArgs) {
    let ReadArgs { size, crop, array, skip_corrupt, value_range, exif, batches, full_depth } = args;
    for (own, given) in [(&mut config.data.size, size), (&mut config.data.crop, crop)] {
        *own = given.or(*own);
    }
    config.data.array = array.clone().or(config.data.array.take());
    config.data.skip_corrupt |= *skip_corrupt;
    config.data.value_range = value_range.or(config.data.value_range);
    config.data.exif |= *exif;
    config.data.batches |= *batches;
    config.data.full_depth |= *full_depth;
    config.data.layout = layout.layout.or(config.data.layout);
    config.data.shape = layout.shape.or(config.data.shape);
}

/// A run's folder is made once and never overwritten.
pub(super) fn refuse_existing(run: &Path) -> Result<()> {
    let occupied = match fs::read_dir(run) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => run.exists(),
    };
    ensure!(
        !occupied,
        "{} exists already; --resume goes on with it, --run DIR chooses another folder",
        run.display()
    );
    Ok(())
}

pub(super) fn create(run: &Path, config: &Config) -> Result<(), Error> {
    fs::create_dir_all(run).map_err(Error::file(run))?;
    let path: PathBuf = run.join(CONFIG);
    let text = format!("# Resolved by ncsn-trainer {}.\n{}", env!("CARGO_PKG_VERSION"), config.to_toml());
    ncsn_shell::output::write_files(&[(&path, &text)])
        .map_err(|error| Error::file(&path)(std::io::Error::other(format!("{error:#}"))))
}
