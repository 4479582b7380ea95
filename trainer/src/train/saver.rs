//! Checkpoints that are written while the training goes on.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::posthoc::AVERAGES;
use super::saving::Snapshot;
use super::state::State;
use crate::checkpoint::{self, CHECKPOINTS};
use crate::config::Config;
use crate::{Error, torch};

/// Writes one checkpoint at a time, on a thread of its own.
pub(super) struct Saver {
    run: PathBuf,
    writing: Option<JoinHandle<Result<(), Error>>>,
    /// Step of the last one.
    step: Option<u64>,
}

impl Saver {
    /// For a run's folder.
    pub(super) fn new(run: &Path) -> Self {
        Self { run: run.to_owned(), writing: None, step: None }
    }

    /// Begins to write a state, once the one before is written, unless it is the same; of several processes, the first does, when
    /// all have found theirs to be the same.
    ///
    /// # Errors
    /// Those of the one before; of the copy.
    pub(super) fn begin(&mut self, state: &State, config: &Config) -> Result<(), Error> {
        if self.step.replace(state.step) == Some(state.step) {
            return Ok(());
        }
        state.compare()?;
        if state.peers.is_first() {
            self.finish()?;
            self.write(state.snapshot(config)?, self.run.join(CHECKPOINTS), config.records.keep);
        }
        Ok(())
    }

    /// The same of the averages of which others can be made, none of which is removed.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) fn begin_averages(&mut self, state: &State, config: &Config) -> Result<(), Error> {
        if state.peers.is_first()
            && let Some(averages) = state.averages(config)?
        {
            // Behind the checkpoint of the same step, but no more than that waits.
            if self.step != Some(state.step) {
                self.finish()?;
            }
            self.write(averages, self.run.join(AVERAGES), u64::MAX);
        }
        Ok(())
    }

    fn write(&mut self, snapshot: Snapshot, folder: PathBuf, keep: u64) {
        let before = self.writing.take();
        let write = move || {
            joined(before)?;
            // One thread of libtorch is enough for what is bound by the disk.
            torch::attempt(|| tch::no_grad(|| snapshot.write(&folder, keep)))?.map(drop)
        };
        self.writing = Some(thread::spawn(write));
    }

    /// What has become of one that is written by now.
    ///
    /// # Errors
    /// Those of [`Snapshot::write`](super::Snapshot::write).
    pub(super) fn check(&mut self) -> Result<(), Error> {
        if self.writing.as_ref().is_some_and(JoinHandle::is_finished) { self.finish() } else { Ok(()) }
    }

    /// Waits until the last one is written.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        joined(self.writing.take())
    }

    /// Folder of a step's checkpoint.
    pub(super) fn folder(&self, step: u64) -> PathBuf {
        checkpoint::folder(&self.run.join(CHECKPOINTS), step)
    }
}

/// What has become of a thread, which is waited for.
fn joined(writing: Option<JoinHandle<Result<(), Error>>>) -> Result<(), Error> {
    match writing.map(JoinHandle::join) {
        Some(Ok(written)) => written,
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Ok(()),
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // When a training fails, the checkpoint at work is finished all the same; the failure is told, not this one's.
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}
