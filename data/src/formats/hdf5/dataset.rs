//! What the messages of a data set say: its axes, its numbers, how they are stored.

use std::io::{Read, Seek};

use super::chunks::Index;
use super::filters::Filter;
use super::object::{self, Message, kind};
use super::source::{Block, Fields, Source};
use super::space::Space;
use crate::element::Element;
use crate::error::Error;

/// What the entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Numbers {
        element: Element,
        big_endian: bool,
    },
    /// Anything else, by its name in messages.
    Other(&'static str),
}

/// Where the values are.
#[derive(Clone, Debug)]
pub(super) enum Storage {
    Within(Vec<u8>),
    /// One after the other; nowhere if none was ever written.
    Together(Option<u64>),
    Chunks {
        chunk: Vec<u64>,
        index: Index,
    },
}

/// How to read a data set.
pub(super) struct Values {
    pub storage: Storage,
    pub filters: Vec<Filter>,
    /// One entry where none was written, or nothing for zero.
    pub fill: Vec<u8>,
}

/// Axes and type.
pub(super) fn describe<'a, R: Read + Seek>(
    source: &mut Source<'a, R>,
    messages: &[Message<'a>],
) -> Result<(Space, Type), Error> {
    let mut description = (None, None);
    for message in messages {
        match message.kind {
            kind::DATASPACE => description.0 = Some(space(message.body.fields())?),
            kind::DATATYPE if message.shared => description.1 = Some(named_type(source, message)?),
            kind::DATATYPE => description.1 = Some(type_of(message.body.fields())?),
            _ => {}
        }
    }
    match (description, messages.first()) {
        ((Some(space), Some(kind)), _) => Ok((space, kind)),
        (_, first) => {
            let at = first.map_or(0, |message| message.body.at - source.base);
            Err(source.wrong(at, "data set", "without axes or type", "one of each"))
        }
    }
}

fn space(mut fields: Fields) -> Result<Space, Error> {
    let version = fields.one_of(1, "version of axes", &[1, 2])?;
    let rank = fields.byte()?;
    let flags = fields.byte()?;
    let class = fields.byte()?;
    fields.take(if version == 1 { 4 } else { 0 })?;
    let mut sizes = |there: bool| -> Result<Vec<u64>, Error> {
        (0..if there { rank } else { 0 }).map(|_| fields.length()).collect()
    };
    let axes = sizes(true)?;
    let most = if flags & 1 == 0 { axes.clone() } else { sizes(true)? };
    // One without a single entry, not even a number.
    if version == 2 && class == 2 {
        Ok(Space { axes: vec![0], most: vec![0] })
    } else {
        Ok(Space { axes, most })
    }
}

/// The type that another object holds.
fn named_type<'a, R: Read + Seek>(source: &mut Source<'a, R>, message: &Message<'a>) -> Result<Type, Error> {
    let mut fields = message.body.fields();
    let version = fields.one_of(1, "version of a shared message", &[1, 2, 3])?;
    let kind = fields.byte()?;
    if version == 3 && kind != 2 {
        return Err(fields.wrong("shared message", kind, "2, of another object"));
    }
    fields.take(if version == 1 { 6 } else { 0 })?;
    let at = fields.address()?;
    let messages = object::messages(source, at)?;
    match messages.iter().find(|message| message.kind == kind::DATATYPE && !message.shared) {
        Some(message) => type_of(message.body.fields()),
        None => Err(source.wrong(at, "named type", "no type", "one")),
    }
}

fn type_of(mut fields: Fields) -> Result<Type, Error> {
    let class = fields.byte()? & 0x0f;
    let flags = fields.uint(3)?;
    let size = fields.uint(4)?;
    let other = |what| Ok(Type::Other(what));
    let big_endian = flags & 1 == 1;
    match class {
        0 => {
            let (place, bits) = (fields.uint(2)?, fields.uint(2)?);
            if place != 0 || bits != 8 * size {
                return other("integers with bits to spare");
            }
            let element = match (size, flags & 8 != 0) {
                (1, false) => Element::U8,
                (1, true) => Element::I8,
                (2, false) => Element::U16,
                (2, true) => Element::I16,
                (4, false) => Element::U32,
                (4, true) => Element::I32,
                (8, false) => Element::U64,
                (8, true) => Element::I64,
                _ => return other("integers of another width"),
            };
            Ok(Type::Numbers { element, big_endian })
        }
        1 => {
            let places = [
                fields.uint(2)?,
                fields.uint(2)?,
                fields.uint(1)?,
                fields.uint(1)?,
                fields.uint(1)?,
                fields.uint(1)?,
            ];
            let bias = fields.uint(4)?;
            let element = match (size, places, bias) {
                _ if flags & 0x40 != 0 => return other("floats of a VAX"),
                (2, [0, 16, 10, 5, 0, 10], 15) => Element::F16,
                (4, [0, 32, 23, 8, 0, 23], 127) => Element::F32,
                (8, [0, 64, 52, 11, 0, 52], 1023) => Element::F64,
                _ => return other("floats that are not of 16, 32 or 64 bits as IEEE 754 has them"),
            };
            Ok(Type::Numbers { element, big_endian })
        }
        // Of integers alone, so that none is in another.
        8 if fields.rest.first().is_some_and(|class| class & 0x0f == 0) => {
            let base = type_of(fields)?;
            let names = fields.rest.get(12..).unwrap_or_default();
            let has = |name: &[u8]| names.windows(name.len()).any(|part| part == name);
            match base {
                Type::Numbers { element: Element::I8, .. }
                    if flags & 0xffff == 2 && has(b"FALSE\0") && has(b"TRUE\0") =>
                {
                    Ok(Type::Numbers { element: Element::Bool, big_endian })
                }
                base => Ok(base),
            }
        }
        6 => {
            let is_complex = matches!(fields.rest, [b'r', 0, ..]) && flags & 0xffff == 2;
            other(if is_complex { "complex numbers" } else { "records" })
        }
        11 => other("complex numbers"),
        2 => other("times"),
        3 => other("text"),
        7 => other("references"),
        9 => other("text or lists of any length"),
        10 => other("arrays in arrays"),
        _ => other("bits or bytes without meaning"),
    }
}

