//! The fields of an Arrow schema: what each holds, and how many buffers of a record batch it takes.

use super::flat::Table;
use crate::element::Element;
use crate::formats::table::Holds;

/// Deepest nesting of fields.
const MAX_DEPTH: usize = 32;
/// Largest number of fields, with those within others.
const MAX_FIELDS: usize = 10_000;

/// A field, with those within it.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub name: String,
    pub kind: Kind,
    pub children: Vec<Field>,
}

/// How the values of a field are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nulls alone: no buffers.
    Nothing,
    Number(Element),
    /// Bytes behind offsets of 4 or 8 bytes.
    Bytes(usize),
    /// Lists behind offsets of 4 or 8 bytes.
    List(usize),
    /// Lists of one length.
    FixedList(usize),
    Structure,
    /// Indices into a dictionary.
    Indices,
    /// Others by their number of buffers, with the validity; views have more, as each batch says.
    Other {
        buffers: usize,
        views: bool,
    },
}

impl Field {
    /// Buffers of the field itself.
    pub(crate) fn buffers(&self) -> usize {
        match self.kind {
            Kind::Nothing => 0,
            Kind::FixedList(_) | Kind::Structure => 1,
            Kind::Number(_) | Kind::List(_) | Kind::Indices => 2,
            Kind::Bytes(_) => 3,
            Kind::Other { buffers, .. } => buffers,
        }
    }

    /// What the rows of a column are.
    pub(crate) fn holds(&self) -> Holds {
        let bytes = |field: &Self| field.name == "bytes" && matches!(field.kind, Kind::Bytes(_));
        match self.kind {
            Kind::Bytes(_) => Holds::Bytes,
            Kind::Number(element) => Holds::Number(element),
            Kind::Indices => Holds::Indices,
            Kind::Structure if self.children.iter().any(bytes) => Holds::Images,
            _ => self.lists(),
        }
    }

    fn lists(&self) -> Holds {
        let mut field = self;
        loop {
            field = match (field.kind, &field.children[..]) {
                (Kind::List(_) | Kind::FixedList(_), [inner]) => inner,
                (Kind::Number(element), _) => return Holds::Lists(element, None),
                _ => return Holds::Other,
            };
        }
    }
}

/// The fields of a schema; nothing if it is damaged.
pub(crate) fn fields(schema: Table) -> Option<Vec<Field>> {
    let mut left = MAX_FIELDS;
    children(schema, 1, MAX_DEPTH, &mut left)
}

fn children(parent: Table, number: usize, depth: usize, left: &mut usize) -> Option<Vec<Field>> {
    let fields = parent.vector(number, 4)?;
    let depth = depth.checked_sub(1)?;
    *left = left.checked_sub(fields.len)?;
    (0..fields.len).map(|index| field(fields.table(index)?, depth, left)).collect()
}

fn field(field: Table, depth: usize, left: &mut usize) -> Option<Field> {
    let name = field.text(0)?;
    if field.table(4)?.is_some() {
        // The fields within are those of the dictionary, which batches of rows do not hold.
        return Some(Field { name, kind: Kind::Indices, children: Vec::new() });
    }
    let children = children(field, 5, depth, left)?;
    let of = field.table(3)?;
    let int = |number| of.map_or(Some(0), |of| of.int::<4>(number));
    let short = |number| of.map_or(Some(0), |of| of.int::<2>(number));
    let byte = |number| of.map_or(Some(0), |of| of.int::<1>(number));
    let other = |buffers| Kind::Other { buffers, views: false };
    // As the format numbers types.
    let kind = match field.int::<1>(2)? {
        1 => Kind::Nothing,
        2 => Kind::Number(integer(int(0)?, byte(1)? != 0)?),
        3 => Kind::Number(*[Element::F16, Element::F32, Element::F64].get(usize::try_from(short(0)?).ok()?)?),
        4 => Kind::Bytes(4),
        6 => Kind::Number(Element::Bool),
        12 => Kind::List(4),
        13 => Kind::Structure,
        16 => Kind::FixedList(usize::try_from(int(0)?).ok()?),
        19 => Kind::Bytes(8),
        21 => Kind::List(8),
        // Text.
        5 | 20 => other(3),
        // Decimals, dates, times, intervals, bytes of one length, durations, maps.
        7..=11 | 15 | 17 | 18 => other(2),
        // Sparse unions have types, dense ones offsets too.
        14 => other(if short(0)? == 0 { 1 } else { 2 }),
        // Runs, whose ends and values lie within.
        22 => other(0),
        23 | 24 => Kind::Other { buffers: 2, views: true },
        25 | 26 => other(3),
        _ => return None,
    };
    Some(Field { name, kind, children })
}

fn integer(bits: i64, signed: bool) -> Option<Element> {
    Some(match (bits, signed) {
        (8, true) => Element::I8,
        (8, false) => Element::U8,
        (16, true) => Element::I16,
        (16, false) => Element::U16,
        (32, true) => Element::I32,
        (32, false) => Element::U32,
        (64, true) => Element::I64,
        (64, false) => Element::U64,
        _ => return None,
    })
}
