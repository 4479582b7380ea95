//! Training and test parts of data that name them.

mod support;

use std::io::Write;
use std::path::Path;

use image::ImageFormat;
use ncsn_data::{DataSet, Error, Kind, Options, Split};
use support::{bytes, colour, encode, kind, message, names, open, open_plain, write};
use tempfile::tempdir;

fn test_split(path: &Path) -> Result<DataSet, Error> {
    open(path, &Options { split: Split::Test, ..Options::default() })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// IDX images of 1×2 pixels.
fn idx(pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, pixels.len() as u8 / 2, 0, 0, 0, 1, 0, 0, 0, 2];
    bytes.extend(pixels);
    bytes
}

/// A CIFAR-10 record of one value.
fn record(value: u8) -> Vec<u8> {
    [vec![3], vec![value; 3072]].concat()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn a_folder_of_mnist_has_both_parts() {
    let folder = tempdir().unwrap();
    write(folder.path(), "train-images-idx3-ubyte.gz", &gzip(&idx(&[1, 2, 3, 4])));
    write(folder.path(), "train-labels-idx1-ubyte.gz", b"not read");
    write(folder.path(), "t10k-images-idx3-ubyte", &idx(&[5, 6]));
    write(folder.path(), "t10k-images-idx3-ubyte.gz", b"not read beside its uncompressed form");
    let train = open_plain(folder.path()).unwrap();
    assert_eq!(bytes(&train), [1, 2, 3, 4]);
    assert_eq!(names(&train), ["train-images-idx3-ubyte.gz#0", "train-images-idx3-ubyte.gz#1"]);
    let note = "images of train-images-idx3-ubyte.gz, 1 other IDX files of images left out; labels not read";
    assert_eq!(train.notes[0], note);
    let test = test_split(folder.path()).unwrap();
    assert_eq!(names(&test), ["t10k-images-idx3-ubyte#0"]);
    std::fs::remove_file(folder.path().join("train-images-idx3-ubyte.gz")).unwrap();
    assert_eq!(bytes(&open_plain(folder.path()).unwrap()), [5, 6]);
}

#[test]
fn a_folder_with_several_training_files_needs_a_name() {
    let folder = tempdir().unwrap();
    write(folder.path(), "emnist-digits-train-images-idx3-ubyte", &idx(&[1, 2]));
    write(folder.path(), "emnist-letters-train-images-idx3-ubyte", &idx(&[3, 4]));
    let refused = message(open_plain(folder.path()));
    let listed = "(emnist-digits-train-images-idx3-ubyte, emnist-letters-train-images-idx3-ubyte): name one by --array";
    assert!(refused.ends_with(&format!("holds 2 arrays {listed}")), "{refused}");
    let named = |name: &str| open(folder.path(), &Options { array: Some(name.into()), ..Options::default() });
    assert_eq!(bytes(&named("emnist-letters-train-images-idx3-ubyte").unwrap()), [3, 4]);
    assert!(kind(named("letters")) == Kind::Choose);
}

#[test]
fn cifar_has_a_test_batch_in_folder_and_archive() {
    let folder = tempdir().unwrap();
    let set = folder.path().join("set");
    write(&set, "data_batch_1.bin", &record(1));
    write(&set, "test_batch.bin", &record(2));
    assert_eq!(bytes(&test_split(&set).unwrap()), vec![2; 3072]);
    let files = [("c/data_batch_1.bin", &record(1)[..]), ("c/test_batch.bin", &record(2))];
    let archive = write(folder.path(), "set.tar.gz", &gzip(&tar(&files)));
    let test = test_split(&archive).unwrap();
    assert_eq!(names(&test), ["c/test_batch.bin#0"]);
    assert_eq!(test.notes, ["c/data_batch_1.bin left out"]);
    let training_only = write(folder.path(), "train.tar", &tar(&files[..1]));
    assert!(kind(test_split(&training_only)) == Kind::NoSplit);
    std::fs::remove_file(set.join("test_batch.bin")).unwrap();
    assert!(kind(test_split(&set)) == Kind::NoSplit);
}

#[test]
fn images_have_a_test_part_where_a_folder_is_named_so() {
    let folder = tempdir().unwrap();
    let files: Vec<(&str, Vec<u8>)> = ["train/a.png", "test/b.png", "test/c/d.png", "val/e.png"]
        .into_iter()
        .enumerate()
        .map(|(seed, name)| (name, encode(&colour(4, 3, seed as u32), ImageFormat::Png)))
        .collect();
    files.iter().for_each(|(name, content)| drop(write(folder.path(), &format!("set/{name}"), content)));
    let archived: Vec<(String, &[u8])> = files.iter().map(|(n, c)| (format!("set/{n}"), &c[..])).collect();
    let archived: Vec<(&str, &[u8])> = archived.iter().map(|(name, content)| (&name[..], *content)).collect();
    let archive = write(folder.path(), "set.tar", &tar(&archived));
    for (path, lead) in [(folder.path().join("set"), ""), (archive, "set/")] {
        let test = test_split(&path).unwrap();
        assert_eq!(names(&test), ["test/b.png", "test/c/d.png"].map(|name| format!("{lead}{name}")));
        assert_eq!(test.notes, ["2 files outside the test folder left out"]);
        let all = open_plain(&path).unwrap();
        assert_eq!(all.rows.len(), 4);
        assert_eq!(all.notes, ["folders of training and of test images are read together"]);
    }
}

#[test]
fn a_source_without_a_test_part_says_so() {
    let folder = tempdir().unwrap();
    let image = encode(&colour(4, 3, 0), ImageFormat::Png);
    write(folder.path(), "images/cat/test.png", &image);
    write(folder.path(), "images.tar", &tar(&[("cat/test.png", &image)]));
    write(folder.path(), "t10k-images.idx", &idx(&[1, 2]));
    write(folder.path(), "t10k-images.idx.gz", &gzip(&idx(&[1, 2])));
    write(folder.path(), "test_batch.bin", &record(2));
    // Nothing but a test part is all there is to train on.
    write(folder.path(), "only/test/a.png", &image);
    write(folder.path(), "only.tar", &tar(&[("test/a.png", &image), ("test/b.png", &image)]));
    for name in [
        "only",
        "only.tar",
        "images",
        "images.tar",
        "t10k-images.idx",
        "t10k-images.idx.gz",
        "test_batch.bin",
    ] {
        let path = folder.path().join(name);
        assert_eq!(message(test_split(&path)), format!("no test split in {}", path.display()));
    }
}

#[test]
fn celebas_list_tells_the_parts() {
    let folder = tempdir().unwrap();
    for (name, seed) in [("000001.png", 1), ("000002.png", 2), ("000003.png", 3), ("000004.png", 4)] {
        write(folder.path(), &format!("img/{name}"), &encode(&colour(2, 2, seed), ImageFormat::Png));
    }
    let list = "000001.png 0\n000002.png 1\n000003.png 2\n000004.png 0\n";
    for (file, text) in
        [("list_eval_partition.txt", list.to_owned()), ("list_eval_partition.csv", list.replace(' ', ","))]
    {
        let path = write(folder.path(), file, text.as_bytes());
        let part = |split| names(&open(folder.path(), &Options { split, ..Options::default() }).unwrap());
        assert_eq!(part(Split::Train).len(), 4);
        assert_eq!(part(Split::TrainAlone), ["img/000001.png", "img/000004.png"]);
        assert_eq!(part(Split::Test), ["img/000003.png"]);
        std::fs::remove_file(path).unwrap();
    }
}
