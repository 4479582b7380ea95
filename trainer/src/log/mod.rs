//! The record of a run: JSON lines for programs, TensorBoard events for looking.

pub mod events;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
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

/// The lines of a run's record; none where there is no record.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] with the number of a line that is none of a run's.
pub fn read(run: &Path) -> Result<Vec<Line>, Error> {
    Ok(whole_lines(&run.join(LINES), "the record of a run")?.0)
}

/// The JSON objects of a file, one in each line, without a last line that an interruption has cut; and the bytes of the whole
/// lines. A file that is not there holds none.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] with the number of a line that is something else.
pub fn whole_lines<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<(Vec<T>, u64), Error> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(Error::file(path))?,
    };
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let parse = |(number, line): (u64, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let found = format!("line {number}: {}", error.to_string().replace('\n', " "));
            Error::content(path, found, expected)
        })
    };
    let lines = (1..).zip(text[..whole].lines()).map(parse).collect::<Result<_, _>>()?;
    Ok((lines, whole as u64))
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
    /// Where the record is damaged, it is kept under another name, which is returned.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(run: &Path, step: u64) -> Result<(Self, Option<PathBuf>), Error> {
        let path = run.join(LINES);
        let damaged = drop_after(&path, step)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::file(&path))?;
        let mut events = Events::create(run, &step.to_string()).map_err(Error::file(run))?;
        if step > 0 {
            events.restart(step + 1).map_err(Error::file(run))?;
        }
        Ok((Self { lines: BufWriter::new(file), path, events }, damaged))
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
            for (tag, mean) in by_quarters(counts, means) {
                self.events.scalar(*step, &tag, mean as f32).map_err(Error::file(&self.path))?;
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

/// Mean losses of the four quarters of the levels, from the largest noise to the smallest: curves for TensorBoard, where a
/// chart for each level would be hundreds.
fn by_quarters(counts: &[u64], means: &[f64]) -> Vec<(String, f64)> {
    let levels = counts.len();
    let quarters = (0..4).map(|k| k * levels / 4..(k + 1) * levels / 4).filter(|quarter| !quarter.is_empty());
    quarters
        .filter_map(|quarter| {
            let items: u64 = counts[quarter.clone()].iter().sum();
            let all = counts[quarter.clone()].iter().zip(&means[quarter.clone()]);
            let sum: f64 = all.map(|(&count, mean)| count as f64 * mean).sum();
            let tag = format!("loss of levels/{} to {}", quarter.start + 1, quarter.end);
            (items > 0).then(|| (tag, sum / items as f64))
        })
        .collect()
}

/// Rewrites a record without the lines after a step, and without a last line that a crash cut off. A record with other
/// lines than those of a run is copied first, to the name returned.
fn drop_after(path: &Path, step: u64) -> Result<Option<PathBuf>, Error> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(Error::file(path))?,
    };
    let (mut kept, mut strange) = (Vec::with_capacity(bytes.len()), false);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match serde_json::from_slice::<Line>(line) {
            Ok(known) if known.step() <= step => kept.extend(line.trim_ascii_end().iter().chain(b"\n")),
            Ok(_) => {}
            Err(_) => strange |= line.ends_with(b"\n"),
        }
    }
    let mut damaged = None;
    if strange {
        let free =
            (1..).map(|k| path.with_extension(format!("jsonl.damaged-{k}"))).find(|name| !name.exists());
        damaged = free;
        if let Some(name) = &damaged {
            fs::copy(path, name).map_err(Error::file(name))?;
        }
    }
    if kept != bytes {
        ncsn_shell::output::write_files(&[(path, &kept)])
            .map_err(|error| Error::file(path)(io::Error::other(format!("{error:#}"))))?;
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"{\"kind\":\"test\",\"step\":4,\"loss\":1.5}\n";
    const LATER: &[u8] = b"{\"kind\":\"test\",\"step\":8,\"loss\":1.25}\n";

    fn opened(content: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(LINES);
        fs::write(&path, content).expect("writes");
        let (_, damaged) = Log::open(folder.path(), 4).expect("opens");
        (fs::read(&path).expect("reads"), damaged.map(|path| fs::read(path).expect("reads")))
    }

    #[test]
    fn levels_become_four_curves() {
        let found = by_quarters(&[1, 3, 0, 0, 2, 0, 1, 1], &[8.0, 4.0, 0.0, 0.0, 6.0, 0.0, 1.0, 2.0]);
        let named = |tag: &str, mean| (tag.to_owned(), mean);
        let expected = [
            named("loss of levels/1 to 2", 5.0),
            named("loss of levels/5 to 6", 6.0),
            named("loss of levels/7 to 8", 1.5),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn later_lines_and_one_that_is_cut_off_are_dropped() {
        assert_eq!(opened(&[LINE, LATER, &LATER[..9]].concat()), (LINE.to_vec(), None));
    }

    #[test]
    fn a_damaged_record_is_set_aside() {
        let content = [LINE, b"\xff\xfe\n", LATER].concat();
        assert_eq!(opened(&content), (LINE.to_vec(), Some(content)));
    }
}
