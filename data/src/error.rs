//! What can go wrong between a path and its rows: a kind for programs, one line for people.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io;
use std::path::{Path, PathBuf};

use crate::escape::{one_line, path as shown};
use crate::split::Split;

/// What kind of fault keeps a data set from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The operating system refuses the path.
    Unreadable,
    /// A compressed file or an archive breaks off or contradicts its own checksums.
    Unpack,
    /// Decoded values have no room in the folder of temporary files.
    Room,
    /// The content is of no known format.
    Unknown,
    /// There is not a single row.
    Empty,
    /// There is no part of the kind asked for.
    NoSplit,
    /// One item cannot be decoded; with `skip_corrupt` it is left out instead.
    Item,
    /// Items differ in shape or type.
    Mixed,
    /// A number is not finite, lies outside the range given, or no double is the same.
    Value,
    /// An option is outside its domain, or is none for such data.
    Option,
    /// Several arrays of which none is named, or none of the name.
    Choose,
    /// The file contradicts itself or its format: damaged, cut short, or of another kind.
    Damaged,
}

/// A data set that cannot be read as asked.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    path: PathBuf,
    text: String,
    reason: Option<io::Error>,
}

impl Error {
    /// The kind of fault.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The file or folder, or the name of the item, that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the operating system or an unpacker said, if the fault is theirs.
    #[must_use]
    pub fn reason(&self) -> Option<&io::Error> {
        self.reason.as_ref()
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// How readers say what is wrong; each text has the place, the value and what is allowed.
impl Error {
    pub(crate) fn new(kind: Kind, path: impl Into<PathBuf>, text: String) -> Self {
        Self { kind, path: path.into(), text, reason: None }
    }

    /// A `map_err` adapter that attaches the path an operating system error is about.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |reason| {
            let text = format!("cannot read {}: {reason}", shown(path));
            Self { reason: Some(reason), ..Self::new(Kind::Unreadable, path, text) }
        }
    }

    /// A `map_err` adapter that attaches the path of a compressed file or archive.
    pub(crate) fn unpacking(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |reason| {
            let text = format!("cannot unpack {}: {}", shown(path), one_line(&reason.to_string()));
            Self { reason: Some(reason), ..Self::new(Kind::Unpack, path, text) }
        }
    }

    /// Wraps a failure of the temporary file.
    pub(crate) fn spooling(reason: io::Error) -> Self {
        let folder = std::env::temp_dir();
        let text = format!(
            "cannot keep decoded values in a temporary file in {}: {reason}; TMPDIR names another folder",
            shown(&folder)
        );
        Self { reason: Some(reason), ..Self::new(Kind::Room, folder, text) }
    }

    /// Decoded values would not have room in the folder of temporary files.
    pub(crate) fn room(folder: PathBuf, needed: u64, free: u64) -> Self {
        let text = format!(
            "decoded values take {} in {}, which has {} free; TMPDIR names another folder",
            size(needed),
            shown(&folder),
            size(free)
        );
        Self::new(Kind::Room, folder, text)
    }

    /// Content of no known format, and what it looks like instead.
    pub(crate) fn unknown(path: &Path, looks: &str) -> Self {
        Self::new(Kind::Unknown, path, format!("{} {looks}", shown(path)))
    }

    /// A source without a single row.
    ///
    /// # Arguments
    /// * `unread` — images of formats that are not read, by suffix
    /// * `others` — files passed over because neither name nor content is an image's
    /// * `skipped` — corrupt images left out on request
    /// * `suffixes` — of the files passed over, with their numbers
    pub(crate) fn empty(
        path: &Path,
        unread: &BTreeMap<&'static str, u64>,
        others: u64,
        skipped: u64,
        suffixes: &BTreeMap<String, u64>,
    ) -> Self {
        let rest = format!("{others} other files, {skipped} corrupt images skipped");
        let held = match &not_read(unread)[..] {
            "" if suffixes.is_empty() => format!(" ({rest})"),
            "" => format!(" ({rest}), its files end in {}", counted(suffixes)),
            unread => format!(" that are read ({unread}, {rest}): read are {IMAGES}"),
        };
        Self::new(Kind::Empty, path, format!("{} holds no images and no rows{held}", shown(path)))
    }

    /// An array without a single row.
    pub(crate) fn no_rows(path: &Path) -> Self {
        Self::empty(path, &BTreeMap::new(), 0, 0, &BTreeMap::new())
    }

    /// The part asked for is not there.
    pub(crate) fn no_split(path: &Path, split: Split) -> Self {
        Self::new(Kind::NoSplit, path, format!("no {split} split in {}", shown(path)))
    }

