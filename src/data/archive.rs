//! A tar archive of images, or of CIFAR's binary files.

use std::io::{self, Read};

use super::cifar;
use super::folder::{HEAD, MAX_FILE, has_image_suffix};
use super::picture::{self, Problem};
use super::pipeline::{self, Content, Feed, Leftovers};
use super::split::Chooser;
use super::{DataSet, Error, Request};

const BLOCK: usize = 512;
/// Longest name or extended header; longer ones are skipped.
const MAX_EXTENSION: u64 = 1 << 16;

/// Reads the images of a tar archive, in its order.
///
/// The archive is read once and front to back. Links, folders and devices are passed over. An archive that holds
/// CIFAR's training batches gives their records. The test part is CIFAR's test batch, or the images in the first
/// folder named `test`, `val` or `validation`, at the top or in the top folder.
///
/// # Arguments
/// * input — the archive, unpacked if it was compressed
/// * request — its path, for errors, and the options
///
/// # Errors
/// * [`Error::Unpack`] — a header whose checksum is wrong, or an end in the middle of a file
/// * [`Error::NoSplit`] — no test part
/// * [`Error::Empty`], [`Error::MixedSizes`], [`Error::Image`], [`Error::CropTooLarge`], [`Error::Spool`]
pub fn read(input: impl Read + Send, request: &Request) -> Result<DataSet, Error> {
    pipeline::run(request, None, |feed| {
        let mut tar = Tar { input, unread: 0, padding: 0 };
        let mut leftovers = Leftovers::default();
        let mut chooser = Chooser::new(request);
        feed_entries(&mut tar, request, feed, &mut chooser, &mut leftovers)?;
        leftovers.notes.extend(chooser.note()?);
        Ok(leftovers)
    })
}