/// The class that MATLAB says an array has, if it says so: the text at the end of an attribute.
pub(super) fn matlab_class<'m>(messages: &'m [Message]) -> Option<&'m [u8]> {
    let attributes =
        messages.iter().filter(|message| message.kind == kind::ATTRIBUTE).map(|m| &m.body.bytes[..]);
    let mut classes = attributes.filter(|bytes| bytes.windows(13).any(|part| part == b"MATLAB_class\0"));
    let text = classes.next()?;
    let text = &text[..text.len() - text.iter().rev().take_while(|&&byte| byte == 0).count()];
    text.rsplit(|byte| !byte.is_ascii_alphanumeric()).next()
}

/// Where the values are, and how they are packed.
pub(super) fn values<R: Read + Seek>(
    source: &Source<R>,
    messages: &[Message],
    rank: usize,
    width: usize,
) -> Result<Values, Error> {
    let mut values = Values { storage: Storage::Together(None), filters: Vec::new(), fill: Vec::new() };
    for message in messages {
        let fields = message.body.fields();
        match message.kind {
            kind::LAYOUT => values.storage = storage(fields, rank, width)?,
            kind::FILTERS => values.filters = Filter::all(fields)?,
            kind::FILL => values.fill = fill(&message.body, width)?,
            kind::EXTERNAL => {
                let at = message.body.at - source.base;
                return Err(source.wrong(at, "values", "in another file", "in this one"));
            }
            _ => {}
        }
    }
    Ok(values)
}

fn fill(message: &Block, width: usize) -> Result<Vec<u8>, Error> {
    let mut fields = message.fields();
    let is_there = match fields.one_of(1, "version of a fill value", &[1, 2, 3])? {
        3 => fields.byte()? & 0x20 != 0,
        _ => fields.take(3)?[2] != 0,
    };
    if !is_there {
        return Ok(Vec::new());
    }
    let length = fields.uint(4)? as usize;
    let value = fields.take(length)?;
    if length != 0 && length != width {
        return Err(fields.wrong("bytes of a fill value", length, width));
    }
    Ok(value.to_vec())
}

fn storage(mut fields: Fields, rank: usize, width: usize) -> Result<Storage, Error> {
    let version = fields.one_of(1, "version of a layout", &[3, 4, 5])?;
    let allowed = "0 (in the header), 1 (together), 2 (in chunks)";
    match (fields.byte()?, version) {
        (0, _) => {
            let length = fields.uint(2)? as usize;
            Ok(Storage::Within(fields.take(length)?.to_vec()))
        }
        (1, _) => Ok(Storage::Together(fields.offset()?)),
        (2, 3) => {
            let axes = usize::from(fields.byte()?);
            let tree = fields.offset()?;
            let chunk = chunk(&mut fields, axes, 4, rank, width)?;
            Ok(Storage::Chunks { chunk, index: tree.map_or(Index::None, Index::Tree) })
        }
        (2, _) => {
            let filtered = fields.byte()? & 2 != 0;
            let axes = usize::from(fields.byte()?);
            let bytes = usize::from(fields.byte()?.clamp(1, 8));
            let chunk = chunk(&mut fields, axes, bytes, rank, width)?;
            Ok(Storage::Chunks { chunk, index: Index::of(&mut fields, filtered)? })
        }
        (class, _) => Err(fields.wrong("layout", class, allowed)),
    }
}

/// Sides of a chunk; behind them stand the bytes of an entry.
fn chunk(
    fields: &mut Fields,
    axes: usize,
    bytes: usize,
    rank: usize,
    width: usize,
) -> Result<Vec<u64>, Error> {
    let here = *fields;
    let mut sides = (0..axes).map(|_| fields.uint(bytes)).collect::<Result<Vec<u64>, Error>>()?;
    let entry = sides.pop();
    if sides.len() != rank || entry != Some(width as u64) || sides.contains(&0) {
        return Err(here.wrong(
            "sides of a chunk",
            format!("{sides:?} of {entry:?}"),
            format!("{rank} of {width}"),
        ));
    }
    Ok(sides)
}
