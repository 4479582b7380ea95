//! A schedule that somebody stated, and what it is said to be for.

use ncsn_schedule::ScheduleFile;
use ncsn_theory::schedule::presets::Dataset;
use ncsn_theory::schedule::{DataRange, Schedule, Spacing};

/// A schedule and what it is said to be for.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// The schedule.
    pub schedule: Schedule,
    /// Name of the data set or, where none is named, of the file.
    pub name: Option<String>,
    /// The data set, where it is one with known dimension and diameter.
    pub dataset: Option<&'static Dataset>,
    /// Units of the data.
    pub range: DataRange,
    /// What was asked of Technique 2; the paper's choice where the file does not say.
    pub spacing: Spacing,
    /// Numbers that are not in the file, and where they were taken from.
    pub notes: Vec<String>,
}

impl Stated {
    /// The name for people.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or("schedule")
    }
}

impl From<ScheduleFile> for Stated {
    fn from(file: ScheduleFile) -> Self {
        // Data of one's own may lie in a folder that is called like a preset.
        let dataset = if file.provenance.data.is_none() { Dataset::find(&file.dataset) } else { None };
        Self {
            schedule: file.schedule,
            name: Some(file.dataset),
            dataset,
            range: file.data_range,
            spacing: file.spacing,
            notes: Vec::new(),
        }
    }
}
