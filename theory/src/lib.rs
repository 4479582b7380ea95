//! The mathematics of Song & Ermon, "Improved Techniques for Training Score-Based Generative Models" (2020), as
//! certified numerics.

pub mod chi_overlap;
pub mod diameter;
pub mod ema;
pub mod error;
pub mod gamma;
mod geometric;
pub mod interval;
pub mod langevin;
pub mod normal;
pub mod poster;
pub mod proposition1;
pub mod proposition2;
pub mod proposition3;
mod root;
pub mod schedule;
#[cfg(feature = "lapack")]
pub mod spectrum;

pub use error::Error;
