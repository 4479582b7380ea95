//! A data set: its rows, their names, what was done to them.

use std::io;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::names::Names;
use crate::rows::{Pixels, Rows};
use crate::share::Places;
use crate::spool;

/// Rows of one shape, with their names and origin.
#[derive(Debug)]
pub struct DataSet {
    /// The rows.
    pub rows: Pixels,
    /// Shape of one row: `[channels, height, width]` for images, else as stored.
    pub shape: Vec<usize>,
    /// Whether the format says that rows are planes of channels; an array does not say which of its axes are what.
    pub planes: bool,
    /// Names of the rows.
    pub names: Names,
    /// Class of each row, where the format's records name it (CIFAR, ImageNet-32) and the options ask for it.
    pub classes: Option<Vec<u32>>,
    /// What was done that the reader of a report should know: files chosen, images converted, images skipped.
    pub notes: Vec<String>,
    /// Corrupt images skipped on request.
    pub skipped: u64,
    /// Where the rows stand in the whole, if they were read for a share.
    pub places: Option<Places>,
    pub(crate) digest: OnceLock<String>,
}

impl DataSet {
    /// SHA-256 of the content, in hexadecimal; rows read in place are hashed on the first call.
    ///
    /// # Formula
    /// ```text
    /// SHA-256 of all rows in order, u8 or little-endian f32 or f64, followed by the line "TYPE NxSHAPE\n",
    /// such as "u8 50000x3x32x32\n"
    /// ```
    ///
    /// # Errors
    /// Those of reading the rows.
    pub fn digest(&self) -> io::Result<&str> {
        if let Some(digest) = self.digest.get() {
            return Ok(digest);
        }
        let mut hash = Sha256::new();
        let row = self.rows.dim() * if let Pixels::Floats(floats) = &self.rows { floats.width() } else { 1 };
        let together = ((1 << 18) / row).max(1);
        let mut buffer = vec![0; together.min(self.rows.len()) * row];
        for first in (0..self.rows.len()).step_by(together) {
            let part = &mut buffer[..together.min(self.rows.len() - first) * row];
            match &self.rows {
                Pixels::Bytes(rows) => rows.read(first, part)?,
                Pixels::Floats(rows) => rows.read_bytes(first, part)?,
            }
            hash.update(part);
        }
        let element = match &self.rows {
            Pixels::Bytes(_) => "u8",
            Pixels::Floats(rows) if rows.is_double() => "f64",
            Pixels::Floats(_) => "f32",
        };
        Ok(self.digest.get_or_init(|| spool::digest(hash, element, self.rows.len(), &self.shape)))
    }
}
