//! A folder of images or of parquet or Arrow files, with all its subfolders.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::array_file::join_batches;
use crate::class::{Class, first_there};
use crate::error::Error;
use crate::files::{HEAD, MAX_FILE, file_name, has_suffix, is_tar, slashed};
use crate::formats::{archive, arrow, npz, parquet, tfrecord, zip_images};
use crate::join::join;
use crate::options::{Options, Request};
use crate::parts::of_part;
use crate::picture::Problem;
use crate::pipeline::{self, Chooser, Content, Leftovers};
use crate::set::DataSet;
use crate::split::Split;

/// Reads every image below a folder, in the order of the paths compared name by name; or its parquet or Arrow files, if
/// it has some and no file named like an image. Archives and files of many arrays are joined in the same way.
///
/// A file is an image if its name ends in .png, .jpg, .jpeg, .bmp or .webp, or if its content begins like one. Where there
/// is none, GIF, TIFF and PNM are read, and where there are none of these, one array of each .npy or .npz.
/// Links to files and folders are followed, as by torchvision's ImageFolder, but not in circles. Names that begin with
/// a dot are passed over. What is left out is counted in the notes.
/// The test part is the first subfolder named `test`, `val` or `validation`, at the top or one level below.
///
/// # Errors
/// * `Kind::Unreadable` — a folder or file
/// * `Kind::NoSplit` — no such subfolder
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub(crate) fn open(request: &Request) -> Result<DataSet, Error> {
    let mut listing = Listing::default();
    let root = fs::canonicalize(request.path).map_err(Error::reading(request.path))?;
    listing.walk(request.path, Path::new(""), &mut vec![root])?;
    if listing.named(Class::Images) == 0 {
        let tables = listing.files(parquet::has_suffix);
        if !tables.is_empty() {
            listing.leftovers.others += (listing.len() - tables.len()) as u64;
            return parquet::open(tables, listing.leftovers, request);
        }
        let tables = listing.files(arrow::has_suffix);
        if !tables.is_empty() {
            listing.leftovers.others += (listing.len() - tables.len()) as u64;
            return arrow::open(tables, listing.leftovers, request);
        }
        let records = listing.files(tfrecord::has_suffix);
        if !records.is_empty() {
            listing.leftovers.others += (listing.len() - records.len()) as u64;
            return tfrecord::read_files(records, listing.leftovers, request);
        }
        let shards = listing.files(is_tar);
        if !shards.is_empty() {
            return open_shards(shards, request);
        }
        let archives = listing.files(|name| has_suffix(name, &["zip"]));
        if !archives.is_empty() {
            return open_archives(archives, request);
        }
        let arrays = listing.files(|name| Class::of_name(name) == Some(Class::Arrays));
        if are_batches(&arrays, request)? {
            return open_batches(arrays, request);
        }
    }
    first_there(|class| items(&listing, class, request))
}

/// Whether a folder itself, without those below it, holds files named like images.
pub(crate) fn has_images(path: &Path) -> Result<bool, Error> {
    let (found, _) = list(path).map_err(Error::reading(path))?;
    let names = (0..found.ends.len()).map(|index| String::from_utf8_lossy(found.get(index)));
    Ok(names.into_iter().any(|name| Class::of_name(&name) == Some(Class::Images)))
}

/// The folders in a folder, without hidden ones, in the order of their names.
pub(crate) fn folders_in(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let (found, _) = list(path).map_err(Error::reading(path))?;
    let names = (0..found.ends.len()).filter_map(|index| found.get(index).strip_suffix(b"/"));
    let mut folders: Vec<PathBuf> = names.map(|name| path.join(os_str(name))).collect();
    folders.sort_unstable();
    Ok(folders)
}

/// The archives of one part, as the shards of WebDataset.
fn open_shards(shards: Vec<PathBuf>, request: &Request) -> Result<DataSet, Error> {
    let (files, note) = of_part(shards, "archives", request)?;
    let files: Vec<PathBuf> = files.into_iter().map(|file| request.path.join(file)).collect();
    archive::open_shards(&files, note.as_slice(), request)
}

