//! A Gaussian mixture in the plane: data whose score is known exactly at every noise level.

use std::f64::consts::TAU;

use ncsn_theory::proposition1::Mixture;
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::Error;

/// Components, of equal weight, on a circle.
pub const COMPONENTS: usize = 8;
/// Radius of the circle.
pub const RADIUS: f64 = 4.0;
/// Standard deviation of each component.
pub const SPREAD: f64 = 0.25;

/// The centres, `[8, 2]`.
#[must_use]
pub fn centres() -> Array2<f64> {
    Array2::from_shape_fn((COMPONENTS, 2), |(k, axis)| {
        let angle = TAU * k as f64 / COMPONENTS as f64;
        RADIUS * if axis == 0 { angle.cos() } else { angle.sin() }
    })
}

/// The density at noise level σ, a mixture with standard deviation √(0.25² + σ²).
///
/// # Errors
/// Those of [`Mixture::new`].
pub fn noisy(sigma: f64) -> Result<Mixture, Error> {
    Ok(Mixture::new(centres().view(), SPREAD.hypot(sigma))?)
}

/// Points drawn from the mixture, row by row, and the component of each.
#[must_use]
pub fn draw(count: usize, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let centres = centres();
    let (mut points, mut components) = (Vec::with_capacity(2 * count), Vec::with_capacity(count));
    for _ in 0..count {
        let k = rng.random_range(0..COMPONENTS);
        components.push(k as u32);
        for axis in 0..2 {
            let normal: f64 = rng.sample(StandardNormal);
            points.push((centres[[k, axis]] + SPREAD * normal) as f32);
        }
    }
    (points, components)
}
