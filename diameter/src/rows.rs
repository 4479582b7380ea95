//! Where the rows come from: a slice in memory, a file, a subset of another store.

use std::io;

use crate::error::Error;

/// Rows of equal length, readable in any order from any thread.
pub trait Rows<T>: Sync {
    /// Number of rows.
    fn len(&self) -> usize;

    /// Entries per row.
    fn dim(&self) -> usize;

    /// Copies rows `first ..` into `buffer`, whose length is a multiple of `dim`.
    ///
    /// # Errors
    /// Whatever the store meets; the caller adds the row numbers.
    fn read(&self, first: usize, buffer: &mut [T]) -> io::Result<()>;

    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Rows that lie one after the other in memory.
#[derive(Clone, Copy, Debug)]
pub struct RowSlice<'a, T> {
    data: &'a [T],
    dim: usize,
}

impl<'a, T> RowSlice<'a, T> {
    /// Cuts `data` into rows of `dim` entries.
    ///
    /// # Errors
    /// [`Error::Count`] when `dim` is 0; [`Error::LastRow`] when `data` does not end with a whole row.
    pub fn new(data: &'a [T], dim: usize) -> Result<Self, Error> {
        if dim == 0 {
            return Err(Error::Count { name: "entries per row", value: 0, allowed: "at least 1" });
        }
        match data.len() % dim {
            0 => Ok(Self { data, dim }),
            found => Err(Error::LastRow { found, expected: dim }),
        }
    }
}

impl<T: Copy + Sync> Rows<T> for RowSlice<'_, T> {
    fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, first: usize, buffer: &mut [T]) -> io::Result<()> {
        let start = first * self.dim;
        let found = self.data.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

/// Some rows of another store, in the order of a list of their numbers.
#[derive(Clone, Copy, Debug)]
pub struct Subset<'a, R> {
    rows: &'a R,
    chosen: &'a [usize],
}

impl<'a, R> Subset<'a, R> {
    /// The rows of `rows` whose numbers are in `chosen`.
    ///
    /// # Errors
    /// [`Error::Count`] when a number is not that of a row.
    pub fn new<T>(rows: &'a R, chosen: &'a [usize]) -> Result<Self, Error>
    where
        R: Rows<T>,
    {
        match chosen.iter().find(|&&row| row >= rows.len()) {
            None => Ok(Self { rows, chosen }),
            Some(&row) => Err(Error::Count {
                name: "chosen row",
                value: row as u64,
                allowed: "below the number of rows",
            }),
        }
    }
}

impl<T, R: Rows<T>> Rows<T> for Subset<'_, R> {
    fn len(&self) -> usize {
        self.chosen.len()
    }

    fn dim(&self) -> usize {
        self.rows.dim()
    }

    fn read(&self, first: usize, buffer: &mut [T]) -> io::Result<()> {
        let wanted = self.chosen.get(first..).ok_or(io::ErrorKind::UnexpectedEof)?;
        let dim = self.rows.dim();
        let wanted = wanted.get(..buffer.len() / dim).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut rest = buffer;
        // Rows that lie together are read together.
        for run in wanted.chunk_by(|a, b| a + 1 == *b) {
            let (here, after) = rest.split_at_mut(run.len() * dim);
            self.rows.read(run[0], here)?;
            rest = after;
        }
        Ok(())
    }
}

/// Refuses stores that are too small or too large to have a diameter.
pub(crate) fn check<T>(rows: &impl Rows<T>) -> Result<(), Error> {
    let count = |name, count: usize, allowed| Err(Error::Count { name, value: count as u64, allowed });
    match (rows.len(), rows.dim()) {
        (len @ (0 | 1), _) => count("rows", len, "at least 2"),
        (len, _) if u32::try_from(len).is_err() => count("rows", len, "below 2^32"),
        (_, 0) => count("entries per row", 0, "at least 1"),
        _ => Ok(()),
    }
}

/// Reads consecutive rows; a failure names them.
pub(crate) fn read<T>(rows: &impl Rows<T>, first: usize, buffer: &mut [T]) -> Result<(), Error> {
    let last = first + (buffer.len() / rows.dim()).saturating_sub(1);
    rows.read(first, buffer).map_err(|source| Error::Read { first, last, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_that_ends_within_a_row_is_refused() {
        let refused = RowSlice::new(&[0_u8; 7], 3);
        assert!(matches!(refused, Err(Error::LastRow { found: 1, expected: 3 })));
    }

    #[test]
    fn a_subset_reads_the_chosen_rows_in_order() {
        let rows = RowSlice::new(&[0_u8, 0, 1, 1, 2, 2], 2).unwrap();
        let mut buffer = [9_u8; 4];
        Subset::new(&rows, &[2, 0]).unwrap().read(0, &mut buffer).unwrap();
        assert_eq!(buffer, [2, 2, 0, 0]);
    }

    #[test]
    fn reading_past_the_end_fails() {
        let rows = RowSlice::new(&[0_u8; 6], 2).unwrap();
        assert!(matches!(read(&rows, 2, &mut [0; 4]), Err(Error::Read { first: 2, last: 3, .. })));
    }
}