/// The zip archives of one part, one after the other.
fn open_archives(archives: Vec<PathBuf>, request: &Request) -> Result<DataSet, Error> {
    let (files, note) = of_part(archives, "archives", request)?;
    let options = Options { split: Split::Train, ..request.options.clone() };
    let open = |file: PathBuf| {
        let path = request.path.join(&file);
        let input = BufReader::new(File::open(&path).map_err(Error::reading(&path))?);
        let set = zip_images::read(input, &Request { path: &path, options: &options, ..*request })?;
        Ok((slashed(&file), set))
    };
    let sets = files.into_iter().map(open).collect::<Result<Vec<_>, Error>>()?;
    let mut data = join(sets)?.ok_or_else(|| Error::no_rows(request.path))?;
    data.notes.extend(note);
    Ok(data)
}

/// Whether files of arrays hold many items each: if that is said, if a name does, or if labels lie beside the items.
fn are_batches(files: &[PathBuf], request: &Request) -> Result<bool, Error> {
    let Some(first) = files.first() else { return Ok(false) };
    let is_batch =
        |name: &str| name.to_ascii_lowercase().split(|c: char| !c.is_alphanumeric()).any(|w| w == "batch");
    if request.options.batches || is_batch(&file_name(first)) {
        return Ok(true);
    }
    let path = request.path.join(first);
    npz::has_labels(&path)
}

fn open_batches(files: Vec<PathBuf>, request: &Request) -> Result<DataSet, Error> {
    let (mut files, note) = of_part(files, "files", request)?;
    // batch_10 after batch_9
    files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    let count = files.len();
    let named = files.into_iter().map(|path| (file_name(&path), request.path.join(path)));
    let mut data = join_batches(named, request)?;
    data.notes.insert(0, format!("{count} files of many items each"));
    data.notes.extend(note);
    Ok(data)
}

/// The items of one kind.
fn items(listing: &Listing, class: Class, request: &Request) -> Result<DataSet, Error> {
    let at_least = if request.options.split == Split::Train { listing.named(class) } else { 0 };
    pipeline::run(request, Some(listing.len() as u64), at_least, move |feed| {
        let mut leftovers = listing.leftovers.clone();
        let mut chooser = Chooser::new(request);
        if let Some(list) = listing.partition() {
            let path = request.path.join(list);
            chooser = chooser.with_list(&fs::read_to_string(&path).map_err(Error::reading(&path))?);
        }
        for index in 0..listing.len() {
            let file = listing.path(index);
            let name = slashed(&file);
            if !chooser.takes(&name) {
                continue;
            }
            if !feed.is_wanted() && Class::of_name(&name) == Some(class) {
                if feed.pass(name).is_err() {
                    break;
                }
                continue;
            }
            let item = match read_item(request.path, &file, class) {
                // A link whose target is gone is an image without bytes, named or skipped as such.
                Err(error)
                    if request.options.skip_corrupt
                        && error.reason().is_some_and(|reason| reason.kind() == io::ErrorKind::NotFound) =>
                {
                    Some(Vec::new())
                }
                item => item?,
            };
            match item {
                None => leftovers.pass(&name),
                Some(bytes) => {
                    if feed.push(name, Content::Encoded(bytes)).is_err() {
                        break;
                    }
                }
            }
        }
        leftovers.notes.extend(chooser.note()?);
        Ok(leftovers)
    })
}

/// The files below a folder in order, in little more memory than their names: there may be millions.
#[derive(Default)]
struct Listing {
    /// First file of each run in one folder, and the folder relative to the root.
    folders: Vec<(usize, PathBuf)>,
    files: Texts,
    leftovers: Leftovers,
}

impl Listing {
    fn len(&self) -> usize {
        self.files.ends.len()
    }

    /// Number of files whose names promise items of a kind.
    fn named(&self, class: Class) -> u64 {
        let names = (0..self.len()).map(|index| String::from_utf8_lossy(self.files.get(index)));
        names.filter(|name| Class::of_name(name) == Some(class)).count() as u64
    }

    /// Path relative to the root.
    fn path(&self, index: usize) -> PathBuf {
        let run = self.folders.partition_point(|&(first, _)| first <= index) - 1;
        self.folders[run].1.join(os_str(self.files.get(index)))
    }

