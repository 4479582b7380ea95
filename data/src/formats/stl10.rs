//! STL-10 in its binary form: records of 3×96×96 bytes, each plane by columns.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::file_name;
use crate::options::Request;
use crate::picture::{Changes, Picture};
use crate::pipeline::{self, Content, Feed, Leftovers, Stopped};
use crate::set::DataSet;

const SIDE: usize = 96;
const RECORD: usize = 3 * SIDE * SIDE;

/// The images of files, in order.
///
/// # Errors
/// `Kind::Unreadable`; `Kind::Damaged` — an end in the middle of a record; `Kind::Option`, `Kind::Room`.
pub(crate) fn open(files: &[PathBuf], request: &Request) -> Result<DataSet, Error> {
    let mut records = 0;
    for path in files {
        records += std::fs::metadata(path).map_err(Error::reading(path))?.len() / RECORD as u64;
    }
    pipeline::run(request, Some(records), records, |feed_to| {
        for path in files {
            let file = BufReader::new(File::open(path).map_err(Error::reading(path))?);
            if feed(file, &file_name(path), path, feed_to)?.is_err() {
                break;
            }
        }
        Ok(Leftovers::default())
    })
}

/// Hands over the images of a stream.
pub(crate) fn feed(
    mut input: impl Read,
    name: &str,
    path: &Path,
    feed: &mut Feed,
) -> Result<Result<(), Stopped>, Error> {
    for index in 0_u64.. {
        let mut record = Vec::with_capacity(RECORD);
        input.by_ref().take(RECORD as u64).read_to_end(&mut record).map_err(Error::unpacking(path))?;
        if record.is_empty() {
            break;
        }
        if record.len() < RECORD {
            let found = index * RECORD as u64 + record.len() as u64;
            return Err(Error::records(path, found, RECORD as u64, "record of STL-10"));
        }
        let mut pixels = vec![0; RECORD];
        for (from, to) in record.chunks_exact(SIDE * SIDE).zip(pixels.chunks_exact_mut(SIDE * SIDE)) {
            for (at, &value) in from.iter().enumerate() {
                to[at % SIDE * SIDE + at / SIDE] = value;
            }
        }
        let picture = Picture { channels: 3, height: SIDE, width: SIDE, pixels, changes: Changes::default() };
        if feed.push(format!("{name}#{index}"), Content::Decoded(picture)).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(Ok(()))
}
