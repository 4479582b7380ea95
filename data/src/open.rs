//! Which reader a path is for.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use crate::array_file::ArrayFile;
use crate::error::Error;
use crate::files::{file_name, is_tar};
use crate::folder;
use crate::formats::{
    archive, arrow, hdf5, idx, lmdb, mat, npy, npz, parquet, records, tar, text, tfrecord, zip_images,
};
use crate::hints;
use crate::join::join;
use crate::options::{Options, Progress, Request};
use crate::packing::Packing;
use crate::pattern::expand;
use crate::picture;
use crate::set::DataSet;
use crate::share::Places;
use crate::split::{self, Part, Split};

/// Opens a data set: a folder or archive of images, or a file of arrays; files are told apart by their content.
///
/// Of a folder or archive with CIFAR's binary files, the training batches are read (a folder without them: its test
/// batch). CIFAR's records carry no magic word: any other file named `*.bin` is taken for them. Of a folder with MNIST's
/// files, that of the training images is read (without it, that of the test images).
///
/// A folder with `data.mdb` is an LMDB database. A folder with parquet or Arrow files and no file named like an image is a
/// table in the order of their paths; of several splits, told by words of the paths, that of training is read.
///
/// [`Split::Test`] asks for the other part: CIFAR's test batch, MNIST's test images, the tables of the test
/// (else validation) split, the folder `test` (else `val` or `validation`) of a folder or archive of images.
/// [`Split::Train`] reads such a folder of images with all others, for a folder may hold anything;
/// [`Split::TrainAlone`] leaves it out. A single file of records or values is one part.
///
/// A folder that is none of these, but above one that is (as torchvision's and LSUN's download roots are), stands for it.
/// A pattern with braces, as shells have them, stands for several paths, whose rows follow each other; `-` is standard
/// input, which is copied to a temporary file first.
///
/// # Arguments
/// * `path` — a folder, a file, a pattern, or `-`
/// * `options` — size, crop, what to skip, which array
/// * `progress` — told of rows done
///
/// # Errors
/// [`Error`], with the kind of fault, the path and one line that says what is wrong and what is allowed.
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
    let mut data = open_any(&Request { path, options, progress })?;
    let count = data.rows.len();
    data.places = data.places.or_else(|| options.share.map(|share| Places::of_whole(share, count)));
    Ok(data)
}

/// What a path stands for: one source, several, or standard input.
fn open_any(request: &Request) -> Result<DataSet, Error> {
    let path = request.path;
    if path.as_os_str() == "-" {
        return open_standard_input(request);
    }
    match &expand(path)?[..] {
        [one] => open_path(&Request { path: one, ..*request }),
        several if several.iter().all(|path| is_tar(&file_name(path))) => {
            archive::open_shards(several, &[], request)
        }
        several => {
            let open =
                |path: &PathBuf| Ok((path.display().to_string(), open_path(&Request { path, ..*request })?));
            let sets = several.iter().map(open).collect::<Result<Vec<_>, Error>>()?;
            join(sets)?.ok_or_else(|| Error::no_rows(path))
        }
    }
}

fn open_path(request: &Request) -> Result<DataSet, Error> {
    let metadata = fs::metadata(request.path).map_err(Error::reading(request.path))?;
    if metadata.is_dir() { open_folder(request) } else { open_file(&metadata, request) }
}

/// Most readers go back and forth: what comes only once is kept in a file, which vanishes when it is open.
fn open_standard_input(request: &Request) -> Result<DataSet, Error> {
    let folder = tempfile::tempdir().map_err(Error::spooling)?;
    let path = folder.path().join("standard input");
    let mut file = File::create(&path).map_err(Error::spooling)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(Error::spooling)?;
    open_path(&Request { path: &path, ..*request })
}

