//! Certified noise schedules from a data set's name or its images: data sets, schedule files, reports and commands.
//!
//! The mathematics is in [`ncsn_theory`]; this crate reads data ([`data`]), measures it ([`measure`]), and writes what
//! the mathematics says about it ([`schedule_file`], [`commands`]).

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod certificate;
pub mod cli;
pub mod commands;
pub mod data;
pub mod escape;
pub mod fold;
pub mod foreign;
pub mod measure;
pub mod output;
pub mod panics;
pub mod plot;
pub mod report;
pub mod schedule_file;
