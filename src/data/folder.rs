//! A folder of images, with all its subfolders.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::picture;
use super::pipeline::{self, Content, Leftovers};
use super::{DataSet, Error, Request};

/// Largest encoded image.
pub(crate) const MAX_FILE: u64 = 512 << 20;
/// First bytes that tell an image from another file.
pub(crate) const HEAD: usize = 12;

/// Reads every image below a folder, in the order of the paths compared name by name.
///
/// A file is an image if its name ends in .png, .jpg, .jpeg, .bmp or .webp, or if its content begins like one.
/// Names that begin with a dot are passed over, links to folders are not followed; both are counted in the notes.
///
/// # Errors
/// * [`Error::Unreadable`] — a folder or file
/// * [`Error::Empty`], [`Error::MixedSizes`], [`Error::Image`], [`Error::CropTooLarge`], [`Error::Spool`]
pub(crate) fn open(request: &Request) -> Result<DataSet, Error> {
    let mut listing = Listing::default();
    listing.walk(request.path, Path::new(""))?;
    let Listing { files, others } = listing;
    let total = files.len() as u64;
    pipeline::run(request, Some(total), move |feed| {
        let mut leftovers = Leftovers { others, ..Leftovers::default() };
        for file in files {
            match read_image(request.path, &file)? {
                None => leftovers.others += 1,
                Some(bytes) => {
                    let name = slashed(&file);
                    if feed.push(name, Content::Encoded(bytes)).is_err() {
                        break;
                    }
                }
            }
        }
        Ok(leftovers)
    })
}

/// Whether a name promises an image.
pub(crate) fn has_image_suffix(name: &str) -> bool {
    const SUFFIXES: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    SUFFIXES.iter().any(|known| suffix.eq_ignore_ascii_case(known))
}

#[derive(Default)]
struct Listing {
    /// Paths relative to the root.
    files: Vec<PathBuf>,
    others: u64,
}

impl Listing {
    fn walk(&mut self, root: &Path, folder: &Path) -> Result<(), Error> {
        let path = root.join(folder);
        let entries = fs::read_dir(&path).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut entries = entries.map_err(Error::reading(&path))?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, kind) = (entry.file_name(), entry.file_type().map_err(Error::reading(&entry.path()))?);
            let relative = folder.join(&name);
            // A link that leads nowhere is listed, so that reading it names it.
            let target = || fs::metadata(entry.path()).map_or(true, |target| target.is_file());
            if name.as_encoded_bytes().starts_with(b".") {
                self.others += 1;
            } else if kind.is_dir() {
                self.walk(root, &relative)?;
            } else if kind.is_file() || kind.is_symlink() && target() {
                self.files.push(relative);
            } else {
                self.others += 1;
            }
        }
        Ok(())
    }
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
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