    /// An item that cannot be decoded.
    pub(crate) fn item(name: &str, problem: impl Display) -> Self {
        Self::new(Kind::Item, name, format!("{}: {problem}", one_line(name)))
    }

    /// The same fault of an archive in which a suffix was looked for.
    pub(crate) fn of_suffix(self, suffix: &str) -> Self {
        match self.kind {
            Kind::Empty => Self {
                text: format!(
                    "no file's name goes on with .{} after its first dot: {}",
                    one_line(suffix),
                    self.text
                ),
                ..self
            },
            _ => self,
        }
    }

    /// The same fault, of one item.
    pub(crate) fn into_item(self) -> Self {
        Self { kind: Kind::Item, ..self }
    }

    /// Images of different sizes and no size to bring them to; sizes as width and height.
    pub(crate) fn mixed_sizes(first: (&str, [usize; 2]), second: (&str, [usize; 2])) -> Self {
        let of =
            |(name, [width, height]): (&str, [usize; 2])| format!("{} is {width}×{height}", one_line(name));
        let text = format!("{} but {} (width×height): give a size to resize them to", of(first), of(second));
        Self::new(Kind::Mixed, second.0, text)
    }

    /// Items of different shapes or types that nothing brings together.
    pub(crate) fn mixed(first: (&str, &str), second: (&str, &str)) -> Self {
        let text = format!(
            "{} is {} but {} is {}: one shape and one type for all",
            one_line(first.0),
            first.1,
            one_line(second.0),
            second.1
        );
        Self::new(Kind::Mixed, second.0, text)
    }

    /// A value outside the range that becomes 0 to 255.
    pub(crate) fn outside(place: &str, value: u16, [lo, hi]: [u16; 2]) -> Self {
        let text = format!("{} holds the value {value}, outside the value range {lo},{hi}", one_line(place));
        Self::new(Kind::Value, place, text)
    }

    /// A NaN or an infinity; rows and columns count from 0.
    pub(crate) fn not_finite(path: &Path, row: u64, column: u64, value: f64) -> Self {
        let text = format!("row {row} of {}, entry {column}, is {value}, not a finite number", shown(path));
        Self::new(Kind::Value, path, text)
    }

    /// An integer that is not exactly a double.
    pub(crate) fn no_double(path: &Path, row: u64, column: u64, value: &str) -> Self {
        let text =
            format!("row {row} of {}, entry {column}, is {value}, an integer that no double is", shown(path));
        Self::new(Kind::Value, path, text)
    }

    /// An option outside its domain.
    pub(crate) fn option(name: &str, value: impl Display, allowed: &str) -> Self {
        Self::new(Kind::Option, "", format!("{name} is {value}, allowed: {allowed}"))
    }

    /// A range of values for numbers that are no bytes.
    pub(crate) fn not_bytes(path: &Path) -> Self {
        let text = format!(
            "a value range applies to bytes and images; {} holds floating-point numbers",
            shown(path)
        );
        Self::new(Kind::Option, path, text)
    }

    /// A size or a crop for rows that are not images.
    pub(crate) fn not_images(path: &Path, shape: &[usize]) -> Self {
        let text =
            format!("size and crop apply to images; rows of {} have shape {}", shown(path), product(shape));
        Self::new(Kind::Option, path, text)
    }

    /// A crop that reaches beyond the image.
    pub(crate) fn crop_too_large(name: &str, [width, height]: [usize; 2], crop: u32) -> Self {
        let text = format!("{} is {width}×{height}, smaller than the crop of {crop}×{crop}", one_line(name));
        Self::new(Kind::Option, name, text)
    }

    /// A square that is smaller than the image to be put in it.
    pub(crate) fn pad_too_small(name: &str, [width, height]: [usize; 2], side: usize) -> Self {
        let text = format!(
            "{} is {width}×{height}, larger than the square of {side}×{side} to put it in",
            one_line(name)
        );
        Self::new(Kind::Option, name, text)
    }

    /// Several arrays (or what stands for them in other formats) and no name to choose by.
    pub(crate) fn choose_array(path: &Path, arrays: &[String]) -> Self {
        let text = format!(
            "{} holds {} arrays ({}): name one by --array",
            shown(path),
            arrays.len(),
            listed(arrays)
        );
        Self::new(Kind::Choose, path, text)
    }

