//! Blocks of elements: tensors of torch, arrays of numpy, and both where their bytes are left in the file.

use std::fmt;

use super::dtype::Dtype;

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

/// An array of numpy.
#[derive(Clone, PartialEq)]
pub struct Array {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Sizes; empty for a scalar such as `numpy.float32(1)`.
    pub shape: Vec<usize>,
    /// Elements in row-major order, little-endian, whatever the order in the file: product of `shape` ×
    /// [`Dtype::size`] bytes.
    pub bytes: Vec<u8>,
}

/// A tensor or an array whose elements are left in the file, row-major and little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Sizes; empty for a scalar.
    pub shape: Vec<usize>,
    /// Where the elements are.
    pub place: Place,
}

/// Bytes of a file, all of which it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before them, from the start of the file.
    pub offset: u64,
    /// Their number: product of the shape × [`Dtype::size`].
    pub length: u64,
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

impl fmt::Debug for Array {
    /// Everything but the elements, of which there can be millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("dtype", &self.dtype)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}
