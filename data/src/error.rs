//! What can go wrong between a path and its rows, each with the file, the value and the limit.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::escape::{one_line, path as shown};

/// A data set that cannot be read as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refuses the path.
    #[error("cannot read {}: {reason}", shown(path))]
    Unreadable {
        /// The path refused.
        path: PathBuf,
        /// Its reason.
        reason: io::Error,
    },
    /// A compressed file or an archive that breaks off or contradicts its own checksums.
    #[error("cannot unpack {}: {}", shown(path), one_line(&reason.to_string()))]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What the unpacker met.
        reason: io::Error,
    },
    /// The temporary file of decoded values cannot be written, most often for want of space.
    #[error(
        "cannot keep decoded values in a temporary file in {}: {reason}; TMPDIR names another folder",
        shown(folder)
    )]
    Spool {
        /// Folder of temporary files.
        folder: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The decoded values would not have room in the folder of temporary files.
    #[error(
        "decoded values take {} in {}, which has {} free; TMPDIR names another folder",
        size(*needed),
        shown(folder),
        size(*free)
    )]
    Room {
        /// Folder of temporary files.
        folder: PathBuf,
        /// Bytes of all values.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file whose first bytes belong to no known format.
    #[error(
        "{} is none of: folder, .tar, .tar.gz or .zip of PNG, JPEG, BMP or WebP images; IDX; CIFAR binary; .npy; .npz; LMDB; .parquet",
        shown(path)
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// One image where a data set is expected.
    #[error("{} is a single image: name the folder or archive that holds the data set", shown(path))]
    SingleImage {
        /// The file.
        path: PathBuf,
    },
    /// A folder, archive or array without a single row.
    #[error("{} holds no images and no rows{}", shown(path), left_out(unread, *others, *skipped))]
    Empty {
        /// The folder or file.
        path: PathBuf,
        /// Images of formats that are not read, by suffix.
        unread: BTreeMap<&'static str, u64>,
        /// Files passed over because neither name nor content is an image's.
        others: u64,
        /// Corrupt images skipped on request.
        skipped: u64,
    },
    /// A source without the part asked for.
    #[error("no {split} split in {}", shown(path))]
    NoSplit {
        /// The folder or file.
        path: PathBuf,
        /// The part.
        split: super::Split,
    },
    /// Images of different sizes and no size to bring them to.
    #[error(
        "{} is {}×{} but {} is {}×{} (width×height): give a size to resize them to",
        one_line(first), first_size.0, first_size.1, one_line(second), second_size.0, second_size.1
    )]
    MixedSizes {
        /// Name of the first image.
        first: String,
        /// Its width and height.
        first_size: (usize, usize),
        /// Name of the first image that differs from it.
        second: String,
        /// Its width and height.
        second_size: (usize, usize),
    },
    /// An image that cannot be decoded.
    #[error("{}: {problem}", one_line(file))]
    Image {
        /// Name of the image.
        file: String,
        /// What is wrong with it.
        problem: super::picture::Problem,
    },
    /// A value outside the range that becomes 0 to 255.
    #[error("{} holds the value {value}, outside the value range {},{}", one_line(place), range[0], range[1])]
    Value {
        /// Name of the image, or the row.
        place: String,
        /// The value.
        value: u16,
        /// The range asked for.
        range: [u16; 2],
    },
    /// A range of values for numbers that are no bytes.
    #[error("a value range applies to bytes and images; {} holds floating-point numbers", shown(path))]
    NotBytes {
        /// The file.
        path: PathBuf,
    },
    /// A crop that reaches beyond the image.
    #[error("{} is {width}×{height}, smaller than the crop of {crop}×{crop}", one_line(file))]
    CropTooLarge {
        /// Name of the image.
        file: String,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
        /// Side of the crop asked for.
        crop: u32,
    },
    /// An option outside its domain.
    #[error("{name} is {value}, allowed: {allowed}")]
    Choice {
        /// Name of the option.
        name: &'static str,
        /// The value given.
        value: u64,
        /// The allowed set.
        allowed: &'static str,
    },
    /// A size or a crop for rows that are not images.
    #[error("size and crop apply to images; rows of {} have shape {}", shown(path), product(shape))]
    NotImages {
        /// The file.
        path: PathBuf,
        /// Shape of one row.
        shape: Vec<usize>,
    },
    /// A header field outside its domain.
    #[error("{}: {field} is {}, allowed: {allowed}", shown(path), one_line(found))]
    Header {
        /// The file.
        path: PathBuf,
        /// Name of the field.
        field: &'static str,
        /// The value found.
        found: String,
        /// The allowed set.
        allowed: &'static str,
    },
    /// A field within a file that contradicts the rest of it: the file is damaged or of another kind.
    #[error("{}, byte {at}: {field} is {}, allowed: {}", shown(path), one_line(found), one_line(allowed))]
    Field {
        /// The file.
        path: PathBuf,
        /// Where the field, or what it belongs to, lies.
        at: u64,
        /// What it is.
        field: &'static str,
        /// The value found.
        found: String,
        /// The values allowed.
        allowed: String,
    },
    /// A file that ends before what it refers to.
    #[error("{} holds {found} bytes, its content needs {expected}: it has been cut short", shown(path))]
    Short {
        /// The file.
        path: PathBuf,
        /// Bytes needed, at least.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// A shape with a zero, or with more bytes than can be addressed.
    #[error("{}: shape {} has no rows of 1 to {limit} bytes", shown(path), product(shape))]
    Shape {
        /// The file.
        path: PathBuf,
        /// The shape its header states.
        shape: Vec<u64>,
        /// Largest number of bytes of a row.
        limit: u64,
    },
    /// A file whose length is not what its header or its format implies.
    #[error("{} holds {found} bytes of values, its shape needs {expected}", shown(path))]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes promised.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// A compressed file that goes on after the values its header announces.
    #[error("{} goes on after the {expected} bytes of values that its shape needs", shown(path))]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Bytes promised.
        expected: u64,
    },
    /// A binary CIFAR file that is not a whole number of records.
    #[error("{} holds {found} bytes, not a multiple of {record}, the bytes of a CIFAR record", shown(path))]
    Records {
        /// The file.
        path: PathBuf,
        /// Bytes there.
        found: u64,
        /// Bytes of one record.
        record: u64,
    },
    /// A compressed file that promises more than its compression can hold.
    #[error(
        "{} promises {expected} bytes from {stored} compressed ones, more than the {limit}-fold its compression reaches",
        shown(path)
    )]
    Ratio {
        /// The file.
        path: PathBuf,
        /// Bytes promised.
        expected: u64,
        /// Bytes stored.
        stored: u64,
        /// Largest ratio of the two.
        limit: u64,
    },
    /// A NaN or an infinity.
    #[error("row {row} of {}, entry {column}, is {value}, not a finite number", shown(path))]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Row, from 0.
        row: u64,
        /// Position in the row, from 0.
        column: u64,
        /// The value found.
        value: f64,
    },
    /// An integer that is not exactly a double.
    #[error("row {row} of {}, entry {column}, is {value}, an integer that no double is", shown(path))]
    NoDouble {
        /// The file.
        path: PathBuf,
        /// Row, from 0.
        row: u64,
        /// Position in the row, from 0.
        column: u64,
        /// The integer.
        value: String,
    },
    /// Several arrays (or what stands for them in other formats) and no name to choose by.
    #[error("{} holds {} arrays ({}): name one by --array", shown(path), arrays.len(), listed(arrays))]
    ChooseArray {
        /// The archive.
        path: PathBuf,
        /// Names of its arrays.
        arrays: Vec<String>,
    },
    /// A table without a column of images.
    #[error(
        "{} has no column of images (bytes, or a structure with bytes), its columns: {}",
        shown(path),
        listed(columns)
    )]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// Names of its columns.
        columns: Vec<String>,
    },
    /// A name that none of the arrays has.
    #[error("{} holds no array {}, it {}", shown(path), one_line(name), held(arrays))]
    NoArray {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// Names of its arrays; none where the format has no such names.
        arrays: Vec<String>,
    },
}

