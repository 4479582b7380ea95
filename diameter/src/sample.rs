//! The diameter of some of the rows, as the paper computed it.

use rand::Rng;

use crate::diameter;
use crate::entry::Entry;
use crate::error::Error;
use crate::found::Diameter;
use crate::progress::Progress;
use crate::rows::{self, Rows, Subset};

/// The diameter of `size` rows drawn without replacement: a lower bound for the whole store.
///
/// # Arguments
/// * `size` — from 2 to the number of rows; the paper took 10,000
/// * `rng` — source of the draw
///
/// # Accuracy
/// As [`diameter`] for the rows drawn; `exact` is true only when all were.
///
/// # Errors
/// As [`diameter`], and [`Error::Count`] when `size` exceeds the number of rows.
///
/// # Example
/// ```
/// use ncsn_diameter::{RowSlice, subsample};
/// use rand::SeedableRng;
/// let line: Vec<u8> = (0..=99).collect();
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let some = subsample(&RowSlice::new(&line, 1)?, 10, &mut rng, |_| ())?;
/// assert!(!some.exact && some.squared <= 99 * 99 && some.pairs == 45);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// # Source
/// Song & Ermon (2020), Technique 1 and its footnote on the subsample.
pub fn subsample<E: Entry>(
    rows: &impl Rows<E>,
    size: usize,
    rng: &mut impl Rng,
    progress: impl Fn(Progress) + Sync,
) -> Result<Diameter<E::Squared>, Error> {
    rows::check(rows)?;
    if size > rows.len() {
        let value = size as u64;
        return Err(Error::Count { name: "subsample", value, allowed: "at most the number of rows" });
    }
    let mut chosen = rand::seq::index::sample(rng, rows.len(), size).into_vec();
    // Ascending numbers read the store in order and keep the witness's order.
    chosen.sort_unstable();
    let found = diameter(&Subset::new(rows, &chosen)?, progress).map_err(|error| renumber(error, &chosen))?;
    let (i, j) = found.witness;
    Ok(Diameter { count: rows.len(), witness: (chosen[i], chosen[j]), exact: size == rows.len(), ..found })
}

/// Errors name rows of the store, not of the subset.
fn renumber(error: Error, chosen: &[usize]) -> Error {
    match error {
        Error::NotFinite { row, column, value } => Error::NotFinite { row: chosen[row], column, value },
        Error::Read { first, last, source } => {
            Error::Read { first: chosen[first], last: chosen[last], source }
        }
        other => other,
    }
}
