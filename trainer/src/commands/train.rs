//! `ncsn-trainer train`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, bail, ensure};
use ncsn::cli::ReadArgs;
use ncsn::commands::Outcome;
use ncsn::escape;
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::{Format, OverrideArgs, RecordArgs, TrainArgs};
use crate::config::{Config, Precision};
use crate::dataset::{self, HeldOut};
use crate::train::{CHECKPOINTS, CONFIG, Lock, Session, State};
use crate::{Error, checkpoint, device, presets};

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
    if let Some(architecture) = args.overrides.architecture {
        config.network.architecture = architecture;
    }
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
    if args.dry_run {
        write!(out, "{}", config.to_toml())?;
        return Ok(Outcome::Yes);
    }
    let mut state = State::new(&config, device, precision)?;
    let checkpoints = run.join(CHECKPOINTS);
    fs::create_dir_all(&run).map_err(Error::file(&run))?;
    let _lock = Lock::take(&run)?;
    if !args.resume {
        create(&run, &config)?;
    } else {
        checkpoint::sweep(&checkpoints)?;
        if let Some(folder) = last_checkpoint(&checkpoints, args.from.as_deref())? {
            let manifest = checkpoint::manifest(&folder)?;
            same_run(&manifest.config, &config, &folder)?;
            checkpoint::restore(&mut state, &folder, &manifest)?;
        }
    }
    let warn = |text: &str| {
        // A standard error that is closed must not end the run.
        let _ = writeln!(std::io::stderr(), "warning: {text}");
    };
    if args.format == Format::Text
        && let Err(error) = describe(out, &config, &split, &state, precision)
    {
        warn(&format!("standard output: {error}; the training goes on"));
    }
    let stop = Arc::new(AtomicU8::new(0));
    stop_on_signals(&stop)?;
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

/// Has a first signal stop the training after the step, with its checkpoint, and a second end the process.
fn stop_on_signals(stop: &Arc<AtomicU8>) -> Result<()> {
    // nohup has a closed terminal ignored, and so it stays.
    let wanted =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal != SIGHUP || !is_ignored(SIGHUP));
    let mut signals = Signals::new(wanted)?;
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if stop.swap(signal as u8, Ordering::Relaxed) > 0 {
                signal_hook::low_level::exit(128 + signal);
            }
            let _ = writeln!(
                std::io::stderr(),
                "\nstopping: the step at work is finished and saved; once more ends at once, with the checkpoint before"
            );
        }
    });
    Ok(())
}

/// The folder of the checkpoint to go on from; none where none was saved yet.
///
/// # Errors
/// A name that is none; a damaged last checkpoint, with the name of the last that is whole.
fn last_checkpoint(checkpoints: &Path, from: Option<&str>) -> Result<Option<PathBuf>> {
    let steps = checkpoint::list(checkpoints)?;
    let names = || steps.iter().map(|&step| checkpoint::name(step)).collect::<Vec<_>>().join(", ");
    if let Some(name) = from {
        let chosen = steps.iter().find(|&&step| checkpoint::name(step) == name);
        let Some(&step) = chosen else { bail!("--from is {name}, there are: {}", names()) };
        return Ok(Some(checkpoint::folder(checkpoints, step)));
    }
    let Some((&last, before)) = steps.split_last() else { return Ok(None) };
    let folder = checkpoint::folder(checkpoints, last);
    let Err(error) = checkpoint::verify(&folder) else { return Ok(Some(folder)) };
    let whole =
        before.iter().rev().find(|&&step| checkpoint::verify(&checkpoint::folder(checkpoints, step)).is_ok());
    match whole {
        Some(&step) => {
            bail!("{error}; {name} is whole: --from {name} goes on from it", name = checkpoint::name(step))
        }
        None => Err(error.into()),
    }
}

