//! Pictures of samples: sheets of many images in one, as PNG.

use std::fs::File;
use std::io::{self, Cursor, Write};
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use tch::{Kind, Tensor};

use crate::Error;

/// Pixels between images.
const GAP: u32 = 2;

/// Pixels of the longer side of a sheet at least, so that it can be looked at as it is.
const LEAST_SIDE: u32 = 512;

/// Images side by side in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    picture: DynamicImage,
}

impl Sheet {
    /// A sheet about as wide as it is high.
    ///
    /// # Arguments
    /// * `images` — `[count, channels, height, width]` with values in [0, 1]; those outside are clamped. One channel is
    ///   grey, three are colours; of other numbers, the first channel is shown
    ///
    /// # Errors
    /// [`Error::Setting`] for values that are not finite.
    pub fn of_tensor(images: &Tensor) -> Result<Self, Error> {
        Self::with_columns(images, (images.size()[0] as f64).sqrt().ceil() as usize)
    }

    /// A sheet with a number of columns, filled row by row; a small one has its pixels repeated until its longer side has
    /// 512 pixels at least.
    ///
    /// # Errors
    /// As [`of_tensor`](Self::of_tensor).
    pub fn with_columns(images: &Tensor, columns: usize) -> Result<Self, Error> {
        let sheet = Self::new(images, columns as u32, GAP)?;
        let (width, height) = sheet.size();
        let times = LEAST_SIDE.div_ceil(width.max(height).max(1));
        Ok(Self { picture: sheet.picture.resize_exact(width * times, height * times, FilterType::Nearest) })
    }

    /// One image `[channels, height, width]`, without a frame.
    ///
    /// # Errors
    /// As [`of_tensor`](Self::of_tensor).
    pub fn single(image: &Tensor) -> Result<Self, Error> {
        Self::new(&image.unsqueeze(0), 1, 0)
    }

    fn new(images: &Tensor, columns: u32, gap: u32) -> Result<Self, Error> {
        let colour = images.size()[1] == 3;
        let channels = if colour { 3 } else { 1 };
        let bytes = to_bytes(&images.narrow(1, 0, channels))?;
        let [count, _, height, width] = [0, 1, 2, 3].map(|axis| images.size()[axis] as u32);
        let rows = count.div_ceil(columns);
        let side = |images: u32, pixels: u32| images * (pixels + gap) + gap;
        let (sheet_width, sheet_height) = (side(columns.min(count), width), side(rows, height));
        let plane = (height * width) as usize;
        let pixel = |x: u32, y: u32, channel: usize| {
            let (column, row) = (x.checked_sub(gap)? / (width + gap), y.checked_sub(gap)? / (height + gap));
            let (x, y) = ((x - gap) % (width + gap), (y - gap) % (height + gap));
            let index = row * columns + column;
            let inside = x < width && y < height && index < count;
            inside.then(|| {
                bytes[(index as usize * channels as usize + channel) * plane + (y * width + x) as usize]
            })
        };
        let picture = if colour {
            RgbImage::from_fn(sheet_width, sheet_height, |x, y| {
                image::Rgb([0, 1, 2].map(|channel| pixel(x, y, channel).unwrap_or(0)))
            })
            .into()
        } else {
            GrayImage::from_fn(sheet_width, sheet_height, |x, y| image::Luma([pixel(x, y, 0).unwrap_or(0)]))
                .into()
        };
        Ok(Self { picture })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// 1 or 3.
    #[must_use]
    pub fn channels(&self) -> u32 {
        u32::from(self.picture.color().channel_count())
    }

    /// The sheet as a PNG file's content.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let written = self.picture.write_to(&mut bytes, ImageFormat::Png);
        written.unwrap_or_else(|error| unreachable!("memory takes any PNG: {error}"));
        bytes.into_inner()
    }

    /// The same without filters and compression: files of sheets of one size and kind are equally long, and differ in the
    /// pixels and their checksums only.
    #[must_use]
    pub fn plain_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(&mut bytes, CompressionType::Uncompressed, PngFilter::NoFilter);
        let written = self.picture.write_with_encoder(encoder);
        written.unwrap_or_else(|error| unreachable!("memory takes any PNG: {error}"));
        bytes
    }
}

/// Refuses a NaN or an infinity.
///
/// # Errors
/// [`Error::Setting`].
pub fn check_finite(images: &Tensor) -> Result<(), Error> {
    if images.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::setting("a value of the images", "not finite", "finite numbers"));
    }
    Ok(())
}

/// Values in [0, 1] as bytes: clamped, times 255, rounded to nearest.
///
/// # Errors
/// [`Error::Setting`] for values that are not finite, which no brightness stands for.
///
/// # Source
/// The authors' sampling script clamps to [0, 1], and torchvision's `save_image` rounds.
pub fn to_bytes(images: &Tensor) -> Result<Vec<u8>, Error> {
    check_finite(images)?;
    let rounded = (images.clamp(0.0, 1.0) * 255.0 + 0.5).floor().to_kind(Kind::Uint8);
    let flat = rounded.to_device(tch::Device::Cpu).contiguous().flatten(0, -1);
    let mut bytes = vec![0; flat.numel()];
    flat.copy_data(&mut bytes, flat.numel());
    Ok(bytes)
}

/// Writes a file that appears whole or not at all.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes a file by `body`, under another name that becomes `path` at the end.
///
/// # Errors
/// What the system says.
pub fn write_with(
    path: &Path,
    body: impl FnOnce(&mut io::BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ncsn-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder).map_err(ncsn_shell::output::plain)?;
    let mut writer = io::BufWriter::new(file.as_file());
    body(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn images_stand_in_rows() {
        let images = Tensor::ones([3, 1, 2, 2], (Kind::Float, Device::Cpu)) * 0.5;
        let sheet = Sheet::of_tensor(&images).expect("finite");
        // 10 × 10, each pixel 52 times, for a side of at least 512.
        assert_eq!((sheet.size(), sheet.channels()), ((520, 520), 1));
        let picture = sheet.picture.to_luma8();
        let pixel = |x: u32, y: u32| [picture[(52 * x, 52 * y)][0], picture[(52 * x + 51, 52 * y + 51)][0]];
        // 0.5·255 + 0.5 = 128; gaps are black, as is the place of a fourth image.
        assert_eq!([pixel(2, 2), pixel(7, 3), pixel(7, 7)], [[128; 2], [128; 2], [0; 2]]);
        assert_eq!(pixel(1, 2), [0; 2]);
        let decoded = image::load_from_memory(&sheet.png()).expect("a PNG");
        assert_eq!(decoded.to_luma8(), picture);
    }

    #[test]
    fn values_outside_are_clamped() {
        let bytes = to_bytes(&Tensor::from_slice(&[-1.0_f32, 0.0, 0.4999, 1.0, 7.0])).expect("finite");
        assert_eq!(bytes, [0, 0, 127, 255, 255]);
        assert!(to_bytes(&Tensor::from_slice(&[f32::NAN])).is_err());
    }
}
