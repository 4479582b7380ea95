//! What a header says of the values behind it.

use crate::element::Element;
use crate::error::Error;
use crate::options::Request;

/// Longest row.
pub(crate) const MAX_ROW: u64 = 1 << 30;

/// What a header says of the values behind it; the number of bytes is known to be below 2⁶³.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub element: Element,
    pub big_endian: bool,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    pub count: usize,
    /// All axes, rows first.
    pub axes: Vec<usize>,
    /// Shape of one row.
    pub shape: Vec<usize>,
    pub dim: usize,
}

impl Layout {
    /// Checks that a shape `[rows, ...]` has rows of a size that can be handled.
    ///
    /// # Errors
    /// `Kind::Damaged`; `Kind::Empty` for no rows.
    pub(crate) fn new(element: Element, shape: &[u64], request: &Request) -> Result<Self, Error> {
        let refused = || Error::shape(request.path, shape, MAX_ROW);
        let (&count, item) = shape.split_first().ok_or_else(refused)?;
        let bytes = |n: u64, &d: &u64| n.checked_mul(d);
        let row = item.iter().try_fold(element.width() as u64, bytes).filter(|n| (1..=MAX_ROW).contains(n));
        let row = row.ok_or_else(refused)?;
        if count == 0 {
            return Err(Error::no_rows(request.path));
        }
        let all = row.checked_mul(count).filter(|&n| n <= i64::MAX as u64 && usize::try_from(n).is_ok());
        all.ok_or_else(refused)?;
        let axes = shape.iter().map(|&d| d as usize).collect();
        let shape = if item.is_empty() { vec![1] } else { item.iter().map(|&d| d as usize).collect() };
        let dim = row as usize / element.width();
        Ok(Self { element, big_endian: false, fortran: false, count: count as usize, axes, shape, dim })
    }

    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> u64 {
        (self.count * self.dim * self.element.width()) as u64
    }

    /// Whether the values can be read where they are: rows one after the other, numbers as rows hold them.
    pub(crate) fn is_plain(&self) -> bool {
        !self.fortran
            && (!self.big_endian || self.element == Element::U8)
            && self.element == self.element.kept()
    }
}
