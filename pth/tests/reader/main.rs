//! The reader against files of torch and numpy, files written here, and damaged ones.

mod form;
mod locate;
mod memory;
mod mutations;
mod numpy;
mod refused;
mod refused_arrays;
mod torch;
mod tree;
mod writer;
mod written;

use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
