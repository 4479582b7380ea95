//! The schema of a parquet file: a tree whose top nodes are the columns and whose leaves hold values.

use std::io::{self, Read};

use super::thrift::{Kind, Thrift};
use crate::element::Element;
use crate::formats::table::{Column, Holds};

/// Deepest nesting of columns.
const MAX_DEPTH: usize = 32;

/// Physical types.
const BOOLEAN: i64 = 0;
const INT32: i64 = 1;
const INT64: i64 = 2;
const FLOAT: i64 = 4;
const DOUBLE: i64 = 5;
const BYTE_ARRAY: i64 = 6;
const FIXED: i64 = 7;

const OPTIONAL: i64 = 1;
const REPEATED: i64 = 2;

/// Where the values of a column lie, and how they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Position among all leaves.
    pub index: usize,
    /// Physical type.
    pub kind: i64,
    /// What they are.
    pub stored: Stored,
    /// Definition level of a value that is there; lower ones are nulls and empty lists.
    pub definition: u8,
    /// Repetition level of an entry that is not the first of the innermost list: how deep lists nest.
    pub repetition: u8,
}

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Bytes of any length, each value behind its length.
    Bytes,
    /// Bits, each a number.
    Bits,
    /// Numbers in so many bytes.
    Fixed(usize),
}

/// A node, whose children follow it.
#[derive(Default)]
pub(crate) struct Node {
    name: String,
    kind: Option<i64>,
    length: i64,
    repetition: i64,
    children: i64,
    meaning: Meaning,
}

/// What values are said to be beyond their physical type.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Meaning {
    #[default]
    Itself,
    List,
    Integer {
        bits: i64,
        signed: bool,
    },
    Half,
    Other,
}

