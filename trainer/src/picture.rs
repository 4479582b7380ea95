//! Sheets of images: values to bytes, a grid, PNG, and a file that appears whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use thiserror::Error;

/// Pixels between the images of a grid and around it, as torchvision leaves them.
pub const PADDING: usize = 2;

/// Why images cannot become a sheet or a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PictureError {
    /// A value that is no brightness.
    #[error("value {index} of the images is {value}")]
    NotFinite {
        /// Position in the array, from 0.
        index: usize,
        /// The value.
        value: f32,
    },
    /// Neither grey nor colour.
    #[error("{channels} channels, allowed: 1 or 3")]
    Channels {
        /// As given.
        channels: usize,
    },
    /// A sheet without a pixel.
    #[error("{count} images of {width}×{height} in {columns} columns leave nothing to draw")]
    Empty {
        /// Number of images.
        count: usize,
        /// Width of an image in pixels.
        width: usize,
        /// Height of an image in pixels.
        height: usize,
        /// Columns asked for.
        columns: usize,
    },
    /// The array has another length than its shape says.
    #[error("{found} bytes of pixels, expected {expected}")]
    Length {
        /// Bytes given.
        found: usize,
        /// Bytes of the shape.
        expected: usize,
    },
    /// The sheet cannot be encoded.
    #[error("a sheet of {width}×{height} pixels as PNG: {reason}")]
    Encode {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// What the encoder said.
        reason: ImageError,
    },
    /// The file cannot be written.
    #[error("{}: {reason}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

/// A shape of images, `[count, channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of images.
    pub count: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

/// One picture made of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    channels: usize,
    height: usize,
    width: usize,
    /// `[height, width, channels]`.
    pixels: Vec<u8>,
}

impl Sheet {
    /// Images side by side, row by row, on black.
    ///
    /// # Arguments
    /// * `images` — planes of bytes, `[count, channels, height, width]`
    /// * `columns` — images in a row; fewer if there are fewer images
    /// * `padding` — pixels between the images and around them, see [`PADDING`]
    ///
    /// # Errors
    /// * [`PictureError::Channels`] — neither 1 nor 3
    /// * [`PictureError::Empty`] — no image, no column, or images without pixels
    /// * [`PictureError::Length`] — the array does not have the shape
    ///
    /// # Source
    /// torchvision's `make_grid`, with two differences: a single image has its margin too, and grey stays one channel.
    pub fn grid(images: &[u8], shape: Shape, columns: usize, padding: usize) -> Result<Self, PictureError> {
        let Shape { count, channels, height, width } = shape;
        if channels != 1 && channels != 3 {
            return Err(PictureError::Channels { channels });
        }
        if [count, height, width, columns].contains(&0) {
            return Err(PictureError::Empty { count, width, height, columns });
        }
        let expected = [channels, height, width].iter().fold(count, |product, &n| product.saturating_mul(n));
        if images.len() != expected {
            return Err(PictureError::Length { found: images.len(), expected });
        }
        let columns = columns.min(count);
        let sheet_width = columns * (width + padding) + padding;
        let sheet_height = count.div_ceil(columns) * (height + padding) + padding;
        let mut pixels = vec![0; sheet_height * sheet_width * channels];
        let plane = height * width;
        for (k, image) in images.chunks_exact(channels * plane).enumerate() {
            let top = k / columns * (height + padding) + padding;
            let left = k % columns * (width + padding) + padding;
            for y in 0..height {
                let begin = ((top + y) * sheet_width + left) * channels;
                for x in 0..width {
                    for c in 0..channels {
                        pixels[begin + x * channels + c] = image[c * plane + y * width + x];
                    }
                }
            }
        }
        Ok(Self { channels, height: sheet_height, width: sheet_width, pixels })
    }

