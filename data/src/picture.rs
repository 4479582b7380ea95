//! One encoded image to planes of bytes.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::values::{Used, ValueRange};
use crate::escape::one_line;
use crate::guard::guarded;

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
    #[error("not a PNG, JPEG, BMP or WebP image")]
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
    /// The image is truncated or damaged.
    #[error("truncated or corrupt image ({})", one_line(.0))]
    Corrupt(String),
}

/// A decoded image: planes of bytes, `[channels, height, width]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// The planes, one after the other.
    pub pixels: Vec<u8>,
    /// What decoding changed.
    pub changes: Changes,
}

/// A decoded image as it is stored: planes of 8 or 16 bits, before values become bytes and before it is turned upright.
#[derive(Debug)]
pub(crate) struct Stored {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub planes: Planes,
    /// EXIF's number, 1 for an upright image.
    pub orientation: u8,
    pub changes: Changes,
}

/// The channels one after the other.
#[derive(Debug)]
pub(crate) enum Planes {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl From<Picture> for Stored {
    fn from(picture: Picture) -> Self {
        let Picture { channels, height, width, pixels, changes } = picture;
        Self { channels, height, width, planes: Planes::Bytes(pixels), orientation: 1, changes }
    }
}

impl Stored {
    /// The values there are, and all that there could be.
    pub(crate) fn used(&self) -> (Option<Used>, ValueRange) {
        match &self.planes {
            Planes::Bytes(bytes) => (Used::of(bytes), ValueRange::BYTES),
            Planes::Words(words) => (Used::of(words), ValueRange::WORDS),
        }
    }

