//! The exact diameter of a large set of points: the largest distance between two rows of a table, and which two.
//!
//! Rows may be embeddings, coordinates, histograms, signals or images: anything of one length with Euclidean distance.
//! They lie in memory ([`RowSlice`]) or wherever they can be read from in any order ([`Rows`]).
//!
//! ```
//! use ncsn_diameter::{RowSlice, diameter};
//!
//! // Four points of the plane: the corners of a unit square, one of them moved out to (4, 3).
//! let points = [0.0_f32, 0.0, 1.0, 0.0, 0.0, 1.0, 4.0, 3.0];
//! let found = diameter(&RowSlice::new(&points, 2)?, |_| ())?;
//! assert_eq!(found.witness, (0, 3));
//! assert!(found.length().contains(5.0));
//!
//! // Squared distances of bytes are integers, and exact.
//! let bytes = [10_u8, 20, 10, 60, 40, 20];
//! let found = diameter(&RowSlice::new(&bytes, 2)?, |_| ())?;
//! assert_eq!((found.squared, found.witness), (50 * 50, (1, 2)));
//! # Ok::<(), ncsn_diameter::Error>(())
//! ```
//!
//! # How
//!
//! The search never computes all N(N − 1)/2 distances. Every pair is either evaluated or discarded because an upper
//! bound of its distance lies below a distance that was found, so the result is exact. In order:
//!
//! 1. One pass over the rows computes the distance of each from a centre; of equal rows one is kept.
//! 2. Sweeps from a far row to the row farthest from it give a large distance to compare with.
//! 3. Pairs whose distances from the centre sum to less are discarded ([`centroid::closer_than`]).
//! 4. When many remain, projections on a few directions bound the rest ([`lowrank::upper_bound`]).
//! 5. What survives is evaluated, most promising first. When too much survives, as with noise, all of it is, by blocks.
//!
//! Squared distances of `u8` rows are integers and computed exactly; those of floats are enclosed in an
//! [`Interval`](ncsn_theory::interval::Interval).
//!
//! # Rows on several machines
//!
//! Each machine searches its own part around a common centre and keeps the rows far from it ([`part::extremes`]); the
//! rows that all parts kept give the diameter of the whole, or say which part must keep more ([`centroid::least_reach`]).
//!
//! # What it is for
//!
//! Song & Ermon (2020) take the diameter of the data for the largest noise level of a score-based model (Technique 1).

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod block;
mod blocks;
mod brute;
pub mod centroid;
mod duplicates;
mod entry;
mod error;
mod found;
mod kept;
mod kernels;
pub mod lowrank;
pub mod part;
mod progress;
mod ranking;
mod rows;
mod sample;
mod search;
mod sweep;

pub use brute::brute_force;
pub use entry::Entry;
pub use error::Error;
pub use found::{Diameter, Method};
pub use progress::{Progress, Stage};
pub use rows::{RowSlice, Rows, Subset};
pub use sample::subsample;

use search::{Search, is_cheap};

/// The largest distance between two rows, exactly for `u8` and enclosed for floats.
///
/// # Formula
/// ```text
/// squared = max over i < j of Σ_k (x_ik − x_jk)²
/// ```
/// # Arguments
/// * `rows` — at least two rows
/// * `progress` — called now and then, from several threads
///
/// # Accuracy
/// `u8`: exact. Floats: the exact squared distance of the stored numbers is enclosed with a relative width of at most
/// 2γ_n(1 + γ_n)/(1 − γ_n), γ_n = n·u/(1 − n·u), n = ⌈dim/16⌉ + 19, u = 2⁻⁵³ (in all less than 4.9e-14 for dim =
/// 3072), widened by the last roundings and by dim·2⁻¹⁰⁷⁴ for squares that underflow. Working memory: 64 MB on up to 8
/// threads, 32 bytes per row, 8 bytes per entry of one row, and on each thread as much as three rows take.
///
/// # Errors
/// - [`Error::Count`]: fewer than two rows, or 2³² or more; rows without entries.
/// - [`Error::NotFinite`]: the first row with a NaN or an infinity among those read.
/// - [`Error::TooFar`]: squared distances beyond the range of a double.
/// - [`Error::Read`]: the store failed.
///
/// # Source
/// Song & Ermon (2020), Technique 1.
pub fn diameter<E: Entry>(
    rows: &impl Rows<E>,
    progress: impl Fn(Progress) + Sync,
) -> Result<Diameter<E::Squared>, Error> {
    let mut search = Search::start(rows, &progress)?;
    let method = decide(&mut search)?;
    search.finish(method)
}

/// Evaluates or discards every pair.
fn decide<E: Entry, R: Rows<E>>(search: &mut Search<'_, E, R>) -> Result<Method, Error> {
    search.sweep()?;
    let stairs = search.staircase();
    if is_cheap(&stairs) {
        search.evaluate_staircase(&stairs)?;
        Ok(Method::Centroid)
    } else if lowrank::decide(search, &stairs)? {
        Ok(Method::LowRank)
    } else {
        search.evaluate_blocks(&stairs)?;
        Ok(Method::Blocks)
    }
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
