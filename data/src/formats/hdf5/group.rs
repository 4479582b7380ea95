//! Groups: names of objects, in a table of symbols as of old, or as links in messages or in a heap.

use std::collections::HashSet;
use std::io::{Read, Seek};

use super::heap::Heap;
use super::object::{self, Message, kind};
use super::source::{Block, Source};
use super::tree;
use crate::error::Error;

/// Longest way to an object.
const MAX_DEPTH: usize = 64;
/// Objects of one file at most.
const MAX_OBJECTS: usize = 1 << 16;

/// An object by the way to it.
pub(super) struct Object<'a> {
    pub path: String,
    pub messages: Vec<Message<'a>>,
}

/// Every data set with each of its names, but for those by a second name of its group; soft and external links are
/// passed over.
pub(super) fn data_sets<'a, R: Read + Seek>(source: &mut Source<'a, R>) -> Result<Vec<Object<'a>>, Error> {
    let root = object::root(source)?;
    let (mut found, mut groups) = (Vec::new(), HashSet::from([root]));
    let mut waiting = vec![(String::new(), root, 0)];
    let mut objects = 0_usize;
    while let Some((path, at, depth)) = waiting.pop() {
        objects += 1;
        if objects > MAX_OBJECTS || depth > MAX_DEPTH {
            return Err(source.wrong(
                at,
                "objects",
                "too many",
                format!("{MAX_OBJECTS}, {MAX_DEPTH} in each other"),
            ));
        }
        let messages = object::messages(source, at)?;
        let has = |wanted| messages.iter().any(|message| message.kind == wanted);
        if has(kind::LAYOUT) {
            found.push(Object { path, messages });
        } else if (has(kind::SYMBOL_TABLE) || has(kind::LINK_INFO)) && (depth == 0 || groups.insert(at)) {
            let before = if path.is_empty() { path } else { format!("{path}/") };
            for (name, at) in links(source, &messages)? {
                waiting.push((format!("{before}{name}"), at, depth + 1));
            }
            if waiting.len() > MAX_OBJECTS {
                return Err(source.wrong(at, "objects", waiting.len(), MAX_OBJECTS));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn links<R: Read + Seek>(source: &mut Source<R>, messages: &[Message]) -> Result<Vec<(String, u64)>, Error> {
    let mut links = Vec::new();
    for message in messages {
        let mut fields = message.body.fields();
        match message.kind {
            kind::SYMBOL_TABLE => {
                let (tree, heap) = (fields.address()?, fields.address()?);
                let names = local_heap(source, heap)?;
                symbols(source, tree, None, &names, &mut links)?;
            }
            kind::LINK => links.extend(link(&message.body)?),
            kind::LINK_INFO => {
                fields.one_of(1, "version of links", &[0])?;
                let flags = fields.byte()?;
                fields.take(if flags & 1 == 0 { 0 } else { 8 })?;
                if let (Some(heap), Some(names)) = (fields.offset()?, fields.offset()?) {
                    let heap = Heap::open(source, heap)?;
                    for record in tree::records(source, names, 5)? {
                        // A hash of four bytes stands before the place in the heap.
                        let found = heap.find(source, record.get(4..).unwrap_or_default())?;
                        links.extend(link(&found)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(links)
}

/// The names of a table of symbols, each with a zero behind it.
fn local_heap<'a, R: Read + Seek>(source: &mut Source<'a, R>, at: u64) -> Result<Block<'a>, Error> {
    let length = 8 + 2 * source.widths.length + source.widths.offset;
    let head = source.signed(at, length as u64, b"HEAP", false)?;
    let mut fields = head.fields();
    fields.take(8)?;
    let length = fields.length()?;
    fields.length()?;
    let names = fields.address()?;
    source.block(names, length)
}

/// The symbols below a node of a tree, whose level its parent tells.
fn symbols<R: Read + Seek>(
    source: &mut Source<R>,
    at: u64,
    level: Option<u8>,
    names: &Block,
    links: &mut Vec<(String, u64)>,
) -> Result<(), Error> {
    let node = tree::Node::read(source, at, 0, level, source.widths.length)?;
    for child in node.children {
        if node.level > 0 {
            symbols(source, child.at, Some(node.level - 1), names, links)?;
            continue;
        }
        let head = source.signed(child.at, 8, b"SNOD", false)?;
        let mut fields = head.fields();
        fields.take(6)?;
        let count = fields.uint(2)?;
        let entry = 2 * source.widths.offset as u64 + 24;
        let entries = source.block(child.at.saturating_add(8), count * entry)?;
        let mut fields = entries.fields();
        for _ in 0..count {
            let here = fields;
            let name = fields.uint(source.widths.offset)? as usize;
            let object = fields.offset()?;
            let kind = fields.uint(4)?;
            fields.take(20)?;
            let name = names.bytes.get(name..).and_then(|rest| rest.split(|&byte| byte == 0).next());
            let Some(name) = name else {
                return Err(here.wrong("place of a name", "outside", "within its heap"));
            };
            // 2 is a soft link.
            if let (Some(object), 0 | 1) = (object, kind) {
                links.push((String::from_utf8_lossy(name).into_owned(), object));
            }
        }
    }
    Ok(())
}

/// The name and the place of a hard link; nothing for another.
fn link(message: &Block) -> Result<Option<(String, u64)>, Error> {
    let mut fields = message.fields();
    fields.one_of(1, "version of a link", &[1])?;
    let flags = fields.byte()?;
    let hard = flags & 0x08 == 0 || fields.byte()? == 0;
    fields.take(if flags & 0x04 == 0 { 0 } else { 8 })?;
    fields.take(if flags & 0x10 == 0 { 0 } else { 1 })?;
    let length = fields.uint(1 << (flags & 3))?;
    let name = fields.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    if !hard {
        return Ok(None);
    }
    Ok(Some((String::from_utf8_lossy(name).into_owned(), fields.address()?)))
}
