//! NCSN and NCSNv2 on libtorch: networks, training, sampling, and exchange of checkpoints.
//!
//! Schedules come from [`ncsn_theory`] through [`ncsn::schedule_file`]; this crate trains and samples with them.

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod error;
pub mod model;
pub mod tensor_file;
pub mod torch;

pub use error::Error;
