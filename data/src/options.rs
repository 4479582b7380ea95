//! What to make of the files of a data set, and whom to tell of progress.

use std::path::Path;

use crate::error::Error;
use crate::share::Share;
use crate::split::Split;
use crate::values::ValueRange;

/// Bytes that deflate can make of one.
pub(crate) const DEFLATE_RATIO: u64 = 1032;

/// What to make of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Side of square images: the shorter side is resized to it, then the centre cropped to it.
    pub size: Option<u32>,
    /// Side of the centre crop taken before resizing.
    pub crop: Option<u32>,
    /// Side of black squares in whose middle images are put, after all else.
    pub pad: Option<u32>,
    /// Whether images that cannot be decoded are left out and counted instead of ending the reading.
    pub skip_corrupt: bool,
    /// Name of what to read where a source holds several: an array of an npz archive, an IDX file of a folder, a
    /// resolution of an LMDB database, a column of parquet files, a suffix of the files of a tar archive.
    pub array: Option<String>,
    /// Which part to read of data that have several.
    pub split: Split,
    /// Stored values of bytes and images that become 0 and 255, instead of all that their type can hold.
    pub value_range: Option<ValueRange>,
    /// Whether images are turned upright as EXIF says.
    pub exif: bool,
    /// Whether each file of arrays in a folder holds many items, instead of one.
    pub batches: bool,
    /// Whether 16-bit images are kept as numbers in their own units, instead of the nearest of 256 values.
    pub full_depth: bool,
    /// Whether classes that records of files begin with are read too.
    pub classes: bool,
    /// Which share of the rows is wanted, where several machines read the same data; none for all.
    ///
    /// Images and other items outside it are not decoded, and files of a folder not opened, but for a sample. Other rows are
    /// all there: [`DataSet::places`](crate::DataSet::places) says which are the share's.
    pub share: Option<Share>,
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (name, side, limit, allowed) in [
            ("size", self.size, 4096, "1 to 4096 pixels"),
            ("pad", self.pad, 4096, "1 to 4096 pixels"),
            ("crop", self.crop, 65_535, "1 to 65535 pixels"),
        ] {
            if let Some(side) = side.filter(|side| !(1..=limit).contains(side)) {
                return Err(Error::option(name, side, allowed));
            }
        }
        Ok(())
    }

    pub(crate) fn fits(&self) -> bool {
        self.size.is_some() || self.crop.is_some() || self.pad.is_some()
    }
}

/// Told of rows read so far, and of all rows where their number is known beforehand; called from any thread.
pub type Progress = dyn Fn(u64, Option<u64>) + Sync;

/// What to read, as each format's reader takes it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Where the data come from; the readers of streams name it in errors and row names only.
    pub path: &'a Path,
    /// What to make of them.
    pub options: &'a Options,
    /// Whom to tell.
    pub progress: &'a Progress,
}
