//! The superblock, and objects: headers that are lists of messages.

use std::io::{Read, Seek};
use std::path::Path;

use super::source::{Block, Fields, Source, Widths};
use crate::error::Error;

/// How a file begins, at 0 or after bytes of its user.
pub(super) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
/// Messages of one object at most.
const MAX_MESSAGES: usize = 1 << 14;

/// Types of messages.
pub(super) mod kind {
    pub const DATASPACE: u16 = 0x01;
    pub const LINK_INFO: u16 = 0x02;
    pub const DATATYPE: u16 = 0x03;
    pub const FILL: u16 = 0x05;
    pub const LINK: u16 = 0x06;
    pub const EXTERNAL: u16 = 0x07;
    pub const LAYOUT: u16 = 0x08;
    pub const FILTERS: u16 = 0x0b;
    pub const ATTRIBUTE: u16 = 0x0c;
    pub const CONTINUATION: u16 = 0x10;
    pub const SYMBOL_TABLE: u16 = 0x11;
}

/// Finds the superblock, takes the widths from it, and gives the place of the root group.
pub(super) fn root<R: Read + Seek>(source: &mut Source<R>) -> Result<u64, Error> {
    let mut start = Some(0_u64);
    while let Some(at) = start.filter(|at| at + 8 <= source.length) {
        if source.block(at, 8)?.bytes == SIGNATURE {
            break;
        }
        start = if at == 0 { Some(512) } else { at.checked_mul(2) };
    }
    let Some(at) = start.filter(|at| at + 8 <= source.length) else {
        return Err(source.wrong(0, "signature", "none", "that of HDF5 at 0, 512, 1024, ..."));
    };
    let rest = (source.length - at).min(128);
    let block = source.block(at, rest)?;
    let mut fields = block.fields();
    fields.take(8)?;
    let version = fields.one_of(1, "version of the superblock", &[0, 1, 2, 3])?;
    let old = version < 2;
    fields.take(if old { 4 } else { 0 })?;
    let offset = fields.one_of(1, "bytes of an address", &[2, 4, 8])? as usize;
    let length = fields.one_of(1, "bytes of a length", &[2, 4, 8])? as usize;
    fields.take(match version {
        0 => 9,
        1 => 13,
        _ => 1,
    })?;
    fields.widths = Widths { offset, length };
    source.widths = fields.widths;
    // Where there is a user's block before it, addresses count from the superblock on.
    fields.take(offset)?;
    source.base = at;
    // Free space or extension, and the end of the file; then, of an old one, drivers and the name of the root.
    fields.take(if old { 4 * offset } else { 2 * offset })?;
    let root = fields.address()?;
    if !old {
        source.block(0, (16 + 4 * offset) as u64)?.check()?;
    }
    Ok(root)
}

/// A message of an object.
pub(super) struct Message<'a> {
    pub kind: u16,
    /// Whether it only says where the message is.
    pub shared: bool,
    pub body: Block<'a>,
}

/// The messages of the object at a place, with those that continue it.
pub(super) fn messages<'a, R: Read + Seek>(
    source: &mut Source<'a, R>,
    at: u64,
) -> Result<Vec<Message<'a>>, Error> {
    let head = source.block(at, 16)?;
    let mut found = Vec::new();
    let mut parts = if head.bytes.starts_with(b"OHDR") {
        vec![second_version(source, at)?]
    } else {
        let mut fields = head.fields();
        fields.one_of(1, "version of an object", &[1])?;
        fields.take(7)?;
        let length = fields.uint(4)?;
        vec![(source.block(at.saturating_add(16), length)?, None)]
    };
    while let Some((part, order)) = parts.pop() {
        let mut fields = part.fields();
        // What is shorter than the head of a message fills up.
        while fields.rest.len() >= order.map_or(8, |order: usize| 4 + order) {
            let message = message(&mut fields, part.path, order)?;
            if message.kind == kind::CONTINUATION {
                let mut fields = message.body.fields();
                let (at, length) = (fields.address()?, fields.length()?);
                parts.push(match order {
                    None => (source.block(at, length)?, None),
                    Some(order) => {
                        let mut block = source.signed(at, length, b"OCHK", true)?;
                        block.bytes.drain(..4);
                        (block, Some(order))
                    }
                });
            } else {
                found.push(message);
            }
            if found.len() > MAX_MESSAGES {
                return Err(source.wrong(at, "messages of an object", found.len(), MAX_MESSAGES));
            }
        }
    }
    Ok(found)
}

/// The first part of an object of version 2, and how many bytes of order of creation its messages have.
fn second_version<'a, R: Read + Seek>(
    source: &mut Source<'a, R>,
    at: u64,
) -> Result<(Block<'a>, Option<usize>), Error> {
    let head = source.block(at, (source.length.saturating_sub(source.base + at)).min(40))?;
    let mut fields = head.fields();
    fields.take(4)?;
    fields.one_of(1, "version of an object", &[2])?;
    let flags = fields.byte()?;
    fields.take(if flags & 0x20 == 0 { 0 } else { 16 })?;
    fields.take(if flags & 0x10 == 0 { 0 } else { 4 })?;
    let length = fields.uint(1 << (flags & 3))?;
    let before = head.bytes.len() - fields.rest.len();
    let whole = length.saturating_add(before as u64 + 4);
    let mut block = source.signed(at, whole, b"OHDR", true)?;
    block.bytes.drain(..before);
    Ok((block, Some(if flags & 0x04 == 0 { 0 } else { 2 })))
}

fn message<'a>(fields: &mut Fields, path: &'a Path, order: Option<usize>) -> Result<Message<'a>, Error> {
    let (kind, length, flags);
    match order {
        None => {
            kind = fields.uint(2)? as u16;
            length = fields.uint(2)? as usize;
            flags = fields.byte()?;
            fields.take(3)?;
        }
        Some(order) => {
            kind = u16::from(fields.byte()?);
            length = fields.uint(2)? as usize;
            flags = fields.byte()?;
            fields.take(order)?;
        }
    }
    let at = fields.at;
    let bytes = fields.take(length)?.to_vec();
    let body = Block { bytes, at, path, widths: fields.widths };
    Ok(Message { kind, shared: flags & 2 != 0, body })
}
