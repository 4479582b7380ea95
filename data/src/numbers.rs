//! One item that is an array of numbers.

use std::io::Read;

use crate::element::Element;
use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::transpose::advance;
use crate::writer::Finite;

/// One item: its numbers in C order, as rows hold them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Numbers {
    /// A type that is kept.
    pub element: Element,
    /// Axes, none of them without entries.
    pub shape: Vec<usize>,
    /// Whether the axes are channels, height and width.
    pub planes: bool,
    /// Little-endian.
    pub values: Vec<u8>,
}

impl Numbers {
    /// Numbers in C order and little-endian, finite and each a double.
    ///
    /// # Errors
    /// `Kind::Value`, naming the request's path.
    pub(crate) fn new(
        element: Element,
        shape: &[usize],
        stored: &[u8],
        request: &Request,
    ) -> Result<Self, Error> {
        let mut values = Vec::new();
        let inexact = |(at, value): (usize, String)| Error::no_double(request.path, 0, at as u64, &value);
        element.convert(stored, &mut values).map_err(inexact)?;
        let element = element.kept();
        let dim = shape.iter().product();
        Finite::new(element, dim).take(&values).map_err(|found| found.error(request))?;
        Ok(Self { element, shape: shape.to_vec(), planes: false, values })
    }

    /// All values of a stream, as a header describes them, as one item.
    ///
    /// # Errors
    /// `Kind::Damaged` — more or fewer bytes than the header says; `Kind::Value`.
    pub(crate) fn read(input: impl Read, layout: &Layout, request: &Request) -> Result<Self, Error> {
        let expected = layout.bytes();
        let mut stored = Vec::new();
        input.take(expected + 1).read_to_end(&mut stored).map_err(Error::unpacking(request.path))?;
        if stored.len() as u64 != expected {
            return Err(Error::length(request.path, expected, stored.len() as u64));
        }
        let width = layout.element.width();
        if layout.big_endian {
            stored.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if layout.fortran {
            stored = last_index_fastest(&stored, &layout.axes, width);
        }
        Self::new(layout.element, &layout.axes, &stored, request)
    }
}

/// Values whose first index runs fastest, in the order in which the last one does.
fn last_index_fastest(stored: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut index = vec![0; shape.len()];
    let mut values = Vec::with_capacity(stored.len());
    for _ in 0..stored.len() / width {
        let position = index.iter().zip(shape).rev().fold(0, |position, (i, d)| position * d + i);
        values.extend_from_slice(&stored[position * width..][..width]);
        advance(&mut index, shape);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        // [[0, 1, 2], [3, 4, 5]] by columns
        assert_eq!(last_index_fastest(&[0, 3, 1, 4, 2, 5], &[2, 3], 1), [0, 1, 2, 3, 4, 5]);
        assert_eq!(last_index_fastest(&[1, 2, 3, 4], &[2], 2), [1, 2, 3, 4]);
    }
}
