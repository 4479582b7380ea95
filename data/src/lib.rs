//! Data sets of images or vectors, as rows that can be read again in any order.
//!
//! One file per idea: `folder`, [`archive`] (by `tar`), [`zip_images`], [`lmdb`] and [`parquet`] find images, [`picture`] and `resize` make them rows of bytes;
//! [`idx`], [`cifar`], [`npy`] and [`npz`] read arrays; `rows` reads what came of it by position. Files whose values
//! lie there plainly are read in place; all else is decoded once into an anonymous temporary file (`TMPDIR`). Memory
//! does not grow with the data, but for names: eight bytes a row and the text.
//!
//! Rows of images are planes, `[channels, height, width]`; rows of npy arrays are as the array has them. The files must
//! not change while a data set is in use.

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod adjust;
mod array;
mod array_file;
mod choose;
mod class;
mod element;
mod error;
mod files;
mod folder;
mod hints;
mod join;
mod layout;
mod names;
mod numbers;
mod open;
mod options;
mod packing;
mod pattern;
mod pipeline;
mod rows;
mod set;
mod split;
mod spool;
mod transpose;
mod values;
mod writer;

pub mod escape;
pub mod formats;
pub mod guard;
pub mod picture;

pub use error::{Error, Kind};
pub use names::Names;
pub use open::open;
pub use options::{Options, Progress, Request};
pub use pattern::pattern_of;
pub use rows::{ByteRows, FloatRows, Pixels, Rows};
pub use set::DataSet;
pub use split::Split;
pub use values::ValueRange;
