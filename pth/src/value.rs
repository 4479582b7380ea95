//! The plain tree that a checkpoint is read into.

use std::fmt;

/// A Python object of a checkpoint, without code and without sharing.
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
    /// `bytes` and `bytearray`.
    Bytes(Vec<u8>),
    /// `list`.
    List(Vec<Value>),
    /// `tuple` and `torch.Size`.
    Tuple(Vec<Value>),
    /// `dict` and `collections.OrderedDict`, in the order of the file; no key occurs twice.
    Dict(Vec<(Value, Value)>),
    /// `torch.Tensor` and `torch.nn.Parameter`.
    Tensor(Tensor),
}

/// A tensor with storage of its own.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Sizes; empty for a scalar.
    pub shape: Vec<usize>,
    /// Elements in row-major order, little-endian: product of `shape` × [`Dtype::size`] bytes.
    pub bytes: Vec<u8>,
    /// Where the tensor was when it was saved: `cpu`, `cuda:0`.
    pub device: String,
    /// Whether autograd recorded it. True for parameters, false for buffers and moments.
    pub requires_grad: bool,
}

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// `torch.float64`.
    F64,
    /// `torch.float32`.
    F32,
    /// `torch.float16`.
    F16,
    /// `torch.bfloat16`.
    BF16,
    /// `torch.int64`.
    I64,
    /// `torch.int32`.
    I32,
    /// `torch.int16`.
    I16,
    /// `torch.int8`.
    I8,
    /// `torch.uint8`.
    U8,
    /// `torch.bool`, one byte each.
    Bool,
}

impl Dtype {
    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

impl fmt::Debug for Tensor {
    /// Everything but the elements, of which there can be millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tensor")
            .field("dtype", &self.dtype)
            .field("shape", &self.shape)
            .field("device", &self.device)
            .field("requires_grad", &self.requires_grad)
            .finish_non_exhaustive()
    }
}

impl Value {
    /// Name of the Python type, for messages.
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
        }
    }

    /// Entry of a dict under a text key; `None` if there is none or this is no dict.
    ///
    /// Searches linearly. To visit all entries, iterate over [`Value::as_dict`].
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_dict()?.iter().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// The truth value of a bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number of an int. A bool is no int here.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The number of a float. An int is no float here.
    pub fn as_float(&self) -> Option<f64> {
        if let Self::Float(value) = self { Some(*value) } else { None }
    }

    /// The characters of a str.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The items of a tuple.
    pub fn as_tuple(&self) -> Option<&[Value]> {
        if let Self::Tuple(items) = self { Some(items) } else { None }
    }

    /// The entries of a dict, in order.
    pub fn as_dict(&self) -> Option<&[(Value, Value)]> {
        if let Self::Dict(entries) = self { Some(entries) } else { None }
    }

    /// The tensor.
    pub fn as_tensor(&self) -> Option<&Tensor> {
        if let Self::Tensor(tensor) = self { Some(tensor) } else { None }
    }

    /// The items of a list, moved out.
    pub fn into_list(self) -> Option<Vec<Value>> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The entries of a dict, moved out.
    pub fn into_dict(self) -> Option<Vec<(Value, Value)>> {
        if let Self::Dict(entries) = self { Some(entries) } else { None }
    }

    /// The tensor, moved out without copying its elements.
    pub fn into_tensor(self) -> Option<Tensor> {
        if let Self::Tensor(tensor) = self { Some(tensor) } else { None }
    }
}
