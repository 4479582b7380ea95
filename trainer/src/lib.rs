//! NCSN and NCSNv2 on libtorch: networks, training, sampling, and exchange of checkpoints.
//!
//! Schedules come from [`ncsn_theory`] through [`ncsn_schedule`]; this crate trains and samples with them.

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod ablation;
pub mod array_file;
pub mod authors;
pub mod bench;
pub mod checkpoint;
pub mod cli;
pub mod commands;
pub mod config;
pub mod dataset;
pub mod device;
pub mod diagnose;
pub mod error;
pub mod evaluate;
pub mod figures;
pub mod kernels;
pub mod layout;
pub mod log;
pub mod mixture;
pub mod model;
pub mod peers;
pub mod presets;
pub mod sample;
pub mod shapes;
pub mod sheet;
pub mod source;
pub mod tensor_file;
pub mod torch;
pub mod train;
pub mod weights;

pub use error::Error;
