//! The record of a run: JSON lines for programs, TensorBoard events for looking.

pub mod events;

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use events::Events;

/// Name of the JSON lines in a run's folder.
pub const LINES: &str = "log.jsonl";

/// One line of `log.jsonl`; `step` counts the steps done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    /// Loss of one training batch.
    Train {
        /// Steps done.
        step: u64,
        /// Mean loss of the batch.
        loss: f64,
        /// Smoothed by an average with weight 0.9 on the past.
        smoothed: f64,
        /// Images per second since the line before.
        images_per_s: f64,
    },
    /// Loss of one batch of test items with averaged weights.
    Test {
        /// Steps done.
        step: u64,
        /// Mean loss of the batch.
        loss: f64,
    },
    /// Training loss by noise level, from the largest to the smallest, since the checkpoint before.
    Levels {
        /// Steps done.
        step: u64,
        /// Items seen at each level.
        counts: Vec<u64>,
        /// Their mean loss; 0 where there was none.
        means: Vec<f64>,
    },
}

impl Line {
    fn step(&self) -> u64 {
        match *self {
            Self::Train { step, .. } | Self::Test { step, .. } | Self::Levels { step, .. } => step,
        }
    }
}

/// The open files of a run's record.
#[derive(Debug)]
pub struct Log {
    lines: BufWriter<File>,
    path: PathBuf,
    events: Events,
}

impl Log {
    /// Opens the record of a run that goes on from `step`; lines of later steps, which will be done again, are dropped.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(run: &Path, step: u64) -> Result<Self, Error> {
        let path = run.join(LINES);
        drop_after(&path, step)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::file(&path))?;
        let mut events = Events::create(run, &step.to_string()).map_err(Error::file(run))?;
        if step > 0 {
            events.restart(step + 1).map_err(Error::file(run))?;
        }
        Ok(Self { lines: BufWriter::new(file), path, events })
    }

    /// Writes a line, and what of it is a curve as TensorBoard scalars.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn line(&mut self, line: &Line) -> Result<(), Error> {
        let text = serde_json::to_string(line).map_err(|error| Error::file(&self.path)(error.into()))?;
        writeln!(self.lines, "{text}").map_err(Error::file(&self.path))?;
        let scalars: Vec<(&str, f64)> = match line {
            Line::Train { loss, smoothed, images_per_s, .. } => {
                vec![("loss/train", *loss), ("loss/smoothed", *smoothed), ("images_per_s", *images_per_s)]
            }
            Line::Test { loss, .. } => vec![("loss/test", *loss)],
            Line::Levels { .. } => Vec::new(),
        };
        for (tag, value) in scalars {
            self.events.scalar(line.step(), tag, value as f32).map_err(Error::file(&self.path))?;
        }
        if let Line::Levels { step, counts, means } = line {
            for (level, (_, mean)) in
                counts.iter().zip(means).enumerate().filter(|(_, (count, _))| **count > 0)
            {
                let tag = format!("level/{level:04}");
                self.events.scalar(*step, &tag, *mean as f32).map_err(Error::file(&self.path))?;
            }
        }
        Ok(())
    }

    /// Shows a picture in TensorBoard.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn picture(&mut self, step: u64, picture: &crate::sheet::Sheet, png: &[u8]) -> Result<(), Error> {
        let (width, height) = picture.size();
        self.events
            .image(step, "samples", width, height, picture.channels(), png)
            .map_err(Error::file(&self.path))
    }

    /// Brings everything to the files.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.lines.flush().and_then(|()| self.events.flush()).map_err(Error::file(&self.path))
    }
}

/// Rewrites a record without the lines after a step, and without a last line that a crash cut off.
fn drop_after(path: &Path, step: u64) -> Result<(), Error> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(Error::file(path))?,
    };
    let keep = |line: &&str| serde_json::from_str::<Line>(line).is_ok_and(|line| line.step() <= step);
    let kept: String = text.lines().filter(keep).map(|line| format!("{line}\n")).collect();
    if kept != text {
        ncsn::output::write_files(&[(path, &kept)])
            .map_err(|error| Error::file(path)(std::io::Error::other(format!("{error:#}"))))?;
    }
    Ok(())
}
