//! The plain tree that a file is read into.

use super::tensor::{Array, Placed, Tensor};

/// A Python object of a file, without code and without sharing.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `bool`.
    Bool(bool),
    /// `int` of at most 64 bits.
    Int(i64),
    /// `float`.
    Float(f64),
    /// `str`, and `str` of Python 2 if it is UTF-8. Also `torch.device`, as `cuda:0`.
    Text(String),
    /// `bytes` and `bytearray`, and `str` of Python 2 if it is not UTF-8.
    Bytes(Vec<u8>),
    /// `list`.
    List(Vec<Value>),
    /// `tuple` and `torch.Size`.
    Tuple(Vec<Value>),
    /// `dict` and `collections.OrderedDict`, in the order of the file; no key occurs twice.
    Dict(Vec<(Value, Value)>),
    /// `torch.Tensor` and `torch.nn.Parameter`.
    Tensor(Tensor),
    /// `numpy.ndarray` and numpy's scalars, which have the shape `[]`.
    Array(Array),
    /// A tensor or an array whose elements are left in the file. Only [`crate::locate`] returns it.
    Placed(Placed),
}

impl Value {
    /// Name of the Python type, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Tensor(_) => "tensor",
            Self::Array(_) => "array",
            Self::Placed(_) => "tensor or array in the file",
        }
    }

    /// Entry of a dict under a text key, or under a key of bytes that spell it, as where a file went from Python 2 to 3;
    /// the first one if both occur. `None` if there is none or this is no dict.
    ///
    /// Searches linearly. To visit all entries, iterate over [`Value::as_dict`].
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let spells = |name: &Value| match name {
            Self::Text(name) => name == key,
            Self::Bytes(name) => name == key.as_bytes(),
            _ => false,
        };
        self.as_dict()?.iter().find(|(name, _)| spells(name)).map(|(_, value)| value)
    }

    /// The truth value of a bool.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number of an int. A bool is no int here.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The number of a float. An int is no float here.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        if let Self::Float(value) = self { Some(*value) } else { None }
    }

    /// The characters of a str.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }

    /// The bytes of a bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(value) = self { Some(value) } else { None }
    }

    /// The items of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The items of a tuple.
    #[must_use]
    pub fn as_tuple(&self) -> Option<&[Value]> {
        if let Self::Tuple(items) = self { Some(items) } else { None }
    }

    /// The entries of a dict, in order.
    #[must_use]
    pub fn as_dict(&self) -> Option<&[(Value, Value)]> {
        if let Self::Dict(entries) = self { Some(entries) } else { None }
    }

    /// The tensor.
    #[must_use]
    pub fn as_tensor(&self) -> Option<&Tensor> {
        if let Self::Tensor(tensor) = self { Some(tensor) } else { None }
    }

    /// The array.
    #[must_use]
    pub fn as_array(&self) -> Option<&Array> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }

    /// The tensor or array that is left in the file.
    #[must_use]
    pub fn as_placed(&self) -> Option<&Placed> {
        if let Self::Placed(placed) = self { Some(placed) } else { None }
    }

    /// The items of a list, moved out.
    #[must_use]
    pub fn into_list(self) -> Option<Vec<Value>> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The entries of a dict, moved out.
    #[must_use]
    pub fn into_dict(self) -> Option<Vec<(Value, Value)>> {
        if let Self::Dict(entries) = self { Some(entries) } else { None }
    }

    /// The tensor, moved out without copying its elements.
    #[must_use]
    pub fn into_tensor(self) -> Option<Tensor> {
        if let Self::Tensor(tensor) = self { Some(tensor) } else { None }
    }

    /// The array, moved out without copying its elements.
    #[must_use]
    pub fn into_array(self) -> Option<Array> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }
}
