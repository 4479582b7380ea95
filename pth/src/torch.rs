//! torch's tensors: what `torch.save` calls, and the storages that it names.

use super::fault::{Fault, shown};
use super::global::Global;
use super::heap::{Heap, Id, Object, Storage};
use super::view::{Origin, View};

/// A tensor from `(storage, offset, shape, strides)`, and from `(requires_grad, hooks)` where they are given.
///
/// # Errors
///
/// [`Fault::Type`] for arguments of other types, and what [`View::new`] refuses.
///
/// # Source
///
/// torch 2.11 `_utils.py`: `_rebuild_tensor`, `_rebuild_tensor_v2`.
pub(super) fn tensor(
    heap: &mut Heap,
    (storage, offset, shape, strides): (Id, Id, Id, Id),
    recorded: Option<(Id, Id)>,
) -> Result<Id, Fault> {
    let mut view = view(heap, storage, offset, shape, strides)?;
    if let Some((requires_grad, hooks)) = recorded {
        refuse_hooks(heap, hooks)?;
        view.requires_grad = heap.truth(requires_grad, "requires_grad")?;
    }
    heap.push(Object::Tensor(Box::new(view)))
}

/// A parameter: the tensor `data`, with another `requires_grad`.
///
/// # Source
///
/// torch 2.11 `_utils.py`: `_rebuild_parameter`.
pub(super) fn parameter(heap: &mut Heap, data: Id, requires_grad: Id, hooks: Id) -> Result<Id, Fault> {
    refuse_hooks(heap, hooks)?;
    let requires_grad = heap.truth(requires_grad, "requires_grad")?;
    let view = match heap.get(data) {
        Object::Tensor(view) => view,
        other => return Err(Fault::Type { what: "parameter", expected: "tensor", found: other.kind() }),
    };
    let mut copy = view.clone();
    copy.requires_grad = requires_grad;
    heap.charge_view(&copy)?;
    heap.push(Object::Tensor(copy))
}

/// The name of a device: its kind, a colon, its number.
pub(super) fn device(heap: &mut Heap, kind: Id, index: Id) -> Result<Id, Fault> {
    let name = format!("{}:{}", heap.text(kind, "device")?, heap.count(index, "device index")?);
    heap.budget.charge(name.len() as u64)?;
    heap.push(Object::Text { text: name.into(), raw: false })
}

/// What `BINPERSID` returns: the storage that a tuple of `torch.save` names.
///
/// # Errors
///
/// [`Fault::PersistentId`] for any other object; [`Fault::StorageView`], [`Fault::StorageSize`],
/// [`Fault::StorageLocation`] for storages that contradict themselves.
///
/// # Source
///
/// torch 2.11 `serialization.py`, `persistent_id` in `_save` (5 entries) and in `_legacy_save` (6, the last one for
/// views, which it never writes).
pub(super) fn persistent(heap: &mut Heap, id: Id) -> Result<Id, Fault> {
    let (class, key, location, numel, view) = match heap.get(id) {
        Object::Tuple(items) => match **items {
            [tag, class, key, location, numel] if heap.is_text(tag, "storage") => {
                (class, key, location, numel, None)
            }
            [tag, class, key, location, numel, view] if heap.is_text(tag, "storage") => {
                (class, key, location, numel, Some(view))
            }
            [tag, ..] => return Err(Fault::PersistentId { found: heap.described(tag) }),
            [] => return Err(Fault::PersistentId { found: "()".into() }),
        },
        _ => return Err(Fault::PersistentId { found: heap.described(id) }),
    };
    let dtype = match heap.get(class) {
        Object::Global(Global::Storage(dtype)) => *dtype,
        Object::Global(other) => return Err(Fault::PersistentId { found: other.name().into() }),
        other => return Err(Fault::PersistentId { found: other.kind().into() }),
    };
    // Key and location may come from the memo, and are hashed, compared and copied each time.
    let texts = heap.text(key, "storage key")?.len() + heap.text(location, "storage location")?.len();
    heap.budget.charge_items(3, texts)?;
    let key = heap.text(key, "storage key")?;
    let location = heap.text(location, "storage location")?;
    if view.is_some_and(|view| !matches!(heap.get(view), Object::None)) {
        return Err(Fault::StorageView { key: shown(key) });
    }
    let numel = heap.count(numel, "storage size")?;
    let item = dtype.size() as u64;
    let bytes = (numel as u64).checked_mul(item).ok_or(Fault::Overflow { shape: vec![numel] })?;
    let index = match heap.storage(key) {
        Some(index) => {
            let first = &heap.storages()[index];
            if first.bytes != bytes {
                return Err(Fault::StorageSize { key: shown(key), found: bytes, expected: first.bytes });
            }
            if first.location != location {
                let expected = shown(&first.location);
                return Err(Fault::StorageLocation { key: shown(key), found: shown(location), expected });
            }
            index
        }
        None => {
            let new = Storage { key: key.into(), bytes, location: location.into(), item, place: None };
            heap.budget.charge(bytes)?;
            heap.push_storage(new)?
        }
    };
    heap.push(Object::Storage { index, dtype })
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
    let view = View::new((Origin::Storage(index), limit, dtype), offset, shape, &strides)?;
    heap.charge_view(&view)?;
    Ok(view)
}

/// Hooks are functions: a saved tensor has an empty dict of them, or `None`.
fn refuse_hooks(heap: &Heap, hooks: Id) -> Result<(), Fault> {
    match heap.get(hooks) {
        Object::None => Ok(()),
        Object::Dict { entries, .. } if entries.is_empty() => Ok(()),
        other => Err(Fault::Type { what: "backward hooks", expected: "empty", found: other.kind() }),
    }
}
