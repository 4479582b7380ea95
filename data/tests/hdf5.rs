//! HDF5 files of h5py, and damaged ones.

mod support;

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use ncsn_data::formats::hdf5;
use ncsn_data::{DataSet, Error, Kind, Options, Pixels, Request};
use serde_json::Value;
use support::{bytes, floats, message, open, open_plain};

/// Source: tests/oracles/hdf5_files.py
const ORACLE: &str = include_str!("oracles/hdf5.json");

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracles/hdf5/{name}"))
}

fn content(name: &str) -> Vec<u8> {
    std::fs::read(path_of(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<DataSet, Error> {
    let options = Options::default();
    let request = Request { path: Path::new("x"), options: &options, progress: &|_, _| {} };
    hdf5::read(Cursor::new(bytes), &request)
}

fn named(name: &str) -> Options {
    Options { array: Some(name.into()), ..Options::default() }
}

#[test]
fn data_sets_give_the_rows_that_h5py_has() {
    let oracle: Value = serde_json::from_str(ORACLE).unwrap();
    let mut wrong = Vec::new();
    for (name, expected) in oracle.as_object().unwrap() {
        let (file, array) = name.split_once(' ').unwrap();
        let options = Options { array: expected["array"].as_str().map(str::to_owned), ..Options::default() };
        let data = match open(&path_of(file), &options) {
            Ok(data) => data,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let rows: Vec<f64> = serde_json::from_value(expected["rows"].clone()).unwrap();
        let found = match &data.rows {
            Pixels::Bytes(_) => bytes(&data).into_iter().map(f64::from).collect(),
            Pixels::Floats(_) => floats(&data),
        };
        let kept = matches!(data.rows, Pixels::Bytes(_)) == (expected["type"] == "u8");
        if found != rows || !kept || serde_json::json!(data.shape) != expected["shape"] {
            wrong.push(format!("{file} {array}: {:?} {:?}", data.shape, &found[..found.len().min(6)]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Source: tests/oracles/hdf5_files.py, which says what the rows hold
#[test]
fn indexes_in_pages_are_read_where_they_are_set() {
    const SET: [usize; 7] = [0, 5, 70_000, 131_059, 131_060, 140_000, 149_999];
    for name in ["pages_grown.h5.gz", "pages_fixed.h5.gz"] {
        let mut whole = Vec::new();
        GzDecoder::new(&content(name)[..]).read_to_end(&mut whole).unwrap();
        let rows = bytes(&read(&whole).unwrap());
        assert_eq!(rows.len(), 150_000, "{name}");
        let found: Vec<_> = rows.iter().enumerate().filter(|(_, byte)| **byte != 0).collect();
        let expected: Vec<_> = SET.iter().map(|&row| (row, (row % 251 + 1) as u8)).collect();
        assert!(found.iter().map(|&(row, &byte)| (row, byte)).eq(expected), "{name}: {found:?}");
    }
}

#[test]
fn data_sets_that_are_not_chosen_are_named() {
    let path = path_of("types_latest.h5");
    let refused = message(open_plain(&path));
    let ending = "(<f2, <f4, <f8, <i2, <i4, <u2, <u4, <u8, …): name one by --array";
    assert!(refused.ends_with(&format!("types_latest.h5 holds 19 arrays {ending}")), "{refused}");
    for (name, what) in [
        ("texts", "text or lists of any length"),
        ("text", "text"),
        ("complex", "complex numbers"),
        ("records", "records"),
        ("references", "references"),
        ("lists", "text or lists of any length"),
    ] {
        let refused = message(open(&path, &named(name)));
        let start = format!("data set {name} of ");
        let ending = format!("types_latest.h5 holds {what}: read are arrays of real numbers");
        assert!(refused.starts_with(&start) && refused.ends_with(&ending), "{refused}");
    }
    // A leading slash is that of the root.
    assert_eq!(open(&path_of("groups_latest.h5"), &named("/again")).unwrap().shape, [6]);
    let matlab = message(open_plain(&path_of("matlab.mat")));
    assert!(matlab.ends_with("matlab.mat holds 4 arrays (L, M, X, y): name one by --array"), "{matlab}");
    let svhn = open(&path_of("matlab.mat"), &named("X")).unwrap();
    assert_eq!(svhn.notes, ["rows go along the last axis of X, as the labels do"]);
}

/// Names of files that together have every structure that is read.
const DAMAGED: [&str; 14] = [
    "plain_earliest.h5",
    "gzip_earliest.h5",
    "lzf_earliest.h5",
    "gzip_latest.h5",
    "lzf_latest.h5",
    "many_latest.h5",
    "longer_latest.h5",
    "endless_latest.h5",
    "grown_gzip_latest.h5",
    "one_gzip_latest.h5",
    "implicit_latest.h5",
    "compact_earliest.h5",
    "sparse_earliest.h5",
    "vector_latest.h5",
];

#[test]
fn a_file_cut_anywhere_is_refused_or_the_same() {
    for name in DAMAGED {
        let whole = content(name);
        let right = read(&whole).unwrap().digest().unwrap().to_owned();
        for length in (0..whole.len()).step_by(1 + whole.len() / 3000) {
            match read(&whole[..length]) {
                // Nothing at the end is needed: free space.
                Ok(data) => assert_eq!(data.digest().unwrap(), right, "{name}, {length} bytes"),
                Err(error) => {
                    assert_eq!(error.to_string().lines().count(), 1);
                    assert!(
                        matches!(error.kind(), Kind::Damaged | Kind::Unpack),
                        "{name}, {length} bytes: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_changed_byte_gives_rows_or_one_line() {
    for name in DAMAGED {
        let whole = content(name);
        for at in (0..whole.len()).step_by(1 + whole.len() / 3000) {
            for change in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                if let Err(error) = read(&changed) {
                    assert_eq!(error.to_string().lines().count(), 1, "{name}, byte {at}: {error}");
                }
            }
        }
    }
}

/// Structures of the latest version have checksums, and so have chunks by gzip or Fletcher-32.
#[test]
fn a_changed_byte_never_gives_other_rows_where_there_are_checksums() {
    for name in
        ["grown_gzip_latest.h5", "one_gzip_latest.h5", "lzf_latest.h5", "gzip_latest.h5", "endless_latest.h5"]
    {
        let whole = content(name);
        let right = read(&whole).unwrap().digest().unwrap().to_owned();
        let mut refused = 0;
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            match read(&changed) {
                Ok(data) => assert_eq!(data.digest().unwrap(), right, "{name}, byte {at}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 400, "{name}: {refused}");
    }
}

#[test]
fn what_is_not_read_is_named() {
    let refusal = |name: &str| message(read(&content(name)));
    assert_eq!(refusal("none.h5"), "x is an HDF5 file without numbers in its data sets");
    assert_eq!(refusal("infinite.h5"), "row 1 of x, entry 1, is NaN, not a finite number");
    let allowed = "1 (deflate), 2 (shuffle), 3 (Fletcher-32), 32000 (LZF)";
    let scale = refusal("scale.h5");
    assert!(scale.ends_with(&format!(": filter is 6 scaleoffset, allowed: {allowed}")), "{scale}");
    let elsewhere = refusal("elsewhere.h5");
    assert!(elsewhere.ends_with(": values is in another file, allowed: in this one"), "{elsewhere}");
    // A data set without chunks may claim any size.
    let stored = content("huge.h5").len();
    let expected =
        format!("x promises 25769803776 bytes from {stored} compressed ones, more than the 1032-fold");
    assert!(refusal("huge.h5").starts_with(&expected), "{}", refusal("huge.h5"));
    assert_eq!(
        message(read(b"nothing")),
        "x, byte 0: signature is none, allowed: that of HDF5 at 0, 512, 1024, ..."
    );
}

/// A tree whose node is its own child.
#[test]
fn circles_of_references_end() {
    let mut whole = content("many_earliest.h5");
    let nodes: Vec<usize> = (0..whole.len() - 4).filter(|&at| whole[at..].starts_with(b"TREE\x01")).collect();
    let root = *nodes.iter().find(|&&at| whole[at + 5] > 0).unwrap();
    let key = 8 + 8 * 3;
    let children = usize::from(whole[root + 6]);
    assert!(children > 1);
    for child in 0..children {
        let at = root + 24 + key + child * (key + 8);
        whole[at..at + 8].copy_from_slice(&(root as u64).to_le_bytes());
    }
    let refused = message(read(&whole));
    assert!(refused.contains(": level of a node is 1, allowed: 0"), "{refused}");
}
