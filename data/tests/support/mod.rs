//! What the tests of `ncsn_data` share.

#![allow(dead_code, reason = "each test uses the part it needs")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat};
use ncsn_data::{self as data, DataSet, Error, Kind, Options, Pixels, Rows};

/// Opens with no one to tell of progress.
pub fn open(path: &Path, options: &Options) -> Result<DataSet, Error> {
    data::open(path, options, &|_, _| {})
}

/// Opens with default options.
pub fn open_plain(path: &Path) -> Result<DataSet, Error> {
    open(path, &Options::default())
}

/// All rows of a data set of bytes.
pub fn bytes(data: &DataSet) -> Vec<u8> {
    let Pixels::Bytes(rows) = &data.rows else { panic!("not bytes") };
    let mut all = vec![0; rows.len() * rows.dim()];
    rows.read(0, &mut all).unwrap();
    all
}

/// All rows of a data set of floats.
pub fn floats(data: &DataSet) -> Vec<f64> {
    let Pixels::Floats(rows) = &data.rows else { panic!("not floats") };
    let mut all = vec![0.0; data.rows.len() * data.rows.dim()];
    rows.read(0, &mut all).unwrap();
    all
}

/// Names of all rows.
pub fn names(data: &DataSet) -> Vec<String> {
    (0..data.rows.len()).map(|row| data.names.get(row).unwrap()).collect()
}

/// The message of an error, which must be one line.
pub fn message(result: Result<DataSet, Error>) -> String {
    let message = result.map(|data| format!("no error, shape {:?}", data.shape)).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "{message:?}");
    message
}

/// The kind of an error.
pub fn kind(result: Result<DataSet, Error>) -> Kind {
    result.map(|data| format!("no error, shape {:?}", data.shape)).unwrap_err().kind()
}

/// An image of a pattern that depends on `seed`.
pub fn colour(width: u32, height: u32, seed: u32) -> DynamicImage {
    let pixel = |x, y| image::Rgb([(x * 37 + seed) as u8, (y * 91 + x * y) as u8, (seed * 53 + y) as u8]);
    image::RgbImage::from_fn(width, height, pixel).into()
}

/// The same in grey.
pub fn grey(width: u32, height: u32, seed: u32) -> DynamicImage {
    image::GrayImage::from_fn(width, height, |x, y| image::Luma([(x * 37 + y * 91 + seed) as u8])).into()
}

/// An image in a file format.
pub fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Planes `[channels, height, width]` of an 8-bit grey or RGB image.
pub fn planes(image: &DynamicImage) -> Vec<u8> {
    let channels = usize::from(image.color().channel_count());
    let pixels = image.as_bytes();
    (0..channels).flat_map(|c| pixels.iter().copied().skip(c).step_by(channels)).collect()
}

/// Writes a file, and the folders that lead to it.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A path beside the repository, for tests that are ignored where it is not.
pub fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name)
}
