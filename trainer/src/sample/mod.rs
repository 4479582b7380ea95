//! Sampling with a trained network.

mod langevin;
mod noise;

pub use langevin::{Progress, annealed_langevin, denoised, score_at};
pub use noise::{Noise, Streams, between};
