//! Data sets of images or vectors, as rows that can be read again in any order.
//!
//! One file per idea: `folder`, [`archive`] (by `tar`), [`zip_images`], [`lmdb`] and [`parquet`] find images, [`picture`] and `resize` make them rows of bytes;
//! [`idx`], [`cifar`], [`npy`] and [`npz`] read arrays; `rows` reads what came of it by position. Files whose values
//! lie there plainly are read in place; all else is decoded once into an anonymous temporary file (`TMPDIR`). Memory
//! does not grow with the data, but for names: eight bytes a row and the text.
//!
//! Rows of images are planes, `[channels, height, width]`; rows of npy arrays are as the array has them. The files must
//! not change while a data set is in use.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use guard::Guarded;
use picture::{Changes, Picture};
use pipeline::Content;

mod array;
mod collect;
mod element;
mod error;
mod exif;
mod folder;
mod jpeg;
mod leftovers;
mod names;
mod pipeline;
mod resize;
mod rows;
mod split;
mod spool;
mod tar;
mod values;

pub mod archive;
pub mod cifar;
pub mod escape;
pub mod guard;
pub mod idx;
pub mod lmdb;
pub mod npy;
pub mod npz;
pub mod parquet;
pub mod picture;
pub mod zip_images;

pub use error::Error;
pub use names::Names;
pub use rows::{ByteRows, FloatRows, Pixels, Rows};
pub use split::Split;
pub use values::ValueRange;

/// Bytes that deflate can make of one.
const DEFLATE_RATIO: u64 = 1032;

/// What to make of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Side of square images: the shorter side is resized to it, then the centre cropped to it.
    pub size: Option<u32>,
    /// Side of the centre crop taken before resizing.
    pub crop: Option<u32>,
    /// Whether images that cannot be decoded are left out and counted instead of ending the reading.
    pub skip_corrupt: bool,
    /// Name of what to read where a source holds several: an array of an npz archive, an IDX file of a folder, a
    /// resolution of an LMDB database, a column of parquet files.
    pub array: Option<String>,
    /// Which part to read of data that have several.
    pub split: Split,
    /// Stored values of bytes and images that become 0 and 255, instead of all that their type can hold.
    pub value_range: Option<ValueRange>,
    /// Whether images are turned upright as EXIF says.
    pub exif: bool,
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        for (name, side, limit, allowed) in
            [("size", self.size, 4096, "1 to 4096 pixels"), ("crop", self.crop, 65_535, "1 to 65535 pixels")]
        {
            if let Some(side) = side.filter(|side| !(1..=limit).contains(side)) {
                return Err(Error::Choice { name, value: side.into(), allowed });
            }
        }
        Ok(())
    }

    fn fits(&self) -> bool {
        self.size.is_some() || self.crop.is_some()
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
    /// What was done that the reader of a report should know: files chosen, images converted, images skipped.
    pub notes: Vec<String>,
    /// Corrupt images skipped on request.
    pub skipped: u64,
    digest: OnceLock<String>,
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

    /// The same rows, as images `[channels, height, width]`, at the crop and size asked for.
    fn fitted(self, request: &Request) -> Result<Self, Error> {
        if !request.options.fits() {
            return Ok(self);
        }
        let (Pixels::Bytes(rows), &[channels @ (1 | 3), height, width]) = (&self.rows, &self.shape[..])
        else {
            return self.unfitted(request);
        };
        let count = rows.len();
        // The range is applied already.
        let options = Options { value_range: Some(ValueRange::BYTES), ..request.options.clone() };
        let request = &Request { options: &options, ..*request };
        let mut fitted = pipeline::run(request, Some(count as u64), count as u64, |feed| {
            for row in 0..count {
                let mut pixels = vec![0; rows.dim()];
                rows.read(row, &mut pixels).map_err(Error::reading(request.path))?;
                let picture = Picture { channels, height, width, pixels, changes: Changes::default() };
                let name = self.names.get(row).unwrap_or_default();
                if feed.push(name, Content::Decoded(picture)).is_err() {
                    break;
                }
            }
            Ok(Default::default())
        })?;
        fitted.notes.splice(0..0, self.notes);
        Ok(Self { names: self.names, ..fitted })
    }

    /// The same rows, where no crop or size is asked for.
    fn unfitted(self, request: &Request) -> Result<Self, Error> {
        if request.options.fits() {
            return Err(Error::NotImages { path: request.path.into(), shape: self.shape });
        }
        Ok(self)
    }
}

/// Opens a data set: a folder or archive of images, or a file of arrays; files are told apart by their content.
///
/// Of a folder or archive with CIFAR's binary files, the training batches are read (a folder without them: its test
/// batch). CIFAR's records carry no magic word: any other file named `*.bin` is taken for them. Of a folder with MNIST's
/// files, that of the training images is read (without it, that of the test images).
///
/// A folder with `data.mdb` is an LMDB database. A folder with parquet files and no file named like an image is a table
/// in the order of their paths; of several splits, told by words of the paths, that of training is read.
///
/// [`Split::Test`] asks for the other part: CIFAR's test batch, MNIST's test images, the parquet files of the test
/// (else validation) split, the folder `test` (else `val` or `validation`) of a folder or archive of images.
/// [`Split::Train`] reads such a folder of images with all others, for a folder may hold anything;
/// [`Split::TrainAlone`] leaves it out. A single file of records or values is one part.
///
/// # Arguments
/// * path — folder, .tar, .tar.gz, .zip, IDX, IDX.gz, CIFAR binary, .npy, .npz, LMDB's data.mdb or .parquet
/// * options — size, crop, what to skip, which array
/// * progress — told of rows done
///
/// # Errors
/// * [`Error::Unreadable`], [`Error::UnknownFormat`], [`Error::SingleImage`], [`Error::Choice`], [`Error::Empty`]
/// * [`Error::NoSplit`] — no part of that name
/// * those of the format's reader
///
/// # Example
/// ```
/// use ncsn_data::{self as data, Options, Pixels, Rows};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("two.idx");
/// std::fs::write(&path, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40])?;
/// let data = data::open(&path, &Options::default(), &|_done, _total| {})?;
/// assert_eq!(data.shape, [1, 1, 2]);
/// let Pixels::Bytes(rows) = &data.rows else { panic!("bytes were written") };
/// let mut second = [0; 2];
/// rows.read(1, &mut second)?;
/// assert_eq!(second, [30, 40]);
/// assert_eq!(data.names.get(1).as_deref(), Some("two.idx#1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(path: &Path, options: &Options, progress: &Progress) -> Result<DataSet, Error> {
    options.check()?;
    let request = Request { path, options, progress };
    let metadata = fs::metadata(path).map_err(Error::reading(path))?;
    if metadata.is_dir() { open_folder(&request) } else { open_file(&metadata, &request) }
}

