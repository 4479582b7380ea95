//! Rows of doubles, kept as bytes or in single precision for as long as that is exact.

use crate::element::Element;
use crate::error::Error;
use crate::options::Request;
use crate::rows::{Pixels, Rows};
use crate::set::DataSet;
use crate::writer::RowWriter;

/// Narrow to wide; each has all values of those before it, and the last all doubles.
const KINDS: [Element; 3] = [Element::U8, Element::F32, Element::F64];
/// Values copied at a time.
const TOGETHER: usize = 1 << 15;

/// Rows in the narrowest of u8, f32 and f64 that has all values so far.
pub(super) struct NarrowWriter<'a> {
    element: Element,
    columns: usize,
    rows: u64,
    writer: RowWriter<'a>,
    stored: Vec<u8>,
    request: &'a Request<'a>,
}

impl<'a> NarrowWriter<'a> {
    /// No rows yet.
    pub(super) fn new(columns: usize, request: &'a Request<'a>) -> Result<Self, Error> {
        let element = Element::U8;
        let writer = RowWriter::new(element, false, &[columns], request)?;
        Ok(Self { element, columns, rows: 0, writer, stored: Vec::new(), request })
    }

    /// Takes whole rows of finite values.
    ///
    /// # Errors
    /// `Kind::Room`.
    pub(super) fn take(&mut self, rows: &[f64]) -> Result<(), Error> {
        let enough = |&element: &Element| rows.iter().all(|&x| has(element, x));
        let mut from_own = KINDS.into_iter().skip_while(|&element| element != self.element);
        match from_own.find(enough) {
            Some(element) if element != self.element => self.widen(element)?,
            _ => {}
        }
        self.rows += (rows.len() / self.columns) as u64;
        self.store(rows)
    }

    fn store(&mut self, rows: &[f64]) -> Result<(), Error> {
        self.stored.clear();
        match self.element {
            Element::U8 => self.stored.extend(rows.iter().map(|&x| x as u8)),
            Element::F32 => self.stored.extend(rows.iter().flat_map(|&x| (x as f32).to_le_bytes())),
            _ => self.stored.extend(rows.iter().flat_map(|x| x.to_le_bytes())),
        }
        self.writer.take(&mut self.stored)
    }

    /// Writes all rows anew in a type that has their values too.
    fn widen(&mut self, element: Element) -> Result<(), Error> {
        self.element = element;
        let writer = RowWriter::new(element, false, &[self.columns], self.request)?;
        let narrow = std::mem::replace(&mut self.writer, writer);
        if self.rows == 0 {
            return Ok(());
        }
        let narrow = narrow.finish()?;
        let (count, columns) = (narrow.rows.len(), self.columns);
        let together = (TOGETHER / columns).max(1);
        for first in (0..count).step_by(together) {
            let values = together.min(count - first) * columns;
            let rows = match &narrow.rows {
                Pixels::Bytes(rows) => {
                    let mut bytes = vec![0; values];
                    rows.read(first, &mut bytes).map(|()| bytes.into_iter().map(f64::from).collect())
                }
                Pixels::Floats(rows) => {
                    let mut numbers = vec![0.0; values];
                    rows.read(first, &mut numbers).map(|()| numbers)
                }
            };
            let rows: Vec<f64> = rows.map_err(Error::spooling)?;
            self.store(&rows)?;
        }
        Ok(())
    }

    /// The rows, and whether all of them are bytes.
    ///
    /// # Errors
    /// `Kind::Empty`; `Kind::Room`.
    pub(super) fn finish(self) -> Result<(DataSet, bool), Error> {
        Ok((self.writer.finish()?, self.element == Element::U8))
    }
}

/// Whether a type has a value.
fn has(element: Element, x: f64) -> bool {
    match element {
        Element::U8 => x.to_bits() == f64::from(x as u8).to_bits(),
        Element::F32 => x == f64::from(x as f32),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_a_value_that_it_gives_back() {
        let of = |x: f64| [Element::U8, Element::F32, Element::F64].map(|element| has(element, x));
        for (x, expected) in [
            (255.0, [true, true, true]),
            (256.0, [false, true, true]),
            (-0.0, [false, true, true]),
            (0.5, [false, true, true]),
            (0.1, [false, false, true]),
            (1e300, [false, false, true]),
        ] {
            assert_eq!(of(x), expected, "{x}");
        }
    }
}
