//! A tar archive of images, or of CIFAR's binary files.

use std::io::Read;

use crate::class::Class;
use crate::error::Error;
use crate::files::{HEAD, MAX_FILE, is_hidden};
use crate::formats::cifar;
use crate::formats::tar::{Kind, Next, Tar};
use crate::options::Request;
use crate::picture::Problem;
use crate::pipeline::{self, Chooser, Content, Feed, Leftovers};
use crate::set::DataSet;

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
/// * `Kind::Unpack` — a header whose checksum is wrong, extensions that contradict each other, or an end in the
///   middle of a file
/// * `Kind::NoSplit` — no test part
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub fn read(input: impl Read + Send, request: &Request) -> Result<DataSet, Error> {
    read_class(input, Class::Images, request)
}

/// Reads the items of one kind.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_class(input: impl Read + Send, class: Class, request: &Request) -> Result<DataSet, Error> {
    pipeline::run(request, None, 0, |feed| {
        let mut leftovers = Leftovers::default();
        let mut chooser = Chooser::new(request);
        feed_entries(&mut Tar::new(input), class, request, feed, &mut chooser, &mut leftovers)?;
        leftovers.notes.extend(chooser.note()?);
        Ok(leftovers)
    })
}

fn feed_entries<R: Read>(
    tar: &mut Tar<R>,
    class: Class,
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
        if Class::of(file_name, &bytes) != Some(class) {
            leftovers.pass(&entry.name);
            continue;
        }
        if !chooser.takes(&entry.name) {
            continue;
        }
        if entry.size > MAX_FILE {
            let problem = Problem::TooLong { bytes: entry.size, limit: MAX_FILE };
            return Err(Error::item(&entry.name, problem));
        }
        // The size is only a claim: reserve little and grow with what is there.
        bytes.reserve((entry.size as usize).min(1 << 18));
        tar.read_to_end(&mut bytes).map_err(unpacking())?;
        if feed.push(entry.name, Content::Encoded(bytes)).is_err() {
            return Ok(());
        }
    }
}