fn open_folder(request: &Request) -> Result<DataSet, Error> {
    let database = request.path.join(lmdb::FILE);
    if database.is_file() {
        Format::Lmdb.check_split(request)?;
        let file = File::open(&database).map_err(Error::reading(&database))?;
        return lmdb::read(file, &Request { path: &database, ..*request });
    }
    if let Some(files) = cifar::files_of(request.path, request.options.split)? {
        return cifar::open(&files, request);
    }
    if let Some((file, note)) = idx::file_of(request)? {
        let metadata = fs::metadata(&file).map_err(Error::reading(&file))?;
        let options = Options { array: None, split: Split::Train, ..request.options.clone() };
        let mut data = open_file(&metadata, &Request { path: &file, options: &options, ..*request })?;
        data.notes.insert(0, note);
        return Ok(data);
    }
    folder::open(request)
}

fn open_file(metadata: &fs::Metadata, request: &Request) -> Result<DataSet, Error> {
    let &Request { path, options, .. } = request;
    if !metadata.is_file() {
        let reason = io::Error::new(io::ErrorKind::Unsupported, "neither a folder nor a regular file");
        return Err(Error::Unreadable { path: path.into(), reason });
    }
    let mut file = File::open(path).map_err(Error::reading(path))?;
    let head = head(&mut file).map_err(Error::reading(path))?;
    file.rewind().map_err(Error::reading(path))?;
    let format = Format::of(&head, path)?;
    if let (Some(name), Format::Npy | Format::Gzip | Format::Tar | Format::Idx | Format::Cifar) =
        (&options.array, format)
    {
        return Err(Error::NoArray { path: path.into(), name: name.clone(), arrays: Vec::new() });
    }
    format.check_split(request)?;
    match format {
        Format::Npy => npy::open(file, request),
        Format::Zip => zip_images::read(BufReader::new(file), request),
        Format::Idx => idx::open(file, request),
        Format::Lmdb => lmdb::read(file, request),
        Format::Parquet => parquet::read(file, request),
        Format::Tar => archive::read(BufReader::with_capacity(1 << 17, file), request),
        Format::Cifar => cifar::open(&[path.into()], request),
        Format::Gzip => open_gzip(file, metadata.len(), request),
    }
}

/// A compressed tar archive or IDX file.
fn open_gzip(file: File, stored: u64, request: &Request) -> Result<DataSet, Error> {
    let mut unpacked = Guarded(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, file)));
    let head = head(&mut unpacked).map_err(Error::unpacking(request.path))?;
    let whole = BufReader::with_capacity(1 << 17, io::Cursor::new(head.clone()).chain(unpacked));
    let format = Format::of(&head, request.path)?;
    format.check_split(request)?;
    match format {
        Format::Idx => idx::read(whole, Some((stored, DEFLATE_RATIO)), request),
        Format::Tar => archive::read(whole, request),
        _ => Err(Error::UnknownFormat { path: request.path.into() }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Npy,
    Zip,
    Gzip,
    Tar,
    Idx,
    Cifar,
    Lmdb,
    Parquet,
}

impl Format {
    /// The format of a file by its first bytes; CIFAR's records by their name, for pixels may look like anything.
    fn of(head: &[u8], path: &Path) -> Result<Self, Error> {
        let named_bin = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("bin"));
        if named_bin {
            Ok(Self::Cifar)
        } else if npy::is_header(head) {
            Ok(Self::Npy)
        } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            Ok(Self::Zip)
        } else if head.starts_with(&[0x1f, 0x8b]) {
            Ok(Self::Gzip)
        } else if tar::is_header(head) {
            Ok(Self::Tar)
        } else if lmdb::is_header(head) {
            Ok(Self::Lmdb)
        } else if parquet::is_header(head) {
            Ok(Self::Parquet)
        } else if idx::is_header(head) {
            Ok(Self::Idx)
        } else if picture::is_image(head) {
            Err(Error::SingleImage { path: path.into() })
        } else {
            Err(Error::UnknownFormat { path: path.into() })
        }
    }

    /// Refuses to look for a test part in a file of a format that has none.
    fn check_split(self, request: &Request) -> Result<(), Error> {
        match (request.options.split, self) {
            (Split::Train | Split::TrainAlone, _) | (Split::Test, Self::Tar | Self::Gzip | Self::Zip) => {
                Ok(())
            }
            (Split::Test, _) => Err(Error::no_split(request)),
        }
    }
}

/// The first bytes, as many as a tar header has.
fn head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    input.take(512).read_to_end(&mut head)?;
    Ok(head)
}
