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
/// * `input` — the archive, unpacked if it was compressed
/// * `request` — its path, for errors, and the options
///
/// # Errors
/// * `Kind::Unpack` — a header whose checksum is wrong, extensions that contradict each other, or an end in the
///   middle of a file
/// * `Kind::NoSplit` — no test part
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub fn read(input: impl Read + Send, request: &Request) -> Result<DataSet, Error> {
    read_members(input, Members::Of(Class::Images), request)
}

/// Reads the members whose suffix is the array asked for, or else the first kind of item that the archive holds.
///
/// # Arguments
/// * `open` — the archive from its start, for each kind that is looked for
///
/// # Errors
/// As [`read`].
pub(crate) fn open<R: Read + Send>(
    open: impl Fn() -> Result<R, Error>,
    request: &Request,
) -> Result<DataSet, Error> {
    Members::first_there(request, |members, request| read_members(open()?, members, request))
}

fn read_members(input: impl Read + Send, members: Members, request: &Request) -> Result<DataSet, Error> {
    pipeline::run(request, None, 0, |feed| {
        let mut reader = Reader::new(members, request, feed);
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
    Members::first_there(&Request { options: &options, ..*request }, |members, request| {
        pipeline::run(request, None, 0, |feed| {
            let mut leftovers = Leftovers { notes: notes.to_vec(), ..Leftovers::default() };
            for path in files {
                let request = Request { path, ..*request };
                let mut reader = Reader { leftovers, ..Reader::new(members, &request, feed) };
                reader.archive(&mut Tar::new(packing::open(path)?), "")?;
                leftovers = reader.leftovers;
            }
            Ok(leftovers)
        })
    })
}

/// Which members of an archive are read.
#[derive(Clone, Copy)]
enum Members<'a> {
    Of(Class),
    /// Those whose names go on so after their first dot, as WebDataset tells the parts of an item apart.
    Named(&'a str),
}

impl Members<'_> {
    /// Reads what the request's array names; without one, the first kind of item that is there.
    fn first_there(
        request: &Request,
        read: impl Fn(Members, &Request) -> Result<DataSet, Error>,
    ) -> Result<DataSet, Error> {
        let Some(suffix) = &request.options.array else {
            return first_there(|class| read(Members::Of(class), request));
        };
        // Members are told by it; the arrays inside them have no names of their own.
        let options = Options { array: None, ..request.options.clone() };
        let suffix = suffix.trim_start_matches('.');
        let named = read(Members::Named(suffix), &Request { options: &options, ..*request });
        named.map_err(|error| error.of_suffix(suffix))
    }

    fn take(self, name: &str, head: &[u8]) -> bool {
        match self {
            Self::Of(class) => Class::of(name, head) == Some(class),
            Self::Named(suffix) => key_and_suffix(name).1.eq_ignore_ascii_case(suffix),
        }
    }
}

/// What the parts of an item have in common, and what tells them apart: `a/7.mask.png` is `a/7` and `mask.png`.
fn key_and_suffix(name: &str) -> (&str, &str) {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    name[file..].find('.').map_or((name, ""), |dot| (&name[..file + dot], &name[file + dot + 1..]))
}

/// What the entries of an archive are for, and what was met so far.
struct Reader<'a, 'f> {
    members: Members<'a>,
    /// Name of the last item.
    last: String,
    request: &'a Request<'a>,
    feed: &'f mut Feed,
    chooser: Chooser<'a>,
    leftovers: Leftovers,
}

impl<'a, 'f> Reader<'a, 'f> {
    fn new(members: Members<'a>, request: &'a Request<'a>, feed: &'f mut Feed) -> Self {
        let (chooser, leftovers) = (Chooser::new(request), Leftovers::default());
        Self { members, last: String::new(), request, feed, chooser, leftovers }
    }

    /// Hands over the entries of an archive.
    ///
    /// # Arguments
    /// * `inside` — the name of the archive that it lies in, and a slash; nothing if it lies in none
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
        if let Some(known) =
            records::known(name).filter(|_| matches!(self.members, Members::Of(Class::Images)))
        {
            if known.part.is_some_and(|part| self.chooser.takes_records(part)) {
                return records::feed(tar, known, name, self.feed, self.request);
            }
            self.leftovers.notes.push(format!("{} left out", one_line(name)));
            return Ok(Ok(()));
        }
        let mut bytes = Vec::new();
        tar.take(HEAD as u64).read_to_end(&mut bytes).map_err(unpacking())?;
        if !self.members.take(name, &bytes) {
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
        self.compare(name);
        Ok(self.feed.push(name.to_owned(), Content::Encoded(bytes)))
    }

    /// Says so where two parts of one item are both read, as two items.
    fn compare(&mut self, name: &str) {
        let [(last_key, last), (key, suffix)] = [&self.last, name].map(key_and_suffix);
        let is_word = |suffix: &str| !suffix.split('.').any(|word| word.bytes().all(|b| b.is_ascii_digit()));
        if key == last_key && suffix != last && is_word(suffix) && is_word(last) {
            let note = "parts of one item are read as items: --array reads those of one suffix";
            if !self.leftovers.notes.iter().any(|known| known.starts_with(note)) {
                self.leftovers.notes.push(format!("{note} ({last}, {suffix})"));
            }
        }
        name.clone_into(&mut self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_begin_at_the_first_dot_of_a_file_name() {
        for (name, expected) in
            [("a.b/7.mask.png", ("a.b/7", "mask.png")), ("7.jpg", ("7", "jpg")), ("a.b/7", ("a.b/7", ""))]
        {
            assert_eq!(key_and_suffix(name), expected);
        }
    }
}
