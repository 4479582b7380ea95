//! Entries of lists on their way into rows: repetition levels say where each list begins.

use std::path::Path;

use crate::element::Element;
use crate::error::Error;
use crate::formats::table::NumberRows;

/// The lists of a column, one entry after the other.
pub(crate) struct Lists<'a, 'b> {
    path: &'a Path,
    element: Element,
    /// How deep lists nest.
    depth: u8,
    /// Levels and values of the row that has begun.
    levels: Vec<u8>,
    values: Vec<u8>,
    /// Levels of the row before it, and the shape that they mean.
    shape: Option<(Vec<u8>, Vec<usize>)>,
    /// Rows that the row group promises yet.
    left: u64,
    /// Most bytes of a row.
    limit: usize,
    rows: &'a mut NumberRows<'b>,
}

impl<'a, 'b> Lists<'a, 'b> {
    pub(crate) fn new(path: &'a Path, element: Element, depth: u8, rows: &'a mut NumberRows<'b>) -> Self {
        let (limit, levels, values) = (rows.longest(), Vec::new(), Vec::new());
        Self { path, element, depth, levels, values, shape: None, left: 0, limit, rows }
    }

    /// From now on entries come from a row group of so many rows.
    pub(crate) fn begin(&mut self, rows: u64) {
        self.left = rows;
    }

    /// Checks that a row group has ended where its rows did.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.end()?;
        if self.left > 0 {
            Err(self.refused("rows of a parquet column", format!("{} too few", self.left)))
        } else {
            Ok(())
        }
    }

    /// Takes an entry.
    pub(crate) fn take(&mut self, level: u8, value: Option<&[u8]>) -> Result<(), Error> {
        if level == 0 {
            self.end()?;
        } else if self.levels.is_empty() {
            return Err(self.refused("first repetition level of a parquet row group", level));
        }
        if self.values.len() >= self.limit {
            return Err(self.refused("bytes of a row", format!("more than {}", self.limit)));
        }
        let Some(value) = value else { return Err(self.rows.missing(self.rows.in_file(), None)) };
        self.levels.push(level);
        self.values.extend_from_slice(narrowed(value, self.element, self.path)?);
        Ok(())
    }

    /// Ends the row that has begun.
    fn end(&mut self) -> Result<(), Error> {
        if self.levels.is_empty() {
            return Ok(());
        }
        let Some(left) = self.left.checked_sub(1) else {
            return Err(self.refused("rows of a parquet column", "too many"));
        };
        self.left = left;
        if self.shape.as_ref().is_none_or(|(levels, _)| *levels != self.levels) {
            let shape = shape(&self.levels, self.depth);
            let shape = shape.ok_or_else(|| self.rows.ragged(self.rows.in_file()))?;
            self.shape = Some((self.levels.clone(), shape));
        }
        if let Some((_, shape)) = &self.shape {
            self.rows.push(self.element, shape, &self.values)?;
        }
        self.levels.clear();
        self.values.clear();
        Ok(())
    }

    fn refused(&self, field: &str, found: impl ToString) -> Error {
        Error::header(self.path, field, found.to_string(), "what the file's headers and length say")
    }
}

/// The sizes of nested lists whose entries have these levels; nothing where lists differ in length.
fn shape(levels: &[u8], depth: u8) -> Option<Vec<usize>> {
    let lists = |depth: u8| levels.iter().filter(|&&level| level <= depth).count();
    let shape: Vec<usize> = (1..=depth).map(|d| lists(d) / lists(d - 1).max(1)).collect();
    // Entries from one beginning of a list of each depth to the next, outermost first.
    let mut blocks: Vec<usize> =
        (0..=shape.len()).map(|d| shape[d..].iter().product::<usize>().max(1)).collect();
    blocks[0] = levels.len();
    let expected = |at: usize| blocks.iter().position(|block| at.is_multiple_of(*block));
    let is_regular = levels.iter().enumerate().all(|(at, &level)| expected(at) == Some(level.into()));
    (is_regular && shape.iter().product::<usize>() == levels.len()).then_some(shape)
}

