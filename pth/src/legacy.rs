//! The stream of torch 1.5 and earlier: five pickles, then the storages.
//!
//! ```text
//! pickle  magic number 0x1950a86a20f9469cfc6c
//! pickle  protocol version 1001
//! pickle  {"protocol_version": 1001, "little_endian": True, "type_sizes": {…}}
//! pickle  the object
//! pickle  [key of each storage]
//! each    number of elements (i64), elements
//! ```
//!
//! Source: torch 2.11 `serialization.py`, `_legacy_save` and `_legacy_load`; `torch/csrc/serialization.cpp` for the
//! storages.

use std::io::{Read, Seek};

use super::budget::Budget;
use super::error::Failure;
use super::fault::{Fault, shown};
use super::heap::{Heap, Id, Object};
use super::input::Input;
use super::tree::{self, Piece};
use super::value::Value;
use super::{Mode, machine};

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL: i128 = 1001;

/// Reads a stream of `len` bytes, at whose start `reader` stands.
///
/// # Errors
///
/// [`Fault::Magic`], [`Fault::Version`], [`Fault::ByteOrder`], [`Fault::StorageMissing`], [`Fault::StorageSurplus`],
/// [`Fault::StorageRepeated`], [`Fault::StorageSize`], [`Fault::Truncated`], [`Fault::Trailing`] after the storages, and
/// those of pickles and tree.
pub(super) fn read<R: Read + Seek>(reader: R, len: u64, mode: Mode) -> Result<Value, Failure> {
    let mut heap = Heap::new(Budget::new(len));
    let mut input = Input::new(reader, len, "stream");
    if mode == Mode::Locate {
        input.leave_in_file(0);
    }
    check_header(&mut input, &mut heap)?;
    let root = machine::run(&mut input, &mut heap)?;
    let keys = machine::run(&mut input, &mut heap)?;
    let offsets = storages(&mut input, &heap, keys)?;
    let sizes: Vec<u64> = heap.storages().iter().map(|storage| storage.bytes).collect();
    if mode == Mode::Locate {
        for (storage, &offset) in heap.storages_mut().iter_mut().zip(&offsets) {
            storage.place = Some(offset);
        }
    }
    let value = tree::build(&mut heap, root, &mut |piece| match piece {
        Piece::Storage(index) => input.at(offsets[index], sizes[index]),
        Piece::Blob { place, len } => input.left_blob(place, len),
    })?;
    Ok(value)
}

/// Reads the three pickles before the object.
fn check_header<R: Read + Seek>(input: &mut Input<R>, heap: &mut Heap) -> Result<(), Failure> {
    let magic = machine::run(input, heap)?;
    match heap.get(magic) {
        Object::Int(MAGIC) => {}
        other => return Err(Fault::Magic { found: other.kind() }.into()),
    }
    let protocol = machine::run(input, heap)?;
    match heap.get(protocol) {
        Object::Int(PROTOCOL) => {}
        Object::Int(found) => return Err(Fault::Version { found: found.to_string(), allowed: "1001" }.into()),
        other => {
            return Err(Fault::Type { what: "protocol version", expected: "int", found: other.kind() }.into());
        }
    }
    let info = machine::run(input, heap)?;
    let Object::Dict { entries, .. } = heap.get(info) else {
        return Err(
            Fault::Type { what: "system info", expected: "dict", found: heap.get(info).kind() }.into()
        );
    };
    let little = entries.iter().find(|(key, _)| heap.is_text(*key, "little_endian"));
    match little.map(|(_, little)| heap.truth(*little, "little_endian")).transpose()? {
        Some(true) => Ok(()),
        Some(false) => Err(Fault::ByteOrder { found: "big".into() }.into()),
        None => Err(Fault::Type { what: "little_endian", expected: "bool", found: "absent" }.into()),
    }
}

/// Byte offset of each storage's elements, in the order of the heap.
fn storages<R: Read + Seek>(input: &mut Input<R>, heap: &Heap, keys: Id) -> Result<Vec<u64>, Failure> {
    let Object::List(keys) = heap.get(keys) else {
        let found = heap.get(keys).kind();
        return Err(Fault::Type { what: "list of storage keys", expected: "list", found }.into());
    };
    let mut offsets = vec![None; heap.storages().len()];
    for &key in keys {
        let position = input.position(input.offset(), "storage");
        let mut next = || {
            let key = heap.text(key, "storage key")?;
            let index = heap.storage(key).ok_or_else(|| Fault::StorageSurplus { key: shown(key) })?;
            let storage = &heap.storages()[index];
            let numel = i64::from_le_bytes(input.array()?);
            let found = u64::try_from(numel).ok().and_then(|numel| numel.checked_mul(storage.item));
            let found = found.ok_or(Fault::Integer {
                what: "storage size",
                value: numel.into(),
                allowed: "0 to the size of the file",
            })?;
            if found != storage.bytes {
                return Err(Fault::StorageSize { key: shown(key), found, expected: storage.bytes });
            }
            if offsets[index].replace(input.offset()).is_some() {
                return Err(Fault::StorageRepeated { key: shown(key) });
            }
            input.skip(found)
        };
        next().map_err(|fault| Failure::at(position, fault))?;
    }
    if input.left() > 0 {
        return Err(Fault::Trailing { bytes: input.left() }.into());
    }
    let named = offsets.into_iter().zip(heap.storages());
    let offsets = named.map(|(offset, storage)| {
        offset.ok_or_else(|| Failure::from(Fault::StorageMissing { key: shown(&storage.key) }))
    });
    offsets.collect()
}
