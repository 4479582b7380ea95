//! Columns of numbers side by side.

use super::NumberRows;
use crate::element::Element;
use crate::error::Error;

/// Bytes of rows gathered from columns at a time.
const GATHERED: usize = 16 << 20;

/// Reads the values of a column from a row on, as many as the buffer has room for.
pub(crate) type Gather<'a> = dyn FnMut(usize, usize, &mut [u8]) -> Result<(), Error> + 'a;

/// Makes rows of columns of one type, a block of rows at a time.
///
/// # Arguments
/// * `element` — a type that is kept
/// * `columns` — number of them
/// * `count` — number of rows
pub(crate) fn interleave(
    element: Element,
    columns: usize,
    count: usize,
    gather: &mut Gather,
    rows: &mut NumberRows,
) -> Result<(), Error> {
    let width = element.width();
    let block = (GATHERED / (columns * width)).clamp(1, count.max(1));
    let (mut gathered, mut column) = (vec![0; block * columns * width], vec![0; block * width]);
    for first in (0..count).step_by(block) {
        let here = block.min(count - first);
        for index in 0..columns {
            let part = &mut column[..here * width];
            gather(index, first, part)?;
            for (row, value) in part.chunks_exact(width).enumerate() {
                gathered[(row * columns + index) * width..][..width].copy_from_slice(value);
            }
        }
        rows.push(element, &[columns], &gathered[..here * columns * width])?;
    }
    Ok(())
}

/// The type that has the numbers of all: the widest of those that are kept.
pub(crate) fn common(elements: impl IntoIterator<Item = Element>) -> Element {
    let rank =
        |element: &Element| [Element::U8, Element::F32, Element::F64].iter().position(|e| e == element);
    elements.into_iter().map(Element::kept).max_by_key(rank).unwrap_or(Element::U8)
}

/// Values of a type that is kept as those of another that has its numbers.
pub(crate) fn widened(from: Element, to: Element, values: &[u8], wide: &mut Vec<u8>) {
    let singles = || values.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    match (from, to) {
        (Element::U8, Element::F32) => wide.extend(values.iter().flat_map(|&b| f32::from(b).to_le_bytes())),
        (Element::U8, Element::F64) => wide.extend(values.iter().flat_map(|&b| f64::from(b).to_le_bytes())),
        (Element::F32, Element::F64) => wide.extend(singles().flat_map(|x| f64::from(x).to_le_bytes())),
        _ => wide.extend_from_slice(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_type_that_is_kept_has_the_numbers_of_all() {
        use Element::{Bool, F32, F64, I32, U8, U16};
        let cases: [(&[Element], Element); 5] = [
            (&[U8, U8], U8),
            (&[U8, Bool], F32),
            (&[U16, F32, U8], F32),
            (&[U8, I32], F64),
            (&[F32, F64], F64),
        ];
        for (elements, expected) in cases {
            assert_eq!(common(elements.iter().copied()), expected, "{elements:?}");
        }
        for (from, values) in [(U8, vec![7]), (F32, 7_f32.to_le_bytes().to_vec())] {
            let mut wide = Vec::new();
            widened(from, F64, &values, &mut wide);
            assert_eq!(wide, 7_f64.to_le_bytes());
        }
    }
}
