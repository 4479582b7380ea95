//! The objects that a pickle builds, and the few calls that it may make.

use std::collections::HashMap;

use super::fault::{Fault, shown};
use super::global::Global;
use super::input::Budget;
use super::value::Dtype;
use super::view::View;

/// Number of an object in the [`Heap`].
pub(super) type Id = u32;

/// A Python object. Containers hold numbers, so sharing costs nothing and dropping never recurses.
pub(super) enum Object {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    Dict { entries: Vec<(Id, Id)>, ordered: bool },
    Global(Global),
    Storage { index: usize, dtype: Dtype },
    Tensor(Box<View>),
}

/// What the pickle says of a storage.
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) bytes: u64,
    pub(super) location: String,
    /// Element size of its first mention; the legacy form counts in it.
    pub(super) item: u64,
}

/// All objects and storages of one file.
pub(super) struct Heap {
    objects: Vec<Object>,
    storages: Vec<Storage>,
    by_key: HashMap<String, usize>,
    /// The memory that is still allowed.
    pub(super) budget: Budget,
}

impl Heap {
    /// An empty heap.
    pub(super) fn new(budget: Budget) -> Self {
        Self { objects: Vec::new(), storages: Vec::new(), by_key: HashMap::new(), budget }
    }

    /// Keeps an object.
    pub(super) fn push(&mut self, object: Object) -> Result<Id, Fault> {
        // Twice its size: a growing vector holds the old and the new copy.
        self.budget.charge_items(2, size_of::<Object>())?;
        let id = Id::try_from(self.objects.len()).map_err(|_| self.budget.exceeded())?;
        self.objects.push(object);
        Ok(id)
    }

    /// The object of a number that [`Heap::push`] returned.
    pub(super) fn get(&self, id: Id) -> &Object {
        &self.objects[id as usize]
    }

    /// The object, to add to it.
    pub(super) fn get_mut(&mut self, id: Id) -> &mut Object {
        &mut self.objects[id as usize]
    }

    /// Number of objects.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// All storages, in the order of their first mention.
    pub(super) fn storages(&self) -> &[Storage] {
        &self.storages
    }

    /// Number of the storage with this key.
    pub(super) fn storage(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The text of an object. `what` names it in messages.
    pub(super) fn text(&self, id: Id, what: &'static str) -> Result<&str, Fault> {
        match self.get(id) {
            Object::Text(text) => Ok(text),
            other => Err(Fault::Type { what, expected: "str", found: other.kind() }),
        }
    }

    /// The items of a tuple. `what` names it in messages.
    pub(super) fn tuple(&self, id: Id, what: &'static str) -> Result<&[Id], Fault> {
        match self.get(id) {
            Object::Tuple(items) => Ok(items),
            other => Err(Fault::Type { what, expected: "tuple", found: other.kind() }),
        }
    }

    /// The truth value of an object. `what` names it in messages.
    pub(super) fn truth(&self, id: Id, what: &'static str) -> Result<bool, Fault> {
        match self.get(id) {
            Object::Bool(value) => Ok(*value),
            other => Err(Fault::Type { what, expected: "bool", found: other.kind() }),
        }
    }

    /// A count: an int from 0 to 2⁶³ − 1. `what` names it in messages.
    pub(super) fn count(&self, id: Id, what: &'static str) -> Result<usize, Fault> {
        match self.get(id) {
            Object::Int(value) => {
                let count = i64::try_from(*value).ok().and_then(|value| usize::try_from(value).ok());
                count.ok_or(Fault::Integer { what, value: *value, allowed: "0 to 2^63 - 1" })
            }
            other => Err(Fault::Type { what, expected: "int", found: other.kind() }),
        }
    }

    /// The counts in a tuple, such as a shape. `what` names them in messages.
    pub(super) fn counts(&mut self, id: Id, what: &'static str) -> Result<Vec<usize>, Fault> {
        // One tuple can serve many tensors through the memo, each with a copy of its own.
        self.budget.charge_items(self.tuple(id, what)?.len(), size_of::<usize>())?;
        self.tuple(id, what)?.iter().map(|&item| self.count(item, what)).collect()
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
    pub(super) fn persistent(&mut self, id: Id) -> Result<Id, Fault> {
        let (class, key, location, numel, view) = match self.get(id) {
            Object::Tuple(items) => match **items {
                [tag, class, key, location, numel] if self.is_text(tag, "storage") => {
                    (class, key, location, numel, None)
                }
                [tag, class, key, location, numel, view] if self.is_text(tag, "storage") => {
                    (class, key, location, numel, Some(view))
                }
                [tag, ..] => return Err(Fault::PersistentId { found: self.described(tag) }),
                [] => return Err(Fault::PersistentId { found: "()".into() }),
            },
            _ => return Err(Fault::PersistentId { found: self.described(id) }),
        };
        let dtype = match self.get(class) {
            Object::Global(Global::Storage(dtype)) => *dtype,
            Object::Global(other) => return Err(Fault::PersistentId { found: other.name().into() }),
            other => return Err(Fault::PersistentId { found: other.kind().into() }),
        };
        // Key and location may come from the memo, and are hashed, compared and copied each time.
        let texts = self.text(key, "storage key")?.len() + self.text(location, "storage location")?.len();
        self.budget.charge_items(3, texts)?;
        let key = self.text(key, "storage key")?;
        let location = self.text(location, "storage location")?;
        if view.is_some_and(|view| !matches!(self.get(view), Object::None)) {
            return Err(Fault::StorageView { key: shown(key) });
        }
        let numel = self.count(numel, "storage size")?;
        let item = dtype.size() as u64;
        let bytes = (numel as u64).checked_mul(item).ok_or(Fault::Overflow { shape: vec![numel] })?;
        let index = match self.by_key.get(key) {
            Some(&index) => {
                let first = &self.storages[index];
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
                let new = Storage { key: key.into(), bytes, location: location.into(), item };
                self.budget.charge_items(2, size_of::<Storage>())?;
                self.budget.charge(bytes)?;
                self.by_key.insert(new.key.clone(), self.storages.len());
                self.storages.push(new);
                self.storages.len() - 1
            }
        };
        self.push(Object::Storage { index, dtype })
    }

    /// Whether the object is this text.
    pub(super) fn is_text(&self, id: Id, text: &str) -> bool {
        matches!(self.get(id), Object::Text(found) if **found == *text)
    }

    /// The object for a message: its text if it is one, otherwise its type.
    pub(super) fn described(&self, id: Id) -> String {
        match self.get(id) {
            Object::Text(text) => format!("\"{}\"", shown(text)),
            other => other.kind().into(),
        }
    }
}

impl Object {
    /// Name of the Python type, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict { .. } => "dict",
            Self::Global(global) => global.name(),
            Self::Storage { .. } => "storage",
            Self::Tensor(_) => "tensor",
        }
    }
}
