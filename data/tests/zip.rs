//! Zip archives of images: the same data set as the folder that they unpack to, and archives that lie.

mod support;

use std::io::{Cursor, Write};
use std::path::Path;

use image::ImageFormat;
use ncsn_data::{Kind, Options, Split};
use support::{bytes, colour, encode, kind, message, names, open, open_plain, write};
use tempfile::tempdir;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

fn zipped(files: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn png(seed: u32) -> Vec<u8> {
    encode(&colour(5, 4, seed), ImageFormat::Png)
}

/// As the tools of StyleGAN and EDM write them, in another order than their names', with what is no image.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("00001/img00000007.png", png(7)),
        ("dataset.json", b"{\"labels\": null}".to_vec()),
        ("00000/img00000001.png", png(1)),
        ("00000-more/b.JPG", encode(&colour(5, 4, 3), ImageFormat::Jpeg)),
        ("00000/unnamed", png(2)),
        ("00000/.hidden.png", png(4)),
        ("__MACOSX/._img.png", vec![0; 40]),
        ("a.txt", b"text".to_vec()),
    ]
}

#[test]
fn an_archive_is_read_as_the_folder_that_it_unpacks_to() {
    let folder = tempdir().unwrap();
    for (name, content) in files() {
        write(&folder.path().join("unpacked"), name, &content);
    }
    let unpacked = open_plain(&folder.path().join("unpacked")).unwrap();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        // By content, not by name.
        let path = write(folder.path(), "images.data", &zipped(&files(), method));
        let data = open_plain(&path).unwrap();
        assert_eq!(names(&data), names(&unpacked));
        assert_eq!(names(&data)[0], "00000/img00000001.png");
        assert_eq!((bytes(&data), &data.shape), (bytes(&unpacked), &unpacked.shape));
        assert_eq!(data.digest().unwrap(), unpacked.digest().unwrap());
        assert_eq!(data.notes, ["4 files that are no images left out"]);
    }
}

#[test]
fn parts_are_told_apart_by_folders() {
    let folder = tempdir().unwrap();
    let files = [("set/train/a.png", png(1)), ("set/test/b.png", png(2)), ("set/train/c.png", png(3))];
    let path = write(folder.path(), "set.zip", &zipped(&files, CompressionMethod::Deflated));
    let part = |split| names(&open(&path, &Options { split, ..Options::default() }).unwrap());
    assert_eq!(part(Split::Test), ["set/test/b.png"]);
    assert_eq!(part(Split::TrainAlone), ["set/train/a.png", "set/train/c.png"]);
    assert_eq!(part(Split::Train).len(), 3);
}

/// Without this, what is trained on would be tested on too.
#[test]
fn archives_of_a_folder_are_one_set_and_told_apart_by_their_names() {
    let folder = tempdir().unwrap();
    for (name, seeds) in [("train-0.zip", 0..2), ("train-1.zip", 2..4), ("test.zip", 4..5)] {
        let images: Vec<_> = seeds.map(|seed| (["a.png", "b.png"][seed as usize % 2], png(seed))).collect();
        write(folder.path(), name, &zipped(&images, CompressionMethod::Deflated));
    }
    write(folder.path(), "LICENSE.txt", b"free");
    let data = open_plain(folder.path()).unwrap();
    assert_eq!(
        names(&data),
        ["train-0.zip/a.png", "train-0.zip/b.png", "train-1.zip/a.png", "train-1.zip/b.png"]
    );
    assert_eq!(data.notes, ["1 archives outside the train split left out"]);
    let all: Vec<u8> = (0..4).flat_map(|seed| colour(5, 4, seed).into_bytes()).collect();
    assert_eq!(bytes(&data).len(), all.len());
    let test = open(folder.path(), &Options { split: Split::Test, ..Options::default() }).unwrap();
    assert_eq!(names(&test), ["a.png"]);
}

#[test]
fn arrays_have_no_test_part() {
    let folder = tempdir().unwrap();
    let array =
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }          \n";
    let content = [&array[..], &[1, 2, 3, 4, 5, 6]].concat();
    let path = write(folder.path(), "x.npz", &zipped(&[("x.npy", content)], CompressionMethod::Stored));
    let part = |split| open(&path, &Options { split, ..Options::default() });
    assert_eq!(bytes(&part(Split::Train).unwrap()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(bytes(&part(Split::TrainAlone).unwrap()), [1, 2, 3, 4, 5, 6]);
    assert!(kind(part(Split::Test)) == Kind::NoSplit);
}

fn refusal(folder: &Path, content: &[u8]) -> String {
    let path = write(folder, "x.zip", content);
    message(open_plain(&path)).replace(&format!("{}/", folder.display()), "")
}

#[test]
fn damaged_archives_are_refused_with_the_entry_named() {
    let folder = tempdir().unwrap();
    let stored = zipped(&[("a.png", png(1)), ("b.png", png(2))], CompressionMethod::Stored);
    let place = stored.windows(4).rposition(|bytes| bytes == b"IDAT").unwrap();
    let mut changed = stored.clone();
    changed[place + 6] ^= 1;
    let refused = refusal(folder.path(), &changed);
    assert!(refused.starts_with("cannot unpack x.zip/b.png: "), "{refused}");
    assert!(refusal(folder.path(), &stored[..stored.len() - 30]).starts_with("cannot unpack x.zip: "));
    let none = zipped(&[("a.txt", b"text".to_vec())], CompressionMethod::Stored);
    assert!(
        refusal(folder.path(), &none).starts_with("x.zip holds no images"),
        "{}",
        refusal(folder.path(), &none)
    );
}

#[test]
fn images_of_another_size_are_refused_and_resized_when_asked() {
    let folder = tempdir().unwrap();
    let files = [("a.png", png(1)), ("b.png", encode(&colour(7, 9, 1), ImageFormat::Png))];
    let content = zipped(&files, CompressionMethod::Deflated);
    assert!(refusal(folder.path(), &content).contains("b.png"), "the second image is named");
    let path = write(folder.path(), "x.zip", &content);
    let options = Options { size: Some(4), ..Options::default() };
    assert_eq!(open(&path, &options).unwrap().shape, [3, 4, 4]);
}
