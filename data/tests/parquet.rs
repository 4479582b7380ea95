//! Parquet files made by pyarrow, and damaged ones.

mod support;

use std::path::{Path, PathBuf};

use ncsn_data::{Kind, Options, Split};
use serde_json::Value;
use support::{floats, kind, message, names, open, open_plain, write};
use tempfile::tempdir;

/// Source: tests/oracles/parquet_files.py
const ORACLE: &str = include_str!("oracles/parquet.json");

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/parquet").join(name)
}

fn oracle() -> Value {
    serde_json::from_str(ORACLE).unwrap()
}

fn array(name: &str) -> Options {
    Options { array: Some(name.into()), ..Options::default() }
}

#[test]
fn files_give_the_rows_of_pyarrow() {
    for (name, expected) in oracle().as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
        let (path, options) = match name.as_str() {
            "hub/train" => (path_of("hub"), Options::default()),
            "hub/test" => (path_of("hub"), Options { split: Split::Test, ..Options::default() }),
            "two" => (path_of("two.parquet"), array("mask")),
            "numbers" => (path_of("numbers"), Options::default()),
            name => (path_of(&format!("{name}.parquet")), Options::default()),
        };
        let data = open(&path, &options).unwrap();
        assert_eq!(data.rows.len() as u64, expected["rows"], "{name}");
        if let Some(shape) = expected["shape"].as_array() {
            let shape: Vec<u64> = shape.iter().map(|side| side.as_u64().unwrap()).collect();
            assert_eq!(data.shape.iter().map(|&side| side as u64).collect::<Vec<_>>(), shape, "{name}");
        }
        assert_eq!(data.digest().unwrap(), expected["digest"], "{name}");
    }
}

#[test]
fn a_folder_of_shards_is_read_by_splits_in_the_order_of_names() {
    let train = open_plain(&path_of("hub")).unwrap();
    assert_eq!(names(&train)[9], "data/train-00000-of-00002.parquet#9");
    assert_eq!(names(&train)[10], "data/train-00001-of-00002.parquet#0");
    let others = "1 files that are no images left out";
    assert_eq!(train.notes, ["1 parquet files outside the train split left out", others]);
    let test = open(&path_of("hub"), &Options { split: Split::Test, ..Options::default() }).unwrap();
    assert_eq!(names(&test)[0], "data/test-00000-of-00001.parquet#0");
    assert_eq!(test.notes, ["2 parquet files outside the test split left out", others]);
    let file = open_plain(&path_of("hub/data/test-00000-of-00001.parquet")).unwrap();
    assert_eq!(names(&file)[2], "test-00000-of-00001.parquet#2");
    assert_eq!(file.digest().unwrap(), test.digest().unwrap());
}

#[test]
fn a_split_that_is_not_there_is_refused() {
    let folder = tempdir().unwrap();
    let plain = std::fs::read(path_of("plain.parquet")).unwrap();
    write(folder.path(), "set/images.parquet", &plain);
    let test = Options { split: Split::Test, ..Options::default() };
    for path in [folder.path().join("set"), folder.path().join("set/images.parquet")] {
        assert_eq!(message(open(&path, &test)), format!("no test split in {}", path.display()));
    }
    write(folder.path(), "set/validation.parquet", &plain);
    assert_eq!(names(&open(folder.path(), &test).unwrap())[0], "set/validation.parquet#0");
    assert_eq!(names(&open_plain(folder.path()).unwrap())[0], "set/images.parquet#0");
}

#[test]
fn images_beside_parquet_files_are_read_as_before() {
    let folder = tempdir().unwrap();
    write(folder.path(), "metadata.parquet", &std::fs::read(path_of("text.parquet")).unwrap());
    let image = support::encode(&support::colour(3, 2, 1), image::ImageFormat::Png);
    write(folder.path(), "a.png", &image);
    assert_eq!(names(&open_plain(folder.path()).unwrap()), ["a.png"]);
}

#[test]
fn the_column_of_images_is_named_where_there_are_several() {
    let two = path_of("two.parquet");
    let refused = message(open_plain(&two));
    assert!(refused.ends_with("two.parquet holds 2 arrays (image, mask): name one by --array"), "{refused}");
    let missing = message(open(&two, &array("picture")));
    assert!(missing.ends_with("holds no array picture, it holds: image, raw, mask"), "{missing}");
    let text = message(open_plain(&path_of("strings.parquet")));
    let columns =
        "has no column of images (bytes, or a structure with bytes) or numbers, its columns: text, label";
    assert!(text.ends_with(columns), "{text}");
}

#[test]
fn nulls_are_corrupt_images() {
    let path = path_of("nulls.parquet");
    assert_eq!(message(open_plain(&path)), "nulls.parquet#1: no bytes: empty, or a null in a table");
    let data = open(&path, &Options { skip_corrupt: true, ..Options::default() }).unwrap();
    assert_eq!((data.rows.len(), data.skipped), (1, 2));
}

#[test]
fn a_table_without_rows_is_empty() {
    assert_eq!(kind(open_plain(&path_of("empty.parquet"))), Kind::Empty);
}

