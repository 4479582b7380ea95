//! Technique 1: σ₁ is as large as the diameter of the data, the largest distance between two rows.
//!
//! The search never computes all N(N − 1)/2 distances. Every pair is either evaluated or discarded because an upper bound
//! of its distance lies below a distance that was found, so the result is exact. In order:
//!
//! 1. One pass over the rows computes the distance of each from a centre ([`centroid`]); of equal rows one is kept.
//! 2. Sweeps from a far row to the row farthest from it give a large distance to compare with (`sweep`).
//! 3. Pairs whose distances from the centre sum to less are discarded ([`centroid::closer_than`]).
//! 4. When many remain, projections on a few directions bound the rest ([`lowrank::upper_bound`]).
//! 5. What survives is evaluated, most promising first. When too much survives, as with noise, all of it is, by blocks.
//!
//! Squared distances of `u8` rows are integers and computed exactly; those of floats are enclosed.

mod brute;
pub mod centroid;
mod duplicates;
mod entry;
mod error;
mod evaluate;
mod kernels;
pub mod lowrank;
mod rows;
mod sample;
mod sweep;

use std::sync::atomic::{AtomicU64, Ordering};

use ncsn_theory::Error;
use ncsn_theory::interval::Interval;

pub use brute::brute_force;
pub use entry::Entry;
pub use error::DiameterError;
pub use rows::{RowSlice, Rows, Subset};
pub use sample::subsample;

use evaluate::Search;

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

/// A part of the work that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Distances from the centre; counted in rows.
    Radii,
    /// Projections on the directions of the low-rank bound; counted in rows.
    Projections,
    /// Low-rank bounds; counted in blocks of pairs.
    Bounds,
    /// Evaluation by blocks; counted in blocks of pairs.
    Blocks,
}

/// A report of progress: `done` of `total` units of `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Units finished, at most `total`.
    pub done: u64,
    /// Units in this stage; later certificates may make some superfluous.
    pub total: u64,
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
    /// The diameter of images whose bytes stand for pixels in [0, 1]: √squared / 255.
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
    pub fn unit_range(&self) -> Interval {
        Interval::integer(self.squared).sqrt() / 255.0
    }
}

impl Diameter<Interval> {
    /// The diameter itself: √squared, enclosed.
    pub fn length(&self) -> Interval {
        self.squared.sqrt()
    }
}

/// The largest distance between two rows, exactly for `u8` and enclosed for floats.
///
/// # Formula
/// ```text
/// squared = max over i < j of Σ_k (x_ik − x_jk)²
/// ```
/// # Arguments
/// `rows` — at least two rows. `progress` — called now and then, from several threads.
///
/// # Accuracy
/// `u8`: exact. Floats: the exact squared distance of the stored numbers is enclosed with a relative width of at most
/// 2γ_n(1 + γ_n)/(1 − γ_n), γ_n = n·u/(1 − n·u), n = ⌈dim/16⌉ + 19, u = 2⁻⁵³ (in all less than 4.9e-14 for dim = 3072), widened by the last
/// roundings and by dim·2⁻¹⁰⁷⁴ for squares that underflow. Working memory: 64 MB on up to 8 threads, 32 bytes
/// per row, 8 bytes per entry of one row, and on each thread as much as three rows take.
///
/// # Errors
/// - [`Error::Count`]: fewer than two rows, or 2³² or more.
/// - [`Error::NotFinite`]: the first row with a NaN or an infinity among those read.
/// - [`Error::Domain`]: squared distances beyond the range of a double.
/// - [`DiameterError::Read`]: the store failed.
///
/// # Source
/// Song & Ermon (2020), Technique 1.
pub fn diameter<E: Entry>(
    rows: &impl Rows<E>,
    progress: impl Fn(Progress) + Sync,
) -> Result<Diameter<E::Squared>, DiameterError> {
    check_count(rows.len())?;
    let mut search = Search::start(rows, &progress)?;
    search.sweep()?;
    let stairs = search.staircase();
    let method = if stairs.pairs <= search.cheap_pairs(&stairs) {
        search.evaluate_staircase(&stairs)?;
        Method::Centroid
    } else if lowrank::decide(&mut search, &stairs)? {
        Method::LowRank
    } else {
        search.evaluate_blocks(&stairs)?;
        Method::Blocks
    };
    search.finish(method)
}

fn check_count(count: usize) -> Result<(), Error> {
    let value = count as u64;
    match count {
        0 | 1 => Err(Error::Count { name: "rows", value, allowed: "at least 2" }),
        _ if u32::try_from(count).is_err() => {
            Err(Error::Count { name: "rows", value, allowed: "below 2^32" })
        }
        _ => Ok(()),
    }
}

/// N(N − 1)/2.
fn pairs_of(count: usize) -> u64 {
    let count = count as u64;
    if count.is_multiple_of(2) { count / 2 * count.saturating_sub(1) } else { (count - 1) / 2 * count }
}

/// Counts finished units of one stage across threads and reports them.
struct Counter<'a> {
    stage: Stage,
    done: AtomicU64,
    total: u64,
    report: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Counter<'a> {
    fn new(stage: Stage, total: u64, report: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self { stage, done: AtomicU64::new(0), total, report }
    }

    fn add(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        (self.report)(Progress { stage: self.stage, done, total: self.total });
    }
}