    /// CelebA's list of parts.
    fn partition(&self) -> Option<PathBuf> {
        const NAMES: [&str; 2] = ["list_eval_partition.txt", "list_eval_partition.csv"];
        self.files(|name| NAMES.contains(&name)).into_iter().next()
    }

    /// The files of which a name says something.
    fn files(&self, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
        let is_wanted = |&index: &usize| wanted(&String::from_utf8_lossy(self.files.get(index)));
        (0..self.len()).filter(is_wanted).map(|index| self.path(index)).collect()
    }

    /// Lists a folder and those below it; `above` are the folders on the way to it and itself, without links.
    fn walk(&mut self, root: &Path, folder: &Path, above: &mut Vec<PathBuf>) -> Result<(), Error> {
        let path = root.join(folder);
        let (found, others) = list(&path).map_err(Error::reading(&path))?;
        self.leftovers.others += others;
        let mut order: Vec<usize> = (0..found.ends.len()).collect();
        order.sort_unstable_by_key(|&i| found.get(i).strip_suffix(b"/").unwrap_or(found.get(i)));
        for name in order.into_iter().map(|i| found.get(i)) {
            if let Some(name) = name.strip_suffix(b"/") {
                let below = folder.join(os_str(name));
                let place = fs::canonicalize(root.join(&below)).map_err(Error::reading(&path))?;
                if above.contains(&place) {
                    self.leftovers.loops += 1;
                } else {
                    above.push(place);
                    self.walk(root, &below, above)?;
                    above.pop();
                }
                continue;
            }
            if self.folders.last().is_none_or(|(_, last)| last != folder) {
                self.folders.push((self.len(), folder.to_owned()));
            }
            self.files.push(name, b"");
        }
        Ok(())
    }
}

/// Names of files and, with a slash behind, of folders in a folder; and the number of other entries.
fn list(path: &Path) -> io::Result<(Texts, u64)> {
    let (mut found, mut others) = (Texts::default(), 0);
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let name = name.as_encoded_bytes();
        if name.starts_with(b".") {
            others += 1;
            continue;
        }
        // A link that leads nowhere is listed, so that reading it names it.
        let target = if kind.is_symlink() { fs::metadata(entry.path()).ok() } else { None };
        let kind = target.map_or(kind, |target| target.file_type());
        if kind.is_dir() {
            found.push(name, b"/");
        } else if kind.is_file() || kind.is_symlink() {
            found.push(name, b"");
        } else {
            others += 1;
        }
    }
    Ok((found, others))
}

/// Many short texts in one.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &[u8], suffix: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(suffix);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

#[cfg(unix)]
fn os_str(name: &[u8]) -> Cow<'_, OsStr> {
    Cow::Borrowed(std::os::unix::ffi::OsStrExt::from_bytes(name))
}

/// Names that are not Unicode are not found again, and the error shows them.
#[cfg(not(unix))]
fn os_str(name: &[u8]) -> Cow<'_, OsStr> {
    Cow::Owned(String::from_utf8_lossy(name).into_owned().into())
}

/// Content of a file of the kind wanted, or nothing if neither name nor content is of that kind.
fn read_item(root: &Path, relative: &Path, class: Class) -> Result<Option<Vec<u8>>, Error> {
    let (path, name) = (root.join(relative), slashed(relative));
    let promised = Class::of_name(&name);
    if promised.is_some_and(|promised| promised != class) {
        return Ok(None);
    }
    let mut file = File::open(&path).map_err(Error::reading(&path))?;
    let mut bytes = Vec::new();
    if promised.is_none() {
        file.by_ref().take(HEAD as u64).read_to_end(&mut bytes).map_err(Error::reading(&path))?;
        if Class::of_content(&bytes) != Some(class) {
            return Ok(None);
        }
    }
    let length = file.metadata().map_err(Error::reading(&path))?.len();
    if length > MAX_FILE {
        return Err(Error::item(&name, Problem::TooLong { bytes: length, limit: MAX_FILE }));
    }
    bytes.reserve(length as usize);
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(Error::reading(&path))?;
    Ok(Some(bytes))
}