#[test]
fn columns_of_numbers_side_by_side_say_what_is_left_out() {
    let data = open_plain(&path_of("columns-f32.parquet")).unwrap();
    assert_eq!(data.notes, ["4 columns side by side are a row; left out: text, Label"]);
    assert_eq!(names(&data)[11], "columns-f32.parquet#11");
    assert!(!data.planes);
    let label = open(&path_of("columns-f32.parquet"), &array("Label")).unwrap();
    assert_eq!(floats(&label), (0..12).map(f64::from).collect::<Vec<_>>());
    assert_eq!(label.notes, ["1 column is a row; left out: a, text, b, c, d"]);
    let text = message(open(&path_of("columns-f32.parquet"), &array("text")));
    assert!(text.ends_with("holds no array text, it holds: a, b, Label, c, d"), "{text}");
}

#[test]
fn the_column_of_lists_is_named_where_there_are_several() {
    let path = path_of("two-lists.parquet");
    let refused = message(open_plain(&path));
    assert!(refused.ends_with("two-lists.parquet holds 2 arrays (x, z): name one by --array"), "{refused}");
    let data = open(&path, &array("z")).unwrap();
    assert_eq!((data.shape, data.rows.len()), (vec![3], 12));
}

#[test]
fn lists_of_shards_follow_each_other() {
    let data = open_plain(&path_of("numbers")).unwrap();
    assert_eq!(names(&data)[7], "train-1.parquet#1");
    assert_eq!(data.notes, ["1 parquet files outside the train split left out"]);
}

#[test]
fn files_that_do_not_go_together_are_refused() {
    let cases = [
        (
            ["list-f16", "fixed-f64"],
            "0.parquet#0 is f32 3 but 1.parquet#0 is f64 3: one shape and one type for all",
        ),
        (
            ["list-i16", "null-entry"],
            "0.parquet#0 is f32 3 but 1.parquet#0 is f64 2: one shape and one type for all",
        ),
        (["array3d", "none"], "column image of 1.parquet is of another kind than in the first file"),
        (["none", "array3d"], "column image of 1.parquet is of another kind than in the first file"),
        (["columns-f64", "columns-u8"], "1.parquet holds no array e, it holds: a, b"),
    ];
    for (files, expected) in cases {
        let folder = tempdir().unwrap();
        for (number, name) in files.iter().enumerate() {
            let bytes = std::fs::read(path_of(&format!("{name}.parquet"))).unwrap();
            write(folder.path(), &format!("{number}.parquet"), &bytes);
        }
        let shown = format!("{}/", folder.path().display());
        assert_eq!(message(open_plain(folder.path())).replace(&shown, ""), expected, "{files:?}");
    }
}

#[test]
fn lists_that_are_no_rows_of_one_shape_are_refused_by_row() {
    let cases = [
        ("ragged", "ragged.parquet#0 is f64 2 but ragged.parquet#2 is f64 3: one shape and one type for all"),
        ("null-list", "null-list.parquet#1 is a null or an empty list, not numbers"),
        ("null-entry", "null-entry.parquet#1 is a null or an empty list, not numbers"),
        ("empty-list", "empty-list.parquet#1 is a null or an empty list, not numbers"),
        ("uneven", "uneven.parquet#0 has lists of different lengths"),
        ("null-number", "null-number.parquet#2, column x is a null, not numbers"),
    ];
    for (name, expected) in cases {
        assert_eq!(message(open_plain(&path_of(&format!("{name}.parquet")))), expected);
    }
}

#[test]
fn a_size_is_for_images_and_not_for_lists() {
    let options = Options { size: Some(4), ..Options::default() };
    assert_eq!(open(&path_of("lz4.parquet"), &options).unwrap().shape, [3, 4, 4]);
    let refused = message(open(&path_of("list-u8.parquet"), &options));
    assert!(refused.ends_with("list-u8.parquet have shape 12"), "{refused}");
}

#[test]
fn no_cut_and_no_changed_byte_of_a_table_of_numbers_panics() {
    let folder = tempdir().unwrap();
    for name in ["list-f32", "array3d", "columns-u8", "split", "delta", "fixed-f64", "brotli", "lz4"] {
        let whole = std::fs::read(path_of(&format!("{name}.parquet"))).unwrap();
        for at in (0..whole.len()).step_by(whole.len().div_ceil(120)) {
            let mut changed = whole.clone();
            changed[at] ^= [0x01, 0x80, 0xff][at % 3];
            for bytes in [&whole[..at], &changed] {
                let path = write(folder.path(), "x.parquet", bytes);
                if let Err(error) = open_plain(&path) {
                    assert_eq!(error.to_string().lines().count(), 1, "{name}, byte {at}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_file_cut_short_or_damaged_is_refused() {
    let whole = std::fs::read(path_of("none.parquet")).unwrap();
    let refusal = |bytes: &[u8]| {
        let folder = tempdir().unwrap();
        let path = write(folder.path(), "x.parquet", bytes);
        message(open_plain(&path)).replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(
        refusal(&whole[..11]),
        "x.parquet holds 11 bytes, its content needs 12: it has been cut short"
    );
    let cut = refusal(&whole[..whole.len() / 2]);
    assert!(cut.contains("last word of the parquet file is"), "{cut}");
    assert!(cut.ends_with("allowed: PAR1 (the file may have been cut short)"), "{cut}");
    let mut long = whole.clone();
    let at = long.len() - 8;
    long[at..at + 4].fill(0xff);
    let footer = format!(
        "x.parquet, byte {at}: length of the parquet footer is 4294967295, allowed: 0 to {}",
        whole.len() - 12
    );
    assert_eq!(refusal(&long), footer);
    // A byte of a page, whose checksum tells.
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    let checksum = refusal(&damaged);
    assert!(checksum.contains("parquet page's checksum is 0x"), "{checksum}");
}
