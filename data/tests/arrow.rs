//! Arrow files made by pyarrow, as `datasets` saves them, and damaged ones.

mod support;

use std::path::{Path, PathBuf};

use ncsn_data::{Kind, Options, Split};
use serde_json::Value;
use support::{floats, kind, message, names, open, open_plain, write};
use tempfile::tempdir;

/// Source: tests/oracles/arrow_files.py
const ORACLE: &str = include_str!("oracles/arrow.json");

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/arrow").join(name)
}

fn array(name: &str) -> Options {
    Options { array: Some(name.into()), ..Options::default() }
}

fn test_part() -> Options {
    Options { split: Split::Test, ..Options::default() }
}

#[test]
fn files_give_the_rows_of_pyarrow() {
    let oracle: Value = serde_json::from_str(ORACLE).unwrap();
    let files = oracle.as_object().unwrap().iter().filter(|(_, value)| value.is_object());
    for (name, expected) in files {
        let (path, options) = match name.as_str() {
            "saved/train" => (path_of("saved"), Options::default()),
            "saved/test" => (path_of("saved"), test_part()),
            name => (path_of(&format!("{name}.arrow")), Options::default()),
        };
        let data = open(&path, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let shape: Vec<u64> = data.shape.iter().map(|&side| side as u64).collect();
        assert_eq!(Value::from(shape), expected["shape"], "{name}");
        assert_eq!(data.rows.len() as u64, expected["rows"], "{name}");
        assert_eq!(data.digest().unwrap(), expected["digest"], "{name}");
    }
}

#[test]
fn saved_data_sets_are_read_by_split_in_the_order_of_their_state() {
    let train = open_plain(&path_of("saved")).unwrap();
    assert_eq!(names(&train)[0], "train/data-00001-of-00002.arrow#0");
    assert_eq!(names(&train)[5], "train/data-00000-of-00002.arrow#0");
    let unnamed = "1 Arrow files that state.json does not name left out";
    let others = "5 files that are no images left out";
    assert_eq!(train.notes, [unnamed, "1 Arrow files outside the train split left out", others]);
    let test = open(&path_of("saved"), &test_part()).unwrap();
    assert_eq!(
        names(&test),
        (0..3).map(|row| format!("test/data-00000-of-00001.arrow#{row}")).collect::<Vec<_>>()
    );
    let folder = open_plain(&path_of("saved/train")).unwrap();
    assert_eq!(folder.digest().unwrap(), train.digest().unwrap());
}

#[test]
fn states_that_are_not_those_of_their_folder_are_refused_or_passed_over() {
    let folder = tempdir().unwrap();
    let file = std::fs::read(path_of("images.arrow")).unwrap();
    for name in ["b.arrow", "a.arrow"] {
        write(folder.path(), name, &file);
    }
    let opened = |state: &str| {
        write(folder.path(), "state.json", state.as_bytes());
        open_plain(folder.path())
    };
    for passed_over in [
        "{}",
        r#"{"_data_files": []}"#,
        r#"{"_data_files": [{"filename": "../a.arrow"}]}"#,
        r#"{"_data_files": [{"filename": "b.arrow"}, {"filename": "b.arrow"}]}"#,
        r#"{"_data_files": [{"name": 3}], "_indices_files": null}"#,
    ] {
        assert_eq!(names(&opened(passed_over).unwrap())[5], "b.arrow#0", "{passed_over}");
    }
    let missing = message(opened(r#"{"_data_files": [{"filename": "c.arrow"}]}"#));
    assert!(missing.ends_with("state.json names c.arrow, which is not there"), "{missing}");
    let broken = message(opened("{\n\n"));
    assert!(broken.contains("state.json is no JSON: EOF while parsing"), "{broken}");
    let indices = message(open_plain(&path_of("indices")));
    let expected = "chooses rows by a file of indices, which is not read: flatten_indices() and save again";
    assert!(indices.ends_with(expected), "{indices}");
}

#[test]
fn columns_are_chosen_as_in_parquet() {
    let data = open_plain(&path_of("columns.arrow")).unwrap();
    assert_eq!(data.notes, ["3 columns side by side are a row; left out: text, Label"]);
    assert_eq!(names(&data)[8], "columns.arrow#8");
    let label = open(&path_of("columns.arrow"), &array("Label")).unwrap();
    assert_eq!(floats(&label), (0..9).map(f64::from).collect::<Vec<_>>());
    let two = message(open_plain(&path_of("two-lists.arrow")));
    assert!(two.ends_with("two-lists.arrow holds 2 arrays (x, z): name one by --array"), "{two}");
    let text = message(open_plain(&path_of("text.arrow")));
    assert!(text.ends_with("or numbers, its columns: x"), "{text}");
    let category = message(open(&path_of("category.arrow"), &array("x")));
    assert!(category.starts_with("column x of "), "{category}");
    assert!(category.ends_with("category.arrow is dictionary-encoded, which is not read"), "{category}");
}

#[test]
fn nulls_are_corrupt_images_and_no_numbers() {
    let path = path_of("nulls.arrow");
    assert_eq!(message(open_plain(&path)), "nulls.arrow#1: no bytes: empty, or a null in a table");
    let data = open(&path, &Options { skip_corrupt: true, ..Options::default() }).unwrap();
    assert_eq!((data.rows.len(), data.skipped), (1, 2));
    let cases = [
        ("ragged", "ragged.arrow#0 is 2 but ragged.arrow#2 is 3: one shape and one type for all"),
        ("uneven", "uneven.arrow#0 is 2×2 but uneven.arrow#1 is 2×1: one shape and one type for all"),
        ("null-list", "null-list.arrow#1 is a null or an empty list, not numbers"),
        ("null-entry", "null-entry.arrow#1 is a null or an empty list, not numbers"),
        ("empty-list", "empty-list.arrow#1 is a null or an empty list, not numbers"),
        ("null-number", "null-number.arrow#2, column x is a null, not numbers"),
    ];
    for (name, expected) in cases {
        assert_eq!(message(open_plain(&path_of(&format!("{name}.arrow")))), expected);
    }
    assert_eq!(kind(open_plain(&path_of("none.arrow"))), Kind::Empty);
}

#[test]
fn a_size_is_for_images_and_not_for_lists() {
    let options = Options { size: Some(4), ..Options::default() };
    assert_eq!(open(&path_of("images.arrow"), &options).unwrap().shape, [3, 4, 4]);
    let refused = message(open(&path_of("array3d.arrow"), &options));
    assert!(refused.ends_with("array3d.arrow have shape 2×3×2"), "{refused}");
    let file = message(open(&path_of("images.arrow"), &test_part()));
    assert!(file.starts_with("no test split in "), "{file}");
}

#[test]
fn a_file_cut_short_is_refused_wherever_it_is_not_cut_between_messages() {
    let folder = tempdir().unwrap();
    for (name, at_least) in [("list-f32", 3), ("file", 0)] {
        let whole = std::fs::read(path_of(&format!("{name}.arrow"))).unwrap();
        let accepted = (0..whole.len()).filter(|&length| {
            let path = write(folder.path(), "x.arrow", &whole[..length]);
            match open_plain(&path) {
                Ok(data) => data.rows.len() % 4 == 0 || data.rows.len() == 9,
                Err(error) => {
                    assert_eq!(error.to_string().lines().count(), 1, "{name}, {length} bytes: {error}");
                    false
                }
            }
        });
        // A stream may end after any record batch, with no mark of its end: 4, 8 and all 9 rows.
        assert_eq!(accepted.count(), at_least, "{name}");
    }
}

#[test]
fn no_changed_byte_panics() {
    let folder = tempdir().unwrap();
    for name in ["images", "lz4", "array3d-zstd", "list-f64", "fixed", "flags", "columns", "others", "file"] {
        let whole = std::fs::read(path_of(&format!("{name}.arrow"))).unwrap();
        for at in (0..whole.len()).step_by(whole.len().div_ceil(300)) {
            let mut changed = whole.clone();
            changed[at] ^= [0x01, 0x80, 0xff][at % 3];
            let path = write(folder.path(), "x.arrow", &changed);
            if let Err(error) = open_plain(&path) {
                assert_eq!(error.to_string().lines().count(), 1, "{name}, byte {at}: {error}");
            }
        }
    }
}
