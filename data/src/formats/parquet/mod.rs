//! Parquet, as Hugging Face stores images: a column of encoded images, in one file or in several.
//!
//! A reader of its own, of the little that images need: the crate `parquet` (60.1) panics on 105 of the single-byte
//! changes of five small files, and takes nearly two CPU minutes to compile. Read are columns of bytes, plain or by
//! dictionary, in pages of either version, not compressed or by Snappy, gzip or Zstandard; row group by row group.
//! Memory holds a page and its unpacked form, 1 GiB each at most.
//!
//! Parquet's checksums are optional, and checked where they are.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use footer::{Chunk, Column, Footer};

use crate::choose::Offer;
use crate::error::Error;
use crate::files::slashed;
use crate::options::{DEFLATE_RATIO, Request};
use crate::pipeline::{self, Content, Feed, Leftovers};
use crate::set::DataSet;
use crate::split::{self, Part};

mod footer;
mod header;
mod pages;
mod thrift;
mod values;

/// Whether a file begins like parquet.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.starts_with(footer::MAGIC)
}

/// Reads the images of one file.
///
/// The column of images is the only one that is a structure with a column `bytes`, else the only one of plain bytes;
/// of several, the option `array` names one. A null in place of an image counts as a corrupt one.
///
/// # Errors
/// * `Kind::Choose` — no column of bytes; `Kind::Choose` — several; `Kind::Choose` — none of the name
/// * `Kind::Damaged`, `Kind::Unpack` — a damaged file, or encodings that are not read
/// * `Kind::Damaged` — a promise of more than 1032 times the file's bytes
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub fn read(mut input: impl Read + Seek + Send, request: &Request) -> Result<DataSet, Error> {
    let name = request.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shard = Shard::open(&mut input, request.path.into(), name, request.options.array.as_deref())?;
    pipeline::run(request, Some(shard.rows()), shard.rows(), |feed| {
        shard.feed(&mut input, feed)?;
        Ok(Leftovers::default())
    })
}

/// Whether a name promises parquet.
pub(crate) fn has_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("parquet"))
}

/// Reads the files of a folder in the order given, those of one split.
///
/// # Arguments
/// * files — paths relative to the folder
/// * leftovers — what else the folder holds
///
/// # Errors
/// `Kind::NoSplit`; those of [`read`], by file.
pub(crate) fn open(
    files: Vec<PathBuf>,
    mut leftovers: Leftovers,
    request: &Request,
) -> Result<DataSet, Error> {
    let all = files.len();
    let files = files.into_iter().map(|file| (Part::of_path(&slashed(&file)), file)).collect();
    let files = split::choose(files, request.options.split)
        .ok_or_else(|| Error::no_split(request.path, request.options.split))?;
    let left_out = all - files.len();
    let mut shards: Vec<Shard> = Vec::with_capacity(files.len());
    for file in files {
        let path = request.path.join(&file);
        // The first file decides which column is read of all.
        let named = request.options.array.as_deref();
        let column = named.or(shards.first().map(|shard| shard.column.name.as_str()));
        let mut input = File::open(&path).map_err(Error::reading(&path))?;
        let shard = Shard::open(&mut input, path, slashed(&file), column)?;
        shards.push(shard);
    }
    let rows = shards.iter().map(Shard::rows).sum();
    pipeline::run(request, Some(rows), rows, move |feed| {
        for shard in &shards {
            let mut input = File::open(&shard.path).map_err(Error::reading(&shard.path))?;
            if !shard.feed(&mut input, feed)? {
                break;
            }
        }
        if left_out > 0 {
            let split = request.options.split;
            leftovers.notes.push(format!("{left_out} parquet files outside the {split} split left out"));
        }
        Ok(leftovers)
    })
}

/// A file whose footer has been read.
struct Shard {
    path: PathBuf,
    /// Begins the names of the rows.
    name: String,
    column: Column,
    chunks: Vec<Chunk>,
    /// Bytes of the file.
    length: u64,
}

impl Shard {
    fn open(
        input: &mut (impl Read + Seek),
        path: PathBuf,
        name: String,
        array: Option<&str>,
    ) -> Result<Self, Error> {
        let footer = Footer::read(input, &path)?;
        let column = choose(footer.columns()?, array, &path)?;
        let chunks = footer.chunks(&column)?;
        let length = footer.file_length();
        Ok(Self { name, column, chunks, length, path })
    }

    fn rows(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.rows).sum()
    }

    /// Hands over the images; whether to go on.
    fn feed(&self, input: &mut (impl Read + Seek), feed: &mut Feed) -> Result<bool, Error> {
        let (mut row, mut bytes) = (0_u64, 0_u64);
        let mut take = |value: Option<&[u8]>| {
            let image = value.unwrap_or_default();
            // A dictionary can repeat an image at the cost of a bit or less.
            bytes += image.len() as u64;
            if bytes > self.length.saturating_mul(DEFLATE_RATIO) {
                return Err(Error::ratio(&self.path, bytes, self.length, DEFLATE_RATIO));
            }
            let pushed = feed.push(format!("{}#{row}", self.name), Content::Encoded(image.to_vec()));
            row += 1;
            Ok(pushed.is_ok())
        };
        for chunk in &self.chunks {
            if !pages::read(input, &self.path, &self.column, chunk, &mut take)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The column named, else the only structure with bytes, else the only column of bytes.
fn choose(
    (columns, all): (Vec<Column>, Vec<String>),
    array: Option<&str>,
    path: &Path,
) -> Result<Column, Error> {
    let offers = |columns: &[Column]| columns.iter().map(|c| Offer::named(&c.name)).collect::<Vec<_>>();
    if array.is_some() {
        let index = crate::choose::choose(path, &offers(&columns), array)?;
        return Ok(columns[index].clone());
    }
    let (structures, plain): (Vec<_>, Vec<_>) = columns.into_iter().partition(|column| column.structure);
    let mut candidates = if structures.is_empty() { plain } else { structures };
    if candidates.is_empty() {
        return Err(Error::no_column(path, &all));
    }
    let index = crate::choose::choose(path, &offers(&candidates), None)?;
    Ok(candidates.swap_remove(index))
}
