//! Several data sets as one.

use std::sync::OnceLock;

use crate::error::Error;
use crate::rows::Pixels;
use crate::set::DataSet;
use crate::share::Places;

/// The rows of all sets, in order; they stay in the files in which they are.
///
/// # Arguments
/// * `sets` — each with the path that it came from; of several, a row that is a file is named by both
///
/// # Errors
/// `Kind::Mixed` — a set of another type or shape than the first.
pub(crate) fn join(sets: Vec<(String, DataSet)>) -> Result<Option<DataSet>, Error> {
    let several = sets.len() > 1;
    let mut joined: Option<(String, DataSet)> = None;
    for (path, mut set) in sets {
        if several {
            set.names = set.names.below(&format!("{path}/"));
        }
        let Some((first, all)) = &mut joined else {
            joined = Some((path, set));
            continue;
        };
        let kinds = [kind(all), kind(&set)];
        let places = places(all, &set)?;
        let DataSet { rows, names, classes, notes, skipped, .. } = set;
        if kinds[0] != kinds[1] || all.rows.append(rows).is_err() {
            return Err(Error::mixed((first, &kinds[0]), (&path, &kinds[1])));
        }
        all.names.append(names);
        all.classes = all.classes.take().zip(classes).map(|(all, more)| [all, more].concat());
        all.notes.extend(notes);
        all.skipped += skipped;
        all.places = places;
        all.digest = OnceLock::new();
    }
    Ok(joined.map(|(_, set)| set))
}

/// The places of both sets, where one of them has some: those of rows that are all there follow from their number.
///
/// # Errors
/// `Kind::Option` — links among the rows of the first, of which no share knows how many there are in all
fn places(first: &DataSet, second: &DataSet) -> Result<Option<Places>, Error> {
    let Some(share) = first.places.as_ref().or(second.places.as_ref()).map(|places| places.share) else {
        return Ok(None);
    };
    let of = |set: &DataSet| match &set.places {
        Some(places) => places.clone(),
        None => Places::of_whole(share, set.rows.len()),
    };
    let mut places = of(first);
    if places.has_links() {
        return Err(Error::option("share", share, "data without links in an archive that others follow"));
    }
    places.append(of(second));
    Ok(Some(places))
}

/// Type and shape of the rows.
fn kind(set: &DataSet) -> String {
    let element = match &set.rows {
        Pixels::Bytes(_) => "u8",
        Pixels::Floats(rows) if rows.is_double() => "f64",
        Pixels::Floats(_) => "f32",
    };
    let sides: Vec<String> = set.shape.iter().map(usize::to_string).collect();
    format!("{element} {}", sides.join("×"))
}