/// Whether a block is a tar header: its checksum tells, also for archives older than the magic word.
pub(crate) fn is_header(block: &[u8]) -> bool {
    block.len() >= BLOCK && block[0] != 0 && octal(&block[148..156]) == Some(checksum(&block[..BLOCK]))
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
        let file_name = entry.name.rsplit('/').next().unwrap_or_default();
        if let Some(records) = cifar::known(file_name) {
            if !chooser.takes_records(records.part()) {
                leftovers.notes.push(format!("{} left out", super::error::one_line(&entry.name)));
            } else if cifar::feed(&mut *tar, records, &entry.name, &request.path.join(&entry.name), feed)?
                .is_none()
            {
                return Ok(());
            }
            continue;
        }
        let mut bytes = Vec::new();
        tar.take(HEAD as u64).read_to_end(&mut bytes).map_err(unpacking())?;
        if file_name.starts_with('.') || !(has_image_suffix(file_name) || picture::is_image(&bytes)) {
            leftovers.others += 1;
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

/// The entries of an archive; as a reader, the rest of the current entry.
struct Tar<R> {
    input: R,
    unread: u64,
    padding: u64,
}

/// A regular file.
struct Entry {
    name: String,
    size: u64,
}

enum Next {
    Entry(Entry),
    /// A block of zeros.
    End,
    /// End of file between two entries.
    Cut,
}

impl<R: Read> Tar<R> {
    fn next(&mut self) -> io::Result<Next> {
        let (mut name, mut size) = (None, None);
        loop {
            self.skip()?;
            let mut block = [0; BLOCK];
            match fill(&mut self.input, &mut block)? {
                0 => return Ok(Next::Cut),
                BLOCK if block == [0; BLOCK] => return Ok(Next::End),
                BLOCK => {}
                found => return Err(cut(&format!("a header of {found} bytes"))),
            }
            let header = Header::parse(&block)?;
            self.begin(size.take().unwrap_or(header.size));
            match header.kind {
                b'L' if header.size <= MAX_EXTENSION => {
                    let bytes = self.extension()?;
                    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
                    name = Some(String::from_utf8_lossy(&bytes[..end]).into_owned());
                }
                b'x' if header.size <= MAX_EXTENSION => {
                    for (key, value) in extended(&self.extension()?) {
                        match key.as_str() {
                            "path" => name = Some(value),
                            "size" => {
                                size = Some(value.parse().map_err(|_| invalid("an extended size", &value))?)
                            }
                            _ => {}
                        }
                    }
                }
                0 | b'0' | b'7' if !header.name.ends_with('/') => {
                    let name = name.take().unwrap_or(header.name);
                    return Ok(Next::Entry(Entry { name, size: self.unread }));
                }
                // Other extensions qualify the next entry too; anything else is an entry of its own.
                b'g' | b'K' | b'L' | b'x' => {}
                _ => name = None,
            }
        }
    }

    fn begin(&mut self, size: u64) {
        self.unread = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    fn extension(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Passes over what is left of the entry.
    fn skip(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink())?;
        let padding = std::mem::take(&mut self.padding);
        let passed = io::copy(&mut self.input.by_ref().take(padding), &mut io::sink())?;
        if passed == padding { Ok(()) } else { Err(cut("the padding of an entry")) }
    }

    /// Reads to the end of the input, so that a compressed one checks its checksum.
    fn drain(&mut self) -> io::Result<()> {
        io::copy(&mut self.input, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Tar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.unread).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.input.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(cut(&format!("an entry, {} bytes early", self.unread)));
        }
        self.unread -= read as u64;
        Ok(read)
    }
}

struct Header {
    name: String,
    kind: u8,
    size: u64,
}

impl Header {
    fn parse(block: &[u8; BLOCK]) -> io::Result<Self> {
        if octal(&block[148..156]) != Some(checksum(block)) {
            return Err(invalid("a header checksum", &String::from_utf8_lossy(&block[148..156])));
        }
        let field = &block[124..136];
        let size = if field[0] & 0x80 == 0 { octal(field) } else { binary(field) };
        let size = size.ok_or_else(|| invalid("a size", &String::from_utf8_lossy(field)))?;
        // POSIX splits long names; GNU archives use that room otherwise.
        let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { String::new() };
        let name = text(&block[..100]);
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Ok(Self { name, kind: block[156], size })
    }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|b| !(b'0'..=b'7').contains(b)).unwrap_or(digits.len());
    if !matches!(digits.get(end), None | Some(b' ' | 0)) {
        return None;
    }
    digits[..end].iter().try_fold(0_u64, |n, b| n.checked_mul(8)?.checked_add(u64::from(b - b'0')))
}

/// GNU's base-256 numbers, for sizes beyond 8 GiB.
fn binary(field: &[u8]) -> Option<u64> {
    let high = u64::from(field[0] & 0x7f);
    let size = field[1..].iter().try_fold(high, |n, &b| n.checked_mul(256)?.checked_add(u64::from(b)))?;
    (size <= i64::MAX as u64).then_some(size)
}

/// Sum of the bytes with the checksum's own field as spaces.
fn checksum(block: &[u8]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&b| u64::from(b)).sum::<u64>();
    sum(&block[..148]) + 8 * u64::from(b' ') + sum(&block[156..])
}

/// Records `length key=value\n` of an extended header; what does not parse ends the list.
fn extended(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut records = Vec::new();
    while let Some(space) = bytes.iter().position(|&b| b == b' ') {
        let digits = std::str::from_utf8(&bytes[..space]).unwrap_or_default();
        let length = digits.parse::<usize>().ok().filter(|&length| length > space);
        let Some((record, rest)) = length.and_then(|length| bytes.split_at_checked(length)) else { break };
        let record = String::from_utf8_lossy(record.get(space + 1..).unwrap_or_default());
        if let Some((key, value)) = record.trim_end_matches('\n').split_once('=') {
            records.push((key.to_owned(), value.to_owned()));
        }
        bytes = rest;
    }
    records
}

fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn cut(within: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the archive ends within {within}"))
}

fn invalid(field: &str, found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the archive has {field} of {found:?}"))
}
