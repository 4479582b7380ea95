//! CIFAR-10 and CIFAR-100 in their binary form: one or two label bytes, then 3×32×32 pixels, per record.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Error;
use crate::names::Names;
use crate::options::Request;
use crate::picture::{Changes, Picture};
use crate::pipeline::{Content, Feed, Stopped};
use crate::rows::ByteRows;
use crate::rows::Pixels;
use crate::set::DataSet;
use crate::split::Part;

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;

/// A file of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records {
    /// Bytes before the pixels: 1 (CIFAR-10), or 2 (CIFAR-100: coarse and fine).
    pub labels: usize,
    /// Whether it belongs to the training set.
    pub training: bool,
}

impl Records {
    /// The class of a record: CIFAR-100's fine one.
    fn class(self, labels: &[u8]) -> u32 {
        u32::from(labels[self.labels - 1])
    }

    fn stride(self) -> usize {
        self.labels + PIXELS
    }

    pub(crate) fn part(self) -> Part {
        if self.training { Part::Train } else { Part::Test }
    }
}

/// The file that a published name stands for.
#[must_use]
pub fn known(file_name: &str) -> Option<Records> {
    let batch = file_name.strip_prefix("data_batch_").and_then(|rest| rest.strip_suffix(".bin"));
    match file_name {
        _ if batch.is_some() => Some(Records { labels: 1, training: true }),
        "test_batch.bin" => Some(Records { labels: 1, training: false }),
        "train.bin" => Some(Records { labels: 2, training: true }),
        "test.bin" => Some(Records { labels: 2, training: false }),
        _ => None,
    }
}

/// Records of files that stay where they are.
///
/// # Errors
/// * `Kind::Unreadable`; `Kind::Damaged` — a length that is no multiple of the record
/// * `Kind::Damaged` — a label out of range
pub(crate) fn open(files: &[PathBuf], request: &Request) -> Result<DataSet, Error> {
    let mut rows = ByteRows::new(PIXELS);
    let mut names = Names::default();
    let mut classes = Vec::new();
    for path in files {
        let file = File::open(path).map_err(Error::reading(path))?;
        let length = file.metadata().map_err(Error::reading(path))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let records = known(&name).unwrap_or_else(|| by_length(length));
        let stride = records.stride() as u64;
        if length == 0 || !length.is_multiple_of(stride) {
            return Err(Error::records(path, length, stride, "CIFAR record"));
        }
        let count = (length / stride) as usize;
        let labels_of = |record: u64| {
            let mut labels = [0; 2];
            let labels = &mut labels[..records.labels];
            crate::rows::read_exact_at(&file, labels, record * stride).map_err(Error::reading(path))?;
            check_labels(labels, path)?;
            Ok(records.class(labels))
        };
        if request.options.classes {
            for record in 0..length / stride {
                classes.push(labels_of(record)?);
            }
        } else {
            labels_of(0)?;
            labels_of(length / stride - 1)?;
        }
        names.push_records(&name, count);
        rows.push(file, count, records.labels as u64, records.stride());
    }
    let read: Vec<_> =
        files.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
    let notes = vec![format!("CIFAR records of {}", crate::escape::one_line(&read.join(", ")))];
    let shape = vec![3, SIDE, SIDE];
    let rows = Pixels::Bytes(rows);
    let classes = request.options.classes.then_some(classes);
    let (skipped, places, digest) = (0, None, OnceLock::new());
    let data = DataSet { rows, shape, planes: true, names, classes, notes, skipped, places, digest };
    data.ranged(request)?.fitted(request)
}

/// Reads records from a stream.
///
/// # Errors
/// * `Kind::Damaged` — an end in the middle of a record
/// * `Kind::Damaged` — a label out of range
pub fn read(input: impl Read + Send, records: Records, request: &Request) -> Result<DataSet, Error> {
    let name = request.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    crate::pipeline::run(request, None, 0, |feed_to| {
        // Where the receiver has stopped, its own error says why.
        let _ = feed(input, records, &name, request.path, feed_to)?;
        Ok(Default::default())
    })
}

/// Hands over the records of a stream.
///
/// # Arguments
/// * `name` — begins the names of the rows
/// * `path` — for errors
pub(crate) fn feed(
    mut input: impl Read,
    records: Records,
    name: &str,
    path: &Path,
    feed: &mut Feed,
) -> Result<Result<(), Stopped>, Error> {
    let stride = records.stride() as u64;
    for index in 0_u64.. {
        let mut record = Vec::with_capacity(records.stride());
        input.by_ref().take(stride).read_to_end(&mut record).map_err(Error::unpacking(path))?;
        if record.is_empty() {
            break;
        }
        if record.len() < records.stride() {
            let found = index * stride + record.len() as u64;
            return Err(Error::records(path, found, stride, "CIFAR record"));
        }
        check_labels(&record[..records.labels], path)?;
        let pixels = record.split_off(records.labels);
        let picture = Picture { channels: 3, height: SIDE, width: SIDE, pixels, changes: Changes::default() };
        let (name, class) = (format!("{name}#{index}"), records.class(&record));
        if feed.push_of_class(name, Content::Decoded(picture), Some(class)).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(Ok(()))
}

/// CIFAR-100 only where the length is whole records of it and not of CIFAR-10.
fn by_length(length: u64) -> Records {
    let whole = |labels| length.is_multiple_of((labels + PIXELS) as u64);
    Records { labels: if whole(2) && !whole(1) { 2 } else { 1 }, training: true }
}

fn check_labels(labels: &[u8], path: &Path) -> Result<(), Error> {
    let (allowed, limits): (_, &[u8]) = match labels.len() {
        1 => ("0 to 9 (CIFAR-10)", &[9]),
        _ => ("0 to 19 and 0 to 99 (CIFAR-100)", &[19, 99]),
    };
    if labels.iter().zip(limits).any(|(label, limit)| label > limit) {
        return Err(Error::header(path, "label", format!("{labels:?}"), allowed));
    }
    Ok(())
}