fn open_folder(request: &Request) -> Result<DataSet, Error> {
    if let Some(set) = Known::of(request)? {
        return set.open(request);
    }
    let mut below = Vec::new();
    if !folder::has_images(request.path)? {
        find_below(request, request.path, DEPTH, &mut below)?;
    }
    if let [path] = &below[..] {
        return open_folder(&Request { path, ..*request });
    }
    let parts = below.into_iter().map(|path| (Part::of_path(&file_name(&path)), path)).collect();
    let chosen = split::choose(parts, request.options.split);
    match &chosen.unwrap_or_default()[..] {
        [path] => {
            let options = Options { split: Split::Train, ..request.options.clone() };
            open_folder(&Request { path, options: &options, ..*request })
        }
        [] => folder::open(request),
        several => {
            let shown: Vec<String> = several.iter().map(|path| crate::escape::path(path)).collect();
            Err(Error::option(
                "the folder",
                format!("{}, above {} data sets", crate::escape::path(request.path), several.len()),
                &format!("one of {}", shown.join(", ")),
            ))
        }
    }
}

/// Folders that are gone down to find a data set.
pub(crate) const DEPTH: usize = 2;

/// The folders that are data sets of published names, below one that is none.
fn find_below(request: &Request, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    for path in folder::folders_in(folder)? {
        if Known::of(&Request { path: &path, options: &Options::default(), ..*request })?.is_some() {
            found.push(path);
        } else if depth > 1 {
            find_below(request, &path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// A folder whose files have published names.
enum Known {
    Lmdb(PathBuf),
    Records(Vec<(records::Known, PathBuf)>),
    Idx(PathBuf, String),
}

impl Known {
    fn of(request: &Request) -> Result<Option<Self>, Error> {
        let database = request.path.join(lmdb::FILE);
        if database.is_file() {
            return Ok(Some(Self::Lmdb(database)));
        }
        if let Some(files) = records::files_of(request)? {
            return Ok(Some(Self::Records(files)));
        }
        Ok(idx::file_of(request)?.map(|(file, note)| Self::Idx(file, note)))
    }

    fn open(self, request: &Request) -> Result<DataSet, Error> {
        match self {
            Self::Lmdb(path) => {
                Format::Lmdb.check_options(request.options, request.path)?;
                let file = File::open(&path).map_err(Error::reading(&path))?;
                lmdb::read(file, &Request { path: &path, ..*request })
            }
            Self::Records(files) => records::open(&files, request),
            Self::Idx(path, note) => {
                let options = Options { array: None, split: Split::Train, ..request.options.clone() };
                let mut data = open_path(&Request { path: &path, options: &options, ..*request })?;
                data.notes.insert(0, note);
                Ok(data)
            }
        }
    }
}

fn open_file(metadata: &fs::Metadata, request: &Request) -> Result<DataSet, Error> {
    let &Request { path, options, .. } = request;
    if !metadata.is_file() {
        let reason = io::Error::new(io::ErrorKind::Unsupported, "neither a folder nor a regular file");
        return Err(Error::reading(path)(reason));
    }
    let reading = || Error::reading(path);
    let mut file = File::open(path).map_err(reading())?;
    let head = head(&mut file).map_err(reading())?;
    file.rewind().map_err(reading())?;
    if let Some(packing) = Packing::of(&head) {
        return open_packed(packing, metadata.len(), request);
    }
    let format = Format::of(&head, path)?;
    format.check_options(options, path)?;
    match format {
        Format::Array(form) => form.open(file, request),
        Format::Zip => zip_images::read(BufReader::new(file), request),
        Format::Idx => idx::open(file, request),
        Format::Lmdb => lmdb::read(file, request),
        Format::Parquet => parquet::read(file, request),
        Format::Mat => mat::read(file, request),
        Format::Hdf5 => hdf5::read(file, request),
        Format::TfRecord => tfrecord::read(BufReader::with_capacity(1 << 17, file), request),
        Format::Text => text::read(file, request),
        Format::Arrow => arrow::read(file, request),
        Format::Tar => {
            let open = || Ok(BufReader::with_capacity(1 << 17, File::open(path).map_err(reading())?));
            archive::open(open, request)
        }
        Format::Records => records::open_file(path, request),
    }
}

/// A compressed file of one of the formats that are read front to back.
fn open_packed(packing: Packing, stored: u64, request: &Request) -> Result<DataSet, Error> {
    let &Request { path, options, .. } = request;
    let open = || {
        let file = File::open(path).map_err(Error::reading(path))?;
        let mut unpacked = packing.unpack(file);
        let head = head(&mut unpacked).map_err(Error::unpacking(path))?;
        let whole = BufReader::with_capacity(1 << 17, Cursor::new(head.clone()).chain(unpacked));
        Ok((head, whole))
    };
    let (head, whole) = open()?;
    let format = Format::of(&head, &path.with_extension(""))?;
    format.check_options(options, path)?;
    let stored = packing.ratio().map(|limit| (stored, limit));
    match format {
        Format::Idx => idx::read(whole, stored, request),
        Format::Array(ArrayFile::Npy) => npy::read(whole, request),
        Format::TfRecord => tfrecord::read(whole, request),
        Format::Text => text::read(whole, request),
        Format::Tar => archive::open(|| Ok(open()?.1), request),
        Format::Zip
        | Format::Lmdb
        | Format::Parquet
        | Format::Arrow
        | Format::Mat
        | Format::Hdf5
        | Format::Records
        | Format::Array(_) => {
            Err(Error::unknown(path, "holds a compressed file that must be unpacked before it is read"))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Array(ArrayFile),
    Zip,
    Tar,
    Idx,
    Lmdb,
    Parquet,
    Arrow,
    TfRecord,
    Mat,
    Hdf5,
    Text,
    /// Of a published name, or CIFAR's by the suffix: pixels may look like anything.
    Records,
}

impl Format {
    /// The format of a file by its first bytes, or by its name where it has no mark.
    fn of(head: &[u8], path: &Path) -> Result<Self, Error> {
        let named_bin = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("bin"));
        if named_bin && !npz::is_header(head) {
            Ok(Self::Records)
        } else if let Some(form) = ArrayFile::of(head).filter(|&form| form != ArrayFile::Npz) {
            Ok(Self::Array(form))
        } else if npz::is_header(head) {
            Ok(Self::Zip)
        } else if tar::is_header(head) {
            Ok(Self::Tar)
        } else if lmdb::is_header(head) {
            Ok(Self::Lmdb)
        } else if parquet::is_header(head) {
            Ok(Self::Parquet)
        } else if hdf5::is_header(head) {
            Ok(Self::Hdf5)
        } else if mat::is_header(head) {
            Ok(Self::Mat)
        } else if tfrecord::is_header(head) {
            Ok(Self::TfRecord)
        } else if arrow::is_header(head) {
            Ok(Self::Arrow)
        } else if idx::is_header(head) {
            Ok(Self::Idx)
        } else if picture::is_image(head) {
            let one = "is a single image: name the folder or archive that holds the data set";
            Err(Error::unknown(path, one))
        } else if hdf5::has_suffix(&file_name(path)) {
            Ok(Self::Hdf5)
        } else if text::is_header(head, text::has_suffix(&file_name(path))) {
            Ok(Self::Text)
        } else {
            Err(Error::unknown(path, &hints::looks(head, path)))
        }
    }

    /// Refuses what a format cannot have: a test part in one file of records, a name where there are none.
    fn check_options(self, options: &Options, path: &Path) -> Result<(), Error> {
        let nameless = matches!(self, Self::Array(ArrayFile::Npy) | Self::Idx | Self::Records);
        if let Some(name) = options.array.as_ref().filter(|_| nameless) {
            return Err(Error::no_array(path, name, &[]));
        }
        match options.split {
            Split::Test if !matches!(self, Self::Tar | Self::Zip) => {
                Err(Error::no_split(path, options.split))
            }
            Split::Test | Split::Train | Split::TrainAlone => Ok(()),
        }
    }
}

/// The first bytes, as many as a tar header has.
fn head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    input.take(512).read_to_end(&mut head)?;
    Ok(head)
}
