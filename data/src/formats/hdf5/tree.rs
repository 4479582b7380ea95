//! B-trees of both versions.

use std::io::{Read, Seek};

use super::source::{Block, Fields, Source};
use crate::error::Error;

/// Levels of a tree at most.
const MAX_LEVELS: u64 = 64;

/// A node of version 1.
pub(super) struct Node {
    pub level: u8,
    pub children: Vec<Child>,
}

/// A key, and what lies behind it.
pub(super) struct Child {
    pub key: Vec<u8>,
    pub at: u64,
}

impl Node {
    /// # Arguments
    /// * `kind` — 0 for a group, 1 for chunks
    /// * `level` — as the parent has it
    /// * `key` — bytes of a key
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<R>,
        at: u64,
        kind: u64,
        level: Option<u8>,
        key: usize,
    ) -> Result<Self, Error> {
        let width = source.widths.offset;
        let length = 8 + 2 * width as u64;
        let head = source.signed(at, length, b"TREE", false)?;
        let mut fields = head.fields();
        fields.take(4)?;
        fields.one_of(1, "type of a tree", &[kind])?;
        let allowed: Vec<u64> = level.map_or((0..MAX_LEVELS).collect(), |level| vec![level.into()]);
        let level = fields.one_of(1, "level of a node", &allowed)? as u8;
        let count = fields.uint(2)?;
        let entries = source.block(at.saturating_add(length), count * (key + width) as u64)?;
        let mut fields = entries.fields();
        let mut children = Vec::new();
        for _ in 0..count {
            children.push(Child { key: fields.take(key)?.to_vec(), at: fields.address()? });
        }
        Ok(Self { level, children })
    }
}

/// All records of a tree of version 2, in order.
pub(super) fn records<R: Read + Seek>(
    source: &mut Source<R>,
    at: u64,
    kind: u64,
) -> Result<Vec<Vec<u8>>, Error> {
    let length = 22 + source.widths.offset as u64 + source.widths.length as u64;
    let head = source.signed(at, length, b"BTHD", true)?;
    let mut fields = head.fields();
    fields.take(5)?;
    fields.one_of(1, "type of a tree", &[kind])?;
    let node = fields.uint(4)?;
    let here = fields;
    let record = fields.uint(2)?;
    let depth = fields.uint(2)?;
    fields.take(2)?;
    let (root, count) = (fields.offset()?, fields.uint(2)?);
    let total = fields.length()?;
    if record == 0 || node < 10 + record || depth >= MAX_LEVELS {
        return Err(here.wrong(
            "tree",
            format!("{record}-byte records in {node}-byte nodes"),
            "records that fit",
        ));
    }
    // Each record takes bytes of the file.
    if total > source.length {
        return Err(here.wrong("records of a tree", total, format!("at most {}", source.length)));
    }
    let mut tree = Tree { node, record, pointers: Vec::new(), records: Vec::new() };
    tree.measure(depth, source.widths.offset as u64);
    if let Some(root) = root {
        tree.read(source, root, count, depth as usize)?;
    }
    Ok(tree.records)
}

struct Tree {
    node: u64,
    record: u64,
    /// For each level above the leaves: bytes of the number of records in a child, and in all below it.
    pointers: Vec<(usize, usize)>,
    records: Vec<Vec<u8>>,
}

impl Tree {
    /// Bytes of numbers of records follow from how many a node can hold.
    fn measure(&mut self, depth: u64, offset: u64) {
        let bytes = |most: u64| (most.max(1).ilog2() / 8 + 1) as usize;
        let leaf = (self.node - 10) / self.record;
        let (mut below, mut all) = (leaf, 0);
        for _ in 0..depth {
            self.pointers.push((bytes(leaf), all));
            let pointer = offset + bytes(leaf) as u64 + all as u64;
            let most = (self.node - 10).saturating_sub(pointer) / (self.record + pointer);
            below = most.saturating_add(1).saturating_mul(below).saturating_add(most);
            all = bytes(below);
        }
    }

    fn read<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        at: u64,
        count: u64,
        level: usize,
    ) -> Result<(), Error> {
        let letters = if level == 0 { b"BTLF" } else { b"BTIN" };
        let pointers = level.checked_sub(1).map(|below| self.pointers[below]);
        let width = source.widths.offset;
        let pointer = pointers.map_or(0, |(own, all)| (width + own + all) as u64);
        let length = 6 + count * self.record + if level == 0 { 0 } else { (count + 1) * pointer } + 4;
        let block: Block = source.signed(at, length, letters, true)?;
        let mut fields: Fields = block.fields();
        fields.take(6)?;
        for _ in 0..count {
            self.records.push(fields.take(self.record as usize)?.to_vec());
        }
        let Some((own, all)) = pointers else { return Ok(()) };
        for _ in 0..=count {
            let (child, count) = (fields.address()?, fields.uint(own)?);
            fields.take(all)?;
            self.read(source, child, count, level - 1)?;
        }
        Ok(())
    }
}
