//! `ncsn diameter --shard` and `--merge` on files: the result of the whole, from brute force in integers.

mod sharded;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sharded::{Folder, drawn, farthest, json, ncsn, npy, png, text};

/// Numbers of shards; seven and more leave some without a row, or with one.
const DIVISIONS: [usize; 5] = [1, 2, 3, 7, 40];

/// What the merge says as the command on the whole does; notes count the images that each shard read.
fn shared(mut report: Value) -> Value {
    let fields = report.as_object_mut().unwrap();
    for own in ["notes", "pairs_evaluated", "seconds", "seconds_reading", "shards", "rows_kept"] {
        fields.remove(own);
    }
    report
}

/// Compares the merge of shards with the whole, whose witness is the only pair so far apart.
fn compare(path: &Path, options: &[&str], expected: u64) {
    let whole = shared(json(&[&["diameter", text(path), "--format", "json"], options].concat()));
    assert_eq!(whole["squared"], expected);
    for of in DIVISIONS {
        let folder = Folder::new();
        let (merged, _) = folder.merged(path, of, options);
        assert_eq!(merged["shards"], of);
        assert_eq!(shared(merged), whole, "{of} shards");
    }
}

#[test]
fn shards_of_bytes_give_the_diameter_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rows = drawn(300, 12);
    let path = npy(folder.path(), "|u1", 12, &rows.concat());
    compare(&path, &[], farthest(&rows));
}

#[test]
fn shards_of_a_folder_of_images_give_the_diameter_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rows = drawn(150, 12);
    rows.iter().enumerate().for_each(|(k, row)| png(&folder.path().join(format!("{k:03}.png")), row));
    compare(folder.path(), &[], farthest(&rows));
    // At another size the pixels are others; what the whole says is the reference then.
    let whole = json(&["diameter", text(folder.path()), "--size", "3", "--format", "json"]);
    compare(folder.path(), &["--size", "3"], whole["squared"].as_u64().unwrap());
}

/// Halves of bytes are exact in either precision, so that the expected value is an integer over 4.
#[test]
fn shards_of_floats_enclose_the_diameter_of_the_whole_as_it_does() {
    let rows = drawn(300, 12);
    let exact = (farthest(&rows) as f64 / 4.0).sqrt();
    let single = rows.concat().iter().flat_map(|&x| (0.5 * f32::from(x)).to_le_bytes()).collect::<Vec<_>>();
    let double = rows.concat().iter().flat_map(|&x| (0.5 * f64::from(x)).to_le_bytes()).collect::<Vec<_>>();
    for (kind, bytes) in [("<f4", single), ("<f8", double)] {
        let folder = tempfile::tempdir().unwrap();
        let path = npy(folder.path(), kind, 12, &bytes);
        let whole = shared(json(&["diameter", text(&path), "--format", "json"]));
        let [lo, hi] = [0, 1].map(|end| whole["enclosure"][end].as_f64().unwrap());
        assert!(lo <= exact && exact <= hi);
        for of in DIVISIONS {
            assert_eq!(shared(Folder::new().merged(&path, of, &[]).0), whole, "{kind} in {of}");
        }
    }
}

/// The first half: three rows about the centre (100, 100), the farthest from it, (90, 100) and (110, 100), 20 apart. What is
/// nearer than 20 − 10.6 is left out, (100, 92) at 8. The other half has (100, 200), whose farthest is just that row.
fn deceptive() -> Vec<Vec<u8>> {
    let mut rows = vec![vec![100, 100]; 400];
    for (at, row) in [(0, [90, 100]), (50, [110, 100]), (51, [100, 92]), (399, [100, 200])] {
        rows[at] = row.to_vec();
    }
    rows
}

