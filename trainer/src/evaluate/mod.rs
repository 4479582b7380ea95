//! How near samples are to data: Fréchet distance (FID), kernel distance (KID), precision and recall, nearest neighbours, people's
//! errors (HYPE); likelihood of data.

mod bounds;
pub mod extrapolation;
pub mod features;
pub mod foreign;
pub mod frechet;
pub mod hype;
pub mod inception;
pub mod kernel;
pub mod likelihood;
pub mod manifold;
pub mod neighbours;
pub mod pairs;
pub mod score;
pub mod script;
pub mod selection;
pub mod statistics;
