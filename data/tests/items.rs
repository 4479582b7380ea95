//! Folders and archives of files that are one array each, or many.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};

use ncsn_data::{Kind, Options, Pixels, Split};
use support::{bytes, floats, kind, message, names, open, open_plain, write};

/// A file of `numpy.save`.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), values].concat()
}

fn singles(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn slice(seed: f32) -> Vec<u8> {
    npy("<f4", "(2, 3)", &singles(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|x| x + seed)))
}

fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn batches() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/batches")
}

/// Source: tests/oracles/batches.py
fn oracle(key: &str) -> Vec<f64> {
    let all: serde_json::Value = serde_json::from_str(include_str!("oracles/batches.json")).unwrap();
    serde_json::from_value(all[key].clone()).unwrap()
}

fn as_numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.iter().copied().map(f64::from).collect()
}

#[test]
fn a_folder_a_zip_and_a_tar_of_arrays_give_one_row_each() {
    let files = [("00/a.npy", slice(0.5)), ("00/b.npy", slice(10.0)), ("dataset.json", b"{}".to_vec())];
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    files.iter().for_each(|(name, content)| drop(write(&set, name, content)));
    let zipped = write(folder.path(), "set.zip", &zip(&files));
    let tarred = write(folder.path(), "set.tar", &tar(&files));
    for path in [set, zipped, tarred] {
        let data = open_plain(&path).unwrap();
        assert_eq!(names(&data), ["00/a.npy", "00/b.npy"], "{path:?}");
        assert_eq!((&data.shape[..], data.planes), (&[2, 3][..], false));
        assert_eq!(floats(&data), [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
        assert_eq!(data.notes, ["1 files that are no images left out"]);
    }
}

#[test]
fn items_of_another_shape_or_type_and_items_that_are_damaged_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.npy", &slice(0.0));
    for (other, expected) in [
        (
            npy("<f4", "(3, 2)", &[0; 24]),
            "a.npy is f32 2×3 but b.npy is f32 3×2: one shape and one type for all",
        ),
        (
            npy("|u1", "(2, 3)", &[0; 6]),
            "a.npy is f32 2×3 but b.npy is u8 2×3: one shape and one type for all",
        ),
        (npy("<f4", "(2, 3)", &[0; 23]), "b.npy holds 23 bytes of values, its shape needs 24"),
        (npy("<f4", "(2, 3)", &[0xff; 24]), "row 0 of b.npy, entry 0, is NaN, not a finite number"),
        (npy("<f4", "(2, 0)", &[]), "b.npy: shape 2×0 has no rows of 1 to 1073741824 bytes"),
    ] {
        write(folder.path(), "b.npy", &other);
        assert_eq!(message(open_plain(folder.path())), expected);
    }
    let skip = Options { skip_corrupt: true, ..Options::default() };
    let data = open(folder.path(), &skip).unwrap();
    assert_eq!((names(&data), data.skipped), (vec!["a.npy".to_owned()], 1));
}

#[test]
fn images_come_before_arrays_that_lie_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "stats.npy", &slice(0.0));
    let image = support::encode(&support::grey(3, 2, 1), image::ImageFormat::Png);
    write(folder.path(), "a.png", &image);
    assert_eq!(names(&open_plain(folder.path()).unwrap()), ["a.png"]);
}

#[test]
fn files_of_many_items_are_told_by_their_name_by_labels_or_by_the_user() {
    let rows = |first: u8| npy("|u1", "(2, 3)", &[0, 1, 2, 3, 4, 5].map(|x| x + first));
    let labels = npy("|u1", "(2,)", &[7, 8]);
    let labelled = |first| zip(&[("x.npy", rows(first)), ("y.npy", labels.clone())]);
    let folder = tempfile::tempdir().unwrap();
    for (name, of, batches) in [
        ("part_{}.npy", [rows(0), rows(100)], true),
        ("batch_{}.npy", [rows(0), rows(100)], false),
        ("part_{}.npz", [labelled(0), labelled(100)], false),
    ] {
        let set = folder.path().join(name.replace("{}", "set"));
        for (number, content) in [9, 10].iter().zip(&of) {
            write(&set, &name.replace("{}", &number.to_string()), content);
        }
        let options = Options { batches, ..Options::default() };
        let data = open(&set, &options).unwrap();
        assert_eq!(bytes(&data), [0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105], "{name}");
        assert_eq!(data.names.get(2).unwrap(), format!("{}#0", name.replace("{}", "10")));
        assert_eq!(data.notes[0], "2 files of many items each");
    }
    // Without a word each file is one item.
    assert_eq!(open_plain(&folder.path().join("part_set.npy")).unwrap().rows.len(), 2);
}