/// Source: 200 − 92 = 108, whose square is 11664; from what is kept at first 10² + 100² = 10100, and (√10100 − 100)² = 0.25.
#[test]
fn the_merge_demands_the_rows_that_it_needs_and_then_finds_the_farthest() {
    let rows = deceptive();
    assert_eq!(farthest(&rows), 11_664);
    let folder = tempfile::tempdir().unwrap();
    let path = npy(folder.path(), "|u1", 2, &rows.concat());
    let shards = Folder::new();
    shards.make(&path, 2, &[]);
    let demand = shards.merge(2).unwrap_err();
    assert!(demand.ends_with("make again --shard 1/2 --keep-from 1"), "{demand}");
    let (merged, passes) = Folder::new().merged(&path, 2, &[]);
    assert_eq!((merged["squared"].as_u64(), passes), (Some(11_664), 2));
    assert_eq!(merged["witness"][0]["index"], 51);
    assert_eq!(merged["witness"][1]["name"], "x.npy#399");
    let doubles: Vec<u8> = rows.concat().iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
    let path = npy(folder.path(), "<f8", 2, &doubles);
    let (merged, passes) = Folder::new().merged(&path, 2, &[]);
    let [lo, hi] = [0, 1].map(|end| merged["enclosure"][end].as_f64().unwrap());
    assert!(lo <= 108.0 && 108.0 <= hi && passes == 2, "{merged}");
}

#[test]
fn equal_rows_and_few_rows_are_merged_as_the_whole_is_measured() {
    let cases: [&[u8]; 4] = [&[7; 12], &[1, 2, 3, 4], &[5, 5, 5, 5, 9, 9], &[0, 0, 255, 255, 0, 0, 255, 255]];
    for entries in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = npy(folder.path(), "|u1", 2, entries);
        let rows: Vec<Vec<u8>> = entries.chunks(2).map(<[u8]>::to_vec).collect();
        compare(&path, &[], farthest(&rows));
        let floats: Vec<u8> = entries.iter().flat_map(|&x| f32::from(x).to_le_bytes()).collect();
        let path = npy(folder.path(), "<f4", 2, &floats);
        let whole = shared(json(&["diameter", text(&path), "--format", "json"]));
        DIVISIONS.iter().for_each(|&of| assert_eq!(shared(Folder::new().merged(&path, of, &[]).0), whole));
    }
}

#[test]
fn one_row_has_no_diameter_in_shards_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = npy(folder.path(), "|u1", 2, &[1, 2]);
    let shards = Folder::new();
    shards.make(&path, 3, &[]);
    let message = shards.merge(3).unwrap_err();
    assert!(message.ends_with("x.npy: rows is 1, allowed: at least 2"), "{message}");
}

/// One shard has grey images alone, of which each counts in three channels.
#[test]
fn grey_images_among_colour_ones_are_merged_as_the_whole_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = drawn(140, 12);
    for (k, row) in rows.iter_mut().enumerate() {
        let path = folder.path().join(format!("{k:03}.png"));
        if k == 131 {
            png(&path, row);
        } else {
            let plane: Vec<u8> = row.chunks(3).map(|pixel| pixel[0]).collect();
            image::GrayImage::from_raw(2, 2, plane.clone()).unwrap().save(path).unwrap();
            *row = plane.iter().flat_map(|&x| [x; 3]).collect();
        }
    }
    let expected = farthest(&rows);
    let whole = json(&["diameter", text(folder.path()), "--format", "json"]);
    assert_eq!(whole["squared"], expected);
    for of in [1, 2, 3, 7] {
        let (merged, _) = Folder::new().merged(folder.path(), of, &[]);
        for key in ["squared", "witness", "count", "dim", "shape", "enclosure"] {
            assert_eq!(merged[key], whole[key], "{key} in {of}");
        }
    }
}

