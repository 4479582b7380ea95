//! What can go wrong in the trainer.

use std::io;
use std::path::{Path, PathBuf};

use tch::TchError;
use thiserror::Error;

/// Everything that can go wrong in the trainer; one line each.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of libtorch failed: the first line of its message.
    #[error("torch: {message}")]
    Torch {
        /// Torch's own words.
        message: String,
    },
    /// The device has no memory left for an operation.
    #[error("out of memory: {message}")]
    OutOfMemory {
        /// Torch's own words.
        message: String,
    },
    /// A device that was asked for is not there.
    #[error("device {name} is not available: {reason}")]
    NoDevice {
        /// As asked for.
        name: String,
        /// What is missing.
        reason: String,
    },
    /// Own kernels cannot be taken.
    #[error("own kernels on {device}: {reason}; without --kernels own, torch's operators are taken")]
    Kernels {
        /// Where.
        device: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// Another process trains in a run's folder.
    #[error("{} is being trained by process {owner}", run.display())]
    Busy {
        /// The folder.
        run: PathBuf,
        /// Number of the process.
        owner: String,
    },
    /// Another process of the same training is missing, differs, or has ended.
    #[error("{0}")]
    Peers(String),
    /// A file or folder could not be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A file holds something else than expected: a tensor of another shape, a key that is missing.
    #[error("{}: {found}, expected {expected}", path.display())]
    Content {
        /// Where.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// A number or word of the configuration outside its domain.
    #[error("{name} is {value}, allowed: {allowed}")]
    Setting {
        /// Key of the configuration.
        name: &'static str,
        /// As given.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// The loss is not a number, or infinite.
    #[error(
        "step {step}: the loss is {loss} (level {level}, sigma {sigma}, image {item} of the data); first \
         layer that is not finite: {layer}"
    )]
    NotFinite {
        /// Training step, from 0.
        step: u64,
        /// The value.
        loss: f32,
        /// Noise level of the first sample that is not finite.
        level: usize,
        /// Its σ.
        sigma: f64,
        /// Its image.
        item: usize,
        /// Name of the layer.
        layer: String,
    },
    /// A schedule that theory refuses.
    #[error(transparent)]
    Theory(#[from] ncsn_theory::Error),
    /// A pickle that is damaged or refused.
    #[error(transparent)]
    Pickle(#[from] ncsn_pth::Error),
    /// Data that cannot be read.
    #[error(transparent)]
    Data(#[from] ncsn_data::Error),
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        Self::torch(&error.to_string())
    }
}

impl Error {
    /// An error of torch from its message, of which the first line is for people.
    pub(crate) fn torch(message: &str) -> Self {
        let inner = message.split_once("Torch(\"").map_or(message, |(_, inner)| inner);
        // Unwrapped results are printed with escapes.
        let line = inner.split("\\n").next().unwrap_or(inner).lines().next().unwrap_or_default();
        let line = line.trim_start_matches("torch: ").trim_start_matches("out of memory: ");
        let message = line.trim_end_matches("\")").to_owned();
        if message.contains("out of memory") || message.contains("can't allocate memory") {
            Self::OutOfMemory { message }
        } else {
            Self::Torch { message }
        }
    }

    /// For `map_err` where a path is opened.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::File { path: path.to_owned(), reason }
    }

    /// Something else in a file than expected.
    pub(crate) fn content(
        path: impl AsRef<Path>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let path = path.as_ref().to_owned();
        Self::Content { path, found: found.into(), expected: expected.into() }
    }

    /// A setting outside its domain, as content of the file that holds it.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Setting { name, value, allowed } => {
                Self::content(path, format!("{name} is {value}"), allowed)
            }
            other => other,
        }
    }

    /// A setting outside its domain.
    pub(crate) fn setting(name: &'static str, value: impl ToString, allowed: impl ToString) -> Self {
        Self::Setting { name, value: value.to_string(), allowed: allowed.to_string() }
    }
}
