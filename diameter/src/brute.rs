//! The reference: every distance, whatever it takes.

use crate::blocks::by_blocks;
use crate::entry::Entry;
use crate::error::Error;
use crate::found::{Diameter, Method, found};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::ranking::{centre, rank};
use crate::rows::{self, Rows};

/// The largest distance between two rows, by evaluating all pairs: the reference for [`crate::diameter`].
///
/// # Accuracy
/// As [`crate::diameter`]. For `u8`, products of blocks are computed by a single-precision matrix product in which
/// every partial sum is an integer of at most 2²⁴, hence exact.
///
/// # Errors
/// As [`crate::diameter`].
///
/// # Example
/// ```
/// use ncsn_diameter::{RowSlice, brute_force};
/// let corners = [0_u8, 0, 3, 0, 3, 4];
/// let found = brute_force(&RowSlice::new(&corners, 2)?, |_| ())?;
/// assert_eq!((found.squared, found.pairs_evaluated), (25, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn brute_force<E: Entry>(
    rows: &impl Rows<E>,
    progress: impl Fn(Progress) + Sync,
) -> Result<Diameter<E::Squared>, Error> {
    rows::check(rows)?;
    // The pass refuses rows that have no distances.
    rank(rows, &centre(rows)?, &progress)?;
    let numbers: Vec<u32> = (0..rows.len() as u32).collect();
    let kept = by_blocks(rows, &numbers, Kept::NONE, |_, _, _| false, &progress)?;
    found(rows, kept, Method::Blocks)
}
