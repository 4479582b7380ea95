//! One entry for every parser, shared by the fuzz targets and by the replay of seeds in `cargo test`.

use std::io::Cursor;
use std::path::Path;

use ncsn::foreign::parse_yaml;
use ncsn_data::formats::cifar::Records;
use ncsn_data::formats::{
    archive, arrow, cifar, hdf5, idx, lmdb, mat, npy, npz, parquet, text, tfrecord, zip_images,
};
use ncsn_data::{self as data, DataSet, Error, Options, Request, picture};
use ncsn_schedule::ScheduleFile;

/// Folders of `fuzz/seeds`, each a fuzz target.
#[allow(dead_code, reason = "the replay goes through all, a fuzz target through one")]
pub const TARGETS: [&str; 18] = [
    "arrow", "cifar", "hdf5", "idx", "lmdb", "mat", "npy", "npz", "open", "parquet", "picture", "pth",
    "schedule", "tar", "text", "tfrecord", "yaml", "zip",
];

/// Reads `bytes` as `target` says; the message where they are refused.
pub fn read(target: &str, bytes: &[u8]) -> Result<(), String> {
    match target {
        "picture" => picture::decode(bytes).map(drop).map_err(|problem| problem.to_string()),
        "pth" => {
            let located = ncsn_pth::locate_in(Cursor::new(bytes), Path::new("input"));
            let read = ncsn_pth::parse(Cursor::new(bytes), Path::new("input"));
            assert!(located.is_ok() || read.is_err());
            read.map(drop).map_err(|error| error.to_string())
        }
        "schedule" => read_text(bytes, |text| ScheduleFile::parse(text).map(drop)),
        "yaml" => read_text(bytes, |text| parse_yaml(text, None).map(drop)),
        _ => read_rows(target, bytes).and_then(check).map_err(|error| error.to_string()),
    }
}

/// Parses text; bytes that are not text never reach these parsers.
fn read_text(bytes: &[u8], parse: impl Fn(&str) -> anyhow::Result<()>) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    parse(text).map_err(|error| format!("{error:#}"))
}

fn read_rows(target: &str, bytes: &[u8]) -> Result<DataSet, Error> {
    let options = Options::default();
    let request = Request { path: Path::new("input"), options: &options, progress: &|_, _| {} };
    let stored = bytes.len() as u64;
    match target {
        "arrow" => arrow::read(Cursor::new(bytes), &request),
        "cifar" => cifar::read(bytes, Records { labels: 1, training: true }, &request),
        "hdf5" => hdf5::read(Cursor::new(bytes), &request),
        "idx" => idx::read(bytes, Some((stored, 1)), &request),
        "lmdb" => lmdb::read(Cursor::new(bytes), &request),
        "mat" => mat::read(Cursor::new(bytes), &request),
        "npy" => npy::read(bytes, &request),
        "npz" => npz::read(Cursor::new(bytes), &request),
        "parquet" => parquet::read(Cursor::new(bytes), &request),
        "tar" => archive::read(bytes, &request),
        "text" => text::read(bytes, &request),
        "tfrecord" => tfrecord::read(bytes, &request),
        "zip" => zip_images::read(Cursor::new(bytes), &request),
        _ => {
            let file = tempfile::NamedTempFile::new().expect("a temporary file is needed to open one");
            std::fs::write(file.path(), bytes).expect("the temporary file can be written");
            data::open(file.path(), &options, &|_, _| {})
        }
    }
}

/// A data set that was accepted keeps its promises.
fn check(data: DataSet) -> Result<(), Error> {
    let (len, dim) = (data.rows.len(), data.rows.dim());
    assert!(len > 0 && dim > 0);
    assert_eq!(data.shape.iter().product::<usize>(), dim);
    assert!(data.names.get(len - 1).is_some() && data.names.get(len).is_none());
    assert_eq!(data.digest().expect("rows can be read").len(), 64);
    Ok(())
}
