//! What calling the listed classes and functions means here. No other code exists.

use super::fault::{Fault, shown};
use super::global::Global;
use super::heap::{Heap, Id, Object};
use super::input::reserve;
use super::{numpy, torch};

/// What `REDUCE` returns for a callee and its tuple of arguments.
///
/// # Errors
///
/// [`Fault::Call`] for a listed global with other arguments than torch, numpy and Python write, [`Fault::Type`] for a
/// callee that is no global, and what the functions of [`torch`] and [`numpy`] refuse.
pub(super) fn call(heap: &mut Heap, callee: Id, args: Id) -> Result<Id, Fault> {
    let global = match heap.get(callee) {
        Object::Global(global) => *global,
        other => return Err(Fault::Type { what: "callee", expected: "a global", found: other.kind() }),
    };
    let args = heap.tuple(args, "argument list")?;
    match (global, args) {
        (Global::OrderedDict, &[]) => heap.push(Object::Dict { entries: Vec::new(), ordered: true }),
        (Global::OrderedDict, &[items]) => ordered_dict(heap, items),
        (Global::RebuildTensor, &[storage, offset, shape, strides]) => {
            torch::tensor(heap, (storage, offset, shape, strides), None)
        }
        // The seventh argument, which would conjugate or negate the elements, is left out by torch where it is empty.
        (Global::RebuildTensorV2, &[storage, offset, shape, strides, requires_grad, hooks]) => {
            torch::tensor(heap, (storage, offset, shape, strides), Some((requires_grad, hooks)))
        }
        (Global::RebuildParameter, &[data, requires_grad, hooks]) => {
            torch::parameter(heap, data, requires_grad, hooks)
        }
        (Global::Size, &[sizes]) => {
            heap.counts(sizes, "size")?;
            Ok(sizes)
        }
        (Global::Device, &[kind]) => {
            heap.text(kind, "device")?;
            Ok(kind)
        }
        (Global::Device, &[kind, index]) => torch::device(heap, kind, index),
        (Global::Descr, &[name, align, copy]) => numpy::descr(heap, name, align, copy),
        (Global::Reconstruct, &[class, shape, _]) => numpy::reconstruct(heap, class, shape),
        (Global::Scalar, &[descr, bytes]) => numpy::scalar(heap, descr, bytes),
        (Global::FromBuffer, &[bytes, descr, shape, order]) => {
            numpy::from_buffer(heap, bytes, descr, shape, order, None)
        }
        (Global::FromBuffer, &[bytes, descr, shape, order, axes]) => {
            numpy::from_buffer(heap, bytes, descr, shape, order, Some(axes))
        }
        (Global::Encode | Global::ByteArray, &[text, codec]) => encode(heap, text, codec),
        (Global::Bytes | Global::ByteArray, &[]) => heap.push_bytes(Vec::new().into()),
        (Global::ByteArray, &[bytes]) => {
            let blob = heap.bytes(bytes, "argument of bytearray")?;
            heap.push(Object::Bytes { blob, raw: false })
        }
        (_, args) => Err(Fault::Call { callee: global.name(), found: args.len() }),
    }
}

/// What `INST`, `OBJ`, `NEWOBJ` and `NEWOBJ_EX` return: an empty `OrderedDict`, the one class that has such a form.
pub(super) fn construct(heap: &mut Heap, class: Id, args: &[Id]) -> Result<Id, Fault> {
    match (heap.get(class), args) {
        (Object::Global(Global::OrderedDict), []) => {
            heap.push(Object::Dict { entries: Vec::new(), ordered: true })
        }
        (Object::Global(global), args) => Err(Fault::Call { callee: global.name(), found: args.len() }),
        (other, _) => Err(Fault::Type { what: "class", expected: "a global", found: other.kind() }),
    }
}

/// What `BUILD` does: fills an array, sets the byte order of a dtype, or drops the `_metadata` that `Module.state_dict`
/// hangs on its `OrderedDict`.
///
/// # Errors
///
/// [`Fault::State`] for any other state of a dict, [`Fault::Type`] for any other object, and those of [`numpy`].
pub(super) fn build(heap: &mut Heap, target: Id, state: Id) -> Result<(), Fault> {
    match heap.get(target) {
        Object::Dict { ordered: true, .. } => drop_metadata(heap, state),
        Object::Descr(_) => numpy::set_descr(heap, target, state),
        Object::Array(_) => numpy::set_array(heap, target, state),
        other => Err(Fault::Type {
            what: "object with state",
            expected: "OrderedDict, numpy array or dtype",
            found: other.kind(),
        }),
    }
}

fn drop_metadata(heap: &Heap, state: Id) -> Result<(), Fault> {
    match heap.get(state) {
        Object::Dict { entries, .. } => match entries.as_slice() {
            [] => Ok(()),
            [(key, _)] if heap.is_text(*key, "_metadata") => Ok(()),
            [(key, _)] => Err(Fault::State { found: heap.described(*key) }),
            _ => Err(Fault::State { found: "a dict of several keys".into() }),
        },
        other => Err(Fault::State { found: other.kind().into() }),
    }
}

/// Python 2's form: `OrderedDict([[key, value], …])`.
fn ordered_dict(heap: &mut Heap, items: Id) -> Result<Id, Fault> {
    let type_fault = |found: &Object| Fault::Type {
        what: "argument of OrderedDict",
        expected: "list of pairs",
        found: found.kind(),
    };
    let pairs = match heap.get(items) {
        Object::List(pairs) => pairs,
        other => return Err(type_fault(other)),
    };
    let entries = pairs.iter().map(|&pair| match heap.get(pair) {
        Object::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
        Object::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
        other => Err(type_fault(other)),
    });
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    // The list can serve again through the memo, each time with a copy of its own.
    heap.budget.charge_items(entries.len(), size_of::<(Id, Id)>())?;
    heap.push(Object::Dict { entries, ordered: true })
}

/// Bytes as protocols up to 2 write them: a text of the characters U+0000 to U+00FF.
///
/// # Source
///
/// Python 3.11, `Lib/pickle.py`, `save_bytes`.
fn encode(heap: &mut Heap, text: Id, codec: Id) -> Result<Id, Fault> {
    let codec = heap.text(codec, "codec")?;
    if codec != "latin1" && codec != "latin-1" {
        return Err(Fault::Codec { found: shown(codec) });
    }
    let room = heap.text(text, "encoded bytes")?.len() as u64;
    heap.budget.charge(room)?;
    let mut bytes = reserve(room)?;
    for c in heap.text(text, "encoded bytes")?.chars() {
        bytes.push(u8::try_from(c).map_err(|_| Fault::Latin1 { found: c })?);
    }
    heap.push_bytes(bytes.into())
}
