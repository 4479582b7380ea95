//! `ncsn-trainer train`.

mod cost;
mod plan;
mod resume;
pub(super) mod signals;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Result, ensure};
use ncsn_data::escape;
use ncsn_shell::{Outcome, warn};
use serde_json::json;
use tch::Device;

use super::peers;
use crate::cli::{Format, TrainArgs};
use crate::config::{Config, Precision};
use crate::dataset;
use crate::layout::shape_text;
use crate::peers::{Peers, Place};
use crate::train::{CONFIG, Finished, Lock, Session, State};
use crate::{Error, device};
pub(super) use plan::{Plan, one_path, read_with};

/// Trains, or goes on training.
///
/// # Errors
/// Everything that is wrong with settings, data and files; see [`Session::train`].
pub fn run(args: TrainArgs, out: &mut dyn Write) -> Result<Outcome> {
    let place = Place::of_environment()?;
    let is_first = place.as_ref().is_none_or(|place| place.rank == 0);
    let restarted = place.as_ref().is_some_and(|place| place.restarts > 0);
    let (device, precision) = super::set_up_at(&args.device, place.as_ref())?;
    let plan = Plan::new(&args, device.is_cuda(), is_first, restarted)?;
    let Plan { run, config, resume, .. } = &plan;
    let costs = || cost::lines(config, device, precision);
    if args.dry_run {
        write!(out, "{}", config.to_toml())?;
        costs()?.iter().try_for_each(|line| writeln!(std::io::stderr(), "note: {line}"))?;
        return Ok(Outcome::Yes);
    }
    let is_for_people = is_first && args.format == Format::Text;
    let costs = if *resume || !is_for_people { Vec::new() } else { costs()? };
    let size = place.as_ref().map_or(1, |place| place.size);
    ensure!(
        config.training.batch >= size as u64,
        "batch is {}, allowed: at least {size}, an item for each process",
        config.training.batch
    );
    let about = json!({"run": run, "resume": resume, "config": peers::compared(config)});
    let peers = peers::meet(place.as_ref(), (device, precision), &about, args.rendezvous_timeout)?;
    let mut ready = Ready::new(&plan, args.from.as_deref(), (device, precision), peers)?;
    if is_for_people && let Err(error) = describe(out, &plan, &ready.state, precision, &costs) {
        warn(&format!("standard output: {error}; the training goes on"));
    }
    let stop = stop_on_signals()?;
    let iterations = config.training.iterations;
    if *resume && is_first && ready.state.step >= iterations {
        warn(&format!(
            "nothing to do after step {}: the run has {iterations}; --iterations goes on",
            ready.state.step
        ));
    }
    let done = ready.train(&stop).and_then(|done| ready.leave().map(|()| done));
    peers::outcome(done, |done| {
        if is_first {
            report(out, args.format, run, &done)?;
        }
        Ok(match stop.load(Ordering::Relaxed) {
            signal if signal > 0 && !done.complete => Outcome::Stopped(signal),
            _ => Outcome::Yes,
        })
    })
}

/// The number of the signal by which the user stops a training, 0 until then.
///
/// # Errors
/// What the system says.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicU8>> {
    let stop = Arc::new(AtomicU8::new(0));
    signals::stop_on_signals(&stop)?;
    Ok(stop)
}

/// A training at its beginning or where it was left, its folder locked.
pub(super) struct Ready<'a> {
    plan: &'a Plan,
    state: State,
    _lock: Option<Lock>,
}

impl<'a> Ready<'a> {
    /// # Arguments
    /// * `from` — name of a checkpoint, else the last
    /// * `peers` — the processes that train together; the first reads and writes the run's folder
    ///
    /// # Errors
    /// Those of [`State::new`], [`Lock::take`] and [`resume::restore`].
    pub(super) fn new(
        plan: &'a Plan,
        from: Option<&str>,
        (device, precision): (Device, Precision),
        peers: Peers,
    ) -> Result<Self> {
        let Plan { run, config, resume, .. } = plan;
        let mut state = State::new(config, device, precision)?;
        let mut lock = None;
        if peers.is_first() {
            fs::create_dir_all(run).map_err(Error::file(run))?;
            lock = Some(Lock::take(run)?);
            if *resume {
                resume::restore(&mut state, run, config, from, &warn)?;
            } else {
                create(run, config)?;
            }
        }
        if peers.size() > 1 {
            state.join(peers)?;
        }
        Ok(Self { plan, state, _lock: lock })
    }

    /// Trains until all steps are done or the user stops it.
    ///
    /// # Errors
    /// Those of [`Session::train`].
    pub(super) fn train(&mut self, stop: &AtomicU8) -> Result<Finished, Error> {
        let Plan { run, config, split, .. } = self.plan;
        let session = Session { run, config, split, stop, warn: &warn };
        if self.state.step >= config.training.iterations {
            return Ok(session.finished(&self.state));
        }
        session.train(&mut self.state)
    }

    /// Parts from the other processes.
    ///
    /// # Errors
    /// Those of [`Peers::leave`].
    fn leave(&mut self) -> Result<(), Error> {
        self.state.leave()
    }
}

/// What is about to be trained, for people.
fn describe(
    out: &mut dyn Write,
    Plan { config, split, .. }: &Plan,
    state: &State,
    precision: Precision,
    costs: &[String],
) -> Result<()> {
    let ema = config.training.ema()?;
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
        "items of {}, network {} with n = {}, weights averaged over {:.0} steps",
        shape_text(split.train.shape()),
        config.network.architecture,
        config.network.filters,
        ema.window().mid()
    )?;
    if let Some(labels) = &config.data.labels {
        let names: Vec<_> = labels.names.iter().take(10).map(|name| escape::one_line(name)).collect();
        let more = if labels.names.len() > names.len() { ", …" } else { "" };
        let (count, untold) = (labels.names.len(), config.training.label_dropout.unwrap_or(0.0));
        writeln!(
            out,
            "told {count} classes ({}{more}), but for a share of {untold} of the items",
            names.join(", ")
        )?;
    }
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
    out.flush()?;
    Ok(())
}

/// How a training ended.
fn report(out: &mut dyn Write, format: Format, run: &Path, done: &Finished) -> Result<()> {
    match format {
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
                writeln!(out, "to go on: ncsn-trainer train --resume --run {}", escape::path(run))?;
            }
        }
    }
    Ok(())
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
    ncsn_shell::output::write_files(&[(path.as_path(), &text)])
        .map_err(|error| Error::file(&path)(std::io::Error::other(format!("{error:#}"))))
}
