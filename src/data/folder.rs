//! A folder of images or of parquet files, with all its subfolders.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::parquet;
use super::picture;
use super::pipeline::{self, Content, Leftovers};
use super::split::Chooser;
use super::{DataSet, Error, Request};

/// Largest encoded image.
pub(crate) const MAX_FILE: u64 = 512 << 20;
/// First bytes that tell an image from another file.
pub(crate) const HEAD: usize = 12;

/// Reads every image below a folder, in the order of the paths compared name by name; or its parquet files, if it has
/// some and no file named like an image.
///
/// A file is an image if its name ends in .png, .jpg, .jpeg, .bmp or .webp, or if its content begins like one.
/// Names that begin with a dot are passed over, links to folders are not followed; both are counted in the notes.
/// The test part is the first subfolder named `test`, `val` or `validation`, at the top or one level below.
///
/// # Errors
/// * [`Error::Unreadable`] — a folder or file
/// * [`Error::NoSplit`] — no such subfolder
/// * [`Error::Empty`], [`Error::MixedSizes`], [`Error::Image`], [`Error::CropTooLarge`], [`Error::Spool`]
pub(crate) fn open(request: &Request) -> Result<DataSet, Error> {
    let mut listing = Listing::default();
    listing.walk(request.path, Path::new(""))?;
    if let Some(tables) = listing.tables() {
        let others = listing.others + (listing.len() - tables.len()) as u64;
        return parquet::open(tables, others, request);
    }
    pipeline::run(request, Some(listing.len() as u64), move |feed| {
        let mut leftovers = Leftovers { others: listing.others, ..Leftovers::default() };
        let mut chooser = Chooser::new(request);
        for index in 0..listing.len() {
            let file = listing.path(index);
            if !chooser.takes(&slashed(&file)) {
                continue;
            }
            match read_image(request.path, &file)? {
                None => leftovers.others += 1,
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
    others: u64,
}

impl Listing {
    fn len(&self) -> usize {
        self.files.ends.len()
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

    fn walk(&mut self, root: &Path, folder: &Path) -> Result<(), Error> {
        let path = root.join(folder);
        let (found, others) = list(&path).map_err(Error::reading(&path))?;
        self.others += others;
        let mut order: Vec<usize> = (0..found.ends.len()).collect();
        order.sort_unstable_by_key(|&i| found.get(i).strip_suffix(b"/").unwrap_or(found.get(i)));
        for name in order.into_iter().map(|i| found.get(i)) {
            if let Some(name) = name.strip_suffix(b"/") {
                self.walk(root, &folder.join(os_str(name)))?;
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
        // A link that leads nowhere is listed, so that reading it names it.
        let leads_to_file = || fs::metadata(entry.path()).map_or(true, |target| target.is_file());
        if name.starts_with(b".") {
            others += 1;
        } else if kind.is_dir() {
            found.push(name, b"/");
        } else if kind.is_file() || kind.is_symlink() && leads_to_file() {
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
