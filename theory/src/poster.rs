//! The poster's experiment: does annealed Langevin dynamics, started at σ₁, forget where it started?
//!
//! Samples are drawn with the exact score of a mixture centred at given images, once with a σ₁ below the
//! distances between them and once with Technique 1's. The poster shows the pictures; [`explore`] counts
//! where the samples end.

use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngExt};

use crate::Error;
use crate::langevin::{Annealing, annealed_langevin};
use crate::proposition1::Mixture;

/// Where the samples start. The poster does not say; the two differ in what a small σ₁ does to the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At centres spread evenly over the list: a small σ₁ leaves every sample where it was.
    Centres,
    /// Uniform on [0, 1] in every coordinate, as samplers of pixels start: a small σ₁ leaves the samples
    /// with the few centres nearest to uniform noise.
    Uniform,
}

/// Where the samples of one experiment went.
#[derive(Clone, Debug, PartialEq)]
pub struct Exploration {
    /// Index of the centre nearest to each start.
    pub starts: Vec<usize>,
    /// Index of the centre nearest to each sample at the end.
    pub ends: Vec<usize>,
    /// Number of centres.
    pub num_centres: usize,
    /// The samples themselves, `[samples, dim]`.
    pub samples: Array2<f64>,
}

impl Exploration {
    /// Fraction of samples that end at another centre than the one nearest to their start.
    #[must_use]
    pub fn moved(&self) -> f64 {
        let moved = self.starts.iter().zip(&self.ends).filter(|(start, end)| start != end).count();
        moved as f64 / self.ends.len() as f64
    }

    /// Number of distinct centres reached.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.histogram().filter(|&count| count > 0).count()
    }

    /// Expected [`distinct`](Self::distinct) of as many independent draws from the mixture: N·(1 − (1 −
    /// 1/N)^m).
    #[must_use]
    pub fn distinct_of_fair_draws(&self) -> f64 {
        let n = self.num_centres as f64;
        let m = self.ends.len() as f64;
        if self.num_centres == 1 { 1.0 } else { -n * (m * (-1.0 / n).ln_1p()).exp_m1() }
    }

    /// Entropy of the histogram of centres reached, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let m = self.ends.len() as f64;
        self.histogram()
            .filter(|&count| count > 0)
            .map(|count| count as f64 / m)
            .map(|share| -share * share.ln())
            .sum()
    }

    /// The largest entropy that this many samples can have: ln min(samples, centres).
    #[must_use]
    pub fn greatest_entropy(&self) -> f64 {
        (self.ends.len().min(self.num_centres) as f64).ln()
    }

    fn histogram(&self) -> impl Iterator<Item = usize> {
        let mut counts = vec![0; self.num_centres];
        for &end in &self.ends {
            counts[end] += 1;
        }
        counts.into_iter()
    }
}

/// Runs Algorithm 1 with the exact score of the mixture centred at `centres`.
///
/// # Arguments
/// * `centres` — `[N, dim]`, for images in [0, 1] where `start` is [`Start::Uniform`]
/// * `annealing` — the schedule; σ_L must be small against the distances between centres for the ends to mean anything
/// * `samples` — how many, at least 1
///
/// # Accuracy
/// The score is exact up to [`Mixture::log_weight_error`]. A step takes 4·samples·N·dim floating-point
/// operations, half of it once the samples have settled.
///
/// # Errors
/// [`Error::Count`] without samples; those of [`Mixture::new`] and [`annealed_langevin`].
///
/// # Source
/// Poster, "Initial noise scale"; main text, section 3.1 and its figure.
pub fn explore(
    centres: ArrayView2<f64>,
    annealing: &Annealing,
    start: Start,
    samples: usize,
    rng: &mut impl Rng,
) -> Result<Exploration, Error> {
    if samples == 0 {
        return Err(Error::Count { name: "samples", value: 0, allowed: "at least 1" });
    }
    let mixture = Mixture::new(centres, annealing.schedule.range().max())?;
    let x = match start {
        Start::Centres => Array2::from_shape_fn((samples, mixture.dim()), |(i, k)| {
            centres[[i * centres.nrows() / samples, k]]
        }),
        Start::Uniform => Array2::from_shape_simple_fn((samples, mixture.dim()), || rng.random()),
    };
    let starts = mixture.nearest(x.view())?;
    let score = |x: ArrayView2<f64>, sigma: f64| mixture.with_sigma(sigma)?.score(x);
    let x = annealed_langevin(annealing, score, x, rng)?;
    let ends = mixture.nearest(x.view())?;
    Ok(Exploration { starts, ends, num_centres: mixture.num_components(), samples: x })
}
