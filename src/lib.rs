//! Certified noise schedules from a data set's name or its images: the commands of `ncsn`.
//!
//! The mathematics is in [`ncsn_theory`] and [`ncsn_diameter`], reading in [`ncsn_data`]; this crate measures data
//! ([`measure`]) and writes what the mathematics says about them ([`ncsn_schedule`], [`commands`]).

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod certificate;
pub mod choices;
pub mod cli;
pub mod commands;
pub mod figures;
pub mod foreign;
pub mod measure;
pub mod report;
pub mod shard;
pub mod stated;
