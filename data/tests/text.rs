//! Matrices as text: CSV and columns between spaces.

mod support;

use std::io::{Read, Write};

use ncsn_data::formats::text;
use ncsn_data::{DataSet, Error, Kind, Options, Pixels, Request, Rows};
use proptest::prelude::*;
use support::{bytes, floats, kind, message, names, open, open_plain, write};
use tempfile::tempdir;

fn read_as(name: &str, content: &[u8]) -> Result<DataSet, Error> {
    let folder = tempdir().unwrap();
    open_plain(&write(folder.path(), name, content))
}

fn refusal(name: &str, content: &[u8]) -> String {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), name, content);
    message(open_plain(&path)).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn every_separator_gives_the_same_rows() {
    let expected = [0.5, -1.25, 3.0, 1e-3_f32.into(), 0.0, 7.0];
    let small = format!("{:e}", expected[3]);
    for (name, sign) in [("a.csv", ","), ("b.csv", ";"), ("c.csv", " ; "), ("d.tsv", "\t"), ("e.txt", "   ")]
    {
        let text = format!("0.5{sign}-1.25{sign}3\n{small}{sign}0{sign}+7.0\n");
        // The suffix is not needed.
        for name in [name, "matrix"] {
            let data = read_as(name, text.as_bytes()).unwrap();
            assert_eq!((floats(&data), &data.shape), (expected.to_vec(), &vec![3]), "{name} {sign:?}");
            assert_eq!(names(&data), [format!("{name}#0"), format!("{name}#1")]);
            assert!(data.notes.is_empty(), "{:?}", data.notes);
        }
    }
}

/// A row of doubles may come after any number of bytes and singles.
#[test]
fn values_decide_the_type_wherever_they_stand() {
    let mut text = "7,255\n".repeat(40_000);
    let data = read_as("x.csv", text.as_bytes()).unwrap();
    assert_eq!(bytes(&data), [7, 255].repeat(40_000));
    assert_eq!(data.notes, ["whole numbers from 0 to 255 are taken for pixels"]);
    let mut expected = [7.0, 255.0].repeat(40_000);
    for (row, values, double) in
        [("256,-0.5", [256.0, -0.5], false), ("1,2", [1.0, 2.0], false), ("0.1,3", [0.1, 3.0], true)]
    {
        text += &format!("{row}\n");
        expected.extend(values);
        let data = read_as("x.csv", text.as_bytes()).unwrap();
        assert_eq!(floats(&data), expected, "{row}");
        let Pixels::Floats(rows) = &data.rows else { panic!("not floats") };
        assert_eq!((rows.is_double(), &data.notes), (double, &Vec::new()), "{row}");
    }
    let last_alone = read_as("y.csv", b"0.1,3\n1,2").unwrap();
    assert_eq!(floats(&last_alone), [0.1, 3.0, 1.0, 2.0]);
}

#[test]
fn a_header_is_no_row_and_its_labels_are_no_entries() {
    let text =
        "\u{feff}# made by hand\r\n\r\nLabel,\"a\",b,ID\r\nwolf,1,2,17\r\n# between\r\n\"a, b\",3,4,n/a\r\n";
    let data = read_as("x.csv", text.as_bytes()).unwrap();
    assert_eq!((bytes(&data), &data.shape), (vec![1, 2, 3, 4], &vec![2]));
    assert_eq!(data.notes[0], "columns left out: Label, ID");
    // A data frame as pandas writes it, with its index and without names.
    let data = read_as("x.csv", b",0,1,2\n0,7,8,9\n1,4,5,6\n").unwrap();
    assert_eq!(bytes(&data), [7, 8, 9, 4, 5, 6]);
    assert_eq!(data.notes[0], "columns left out: the first, without a name");
    let data = read_as("x.csv", b"0,1,2\n7,8,9\n").unwrap();
    assert_eq!(bytes(&data), [7, 8, 9]);
    assert_eq!(data.notes[0], "the first line counts from 0 and is taken for the names of the columns");
    // Columns between spaces have no such names, and y is a coordinate beside x.
    assert_eq!(bytes(&read_as("x.txt", b"0 1 2\n7 8 9\n").unwrap()), [0, 1, 2, 7, 8, 9]);
    assert_eq!(bytes(&read_as("x.csv", b"x,y\n7,8\n").unwrap()), [7, 8]);
    assert_eq!(bytes(&read_as("x.csv", b"z,y\n7,8\n").unwrap()), [7]);
}

#[test]
fn one_column_needs_a_name_that_promises_it() {
    assert_eq!(bytes(&read_as("x.txt", b"1\n2\n").unwrap()), [1, 2]);
    assert_eq!(kind(read_as("x", b"1\n2\n")), Kind::Unknown);
}

