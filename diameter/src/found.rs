//! The result of a search.

use ncsn_theory::interval::Interval;

use crate::entry::Entry;
use crate::error::Error;
use crate::kept::Kept;
use crate::rows::Rows;

/// How the last undecided pairs were decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Method {
    /// The centroid certificate left few pairs, which were evaluated.
    Centroid,
    /// Low-rank bounds left few pairs, which were evaluated.
    LowRank,
    /// Every pair left by the centroid certificate was evaluated, by blocks.
    Blocks,
}

/// The largest distance between two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diameter<S> {
    /// Number of rows of the store.
    pub count: usize,
    /// Entries per row.
    pub dim: usize,
    /// Largest squared distance among the rows considered: an integer for `u8` rows, an enclosure for floats.
    pub squared: S,
    /// Row numbers `i < j` of a pair at this distance: for `u8` rows the lexicographically smallest of all such pairs,
    /// for floats the smallest of those with the largest computed distance, which is at least `squared.lo()`.
    pub witness: (usize, usize),
    /// Pairs among the rows considered.
    pub pairs: u64,
    /// Distances evaluated in full, repetitions included; the same in every run on the same rows.
    pub pairs_evaluated: u64,
    /// Whether every row was considered. Otherwise `squared` is a lower bound for the whole store.
    pub exact: bool,
    /// How the last pairs were decided.
    pub method: Method,
}

impl Diameter<u64> {
    /// The diameter itself: √squared.
    ///
    /// # Accuracy
    /// Enclosure, one ulp wide; exact where the root is a double.
    #[must_use]
    pub fn length(&self) -> Interval {
        Interval::integer(self.squared).sqrt()
    }

    /// The diameter when bytes stand for numbers in [0, 1], as those of pixels do: √squared / 255.
    ///
    /// # Accuracy
    /// Enclosure, two ulp wide.
    ///
    /// # Example
    /// ```
    /// use ncsn_diameter::{RowSlice, diameter};
    /// let black_grey_white = [0, 0, 0, 0, 128, 128, 128, 128, 255, 255, 255, 255];
    /// let found = diameter(&RowSlice::new(&black_grey_white, 4)?, |_| ())?;
    /// assert_eq!((found.squared, found.witness), (4 * 255 * 255, (0, 2)));
    /// assert!(found.unit_range().contains(2.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unit_range(&self) -> Interval {
        self.length() / 255.0
    }
}

impl Diameter<Interval> {
    /// The diameter itself: √squared, enclosed.
    #[must_use]
    pub fn length(&self) -> Interval {
        self.squared.sqrt()
    }
}

/// What was kept, as a result for the whole store.
pub(crate) fn found<E: Entry>(
    rows: &impl Rows<E>,
    kept: Kept<E::Square>,
    method: Method,
) -> Result<Diameter<E::Squared>, Error> {
    let too_few = Error::Count { name: "rows", value: rows.len() as u64, allowed: "at least 2" };
    let (square, [i, j]) = kept.best.ok_or(too_few)?;
    Ok(Diameter {
        count: rows.len(),
        dim: rows.dim(),
        squared: E::certified(square, rows.dim()),
        witness: (i as usize, j as usize),
        pairs: pairs_of(rows.len()),
        pairs_evaluated: kept.evaluated,
        exact: true,
        method,
    })
}

/// N(N − 1)/2.
fn pairs_of(count: usize) -> u64 {
    let count = count as u64;
    if count.is_multiple_of(2) { count / 2 * count.saturating_sub(1) } else { (count - 1) / 2 * count }
}
