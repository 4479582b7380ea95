//! Files of shards that do not make up a whole, and wrong use: one line each, and nothing is written.

mod sharded;

use std::fs;
use std::path::{Path, PathBuf};

use sharded::{Folder, drawn, ncsn, npy, png, text};

/// Data of so many rows in a folder of their own.
fn data(rows: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = npy(folder.path(), "|u1", rows[0].len(), &rows.concat());
    (folder, path)
}

/// Why files are not merged.
fn refused(files: &[&Path]) -> String {
    let files: Vec<&str> = files.iter().map(|path| text(path)).collect();
    let message = ncsn(&[&["diameter", "--merge"][..], &files].concat()).1.unwrap_err();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn a_shard_that_is_none_is_refused_before_anything_is_read() {
    let folder = Folder::new();
    let file = folder.file(1);
    for shard in ["0/4", "5/4", "4", "1/0", "-1/4", "a/b", ""] {
        let shard = format!("--shard={shard}");
        let message = ncsn(&["diameter", "nowhere", &shard, "-o", text(&file)]).1.unwrap_err();
        assert!(message.contains("allowed: I/N, whole numbers with 1 <= I <= N"), "{message}");
    }
    for wrong in [
        &["nowhere", "--shard", "1/2"][..],
        &["nowhere", "-o", "x"],
        &["nowhere", "--keep-from", "4"],
        &["nowhere", "--shard", "1/2", "-o", "-"],
        &["nowhere", "--shard", "1/2", "-o", "x", "--keep-from", "-4"],
        &["nowhere", "--shard", "1/2", "-o", "x", "--keep-from", "nan"],
        &["nowhere", "--shard", "1/2", "-o", "x", "--subsample", "5"],
        &["nowhere", "--shard", "1/2", "-o", "x", "--data-range", "signed"],
        &["nowhere", "--merge", "x"],
        &["--shard", "1/2", "-o", "x", "--merge", "x"],
        &["--merge", "x", "--size", "4"],
        &["--merge"],
    ] {
        let message = ncsn(&[&["diameter"][..], wrong].concat()).1.unwrap_err();
        assert!(!message.contains("nowhere: ") && !message.contains("cannot read"), "{wrong:?}: {message}");
    }
    assert!(!file.exists() && !Path::new("x").exists());
}

#[test]
fn shards_that_do_not_belong_together_are_refused_by_name() {
    let (_keep, path) = data(&drawn(40, 12));
    let (_keep, shorter) = data(&drawn(39, 12));
    let mut rows = drawn(40, 12);
    rows[7][3] ^= 1;
    let (_keep, changed) = data(&rows);
    let (_keep, wider) = data(&drawn(40, 15));
    let of = |path: &Path, of: usize| {
        let folder = Folder::new();
        folder.make(path, of, &[]);
        folder
    };
    let (two, three) = (of(&path, 2), of(&path, 3));
    assert!(refused(&[&two.file(1), &three.file(2)]).contains("is shard 2/3"));
    assert!(refused(&[&two.file(1), &two.file(2), &two.file(1)]).ends_with("are both shard 1/2"));
    assert!(refused(&[&three.file(2)]).ends_with("missing of the 3 shards: 1/3, 3/3"));
    for (other, words) in
        [(&shorter, "39 items"), (&changed, "SHA-256"), (&wider, "rows are u8 12 and u8 15")]
    {
        let message = refused(&[&two.file(1), &of(other, 2).file(2)]);
        assert!(message.contains("are not of the same data") && message.contains(words), "{message}");
    }
    assert!(refused(&[&two.file(1), Path::new("nowhere")]).starts_with("nowhere: "));
}

#[test]
fn shards_that_were_read_otherwise_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drawn(6, 12).iter().enumerate().for_each(|(k, row)| png(&folder.path().join(format!("{k}.png")), row));
    let shards = Folder::new();
    shards.make(folder.path(), 2, &["--crop", "2"]);
    shards.make_one(folder.path(), "2/2", &["--crop", "2", "--exif"]);
    let message = refused(&[&shards.file(1), &shards.file(2)]);
    assert!(message.ends_with("they were read with --crop 2 and --crop 2 --exif"), "{message}");
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_damaged() {
    let (_keep, path) = data(&drawn(20, 12));
    let shards = Folder::new();
    shards.make(&path, 2, &[]);
    let whole = fs::read(shards.file(1)).unwrap();
    let other = Folder::new();
    let damaged = other.file(1);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&damaged, &bytes).unwrap();
        let message = refused(&[&damaged, &shards.file(2)]);
        assert!(message.starts_with(text(&damaged)), "byte {at}: {message}");
    }
    for length in (0..whole.len()).step_by(7) {
        fs::write(&damaged, &whole[..length]).unwrap();
        let message = refused(&[&damaged, &shards.file(2)]);
        assert!(message.starts_with(text(&damaged)), "{length} bytes: {message}");
    }
    fs::write(&damaged, &whole[..whole.len() - 1]).unwrap();
    assert!(refused(&[&damaged]).ends_with("it has been cut short"));
    fs::write(&damaged, [&whole[..], b"x"].concat()).unwrap();
    assert!(refused(&[&damaged]).contains("bytes, its content"));
}

#[test]
fn another_schema_and_other_files_are_refused() {
    let (_keep, path) = data(&drawn(20, 12));
    let shards = Folder::new();
    shards.make(&path, 1, &[]);
    let whole = fs::read(shards.file(1)).unwrap();
    let older = String::from_utf8_lossy(&whole[8..600]).replace("diameter-shard/1", "diameter-shard/0");
    fs::write(shards.file(1), [&whole[..8], older.as_bytes(), &whole[600..]].concat()).unwrap();
    let message = refused(&[&shards.file(1)]);
    assert!(message.ends_with(
        "schema is ncsn.diameter-shard/0, allowed: ncsn.diameter-shard/1, which this version makes"
    ));
    assert!(refused(&[&path]).contains("is no file of ncsn diameter --shard"));
    assert!(refused(&[path.parent().unwrap()]).starts_with(text(path.parent().unwrap())));
}

#[test]
fn units_that_the_data_cannot_have_and_folders_that_are_not_there_are_refused() {
    let (_keep, path) = data(&drawn(20, 12));
    let shards = Folder::new();
    shards.make(&path, 1, &[]);
    let message =
        ncsn(&["diameter", "--data-range", "native", "--merge", text(&shards.file(1))]).1.unwrap_err();
    assert!(message.contains("holds bytes, which become pixels"), "{message}");
    let unwritten = shards.file(2);
    let real = ["diameter", text(&path), "--shard", "1/1", "--keep-from", "1.5", "-o", text(&unwritten)];
    assert!(ncsn(&real).1.unwrap_err().starts_with("--keep-from is 1.5, allowed: a whole number"));
    let nowhere = shards.file(1).with_file_name("none").join("1");
    let message = ncsn(&["diameter", text(&path), "--shard", "1/1", "-o", text(&nowhere)]).1.unwrap_err();
    assert!(message.contains("does not exist") && !unwritten.exists(), "{message}");
}
