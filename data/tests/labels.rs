//! Classes of rows: where they are found, how they are numbered, what is refused.

mod support;

use std::path::{Path, PathBuf};

use image::ImageFormat;
use ncsn_data::{self as data, Kind, LabelSource, Labels, Options, Split};
use support::{colour, write};

fn options(split: Split) -> Options {
    Options { classes: true, split, ..Options::default() }
}

/// Labels of a part, found or from a file.
fn read(path: &Path, split: Split, file: Option<&Path>, array: Option<&str>) -> Result<Labels, data::Error> {
    let set = support::open(path, &options(split))?;
    data::labels(path, &set, LabelSource { file, array }, &|_, _| {})
}

/// Names of the classes of all rows, in order.
fn of(path: &Path, split: Split) -> Vec<String> {
    named(&read(path, split, None, None).unwrap())
}

fn named(labels: &Labels) -> Vec<String> {
    labels.classes().iter().map(|&class| labels.names()[class as usize].clone()).collect()
}

fn refusal(result: Result<Labels, data::Error>) -> (Kind, String) {
    let error = result.map(|labels| labels.names().to_vec()).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    (error.kind(), error.to_string())
}

fn idx(kind: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, kind, shape.len() as u8];
    shape.iter().for_each(|size| file.extend(size.to_be_bytes()));
    file.extend(values);
    file
}

fn png(seed: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    colour(4, 4, seed).write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

fn cifar(labels: &[&[u8]]) -> Vec<u8> {
    labels.iter().flat_map(|labels| [labels, &[7; 3072][..]].concat()).collect()
}

fn oracles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

#[test]
fn folders_name_the_classes_of_images_in_the_order_of_text() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    for (seed, name) in
        ["train/dog/0.png", "train/cat/1.png", "train/10/2.png", "train/9/3.png"].iter().enumerate()
    {
        write(&set, name, &png(seed as u32));
    }
    let labels = read(&set, Split::Train, None, None).unwrap();
    assert_eq!(labels.names(), ["10", "9", "cat", "dog"]);
    assert_eq!(named(&labels), ["10", "9", "cat", "dog"], "rows are in the order of their paths");
    write(&set, "test/dog/4.png", &png(4));
    let of_test = read(&set, Split::Test, None, None);
    assert_eq!(refusal(of_test).0, Kind::Mixed, "one class is none");
    write(&set, "test/cat/5.png", &png(5));
    let test = read(&set, Split::Test, None, None).unwrap().among(labels.names(), &set).unwrap();
    assert_eq!(test.classes(), [2, 3]);
    write(&set, "test/bird/6.png", &png(6));
    let (kind, message) = refusal(read(&set, Split::Test, None, None).unwrap().among(labels.names(), &set));
    assert_eq!(kind, Kind::Value);
    assert!(message.ends_with("set has items of class bird, which the training data have not"), "{message}");
}

#[test]
fn a_corrupt_image_that_is_skipped_takes_its_class_along() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("a/0.png", png(0)), ("a/1.png", b"no image".to_vec()), ("b/2.png", png(2))] {
        write(folder.path(), name, &content);
    }
    let set = support::open(folder.path(), &Options { skip_corrupt: true, ..options(Split::Train) }).unwrap();
    let labels =
        data::labels(folder.path(), &set, LabelSource { file: None, array: None }, &|_, _| {}).unwrap();
    assert_eq!(named(&labels), ["a", "b"]);
}

#[test]
fn images_in_no_folder_have_no_classes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "0.png", &png(0));
    write(folder.path(), "a/1.png", &png(1));
    let (kind, message) = refusal(read(folder.path(), Split::Train, None, None));
    assert_eq!(kind, Kind::Choose);
    assert!(message.contains("has no labels: row 0.png lies in no folder that names a class"), "{message}");
}

#[test]
fn mnist_has_its_labels_beside_its_images() {
    let folder = tempfile::tempdir().unwrap();
    for (part, labels) in [("train", &[5, 0, 4][..]), ("t10k", &[4, 0])] {
        let count = labels.len() as u32;
        write(
            folder.path(),
            &format!("raw/{part}-images-idx3-ubyte"),
            &idx(8, &[count, 1, 2], &vec![1; 2 * labels.len()]),
        );
        write(folder.path(), &format!("raw/{part}-labels-idx1-ubyte"), &idx(8, &[count], labels));
    }
    let raw = folder.path().join("raw");
    let file = raw.join("train-images-idx3-ubyte");
    for path in [folder.path(), &raw, &file] {
        assert_eq!(of(path, Split::Train), ["5", "0", "4"], "{path:?}");
    }
    let train = read(&raw, Split::Train, None, None).unwrap();
    assert_eq!((train.names(), train.classes()), (&["0", "4", "5"].map(str::to_owned)[..], &[2, 0, 1][..]));
    let test = read(&raw, Split::Test, None, None).unwrap().among(train.names(), &raw).unwrap();
    assert_eq!(test.classes(), [1, 0]);
}

