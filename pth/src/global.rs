//! The classes and functions that a file may name.

use super::dtype::Dtype;
use super::fault::{Fault, shown};

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
    NdArray,
    Descr,
    Reconstruct,
    Scalar,
    FromBuffer,
    Encode,
    Bytes,
    ByteArray,
}

/// The whole list: module, name, meaning. numpy 2 moved `numpy.core` to `numpy._core`; Python 2 has `__builtin__`.
const ALLOWED: [(&str, &str, Global); 29] = [
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
    ("numpy", "ndarray", Global::NdArray),
    ("numpy", "dtype", Global::Descr),
    ("numpy.core.multiarray", "_reconstruct", Global::Reconstruct),
    ("numpy._core.multiarray", "_reconstruct", Global::Reconstruct),
    ("numpy.core.multiarray", "scalar", Global::Scalar),
    ("numpy._core.multiarray", "scalar", Global::Scalar),
    ("numpy.core.numeric", "_frombuffer", Global::FromBuffer),
    ("numpy._core.numeric", "_frombuffer", Global::FromBuffer),
    ("_codecs", "encode", Global::Encode),
    ("builtins", "bytes", Global::Bytes),
    ("__builtin__", "bytes", Global::Bytes),
    ("builtins", "bytearray", Global::ByteArray),
    ("__builtin__", "bytearray", Global::ByteArray),
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
