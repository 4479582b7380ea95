//! What the search must know of the entries of a row: their kinds, and how each computes squared distances.

mod bytes;
mod floats;

use std::fmt::Debug;

use crate::block::Block;
use crate::centroid::Square;
use crate::error::Error;
use crate::kept::Kept;

/// An entry of a row: `u8` (exact integers), `f32` or `f64` (enclosures).
pub trait Entry: Arithmetic {
    /// A squared distance: `u64` for `u8`, [`Interval`](ncsn_theory::interval::Interval) for floats.
    type Squared: Copy + Debug + PartialEq + Send + Sync;

    /// The squared distance of rows with `dim` entries, from the number the kernels computed for it.
    #[doc(hidden)]
    fn certified(square: Self::Square, dim: usize) -> Self::Squared;

    /// The largest number that a squared distance surely reaches: itself for `u8`, the lower end for floats.
    fn reached(squared: Self::Squared) -> Self::Square;
}

mod sealed {
    use super::{Block, Error, Kept, Square};

    /// Arithmetic on rows. Not for other crates: every certificate rests on it.
    pub trait Arithmetic: Copy + Default + Send + Sync + 'static {
        /// The computed squared distance: exact for `u8`, rounded for floats.
        type Square: Square;

        /// The entry itself.
        fn to_f64(self) -> f64;

        /// The entry nearest to a mean of entries.
        fn nearest(mean: f64) -> Self;

        /// Computed squared distance of two rows.
        fn squared_distance(a: &[Self], b: &[Self]) -> Self::Square;

        /// (row − centre)·scale in singles, off by at most 2⁻²⁴(1 + 2⁻²⁸) relatively; `scale` is a power of two.
        fn centred(row: &[Self], centre: &[Self], scale: f64, out: &mut [f32]);

        /// A lower bound of the squared distance for which `square` was computed.
        fn lower(square: Self::Square, dim: usize) -> Self::Square;

        /// An upper bound of the squared distance for which `square` was computed.
        fn upper(square: Self::Square, dim: usize) -> Self::Square;

        /// Refuses a row with an entry that is not a finite number.
        fn check(row: &[Self], number: usize) -> Result<(), Error>;

        /// Computes every distance between two blocks and keeps the largest.
        fn farthest_between(a: &Block<'_, Self>, b: &Block<'_, Self>, kept: &mut Kept<Self::Square>);
    }
}

use sealed::Arithmetic;
