//! The kernel distance, which for features of Inception is KID.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use crate::{Error, torch};

/// Mean and spread of the kernel distance over subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// Mean over the subsets.
    pub distance: f64,
    /// Standard deviation over the subsets.
    pub spread: f64,
    /// Number of subsets.
    pub subsets: usize,
    /// Items of each law in a subset.
    pub size: usize,
}

/// The squared maximum mean discrepancy of two sets of features, averaged over subsets.
///
/// # Formula
/// ```text
/// k(x, y) = (x·y/dim + 1)³
/// mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) − 2 mean_{i,j} k(x_i, y_j)
/// ```
/// Unbiased: the mean is 0 for equal laws, and values below 0 occur.
///
/// # Arguments
/// * `first`, `second` — `[count, dim]`
/// * `subsets` — number of subsets, drawn without replacement by `seed`
/// * `size` — items of each law in a subset; at most as many as there are
///
/// # Errors
/// [`Error::Setting`] for fewer than two items; those of torch.
///
/// # Source
/// Bińkowski et al. (2018), "Demystifying MMD GANs", with their 100 subsets of 1,000 as usual numbers.
pub fn kernel(
    first: &Tensor,
    second: &Tensor,
    subsets: usize,
    size: usize,
    seed: u64,
) -> Result<Kernel, Error> {
    let counts = [first, second].map(|features| features.size()[0] as usize);
    let size = size.min(counts[0]).min(counts[1]);
    if size < 2 {
        return Err(Error::setting("items of a subset", size, "at least 2"));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |features: &Tensor, count: usize| {
        let chosen = rand::seq::index::sample(&mut rng, count, size);
        let chosen: Vec<i64> = chosen.iter().map(|number| number as i64).collect();
        features.index_select(0, &Tensor::from_slice(&chosen).to_device(features.device()))
    };
    torch::attempt(|| {
        let values: Vec<f64> =
            (0..subsets).map(|_| discrepancy(&draw(first, counts[0]), &draw(second, counts[1]))).collect();
        let mean = values.iter().sum::<f64>() / subsets as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / subsets as f64;
        Kernel { distance: mean, spread: variance.sqrt(), subsets, size }
    })
}

/// The estimate from two sets of the same size.
fn discrepancy(x: &Tensor, y: &Tensor) -> f64 {
    let (count, dim) = (x.size()[0] as f64, x.size()[1] as f64);
    let kernel =
        |a: &Tensor, b: &Tensor| (a.matmul(&b.tr()).to_kind(Kind::Double) / dim + 1.0).pow_tensor_scalar(3);
    let sum = |matrix: &Tensor| matrix.sum(Kind::Double).double_value(&[]);
    let others = |a: &Tensor| {
        let matrix = kernel(a, a);
        (sum(&matrix) - matrix.trace().double_value(&[])) / (count * (count - 1.0))
    };
    others(x) + others(y) - 2.0 * sum(&kernel(x, y)) / (count * count)
}