/// Whether this process was started with a signal ignored.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: a null action changes nothing; the plain structure is filled by the call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// What is about to be trained, for people.
fn describe(
    out: &mut dyn Write,
    config: &Config,
    split: &dataset::Split,
    state: &State,
    precision: Precision,
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
        (Some(name), None) if name == "own" => {
            ensure!(
                args.data.is_some() && args.schedule.is_some(),
                "preset own needs --data and --schedule; 'ncsn schedule --data PATH --format toml -o FILE' derives one"
            );
            presets::own()
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
    override_with(&mut config, &args.overrides);
    read_with(&mut config, &args.read);
    config.data.layout = args.layout.layout.or(config.data.layout);
    config.data.shape = args.layout.shape.or(config.data.shape);
    if let Some(path) = &args.data {
        config.data.train = Some(path.clone());
    }
    if let Some(path) = &args.test_data {
        config.data.test = Some(path.clone());
    }
    if let Some(iterations) = args.iterations {
        config.training.iterations = iterations;
    }
    record_with(&mut config, &args.records);
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
    if let Some(iterations) = args.iterations {
        config.training.iterations = iterations;
    }
    record_with(&mut config, &args.records);
    Ok(config)
}

fn set<T: Clone>(own: &mut T, given: &Option<T>) {
    if let Some(value) = given {
        *own = value.clone();
    }
}

fn override_with(config: &mut Config, args: &OverrideArgs) {
    set(&mut config.network.architecture, &args.architecture);
    set(&mut config.network.filters, &args.filters);
    set(&mut config.data.held_out, &args.held_out);
    set(&mut config.data.flip, &args.flip);
    set(&mut config.training.batch, &args.batch);
    set(&mut config.training.lr, &args.lr);
    set(&mut config.training.adam_eps, &args.adam_eps);
    set(&mut config.training.amsgrad, &args.amsgrad);
    set(&mut config.training.ema_rate, &args.ema_rate);
    set(&mut config.training.seed, &args.seed);
}

fn record_with(config: &mut Config, args: &RecordArgs) {
    set(&mut config.records.checkpoint_every, &args.checkpoint_every);
    set(&mut config.records.test_every, &args.test_every);
    set(&mut config.records.log_every, &args.log_every);
    set(&mut config.records.keep, &args.keep);
    set(&mut config.records.samples, &args.samples);
    config.records.samples_every = args.samples_every.or(config.records.samples_every);
}

fn read_with(config: &mut Config, args: &ReadArgs) {
    let ReadArgs { size, crop, array, skip_corrupt, value_range, exif } = args;
    for (own, given) in [(&mut config.data.size, size), (&mut config.data.crop, crop)] {
        *own = given.or(*own);
    }
    config.data.array = array.clone().or(config.data.array.take());
    config.data.skip_corrupt |= *skip_corrupt;
    config.data.value_range = value_range.or(config.data.value_range);
    config.data.exif |= *exif;
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
    ncsn::output::write_files(&[(&path, &text)])
        .map_err(|error| Error::file(&path)(std::io::Error::other(format!("{error:#}"))))
}

/// A checkpoint belongs to the run whose configuration lies beside it, but for what may change.
fn same_run(found: &Config, wanted: &Config, folder: &Path) -> Result<()> {
    let mut found = found.clone();
    found.training.iterations = wanted.training.iterations;
    found.records.clone_from(&wanted.records);
    found.data.train.clone_from(&wanted.data.train);
    found.data.test.clone_from(&wanted.data.test);
    let different = differing(&serde_json::to_value(&found)?, &serde_json::to_value(wanted)?);
    ensure!(
        different.is_empty(),
        "{} was written with another {} than the run's {CONFIG} has",
        folder.display(),
        different.join(", ")
    );
    Ok(())
}

/// Keys of tables in which two values differ, such as `training.lr`.
fn differing(a: &Value, b: &Value) -> Vec<String> {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return Vec::new() };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let within = |key: &String| match (a.get(key), b.get(key)) {
        (Some(a), Some(b)) if a == b => Vec::new(),
        (Some(a @ Value::Object(_)), Some(b @ Value::Object(_))) => {
            differing(a, b).into_iter().map(|inner| format!("{key}.{inner}")).collect()
        }
        _ => vec![key.clone()],
    };
    keys.into_iter().flat_map(within).collect()
}
