//! Training: denoising score matching with Adam and a moving average of the weights.

mod adam;
mod estimate;
mod explain;
mod lock;
pub mod loss;
pub mod posthoc;
mod progress;
mod saver;
mod saving;
mod sheets;
mod state;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use tch::Device;

pub use adam::Adam;
pub use estimate::{Estimate, fitting};
pub use lock::{LOCK, Lock};
use progress::Progress;
pub use progress::duration;
use saver::Saver;
pub use saving::Snapshot;
pub use state::{Done, State};

use crate::checkpoint::CHECKPOINTS;
use crate::config::Config;
use crate::dataset::{self, Batch, Items, Split};
use crate::log::{LINES, Line, Log};
use crate::torch::Later;
use crate::{Error, checkpoint};

/// Name of the configuration in a run's folder.
pub const CONFIG: &str = "config.toml";
/// Name of the folder of sample sheets in a run's folder.
pub const SAMPLES: &str = "samples";

/// How a training session ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Steps done, those before a resumption included.
    pub step: u64,
    /// Whether all steps are done; otherwise the user stopped it.
    pub complete: bool,
    /// Smoothed training loss.
    pub smoothed: Option<f64>,
    /// Last test loss.
    pub test: Option<f64>,
    /// Items trained on per second of this session; tests, checkpoints and sheets take no part in it.
    pub images_per_s: f64,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
}

/// A step that the device may still be computing.
struct Queued {
    /// Number of the step, from 0.
    step: u64,
    /// When the device had it: on the CPU, when it was done.
    at: Instant,
    loss: Later,
    /// Of several processes, how many were asked to stop.
    stop: Option<Later>,
}

/// A training session in a run's folder.
pub struct Session<'a> {
    /// The run's folder.
    pub run: &'a Path,
    /// The resolved configuration.
    pub config: &'a Config,
    /// What is learnt.
    pub split: &'a Split,
    /// Set from outside to stop after the step: the number of a signal.
    pub stop: &'a AtomicU8,
    /// Told what went wrong and was got over.
    pub warn: &'a dyn Fn(&str),
}