/// The bytes of a number within a wider integer, which must be the same number.
pub(crate) fn narrowed<'v>(value: &'v [u8], element: Element, path: &Path) -> Result<&'v [u8], Error> {
    let (low, high) = value.split_at_checked(element.width()).unwrap_or((value, &[]));
    let is_signed = matches!(element, Element::I8 | Element::I16 | Element::I32 | Element::I64);
    let negative = is_signed && low.last().is_some_and(|byte| byte >> 7 == 1);
    let sign = if negative { 0xff } else { 0 };
    if high.iter().all(|&byte| byte == sign) {
        return Ok(low);
    }
    let wide: [u8; 4] = std::array::from_fn(|at| value.get(at).copied().unwrap_or(0));
    let allowed = format!("what has room in {} bytes", element.width());
    Err(Error::header(path, "value of a parquet column", i32::from_le_bytes(wide), &allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_give_the_sizes_of_lists() {
        let regular: [(&[u8], u8, &[usize]); 5] = [
            (&[0], 1, &[1]),
            (&[0, 1, 1], 1, &[3]),
            (&[0, 2, 2, 1, 2, 2], 2, &[2, 3]),
            (&[0, 1, 1], 2, &[3, 1]),
            (&[0, 3, 2, 3, 1, 3, 2, 3], 3, &[2, 2, 2]),
        ];
        for (levels, depth, expected) in regular {
            assert_eq!(shape(levels, depth).as_deref(), Some(expected), "{levels:?}");
        }
        for ragged in [&[0, 2, 1][..], &[0, 2, 1, 2, 2, 1], &[0, 2, 2, 2, 1, 2]] {
            assert_eq!(shape(ragged, 2), None, "{ragged:?}");
        }
    }

    /// Levels of the entries of lists of these sizes, by the definition: a list that begins within another has its level.
    fn levels(shape: &[usize], depth: u8, first: u8, all: &mut Vec<u8>) {
        let Some((&size, inner)) = shape.split_first() else { return all.push(first) };
        for index in 0..size {
            levels(inner, depth + 1, if index == 0 { first } else { depth }, all);
        }
    }

    proptest::proptest! {
        #[test]
        fn lists_of_any_sizes_are_found_again(sizes in proptest::collection::vec(1_usize..5, 1..5)) {
            let mut all = Vec::new();
            levels(&sizes, 1, 0, &mut all);
            let depth = sizes.len() as u8;
            proptest::prop_assert_eq!(shape(&all, depth), Some(sizes));
            // Without its last entry, a list is shorter than its sisters, or the only one.
            all.pop();
            let found = shape(&all, depth);
            proptest::prop_assert!(found.is_none_or(|found| found.iter().product::<usize>() == all.len()));
        }
    }

    #[test]
    fn numbers_leave_wider_integers_unchanged_or_not_at_all() {
        let path = Path::new("x");
        let narrow =
            |number: i32, element| narrowed(&number.to_le_bytes(), element, path).map(<[u8]>::to_vec);
        assert_eq!(narrow(200, Element::U8).unwrap(), [200]);
        assert_eq!(narrow(-2, Element::I16).unwrap(), [0xfe, 0xff]);
        assert_eq!(narrow(-2, Element::I32).unwrap(), (-2_i32).to_le_bytes());
        for (number, element) in
            [(256, Element::U8), (-1, Element::U8), (128, Element::I8), (1 << 16, Element::U16)]
        {
            assert!(narrow(number, element).is_err(), "{number} as {element:?}");
        }
        let message = narrow(-1, Element::U8).unwrap_err().to_string();
        assert_eq!(message, "x: value of a parquet column is -1, allowed: what has room in 1 bytes");
    }
}
