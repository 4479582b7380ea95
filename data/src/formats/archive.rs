//! Tar archives: of images or arrays, of files of records, of further archives; one, or several as WebDataset's shards.

use std::io::Read;
use std::path::PathBuf;

use crate::class::{Class, first_there};
use crate::error::Error;
use crate::escape::one_line;
use crate::files::{HEAD, MAX_FILE, has_suffix, is_hidden};
use crate::formats::records;
use crate::formats::tar::{Entry, Kind, Next, Tar};
use crate::options::{Options, Request};
use crate::packing;
use crate::picture::Problem;
use crate::pipeline::{self, Chooser, Content, Feed, Leftovers, Stopped};
use crate::set::DataSet;
use crate::split::Split;

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
        let mut reader = Reader::new(class, request, feed);
        reader.archive(&mut Tar::new(input), "")?;
        let note = reader.chooser.note()?;
        reader.leftovers.notes.extend(note);
        Ok(reader.leftovers)
    })
}

/// Reads archives one after the other as one data set.
///
/// # Errors
/// As [`read`], by archive.
pub(crate) fn open_shards(files: &[PathBuf], notes: &[String], request: &Request) -> Result<DataSet, Error> {
    // The files are of the part wanted already.
    let options = Options { split: Split::Train, ..request.options.clone() };
    first_there(|class| {
        pipeline::run(request, None, 0, |feed| {
            let mut leftovers = Leftovers { notes: notes.to_vec(), ..Leftovers::default() };
            for path in files {
                let request = Request { path, options: &options, ..*request };
                let mut reader = Reader { leftovers, ..Reader::new(class, &request, feed) };
                reader.archive(&mut Tar::new(packing::open(path)?), "")?;
                leftovers = reader.leftovers;
            }
            Ok(leftovers)
        })
    })
}

/// What the entries of an archive are for, and what was met so far.
struct Reader<'a, 'f> {
    class: Class,
    request: &'a Request<'a>,
    feed: &'f mut Feed,
    chooser: Chooser<'a>,
    leftovers: Leftovers,
}

impl<'a, 'f> Reader<'a, 'f> {
    fn new(class: Class, request: &'a Request<'a>, feed: &'f mut Feed) -> Self {
        Self { class, request, feed, chooser: Chooser::new(request), leftovers: Leftovers::default() }
    }

    /// Hands over the entries of an archive.
    ///
    /// # Arguments
    /// inside — the name of the archive that it lies in, and a slash; nothing if it lies in none
    fn archive<R: Read>(&mut self, tar: &mut Tar<R>, inside: &str) -> Result<(), Error> {
        let unpacking = || Error::unpacking(self.request.path);
        loop {
            let entry = match tar.next().map_err(unpacking())? {
                Next::Entry(entry) => Entry { name: format!("{inside}{}", entry.name), ..entry },
                Next::End => return tar.drain().map_err(unpacking()),
                Next::Cut => {
                    let note = "the archive has no end mark: it may have been cut short";
                    self.leftovers.notes.push(note.into());
                    return Ok(());
                }
            };
            match entry.kind {
                Kind::Folder => {}
                Kind::Other => self.leftovers.pass(&entry.name),
                _ if is_hidden(&entry.name) => self.leftovers.others += 1,
                Kind::Link(target) => {
                    if self.chooser.takes(&entry.name) {
                        self.leftovers.links.push((entry.name, target));
                    }
                }
                Kind::File if inside.is_empty() && has_suffix(&entry.name, &["tar"]) => {
                    let inner: Box<dyn Read + '_> = Box::new(&mut *tar);
                    self.archive(&mut Tar::new(inner), &format!("{}/", entry.name))?;
                }
                Kind::File => {
                    if self.file(tar, &entry.name, entry.size)?.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn file<R: Read>(
        &mut self,
        tar: &mut Tar<R>,
        name: &str,
        size: u64,
    ) -> Result<Result<(), Stopped>, Error> {
        let unpacking = || Error::unpacking(self.request.path);
        if let Some(known) = records::known(name).filter(|_| self.class == Class::Images) {
            if known.part.is_some_and(|part| self.chooser.takes_records(part)) {
                return records::feed(tar, known, name, self.feed, self.request);
            }
            self.leftovers.notes.push(format!("{} left out", one_line(name)));
            return Ok(Ok(()));
        }
        let mut bytes = Vec::new();
        tar.take(HEAD as u64).read_to_end(&mut bytes).map_err(unpacking())?;
        if Class::of(name, &bytes) != Some(self.class) {
            self.leftovers.pass(name);
            return Ok(Ok(()));
        }
        if !self.chooser.takes(name) {
            return Ok(Ok(()));
        }
        if size > MAX_FILE {
            return Err(Error::item(name, Problem::TooLong { bytes: size, limit: MAX_FILE }));
        }
        // The size is only a claim: reserve little and grow with what is there.
        bytes.reserve((size as usize).min(1 << 18));
        tar.read_to_end(&mut bytes).map_err(unpacking())?;
        Ok(self.feed.push(name.to_owned(), Content::Encoded(bytes)))
    }
}