    /// A name that none of the arrays has; there are none where the format has no such names.
    pub(crate) fn no_array(path: &Path, name: &str, arrays: &[String]) -> Self {
        let held =
            if arrays.is_empty() { "has none by name".into() } else { format!("holds: {}", listed(arrays)) };
        Self::new(Kind::Choose, path, format!("{} holds no array {}, it {held}", shown(path), one_line(name)))
    }

    /// A table without a column that could be rows.
    pub(crate) fn no_column(path: &Path, columns: &[String]) -> Self {
        let text = format!(
            "{} has no column of images (bytes, or a structure with bytes) or numbers, its columns: {}",
            shown(path),
            listed(columns)
        );
        Self::new(Kind::Choose, path, text)
    }

    /// A header field outside its domain.
    pub(crate) fn header(path: &Path, field: &str, found: impl Display, allowed: &str) -> Self {
        let found = found.to_string();
        Self::damaged(path, format!("{}: {field} is {}, allowed: {allowed}", shown(path), one_line(&found)))
    }

    /// A field within a file, at a byte, that contradicts the rest of it.
    pub(crate) fn field(
        path: &Path,
        at: u64,
        field: &str,
        found: impl Display,
        allowed: impl Display,
    ) -> Self {
        let (found, allowed) = (found.to_string(), allowed.to_string());
        let (found, allowed) = (one_line(&found), one_line(&allowed));
        Self::damaged(path, format!("{}, byte {at}: {field} is {found}, allowed: {allowed}", shown(path)))
    }

    /// A file that ends before what it refers to.
    pub(crate) fn short(path: &Path, expected: u64, found: u64) -> Self {
        let text = format!(
            "{} holds {found} bytes, its content needs {expected}: it has been cut short",
            shown(path)
        );
        Self::damaged(path, text)
    }

    /// A shape with a zero, or with more bytes than can be addressed.
    pub(crate) fn shape(path: &Path, shape: &[u64], limit: u64) -> Self {
        Self::damaged(
            path,
            format!("{}: shape {} has no rows of 1 to {limit} bytes", shown(path), product(shape)),
        )
    }

    /// A file whose length is not what its header or its format implies.
    pub(crate) fn length(path: &Path, expected: u64, found: u64) -> Self {
        Self::damaged(
            path,
            format!("{} holds {found} bytes of values, its shape needs {expected}", shown(path)),
        )
    }

    /// A compressed file that goes on after the values its header announces.
    pub(crate) fn trailing(path: &Path, expected: u64) -> Self {
        let text =
            format!("{} goes on after the {expected} bytes of values that its shape needs", shown(path));
        Self::damaged(path, text)
    }

    /// A file that is not a whole number of records of some bytes.
    pub(crate) fn records(path: &Path, found: u64, record: u64, of: &str) -> Self {
        let text =
            format!("{} holds {found} bytes, not a multiple of {record}, the bytes of a {of}", shown(path));
        Self::damaged(path, text)
    }

    /// A compressed file that promises more than its compression can hold.
    pub(crate) fn ratio(path: &Path, expected: u64, stored: u64, limit: u64) -> Self {
        let text = format!(
            "{} promises {expected} bytes from {stored} compressed ones, more than the {limit}-fold its compression \
             reaches",
            shown(path)
        );
        Self::damaged(path, text)
    }

    /// A fault that the file's reader has in words already.
    pub(crate) fn damaged(path: &Path, text: String) -> Self {
        Self::new(Kind::Damaged, path, text)
    }
}

/// The kinds of images that are read, in messages.
pub(crate) const IMAGES: &str = "PNG, JPEG, BMP and WebP, else GIF, TIFF and PNM";

/// `3 .gif not read, 1 .tif not read`.
pub(crate) fn not_read(unread: &BTreeMap<&'static str, u64>) -> String {
    let counts: Vec<_> = unread.iter().map(|(suffix, count)| format!("{count} .{suffix} not read")).collect();
    counts.join(", ")
}

/// `.wav (5), .txt (1)`, the most frequent first, eight at most.
fn counted(suffixes: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = suffixes.iter().collect();
    counts.sort_by_key(|&(suffix, count)| (std::cmp::Reverse(count), suffix));
    let shown: Vec<_> = counts.iter().take(8).map(|(suffix, count)| format!(".{suffix} ({count})")).collect();
    shown.join(", ")
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
    let mut text = names.iter().take(8).map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_line_break_stays_on_one_line() {
        let error = Error::unknown(Path::new("a\nb\u{85}c"), "is nothing");
        assert_eq!(error.to_string(), "a\\nb\\u0085c is nothing");
        assert_eq!((error.kind(), error.path()), (Kind::Unknown, Path::new("a\nb\u{85}c")));
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
