//! The objects that a pickle builds.

use std::collections::HashMap;

use super::blob::Blob;
use super::budget::Budget;
use super::descr::Descr;
use super::dtype::Dtype;
use super::fault::{Fault, shown};
use super::global::Global;
use super::tensor::Place;
use super::view::{Origin, View};

/// Number of an object in the [`Heap`].
pub(super) type Id = u32;

/// A Python object. Containers hold numbers, so sharing costs nothing and dropping never recurses.
pub(super) enum Object {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// `raw`: a `str` of Python 2, whose bytes these are.
    Text {
        text: Box<str>,
        raw: bool,
    },
    /// `raw`: a `str` of Python 2, which is text if it is UTF-8.
    Bytes {
        blob: usize,
        raw: bool,
    },
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    Dict {
        entries: Vec<(Id, Id)>,
        ordered: bool,
    },
    Global(Global),
    Storage {
        index: usize,
        dtype: Dtype,
    },
    Tensor(Box<View>),
    Descr(Descr),
    /// Nothing until its state is set.
    Array(Option<Box<View>>),
}

/// What the pickle says of a storage.
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) bytes: u64,
    pub(super) location: String,
    /// Element size of its first mention; the legacy form counts in it.
    pub(super) item: u64,
    /// Where its bytes are, if they are left in the file.
    pub(super) place: Option<u64>,
}

/// All objects, strings of bytes and storages of one file.
pub(super) struct Heap {
    objects: Vec<Object>,
    blobs: Vec<Blob>,
    storages: Vec<Storage>,
    by_key: HashMap<String, usize>,
    /// The memory that is still allowed.
    pub(super) budget: Budget,
}

impl Heap {
    /// An empty heap.
    pub(super) fn new(budget: Budget) -> Self {
        Self { objects: Vec::new(), blobs: Vec::new(), storages: Vec::new(), by_key: HashMap::new(), budget }
    }

    /// Keeps an object.
    pub(super) fn push(&mut self, object: Object) -> Result<Id, Fault> {
        // Twice its size: a growing vector holds the old and the new copy.
        self.budget.charge_items(2, size_of::<Object>())?;
        let id = Id::try_from(self.objects.len()).map_err(|_| self.budget.exceeded())?;
        self.objects.push(object);
        Ok(id)
    }

    /// Keeps a `bytes`.
    pub(super) fn push_bytes(&mut self, blob: Blob) -> Result<Id, Fault> {
        let blob = self.push_blob(blob)?;
        self.push(Object::Bytes { blob, raw: false })
    }

    /// Keeps a string of bytes, whose memory the caller has paid for.
    pub(super) fn push_blob(&mut self, blob: Blob) -> Result<usize, Fault> {
        // Three times its size: twice in a growing vector, and what the tree notes of its uses.
        self.budget.charge_items(3, size_of::<Blob>())?;
        self.blobs.push(blob);
        Ok(self.blobs.len() - 1)
    }

    /// Keeps a storage, whose text the caller has paid for.
    pub(super) fn push_storage(&mut self, storage: Storage) -> Result<usize, Fault> {
        self.budget.charge_items(2, size_of::<Storage>())?;
        self.by_key.insert(storage.key.clone(), self.storages.len());
        self.storages.push(storage);
        Ok(self.storages.len() - 1)
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

    /// All storages, to say where they are.
    pub(super) fn storages_mut(&mut self) -> &mut [Storage] {
        &mut self.storages
    }

    /// All strings of bytes.
    pub(super) fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// All strings of bytes, to take their bytes.
    pub(super) fn blobs_mut(&mut self) -> &mut [Blob] {
        &mut self.blobs
    }

    /// Number of the storage with this key.
    pub(super) fn storage(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The text of an object. `what` names it in messages.
    pub(super) fn text(&self, id: Id, what: &'static str) -> Result<&str, Fault> {
        match self.get(id) {
            Object::Text { text, .. } => Ok(text),
            other => Err(Fault::Type { what, expected: "str", found: other.kind() }),
        }
    }

    /// The bytes of a `bytes`, or of a `str` of Python 2. `what` names them in messages.
    pub(super) fn bytes(&mut self, id: Id, what: &'static str) -> Result<usize, Fault> {
        match self.get(id) {
            Object::Bytes { blob, .. } => Ok(*blob),
            Object::Text { text, raw: true } => {
                // One text can serve many arrays through the memo, each with a copy of its own.
                self.budget.charge(text.len() as u64)?;
                let bytes = self.text(id, what)?.as_bytes().to_vec();
                self.push_blob(bytes.into())
            }
            other => Err(Fault::Type { what, expected: "bytes", found: other.kind() }),
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

    /// A flag: a bool, or an int of which only 0 is false. `what` names it in messages.
    pub(super) fn flag(&self, id: Id, what: &'static str) -> Result<bool, Fault> {
        match self.get(id) {
            Object::Int(value) => Ok(*value != 0),
            _ => self.truth(id, what),
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

    /// Where the elements of a view are, if they are left in the file as a caller needs them.
    pub(super) fn place(&self, view: &View) -> Option<Place> {
        let start = match view.origin {
            Origin::Storage(index) => self.storages[index].place,
            Origin::Blob(index) => self.blobs[index].place(),
        };
        view.place(start?)
    }

    /// Pays for a view and its two vectors.
    pub(super) fn charge_view(&mut self, view: &View) -> Result<(), Fault> {
        self.budget.charge_items(2 * view.shape.len(), size_of::<usize>())?;
        self.budget.charge(size_of::<View>() as u64)
    }

    /// Whether the object is this text.
    pub(super) fn is_text(&self, id: Id, text: &str) -> bool {
        matches!(self.get(id), Object::Text { text: found, .. } if **found == *text)
    }

    /// The object for a message: its text if it is one, otherwise its type.
    pub(super) fn described(&self, id: Id) -> String {
        match self.get(id) {
            Object::Text { text, .. } => format!("\"{}\"", shown(text)),
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
            Self::Text { .. } => "str",
            Self::Bytes { .. } => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict { .. } => "dict",
            Self::Global(global) => global.name(),
            Self::Storage { .. } => "storage",
            Self::Tensor(_) => "tensor",
            Self::Descr(_) => "dtype",
            Self::Array(Some(_)) => "array",
            Self::Array(None) => "array without content",
        }
    }
}
