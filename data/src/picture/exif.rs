//! EXIF orientation: how a camera was held, which decoders and torchvision do not apply.

use image::metadata::Orientation;

use super::Picture;

/// The orientation of a JPEG image: 1 (upright) to 8, as EXIF numbers them.
pub(super) fn of_jpeg(bytes: &[u8]) -> u8 {
    const HEAD: &[u8] = b"Exif\0\0";
    const EXIF: u8 = 0xe1;
    const SCAN: u8 = 0xda;
    const END: u8 = 0xd9;
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        match *marker {
            // Bytes that fill, and markers without a segment.
            0xff => rest = &rest[1..],
            0x01 | 0xd0..=0xd8 => rest = after,
            SCAN | END => break,
            _ => {
                let Some((length, _)) = after.split_first_chunk() else { break };
                let length = usize::from(u16::from_be_bytes(*length));
                let Some(segment) = after.get(2..length) else { break };
                if let (EXIF, Some(exif)) = (*marker, segment.strip_prefix(HEAD)) {
                    return Orientation::from_exif_chunk(exif).map_or(1, Orientation::to_exif);
                }
                rest = &after[length..];
            }
        }
    }
    1
}

impl<T: Copy> Picture<T> {
    /// The image as it is to be looked at.
    ///
    /// # Formula
    /// ```text
    /// 2 mirrored   3 half a turn   4 upside down, mirrored   5 transposed
    /// 6 a quarter turn to the right   7 transposed along the other diagonal   8 a quarter turn to the left
    /// ```
    ///
    /// # Accuracy
    /// Exact: pixels move and do not change, as in Pillow's `exif_transpose`.
    pub(crate) fn upright(self, orientation: u8) -> Self {
        if !(2..=8).contains(&orientation) {
            return self;
        }
        let Self { width, height, .. } = self;
        let (swapped, mirrored, flipped) =
            (orientation >= 5, matches!(orientation, 2 | 3 | 7 | 8), matches!(orientation, 3 | 4 | 6 | 7));
        let (to_width, to_height) = if swapped { (height, width) } else { (width, height) };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for plane in self.pixels.chunks_exact(width * height) {
            for row in 0..to_height {
                pixels.extend((0..to_width).map(|column| {
                    let (x, y) = if swapped { (row, column) } else { (column, row) };
                    let x = if mirrored { width - 1 - x } else { x };
                    plane[if flipped { height - 1 - y } else { y } * width + x]
                }));
            }
        }
        Self { pixels, width: to_width, height: to_height, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: Pillow 13.0, `ImageOps.exif_transpose` of `[[1, 2, 3], [4, 5, 6]]` with each orientation.
    const UPRIGHT: [(usize, [u8; 6]); 8] = [
        (3, [1, 2, 3, 4, 5, 6]),
        (3, [3, 2, 1, 6, 5, 4]),
        (3, [6, 5, 4, 3, 2, 1]),
        (3, [4, 5, 6, 1, 2, 3]),
        (2, [1, 4, 2, 5, 3, 6]),
        (2, [4, 1, 5, 2, 6, 3]),
        (2, [6, 3, 5, 2, 4, 1]),
        (2, [3, 6, 2, 5, 1, 4]),
    ];

    #[test]
    fn every_orientation_is_that_of_pillow() {
        for (orientation, (width, expected)) in (1..).zip(UPRIGHT) {
            let pixels = vec![1, 2, 3, 4, 5, 6];
            let picture = Picture { channels: 1, height: 2, width: 3, pixels, changes: Default::default() };
            let upright = picture.upright(orientation);
            assert_eq!((upright.width, &upright.pixels[..]), (width, &expected[..]), "{orientation}");
        }
    }

    #[test]
    fn orientation_is_found_behind_other_markers() {
        // One directory of one entry: tag 0x0112 (orientation), a short, 6.
        let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let segment = [&[0xff, 0xe1, 0, exif.len() as u8 + 2], &exif[..]].concat();
        // A comment, TEM, a marker of restart, bytes that fill.
        for before in [&b""[..], b"\xff\xfe\0\x04hi", b"\xff\x01", b"\xff\xd3", b"\xff\xff"] {
            assert_eq!(of_jpeg(&[b"\xff\xd8", before, &segment].concat()), 6, "{before:?}");
        }
        let behind_pixels = [b"\xff\xd8\xff\xda\0\x02", &segment[..]].concat();
        assert_eq!(of_jpeg(&behind_pixels), 1);
    }

    #[test]
    fn segments_that_lie_have_no_orientation() {
        for bytes in [
            &b""[..],
            b"\xff\xd8",
            b"\xff\xd8\xff\xe1",
            b"\xff\xd8\xff\xe1\0\0",
            b"\xff\xd8\xff\xe1\xff\xffExif\0\0",
        ] {
            assert_eq!(of_jpeg(bytes), 1);
        }
    }
}
