//! One item that is an array of numbers.

use std::io::Read;
use std::mem;

use crate::element::Element;
use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::transpose::last_index_fastest;
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
            let columns = mem::take(&mut stored);
            last_index_fastest(&columns, &layout.axes, width, &mut stored);
        }
        Self::new(layout.element, &layout.axes, &stored, request)
    }
}
