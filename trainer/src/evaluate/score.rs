//! The Inception score: how sure a classifier is of each sample, and how many classes the samples are of.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use crate::{Error, torch};

/// Usual number of parts.
pub const SPLITS: usize = 10;

/// The score over parts of the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean over the parts; of 1 to the number of classes.
    pub mean: f64,
    /// Standard deviation over the parts, with divisor 10.
    pub spread: f64,
    /// Number of parts.
    pub splits: usize,
    /// Number of classes.
    pub classes: i64,
}

/// Sums over the samples so far, of which memory does not grow.
#[derive(Debug)]
pub struct Sums {
    /// The part of each sample, by a random order.
    parts: Vec<i64>,
    at: usize,
    /// Σ p, `[splits, classes]`, and Σ Σ_c p log p, `[splits]`, in double precision.
    classes: Option<[Tensor; 2]>,
}

impl Sums {
    /// For a number of samples, which the seed distributes over the parts as evenly as can be.
    ///
    /// # Errors
    /// [`Error::Setting`] for fewer samples than parts.
    pub fn new(count: usize, seed: u64) -> Result<Self, Error> {
        if count < SPLITS {
            return Err(Error::setting("number of samples", count, format!("at least {SPLITS}")));
        }
        let size = |part: usize| (part + 1) * count / SPLITS - part * count / SPLITS;
        let mut parts: Vec<i64> =
            (0..SPLITS).flat_map(|part| std::iter::repeat_n(part as i64, size(part))).collect();
        parts.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        Ok(Self { parts, at: 0, classes: None })
    }

    /// The part that each sample belongs to.
    #[must_use]
    pub fn parts(&self) -> &[i64] {
        &self.parts
    }

    /// Takes in logits of the next samples, `[count, classes]`.
    ///
    /// # Errors
    /// Those of torch.
    pub fn add(&mut self, logits: &Tensor) -> Result<(), Error> {
        let count = logits.size()[0] as usize;
        let numbers = &self.parts[self.at..self.at + count];
        self.at += count;
        torch::attempt(|| {
            let log = logits.to_device(Device::Cpu).log_softmax(1, Kind::Double);
            let p = log.exp();
            let numbers = Tensor::from_slice(numbers);
            let own = (&p * log).sum_dim_intlist([1].as_slice(), false, Kind::Double);
            let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Double, Device::Cpu));
            let splits = SPLITS as i64;
            let [sums, owns] =
                self.classes.get_or_insert_with(|| [zeros(&[splits, p.size()[1]]), zeros(&[splits])]);
            let _ = sums.index_add_(0, &numbers, &p);
            let _ = owns.index_add_(0, &numbers, &own);
        })
    }

    /// The score.
    ///
    /// # Formula
    /// ```text
    /// exp( mean over the part of Σ_c p_c log p_c  −  Σ_c q_c log q_c ),   q the mean of p over the part
    /// ```
    /// the mean of KL(p ‖ q) under the exponent.
    ///
    /// # Accuracy
    /// Double precision from the logits on. The score of few samples is too small: 50,000 are usual.
    ///
    /// # Errors
    /// [`Error::Setting`] where there was no sample.
    ///
    /// # Source
    /// Salimans et al. (2016), "Improved techniques for training GANs".
    pub fn finish(self) -> Result<Score, Error> {
        let Some([sums, owns]) = self.classes else {
            return Err(Error::setting("number of samples", 0, format!("at least {SPLITS}")));
        };
        let mut sizes = [0.0_f64; SPLITS];
        self.parts.iter().for_each(|&part| sizes[part as usize] += 1.0);
        torch::attempt(|| {
            let sizes = Tensor::from_slice(&sizes);
            let q = &sums / sizes.unsqueeze(1);
            let entropy = q.xlogy(&q).sum_dim_intlist([1].as_slice(), false, Kind::Double);
            let scores = (owns / sizes - entropy).exp();
            let mean = scores.mean(Kind::Double).double_value(&[]);
            let spread = (&scores - mean).square().mean(Kind::Double).sqrt().double_value(&[]);
            Score { mean, spread, splits: SPLITS, classes: sums.size()[1] }
        })
    }
}