#[test]
fn pickled_batches_are_those_that_python_reads() {
    let cifar = batches().join("cifar-10-batches-py");
    let data = open_plain(&cifar).unwrap();
    assert_eq!(as_numbers(&bytes(&data)), oracle("cifar train"));
    assert_eq!((&data.shape[..], data.planes), (&[3, 4, 4][..], true));
    assert_eq!(data.notes, ["batches data_batch_1, data_batch_2, data_batch_10"]);
    let test = Options { split: Split::Test, ..Options::default() };
    assert_eq!(as_numbers(&bytes(&open(&cifar, &test).unwrap())), oracle("cifar test"));
    // One of the files, and the images in another size.
    assert_eq!(open_plain(&cifar.join("data_batch_2")).unwrap().rows.len(), 2);
    let smaller = Options { size: Some(2), ..Options::default() };
    assert_eq!(open(&cifar, &smaller).unwrap().shape, [3, 2, 2]);
    assert_eq!(open_plain(&batches().join("cifar-100-python")).unwrap().rows.len(), 2);
    assert_eq!(as_numbers(&bytes(&open_plain(&batches().join("Imagenet4")).unwrap())), oracle("imagenet"));
}

/// `data` alone could be anything: without labels it is no batch of images.
#[test]
fn a_pickled_array_without_labels_stays_rows_of_numbers() {
    let data = open_plain(&batches().join("unlabelled.pkl")).unwrap();
    assert_eq!((data.rows.len(), &data.shape[..], data.planes), (2, &[48][..], false));
}

#[test]
fn pickled_batches_in_an_archive_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let cifar = batches().join("cifar-10-batches-py");
    let files = ["data_batch_1", "test_batch", "data_batch_2", "data_batch_10", "batches.meta"]
        .map(|name| (format!("cifar-10-batches-py/{name}"), std::fs::read(cifar.join(name)).unwrap()));
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, content)| (&name[..], content.clone())).collect();
    let path = write(folder.path(), "cifar-10-python.tar", &tar(&files));
    let data = open_plain(&path).unwrap();
    assert_eq!(as_numbers(&bytes(&data)), oracle("cifar train"));
    assert_eq!(data.names.get(2).unwrap(), "cifar-10-batches-py/data_batch_2#0");
    let test = Options { split: Split::Test, ..Options::default() };
    assert_eq!(as_numbers(&bytes(&open(&path, &test).unwrap())), oracle("cifar test"));
}

#[test]
fn tuples_of_an_array_and_a_label_are_items() {
    let data = open_plain(&batches().join("tuples")).unwrap();
    assert_eq!(as_numbers(&bytes(&data)), oracle("tuples"));
    assert_eq!((names(&data).len(), &data.shape[..]), (3, &[2, 2, 3][..]));
}

#[test]
fn tensors_of_torch_are_chosen_as_arrays_are() {
    let torch = |name: &str| batches().join("torch").join(name);
    assert_eq!(floats(&open_plain(&torch("labelled.pt")).unwrap()), oracle("labelled"));
    assert_eq!(floats(&open_plain(&torch("strided.pt")).unwrap()), oracle("strided"));
    let list = open_plain(&torch("list.pt")).unwrap();
    assert_eq!((floats(&list), list.rows.len()), (oracle("labelled"), 2));
    assert!(matches!(&list.rows, Pixels::Floats(rows) if rows.is_double()));
    assert!(message(open_plain(&torch("two.pt"))).ends_with("holds 2 arrays (0, 1): name one by --array"));
    let second = Options { array: Some("1".into()), ..Options::default() };
    assert_eq!(floats(&open(&torch("two.pt"), &second).unwrap()), [1.0; 6]);
    let named = Options { array: Some("labels".into()), ..Options::default() };
    assert_eq!(floats(&open(&torch("labelled.pt"), &named).unwrap()), [1.0, 2.0]);
}

#[test]
fn safetensors_are_read_in_place_and_lies_in_their_header_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let values = singles(&[1.0, 2.5, -3.0, 4.0, 5.0, 6.0]);
    let file = |header: &str, values: &[u8]| {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), values].concat()
    };
    let good = r#"{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    let path = write(folder.path(), "x.safetensors", &file(good, &values));
    assert_eq!(floats(&open_plain(&path).unwrap()), [1.0, 2.5, -3.0, 4.0, 5.0, 6.0]);
    for (from, to, expected) in [
        ("[0,24]", "[0,20]", "holds 20 bytes of values, its shape needs 24"),
        ("[0,24]", "[4,28]", "its content needs 118: it has been cut short"),
        ("[0,24]", "[24,0]", "holds 0 bytes of values, its shape needs 24"),
        ("F32", "F8_E4M3", "dtype of x is F8_E4M3, allowed: BOOL,"),
        ("[2,3]", "[2,0]", "shape 2×0 has no rows"),
        ("\"shape\"", "\"size\"", "missing field `shape`"),
        ("}}", "}", "safetensors header is"),
    ] {
        write(folder.path(), "x.safetensors", &file(&good.replacen(from, to, 1), &values));
        let refused = message(open_plain(&path));
        assert!(refused.contains(expected), "{refused}");
    }
    let mut long = file(good, &values);
    long[2] = 1;
    write(folder.path(), "x.safetensors", &long);
    assert!(
        message(open_plain(&path)).contains("length of the safetensors header is 65"),
        "{:?}",
        &long[..8]
    );
}

