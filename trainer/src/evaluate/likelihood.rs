//! Log densities as bits per dimension, and how wrong they may be.

use std::f64::consts::{LN_2, TAU};

use tch::{Kind, Tensor};

use crate::Error;
use crate::sample::Streams;

/// Values of a byte.
const VALUES: i64 = 256;

/// What is added to items before their density is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// Nothing.
    Nothing,
    /// Normal noise of σ_L, as in training.
    Noise,
    /// What spreads each byte evenly over its 256th of [0, 1].
    Spread,
}

/// Points at which a density is asked for, and what it takes to make bits of it.
#[derive(Debug)]
pub struct Points {
    /// `[batch, …]`.
    pub x: Tensor,
    /// Bits of each item beside −log₂ p, `[batch]` in double precision; 0 where items are not bytes.
    pub bits: Tensor,
}

/// Points for items.
///
/// # Formula
/// For bytes of pixels y in [0, 1], with z standard normal and u uniform in [0, 1):
/// ```text
/// Noise:   x = y + σ·z            bits(y) ≤ E[−log₂ p(x) + Σ_d log₂ Σ_b N(x_d; b/255, σ²)],   b = 0 … 255
/// Spread:  x = (255·y + u)/256    bits(y) ≤ E[−log₂ p(x)] + 8·D
/// ```
/// Both bound −log₂ of the probability that a model with the density p gives to the bytes: with noise, one that draws x
/// from p and then each byte with the probability ∝ N(x_d; b/255, σ²); with the other, one that draws x and rounds down.
///
/// # Arguments
/// * `items` — `[batch, …]`, pixels in [0, 1] where they are bytes
/// * `sigma` — σ_L
/// * `streams` — of the items, for z or u
///
/// # Errors
/// [`Error::Setting`] for [`Added::Spread`] where items are not bytes; those of [`Streams`].
///
/// # Source
/// Kingma et al. (2021), "Variational diffusion models", equations (8) and (11), for the noise; Theis et al. (2016), "A
/// note on the evaluation of generative models", section 3.1, for even spreading, which Song et al. (2021) do.
pub fn points(
    items: &Tensor,
    are_bytes: bool,
    added: Added,
    sigma: f64,
    streams: &mut Streams,
) -> Result<Points, Error> {
    let (batch, dim) = (items.size()[0], items.numel() as f64 / items.size()[0] as f64);
    let constant = |bits: f64| Tensor::full([batch], bits, (Kind::Double, items.device()));
    match (added, are_bytes) {
        (Added::Nothing, _) => Ok(Points { x: items.shallow_clone(), bits: constant(0.0) }),
        (Added::Noise, false) => Ok(Points { x: items + streams.normal()? * sigma, bits: constant(0.0) }),
        (Added::Noise, true) => {
            let x = items + streams.normal()? * sigma;
            let bits = decoding_bits(&x, sigma);
            Ok(Points { x, bits })
        }
        (Added::Spread, true) => {
            let x = (items * 255.0 + streams.uniform()?) / VALUES as f64;
            Ok(Points { x, bits: constant(8.0 * dim) })
        }
        (Added::Spread, false) => Err(Error::setting("--add", "spread", "noise or nothing: no bytes")),
    }
}

/// Σ_d log₂ Σ_b N(x_d; b/255, σ²), `[batch]` in double precision.
fn decoding_bits(x: &Tensor, sigma: f64) -> Tensor {
    let x = x.flatten(1, -1).to_kind(Kind::Double);
    // The byte that x was made of is a few σ away, so that the sum does not underflow.
    let sum = (0..VALUES).fold(x.zeros_like(), |sum, byte| {
        sum + ((&x - byte as f64 / 255.0).square() / (-2.0 * sigma * sigma)).exp()
    });
    (sum / (TAU.sqrt() * sigma)).log2().sum_dim_intlist([1_i64].as_slice(), false, Kind::Double)
}

