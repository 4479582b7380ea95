//! Real images, where they lie beside the repository.

mod support;

use std::io::Write;
use std::time::Instant;

use ncsn_data::{Options, Pixels, Rows};
use support::{bytes, open_plain, shared, write};

#[test]
#[ignore = "needs ../shared/data, real images"]
fn mnist_has_60_000_rows_of_784_bytes() {
    let path = shared("data/mnist/train-images-idx3-ubyte.gz");
    let data = open_plain(&path).unwrap();
    assert_eq!((data.rows.len(), &data.shape[..]), (60_000, &[1, 28, 28][..]));
    let mut raw = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()),
        &mut raw,
    )
    .unwrap();
    assert!(bytes(&data) == raw[16..]);
    let folder = tempfile::tempdir().unwrap();
    let in_place = open_plain(&write(folder.path(), "train", &raw)).unwrap();
    assert_eq!(in_place.digest().unwrap(), data.digest().unwrap());
}

/// Source: SHA-256 of the planes as Pillow 13.0 (libjpeg-turbo) decodes them, then "u8 50000x3x32x32\n".
const CIFAR_BY_PILLOW: &str = "bf78dd9995ce5ce8d13bf9021ef8af6997813c268008d70676adfdfbb7262347";

#[test]
#[ignore = "needs ../shared/data, real images"]
fn cifar_archive_decodes_as_by_pillow_whatever_the_threads() {
    let path = shared("data/cifar10-jpeg/train.tar.gz");
    let start = Instant::now();
    let data = open_plain(&path).unwrap();
    println!("50,000 JPEGs in {:.2} s", start.elapsed().as_secs_f64());
    assert_eq!((data.rows.len(), &data.shape[..], data.notes.len()), (50_000, &[3, 32, 32][..], 0));
    assert_eq!(data.digest().unwrap(), CIFAR_BY_PILLOW);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = one.install(|| open_plain(&path)).unwrap();
    assert_eq!(again.digest().unwrap(), data.digest().unwrap());
}

#[test]
#[ignore = "needs ../shared/data, real images"]
fn cifar_records_made_of_the_archive_have_its_digest() {
    let path = shared("data/cifar10-jpeg/test.tar.gz");
    let archive = open_plain(&path).unwrap();
    let Pixels::Bytes(rows) = &archive.rows else { panic!("images are bytes") };
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("test_batch.bin")).unwrap();
    for row in 0..rows.len() {
        let mut pixels = vec![0; rows.dim()];
        rows.read(row, &mut pixels).unwrap();
        file.write_all(&[&[(row % 10) as u8], &pixels[..]].concat()).unwrap();
    }
    let records = ncsn_data::open(folder.path(), &Options::default(), &|_, _| {}).unwrap();
    assert_eq!(records.digest().unwrap(), archive.digest().unwrap());
}
