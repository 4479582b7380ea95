//! Where the chunks of a data set are, by the indexes that HDF5 has for them.

use std::io::{Read, Seek};

use super::arrays;
use super::source::{Fields, Source};
use super::space::Space;
use super::tree;
use crate::error::Error;

/// An index of chunks.
#[derive(Clone, Debug)]
pub(super) enum Index {
    /// No chunk was ever written.
    None,
    /// A tree of version 1.
    Tree(u64),
    /// One chunk, with its bytes and mask if it went through filters.
    Single(u64, Option<(u64, u32)>),
    /// All chunks one after the other.
    Implicit(u64),
    FixedArray(u64),
    ExtensibleArray(u64),
    /// A tree of version 2.
    NewTree(u64),
}

impl Index {
    /// The index that a layout of version 4 or 5 names.
    pub(super) fn of(fields: &mut Fields, filtered: bool) -> Result<Self, Error> {
        let kind = fields.one_of(1, "index of chunks", &[1, 2, 3, 4, 5])?;
        let mut packed = None;
        match kind {
            1 if filtered => packed = Some((fields.length()?, fields.uint(4)? as u32)),
            3 => drop(fields.take(1)?),
            4 => drop(fields.take(5)?),
            5 => drop(fields.take(6)?),
            _ => {}
        }
        let Some(at) = fields.offset()? else { return Ok(Self::None) };
        Ok(match kind {
            1 => Self::Single(at, packed),
            2 => Self::Implicit(at),
            3 => Self::FixedArray(at),
            4 => Self::ExtensibleArray(at),
            _ => Self::NewTree(at),
        })
    }
}

/// A chunk that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Number among all chunks, the last axis running fastest.
    pub number: u64,
    pub at: u64,
    /// Bytes in the file.
    pub stored: u64,
    /// Filters that it did not go through, by bits.
    pub mask: u32,
}

/// How chunks cover the axes.
pub(super) struct Grid {
    pub chunk: Vec<u64>,
    /// Chunks along each axis.
    pub counts: Vec<u64>,
    /// The same for the axes as far as they may grow; of an axis without end, as far as they are.
    most: Vec<u64>,
    /// The axis without end.
    endless: Option<usize>,
    /// Bytes of a chunk.
    bytes: u64,
}

impl Grid {
    /// # Arguments
    /// * `bytes` — of a chunk, which is known to be no overflow
    pub(super) fn new(space: &Space, chunk: Vec<u64>, bytes: u64) -> Self {
        let counts =
            |axes: &[u64]| axes.iter().zip(&chunk).map(|(axis, side)| axis.div_ceil(*side)).collect();
        let endless = space.most.iter().position(|&most| most == u64::MAX);
        let most: Vec<u64> =
            space.most.iter().zip(&space.axes).map(|(&m, &a)| if m == u64::MAX { a } else { m }).collect();
        Self { counts: counts(&space.axes), most: counts(&most), endless, chunk, bytes }
    }

    /// Number of a chunk by its place along each axis; nothing outside, where it may have been before axes shrank.
    fn number(&self, place: &[u64]) -> Option<u64> {
        place.iter().zip(&self.counts).try_fold(0_u64, |number, (&place, &count)| {
            if place < count { number.checked_mul(count)?.checked_add(place) } else { None }
        })
    }

    /// Number of the chunk at a place of an array, in which the endless axis runs slowest and all are as long as they
    /// may grow.
    fn number_of(&self, place: u64) -> Option<u64> {
        let mut rest = place;
        let mut places = vec![0; self.counts.len()];
        for axis in (0..places.len()).rev().filter(|&axis| Some(axis) != self.endless) {
            let most = self.most[axis].max(1);
            places[axis] = rest % most;
            rest /= most;
        }
        match self.endless {
            Some(axis) => places[axis] = rest,
            None if rest > 0 => return None,
            None => {}
        }
        self.number(&places)
    }