    /// 1 (grey) or 3 (red, green, blue).
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Height in pixels, margins included.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels, margins included.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Bytes, `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The sheet as a PNG file in memory.
    ///
    /// # Errors
    /// [`PictureError::Encode`] — a side has more pixels than PNG can state
    pub fn png(&self) -> Result<Vec<u8>, PictureError> {
        let (height, width) = (self.height, self.width);
        let color = if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        // A side beyond 32 bits becomes one that the encoder refuses.
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&self.pixels, side(width), side(height), color)
            .map_err(|reason| PictureError::Encode { width, height, reason })?;
        Ok(png)
    }

    /// Writes the sheet as PNG, to a file that appears whole or not at all and replaces one of its name.
    ///
    /// # Errors
    /// * [`PictureError::Encode`] — a side has more pixels than PNG can state
    /// * [`PictureError::File`] — the folder is missing or cannot be written
    pub fn write(&self, path: &Path) -> Result<(), PictureError> {
        let png = self.png()?;
        write_whole(path, &png).map_err(|reason| PictureError::File { path: path.to_owned(), reason })
    }
}

/// Bytes of brightness values, of any shape.
///
/// # Formula
/// ```text
/// floor(255 min(max(x, 0), 1) + ½)    in single precision
/// ```
///
/// # Arguments
/// * `values` — 0 is dark, 1 is bright; values beyond are those of the nearer end
///
/// # Accuracy
/// equal to torchvision's bytes for every finite value
///
/// # Errors
/// [`PictureError::NotFinite`] — not a number, or infinite
///
/// # Source
/// The authors' clamp to [0, 1], then torchvision's `save_image`.
pub fn to_bytes(values: &[f32]) -> Result<Vec<u8>, PictureError> {
    let byte = |(index, &value): (usize, &f32)| {
        if value.is_finite() {
            Ok((value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
        } else {
            Err(PictureError::NotFinite { index, value })
        }
    };
    values.iter().enumerate().map(byte).collect()
}

/// Writes to a temporary file beside the path, then renames it.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Temporary files are private otherwise; the umask still applies.
    let mut file = tempfile::Builder::new()
        .prefix(".ncsn-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        // tempfile's message names the temporary file, which means nothing to the user.
        .map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(count: usize, channels: usize, height: usize, width: usize) -> Shape {
        Shape { count, channels, height, width }
    }

    fn decoded(png: &[u8]) -> image::DynamicImage {
        image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap()
    }

    #[test]
    fn three_grey_images_in_two_columns_leave_a_black_corner() {
        let sheet = Sheet::grid(&[1, 2, 3], shape(3, 1, 1, 1), 2, 1).unwrap();
        #[rustfmt::skip]
        let expected = [
            0, 0, 0, 0, 0,
            0, 1, 0, 2, 0,
            0, 0, 0, 0, 0,
            0, 3, 0, 0, 0,
            0, 0, 0, 0, 0,
        ];
        assert_eq!((sheet.height(), sheet.width(), sheet.pixels()), (5, 5, expected.as_slice()));
    }

    #[test]
    fn planes_of_colour_are_interleaved() {
        let planes = [1, 2, 11, 12, 21, 22];
        let sheet = Sheet::grid(&planes, shape(1, 3, 1, 2), 1, 0).unwrap();
        assert_eq!(sheet.pixels(), [1, 11, 21, 2, 12, 22]);
    }

    #[test]
    fn rows_of_an_image_stay_together() {
        let sheet = Sheet::grid(&[1, 2, 3, 4, 5, 6, 7, 8], shape(2, 1, 2, 2), 8, 0).unwrap();
        assert_eq!((sheet.width(), sheet.pixels()), (4, [1, 2, 5, 6, 3, 4, 7, 8].as_slice()));
    }

    #[test]
    fn a_hundred_cifar_samples_take_342_pixels_a_side() {
        let sheet = Sheet::grid(&vec![9; 100 * 3 * 32 * 32], shape(100, 3, 32, 32), 10, PADDING).unwrap();
        // Source: torchvision's make_grid of [100, 3, 32, 32] with nrow = 10: 10 (32 + 2) + 2
        assert_eq!((sheet.height(), sheet.width()), (342, 342));
    }

    #[test]
    fn png_keeps_every_byte_of_colour() {
        let bytes: Vec<u8> = (0..=255).cycle().take(4 * 3 * 8 * 8).collect();
        let sheet = Sheet::grid(&bytes, shape(4, 3, 8, 8), 2, PADDING).unwrap();
        let back = decoded(&sheet.png().unwrap());
        assert_eq!(back.as_rgb8().unwrap().as_raw(), sheet.pixels());
    }

    #[test]
    fn png_of_grey_is_grey() {
        let sheet = Sheet::grid(&[0, 128, 255], shape(3, 1, 1, 1), 3, PADDING).unwrap();
        let back = decoded(&sheet.png().unwrap());
        assert_eq!(back.as_luma8().unwrap().as_raw(), sheet.pixels());
    }

    #[test]
    fn a_file_is_replaced_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.png");
        fs::write(&path, "old").unwrap();
        let sheet = Sheet::grid(&[7], shape(1, 1, 1, 1), 1, 0).unwrap();
        sheet.write(&path).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!((names, fs::read(&path).unwrap()), (vec![path], sheet.png().unwrap()));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let sheet = Sheet::grid(&[7], shape(1, 1, 1, 1), 1, 0).unwrap();
        let error = sheet.write(Path::new("/nowhere/samples.png")).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/samples.png: entity not found");
    }

    #[test]
    fn values_round_to_the_nearest_byte_and_stop_at_the_ends() {
        let values = [-3.0, 0.0, 0.49 / 255.0, 0.51 / 255.0, 0.5, 254.51 / 255.0, 1.0, 7.0];
        // Source: torchvision 0.26's save_image: x.mul(255).add(0.5).clamp(0, 255).to(uint8)
        assert_eq!(to_bytes(&values).unwrap(), [0, 0, 0, 1, 128, 255, 255, 255]);
    }

    #[test]
    fn every_byte_survives_as_a_value() {
        let bytes: Vec<u8> = (0..=255).collect();
        let values: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        assert_eq!(to_bytes(&values).unwrap(), bytes);
    }

    #[test]
    fn not_a_number_is_no_brightness() {
        let error = to_bytes(&[0.0, f32::NAN]).unwrap_err();
        assert_eq!(error.to_string(), "value 1 of the images is NaN");
    }

    #[test]
    fn infinity_is_no_brightness() {
        assert!(matches!(to_bytes(&[f32::INFINITY]), Err(PictureError::NotFinite { index: 0, .. })));
    }

    #[test]
    fn two_channels_are_refused() {
        let error = Sheet::grid(&[0, 0], shape(1, 2, 1, 1), 1, 0).unwrap_err();
        assert_eq!(error.to_string(), "2 channels, allowed: 1 or 3");
    }

    #[test]
    fn a_wrong_length_is_refused() {
        let error = Sheet::grid(&[0; 5], shape(2, 1, 1, 3), 1, 0).unwrap_err();
        assert_eq!(error.to_string(), "5 bytes of pixels, expected 6");
    }

    #[test]
    fn no_images_are_refused() {
        let error = Sheet::grid(&[], shape(0, 3, 32, 32), 10, PADDING).unwrap_err();
        assert_eq!(error.to_string(), "0 images of 32×32 in 10 columns leave nothing to draw");
    }
}
