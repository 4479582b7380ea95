//! A tensor or an array as a file stores it: sizes and strides over bytes that others may share.

use super::dtype::Dtype;
use super::fault::Fault;
use super::tensor::Place;

/// Axes of a tensor, as numpy allows them.
const MOST_AXES: usize = 64;

/// Whose bytes a view is of.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// A storage of torch, by its number.
    Storage(usize),
    /// A string of bytes in the pickle, by its number.
    Blob(usize),
}

/// A tensor or an array whose elements still lie where they came from. Every element is inside of that.
#[derive(Clone)]
pub(super) struct View {
    pub(super) origin: Origin,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) requires_grad: bool,
    /// Whether the bytes of each element come in the reverse of little-endian order.
    pub(super) reversed: bool,
    /// First byte in the origin.
    start: usize,
    /// Bytes between neighbours along each axis.
    steps: Vec<usize>,
    /// Bytes of all elements.
    len: usize,
}

impl View {
    /// A view of `origin`, which has `limit` bytes.
    ///
    /// # Formula
    ///
    /// element (i₁, …, i_k) = `origin[offset + Σ i_j strides_j]`, 0 ≤ i_j < shape_j
    ///
    /// # Arguments
    ///
    /// offset, strides — counted in elements, not bytes.
    ///
    /// # Errors
    ///
    /// - [`Fault::Rank`] if `shape` and `strides` differ in length.
    /// - [`Fault::Axes`] beyond [`MOST_AXES`].
    /// - [`Fault::Overflow`] if a byte position does not fit 64 bits, or the size does not fit memory.
    /// - [`Fault::Bounds`] if the last element ends past `limit`.
    pub(super) fn new(
        (origin, limit, dtype): (Origin, u64, Dtype),
        offset: usize,
        shape: Vec<usize>,
        strides: &[usize],
    ) -> Result<Self, Fault> {
        if shape.len() != strides.len() {
            return Err(Fault::Rank { shape: shape.len(), strides: strides.len() });
        }
        if shape.len() > MOST_AXES {
            return Err(Fault::Axes { found: shape.len(), most: MOST_AXES });
        }
        let size = dtype.size();
        let empty = shape.contains(&0);
        let layout = || -> Option<(usize, Vec<usize>, usize, usize)> {
            // PyTorch leaves offset and strides of an empty tensor unchecked: it has no element to find.
            if empty {
                return Some((0, vec![0; shape.len()], 0, 0));
            }
            let start = offset.checked_mul(size)?;
            let (mut last, mut len) = (start, size);
            let mut steps = Vec::with_capacity(shape.len());
            for (&n, &stride) in shape.iter().zip(strides) {
                // The stride of an axis of size 1 is arbitrary, even huge: it is never followed.
                let step = if n == 1 { 0 } else { stride.checked_mul(size)? };
                last = last.checked_add(step.checked_mul(n - 1)?)?;
                len = len.checked_mul(n).filter(|&len| isize::try_from(len).is_ok())?;
                steps.push(step);
            }
            Some((start, steps, len, last.checked_add(size)?))
        };
        let Some((start, steps, len, end)) = layout() else { return Err(Fault::Overflow { shape }) };
        if end as u64 > limit {
            return Err(Fault::Bounds { shape, end: end as u64, limit });
        }
        Ok(Self { origin, dtype, shape, requires_grad: false, reversed: false, start, steps, len })
    }

    /// Bytes of all elements.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the elements are in the file, if the origin starts at `start` of it and they are contiguous in row-major
    /// order and little-endian.
    pub(super) fn place(&self, start: u64) -> Option<Place> {
        let as_needed = self.is_in_order() && !self.reversed;
        as_needed.then(|| Place { offset: start + self.start as u64, length: self.len as u64 })
    }

    /// Whether the elements are all of the origin's `limit` bytes in order, so that no copy is needed.
    pub(super) fn is_whole(&self, limit: usize) -> bool {
        self.start == 0 && self.len == limit && self.is_in_order()
    }

