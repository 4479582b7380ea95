//! The classes and functions that a checkpoint may name, and what calling them means here. No other code exists.

use super::fault::{Fault, shown};
use super::heap::{Heap, Id, Object};
use super::value::Dtype;
use super::view::View;

/// A class or function on the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    Size,
    Device,
    Storage(Dtype),
}

/// The whole list: module, name, meaning.
const ALLOWED: [(&str, &str, Global); 16] = [
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor", Global::RebuildTensor),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensorV2),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "Size", Global::Size),
    ("torch", "device", Global::Device),
    ("torch", "DoubleStorage", Global::Storage(Dtype::F64)),
    ("torch", "FloatStorage", Global::Storage(Dtype::F32)),
    ("torch", "HalfStorage", Global::Storage(Dtype::F16)),
    ("torch", "BFloat16Storage", Global::Storage(Dtype::BF16)),
    ("torch", "LongStorage", Global::Storage(Dtype::I64)),
    ("torch", "IntStorage", Global::Storage(Dtype::I32)),
    ("torch", "ShortStorage", Global::Storage(Dtype::I16)),
    ("torch", "CharStorage", Global::Storage(Dtype::I8)),
    ("torch", "ByteStorage", Global::Storage(Dtype::U8)),
    ("torch", "BoolStorage", Global::Storage(Dtype::Bool)),
];

impl Global {
    /// The entry of the list, or [`Fault::Global`].
    pub(super) fn find(module: &str, name: &str) -> Result<Self, Fault> {
        let entry = ALLOWED.iter().find(|entry| entry.0 == module && entry.1 == name);
        entry.map(|entry| entry.2).ok_or_else(|| Fault::Global { module: shown(module), name: shown(name) })
    }

    /// Its name without the module.
    pub(super) fn name(self) -> &'static str {
        ALLOWED.iter().find(|entry| entry.2 == self).map_or("global", |entry| entry.1)
    }
}

/// What `REDUCE` returns for a callee and its tuple of arguments.
///
/// # Errors
///
/// [`Fault::Call`] for a listed global with other arguments than `torch.save` writes, [`Fault::Type`] for a callee that
/// is no global, and what [`View::new`] refuses.
///
/// # Source
///
/// torch 2.11 `_utils.py`: `_rebuild_tensor`, `_rebuild_tensor_v2`, `_rebuild_parameter`.
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
            let view = view(heap, storage, offset, shape, strides)?;
            heap.push(Object::Tensor(Box::new(view)))
        }
        // The seventh argument, which would conjugate or negate the elements, is left out by torch where it is empty.
        (Global::RebuildTensorV2, &[storage, offset, shape, strides, requires_grad, hooks]) => {
            refuse_hooks(heap, hooks)?;
            let mut view = view(heap, storage, offset, shape, strides)?;
            view.requires_grad = heap.truth(requires_grad, "requires_grad")?;
            heap.push(Object::Tensor(Box::new(view)))
        }
        (Global::RebuildParameter, &[data, requires_grad, hooks]) => {
            refuse_hooks(heap, hooks)?;
            let requires_grad = heap.truth(requires_grad, "requires_grad")?;
            let view = match heap.get(data) {
                Object::Tensor(view) => view,
                other => {
                    return Err(Fault::Type { what: "parameter", expected: "tensor", found: other.kind() });
                }
            };
            let mut copy = view.clone();
            copy.requires_grad = requires_grad;
            charge(heap, &copy)?;
            heap.push(Object::Tensor(copy))
        }
        (Global::Size, &[sizes]) => {
            heap.counts(sizes, "size")?;
            Ok(sizes)
        }
        (Global::Device, &[kind]) => {
            heap.text(kind, "device")?;
            Ok(kind)
        }
        (Global::Device, &[kind, index]) => {
            let name = format!("{}:{}", heap.text(kind, "device")?, heap.count(index, "device index")?);
            heap.budget.charge(name.len() as u64)?;
            heap.push(Object::Text(name.into()))
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

/// What `BUILD` does: drops the `_metadata` that `Module.state_dict` hangs on its `OrderedDict`.
///
/// # Errors
///
/// [`Fault::State`] for any other state, [`Fault::Type`] for any other object.
pub(super) fn build(heap: &Heap, target: Id, state: Id) -> Result<(), Fault> {
    match heap.get(target) {
        Object::Dict { ordered: true, .. } => {}
        other => {
            return Err(Fault::Type {
                what: "object with state",
                expected: "OrderedDict",
                found: other.kind(),
            });
        }
    }
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

fn view(heap: &mut Heap, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<View, Fault> {
    let (index, dtype) = match heap.get(storage) {
        Object::Storage { index, dtype } => (*index, *dtype),
        other => return Err(Fault::Type { what: "tensor data", expected: "storage", found: other.kind() }),
    };
    let limit = heap.storages()[index].bytes;
    let offset = heap.count(offset, "storage offset")?;
    let shape = heap.counts(shape, "tensor size")?;
    let strides = heap.counts(strides, "tensor stride")?;
    let view = View::new((index, limit, dtype), offset, shape, &strides)?;
    charge(heap, &view)?;
    Ok(view)
}

/// Pays for a view and its two vectors.
fn charge(heap: &mut Heap, view: &View) -> Result<(), Fault> {
    heap.budget.charge_items(2 * view.shape.len(), size_of::<usize>())?;
    heap.budget.charge(size_of::<View>() as u64)
}

/// Hooks are functions: a saved tensor has an empty dict of them, or `None`.
fn refuse_hooks(heap: &Heap, hooks: Id) -> Result<(), Fault> {
    match heap.get(hooks) {
        Object::None => Ok(()),
        Object::Dict { entries, .. } if entries.is_empty() => Ok(()),
        other => Err(Fault::Type { what: "backward hooks", expected: "empty", found: other.kind() }),
    }
}
