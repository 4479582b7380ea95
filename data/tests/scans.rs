//! TIFF, GIF and PNM against Pillow.

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ncsn_data::{Kind, Options, Pixels, ValueRange};
use support::{bytes, floats, kind, message, open, open_plain, write};

/// Source: tests/oracles/scans.py
const ORACLE: &str = include_str!("oracles/scans.json");

fn oracle() -> HashMap<String, HashMap<String, Vec<f64>>> {
    serde_json::from_str(ORACLE).unwrap()
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/scans").join(name)
}

/// A folder of its own with one of the files.
fn alone(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), name, &std::fs::read(file(name)).unwrap());
    folder
}

#[test]
fn bytes_and_own_numbers_are_those_of_pillow() {
    for (name, values) in oracle() {
        let folder = alone(&name);
        let deep = Options { full_depth: true, ..Options::default() };
        let data = open(folder.path(), &deep).unwrap();
        let found = match &data.rows {
            Pixels::Bytes(_) => bytes(&data).into_iter().map(f64::from).collect(),
            Pixels::Floats(_) => floats(&data),
        };
        assert_eq!(found, values["planes"], "{name}");
        let own_units = ["floats.tif", "signed.tif", "words.tif", "words.pgm"].contains(&&name[..]);
        assert_eq!(matches!(data.rows, Pixels::Floats(_)), own_units, "{name}");
        assert!(data.planes && data.shape[1..] == [5, 7], "{name}: {:?}", data.shape);
    }
}

#[test]
fn words_become_the_nearest_bytes_unless_their_depth_is_asked_for() {
    for name in ["words.tif", "words.pgm"] {
        let folder = alone(name);
        let data = open_plain(folder.path()).unwrap();
        let nearest: Vec<u8> =
            oracle()[name]["planes"].iter().map(|word| (word / 257.0).round() as u8).collect();
        assert_eq!(bytes(&data), nearest, "{name}");
        assert_eq!(data.notes, ["1 of 1 images have 16-bit samples, reduced to the nearest of 256 values"]);
        let deep = Options { full_depth: true, ..Options::default() };
        let note = "1 of 1 images have 16-bit samples, kept as numbers from 0 to 65535";
        assert_eq!(open(folder.path(), &deep).unwrap().notes, [note]);
    }
}

#[test]
fn numbers_are_resized_as_pillow_resizes_them() {
    let folder = alone("floats.tif");
    let options = Options { size: Some(3), ..Options::default() };
    let found = floats(&open(folder.path(), &options).unwrap());
    assert_eq!(found, oracle()["floats.tif"]["size 3"]);
}

#[test]
fn a_range_of_values_is_for_bytes_and_words() {
    let options =
        Options { value_range: Some("0,65535".parse::<ValueRange>().unwrap()), ..Options::default() };
    assert_eq!(kind(open(alone("floats.tif").path(), &options)), Kind::Option);
    assert!(open(alone("words.tif").path(), &options).is_ok());
}

#[test]
fn they_are_left_out_beside_the_images_that_data_sets_are_made_of() {
    let folder = alone("grey.tif");
    write(folder.path(), "b.png", &support::encode(&support::grey(7, 5, 3), image::ImageFormat::Png));
    let data = open_plain(folder.path()).unwrap();
    assert_eq!(support::names(&data), ["b.png"]);
    assert!(data.notes[0].starts_with("1 .tif not read"), "{:?}", data.notes);
}

#[test]
fn no_truncation_is_accepted_and_none_panics() {
    for name in ["grey.tif", "lzw.tif", "deflate.tif", "floats.tif", "words.pgm", "first.gif"] {
        let whole = std::fs::read(file(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let first_frame = if name == "first.gif" { whole.len() / 2 } else { whole.len() };
        for length in (0..first_frame.min(whole.len() - 1)).step_by(7) {
            let path = write(folder.path(), name, &whole[..length]);
            if let Ok(data) = open_plain(folder.path()) {
                // TIFF's directory may stand before what it does not need.
                assert!(!data.rows.is_empty());
            }
            std::fs::remove_file(path).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "x.tif", &std::fs::read(file("grey.tif")).unwrap()[..40]);
    assert!(message(open_plain(folder.path())).starts_with("x.tif: truncated or corrupt image ("));
}
