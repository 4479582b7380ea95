//! Arrays of any shape, type, order and protocol, written by [`crate::writer`].

use std::io::Cursor;
use std::path::Path;

use ncsn_pth::{Fault, Value, locate_in, parse};
use proptest::prelude::*;

use crate::locate::content;
use crate::mutations::survives;
use crate::tree::{block, tree};
use crate::writer::{Block, WAYS, Way};

/// numpy's letters and the names of the types.
const TYPES: [(&str, &str); 12] = [
    ("u1", "uint8"),
    ("u2", "uint16"),
    ("u4", "uint32"),
    ("u8", "uint64"),
    ("i1", "int8"),
    ("i2", "int16"),
    ("i4", "int32"),
    ("i8", "int64"),
    ("b1", "bool"),
    ("f2", "float16"),
    ("f4", "float32"),
    ("f8", "float64"),
];

fn blocks() -> impl Strategy<Value = (Block, &'static str)> {
    let shape = prop::collection::vec(0..5_usize, 0..5);
    (0..TYPES.len(), shape, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(
        |(kind, shape, is_big, is_fortran, seed)| {
            let (name, dtype) = TYPES[kind];
            let len = shape.iter().product::<usize>() * name[1..].parse::<usize>().unwrap();
            // Bytes that differ, and begin anywhere: some are UTF-8, some are not.
            let bytes =
                (0..len as u64).map(|i| (seed.wrapping_add(i * (1 + seed % 7)) % 251) as u8).collect();
            (Block { name, shape, bytes, is_big, is_fortran }, dtype)
        },
    )
}

fn way() -> impl Strategy<Value = Way> {
    (0..WAYS.len()).prop_map(|n| WAYS[n])
}

fn expected(array: &Block, dtype: &str) -> serde_json::Value {
    let hex: String = array.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    serde_json::json!({ "array": [dtype, array.shape, hex] })
}

proptest! {
    #[test]
    fn what_is_written_is_read((array, dtype) in blocks(), way in way()) {
        let file = array.pickle(way);
        let value = parse(Cursor::new(&file), Path::new("x.pkl")).unwrap();
        prop_assert_eq!(tree(&value), expected(&array, dtype));
    }

    #[test]
    fn what_is_located_is_there((array, dtype) in blocks(), way in way(), rows in 30_000..70_000_usize) {
        let row: usize = array.bytes.len();
        let repeat = rows.div_ceil(row.max(1));
        let mut large = array.clone();
        large.shape.insert(0, repeat);
        large.bytes = array.bytes.repeat(repeat);
        let file = large.pickle(way);
        let value = locate_in(Cursor::new(&file), Path::new("x.pkl")).unwrap();
        let (found, shape, bytes) = content(&value, &file);
        prop_assert_eq!(block(found, &shape, &bytes), expected(&large, dtype));
        let in_order = !large.is_fortran || large.shape.iter().filter(|&&side| side != 1).count() < 2;
        let as_needed = in_order && (!large.is_big || found.size() == 1);
        let is_raw = matches!(way, Way::String | Way::Bytes | Way::Buffer);
        prop_assert_eq!(value.as_placed().is_some(), is_raw && as_needed && bytes.len() >= 1 << 16);
    }

    #[test]
    fn a_cut_or_changed_file_is_refused_or_read(
        (array, _) in blocks(), way in way(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut file = array.pickle(way);
        let at = at.index(file.len());
        prop_assert!(!survives(&file[..at]));
        file[at] = byte;
        survives(&file);
    }
}

/// One array behind a thousand names is a thousand arrays in the tree, paid for from the budget.
#[test]
fn an_array_named_often_is_charged_each_time() {
    let array =
        Block { name: "u1", shape: vec![1 << 20], bytes: vec![7; 1 << 20], is_big: false, is_fortran: false };
    let list = |count: usize| {
        let opcodes = array.opcodes(Way::Bytes);
        let file = [b"\x80\x03]", &opcodes[..], b"q\0a(", &b"h\0".repeat(count), b"e."].concat();
        parse(Cursor::new(file), Path::new("x.pkl"))
    };
    assert!(matches!(list(10), Ok(Value::List(items)) if items.len() == 11));
    assert!(matches!(*list(1000).unwrap_err().fault, Fault::Budget { .. }));
}