impl Node {
    pub(crate) fn read<R: Read>(thrift: &mut Thrift<R>, kind: Kind) -> io::Result<Self> {
        let mut node = Self::default();
        thrift.structure(kind)?.fields(|thrift, number, kind| {
            match number {
                1 => node.kind = Some(thrift.int(kind)?),
                2 => node.length = thrift.int(kind)?,
                3 => node.repetition = thrift.int(kind)?,
                4 => node.name = thrift.text(kind)?,
                5 => node.children = thrift.int(kind)?,
                6 if node.meaning == Meaning::Itself => node.meaning = Meaning::converted(thrift.int(kind)?),
                10 => node.meaning = Meaning::logical(thrift, kind)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(node)
    }

    fn is_bytes(&self) -> bool {
        self.children == 0
            && self.kind == Some(BYTE_ARRAY)
            && self.meaning == Meaning::Itself
            && self.repetition != REPEATED
    }

    /// The numbers of a leaf.
    fn number(&self) -> Option<(Element, Stored)> {
        let integer = |bits, signed| match (bits, signed) {
            (8, true) => Some(Element::I8),
            (8, false) => Some(Element::U8),
            (16, true) => Some(Element::I16),
            (16, false) => Some(Element::U16),
            (32, true) => Some(Element::I32),
            (32, false) => Some(Element::U32),
            (64, true) => Some(Element::I64),
            (64, false) => Some(Element::U64),
            _ => None,
        };
        let fixed = |element, bytes| Some((element, Stored::Fixed(bytes)));
        match (self.kind?, self.meaning) {
            (BOOLEAN, Meaning::Itself) => Some((Element::Bool, Stored::Bits)),
            (INT32, Meaning::Itself) => fixed(Element::I32, 4),
            (INT64, Meaning::Itself) => fixed(Element::I64, 8),
            (INT32, Meaning::Integer { bits: bits @ (8 | 16 | 32), signed }) => {
                fixed(integer(bits, signed)?, 4)
            }
            (INT64, Meaning::Integer { bits: 64, signed }) => fixed(integer(64, signed)?, 8),
            (FLOAT, Meaning::Itself) => fixed(Element::F32, 4),
            (DOUBLE, Meaning::Itself) => fixed(Element::F64, 8),
            (FIXED, Meaning::Half) if self.length == 2 => fixed(Element::F16, 2),
            _ => None,
        }
    }
}

impl Meaning {
    /// By the older numbers of what values are.
    fn converted(number: i64) -> Self {
        match number {
            3 => Self::List,
            11..=14 => Self::Integer { bits: 8 << (number - 11), signed: false },
            15..=18 => Self::Integer { bits: 8 << (number - 15), signed: true },
            _ => Self::Other,
        }
    }

    fn logical<R: Read>(thrift: &mut Thrift<R>, kind: Kind) -> io::Result<Self> {
        let mut meaning = Self::Other;
        thrift.structure(kind)?.fields(|thrift, number, kind| {
            match number {
                3 => meaning = Self::List,
                15 => meaning = Self::Half,
                10 => {
                    let (mut bits, mut signed) = (0, false);
                    thrift.structure(kind)?.fields(|thrift, number, kind| {
                        match number {
                            1 => bits = thrift.int(kind)?,
                            2 => signed = thrift.bool(kind)?,
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                    meaning = Self::Integer { bits, signed };
                    return Ok(true);
                }
                _ => {}
            }
            Ok(false)
        })?;
        Ok(meaning)
    }
}

/// The columns of a schema, whose root comes first, and where the values lie of those that are read; nothing if it is no
/// tree.
pub(crate) fn columns(nodes: &[Node]) -> Option<Vec<(Column, Option<Leaf>)>> {
    let mut columns = Vec::new();
    let (mut at, mut leaf) = (1, 0);
    for _ in 0..nodes.first()?.children {
        let top = nodes.get(at)?;
        let end = after(nodes, at, leaf, MAX_DEPTH)?;
        let found = images(nodes, at, leaf)?.or_else(|| numbers(nodes, at, leaf));
        let (holds, place) = found.map_or((Holds::Other, None), |(holds, place)| (holds, Some(place)));
        columns.push((Column { name: top.name.clone(), holds }, place));
        (at, leaf) = end;
    }
    (at == nodes.len()).then_some(columns)
}

/// A column of bytes, or the bytes in a structure; the outer nothing stands for no tree.
fn images(nodes: &[Node], at: usize, leaf: usize) -> Option<Option<(Holds, Leaf)>> {
    let top = nodes.get(at)?;
    let level = |node: &Node| u8::from(node.repetition == OPTIONAL);
    let bytes = |index, definition| Leaf {
        index,
        kind: BYTE_ARRAY,
        stored: Stored::Bytes,
        definition,
        repetition: 0,
    };
    if top.is_bytes() {
        return Some(Some((Holds::Bytes, bytes(leaf, level(top)))));
    }
    let mut found = None;
    let (mut at, mut leaf) = (at + 1, leaf);
    for _ in 0..top.children {
        let child = nodes.get(at)?;
        if child.name == "bytes" && child.is_bytes() && top.repetition != REPEATED {
            found = Some((Holds::Images, bytes(leaf, level(top) + level(child))));
        }
        (at, leaf) = after(nodes, at, leaf, MAX_DEPTH)?;
    }
    Some(found)
}

/// A column of numbers or of lists of them.
///
/// # Format
/// ```text
/// list     optional group NAME (LIST) { repeated group list { optional INNER element } }, or older forms without the
///          group within, or without that around it; INNER is a number or a list
/// ```
fn numbers(nodes: &[Node], mut at: usize, index: usize) -> Option<(Holds, Leaf)> {
    let (mut definition, mut repetition) = (0, 0);
    loop {
        let node = nodes.get(at)?;
        definition += u8::from(matches!(node.repetition, OPTIONAL | REPEATED));
        repetition += u8::from(node.repetition == REPEATED);
        if node.children == 0 {
            let ((element, stored), kind) = (node.number()?, node.kind?);
            let holds = if repetition == 0 { Holds::Number(element) } else { Holds::Lists(element, None) };
            return Some((holds, Leaf { index, kind, stored, definition, repetition }));
        }
        at += 1;
        let is_list = node.meaning == Meaning::List && nodes.get(at)?.repetition == REPEATED;
        if node.children != 1 || node.repetition != REPEATED && !is_list {
            return None;
        }
    }
}

/// Positions after a node and all below it, among the nodes and among the leaves.
fn after(nodes: &[Node], at: usize, leaf: usize, depth: usize) -> Option<(usize, usize)> {
    let children = nodes.get(at)?.children;
    let depth = depth.checked_sub(1)?;
    if children == 0 {
        return Some((at + 1, leaf + 1));
    }
    (0..children).try_fold((at + 1, leaf), |(at, leaf), _| after(nodes, at, leaf, depth))
}
