//! From shared objects to a plain tree, within bounds of depth and memory.

use std::collections::HashSet;

use super::fault::{Fault, shown};
use super::heap::{Heap, Id, Object};
use super::input::reserve;
use super::tensor::{Array, Placed, Tensor};
use super::value::Value;
use super::view::{Origin, View};

/// Containers inside containers. A checkpoint needs five; 100 frames of the recursion fit any thread's stack.
const DEPTH_LIMIT: usize = 100;

/// Bytes that are not in the heap.
pub(super) enum Piece {
    /// A storage, by its number.
    Storage(usize),
    /// A string of bytes that was left in the file.
    Blob { place: u64, len: u64 },
}

/// The tree below `root`. `load` returns the bytes of a piece, once for each piece that is needed.
///
/// A piece is dropped after its last tensor or array, which takes it over if it is all of it: a file without shared
/// storages is never held twice.
///
/// # Errors
///
/// [`Fault::Cycle`], [`Fault::Depth`], [`Fault::Budget`], [`Fault::NoValue`] for objects that are no values,
/// [`Fault::KeyRepeated`] and [`Fault::Type`] for dict keys, [`Fault::Integer`] beyond 64 bits, and those of `load`.
pub(super) fn build(
    heap: &mut Heap,
    root: Id,
    load: &mut dyn FnMut(Piece) -> Result<Vec<u8>, Fault>,
) -> Result<Value, Fault> {
    let mut survey = Survey {
        open: vec![false; heap.len()],
        storages: vec![0; heap.storages().len()],
        blobs: vec![0; heap.blobs().len()],
    };
    survey.visit(heap, root, 0)?;
    let storages = survey.storages.iter().map(|&uses| Shared { uses, bytes: None }).collect();
    let blobs = heap.blobs_mut().iter_mut().zip(&survey.blobs);
    let blobs = blobs.map(|(blob, &uses)| Shared { uses, bytes: blob.take() }).collect();
    Builder { heap, storages, blobs, load }.value(root)
}

/// First walk: everything is counted and checked before anything large is read.
struct Survey {
    /// Containers on the path from the root.
    open: Vec<bool>,
    /// Tensors in the tree for each storage.
    storages: Vec<u64>,
    /// Values in the tree for each string of bytes.
    blobs: Vec<u64>,
}

impl Survey {
    fn visit(&mut self, heap: &mut Heap, id: Id, depth: usize) -> Result<(), Fault> {
        heap.budget.charge(size_of::<Value>() as u64)?;
        match heap.get(id) {
            Object::List(_) | Object::Tuple(_) | Object::Dict { .. } => {}
            Object::Text { text, .. } => return heap.budget.charge(text.len() as u64),
            Object::Bytes { blob, .. } => {
                self.blobs[*blob] += 1;
                return heap.budget.charge(heap.blobs()[*blob].len());
            }
            Object::Tensor(view) | Object::Array(Some(view)) => {
                let owned = self.view(heap, view);
                return heap.budget.charge(owned as u64);
            }
            Object::Global(_) | Object::Storage { .. } | Object::Descr(_) | Object::Array(None) => {
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

    /// Counts a use of the view's origin; the bytes that its value will own.
    fn view(&mut self, heap: &Heap, view: &View) -> usize {
        let shape = size_of_val(&*view.shape);
        if heap.place(view).is_some() {
            return shape;
        }
        let location = match view.origin {
            Origin::Storage(index) => {
                self.storages[index] += 1;
                heap.storages()[index].location.len()
            }
            Origin::Blob(index) => {
                self.blobs[index] += 1;
                0
            }
        };
        view.len().saturating_add(location).saturating_add(shape)
    }
}

/// Bytes that several values can share.
struct Shared {
    /// Values still to come.
    uses: u64,
    /// The bytes, once they are loaded.
    bytes: Option<Vec<u8>>,
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
    storages: Vec<Shared>,
    blobs: Vec<Shared>,
    load: &'a mut dyn FnMut(Piece) -> Result<Vec<u8>, Fault>,
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
            Object::Text { text, .. } => Value::Text(text.to_string()),
            Object::Bytes { blob, raw } => {
                let bytes = self.bytes(*blob)?;
                if *raw { python_2(bytes) } else { Value::Bytes(bytes) }
            }
            Object::List(items) => Value::List(self.values(items)?),
            Object::Tuple(items) => Value::Tuple(self.values(items)?),
            Object::Dict { entries, .. } => Value::Dict(self.entries(entries)?),
            Object::Tensor(view) | Object::Array(Some(view)) => self.block(view)?,
            other @ (Object::Global(_) | Object::Storage { .. } | Object::Descr(_) | Object::Array(None)) => {
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

    /// A tensor or an array, with its elements or with their place.
    fn block(&mut self, view: &View) -> Result<Value, Fault> {
        let (dtype, shape) = (view.dtype, view.shape.clone());
        if let Some(place) = self.heap.place(view) {
            return Ok(Value::Placed(Placed { dtype, shape, place }));
        }
        let bytes = self.elements(view)?;
        Ok(match view.origin {
            Origin::Blob(_) => Value::Array(Array { dtype, shape, bytes }),
            Origin::Storage(index) => {
                let device = self.heap.storages()[index].location.clone();
                Value::Tensor(Tensor { dtype, shape, bytes, device, requires_grad: view.requires_grad })
            }
        })
    }

    fn elements(&mut self, view: &View) -> Result<Vec<u8>, Fault> {
        let (origin, is_last) = self.take(view.origin)?;
        if is_last && view.is_whole(origin.len()) {
            return Ok(view.elements_of_whole(origin));
        }
        let mut bytes = reserve(view.len() as u64)?;
        view.copy_into(&origin, &mut bytes);
        if !is_last {
            self.shared(view.origin).bytes = Some(origin);
        }
        Ok(bytes)
    }

    fn bytes(&mut self, blob: usize) -> Result<Vec<u8>, Fault> {
        let (bytes, is_last) = self.take(Origin::Blob(blob))?;
        if !is_last {
            let mut copy = reserve(bytes.len() as u64)?;
            copy.extend_from_slice(&bytes);
            self.blobs[blob].bytes = Some(copy);
        }
        Ok(bytes)
    }

    /// The bytes of an origin, to be put back unless this is their last use.
    fn take(&mut self, origin: Origin) -> Result<(Vec<u8>, bool), Fault> {
        let shared = self.shared(origin);
        shared.uses -= 1;
        let is_last = shared.uses == 0;
        let bytes = match shared.bytes.take() {
            Some(bytes) => bytes,
            None => {
                let piece = self.piece(origin);
                (self.load)(piece)?
            }
        };
        Ok((bytes, is_last))
    }

    fn shared(&mut self, origin: Origin) -> &mut Shared {
        match origin {
            Origin::Storage(index) => &mut self.storages[index],
            Origin::Blob(index) => &mut self.blobs[index],
        }
    }

    fn piece(&self, origin: Origin) -> Piece {
        match origin {
            Origin::Storage(index) => Piece::Storage(index),
            Origin::Blob(index) => {
                let blob = &self.heap.blobs()[index];
                Piece::Blob { place: blob.place().unwrap_or(0), len: blob.len() }
            }
        }
    }
}

/// A `str` of Python 2.
fn python_2(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Bytes(error.into_bytes()),
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
