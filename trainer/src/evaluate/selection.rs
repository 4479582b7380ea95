//! Which checkpoint of a run is best: the record of what was measured of each, which a later call goes on with.

use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::frechet::Frechet;
use crate::config::Precision;
use crate::weights::Weights;
use crate::{Error, log};

/// Name of the record in a run's folder.
pub const RECORD: &str = "selection.jsonl";
/// For messages.
const EXPECTED: &str = "measurements of 'select': move the file away to begin anew";

/// What a distance depends on but for the weights: only distances of equal conditions are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Samples.
    pub num: u64,
    /// Seed of start and noise.
    pub seed: u64,
    /// Identity of the features.
    pub features: String,
    /// SHA-256 of the data, or of the file of their statistics.
    pub data: String,
    /// Langevin steps per level.
    pub steps_per_level: u64,
    /// Step size at the smallest level.
    pub epsilon: f64,
    /// How the network computed.
    pub precision: Precision,
}

/// Distances of one checkpoint's samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Steps of training.
    pub step: u64,
    /// Which weights.
    pub weights: Weights,
    /// SHA-256 of the checkpoint's tensors: another run of the same folder has others.
    pub tensors: String,
    /// All else.
    pub conditions: Conditions,
    /// Fréchet distance of the samples as Langevin dynamics leaves them.
    pub plain: Frechet,
    /// The same after the denoising step.
    pub denoised: Frechet,
}

impl Measured {
    /// Whether it is of a checkpoint's weights under these conditions.
    #[must_use]
    pub fn is_of(&self, tensors: &str, weights: Weights, conditions: &Conditions) -> bool {
        self.tensors == tensors && self.weights == weights && self.conditions == *conditions
    }

    /// The smaller distance, and whether it is that of the denoised samples.
    #[must_use]
    pub fn better(&self) -> (f64, bool) {
        let (plain, denoised) = (self.plain.distance, self.denoised.distance);
        if denoised <= plain { (denoised, true) } else { (plain, false) }
    }
}

/// The measurement of the least distance; none of none.
#[must_use]
pub fn best(all: &[Measured]) -> Option<&Measured> {
    let order =
        |a: &&Measured, b: &&Measured| a.better().0.partial_cmp(&b.better().0).unwrap_or(Ordering::Equal);
    all.iter().min_by(order)
}

/// The file of all measurements of a run, one JSON object in each line.
#[derive(Debug)]
pub struct Record {
    file: File,
    path: PathBuf,
}

impl Record {
    /// Opens the record of a run; a last line that an interruption has cut is dropped.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] with the number of a line that is none of ours.
    pub fn open(run: &Path) -> Result<Self, Error> {
        let path = run.join(RECORD);
        let (_, whole) = log::whole_lines::<Measured>(&path, EXPECTED)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::file(&path))?;
        file.set_len(whole).map_err(Error::file(&path))?;
        Ok(Self { file, path })
    }

    /// All measurements of a run, without opening it for more.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(run: &Path) -> Result<Vec<Measured>, Error> {
        Ok(log::whole_lines(&run.join(RECORD), EXPECTED)?.0)
    }

    /// The measurements under the conditions of the last, in the order of their steps.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn latest(run: &Path) -> Result<Vec<Measured>, Error> {
        let all = Self::read(run)?;
        let conditions = all.last().map(|row| row.conditions.clone());
        let mut found: Vec<Measured> =
            all.into_iter().filter(|row| Some(&row.conditions) == conditions.as_ref()).collect();
        found.sort_by_key(|row| row.step);
        Ok(found)
    }

    /// Appends a measurement, and brings it to the disk.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn add(&mut self, measured: &Measured) -> Result<(), Error> {
        let failed = Error::file(&self.path);
        let text = serde_json::to_string(measured).map_err(io::Error::other);
        let written = text.and_then(|text| self.file.write_all(format!("{text}\n").as_bytes()));
        written.and_then(|()| self.file.sync_data()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn measured(step: u64, plain: f64, denoised: f64) -> Measured {
        let frechet = |distance| Frechet { distance, means: 0.0, covariances: distance, rounding: 1e-6 };
        let conditions = Conditions {
            num: 10,
            seed: 0,
            features: "pixels".into(),
            data: "d".into(),
            steps_per_level: 5,
            epsilon: 6.2e-6,
            precision: Precision::F32,
        };
        Measured {
            step,
            weights: Weights::Ema,
            tensors: step.to_string(),
            conditions,
            plain: frechet(plain),
            denoised: frechet(denoised),
        }
    }

    #[test]
    fn the_least_of_both_distances_counts() {
        let all = [measured(1, 5.0, 4.0), measured(2, 3.0, 9.0), measured(3, 3.5, 3.25)];
        assert_eq!(best(&all).map(|best| (best.step, best.better())), Some((2, (3.0, false))));
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn a_measurement_is_of_its_weights_and_conditions_alone() {
        let one = measured(1, 5.0, 4.0);
        assert!(one.is_of("1", Weights::Ema, &one.conditions));
        assert!(!one.is_of("2", Weights::Ema, &one.conditions));
        assert!(!one.is_of("1", Weights::Raw, &one.conditions));
        let other = Conditions { seed: 1, ..one.conditions.clone() };
        assert!(!one.is_of("1", Weights::Ema, &other));
    }

    #[test]
    fn a_record_goes_on_behind_its_last_whole_line() {
        let run = tempfile::tempdir().expect("a folder");
        let (first, second) = (measured(1, 5.0, 0.1 + 0.2), measured(2, 3.0, 9.0));
        Record::open(run.path()).expect("a new record").add(&first).expect("writes");
        let path = run.path().join(RECORD);
        let text = fs::read_to_string(&path).expect("a record");
        fs::write(&path, format!("{text}{}", &text[..40])).expect("writes");
        let mut record = Record::open(run.path()).expect("cut, not damaged");
        record.add(&second).expect("writes");
        assert_eq!(Record::read(run.path()).expect("whole"), [first, second]);
        fs::write(&path, "{}\n").expect("writes");
        let message = Record::open(run.path()).expect_err("no measurement").to_string();
        assert!(message.contains("line 1: missing field"), "{message}");
    }
}
