//! Many images in one, as PNG.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};

/// Pixels between images.
const GAP: u32 = 2;

/// Pixels of the longer side of a sheet at least, so that it can be looked at as it is.
const LEAST_SIDE: u32 = 512;

/// Images of one size, by their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Images<'a> {
    /// `[count, channels, height, width]`, the last axis the fastest.
    pub bytes: &'a [u8],
    /// One channel is grey, three are colours; of other numbers, the first channel is shown.
    pub channels: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Pixels from left to right.
    pub width: u32,
}

impl Images<'_> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        (self.bytes.len() / self.entries().max(1)) as u32
    }

    fn entries(&self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }

    fn pixel(&self, image: u32, channel: u32, x: u32, y: u32) -> u8 {
        let plane = self.height as usize * self.width as usize;
        self.bytes[image as usize * self.entries()
            + channel as usize * plane
            + y as usize * self.width as usize
            + x as usize]
    }
}

/// Images side by side in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    picture: DynamicImage,
}

impl Sheet {
    /// A sheet with a number of columns, filled row by row; a small one has its pixels repeated until its longer side has
    /// 512 pixels at least.
    #[must_use]
    pub fn with_columns(images: Images<'_>, columns: u32) -> Self {
        let sheet = Self::new(images, columns.max(1), GAP);
        let (width, height) = sheet.size();
        let times = LEAST_SIDE.div_ceil(width.max(height).max(1));
        Self { picture: sheet.picture.resize_exact(width * times, height * times, FilterType::Nearest) }
    }

    /// A sheet about as wide as it is high.
    #[must_use]
    pub fn square(images: Images<'_>) -> Self {
        Self::with_columns(images, f64::from(images.count()).sqrt().ceil() as u32)
    }

    /// The first image, without a frame.
    #[must_use]
    pub fn single(images: Images<'_>) -> Self {
        Self::new(images, 1, 0)
    }

    fn new(images: Images<'_>, columns: u32, gap: u32) -> Self {
        let Images { channels, height, width, .. } = images;
        let count = images.count();
        let side = |images: u32, pixels: u32| images * (pixels + gap) + gap;
        let (sheet_width, sheet_height) =
            (side(columns.min(count), width), side(count.div_ceil(columns), height));
        let pixel = |x: u32, y: u32, channel: u32| {
            let (column, row) = (x.checked_sub(gap)? / (width + gap), y.checked_sub(gap)? / (height + gap));
            let (x, y) = ((x - gap) % (width + gap), (y - gap) % (height + gap));
            let index = row * columns + column;
            let inside = x < width && y < height && index < count;
            inside.then(|| images.pixel(index, channel, x, y))
        };
        let picture = if channels == 3 {
            RgbImage::from_fn(sheet_width, sheet_height, |x, y| {
                image::Rgb([0, 1, 2].map(|channel| pixel(x, y, channel).unwrap_or(0)))
            })
            .into()
        } else {
            GrayImage::from_fn(sheet_width, sheet_height, |x, y| image::Luma([pixel(x, y, 0).unwrap_or(0)]))
                .into()
        };
        Self { picture }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_in_rows() {
        let bytes = [128; 12];
        let sheet = Sheet::square(Images { bytes: &bytes, channels: 1, height: 2, width: 2 });
        // 10 × 10, each pixel 52 times, for a side of at least 512.
        assert_eq!((sheet.size(), sheet.channels()), ((520, 520), 1));
        let picture = sheet.picture.to_luma8();
        let pixel = |x: u32, y: u32| [picture[(52 * x, 52 * y)][0], picture[(52 * x + 51, 52 * y + 51)][0]];
        // Gaps are black, as is the place of a fourth image.
        assert_eq!([pixel(2, 2), pixel(7, 3), pixel(7, 7)], [[128; 2], [128; 2], [0; 2]]);
        assert_eq!(pixel(1, 2), [0; 2]);
        let decoded = image::load_from_memory(&sheet.png()).expect("a PNG");
        assert_eq!(decoded.to_luma8(), picture);
    }

    #[test]
    fn a_wide_image_keeps_its_places_and_colours() {
        let bytes: Vec<u8> = (0..12).collect();
        let sheet = Sheet::single(Images { bytes: &bytes, channels: 3, height: 1, width: 4 });
        let picture = sheet.picture.to_rgb8();
        assert_eq!((sheet.size(), sheet.channels()), ((4, 1), 3));
        assert_eq!([picture[(0, 0)].0, picture[(3, 0)].0], [[0, 4, 8], [3, 7, 11]]);
    }
}
