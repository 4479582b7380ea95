//! What can go wrong while a diameter is computed.

use std::io;

/// Rows that could not be read, or that have no diameter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too few or too many of something: rows, entries per row, rows to choose.
    #[error("{name} is {value}, allowed: {allowed}")]
    Count {
        /// What is counted.
        name: &'static str,
        /// The count given.
        value: u64,
        /// The allowed counts.
        allowed: &'static str,
    },
    /// A slice that does not end with a whole row.
    #[error("last row has {found} entries, expected {expected}")]
    LastRow {
        /// Entries left for the last row.
        found: usize,
        /// Entries per row.
        expected: usize,
    },
    /// A NaN or an infinity.
    #[error("row {row} of data, entry {column}, is {value}, not a finite number")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Position in the row, from 0.
        column: usize,
        /// The value found.
        value: f64,
    },
    /// Rows so far apart that their squared distance may exceed the largest double.
    #[error(
        "squared distance of a row from the centre is {squared:?}, allowed: below a quarter of the largest double"
    )]
    TooFar {
        /// The squared distance, or a bound of it.
        squared: f64,
    },
    /// The store failed to deliver rows.
    #[error("rows {first} to {last} could not be read")]
    Read {
        /// First row asked for.
        first: usize,
        /// Last row asked for.
        last: usize,
        /// What the store said.
        source: io::Error,
    },
}
