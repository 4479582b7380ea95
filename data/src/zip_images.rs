//! A zip archive of images: photos, or a data set of StyleGAN's or EDM's tools.

use std::io::{self, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::archive::is_hidden;
use super::folder::{HEAD, MAX_FILE, has_image_suffix};
use super::leftovers::Leftovers;
use super::picture::{self, Problem};
use super::pipeline::{self, Content, Feed};
use super::split::{Chooser, Split};
use super::{DataSet, Error, Request, npz};
use crate::guard::{Guarded, guarded};

/// Reads a zip archive: its images, or else its arrays, as [`npz::read`].
///
/// Images come in the order in which a folder of them is read, whatever the order of the archive. Other files, and names
/// and folders that begin with a dot, are passed over and counted. The test part is that of an archive in tar's format.
///
/// # Errors
/// * [`Error::Unpack`] — not a zip archive, damaged, encrypted, or compressed otherwise than by deflate
/// * [`Error::NoSplit`] — no test part, which arrays never have
/// * [`Error::Empty`], [`Error::MixedSizes`], [`Error::Image`], [`Error::CropTooLarge`], [`Error::Room`], [`Error::Spool`]
/// * those of [`npz::read`]
pub fn read(input: impl Read + Seek + Send, request: &Request) -> Result<DataSet, Error> {
    let mut archive = npz::open(input, request)?;
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
    let images = names.iter().filter(|(name, _)| has_image_suffix(name)).count() as u64;
    let arrays = names.iter().any(|(name, _)| name.ends_with(".npy"));
    if images == 0 && (arrays || request.options.array.is_some()) {
        return match request.options.split {
            Split::Test => Err(Error::no_split(request)),
            Split::Train | Split::TrainAlone => npz::read_array(archive, request),
        };
    }
    names.sort_unstable_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
    let at_least = if request.options.split == Split::Train { images } else { 0 };
    pipeline::run(request, Some(names.len() as u64), at_least, move |feed| {
        let mut leftovers = Leftovers { others: hidden, ..Leftovers::default() };
        let mut chooser = Chooser::new(request);
        for (name, index) in names {
            if !feed_entry(&mut archive, name, index, request, feed, &mut chooser, &mut leftovers)? {
                break;
            }
        }
        leftovers.notes.extend(chooser.note()?);
        Ok(leftovers)
    })
}

/// Hands over one entry if it is an image that is wanted; whether to go on.
fn feed_entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    name: String,
    index: usize,
    request: &Request,
    feed: &mut Feed,
    chooser: &mut Chooser,
    leftovers: &mut Leftovers,
) -> Result<bool, Error> {
    let unpacking = |error: io::Error| Error::unpacking(&request.path.join(&name))(error);
    let opened = guarded(|| archive.by_index(index)).map_err(|panic| unpacking(io::Error::other(panic)))?;
    let entry = opened.map_err(|error: ZipError| unpacking(io::Error::other(error)))?;
    if entry.is_symlink() {
        leftovers.pass(&name);
        return Ok(true);
    }
    let size = entry.size();
    let mut entry = Guarded(entry);
    let mut bytes = Vec::new();
    entry.by_ref().take(HEAD as u64).read_to_end(&mut bytes).map_err(unpacking)?;
    if !(has_image_suffix(&name) || picture::is_image(&bytes)) {
        leftovers.pass(&name);
        return Ok(true);
    }
    if !chooser.takes(&name) {
        return Ok(true);
    }
    // The size is only a claim: reserve little and grow with what is there.
    bytes.reserve((size as usize).min(1 << 18));
    entry.take(MAX_FILE).read_to_end(&mut bytes).map_err(unpacking)?;
    if size > MAX_FILE || bytes.len() as u64 > MAX_FILE {
        return Err(Error::Image { file: name, problem: Problem::TooLong { bytes: size, limit: MAX_FILE } });
    }
    Ok(feed.push(name, Content::Encoded(bytes)).is_ok())
}
