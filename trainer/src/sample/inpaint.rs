//! Filling in parts of images: inpainting inside of what is known, outpainting beyond it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ncsn_data::picture;
use ncsn_theory::langevin::Annealing;
use tch::{Device, Kind, Tensor};

use super::{Noise, Progress, Score};
use crate::Error;

/// A part of the image to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Columns 0 to ⌊W/2⌋ − 1.
    Left,
    /// Columns from ⌊W/2⌋.
    Right,
    /// Rows 0 to ⌊H/2⌋ − 1.
    Top,
    /// Rows from ⌊H/2⌋.
    Bottom,
    /// The middle half of rows and columns: a quarter of the image.
    Centre,
    /// Everything but the centre: outpainting.
    Border,
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Left, Self::Right, Self::Top, Self::Bottom, Self::Centre, Self::Border];

    /// Name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Top => "top",
            Self::Bottom => "bottom",
            Self::Centre => "centre",
            Self::Border => "border",
        }
    }

    fn contains(self, [y, x]: [i64; 2], [height, width]: [i64; 2]) -> bool {
        let central = |at: i64, side: i64| side / 4 <= at && at < side - side / 4;
        match self {
            Self::Left => x < width / 2,
            Self::Right => x >= width / 2,
            Self::Top => y < height / 2,
            Self::Bottom => y >= height / 2,
            Self::Centre => central(y, height) && central(x, width),
            Self::Border => !(central(y, height) && central(x, width)),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|region| region.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|region| region.name()).collect();
            Error::setting("mask", text, format!("{} or an image file", names.join(", ")))
        })
    }
}

/// Which pixels are to be filled in, for images of one height and width; the others are known.
#[derive(Debug)]
pub struct Mask {
    /// Whether a pixel is to be filled in, `[height, width]`.
    fill: Tensor,
}

impl Mask {
    /// A part by name.
    #[must_use]
    pub fn region(region: Region, [height, width]: [i64; 2], device: Device) -> Self {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| [y, x]));
        let fill: Vec<bool> = pixels.map(|at| region.contains(at, [height, width])).collect();
        Self { fill: Tensor::from_slice(&fill).view([height, width]).to_device(device) }
    }

    /// An image of the same size: white is filled in, black is known. Alpha is not looked at.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] for files that are no images, another size, and any pixel that is neither
    /// black nor white: where to draw the line in grey is the user's choice.
    pub fn read(path: &Path, [height, width]: [i64; 2], device: Device) -> Result<Self, Error> {
        let content = |found: String, expected: String| Error::content(path, found, expected);
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        let picture =
            picture::decode(&bytes).map_err(|problem| content(problem.to_string(), "a mask".to_owned()))?;
        let found = [picture.height, picture.width].map(|side| side as i64);
        if found != [height, width] {
            let expected = format!("{height} x {width}, as the network's images");
            return Err(content(format!("is {} x {} pixels", found[0], found[1]), expected));
        }
        let first = &picture.pixels[..picture.height * picture.width];
        for (at, &value) in picture.pixels.iter().enumerate() {
            let pixel = at % first.len();
            if (value != 0 && value != 255) || value != first[pixel] {
                let (y, x) = (pixel / picture.width, pixel % picture.width);
                let expected = "black (known) and white (to fill in) only".to_owned();
                return Err(content(format!("pixel ({x}, {y}) has value {value}"), expected));
            }
        }
        let fill: Vec<bool> = first.iter().map(|&value| value == 255).collect();
        Ok(Self { fill: Tensor::from_slice(&fill).view([height, width]).to_device(device) })
    }

    /// Share of the pixels that are to be filled in.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.fill.to_kind(Kind::Float).mean(Kind::Double).double_value(&[])
    }

    /// `filled` where pixels are to be filled in, `known` elsewhere; both `[batch, channels, height, width]`.
    pub fn join(&self, filled: &Tensor, known: &Tensor) -> Tensor {
        filled.where_self(&self.fill, known)
    }
}

