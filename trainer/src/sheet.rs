//! Pictures of samples: sheets of many images in one, as PNG.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use ncsn_figures::Images;
use tch::{Kind, Tensor};

use crate::Error;

/// Images side by side in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet(ncsn_figures::Sheet);

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
        Self::of(images, ncsn_figures::Sheet::square)
    }

    /// A sheet with a number of columns, filled row by row; a small one has its pixels repeated until its longer side has
    /// 512 pixels at least.
    ///
    /// # Errors
    /// As [`of_tensor`](Self::of_tensor).
    pub fn with_columns(images: &Tensor, columns: usize) -> Result<Self, Error> {
        Self::of(images, |images| ncsn_figures::Sheet::with_columns(images, columns as u32))
    }

    /// One image `[channels, height, width]`, without a frame.
    ///
    /// # Errors
    /// As [`of_tensor`](Self::of_tensor).
    pub fn single(image: &Tensor) -> Result<Self, Error> {
        Self::of(&image.unsqueeze(0), ncsn_figures::Sheet::single)
    }

    fn of(images: &Tensor, make: impl FnOnce(Images<'_>) -> ncsn_figures::Sheet) -> Result<Self, Error> {
        let [channels, height, width] = [1, 2, 3].map(|axis| images.size()[axis] as u32);
        let bytes = to_bytes(images)?;
        Ok(Self(make(Images { bytes: &bytes, channels, height, width })))
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.0.size()
    }

    /// 1 or 3.
    #[must_use]
    pub fn channels(&self) -> u32 {
        self.0.channels()
    }

    /// The sheet as a PNG file's content.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        self.0.png()
    }

    /// The same without filters and compression: files of sheets of one size and kind are equally long, and differ in the
    /// pixels and their checksums only.
    #[must_use]
    pub fn plain_png(&self) -> Vec<u8> {
        self.0.plain_png()
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

    #[test]
    fn values_outside_are_clamped() {
        let bytes = to_bytes(&Tensor::from_slice(&[-1.0_f32, 0.0, 0.4999, 1.0, 7.0])).expect("finite");
        assert_eq!(bytes, [0, 0, 127, 255, 255]);
        assert!(to_bytes(&Tensor::from_slice(&[f32::NAN])).is_err());
    }
}
