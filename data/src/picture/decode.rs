//! One encoded image to planes; the format is known by the content.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Changes, MAX_BYTES, Picture, Planes, Problem, Stored, check_size, jpeg, planes, tiff};
use crate::guard::guarded;
use crate::values::ValueRange;

/// Whether the bytes begin like an image of a known format.
#[must_use]
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
    let Stored { frame, planes, .. } = stored(bytes)?;
    let pixels = match planes {
        Planes::Bytes(bytes) => bytes,
        // Only a range that is given leaves values outside.
        Planes::Words(words) => {
            ValueRange::WORDS.bytes(words.into_iter()).map_err(|value| Problem::Corrupt(value.to_string()))?
        }
        Planes::Floats(_) => return Err(Problem::Numbers),
    };
    Ok(frame.with(pixels))
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
        ImageFormat::Jpeg => jpeg::decode(bytes),
        ImageFormat::Tiff => {
            guarded(|| tiff::decode(bytes)).unwrap_or_else(|panic| Err(Problem::Corrupt(panic)))
        }
        format => {
            guarded(|| decode_other(bytes, format)).unwrap_or_else(|panic| Err(Problem::Corrupt(panic)))
        }
    }
}

/// Whether the bytes begin like an image of the formats that data sets are made of.
pub(crate) fn is_common(head: &[u8]) -> bool {
    use ImageFormat::{Bmp, Jpeg, Png, WebP};
    matches!(format(head), Some(Png | Jpeg | Bmp | WebP))
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
    } else if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") {
        Some(ImageFormat::Gif)
    } else if head.starts_with(b"II*\0") || head.starts_with(b"MM\0*") {
        Some(ImageFormat::Tiff)
    } else if matches!(head, [b'P', b'1'..=b'7', b' ' | b'\t' | b'\n' | b'\r', ..]) {
        Some(ImageFormat::Pnm)
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
    let changes = Changes { alpha, sixteen_bit, ..Changes::default() };
    Ok(Stored::new([channels, height, width], planes, changes).turned(orientation))
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