/// Fills in parts of images by annealed Langevin dynamics, with what is known as noisy as the rest.
///
/// # Formula
/// ```text
/// for σ_i from σ₁ to σ_L:
///   y_i = y + σ_i·z;   x ← y_i where known
///   T times:   x ← x + α_i·s(x, σ_i) + √(2α_i)·z,   then x ← y_i where known
/// with denoising:   x ← x + σ_L²·s(x, σ_L)
/// at last:   x ← y where known
/// ```
/// # Arguments
/// * `known` — y, `[batch, channels, height, width]`; values to be filled in do not matter
/// * `x` — where the rest starts, of the same shape
/// * `noise` — L·(T + 1) draws
/// * `each` — told of every step; returns whether to go on
///
/// # Accuracy
/// Known pixels are returned bit for bit.
///
/// # Errors
/// Those of `score` and [`Noise::draw`].
///
/// # Source
/// Song & Ermon (2019), "Generative modeling by estimating gradients of the data distribution", Algorithm 2, with the
/// denoising of Song & Ermon (2020). The state after the last step is returned; the authors' code returns the one before.
pub fn inpaint(
    score: &mut Score,
    annealing: &Annealing,
    mask: &Mask,
    known: &Tensor,
    mut x: Tensor,
    noise: &mut Noise,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let Annealing { schedule, denoise } = *annealing;
    let total = annealing.score_evaluations();
    let mut done = 0;
    for level in 0..schedule.num_levels() {
        let (sigma, alpha) = (schedule.sigma(level), schedule.step_size(level));
        let noisy = known + noise.draw()? * sigma;
        x = mask.join(&x, &noisy);
        for _ in 0..schedule.steps_per_level() {
            let s = score(&x, sigma)?;
            x = mask.join(&(x + s * alpha + noise.draw()? * (2.0 * alpha).sqrt()), &noisy);
            done += 1;
            if !each(Progress { done, total, level: level as usize, x: &x }) {
                return Ok(mask.join(&x, known));
            }
        }
    }
    if denoise {
        x = super::denoised(score, &x, schedule.range().min())?;
    }
    x = mask.join(&x, known);
    each(Progress { done: total, total, level: schedule.num_levels() as usize - 1, x: &x });
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(region: Region) -> Vec<f32> {
        crate::torch::to_vec(&Mask::region(region, [4, 4], Device::Cpu).fill)
    }

    #[test]
    fn halves_and_centre_are_what_they_say() {
        assert_eq!(filled(Region::Left), [1.0, 1.0, 0.0, 0.0].repeat(4));
        assert_eq!(filled(Region::Bottom), [[0.0; 8], [1.0; 8]].concat());
        let centre = [0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0].map(|value| value as f32);
        assert_eq!(filled(Region::Centre), centre);
        assert_eq!(filled(Region::Border), centre.map(|value| 1.0 - value));
    }

    fn written(pixels: &[u8], folder: &tempfile::TempDir) -> std::path::PathBuf {
        let path = folder.path().join("mask.png");
        let image = image::GrayImage::from_raw(2, 2, pixels.to_vec()).expect("four pixels");
        image.save(&path).expect("writes");
        path
    }

    #[test]
    fn white_is_filled_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let mask = Mask::read(&written(&[0, 255, 0, 0], &folder), [2, 2], Device::Cpu).expect("a mask");
        assert_eq!(crate::torch::to_vec(&mask.fill), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(mask.share(), 0.25);
    }

    #[test]
    fn grey_and_other_sizes_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(&[0, 255, 7, 0], &folder);
        let message = |size| Mask::read(&path, size, Device::Cpu).expect_err("refused").to_string();
        assert!(message([2, 2]).contains("pixel (0, 1) has value 7, expected black"), "{}", message([2, 2]));
        assert!(message([4, 2]).contains("is 2 x 2 pixels, expected 4 x 2"), "{}", message([4, 2]));
    }
}