/// Mean of items, and its errors, all in the units of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of items.
    pub count: usize,
    /// Mean over the items.
    pub mean: f64,
    /// Standard deviation over the items; none of one.
    pub deviation: Option<f64>,
    /// Standard error of the mean for more items of the same law: the deviation by √count.
    pub standard_error: Option<f64>,
    /// Part of it: the standard error of the mean for these items and other probes; none where the trace is exact.
    pub probes: Option<f64>,
    /// By how much the mean is too large for the number of steps, by Richardson's rule for third order.
    pub steps: f64,
}

/// What values of items say.
///
/// # Formula
/// For n items and P probes, v_ip of item i by probe p, w_ip the same by half of the steps
/// ```text
/// v_i = mean_p v_ip;   deviation of v_i;   probes = √(Σ_i s_i²/P)/n,  s_i² the variance of v_ip over p
/// steps = mean of (w_ip − v_ip)/7:  for third order v − v∞ ≈ c/N³ and w − v∞ ≈ 8c/N³
/// ```
/// # Arguments
/// * `values`, `halved` — `[probes, items]`
#[must_use]
pub fn summary(values: &Tensor, halved: &Tensor) -> Summary {
    let [probes, count] = [values.size()[0], values.size()[1]];
    let of_items = values.mean_dim([0_i64].as_slice(), false, Kind::Double);
    let mean = |x: &Tensor| x.mean(Kind::Double).double_value(&[]);
    let deviation = (count > 1).then(|| of_items.std(true).double_value(&[]));
    let variance = || {
        let over_probes = values.var_correction([0_i64].as_slice(), 1, false);
        over_probes.sum(Kind::Double).double_value(&[]) / probes as f64
    };
    Summary {
        count: count as usize,
        mean: mean(&of_items),
        deviation,
        standard_error: deviation.map(|deviation| deviation / (count as f64).sqrt()),
        probes: (probes > 1).then(|| variance().sqrt() / count as f64),
        steps: mean(&(halved - values)) / 7.0,
    }
}

/// The most that the start costs, for an exact score: N(0, σ₁²I) in place of the data with noise of σ₁, in nats.
///
/// # Formula
/// ```text
/// KL(law of y + σ₁z ‖ N(0, σ₁²I)) ≤ E KL(N(y, σ₁²I) ‖ N(0, σ₁²I)) = E‖y‖²/(2σ₁²)
/// ```
/// since the divergence is convex.
///
/// # Arguments
/// * `items` — y, `[batch, …]`; the result is ‖y‖²/(2σ₁²) of each, `[batch]`
pub fn cost_of_start(items: &Tensor, sigma_max: f64) -> Tensor {
    let squares = items.flatten(1, -1).to_kind(Kind::Double).square();
    squares.sum_dim_intlist([1_i64].as_slice(), false, Kind::Double) / (2.0 * sigma_max * sigma_max)
}

/// The least bits per dimension of bytes that are spread evenly, for any density smoothed by noise of σ.
///
/// # Formula
/// 8 + ½·log₂(2πσ²), since ∫ p(y)·N(x; y, σ²I) dy ≤ (2πσ²)^(−D/2)
#[must_use]
pub fn least_bits(sigma: f64) -> f64 {
    8.0 + 0.5 * (TAU * sigma * sigma).log2()
}

/// Bits per dimension of each item, `[probes, batch]`, from ln p of the same shape and [`Points::bits`].
pub fn bits_per_dimension(ln_p: &Tensor, bits: &Tensor, dim: u64) -> Tensor {
    (ln_p / -LN_2 + bits) / dim as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::ln_normal;

    #[test]
    fn no_smoothed_density_is_higher_than_that_of_a_single_item() {
        // 2πσ² = 1 adds nothing to the 8 bits.
        assert!((least_bits(TAU.sqrt().recip()) - 8.0).abs() < 1e-14);
        // At the one item, a mixture of one has the bound itself.
        let at = Tensor::zeros([1, 3, 4], (Kind::Double, tch::Device::Cpu));
        let bits = bits_per_dimension(&ln_normal(&at, 0.01), &Tensor::from(8.0 * 12.0), 12);
        assert!((bits.double_value(&[0]) - least_bits(0.01)).abs() < 1e-12);
        // Source: mpmath, 8 + log(2*pi*mpf(10)**-4, 2)/2.
        assert!((least_bits(0.01) - 2.681_891_874_961_434_7).abs() < 1e-14);
    }
}
