//! The diameter of data that several machines read, each its share: what a share writes, and what all together say.
//!
//! ```text
//! make     a share's rows, the common centre, the share's own diameter, the rows far from the centre → a file
//! format   the file: safetensors whose header says what the rows are of, and whose last tensor is a SHA-256
//! file     one that is read, and found whole
//! store    the rows of all files as one store
//! merge    files that belong together → the diameter of the whole, or which shares must keep more rows
//! ```
//!
//! No share waits for another. That the result is exact is decided by [`merge`] alone, from what shares say they left
//! out: [`ncsn_diameter::part`] has the argument.

mod file;
pub mod format;
mod make;
mod merge;
mod store;

pub use file::ShardFile;
pub use format::{Header, Square};
pub use make::{Made, make};
pub use merge::{Merged, merge};