#[test]
fn rows_are_numbered_as_in_the_whole_where_images_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    drawn(150, 12).iter().enumerate().for_each(|(k, row)| {
        let path = folder.path().join(format!("{k:03}.png"));
        if [0, 2, 70, 129, 140].contains(&k) { fs::write(path, "no image").unwrap() } else { png(&path, row) }
    });
    let whole = json(&["diameter", text(folder.path()), "--skip-corrupt", "--format", "json"]);
    for of in [1, 2, 3, 7] {
        let (merged, _) = Folder::new().merged(folder.path(), of, &["--skip-corrupt"]);
        for key in ["squared", "witness", "count", "pairs"] {
            assert_eq!(merged[key], whole[key], "{key} in {of}");
        }
    }
}

/// Bounds exclude nothing among rows that are all about as far apart: every row is kept, and the result is right.
#[test]
fn of_noise_all_rows_are_kept() {
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let rows: Vec<Vec<u8>> = (0..120).map(|_| (0..300).map(|_| draw()).collect()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = npy(folder.path(), "|u1", 300, &rows.concat());
    let (merged, passes) = Folder::new().merged(&path, 3, &[]);
    assert_eq!((merged["squared"].as_u64(), passes), (Some(farthest(&rows)), 1));
    assert_eq!(merged["rows_kept"], 120);
}

#[test]
fn the_text_of_a_merge_says_how_to_go_on_and_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = npy(folder.path(), "|u1", 12, &drawn(50, 12).concat());
    let shards = Folder::new();
    shards.make(&path, 2, &[]);
    let (report, outcome) = ncsn(&["diameter", "--merge", text(&shards.file(2)), text(&shards.file(1))]);
    outcome.unwrap();
    let next = report.lines().find_map(|line| line.trim().strip_prefix("next         ncsn ")).unwrap();
    let arguments: Vec<&str> = next.split(' ').collect();
    let schedule = json(&[&arguments[..], &["--format", "json"]].concat());
    let whole = json(&["schedule", "--data", text(&path), "--format", "json"]);
    assert_eq!(schedule["sigma_max"], whole["sigma_max"]);
    let signed = ncsn(&[
        "diameter",
        "--merge",
        text(&shards.file(1)),
        text(&shards.file(2)),
        "--data-range",
        "signed",
    ]);
    assert!(signed.0.contains("--data-range signed"), "{}", signed.0);
}

#[test]
fn nothing_is_written_on_a_dry_run_and_a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = npy(folder.path(), "|u1", 12, &drawn(50, 12).concat());
    let shards = Folder::new();
    let (report, outcome) =
        ncsn(&["diameter", text(&path), "--shard", "1/2", "-o", text(&shards.file(1)), "--dry-run"]);
    outcome.unwrap();
    assert!(report.contains("would write") && !shards.file(1).exists(), "{report}");
    fs::write(shards.file(1), "older").unwrap();
    shards.make(&path, 2, &[]);
    assert!(fs::read(shards.file(1)).unwrap()[8..].starts_with(b"{\"__metadata__"));
    assert_eq!(fs::read_dir(shards.file(1).parent().unwrap()).unwrap().count(), 2);
    // The program's own reader of safetensors takes a shard for what it is.
    let rows = json(&["diameter", text(&shards.file(1)), "--array", "rows", "--format", "json"]);
    assert_eq!(rows["dim"], 12);
}

/// Source: integer brute force over all pairs of each set, done once outside this project.
const KNOWN: [(&str, u64); 2] =
    [("mnist/train-images-idx3-ubyte.gz", 18_518_557), ("cifar10-jpeg/train.tar.gz", 183_826_808)];

#[test]
#[ignore = "needs ../shared/data, real images"]
fn shards_of_real_image_sets_give_the_known_integers() {
    for (name, expected) in KNOWN {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
        for of in [2, 4, 7] {
            let (merged, passes) = Folder::new().merged(&path, of, &[]);
            println!("{name} in {of}: {} rows kept, {passes} passes", merged["rows_kept"]);
            assert_eq!(merged["squared"], expected, "{name} in {of}");
        }
    }
}
