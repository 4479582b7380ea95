//! What can go wrong while a diameter is computed.

use std::io;

use ncsn_theory::Error;

/// Rows that could not be read, or rows without a diameter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiameterError {
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
    /// Fewer than two rows, an entry that is not a finite number, or distances beyond the range of a double.
    #[error(transparent)]
    Invalid(#[from] Error),
}
