//! TFRecord files of another program, and damaged ones.

mod support;

use std::path::{Path, PathBuf};

use ncsn_data::formats::tfrecord;
use ncsn_data::{DataSet, Error, Kind, Options, Pixels, Request};
use serde_json::Value;
use support::{bytes, floats, kind, message, names, open, open_plain, write};
use tempfile::tempdir;

/// Source: tests/oracles/tfrecord_files.py
const ORACLE: &str = include_str!("oracles/tfrecord.json");

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracles/tfrecord/{name}"))
}

fn content(name: &str) -> Vec<u8> {
    std::fs::read(path_of(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<DataSet, Error> {
    let options = Options::default();
    tfrecord::read(bytes, &Request { path: Path::new("x"), options: &options, progress: &|_, _| {} })
}

#[test]
fn files_give_the_rows_that_were_written() {
    let oracle: Value = serde_json::from_str(ORACLE).unwrap();
    for (name, expected) in oracle.as_object().unwrap() {
        let array = expected["array"].as_str().map(str::to_owned);
        let data = open(&path_of(name), &Options { array, ..Options::default() }).unwrap();
        assert_eq!(serde_json::json!(data.shape), expected["shape"], "{name}");
        let rows: Vec<f64> = serde_json::from_value(expected["rows"].clone()).unwrap();
        let found = match &data.rows {
            Pixels::Bytes(_) => bytes(&data).into_iter().map(f64::from).collect(),
            Pixels::Floats(_) => floats(&data),
        };
        assert_eq!(found, rows, "{name}");
        assert_eq!(matches!(data.rows, Pixels::Bytes(_)), expected["type"] == "uint8", "{name}");
        assert_eq!(names(&data)[1], format!("{name}#1"));
    }
}

#[test]
fn one_of_several_features_is_chosen_by_name() {
    let path = path_of("two.tfrecord");
    assert!(
        message(open_plain(&path))
            .ends_with("two.tfrecord holds 2 arrays (left, right): name one by --array")
    );
    let middle = open(&path, &Options { array: Some("middle".into()), ..Options::default() });
    assert!(message(middle).ends_with("two.tfrecord holds no array middle, it holds: left, right"));
    let weight = Options { array: Some("weight".into()), ..Options::default() };
    assert_eq!(floats(&open(&path_of("floats.tfrecord"), &weight).unwrap()), [0.5; 4]);
}

/// What is wrong is found at its byte; the content of the first record begins at byte 12.
#[test]
fn a_changed_bit_anywhere_is_refused_by_its_checksum() {
    let whole = content("stylegan.tfrecords");
    let record = 12 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            let refused = read(&changed).unwrap_err();
            assert_eq!(refused.kind(), Kind::Damaged, "byte {at}, bit {bit}: {refused}");
            let place = match at {
                0..12 => "x, byte 0: checksum of a record's length is ",
                _ if at < record + 4 => "x, byte 12: checksum of a record's content is ",
                _ => "x, byte ",
            };
            assert!(refused.to_string().starts_with(place), "byte {at}: {refused}");
        }
    }
}

#[test]
fn a_file_that_breaks_off_within_a_record_is_refused_with_the_place() {
    let whole = content("stylegan.tfrecords");
    let record = 16 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    for length in 1..whole.len() {
        let refused = read(&whole[..length]);
        if length.is_multiple_of(record) {
            assert_eq!(refused.unwrap().rows.len(), length / record);
        } else {
            assert_eq!(kind(refused), Kind::Damaged, "{length} bytes");
        }
    }
    let expected = format!("x, byte 12: record is cut short after 8 bytes, allowed: {} bytes", record - 12);
    assert_eq!(message(read(&whole[..20])), expected);
    assert_eq!(kind(read(&[])), Kind::Empty);
}

/// A record with the right checksums.
fn record(content: &[u8]) -> Vec<u8> {
    // By division of polynomials, bit by bit.
    let masked = |bytes: &[u8]| {
        let crc = bytes.iter().fold(!0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
        });
        (!crc).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
    };
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), content, &masked(content)].concat()
}

/// The record of a file with some bytes of its first record replaced by as many others.
fn patched(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let whole = content(name);
    let length = u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let mut example = whole[12..12 + length].to_vec();
    let at = example.windows(from.len()).position(|part| part == from).unwrap();
    example[at..at + from.len()].copy_from_slice(to);
    record(&example)
}

#[test]
fn records_with_right_checksums_may_still_lie() {
    assert_eq!(
        message(read(&record(b"\x0a\xff"))),
        "x, byte 12: record is no features by name, allowed: a tf.train.Example"
    );
    assert_eq!(message(read(&record(b""))), "x has no feature of an image or of floats, its features: ");
    let name = "stylegan.tfrecords";
    let refused = message(read(&patched(name, &[3, 4, 5], &[3, 4, 6])));
    assert_eq!(refused, "x#0: 60 bytes of data, its shape is 3×4×6");
    let refused = message(read(&patched(name, &[3, 4, 5], &[0, 4, 5])));
    assert_eq!(refused, "x#0: the feature shape is no channels, height and width");
    let first = content(name);
    let mixed = [&patched(name, &[3, 4, 5], &[3, 5, 4])[..], &first].concat();
    assert_eq!(kind(read(&mixed)), Kind::Mixed);
    let huge = (1_u64 << 40).to_le_bytes();
    let forged = [&huge[..], &record(&huge)[20..]].concat();
    assert_eq!(
        message(read(&forged)),
        "x, byte 0: length of a record is 1099511627776, allowed: 0 to 536870912"
    );
}

#[test]
fn damage_within_records_gives_one_line() {
    for name in ["encoded.tfrecord", "floats.tfrecord", "bands.tfrecords"] {
        let whole = content(name);
        let length = u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
        let example = &whole[12..12 + length];
        for at in 0..length {
            for change in [1, 0x80, 0xff] {
                let mut changed = example.to_vec();
                changed[at] ^= change;
                if let Err(error) = read(&record(&changed)) {
                    assert_eq!(error.to_string().lines().count(), 1);
                }
            }
            if let Err(error) = read(&record(&example[..at])) {
                assert_eq!(error.to_string().lines().count(), 1);
            }
        }
    }
}

#[test]
fn an_image_that_is_missing_may_be_skipped() {
    let folder = tempdir().unwrap();
    let other = record(&[]);
    let path = write(folder.path(), "x.tfrecord", &[content("encoded.tfrecord"), other].concat());
    assert!(message(open_plain(&path)).starts_with("x.tfrecord#3: no bytes"));
    let data = open(&path, &Options { skip_corrupt: true, ..Options::default() }).unwrap();
    assert_eq!((data.rows.len(), data.skipped), (3, 1));
}
