//! From shared objects to a plain tree, within bounds of depth and memory.

use std::collections::HashSet;

use super::fault::{Fault, shown};
use super::heap::{Heap, Id, Object};
use super::input::reserve;
use super::value::{Tensor, Value};

/// Containers inside containers. A checkpoint needs five; 100 frames of the recursion fit any thread's stack.
const DEPTH_LIMIT: usize = 100;

/// The tree below `root`. `load` returns the bytes of a storage by its number, once for each storage that is needed.
///
/// A storage is dropped after its last tensor, which takes it over if it is all of it: a checkpoint without shared
/// storages is never held twice.
///
/// # Errors
///
/// [`Fault::Cycle`], [`Fault::Depth`], [`Fault::Budget`], [`Fault::NoValue`] for objects that are no values,
/// [`Fault::KeyRepeated`] and [`Fault::Type`] for dict keys, [`Fault::Integer`] beyond 64 bits, and those of `load`.
pub(super) fn build(
    heap: &mut Heap,
    root: Id,
    load: &mut dyn FnMut(usize) -> Result<Vec<u8>, Fault>,
) -> Result<Value, Fault> {
    let mut survey = Survey { open: vec![false; heap.len()], uses: vec![0; heap.storages().len()] };
    survey.visit(heap, root, 0)?;
    let loaded = survey.uses.iter().map(|_| None).collect();
    Builder { heap, uses: survey.uses, loaded, load }.value(root)
}

/// First walk: everything is counted and checked before anything large is read.
struct Survey {
    /// Containers on the path from the root.
    open: Vec<bool>,
    /// Tensors in the tree for each storage.
    uses: Vec<u64>,
}

impl Survey {
    fn visit(&mut self, heap: &mut Heap, id: Id, depth: usize) -> Result<(), Fault> {
        heap.budget.charge(size_of::<Value>() as u64)?;
        match heap.get(id) {
            Object::List(_) | Object::Tuple(_) | Object::Dict { .. } => {}
            Object::Text(text) => return heap.budget.charge(text.len() as u64),
            Object::Bytes(bytes) => return heap.budget.charge(bytes.len() as u64),
            Object::Tensor(view) => {
                let location = heap.storages()[view.storage].location.len();
                let owned = view.len().saturating_add(location).saturating_add(size_of_val(&*view.shape));
                self.uses[view.storage] += 1;
                return heap.budget.charge(owned as u64);
            }
            Object::Global(_) | Object::Storage { .. } => {
                return Err(Fault::NoValue { found: heap.get(id).kind() });
            }
            Object::None | Object::Bool(_) | Object::Int(_) | Object::Float(_) => return Ok(()),
        }
        if self.open[id as usize] {
            return Err(Fault::Cycle { kind: heap.get(id).kind() });
        }
        if depth == DEPTH_LIMIT {
            return Err(Fault::Depth { limit: DEPTH_LIMIT });
        }
        self.open[id as usize] = true;
        let mut n = 0;
        while let Some(child) = child(heap.get(id), n) {
            self.visit(heap, child, depth + 1)?;
            n += 1;
        }
        self.open[id as usize] = false;
        Ok(())
    }
}

/// The `n`-th object in a container; keys and values of a dict alternate.
fn child(container: &Object, n: usize) -> Option<Id> {
    match container {
        Object::List(items) => items.get(n).copied(),
        Object::Tuple(items) => items.get(n).copied(),
        Object::Dict { entries, .. } => {
            entries.get(n / 2).map(|&(key, value)| if n.is_multiple_of(2) { key } else { value })
        }
        _ => None,
    }
}

/// Second walk: the values.
struct Builder<'a> {
    heap: &'a Heap,
    /// Tensors still to come for each storage.
    uses: Vec<u64>,
    loaded: Vec<Option<Vec<u8>>>,
    load: &'a mut dyn FnMut(usize) -> Result<Vec<u8>, Fault>,
}

impl Builder<'_> {
    fn value(&mut self, id: Id) -> Result<Value, Fault> {
        let heap = self.heap;
        Ok(match heap.get(id) {
            Object::None => Value::None,
            Object::Bool(value) => Value::Bool(*value),
            Object::Int(value) => Value::Int(i64::try_from(*value).map_err(|_| Fault::Integer {
                what: "int",
                value: *value,
                allowed: "-2^63 to 2^63 - 1",
            })?),
            Object::Float(value) => Value::Float(*value),
            Object::Text(text) => Value::Text(text.to_string()),
            Object::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Object::List(items) => Value::List(self.values(items)?),
            Object::Tuple(items) => Value::Tuple(self.values(items)?),
            Object::Dict { entries, .. } => Value::Dict(self.entries(entries)?),
            Object::Tensor(_) => Value::Tensor(self.tensor(id)?),
            other @ (Object::Global(_) | Object::Storage { .. }) => {
                return Err(Fault::NoValue { found: other.kind() });
            }
        })
    }

    fn values(&mut self, items: &[Id]) -> Result<Vec<Value>, Fault> {
        items.iter().map(|&item| self.value(item)).collect()
    }

    fn entries(&mut self, entries: &[(Id, Id)]) -> Result<Vec<(Value, Value)>, Fault> {
        let mut seen = HashSet::with_capacity(entries.len());
        let mut built = Vec::with_capacity(entries.len());
        for &(key, value) in entries {
            let key = self.value(key)?;
            if !seen.insert(identity(&key)?) {
                return Err(Fault::KeyRepeated { key: shown(&format!("{key:?}")) });
            }
            built.push((key, self.value(value)?));
        }
        Ok(built)
    }

    fn tensor(&mut self, id: Id) -> Result<Tensor, Fault> {
        let Object::Tensor(view) = self.heap.get(id) else {
            return Err(Fault::NoValue { found: self.heap.get(id).kind() });
        };
        let index = view.storage;
        let storage = match self.loaded[index].take() {
            Some(storage) => storage,
            None => (self.load)(index)?,
        };
        self.uses[index] -= 1;
        let is_last = self.uses[index] == 0;
        let bytes = if is_last && view.is_whole(storage.len()) {
            storage
        } else {
            let mut bytes = reserve(view.len() as u64)?;
            view.copy_into(&storage, &mut bytes);
            self.loaded[index] = (!is_last).then_some(storage);
            bytes
        };
        Ok(Tensor {
            dtype: view.dtype,
            shape: view.shape.clone(),
            bytes,
            device: self.heap.storages()[index].location.clone(),
            requires_grad: view.requires_grad,
        })
    }
}

/// Bytes that are equal for equal keys of a dict: a tag, then the value.
fn identity(key: &Value) -> Result<Vec<u8>, Fault> {
    let (tag, bytes) = match key {
        Value::None => (0, &[][..]),
        Value::Bool(value) => (1, &[u8::from(*value)][..]),
        Value::Int(value) => (2, &value.to_le_bytes()[..]),
        Value::Float(value) => (3, &value.to_bits().to_le_bytes()[..]),
        Value::Text(text) => (4, text.as_bytes()),
        Value::Bytes(bytes) => (5, bytes.as_slice()),
        other => {
            return Err(Fault::Type { what: "dict key", expected: "a scalar or str", found: other.kind() });
        }
    };
    Ok([&[tag], bytes].concat())
}