impl Error {
    /// A `map_err` adapter that attaches the path an operating system error is about.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |reason| Self::Unreadable { path: path.into(), reason }
    }

    /// A `map_err` adapter that attaches the path of a compressed file or archive.
    pub(crate) fn unpacking(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |reason| Self::Unpack { path: path.into(), reason }
    }

    /// A value outside the range asked for.
    pub(crate) fn outside(place: &str, value: u16, request: &super::Request) -> Self {
        let range = request.options.value_range.map_or([0, u16::MAX], super::ValueRange::ends);
        Self::Value { place: place.into(), value, range }
    }

    /// A source without a single row.
    pub(crate) fn empty(path: &Path) -> Self {
        Self::Empty { path: path.into(), unread: BTreeMap::new(), others: 0, skipped: 0 }
    }

    /// The part asked for is not there.
    pub(crate) fn no_split(request: &super::Request) -> Self {
        Self::NoSplit { path: request.path.into(), split: request.options.split }
    }

    /// Wraps a failure of the temporary file.
    pub(crate) fn spooling(reason: io::Error) -> Self {
        Self::Spool { folder: std::env::temp_dir(), reason }
    }
}

/// Bytes with a unit, in one decimal.
fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (unit, name) = match bytes {
        _ if bytes >= 1e12 => (1e12, "TB"),
        _ if bytes >= 1e9 => (1e9, "GB"),
        _ => (1e6, "MB"),
    };
    format!("{:.1} {name}", bytes / unit)
}

fn product<T: ToString>(shape: &[T]) -> String {
    shape.iter().map(T::to_string).collect::<Vec<_>>().join("×")
}

/// At most eight names, so that the line stays readable.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(8).map(|n| one_line(n)).collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(", …");
    }
    text
}

fn left_out(unread: &BTreeMap<&'static str, u64>, others: u64, skipped: u64) -> String {
    let rest = format!("{others} other files, {skipped} corrupt images skipped");
    match &super::leftovers::listed(unread)[..] {
        "" => format!(" ({rest})"),
        unread => format!(" that are read ({unread}, {rest}): read are PNG, JPEG, BMP and WebP"),
    }
}

fn held(arrays: &[String]) -> String {
    if arrays.is_empty() { "has none by name".into() } else { format!("holds: {}", listed(arrays)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_line_break_stays_on_one_line() {
        let error = Error::UnknownFormat { path: "a\nb\u{85}c".into() };
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(error.to_string().starts_with("a\\nb\\u0085c is none of"));
    }

    #[test]
    fn a_full_disk_names_the_way_out() {
        let message = Error::spooling(io::ErrorKind::StorageFull.into()).to_string();
        let folder = std::env::temp_dir();
        let expected = "no storage space; TMPDIR names another folder";
        assert_eq!(
            message,
            format!("cannot keep decoded values in a temporary file in {}: {expected}", folder.display())
        );
    }
}
