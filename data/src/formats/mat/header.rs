//! What an array says of itself before its values: class, axes, name, and the type in which the values are stored.

use std::io::{self, Read};

use crate::element::Element;

/// Longest name; MATLAB's have 63 characters.
const MAX_NAME: u32 = 4096;
/// Largest number of axes.
const MAX_RANK: u32 = 64;

/// What an array holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Numbers(Element),
    /// Anything else, by its name in messages.
    Other(&'static str),
}

/// An array before its values.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub class: Class,
    /// As MATLAB and numpy have them; the first runs fastest.
    pub axes: Vec<u64>,
    pub name: String,
}

/// The type, the number of bytes and, where they are so few that they stand in its place, the bytes of a part.
pub(super) struct Tag {
    pub kind: u32,
    pub bytes: u32,
    pub within: Option<[u8; 4]>,
}

/// A field outside its domain: its name, what was found, what is allowed; or no field at all.
pub(super) enum Fault {
    Field(&'static str, String, &'static str),
    Input(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Input(error)
    }
}

/// The parts of an array, one after the other.
pub(super) struct Parts<R> {
    pub input: R,
    pub big_endian: bool,
}

impl<R: Read> Parts<R> {
    fn word(&mut self) -> io::Result<u32> {
        let mut word = [0; 4];
        self.input.read_exact(&mut word)?;
        Ok(self.number(word))
    }

    fn number(&self, word: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    /// The next part: its values follow, unless they are in the tag.
    pub(super) fn tag(&mut self) -> io::Result<Tag> {
        let first = self.word()?;
        if first >> 16 == 0 {
            return Ok(Tag { kind: first, bytes: self.word()?, within: None });
        }
        let mut within = [0; 4];
        self.input.read_exact(&mut within)?;
        Ok(Tag { kind: first & 0xffff, bytes: (first >> 16).min(4), within: Some(within) })
    }

    /// A short part as a whole.
    fn part(&mut self, field: &'static str, kinds: &[u32], limit: u32) -> Result<Vec<u8>, Fault> {
        let Tag { kind, bytes, within } = self.tag()?;
        if !kinds.contains(&kind) || bytes > limit {
            let found = format!("{bytes} bytes of type {kind}");
            return Err(Fault::Field(field, found, "a short part of its type"));
        }
        if let Some(within) = within {
            return Ok(within[..bytes as usize].to_vec());
        }
        let mut content = vec![0; bytes.next_multiple_of(8) as usize];
        self.input.read_exact(&mut content)?;
        content.truncate(bytes as usize);
        Ok(content)
    }

    /// Class, axes and name.
    pub(super) fn header(&mut self) -> Result<Header, Fault> {
        let flags = self.part("flags of an array", &[6], 8)?;
        let flags = flags.first_chunk().map(|&word| self.number(word));
        let Some(flags) = flags else {
            return Err(Fault::Field("flags of an array", "none".into(), "8 bytes"));
        };
        let class = class(flags);
        if class == Class::Other("an object") {
            return Ok(Header { class, axes: Vec::new(), name: String::new() });
        }
        let axes = self.part("axes of an array", &[5], 4 * MAX_RANK)?;
        let axes = axes.as_chunks().0.iter().map(|&word| u64::from(self.number(word))).collect();
        let name = self.part("name of an array", &[1, 16], MAX_NAME)?;
        Ok(Header { class, axes, name: String::from_utf8_lossy(&name).into_owned() })
    }
}

fn class(flags: u32) -> Class {
    const COMPLEX: u32 = 0x800;
    const LOGICAL: u32 = 0x200;
    let element = match flags & 0xff {
        1 => return Class::Other("a cell array"),
        2 => return Class::Other("a structure"),
        4 => return Class::Other("text"),
        5 => return Class::Other("a sparse matrix"),
        _ if flags & LOGICAL != 0 => Element::Bool,
        6 => Element::F64,
        7 => Element::F32,
        8 => Element::I8,
        9 => Element::U8,
        10 => Element::I16,
        11 => Element::U16,
        12 => Element::I32,
        13 => Element::U32,
        14 => Element::I64,
        15 => Element::U64,
        _ => return Class::Other("an object"),
    };
    if flags & COMPLEX != 0 { Class::Other("complex") } else { Class::Numbers(element) }
}

/// The type of stored values.
pub(super) fn stored(kind: u32) -> Option<Element> {
    Some(match kind {
        1 => Element::I8,
        2 => Element::U8,
        3 => Element::I16,
        4 => Element::U16,
        5 => Element::I32,
        6 => Element::U32,
        7 => Element::F32,
        9 => Element::F64,
        12 => Element::I64,
        13 => Element::U64,
        _ => return None,
    })
}