#[test]
fn text_that_is_no_matrix_stays_unknown() {
    for text in [
        "not a data set\n",
        "a single line, which goes on",
        "{\"a\": [1, 2]}\n",
        "key = 1\nother = 2\n",
        "The quick brown fox\njumps over the lazy dog\n",
        "a,b\nc,d\n1,2\n",
        "# only\n# comments\n",
        "1,2\0\n",
        "a.png 0\nb.png 1\n",
    ] {
        for name in ["x", "x.txt"] {
            assert_eq!(kind(read_as(name, text.as_bytes())), Kind::Unknown, "{name}: {text:?}");
        }
    }
    assert_eq!(kind(read_as("x", b"1,2\n\xff,3\n")), Kind::Unknown);
}

#[test]
fn cells_and_lines_that_are_wrong_are_named_with_their_place() {
    for (text, expected) in [
        ("1,2\n\n3\n", "x.csv, line 3: 1 cells, the first line has 2"),
        ("1,2\n3,4,5\n", "x.csv, line 2: 3 cells, the first line has 2"),
        ("a,b,c\n1,2,3,4\n", "x.csv, line 2: 4 cells, the first line has 3"),
        ("1,2\n3,\n", "x.csv, line 2: column 2 is \"\", not a number"),
        ("a,b,c\n1,2,3\n4,five,6\n", "x.csv, line 3: column 2 (b) is \"five\", not a number"),
        ("a,b,c\n1,cat\u{202e},3\n", "x.csv, line 2: column 2 (b) is \"cat\\u{202e}\", not a number"),
        ("a,b\n1,NaN\n", "x.csv, line 2: column 2 (b) is \"NaN\", not a finite number"),
        ("1,2\n-inf,3\n", "x.csv, line 2: column 1 is \"-inf\", not a finite number"),
        ("1,2\n1e999,3\n", "x.csv, line 2: column 1 is \"1e999\", not a finite number"),
        ("id,label\n1,2\n", "x.csv, line 1: every column is named like labels, none is left for the rows"),
    ] {
        assert_eq!(refusal("x.csv", text.as_bytes()), expected);
    }
    let foreign = [&b"1,2\n".repeat(200)[..], b"\xff,3\n"].concat();
    assert_eq!(refusal("x.csv", &foreign), "x.csv, line 201: byte 1 is no text in UTF-8");
}

#[test]
fn a_line_without_end_is_refused() {
    let options = Options::default();
    let request = Request { path: "x.csv".as_ref(), options: &options, progress: &|_, _| {} };
    let endless = std::io::repeat(b'1').take(1 << 40);
    let refused = message(text::read(endless, &request));
    assert_eq!(refused, "x.csv, line 1: more than the 67108864 bytes allowed for a line");
}

#[test]
fn a_compressed_matrix_is_the_same() {
    let folder = tempdir().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a\n0.5\n0.25\n").unwrap();
    let path = write(folder.path(), "x.csv.gz", &gzip.finish().unwrap());
    assert_eq!(floats(&open_plain(&path).unwrap()), [0.5, 0.25]);
}

#[test]
fn options_that_a_matrix_does_not_have_are_refused() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "x.csv", b"1,2\n3,4\n");
    let named = Options { array: Some("a".into()), ..Options::default() };
    assert_eq!(kind(open(&path, &named)), Kind::Choose);
    let sized = Options { size: Some(1), ..Options::default() };
    assert_eq!(kind(open(&path, &sized)), Kind::Option);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The shortest form of a double gives it back, whatever its neighbours are.
    #[test]
    fn printed_doubles_come_back(
        rows in proptest::collection::vec(proptest::collection::vec(proptest::num::f64::NORMAL, 3), 1..20),
        separator in proptest::sample::select(vec![",", ";", "\t", " "]),
    ) {
        let line = |row: &Vec<f64>| row.iter().map(|x| format!("{x:e}")).collect::<Vec<_>>().join(separator);
        let text = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        let data = read_as("x.csv", text.as_bytes()).unwrap();
        let Pixels::Floats(found) = &data.rows else { panic!("not floats") };
        prop_assert!(found.is_double());
        prop_assert_eq!(Rows::<f64>::len(found), rows.len());
        prop_assert_eq!(floats(&data), rows.concat());
    }

    /// Any text is a matrix or one clear line.
    #[test]
    fn any_text_is_read_or_refused(text in "[-+.0-9eE,;\t \"\n#axy\u{e9}]{0,80}") {
        if let Err(error) = read_as("x.csv", text.as_bytes()) {
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}
