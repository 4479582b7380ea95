//! How near samples are to data: Fréchet distance (FID), kernel distance (KID), nearest neighbours, people's errors (HYPE).

pub mod features;
pub mod frechet;
pub mod hype;
pub mod inception;
pub mod kernel;
pub mod neighbours;
pub mod selection;
pub mod statistics;
