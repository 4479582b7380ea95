//! A zip archive of images: photos, or a data set of StyleGAN's or EDM's tools.

use std::io::{self, Read, Seek};
use std::sync::{Mutex, PoisonError};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::class::{Class, first_there};
use crate::error::Error;
use crate::files::{HEAD, MAX_FILE, file_name, has_suffix, is_hidden};
use crate::formats::npz;
use crate::guard::{Guarded, guarded};
use crate::options::Request;
use crate::picture::Problem;
use crate::pipeline::{self, Chooser, Content, Leftovers};
use crate::set::DataSet;
use crate::split::Split;

/// Reads a zip archive: its images, or else its arrays, as [`npz::read`].
///
/// Images come in the order in which a folder of them is read, whatever the order of the archive. Other files, and names
/// and folders that begin with a dot, are passed over and counted. The test part is that of an archive in tar's format.
///
/// # Errors
/// * `Kind::Unpack` — not a zip archive, damaged, encrypted, or compressed otherwise than by deflate
/// * `Kind::NoSplit` — no test part, which arrays never have
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
/// * those of [`npz::read`]
pub fn read(input: impl Read + Seek + Send, request: &Request) -> Result<DataSet, Error> {
    let archive = npz::open(input, request)?;
    let (mut names, mut hidden) = (Vec::new(), 0);
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).transpose();
        let name = name.map_err(|error| Error::unpacking(request.path)(io::Error::other(error)))?;
        let name = name.unwrap_or_default().into_owned();
        if is_hidden(&name) {
            hidden += 1;
        } else if !name.ends_with('/') {
            names.push((name, index));
        }
    }
    let has = |class| names.iter().any(|(name, _)| Class::of_name(name) == Some(class));
    let arrays = names.iter().filter(|(name, _)| name.ends_with(".npy")).count();
    let named = request.options.array.is_some() || has_suffix(&file_name(request.path), &["npz"]);
    if !has(Class::Images) && (arrays == 1 || named) {
        return match request.options.split {
            Split::Test => Err(Error::no_split(request.path, request.options.split)),
            Split::Train | Split::TrainAlone => npz::read_array(archive, request),
        };
    }
    names.sort_unstable_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
    let entries = Entries { archive: Mutex::new(archive), names, hidden };
    first_there(|class| entries.read(class, request))
}

/// The files of an archive in the order in which they are read.
struct Entries<R> {
    archive: Mutex<ZipArchive<R>>,
    names: Vec<(String, usize)>,
    hidden: u64,
}

impl<R: Read + Seek + Send> Entries<R> {
    /// The items of one kind.
    fn read(&self, class: Class, request: &Request) -> Result<DataSet, Error> {
        let named = self.names.iter().filter(|(name, _)| Class::of_name(name) == Some(class)).count();
        let at_least = if request.options.split == Split::Train { named as u64 } else { 0 };
        pipeline::run(request, Some(self.names.len() as u64), at_least, |feed| {
            let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
            let mut leftovers = Leftovers { others: self.hidden, ..Leftovers::default() };
            let mut chooser = Chooser::new(request);
            for (name, index) in &self.names {
                match read_entry(&mut archive, name, *index, class, &mut chooser, request)? {
                    Entry::Item(bytes) => {
                        if feed.push(name.clone(), Content::Encoded(bytes)).is_err() {
                            break;
                        }
                    }
                    Entry::Other => leftovers.pass(name),
                    Entry::LeftOut => {}
                }
            }
            leftovers.notes.extend(chooser.note()?);
            Ok(leftovers)
        })
    }
}

/// What a file of an archive is.
enum Entry {
    Item(Vec<u8>),
    /// Of another part than the one wanted.
    LeftOut,
    Other,
}

fn read_entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    name: &str,
    index: usize,
    class: Class,
    chooser: &mut Chooser,
    request: &Request,
) -> Result<Entry, Error> {
    if Class::of_name(name).is_some_and(|promised| promised != class) {
        return Ok(Entry::Other);
    }
    let path = request.path.join(name);
    let unpacking = || Error::unpacking(&path);
    let opened = guarded(|| archive.by_index(index)).map_err(|panic| unpacking()(io::Error::other(panic)))?;
    let entry = opened.map_err(|error: ZipError| unpacking()(io::Error::other(error)))?;
    if entry.is_symlink() {
        return Ok(Entry::Other);
    }
    let size = entry.size();
    let mut entry = Guarded(entry);
    let mut bytes = Vec::new();
    entry.by_ref().take(HEAD as u64).read_to_end(&mut bytes).map_err(unpacking())?;
    if Class::of(name, &bytes) != Some(class) {
        return Ok(Entry::Other);
    }
    if !chooser.takes(name) {
        return Ok(Entry::LeftOut);
    }
    // The size is only a claim: reserve little and grow with what is there.
    bytes.reserve((size as usize).min(1 << 18));
    entry.take(MAX_FILE).read_to_end(&mut bytes).map_err(unpacking())?;
    if size > MAX_FILE || bytes.len() as u64 > MAX_FILE {
        return Err(Error::item(name, Problem::TooLong { bytes: size, limit: MAX_FILE }));
    }
    Ok(Entry::Item(bytes))
}
