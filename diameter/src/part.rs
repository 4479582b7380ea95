//! A part of the rows of a larger store: its own diameter, and the rows that the diameter of the whole may need.
//!
//! All parts measure from one centre c. With L ≤ d² for some pair of the whole, R² the largest squared distance of a
//! row from c, a pair at distance √L or more has both rows at √L − R or more from c. A part does not know L and R, but
//! its own diameter is a lower bound of √L, and it can guess R. It keeps what lies that far out, and says what it left
//! out: whether that was right is decided once all parts are known ([`crate::centroid::closer_than`]), and is no guess.

use crate::centroid::Square;
use crate::decide;
use crate::entry::Entry;
use crate::error::Error;
use crate::found::Diameter;
use crate::progress::Progress;
use crate::ranking::squared_radius;
use crate::rows::{self, Rows};
use crate::search::Search;

/// Which rows of a part are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep<S> {
    /// Those that may be as far as the part's own diameter from a row 6% farther from the centre than any of the part.
    Likely,
    /// Those at this squared distance from the centre or more.
    From(S),
}

/// What a part of the rows tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Extremes<E: Entry> {
    /// The largest distance between two rows of the part; none for fewer than two.
    pub diameter: Option<Diameter<E::Squared>>,
    /// The largest squared distance of a row from the centre, or for floats a bound of it from above.
    pub farthest: Option<E::Square>,
    /// Numbers of the rows that are kept, in order.
    pub kept: Vec<usize>,
    /// As `farthest`, for the rows that neither are kept nor equal one that is.
    pub left_out: Option<E::Square>,
}

/// The rows of a part that are far from the centre, and its own diameter.
///
/// The two rows of that diameter are kept whatever is asked for, and of equal rows the first. Where all rows are equal,
/// the first two are kept.
///
/// # Arguments
/// * `rows` — the part; it may be empty
/// * `centre` — any point with as many entries as a row, the same for all parts
/// * `progress` — called now and then, from several threads
///
/// # Accuracy
/// As [`crate::diameter`] for the diameter. Squared distances from the centre: exact for `u8`; for floats from above, by
/// at most the width stated there.
///
/// # Errors
/// As [`crate::diameter`], but for too few rows; [`Error::LastRow`] when the centre is of another length.
///
/// # Example
/// ```
/// use ncsn_diameter::RowSlice;
/// use ncsn_diameter::part::{Keep, extremes};
/// let line = [0_u8, 10, 45, 55, 60, 100];
/// let part = extremes(&RowSlice::new(&line, 1)?, &[50], Keep::Likely, |_| ())?;
/// assert_eq!((part.farthest, part.kept, part.left_out), (Some(2500), vec![0, 5], Some(1600)));
/// # Ok::<(), ncsn_diameter::Error>(())
/// ```
pub fn extremes<E: Entry>(
    rows: &impl Rows<E>,
    centre: &[E],
    keep: Keep<E::Square>,
    progress: impl Fn(Progress) + Sync,
) -> Result<Extremes<E>, Error> {
    if centre.len() != rows.dim() {
        return Err(Error::LastRow { found: centre.len(), expected: rows.dim() });
    }
    match rows.len() {
        0 => Ok(Extremes { diameter: None, farthest: None, kept: Vec::new(), left_out: None }),
        1 => {
            let mut row = vec![E::default(); rows.dim()];
            rows::read(rows, 0, &mut row)?;
            let farthest = Some(squared_radius(&row, centre, 0)?);
            Ok(Extremes { diameter: None, farthest, kept: vec![0], left_out: None })
        }
        _ => of_several(rows, centre, keep, &progress),
    }
}

fn of_several<E: Entry>(
    rows: &impl Rows<E>,
    centre: &[E],
    keep: Keep<E::Square>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Extremes<E>, Error> {
    let mut search = Search::around(rows, centre.to_vec(), progress)?;
    let method = decide(&mut search)?;
    let (floor, ranked) = (search.floor(), std::mem::take(&mut search.ranked));
    let diameter = search.finish(method)?;
    let (witness, farthest) = ([diameter.witness.0, diameter.witness.1], ranked[0].square);
    let likely = farthest.enlarged();
    let end = ranked.partition_point(|ranked| match keep {
        Keep::Likely => !E::Square::closer_than(floor, [ranked.square, likely]),
        Keep::From(least) => ranked.square >= least,
    });
    let is_kept = |row: u32| witness.contains(&(row as usize));
    let left_out = ranked[end..].iter().find(|ranked| !is_kept(ranked.row)).map(|ranked| ranked.square);
    let mut kept: Vec<usize> =
        ranked[..end].iter().map(|ranked| ranked.row as usize).chain(witness).collect();
    kept.sort_unstable();
    kept.dedup();
    Ok(Extremes { diameter: Some(diameter), farthest: Some(farthest), kept, left_out })
}

/// The weighted mean of some rows, rounded to an entry: a centre that all who see the same rows agree on.
///
/// # Arguments
/// * `chosen` — row numbers and their weights; at least one of each is positive
///
/// # Accuracy
/// Any point is a valid centre. The sum is formed in the order given, so that equal rows in equal order give equal bits.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Read`]; [`Error::Count`] when there is no weight.
///
/// # Example
/// ```
/// use ncsn_diameter::RowSlice;
/// use ncsn_diameter::part::weighted_centre;
/// let centre = weighted_centre(&RowSlice::new(&[0_u8, 30, 9, 9], 2)?, &[(0, 2), (1, 1)])?;
/// assert_eq!(centre, [3, 23]);
/// # Ok::<(), ncsn_diameter::Error>(())
/// ```
pub fn weighted_centre<E: Entry>(rows: &impl Rows<E>, chosen: &[(usize, u64)]) -> Result<Vec<E>, Error> {
    let total: u64 = chosen.iter().map(|&(_, weight)| weight).sum();
    if total == 0 {
        return Err(Error::Count { name: "weight of all rows", value: 0, allowed: "at least 1" });
    }
    let mut row = vec![E::default(); rows.dim()];
    let mut mean = vec![0.0; rows.dim()];
    for &(number, weight) in chosen {
        rows::read(rows, number, &mut row)?;
        E::check(&row, number)?;
        let share = weight as f64 / total as f64;
        mean.iter_mut().zip(&row).for_each(|(mean, entry)| *mean += share * entry.to_f64());
    }
    Ok(mean.into_iter().map(E::nearest).collect())
}
