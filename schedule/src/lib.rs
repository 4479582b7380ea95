//! The schedule file, the one contract between theory and trainer.

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod file;

pub use file::*;
