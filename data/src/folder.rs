//! A folder of images or of parquet files, with all its subfolders.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::leftovers::Leftovers;
use super::parquet;
use super::picture;
use super::pipeline::{self, Content};
use super::split::{Chooser, Split};
use super::{DataSet, Error, Request};

/// Largest encoded image.
pub(crate) const MAX_FILE: u64 = 512 << 20;
/// First bytes that tell an image from another file.
pub(crate) const HEAD: usize = 12;

/// Reads every image below a folder, in the order of the paths compared name by name; or its parquet files, if it has
/// some and no file named like an image.
///
/// A file is an image if its name ends in .png, .jpg, .jpeg, .bmp or .webp, or if its content begins like one.
/// Links to files and folders are followed, as by torchvision's ImageFolder, but not in circles. Names that begin with
/// a dot are passed over. What is left out is counted in the notes.
/// The test part is the first subfolder named `test`, `val` or `validation`, at the top or one level below.
///
/// # Errors
/// * [`Error::Unreadable`] — a folder or file
/// * [`Error::NoSplit`] — no such subfolder
/// * [`Error::Empty`], [`Error::MixedSizes`], [`Error::Image`], [`Error::CropTooLarge`], [`Error::Spool`]
pub(crate) fn open(request: &Request) -> Result<DataSet, Error> {
    let mut listing = Listing::default();
    let root = fs::canonicalize(request.path).map_err(Error::reading(request.path))?;
    listing.walk(request.path, Path::new(""), &mut vec![root])?;
    if let Some(tables) = listing.tables() {
        listing.leftovers.others += (listing.len() - tables.len()) as u64;
        return parquet::open(tables, listing.leftovers, request);
    }
    let images = if request.options.split == Split::Train { listing.images() } else { 0 };
    pipeline::run(request, Some(listing.len() as u64), images, move |feed| {
        let mut leftovers = std::mem::take(&mut listing.leftovers);
        let mut chooser = Chooser::new(request);
        for index in 0..listing.len() {
            let file = listing.path(index);
            if !chooser.takes(&slashed(&file)) {
                continue;
            }
            let image = match read_image(request.path, &file) {
                // A link whose target is gone is an image without bytes, named or skipped as such.
                Err(Error::Unreadable { reason, .. })
                    if request.options.skip_corrupt && reason.kind() == io::ErrorKind::NotFound =>
                {
                    Some(Vec::new())
                }
                image => image?,
            };
            match image {
                None => leftovers.pass(&slashed(&file)),
                Some(bytes) => {
                    if feed.push(slashed(&file), Content::Encoded(bytes)).is_err() {
                        break;
                    }
                }
            }
        }
        leftovers.notes.extend(chooser.note()?);
        Ok(leftovers)
    })
}

/// Whether a name promises an image.
pub(crate) fn has_image_suffix(name: &str) -> bool {
    const SUFFIXES: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    SUFFIXES.iter().any(|known| suffix.eq_ignore_ascii_case(known))
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

    /// Number of files named like an image.
    fn images(&self) -> u64 {
        let is_image = |&index: &usize| has_image_suffix(&String::from_utf8_lossy(self.files.get(index)));
        (0..self.len()).filter(is_image).count() as u64
    }

    /// Path relative to the root.
    fn path(&self, index: usize) -> PathBuf {
        let run = self.folders.partition_point(|&(first, _)| first <= index) - 1;
        self.folders[run].1.join(os_str(self.files.get(index)))
    }

    /// The parquet files, if there are some and no file is named like an image.
    fn tables(&self) -> Option<Vec<PathBuf>> {
        let mut tables = Vec::new();
        for index in 0..self.len() {
            let name = String::from_utf8_lossy(self.files.get(index));
            if has_image_suffix(&name) {
                return None;
            }
            if parquet::has_suffix(&name) {
                tables.push(self.path(index));
            }
        }
        (!tables.is_empty()).then_some(tables)
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

/// Content of an image file, or nothing if neither name nor content is an image's.
fn read_image(root: &Path, relative: &Path) -> Result<Option<Vec<u8>>, Error> {
    let path = root.join(relative);
    let mut file = File::open(&path).map_err(Error::reading(&path))?;
    let mut bytes = Vec::new();
    if !has_image_suffix(&slashed(relative)) {
        file.by_ref().take(HEAD as u64).read_to_end(&mut bytes).map_err(Error::reading(&path))?;
        if !picture::is_image(&bytes) {
            return Ok(None);
        }
    }
    let length = file.metadata().map_err(Error::reading(&path))?.len();
    if length > MAX_FILE {
        let problem = picture::Problem::TooLong { bytes: length, limit: MAX_FILE };
        return Err(Error::Image { file: slashed(relative), problem });
    }
    bytes.reserve(length as usize);
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(Error::reading(&path))?;
    Ok(Some(bytes))
}

/// Name of a file with `/` between folders on every system.
pub(crate) fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
