//! The entries of a tar archive, read once and front to back: old, POSIX (ustar, pax) and GNU headers.
//!
//! Readers that disagree where an entry ends, or what it is called, see different files in one archive. Here an
//! extended size applies to the entry it precedes and never to another extension; an entry with two names, two targets
//! or two sizes is refused.

use std::io::{self, Read};

use crate::files::normal;

const BLOCK: usize = 512;
/// Longest name or extended header.
const MAX_EXTENSION: u64 = 1 << 20;

/// Whether a block is a tar header: its checksum tells, also for archives older than the magic word.
pub(crate) fn is_header(block: &[u8]) -> bool {
    block.len() >= BLOCK && block[0] != 0 && octal(&block[148..156]) == Some(checksum(&block[..BLOCK]))
}

/// An archive; as a reader, the rest of the current entry.
pub(crate) struct Tar<R> {
    input: R,
    unread: u64,
    padding: u64,
}

pub(crate) struct Entry {
    pub name: String,
    pub kind: Kind,
    /// Bytes of its content.
    pub size: u64,
}

pub(crate) enum Kind {
    File,
    Folder,
    /// Another name of an entry: the path from the top of the archive, if it stays in the archive.
    Link(Option<String>),
    /// A device, a pipe, a file stored with holes.
    Other,
}

pub(crate) enum Next {
    Entry(Entry),
    /// A block of zeros.
    End,
    /// End of file between two entries.
    Cut,
}

/// What extensions say of the entry they precede.
#[derive(Default)]
struct Said {
    name: Option<String>,
    target: Option<String>,
    size: Option<u64>,
    /// Only parts of the content are stored.
    sparse: bool,
}

impl<R: Read> Tar<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, unread: 0, padding: 0 }
    }

    /// Passes over the rest of an entry and reads what comes next.
    ///
    /// # Errors
    /// A wrong checksum, a field that is no number, contradicting extensions, an end within an entry.
    pub(crate) fn next(&mut self) -> io::Result<Next> {
        let mut said = Said::default();
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
            match header.kind {
                b'L' => once(&mut said.name, terminated(&self.extension(&header)?), "names")?,
                b'K' => once(&mut said.target, terminated(&self.extension(&header)?), "targets")?,
                b'x' => self.extended(&header, &mut said)?,
                // What a global header says of all entries, such as a commit, is no matter here.
                b'g' => self.begin(header.size),
                _ => {
                    if header.kind == b'S' {
                        self.pass_map(&block)?;
                    }
                    return Ok(Next::Entry(self.entry(header, said)));
                }
            }
        }
    }

    fn entry(&mut self, header: Header, said: Said) -> Entry {
        self.begin(said.size.unwrap_or(header.size));
        let name = said.name.unwrap_or(header.name);
        let target = said.target.unwrap_or(header.target);
        let kind = match header.kind {
            b'5' => Kind::Folder,
            _ if said.sparse => Kind::Other,
            0 | b'0' | b'7' if name.ends_with('/') => Kind::Folder,
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::Link(normal(&target)),
            b'2' => Kind::Link(resolved(&name, &target)),
            _ => Kind::Other,
        };
        Entry { name, kind, size: self.unread }
    }

    fn begin(&mut self, size: u64) {
        self.unread = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// The content of an extension, whose size is its own whatever was said before.
    fn extension(&mut self, header: &Header) -> io::Result<Vec<u8>> {
        if header.size > MAX_EXTENSION {
            return Err(invalid(
                "an extension",
                &format!("{} bytes, more than {MAX_EXTENSION}", header.size),
            ));
        }
        self.begin(header.size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn extended(&mut self, header: &Header, said: &mut Said) -> io::Result<()> {
        for (key, value) in records(&self.extension(header)?)? {
            match key.as_str() {
                "path" => once(&mut said.name, value, "names")?,
                "linkpath" => once(&mut said.target, value, "targets")?,
                "size" => {
                    let size = value.parse().map_err(|_| invalid("an extended size", &value))?;
                    once(&mut said.size, size, "sizes")?;
                }
                key => said.sparse |= key.starts_with("GNU.sparse."),
            }
        }
        Ok(())
    }

    /// Passes over the blocks between the header of a sparse file and its content.
    fn pass_map(&mut self, header: &[u8; BLOCK]) -> io::Result<()> {
        let mut more = header[482] != 0;
        while more {
            let mut block = [0; BLOCK];
            if fill(&mut self.input, &mut block)? < BLOCK {
                return Err(cut("the map of a sparse file"));
            }
            more = block[504] != 0;
        }
        Ok(())
    }

    fn skip(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink())?;
        let padding = std::mem::take(&mut self.padding);
        let passed = io::copy(&mut self.input.by_ref().take(padding), &mut io::sink())?;
        if passed == padding { Ok(()) } else { Err(cut("the padding of an entry")) }
    }

    /// Reads to the end of the input, so that a compressed one checks its checksum.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
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
    target: String,
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
        let prefix =
            if &block[257..263] == b"ustar\0" { terminated(&block[345..500]) } else { String::new() };
        let name = terminated(&block[..100]);
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Ok(Self { name, target: terminated(&block[157..257]), kind: block[156], size })
    }
}

/// Sets what has not been said before.
fn once<T>(place: &mut Option<T>, value: T, what: &str) -> io::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the archive gives two {what} to one entry"),
        )),
    }
}

/// The path that a link in an entry's folder leads to.
fn resolved(name: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    normal(&format!("{folder}/{target}"))
}

/// Text up to a zero.
fn terminated(field: &[u8]) -> String {
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

/// Records `length key=value\n` of an extended header; zeros may follow them.
fn records(mut bytes: &[u8]) -> io::Result<Vec<(String, String)>> {
    let mut records = Vec::new();
    while bytes.iter().any(|&b| b != 0) {
        let record = record(bytes).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
            invalid("an extended header", &shown)
        })?;
        let (key, value) = (&record.1, &record.2);
        records
            .push((String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(value).into_owned()));
        bytes = &bytes[record.0..];
    }
    Ok(records)
}

/// Length, key and value of the first record.
fn record(bytes: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let space = bytes.iter().position(|&b| b == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let text = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = text.iter().position(|&b| b == b'=')?;
    Some((length, &text[..equals], &text[equals + 1..]))
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