    /// All chunks that were written, by number.
    pub(super) fn chunks<R: Read + Seek>(
        &self,
        source: &mut Source<R>,
        index: &Index,
        filtered: bool,
    ) -> Result<Vec<Chunk>, Error> {
        let mut chunks = Vec::new();
        let whole = |number, at| Chunk { number, at, stored: self.bytes, mask: 0 };
        match *index {
            Index::None => {}
            Index::Tree(at) => self.tree(source, at, None, &mut chunks)?,
            Index::Single(at, packed) => {
                let (stored, mask) = packed.unwrap_or((self.bytes, 0));
                chunks.push(Chunk { number: 0, at, stored, mask });
            }
            Index::Implicit(at) => {
                let all = self.most.iter().try_fold(1_u64, |all, &count| all.checked_mul(count));
                let all =
                    all.filter(|all| all.checked_mul(self.bytes).is_some_and(|bytes| bytes <= source.length));
                let all =
                    all.ok_or_else(|| source.wrong(at, "chunks", "more than there is", source.length))?;
                let numbers = (0..all).filter_map(|place| {
                    Some((self.number_of(place)?, at.saturating_add(place * self.bytes)))
                });
                chunks.extend(numbers.map(|(number, at)| whole(number, at)));
            }
            Index::FixedArray(at) | Index::ExtensibleArray(at) => {
                let fixed = matches!(index, Index::FixedArray(_));
                let elements =
                    if fixed { arrays::fixed(source, at)? } else { arrays::extensible(source, at)? };
                for element in elements {
                    if let Some(number) = self.number_of(element.place) {
                        let (stored, mask) = element.packed.unwrap_or((self.bytes, 0));
                        chunks.push(Chunk { number, at: element.at, stored, mask });
                    }
                }
            }
            Index::NewTree(at) => {
                let (rank, widths) = (self.chunk.len(), source.widths);
                for record in tree::records(source, at, if filtered { 11 } else { 10 })? {
                    let mut fields =
                        Fields { rest: &record, at: source.base + at, path: source.path, widths };
                    let place = fields.address()?;
                    let (mut stored, mut mask) = (self.bytes, 0);
                    if filtered {
                        let bytes = fields.rest.len().saturating_sub(4 + 8 * rank).min(8);
                        (stored, mask) = (fields.uint(bytes)?, fields.uint(4)? as u32);
                    }
                    let places = (0..rank).map(|_| fields.uint(8)).collect::<Result<Vec<u64>, Error>>()?;
                    chunks.extend(self.number(&places).map(|number| Chunk {
                        number,
                        at: place,
                        stored,
                        mask,
                    }));
                }
            }
        }
        chunks.sort_unstable_by_key(|chunk| chunk.number);
        Ok(chunks)
    }

    /// The chunks below a node of a tree of version 1.
    fn tree<R: Read + Seek>(
        &self,
        source: &mut Source<R>,
        at: u64,
        level: Option<u8>,
        chunks: &mut Vec<Chunk>,
    ) -> Result<(), Error> {
        // Bytes, mask and place, with one axis more for the bytes of an entry.
        let key = 8 + 8 * (self.chunk.len() + 1);
        let node = tree::Node::read(source, at, 1, level, key)?;
        for child in node.children {
            if node.level > 0 {
                self.tree(source, child.at, Some(node.level - 1), chunks)?;
                continue;
            }
            let widths = source.widths;
            let mut fields = Fields { rest: &child.key, at: source.base + at, path: source.path, widths };
            let (stored, mask) = (fields.uint(4)?, fields.uint(4)? as u32);
            let mut places = Vec::with_capacity(self.chunk.len());
            for side in &self.chunk {
                places.push(fields.uint(8)? / side);
            }
            chunks.extend(self.number(&places).map(|number| Chunk { number, at: child.at, stored, mask }));
        }
        Ok(())
    }
}
