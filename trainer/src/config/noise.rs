//! The noise levels of a run and where they come from.

use std::fmt;
use std::path::Path;

use ncsn_schedule::{MAX_LISTED, ScheduleFile};
use ncsn_theory::schedule::{DataRange, Schedule};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::layout::shape_text;
use crate::model::NetworkShape;

/// A schedule and its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Noise {
    /// A schedule file, whole: with enclosures, findings and the origin of each number.
    File(Box<ScheduleFile>),
    /// Numbers of a preset, or of somebody else's weights.
    Stated(Stated),
}

/// A schedule without a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// Where its numbers come from.
    pub source: String,
    /// Units of the levels.
    pub data_range: DataRange,
    /// The schedule.
    pub numbers: Schedule,
}

/// Reads a schedule file.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] for files that are none, or contradict themselves.
pub fn read_schedule(path: &Path) -> Result<ScheduleFile, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    ScheduleFile::parse(&text).map_err(|error| Error::content(path, format!("{error:#}"), "a schedule file"))
}

impl Noise {
    /// A schedule for pixels in [0, 1], with the origin of its numbers.
    pub fn stated(numbers: Schedule, source: impl Into<String>) -> Self {
        Self::Stated(Stated { source: source.into(), data_range: DataRange::Unit, numbers })
    }

    /// The schedule.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        match self {
            Self::File(file) => file.schedule,
            Self::Stated(stated) => stated.numbers,
        }
    }

    /// Units of the levels: those of pixels in [0, 1], or the data's own.
    #[must_use]
    pub fn data_range(&self) -> DataRange {
        match self {
            Self::File(file) => file.data_range,
            Self::Stated(stated) => stated.data_range,
        }
    }

    /// What the schedule is for, with the digest of the data that it was measured on, or where its numbers come from.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Stated(stated) => stated.source.clone(),
            Self::File(file) => match file.digest() {
                Some(digest) => format!("{}, sha256 {digest}", file.dataset),
                None => file.dataset.clone(),
            },
        }
    }

    /// Whether a network can be trained on these levels.
    ///
    /// # Errors
    /// [`Error::Setting`] for levels for items of another dimension, for pixels in another range than [0, 1], or too many.
    pub fn check(&self, network: &NetworkShape) -> Result<(), Error> {
        let (schedule, range) = (self.schedule(), self.data_range());
        if schedule.dim() != network.dim() {
            let allowed = format!("{} for items of {}", network.dim(), shape_text(&network.item));
            return Err(Error::setting("dim", schedule.dim(), allowed));
        }
        if schedule.num_levels() > MAX_LISTED {
            return Err(Error::setting("num_levels", schedule.num_levels(), format!("2 to {MAX_LISTED}")));
        }
        match range {
            DataRange::Unit | DataRange::Native => Ok(()),
            DataRange::Signed => {
                Err(Error::setting("data_range", range, "unit: the trainer's pixels are in [0, 1]"))
            }
        }
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedule = self.schedule();
        let units = if self.data_range() == DataRange::Native { " in the data's units" } else { "" };
        let source = match self {
            Self::File(file) => &format!("{} for {}", file.provenance.program, file.dataset),
            Self::Stated(stated) => &stated.source,
        };
        write!(
            f,
            "{} to {}{units} in {} levels, T = {}, epsilon {:e} ({source})",
            schedule.range().max(),
            schedule.range().min(),
            schedule.num_levels(),
            schedule.steps_per_level(),
            schedule.epsilon()
        )
    }
}
