//! Checkpoints that are written while the training goes on.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::state::State;
use crate::checkpoint::{self, CHECKPOINTS};
use crate::config::Config;
use crate::{Error, torch};

/// Writes one checkpoint at a time, on a thread of its own.
pub(super) struct Saver {
    checkpoints: PathBuf,
    writing: Option<JoinHandle<Result<PathBuf, Error>>>,
    /// Step of the last one.
    step: Option<u64>,
}

impl Saver {
    /// For a run's folder.
    pub(super) fn new(run: &Path) -> Self {
        Self { checkpoints: run.join(CHECKPOINTS), writing: None, step: None }
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
            let (snapshot, checkpoints) = (state.snapshot(config)?, self.checkpoints.clone());
            // One thread of libtorch is enough for what is bound by the disk.
            let write = move || torch::attempt(|| tch::no_grad(|| snapshot.write(&checkpoints)))?;
            self.writing = Some(thread::spawn(write));
        }
        Ok(())
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
        match self.writing.take().map(JoinHandle::join) {
            Some(Ok(written)) => written.map(drop),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    }

    /// Folder of a step's checkpoint.
    pub(super) fn folder(&self, step: u64) -> PathBuf {
        checkpoint::folder(&self.checkpoints, step)
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
