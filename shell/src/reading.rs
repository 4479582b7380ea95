//! Reading a data set from a command line: the options of every command that does, and a bar on a terminal.

use std::path::Path;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ncsn_data::{self as data, DataSet, Options, Split, ValueRange};

/// How items are read from a data set.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadArgs {
    /// Resize images so that the short side has this many pixels, then crop the centre to a square
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u32>,
    /// Crop the centre to a square of this many pixels before resizing
    #[arg(long, value_name = "PIXELS")]
    pub crop: Option<u32>,
    /// Put images in the middle of black squares of this many pixels, after all else
    #[arg(long, value_name = "PIXELS")]
    pub pad: Option<u32>,
    /// Leave out images that cannot be decoded, and report them
    #[arg(long)]
    pub skip_corrupt: bool,
    /// Which to read of several: array of .npz, column of parquet or CSV, resolution of LMDB, IDX file of a folder, suffix in
    /// WebDataset's shards
    #[arg(long, value_name = "NAME")]
    pub array: Option<String>,
    /// Stored values of bytes and images that become 0 and 255, such as 0,4095 [default: all that the type holds]
    #[arg(long, value_name = "LO,HI")]
    pub value_range: Option<ValueRange>,
    /// Turn images upright as their EXIF orientation says
    #[arg(long)]
    pub exif: bool,
    /// Each file of arrays in a folder holds many items, not one (known for CIFAR's and ImageNet's batches)
    #[arg(long)]
    pub batches: bool,
    /// Keep 16-bit images as numbers from 0 to 65535, instead of the nearest of 256 values
    #[arg(long)]
    pub full_depth: bool,
}

impl From<ReadArgs> for Options {
    fn from(args: ReadArgs) -> Self {
        let ReadArgs { size, crop, pad, skip_corrupt, array, value_range, exif, batches, full_depth } = args;
        Self {
            size,
            crop,
            pad,
            skip_corrupt,
            array,
            value_range,
            exif,
            batches,
            full_depth,
            split: Split::Train,
            classes: false,
            share: None,
        }
    }
}

/// Reads a data set with a progress bar on a terminal.
///
/// # Errors
/// Those of [`data::open`].
pub fn read(path: &Path, options: &Options) -> Result<DataSet, data::Error> {
    let bar = bar();
    bar.set_message("reading");
    let shown = bar.clone();
    let data = data::open(path, options, &move |done, total| {
        if let Some(total) = total {
            shown.set_length(total);
        }
        shown.set_position(done);
    });
    bar.finish_and_clear();
    data
}

/// A progress bar, which indicatif hides where standard error is no terminal.
#[must_use]
pub fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<26} {wide_bar} {human_pos}/{human_len} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
