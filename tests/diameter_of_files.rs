//! From files to σ₁: known answers on real images where they are at hand, and on drawn ones everywhere.

use std::path::{Path, PathBuf};

use ncsn::measure::{Subsample, measure};
use ncsn_data::Options;
use ncsn_theory::schedule::DataRange;

fn squared(path: &Path) -> u64 {
    measure(path, &Options::default(), None, DataRange::Unit).unwrap().squared.unwrap()
}

/// Source: integer brute force over all pairs of each set, done once outside this project.
const KNOWN: [(&str, u64); 2] =
    [("mnist/train-images-idx3-ubyte.gz", 18_518_557), ("cifar10-jpeg/train.tar.gz", 183_826_808)];

#[test]
#[ignore = "needs ../shared/data, real images"]
fn diameters_of_real_image_sets_are_the_known_integers() {
    for (path, expected) in KNOWN {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
        assert_eq!(squared(&path), expected, "{}", path.display());
    }
}

/// Images of two smooth waves whose brightness and phase vary, as flat rows of 12×12 RGB.
fn drawn(count: usize) -> Vec<Vec<u8>> {
    let wave = |image: usize, at: usize| {
        let (x, y, channel) = ((at / 3 % 12) as f64, (at / 36) as f64, (at % 3) as f64);
        let (phase, level) = ((image * 7 % 31) as f64 / 5.0, (image * 13 % 97) as f64 / 97.0);
        255.0 * (level * 0.7 + 0.15 * (1.0 + (x / 3.0 + phase).sin() * (y / 4.0 + channel - phase).cos()))
    };
    (0..count).map(|image| (0..12 * 12 * 3).map(|at| wave(image, at) as u8).collect()).collect()
}

fn largest_squared_distance(rows: &[Vec<u8>]) -> u64 {
    let distance =
        |a: &[u8], b: &[u8]| -> u64 { a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum() };
    rows.iter().flat_map(|a| rows.iter().map(move |b| distance(a, b))).max().unwrap()
}

#[test]
fn diameter_of_a_folder_of_png_files_is_that_of_their_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let rows = drawn(300);
    for (k, row) in rows.iter().enumerate() {
        let image = image::RgbImage::from_raw(12, 12, row.clone()).unwrap();
        image.save(folder.path().join(format!("{k:03}.png"))).unwrap();
    }
    let found = measure(folder.path(), &Options::default(), None, DataRange::Signed).unwrap();
    let exact = largest_squared_distance(&rows);
    assert_eq!(found.squared, Some(exact));
    assert!(found.diameter.contains(2.0 * (exact as f64).sqrt() / 255.0));
    // The witnesses are named by the files they came from.
    let [i, j] = found.witness;
    assert_eq!(largest_squared_distance(&[rows[i].clone(), rows[j].clone()]), exact);
    assert!(found.name(i).ends_with(&format!("{i:03}.png")));
}

#[test]
fn a_subsample_is_a_lower_bound_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    let rows = drawn(200);
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (200, 432), }";
    file.extend(format!("{header:<117}\n").bytes());
    file.extend(rows.iter().flatten());
    std::fs::write(&path, file).unwrap();
    let subsample = Some(Subsample { count: 50, seed: 1 });
    let some = measure(&path, &Options::default(), subsample, DataRange::Unit).unwrap();
    assert!(!some.exact && some.squared.unwrap() <= squared(&path));
    assert!(some.diameter_text().contains("50 of 200") && some.diameter_text().contains("lower bound"));
}

/// A file of doubles `[rows, dim]`.
fn npy(folder: &Path, rows: &[&[f64]]) -> PathBuf {
    let shape = format!("({}, {})", rows.len(), rows[0].len());
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file =
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    file.extend(rows.concat().iter().flat_map(|x| x.to_le_bytes()));
    let path = folder.join("x.npy");
    std::fs::write(&path, file).unwrap();
    path
}

/// The square of 1e-170 is no double: rows so near are told from equal ones by their values alone.
#[test]
fn equal_floats_are_at_distance_exactly_0_and_nearly_equal_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (row, near) = ([0.1, -3e5, 7e-9], [0.1, -3e5, 7e-9]);
    let (zero, tiny) = ([0.0, 1.0, 2.0], [1e-170, 1.0, 2.0]);
    let measured = |rows: &[&[f64]]| {
        let path = npy(folder.path(), rows);
        let found = measure(&path, &Options::default(), None, DataRange::Unit).unwrap().diameter;
        [found.lo(), found.hi()]
    };
    assert_eq!(measured(&[&row, &near, &row]), [0.0, 0.0]);
    let [lo, hi] = measured(&[&zero, &tiny]);
    assert!(lo <= 1e-170 && 1e-170 <= hi, "[{lo:e}, {hi:e}]");
}