    /// The elements in row-major order, little-endian. `whole` is all of the origin, and the last use of it.
    pub(super) fn elements_of_whole(&self, mut whole: Vec<u8>) -> Vec<u8> {
        self.make_little(&mut whole);
        whole
    }

    /// Appends the elements in row-major order, little-endian, to `out`, which is empty. `origin` has the size that
    /// [`View::new`] was given.
    pub(super) fn copy_into(&self, origin: &[u8], out: &mut Vec<u8>) {
        if self.len > 0 {
            self.copy_blocks(origin, out);
        }
        self.make_little(out);
    }

    fn make_little(&self, bytes: &mut [u8]) {
        if self.reversed {
            bytes.chunks_exact_mut(self.dtype.size()).for_each(<[u8]>::reverse);
        }
    }

    fn copy_blocks(&self, origin: &[u8], out: &mut Vec<u8>) {
        let (outer, block) = self.block();
        let mut index = vec![0; outer];
        let mut at = self.start;
        loop {
            out.extend_from_slice(&origin[at..at + block]);
            // An odometer over the axes before the block, the last one fastest.
            let mut axis = outer;
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                index[axis] += 1;
                at += self.steps[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.steps[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
    }

    /// Whether the elements are contiguous in row-major order, as no elements are.
    fn is_in_order(&self) -> bool {
        self.len == 0 || self.block().0 == 0
    }

    /// The trailing axes that lie in one piece: number of axes before them, bytes of the piece.
    fn block(&self) -> (usize, usize) {
        let mut block = self.dtype.size();
        for axis in (0..self.shape.len()).rev() {
            if self.shape[axis] != 1 && self.steps[axis] != block {
                return (axis + 1, block);
            }
            block *= self.shape[axis];
        }
        (0, block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(offset: usize, shape: &[usize], strides: &[usize]) -> Result<Vec<u8>, Fault> {
        let bytes: Vec<u8> = (0..24).collect();
        let view = View::new((Origin::Blob(0), 24, Dtype::U8), offset, shape.to_vec(), strides)?;
        let mut out = Vec::new();
        view.copy_into(&bytes, &mut out);
        assert_eq!(out.len(), view.len());
        Ok(out)
    }

    /// Source: the formula of [`View::new`], evaluated by hand.
    #[test]
    fn elements_come_in_row_major_order() {
        assert_eq!(elements(0, &[2, 3], &[3, 1]).unwrap(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(elements(0, &[3, 2], &[1, 3]).unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(elements(4, &[2, 2, 2], &[12, 1, 2]).unwrap(), [4, 6, 5, 7, 16, 18, 17, 19]);
        assert_eq!(elements(5, &[3], &[0]).unwrap(), [5, 5, 5]);
        assert_eq!(elements(23, &[], &[]).unwrap(), [23]);
        assert_eq!(elements(2, &[1, 2, 1], &[usize::MAX, 4, 7]).unwrap(), [2, 6]);
    }

    #[test]
    fn an_empty_tensor_may_start_anywhere() {
        assert_eq!(elements(1000, &[4, 0], &[1, 1]).unwrap(), [0u8; 0]);
    }

    #[test]
    fn axes_without_end_are_refused() {
        assert!(elements(0, &[1; 64], &[1; 64]).is_ok());
        assert!(matches!(elements(0, &[1; 65], &[1; 65]), Err(Fault::Axes { found: 65, most: 64 })));
    }

    #[test]
    fn elements_outside_the_storage_are_refused() {
        assert!(matches!(elements(24, &[], &[]), Err(Fault::Bounds { end: 25, limit: 24, .. })));
        assert!(matches!(elements(0, &[2, 3], &[22, 1]), Err(Fault::Bounds { end: 25, .. })));
    }

    #[test]
    fn positions_beyond_64_bits_are_refused() {
        assert!(matches!(elements(0, &[3], &[usize::MAX / 2 + 1]), Err(Fault::Overflow { .. })));
        assert!(matches!(elements(0, &[1 << 32, 1 << 32], &[0, 0]), Err(Fault::Overflow { .. })));
        assert!(matches!(elements(usize::MAX, &[1], &[1]), Err(Fault::Overflow { .. })));
    }
}