#[test]
fn shards_patterns_and_archives_in_archives_are_one_set() {
    let folder = tempfile::tempdir().unwrap();
    let image = |seed| support::encode(&support::grey(3, 2, seed), image::ImageFormat::Png);
    let shard = |first: u32| {
        let text = b"a caption".to_vec();
        tar(&[("a.png", image(first)), ("a.txt", text), ("b.png", image(first + 1))])
    };
    for (name, first) in [("train-000.tar", 0), ("train-001.tar", 2), ("test-000.tar", 7)] {
        write(folder.path(), &format!("shards/{name}"), &shard(first));
    }
    let expected: Vec<u8> = (0..4).flat_map(|seed| support::planes(&support::grey(3, 2, seed))).collect();
    let all = open_plain(&folder.path().join("shards")).unwrap();
    assert_eq!(bytes(&all), expected);
    assert_eq!(all.notes[0], "1 archives outside the train split left out");
    let pattern = open_plain(&folder.path().join("shards/train-{000..001}.tar")).unwrap();
    assert_eq!(bytes(&pattern), expected);
    let test = Options { split: Split::Test, ..Options::default() };
    assert_eq!(open(&folder.path().join("shards"), &test).unwrap().rows.len(), 2);
    let nested = write(folder.path(), "all.tar", &tar(&[("n0.tar", shard(0)), ("n1.tar", shard(2))]));
    let nested = open_plain(&nested).unwrap();
    assert_eq!((bytes(&nested), &names(&nested)[2][..]), (expected.clone(), "n1.tar/a.png"));
    // Two folders.
    for (name, seeds) in [("one", [0, 1]), ("two", [2, 3])] {
        seeds
            .iter()
            .for_each(|&seed| drop(write(folder.path(), &format!("{name}/{seed}.png"), &image(seed))));
    }
    let two = open_plain(&folder.path().join("{one,two}")).unwrap();
    assert_eq!(bytes(&two), expected);
    assert!(names(&two)[2].ends_with("two/2.png"), "{:?}", names(&two));
    write(folder.path(), "three/a.png", &support::encode(&support::grey(2, 3, 0), image::ImageFormat::Png));
    assert_eq!(kind(open_plain(&folder.path().join("{one,three}"))), Kind::Mixed);
}

#[test]
fn a_download_root_stands_for_the_data_set_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let idx = |first: u8| [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, first, 20];
    write(folder.path(), "MNIST/raw/train-images-idx3-ubyte", &idx(10));
    write(folder.path(), "MNIST/raw/t10k-images-idx3-ubyte", &idx(11));
    assert_eq!(bytes(&open_plain(folder.path()).unwrap()), [10, 20]);
    let test = Options { split: Split::Test, ..Options::default() };
    assert_eq!(bytes(&open(folder.path(), &test).unwrap()), [11, 20]);
    write(folder.path(), "Other/raw/train-images-idx3-ubyte", &idx(12));
    let refused = message(open_plain(folder.path()));
    assert!(
        refused.contains("above 2 data sets, allowed: one of ") && refused.contains("MNIST"),
        "{refused}"
    );
}

#[test]
fn archives_are_read_however_they_are_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let image = |seed| support::encode(&support::grey(3, 2, seed), image::ImageFormat::Png);
    let plain = tar(&[("a.png", image(1)), ("b.png", image(2))]);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&plain).unwrap();
    let expected: Vec<u8> = (1..3).flat_map(|seed| support::planes(&support::grey(3, 2, seed))).collect();
    let path = write(folder.path(), "a.tar.bz2", &bzip2.finish().unwrap());
    assert_eq!(bytes(&open_plain(&path).unwrap()), expected);
    let npy = slice(1.0);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&npy).unwrap();
    let path = write(folder.path(), "a.npy.gz", &packed.finish().unwrap());
    assert_eq!(open_plain(&path).unwrap().rows.len(), 2);
}