#[test]
fn cifar_begins_its_records_with_them_in_place_in_archives_and_pickled() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("cifar-10-batches-bin");
    let batches = [("data_batch_1.bin", cifar(&[&[3], &[9]])), ("data_batch_2.bin", cifar(&[&[0]]))];
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in &batches {
        write(&set, name, content);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, format!("cifar-10-batches-bin/{name}"), &content[..]).unwrap();
    }
    let archive = write(folder.path(), "cifar.tar", &builder.into_inner().unwrap());
    assert_eq!(of(&set, Split::Train), ["3", "9", "0"]);
    assert_eq!(of(&archive, Split::Train), ["3", "9", "0"]);
    // The fine one of two.
    let hundred = write(folder.path(), "train.bin", &cifar(&[&[19, 99], &[0, 42]]));
    assert_eq!(of(&hundred, Split::Train), ["99", "42"]);
    // A crop decodes the records anew.
    let cropped = Options { crop: Some(8), ..options(Split::Train) };
    assert_eq!(support::open(&set, &cropped).unwrap().classes, Some(vec![3, 9, 0]));
    // Nobody who does not ask for them waits for 60,000 of them.
    assert_eq!(support::open_plain(&set).unwrap().classes, None);
    // Source: tests/oracles/batches.py, which writes labels [1, 2] into each batch, [5, 6] and [1, 2].
    let pickled = oracles().join("batches");
    assert_eq!(of(&pickled.join("cifar-10-batches-py"), Split::Train), ["1", "2", "1", "2", "1", "2"]);
    assert_eq!(of(&pickled.join("cifar-100-python"), Split::Train), ["5", "6"]);
    assert_eq!(of(&pickled.join("Imagenet4"), Split::Train), ["1", "2", "1", "2"]);
}

/// Source: tests/oracles/*.py, which number the items of these files from 0, or name the labels beside them.
#[test]
fn arrays_of_labels_beside_the_items_are_found() {
    for (file, count) in [("hdf5/plain_latest.h5", 7), ("parquet/array3d.parquet", 12)] {
        let labels = read(&oracles().join(file), Split::Train, None, None);
        let expected: Vec<u32> = (0..count).collect();
        assert_eq!(labels.unwrap().classes(), expected, "{file}");
    }
    assert_eq!(of(&oracles().join("batches/torch/labelled.pt"), Split::Train), ["1", "2"]);
}

#[test]
fn a_file_of_labels_may_be_of_any_form() {
    let folder = tempfile::tempdir().unwrap();
    let images = write(folder.path(), "set.idx", &idx(8, &[3, 2, 2], &[9; 12]));
    let npy = |descr: &str, values: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (3,), }}\n");
        [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), values].concat()
    };
    let wide: Vec<u8> = [70_000_i64, 2, 70_000].iter().flat_map(|label| label.to_le_bytes()).collect();
    for (name, content) in [
        ("labels.npy", npy("<i8", &wide)),
        ("labels.csv", b"values\n70000\n2\n70000\n".to_vec()),
        ("labels.txt", b"70000\n2\n70000\n".to_vec()),
        ("labels.idx", idx(12, &[3], &[0, 1, 0x11, 0x70, 0, 0, 0, 2, 0, 1, 0x11, 0x70])),
    ] {
        let file = write(folder.path(), name, &content);
        let labels = read(&images, Split::Train, Some(&file), None).unwrap();
        assert_eq!(
            (labels.names(), labels.classes()),
            (&["2", "70000"].map(str::to_owned)[..], &[1, 0, 1][..]),
            "{name}"
        );
    }
    // Of several columns one is named.
    let table = write(folder.path(), "all.csv", b"a,b\n1,5\n2,6\n3,5\n");
    let (kind, message) = refusal(read(&images, Split::Train, Some(&table), None));
    assert_eq!(kind, Kind::Mixed);
    assert!(message.ends_with("all.csv have 2 entries, a label is one"), "{message}");
    assert_eq!(named(&read(&images, Split::Train, Some(&table), Some("b")).unwrap()), ["5", "6", "5"]);
    let (kind, message) = refusal(read(&images, Split::Train, Some(&table), Some("c")));
    assert_eq!(kind, Kind::Choose);
    assert!(message.ends_with("all.csv holds no array c, it holds: a, b"), "{message}");
    // Labels that stand beside the entries, which are read without them.
    let points = write(folder.path(), "points.csv", b"x1,x2,label\n1,2,8\n3,4,9\n5,6,8\n");
    assert_eq!(of(&points, Split::Train), ["8", "9", "8"]);
}

#[test]
fn labels_that_do_not_fit_are_refused_by_value() {
    let folder = tempfile::tempdir().unwrap();
    let images = write(folder.path(), "set.idx", &idx(8, &[3, 2, 2], &[9; 12]));
    for (content, kind, expected) in [
        ("1\n2\n", Kind::Mixed, "l.csv has 2 labels for 3 rows"),
        ("1\n2\n3\n4\n", Kind::Mixed, "l.csv has 4 labels for 3 rows"),
        ("1\n1\n1\n", Kind::Mixed, "all 3 rows of "),
        ("1\n-1\n1\n", Kind::Value, "l.csv is -1, no whole number from 0 on"),
        ("1\n0.5\n1\n", Kind::Value, "label 1 of "),
        ("1\n4294967296\n1\n", Kind::Value, "l.csv is 4294967296, no whole number from 0 on"),
    ] {
        let file = write(folder.path(), "l.csv", content.as_bytes());
        let (found, message) = refusal(read(&images, Split::Train, Some(&file), None));
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(expected), "{message}");
    }
    let missing = folder.path().join("none.npy");
    assert_eq!(refusal(read(&images, Split::Train, Some(&missing), None)).0, Kind::Unreadable);
}

#[test]
fn a_digest_tells_labels_apart_by_place_and_by_name() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let digest = |classes: &[u32], of: &[&str]| Labels::new(classes.to_vec(), names(of)).digest();
    let all = [digest(&[0, 1], &["a", "b"]), digest(&[1, 0], &["a", "b"]), digest(&[0, 1], &["a", "c"])];
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    // Source: printf '\0\0\0\0\1\0\0\0a\nb\n' | sha256sum
    assert_eq!(all[0], "c92781c9f685c5d09b7c66c9d399683c376c38a481b23fc0ca1a47f32034a87e");
}
