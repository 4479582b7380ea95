//! How near samples are to data: Fréchet distance (FID), kernel distance (KID), nearest neighbours; likelihood of data.

pub mod features;
pub mod frechet;
pub mod inception;
pub mod kernel;
pub mod likelihood;
pub mod neighbours;
pub mod selection;
pub mod statistics;
