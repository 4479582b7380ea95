//! Standard normal noise for samplers: each image has its own stream, so that it is the same in every batch.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use std::f64::consts::FRAC_PI_2;
use tch::{Device, Tensor};

use crate::{Error, torch};

/// Where the noise of a batch comes from.
#[derive(Debug)]
pub enum Noise {
    /// ChaCha8 with the image's number as stream: portable, and independent of batch and device.
    Streams(Streams),
    /// Tensors drawn by somebody else, `[steps, batch, …]`, used in order.
    Recorded {
        /// The noise.
        tensor: Tensor,
        /// Number of the next step.
        next: i64,
    },
    /// From the noise of one image to that of another, as [`between`] has it, `[pairs·(N + 2), …]`.
    Between {
        /// Noise of both images of each pair, one pair after the other.
        ends: Streams,
        /// N.
        count: i64,
    },
}

/// One generator for each image.
#[derive(Clone, Debug)]
pub struct Streams {
    generators: Vec<ChaCha8Rng>,
    item: Vec<i64>,
    device: Device,
}

impl Streams {
    /// For the images with these numbers.
    pub fn new(seed: u64, images: impl IntoIterator<Item = u64>, item: &[i64], device: Device) -> Self {
        let generator = |image| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(image);
            generator
        };
        Self { generators: images.into_iter().map(generator).collect(), item: item.to_vec(), device }
    }

    /// Standard normal values `[images, …item]`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`]; so for the other draws.
    pub fn normal(&mut self) -> Result<Tensor, Error> {
        self.draw(|generator| generator.sample(StandardNormal))
    }

    /// Values uniform in [0, 1), `[images, …item]`.
    pub fn uniform(&mut self) -> Result<Tensor, Error> {
        self.draw(|generator| generator.random())
    }

    /// Where Algorithm 1 starts: images uniform in [0, 1), as in the authors' code; vectors, which may lie anywhere, as
    /// the largest noise.
    ///
    /// # Arguments
    /// * `sigma_max` — σ₁
    pub fn start(&mut self, sigma_max: f64) -> Result<Tensor, Error> {
        if self.item.len() == 3 { self.uniform() } else { Ok(self.normal()? * sigma_max) }
    }

    /// On all cores, each image from its own generator.
    fn draw(&mut self, value: impl Fn(&mut ChaCha8Rng) -> f32 + Sync) -> Result<Tensor, Error> {
        let dim = self.item.iter().product::<i64>() as usize;
        let mut values = vec![0.0; self.generators.len() * dim];
        let images = self.generators.par_iter_mut().zip(values.par_chunks_exact_mut(dim));
        images.for_each(|(generator, image)| image.fill_with(|| value(generator)));
        let shape: Vec<i64> = [-1].into_iter().chain(self.item.iter().copied()).collect();
        torch::upload(Tensor::f_from_slice(&values)?.view(shape.as_slice()), self.device)
    }
}

impl Noise {
    /// The noise of the next step, `[batch, …]`.
    ///
    /// # Errors
    /// [`Error::Setting`] when recorded noise is at its end.
    pub fn draw(&mut self) -> Result<Tensor, Error> {
        match self {
            Self::Streams(streams) => streams.normal(),
            Self::Recorded { tensor, next } => {
                let steps = tensor.size()[0];
                if *next == steps {
                    return Err(Error::setting(
                        "steps of recorded noise",
                        steps,
                        "as many as the sampler takes",
                    ));
                }
                *next += 1;
                Ok(tensor.get(*next - 1))
            }
            Self::Between { ends, count } => {
                let ends = ends.normal()?;
                let row = |pair: i64| between(&ends.get(2 * pair), &ends.get(2 * pair + 1), *count);
                Ok(Tensor::cat(&(0..ends.size()[0] / 2).map(row).collect::<Vec<_>>(), 0))
            }
        }
    }
}

/// A row of noise from p to q: both ends, and the N points of Appendix B.2 between them.
///
/// # Formula
/// ```text
/// p·cos θ_k + q·sin θ_k,   θ_k = kπ/(2(N + 1)),   k = 0 … N + 1
/// ```
/// Since cos² + sin² = 1, every point is standard normal when p and q are, and independent.
///
/// # Arguments
/// * `p`, `q` — noise of the two ends, `[…]`; the result is `[N + 2, …]`
///
/// # Accuracy
/// The ends are p and q themselves, bit for bit.
///
/// # Source
/// Song & Ermon (2020), Appendix B.2, whose points are k = 1 … N.
pub fn between(p: &Tensor, q: &Tensor, count: i64) -> Tensor {
    let point = |k: i64| {
        let angle = FRAC_PI_2 * k as f64 / (count + 1) as f64;
        p * angle.cos() + q * angle.sin()
    };
    let mut row = vec![p.shallow_clone()];
    row.extend((1..=count).map(point));
    row.push(q.shallow_clone());
    Tensor::stack(&row, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_same_noise_in_every_batch() {
        let mut alone = Streams::new(1, [5], &[2, 3], Device::Cpu);
        let mut together = Streams::new(1, 3..8, &[2, 3], Device::Cpu);
        for _ in 0..3 {
            assert_eq!(alone.normal().expect("noise").get(0), together.normal().expect("noise").get(2));
        }
    }

    /// Source: Appendix B.2 with N = 1: θ = π/4.
    #[test]
    fn the_middle_of_two_noises_has_equal_parts() {
        let (p, q) = (Tensor::from_slice(&[2.0_f32, 0.0]), Tensor::from_slice(&[0.0_f32, 4.0]));
        let middle = torch::to_vec(&between(&p, &q, 1).get(1));
        let expected = [2.0_f32.sqrt(), 8.0_f32.sqrt()];
        assert!(middle.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{middle:?}");
    }

    #[test]
    fn a_row_begins_and_ends_with_its_images_own_noise() {
        let streams = || Streams::new(1, 0..4, &[3], Device::Cpu);
        let row = Noise::Between { ends: streams(), count: 2 }.draw().expect("noise");
        let own = streams().normal().expect("noise");
        assert_eq!([0, 3, 4, 7].map(|k| row.get(k)), [0, 1, 2, 3].map(|k| own.get(k)));
    }

    #[test]
    fn recorded_noise_ends_with_an_error() {
        let mut noise = Noise::Recorded { tensor: Tensor::from_slice(&[1.0_f32]).view([1, 1]), next: 0 };
        assert!(noise.draw().is_ok());
        assert!(noise.draw().is_err());
    }
}
