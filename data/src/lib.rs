//! Data sets of images or vectors, as rows that can be read again in any order.
//!
//! ```text
//! roof    open        which reader a path is for; several paths as one (pattern, join); hints for what is none
//!         labels      classes of the rows
//!         folder      files below a folder; class: images, or else arrays
//!         formats     one file or folder for each format
//! items   pipeline    images and arrays through decoders on all cores and back into order
//!         picture     an encoded image to planes, as Pillow decodes and resizes it
//! floor   set, rows   what is given back; rows are read by position, from the file they came in or a temporary one
//!         array, writer, transpose, spool   values in place, or written once as rows hold them
//!         options, split, share, values, error     what is asked for, and what can go wrong
//! ```
//!
//! Files are told apart by their content. Values that lie plainly in a file are read in place; all else is decoded once
//! into an anonymous temporary file (`TMPDIR`). Memory does not grow with the data, but for names: eight bytes a row and
//! the text.
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
mod labels;
mod layout;
mod names;
mod numbers;
mod open;
mod options;
mod packing;
mod parts;
mod pattern;
mod pipeline;
mod rows;
mod set;
mod share;
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
pub use labels::{Labels, Source as LabelSource, labels};
pub use names::Names;
pub use open::open;
pub use options::{Options, Progress, Request};
pub use pattern::pattern_of;
pub use rows::{ByteRows, FloatRows, Pixels, Rows};
pub use set::DataSet;
pub use share::{Place, Places, Share};
pub use split::Split;
pub use values::ValueRange;