impl Session<'_> {
    /// Trains up to the configured number of steps, or until stopped; the last state is in a checkpoint.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::OutOfMemory`] with a batch that would fit; those of reading data and writing files.
    pub fn train(&self, state: &mut State) -> Result<Finished, Error> {
        let Self { config, .. } = *self;
        let settings = &config.training;
        let device = state.network.device();
        let mut log = if state.peers.is_first() { Some(self.open_log(state.step)?) } else { None };
        let of = settings.batch as usize;
        let part = state.peers.part(of);
        let batches = dataset::ahead(&self.split.train, of, part, settings.seed, state.step);
        let mut progress = Progress::new(state.step, settings.iterations, settings.batch, device);
        if log.is_none() {
            progress.hide();
        }
        let mut clock = Clock { since: Instant::now(), step: state.step };
        let mut saver = Saver::new(self.run);
        let mut test = None;
        let mut pending: Option<(Queued, Vec<usize>)> = None;
        // Of several processes, all stop after the same step.
        let alone = state.peers.size() == 1;
        let mut stopped = false;
        while state.step < settings.iterations && !(if alone { self.stopped() } else { stopped }) {
            saver.check()?;
            let (numbers, stored) =
                batches.recv().unwrap_or_else(|_| unreachable!("the thread outlives us"))?;
            let batch = self.split.train.batch(&stored, &numbers, device)?;
            let done = state
                .train_part(batch, of, self.stopped(), config)
                .map_err(|error| estimate::with_fitting_batch(state, config, error))?;
            // The loss before is read while the device computes this step.
            let stop = done.stop.as_ref().map(Later::read).transpose()?;
            let queued = Queued { step: done.step, at: Instant::now(), loss: Later::read(&done.loss)?, stop };
            if let Some((done, numbers)) = pending.replace((queued, numbers)) {
                stopped |= self.settle(state, done, &numbers, &mut log, &mut clock, &mut progress)?;
            }
            let due = |every: u64| state.step.is_multiple_of(every);
            let records = &config.records;
            let (testing, saving) = (due(records.test_every), due(records.checkpoint_every));
            let averages_due = settings.snapshots_every.is_some_and(due);
            let sampling = self.sheet_due(state.step)?;
            if (testing || saving || sampling)
                && let Some((done, numbers)) = pending.take()
            {
                stopped |= self.settle(state, done, &numbers, &mut log, &mut clock, &mut progress)?;
            }
            if testing && let Some(items) = &self.split.test {
                let (batch, of) = test_batch(items, settings.batch, state, device)?;
                let loss = progress.beside("testing", |_| state.test(&batch, of, config))?;
                if let Some(log) = &mut log {
                    log.line(&Line::Test { step: state.step, loss })?;
                }
                test = Some(loss);
            }
            if saving {
                state.levels.gather(&state.peers)?;
                if let Some(log) = &mut log {
                    self.record_levels(state, log)?;
                    // Lines beyond a checkpoint are dropped on resuming; those before it must be there.
                    log.flush()?;
                }
                progress.beside("saving", |_| saver.begin(state, config))?;
            }
            if averages_due {
                saver.begin_averages(state, config)?;
            }
            if sampling && let Some(log) = &mut log {
                progress.beside("sampling", |each| self.sample(state, log, each))?;
                log.flush()?;
            }
            if testing || saving || sampling {
                clock = Clock { since: Instant::now(), step: state.step };
            }
        }
        if let Some((done, numbers)) = pending.take() {
            self.settle(state, done, &numbers, &mut log, &mut clock, &mut progress)?;
        }
        if let Some(log) = &mut log {
            log.flush()?;
        }
        let images_per_s = progress.images_per_s(state.step);
        state.levels.gather(&state.peers)?;
        saver.begin(state, config)?;
        saver.begin_averages(state, config)?;
        saver.finish()?;
        let checkpoint = saver.folder(state.step);
        progress.finish();
        Ok(Finished {
            step: state.step,
            complete: state.step >= settings.iterations,
            smoothed: state.smoothed,
            test,
            images_per_s,
            checkpoint,
        })
    }

    /// What a run that has done all of its steps amounts to.
    #[must_use]
    pub fn finished(&self, state: &State) -> Finished {
        let checkpoint = checkpoint::folder(&self.run.join(CHECKPOINTS), state.step);
        Finished {
            step: state.step,
            complete: true,
            smoothed: state.smoothed,
            test: None,
            images_per_s: 0.0,
            checkpoint,
        }
    }

    fn open_log(&self, step: u64) -> Result<Log, Error> {
        let (log, damaged) = Log::open(self.run, step)?;
        if let Some(path) = damaged {
            (self.warn)(&format!("{LINES} holds lines of no run; it is kept as {}", path.display()));
        }
        Ok(log)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) > 0
    }

    /// Reads the loss of a step that is done, and records it; returns whether a process was asked to stop.
    fn settle(
        &self,
        state: &mut State,
        done: Queued,
        numbers: &[usize],
        log: &mut Option<Log>,
        clock: &mut Clock,
        progress: &mut Progress,
    ) -> Result<bool, Error> {
        let loss = done.loss.value()?;
        let stop = done.stop.map(Later::value).transpose()?.is_some_and(|count| count > 0.0);
        if !loss.is_finite() {
            let (items, device) = (&self.split.train, state.network.device());
            let batch = items.batch(&items.read(numbers)?, numbers, device)?;
            if let Some(log) = log {
                log.flush()?;
            }
            let of = self.config.training.batch as usize;
            return Err(state.explain(batch, of, numbers, done.step, self.config));
        }
        let smoothed = state.smooth(loss);
        let step = done.step + 1;
        if let Some(log) = log
            && step.is_multiple_of(self.config.records.log_every)
        {
            let images_per_s = clock.rate(step, done.at, self.config.training.batch);
            log.line(&Line::Train { step, loss, smoothed, images_per_s })?;
            log.flush()?;
        }
        progress.step(step, smoothed);
        Ok(stop)
    }

    fn record_levels(&self, state: &mut State, log: &mut Log) -> Result<(), Error> {
        let (counts, means) = state.levels.take().into_iter().unzip();
        log.line(&Line::Levels { step: state.step, counts, means })
    }
}

/// This process's part of a batch of test items, another one at each step, and the number of all.
fn test_batch(items: &Items, batch: u64, state: &State, device: Device) -> Result<(Batch, usize), Error> {
    let (count, len) = ((batch as usize).min(items.len()), items.len() as u64);
    let first = (state.step % len * count as u64) % len;
    let part = state.peers.part(count);
    let numbers: Vec<usize> = part.map(|i| ((first + i as u64) % len) as usize).collect();
    Ok((items.batch(&items.read(&numbers)?, &numbers, device)?, count))
}

/// Measures images per second between two readings.
struct Clock {
    since: Instant,
    step: u64,
}

impl Clock {
    fn rate(&mut self, step: u64, at: Instant, batch: u64) -> f64 {
        let rate = ((step - self.step) * batch) as f64 / (at - self.since).as_secs_f64();
        *self = Self { since: at, step };
        rate
    }
}
