//! Images: decoded as Pillow does, to planes of bytes.

mod decode;
mod exif;
mod jpeg;
mod resize;
mod tiff;

pub use decode::{decode, is_image};

pub(crate) use decode::{is_common, stored};
pub(crate) use resize::{Sample, fit};

use crate::escape::one_line;
use crate::values::{Used, ValueRange};

/// Largest decoded image, at eight bytes a pixel, so that a forged header cannot claim the memory of the machine.
const MAX_BYTES: u64 = 512 << 20;

/// Why an image cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no content: an empty file, or a null in a table.
    #[error("no bytes: empty, or a null in a table")]
    Empty,
    /// The content is no image of a known format, whatever the name says.
    #[error("not a PNG, JPEG, BMP, WebP, GIF, TIFF or PNM image")]
    Unknown,
    /// The decoded image would not fit the limit.
    #[error("{width}×{height} pixels need more than the {limit} bytes allowed for one image")]
    TooLarge {
        /// Width its header states.
        width: usize,
        /// Height its header states.
        height: usize,
        /// Bytes allowed.
        limit: u64,
    },
    /// The file is longer than any image.
    #[error("{bytes} bytes, more than the {limit} allowed for one image file")]
    TooLong {
        /// Bytes of the file.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The image holds numbers in their own units, which do not become bytes.
    #[error("numbers in their own units, no bytes")]
    Numbers,
    /// The image is truncated or damaged.
    #[error("truncated or corrupt image ({})", one_line(.0))]
    Corrupt(String),
}

/// A decoded image: planes of bytes, or of numbers in their own units, `[channels, height, width]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture<T = u8> {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// The planes, one after the other.
    pub pixels: Vec<T>,
    /// What decoding changed.
    pub changes: Changes,
}

impl<T> Picture<T> {
    /// The same image with other values.
    pub(crate) fn with<U>(self, pixels: Vec<U>) -> Picture<U> {
        let Self { channels, height, width, changes, .. } = self;
        Picture { channels, height, width, pixels, changes }
    }
}

/// A decoded image as it is stored, before values become bytes and before it is turned upright.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Channels, size and changes; its values are in `planes`.
    pub frame: Picture<()>,
    pub planes: Planes,
    /// EXIF's number, 1 for an upright image.
    pub orientation: u8,
}

/// The channels one after the other.
#[derive(Debug)]
pub(crate) enum Planes {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    /// Numbers in their own units.
    Floats(Vec<f32>),
}

impl From<Picture> for Stored {
    fn from(mut picture: Picture) -> Self {
        let planes = Planes::Bytes(std::mem::take(&mut picture.pixels));
        Self { frame: picture.with(Vec::new()), planes, orientation: 1 }
    }
}

impl Stored {
    pub(crate) fn new([channels, height, width]: [usize; 3], planes: Planes, changes: Changes) -> Self {
        let frame = Picture { channels, height, width, pixels: Vec::new(), changes };
        Self { frame, planes, orientation: 1 }
    }

    /// The same image, which EXIF says is to be turned.
    pub(crate) fn turned(mut self, orientation: u8) -> Self {
        self.orientation = orientation;
        self.frame.changes.turned = orientation != 1;
        self
    }

    /// The values there are, and all that there could be; nothing for numbers in their own units.
    pub(crate) fn used(&self) -> Option<(Used, ValueRange)> {
        match &self.planes {
            Planes::Bytes(bytes) => Some((Used::of(bytes)?, ValueRange::BYTES)),
            Planes::Words(words) => Some((Used::of(words)?, ValueRange::WORDS)),
            Planes::Floats(_) => None,
        }
    }
}

/// What decoding an image to 8-bit grey or RGB left out or converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// An alpha channel was dropped; the colours beneath it stay as stored.
    pub alpha: bool,
    /// 16-bit samples were reduced to the nearest of 256 values.
    pub sixteen_bit: bool,
    /// Ink colours (CMYK) were converted to RGB.
    pub cmyk: bool,
    /// EXIF says that the image is to be turned or mirrored.
    pub turned: bool,
    /// It was smaller than the size asked for.
    pub enlarged: bool,
}

pub(super) fn check_size(width: usize, height: usize) -> Result<(), Problem> {
    // Four channels of 16 bits are the widest pixel of these formats.
    match (width as u64).checked_mul(height as u64).and_then(|n| n.checked_mul(8)) {
        _ if width == 0 || height == 0 => Err(Problem::Corrupt(format!("{width}×{height} pixels"))),
        Some(bytes) if bytes <= MAX_BYTES => Ok(()),
        _ => Err(Problem::TooLarge { width, height, limit: MAX_BYTES }),
    }
}

/// The first `channels` of `stored` interleaved channels, plane after plane.
pub(super) fn planes<T: Copy + Default>(interleaved: Vec<T>, stored: usize, channels: usize) -> Vec<T> {
    match stored {
        1 => interleaved,
        2 => planes_of::<T, 2>(&interleaved, channels),
        3 => planes_of::<T, 3>(&interleaved, channels),
        _ => planes_of::<T, 4>(&interleaved, channels),
    }
}

/// A width known to the compiler keeps this a small part of decoding.
fn planes_of<T: Copy + Default, const STORED: usize>(interleaved: &[T], channels: usize) -> Vec<T> {
    let pixels = interleaved.as_chunks::<STORED>().0;
    let mut planes = vec![T::default(); pixels.len() * channels];
    for (channel, plane) in planes.chunks_exact_mut(pixels.len()).enumerate() {
        plane.iter_mut().zip(pixels).for_each(|(to, from)| *to = from[channel]);
    }
    planes
}
