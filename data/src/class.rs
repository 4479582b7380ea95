//! What kind of item a file of a folder or an archive is, and which kind is read of a source that holds several.

use crate::error::{Error, Kind};
use crate::files::has_suffix;
use crate::formats::{npy, pickles};
use crate::picture;
use crate::set::DataSet;

/// A kind of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Images as data sets of them are made.
    Images,
    /// Images that as often lie beside a data set: animations, scans.
    MoreImages,
    /// One array for each item.
    Arrays,
}

/// Suffixes of [`Class::Images`].
const IMAGES: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "webp", "jfif"];
/// Suffixes of [`Class::MoreImages`].
const MORE_IMAGES: [&str; 8] = ["gif", "tif", "tiff", "pgm", "ppm", "pbm", "pnm", "pam"];
/// Suffixes of [`Class::Arrays`].
const ARRAYS: [&str; 6] = ["npy", "npz", "pt", "pth", "pkl", "pickle"];

impl Class {
    /// What a name promises.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let of = |class, suffixes: &[&str]| has_suffix(name, suffixes).then_some(class);
        of(Self::Images, &IMAGES).or(of(Self::MoreImages, &MORE_IMAGES)).or(of(Self::Arrays, &ARRAYS))
    }

    /// What a name promises, or else the first bytes.
    pub(crate) fn of(name: &str, head: &[u8]) -> Option<Self> {
        Self::of_name(name).or_else(|| Self::of_content(head))
    }

    /// What the first bytes say.
    pub(crate) fn of_content(head: &[u8]) -> Option<Self> {
        if picture::is_image(head) {
            Some(if picture::is_common(head) { Self::Images } else { Self::MoreImages })
        } else {
            (npy::is_header(head) || pickles::is_header(head)).then_some(Self::Arrays)
        }
    }
}

/// Reads the first kind of item that a source holds.
///
/// # Errors
/// Those of `read`; where it finds nothing of any kind, that of the first.
pub(crate) fn first_there(read: impl Fn(Class) -> Result<DataSet, Error>) -> Result<DataSet, Error> {
    let images = read(Class::Images);
    [Class::MoreImages, Class::Arrays].into_iter().fold(images, |found, class| match found {
        Err(error) if error.kind() == Kind::Empty => match read(class) {
            Err(other) if other.kind() == Kind::Empty => Err(error),
            other => other,
        },
        found => found,
    })
}
