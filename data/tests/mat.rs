//! MATLAB files of another program, and damaged ones.

mod support;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use ncsn_data::formats::mat;
use ncsn_data::{DataSet, Error, Kind, Options, Pixels, Request};
use serde_json::Value;
use support::{bytes, floats, message, names, open, open_plain};

/// Source: tests/oracles/mat_files.py
const ORACLE: &str = include_str!("oracles/mat.json");

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracles/mat/{name}"))
}

fn content(name: &str) -> Vec<u8> {
    std::fs::read(path_of(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<DataSet, Error> {
    let options = Options::default();
    let request = Request { path: Path::new("x"), options: &options, progress: &|_, _| {} };
    mat::read(Cursor::new(bytes), &request)
}

fn named(name: &str) -> Options {
    Options { array: Some(name.into()), ..Options::default() }
}

#[test]
fn files_give_the_rows_that_numpy_has() {
    let oracle: Value = serde_json::from_str(ORACLE).unwrap();
    for (name, expected) in oracle.as_object().unwrap() {
        let file = name.split(' ').next().unwrap();
        let array = expected["array"].as_str().map(str::to_owned);
        let data = open(&path_of(file), &Options { array, ..Options::default() }).unwrap();
        assert_eq!(serde_json::json!(data.shape), expected["shape"], "{name}");
        let rows: Vec<f64> = serde_json::from_value(expected["rows"].clone()).unwrap();
        let found = match &data.rows {
            Pixels::Bytes(_) => bytes(&data).into_iter().map(f64::from).collect(),
            Pixels::Floats(_) => floats(&data),
        };
        assert_eq!(found, rows, "{name}");
        assert_eq!(matches!(data.rows, Pixels::Bytes(_)), expected["type"] == "u8", "{name}");
        assert_eq!(names(&data)[1], format!("{file}#1"));
        let last = data.notes.iter().any(|note| note == "rows go along the last axis of X, as the labels do");
        assert_eq!(last, name.starts_with("svhn"), "{name}: {:?}", data.notes);
    }
}

#[test]
fn arrays_that_are_not_chosen_are_named() {
    let types = "u1, i1, u2, i2, u4, i4, u8, i8, …";
    let refused = message(open_plain(&path_of("types.mat")));
    assert!(
        refused.ends_with(&format!("types.mat holds 11 arrays ({types}): name one by --array")),
        "{refused}"
    );
    let refused = message(open(&path_of("types.mat"), &named("u3")));
    assert!(refused.ends_with(&format!("types.mat holds no array u3, it holds: {types}")), "{refused}");
    for (name, what) in [
        ("text", "text"),
        ("cells", "a cell array"),
        ("record", "a structure"),
        ("sparse", "a sparse matrix"),
        ("complex", "complex"),
    ] {
        let refused = message(open(&path_of("others.mat"), &named(name)));
        let expected = format!("others.mat is {what}: read are arrays of real numbers");
        assert!(
            refused.starts_with(&format!("array {name} of ")) && refused.ends_with(&expected),
            "{refused}"
        );
    }
    let named_labels = open(&path_of("svhn.mat"), &named("y")).unwrap();
    assert_eq!((named_labels.shape, named_labels.rows.len()), (vec![1], 7));
}

#[test]
fn a_file_cut_anywhere_is_refused_or_has_one_array_less() {
    for name in ["svhn.mat", "svhn_compressed.mat", "narrow.mat", "big.mat"] {
        let whole = content(name);
        for length in 0..whole.len() {
            match read(&whole[..length]) {
                // Between two arrays.
                Ok(data) => {
                    assert!(name.starts_with("svhn") && data.rows.len() == 4, "{name}, {length} bytes")
                }
                Err(error) => {
                    assert_eq!(error.to_string().lines().count(), 1);
                    assert!(
                        matches!(error.kind(), Kind::Damaged | Kind::Unpack) || length == 128,
                        "{name}, {length} bytes: {error}"
                    );
                }
            }
        }
    }
    let whole = content("matrix.mat");
    let expected = format!("x holds 200 bytes, its content needs {}: it has been cut short", whole.len());
    assert_eq!(message(read(&whole[..200])), expected);
    assert_eq!(message(read(&whole[..128])), "x is a MATLAB file without arrays of numbers");
}

/// A changed byte of compressed values must not pass: zlib has a checksum.
#[test]
fn a_changed_byte_gives_one_line_and_never_other_compressed_values() {
    for name in ["svhn_compressed.mat", "matrix.mat", "narrow.mat", "big.mat"] {
        let whole = content(name);
        let rows = |data: DataSet| data.digest().unwrap().to_owned();
        let right = rows(read(&whole).unwrap());
        for at in 0..whole.len() {
            for change in [1, 0x10, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                match read(&changed) {
                    Err(error) => assert_eq!(error.to_string().lines().count(), 1),
                    Ok(data) if name.contains("compressed") => {
                        // The labels may be lost, and with them the axis of the rows.
                        let labelled = data.notes.iter().any(|note| note.contains("last axis"));
                        assert!(!labelled || rows(data) == right, "byte {at}");
                    }
                    Ok(_) => {}
                }
            }
        }
    }
}

#[test]
fn fields_that_lie_are_named_with_their_place() {
    let patched = |at: usize, bytes: &[u8]| {
        let mut whole = content("matrix.mat");
        whole[at..at + bytes.len()].copy_from_slice(bytes);
        message(read(&whole))
    };
    // Places of matrix.mat: tag 128, flags 136, axes 152, name 168, values 176.
    for (at, bytes, expected) in [
        (
            124,
            &[0, 3][..],
            "x, byte 124: version is [00, 03, 49, 4d], allowed: [00, 01, 49, 4d] or [01, 00, 4d, 49]",
        ),
        (128, &[9], "x, byte 128: type of an element is 9, allowed: 14 (array), 15 (compressed)"),
        (136, &[5], "x, byte 128: flags of an array is 8 bytes of type 5, allowed: a short part of its type"),
        (
            156,
            &[4, 1],
            "x, byte 128: axes of an array is 260 bytes of type 5, allowed: a short part of its type",
        ),
        (160, &[7], "x holds 192 bytes of values, its shape needs 224"),
        (160, &[255; 8], "x: shape 4294967295×4294967295 has no rows of 1 to 1073741824 bytes"),
        (176, &[8], "x, byte 128: type of values is 8, allowed: 1 to 7, 9, 12, 13"),
        (180, &[8], "x holds 8 bytes of values, its shape needs 192"),
    ] {
        assert_eq!(patched(at, bytes), expected, "byte {at}");
    }
}
