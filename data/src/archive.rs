//! A tar archive of images, or of CIFAR's binary files.

use std::io::Read;

use super::cifar;
use super::folder::{HEAD, MAX_FILE, has_image_suffix};
use super::leftovers::Leftovers;
use super::picture::{self, Problem};
use super::pipeline::{self, Content, Feed};
use super::split::Chooser;
use super::tar::{Kind, Next, Tar};
use super::{DataSet, Error, Request};

/// Reads the images of a tar archive, in its order.
///
/// The archive is read once and front to back. Links to images of the archive are images too, and come last. Names
/// and folders that begin with a dot, links to anything else, devices and files stored with holes are passed over and
/// counted. An archive that holds CIFAR's training batches gives their records. The test part is CIFAR's test batch,
/// or the images in the first folder named `test`, `val` or `validation`, at the top or in the top folder.
///
/// # Arguments
/// * input — the archive, unpacked if it was compressed
/// * request — its path, for errors, and the options
///
/// # Errors
/// * [`Error::Unpack`] — a header whose checksum is wrong, extensions that contradict each other, or an end in the
///   middle of a file
/// * [`Error::NoSplit`] — no test part
/// * [`Error::Empty`], [`Error::MixedSizes`], [`Error::Image`], [`Error::CropTooLarge`], [`Error::Spool`]
pub fn read(input: impl Read + Send, request: &Request) -> Result<DataSet, Error> {
    pipeline::run(request, None, 0, |feed| {
        let mut leftovers = Leftovers::default();
        let mut chooser = Chooser::new(request);
        feed_entries(&mut Tar::new(input), request, feed, &mut chooser, &mut leftovers)?;
        leftovers.notes.extend(chooser.note()?);
        Ok(leftovers)
    })
}

fn feed_entries<R: Read>(
    tar: &mut Tar<R>,
    request: &Request,
    feed: &mut Feed,
    chooser: &mut Chooser,
    leftovers: &mut Leftovers,
) -> Result<(), Error> {
    let unpacking = || Error::unpacking(request.path);
    loop {
        let entry = match tar.next().map_err(unpacking())? {
            Next::Entry(entry) => entry,
            Next::End => return tar.drain().map_err(unpacking()),
            Next::Cut => {
                leftovers.notes.push("the archive has no end mark: it may have been cut short".into());
                return Ok(());
            }
        };
        match entry.kind {
            Kind::Folder => continue,
            Kind::Other => {
                leftovers.pass(&entry.name);
                continue;
            }
            _ if is_hidden(&entry.name) => {
                leftovers.others += 1;
                continue;
            }
            Kind::Link(target) => {
                if chooser.takes(&entry.name) {
                    leftovers.links.push((entry.name, target));
                }
                continue;
            }
            Kind::File => {}
        }
        let file_name = entry.name.rsplit('/').next().unwrap_or_default();
        if let Some(records) = cifar::known(file_name) {
            if !chooser.takes_records(records.part()) {
                leftovers.notes.push(format!("{} left out", crate::escape::one_line(&entry.name)));
            } else if cifar::feed(&mut *tar, records, &entry.name, &request.path.join(&entry.name), feed)?
                .is_none()
            {
                return Ok(());
            }
            continue;
        }
        let mut bytes = Vec::new();
        tar.take(HEAD as u64).read_to_end(&mut bytes).map_err(unpacking())?;
        if !(has_image_suffix(file_name) || picture::is_image(&bytes)) {
            leftovers.pass(&entry.name);
            continue;
        }
        if !chooser.takes(&entry.name) {
            continue;
        }
        if entry.size > MAX_FILE {
            let problem = Problem::TooLong { bytes: entry.size, limit: MAX_FILE };
            return Err(Error::Image { file: entry.name, problem });
        }
        // The size is only a claim: reserve little and grow with what is there.
        bytes.reserve((entry.size as usize).min(1 << 18));
        tar.read_to_end(&mut bytes).map_err(unpacking())?;
        if feed.push(entry.name, Content::Encoded(bytes)).is_err() {
            return Ok(());
        }
    }
}

/// Whether a file, or a folder on the way to it, has a name that begins with a dot, as what is passed over in folders.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') && !matches!(part, "." | ".."))
}