    /// The image with a range of values as 0 to 255, all of it where none is given.
    ///
    /// # Errors
    /// A value outside the range.
    pub(crate) fn picture(self, range: Option<ValueRange>) -> Result<Picture, u16> {
        let range = range.unwrap_or(self.used().1);
        let pixels = match self.planes {
            Planes::Bytes(bytes) if range == ValueRange::BYTES => bytes,
            Planes::Bytes(bytes) => range.bytes(bytes.into_iter().map(u16::from))?,
            Planes::Words(words) => range.bytes(words.into_iter())?,
        };
        let Self { channels, height, width, changes, .. } = self;
        Ok(Picture { channels, height, width, pixels, changes })
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

/// Whether the bytes begin like an image of a known format.
pub fn is_image(head: &[u8]) -> bool {
    format(head).is_some()
}

/// Decodes an image; the format is known by the content.
///
/// A palette becomes RGB, or grey if all colours of a BMP's are; alpha is dropped; orientation tags and colour profiles
/// are not applied.
///
/// # Errors
/// * [`Problem::Empty`]; [`Problem::Unknown`] — no known format
/// * [`Problem::TooLarge`] — more than 67 million pixels (512 MiB at the widest, eight bytes each)
/// * [`Problem::Corrupt`] — truncated or damaged, be it in a part that other programs fill with grey
pub fn decode(bytes: &[u8]) -> Result<Picture, Problem> {
    // Only a range given leaves values outside.
    stored(bytes)?.picture(None).map_err(|value| Problem::Corrupt(value.to_string()))
}

/// Decodes an image and keeps its values as they are.
///
/// # Errors
/// As [`decode`].
pub(crate) fn stored(bytes: &[u8]) -> Result<Stored, Problem> {
    if bytes.is_empty() {
        return Err(Problem::Empty);
    }
    match format(bytes).ok_or(Problem::Unknown)? {
        ImageFormat::Jpeg => super::jpeg::decode(bytes),
        format => {
            guarded(|| decode_other(bytes, format)).unwrap_or_else(|panic| Err(Problem::Corrupt(panic)))
        }
    }
}

fn format(head: &[u8]) -> Option<ImageFormat> {
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if head.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(ImageFormat::Jpeg)
    } else if head.starts_with(b"BM") {
        Some(ImageFormat::Bmp)
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Some(ImageFormat::WebP)
    } else {
        None
    }
}

fn decode_other(bytes: &[u8], format: ImageFormat) -> Result<Stored, Problem> {
    let corrupt = |e: image::ImageError| Problem::Corrupt(e.to_string());
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(corrupt)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    decoder.set_limits(limits).map_err(corrupt)?;
    let orientation = decoder.orientation().map_or(1, Orientation::to_exif);
    let decoded = DynamicImage::from_decoder(decoder).map_err(corrupt)?;
    let (stored, alpha, sixteen_bit) = match &decoded {
        DynamicImage::ImageLuma8(_) => (1, false, false),
        DynamicImage::ImageLumaA8(_) => (2, true, false),
        DynamicImage::ImageRgb8(_) => (3, false, false),
        DynamicImage::ImageRgba8(_) => (4, true, false),
        DynamicImage::ImageLuma16(_) => (1, false, true),
        DynamicImage::ImageLumaA16(_) => (2, true, true),
        DynamicImage::ImageRgb16(_) => (3, false, true),
        DynamicImage::ImageRgba16(_) => (4, true, true),
        _ => return Err(Problem::Corrupt(format!("samples of type {:?}", decoded.color()))),
    };
    let grey = stored < 3 || format == ImageFormat::Bmp && bmp_palette_is_grey(bytes);
    let channels = if grey { 1 } else { 3 };
    let planes = if sixteen_bit {
        let words = decoded.as_bytes().as_chunks::<2>().0.iter().map(|&pair| u16::from_ne_bytes(pair));
        Planes::Words(planes(words.collect(), stored, channels))
    } else {
        Planes::Bytes(planes(decoded.into_bytes(), stored, channels))
    };
    let changes = Changes { alpha, sixteen_bit, turned: orientation != 1, ..Changes::default() };
    Ok(Stored { channels, height, width, planes, orientation, changes })
}

/// Whether a BMP has a palette, and only greys in it: grey BMPs are stored so.
fn bmp_palette_is_grey(bytes: &[u8]) -> bool {
    let number = |at: usize, length: usize| -> usize {
        let field = bytes.get(at..at + length).unwrap_or_default();
        field.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte))
    };
    let (pixels, header) = (number(10, 4), number(14, 4));
    // The oldest header is shorter, its colours have three bytes and their number is not stored.
    let old = header == 12;
    let (bits, stored, colour) = if old { (number(24, 2), 0, 3) } else { (number(28, 2), number(46, 4), 4) };
    if !(1..=8).contains(&bits) {
        return false;
    }
    let count = if stored == 0 { 1 << bits } else { stored.min(1 << bits) };
    let palette = bytes.get(14 + header..pixels.min(14 + header + count * colour)).unwrap_or_default();
    palette.len() >= colour && palette.chunks_exact(colour).all(|c| c[0] == c[1] && c[1] == c[2])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn alpha_is_dropped_and_colours_stay() {
        let image = image::RgbaImage::from_fn(3, 2, |x, y| image::Rgba([x as u8, y as u8, 7, 40 * x as u8]));
        let picture = decode(&encoded(&image.into(), ImageFormat::Png)).unwrap();
        assert_eq!(picture.pixels, [0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 1, 7, 7, 7, 7, 7, 7]);
        assert!(picture.changes.alpha && !picture.changes.sixteen_bit);
    }

    #[test]
    fn every_proper_prefix_of_a_jpeg_is_refused() {
        let image = image::RgbImage::from_fn(40, 24, |x, y| {
            image::Rgb([(x * 6) as u8, (y * 9) as u8, (x ^ y) as u8])
        });
        let bytes = encoded(&image.into(), ImageFormat::Jpeg);
        assert!(decode(&bytes).is_ok());
        let accepted: Vec<_> = (0..bytes.len()).filter(|&n| decode(&bytes[..n]).is_ok()).collect();
        assert!(accepted.is_empty(), "{accepted:?}");
    }

    #[test]
    fn a_forged_size_is_refused_before_memory_is_claimed() {
        let mut png = encoded(&DynamicImage::new_rgb8(2, 2), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        // The checksum of the header chunk, or the header is refused for that.
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(matches!(decode(&png), Err(Problem::TooLarge { width: 65_535, .. })), "{:?}", decode(&png));
    }
}
