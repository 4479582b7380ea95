//! One array of several that a file holds.

use std::path::Path;

use crate::error::Error;

/// Names of columns that describe a row and are no part of it, in lower case.
const LABELS: [&str; 9] =
    ["label", "labels", "class", "target", "y", "id", "index", "split", "__index_level_0__"];

/// Whether a column of a table, or of a matrix of text, is named like labels rather than like a part of the rows.
pub(crate) fn is_label(name: &str) -> bool {
    LABELS.contains(&name.to_lowercase().as_str())
}

/// An array that a file offers: its name and, where they are known before it is read, the sizes of its axes.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub name: String,
    pub shape: Option<Vec<u64>>,
}

impl Offer {
    /// An array of which only the name is known.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), shape: None }
    }

    /// An array with its axes.
    pub(crate) fn shaped(name: impl Into<String>, shape: impl IntoIterator<Item = u64>) -> Self {
        Self { name: name.into(), shape: Some(shape.into_iter().collect()) }
    }

    /// Number of rows, and entries of each.
    fn rows(&self) -> Option<(u64, u64)> {
        let (&count, row) = self.shape.as_deref()?.split_first()?;
        Some((count, row.iter().fold(1, |entries: u64, &side| entries.saturating_mul(side))))
    }
}

/// Index of the array to read: the one named; the only one; or the only one whose rows have several entries, where each
/// other has one entry for each of its rows, as labels have.
///
/// # Errors
/// Several, or none of the name; [`Error::unknown`] is for the caller, who knows what a file without arrays may be.
pub(crate) fn choose(path: &Path, offers: &[Offer], wanted: Option<&str>) -> Result<usize, Error> {
    let names = || offers.iter().map(|offer| offer.name.clone()).collect::<Vec<_>>();
    if let Some(wanted) = wanted {
        let found = offers.iter().position(|offer| offer.name == wanted);
        return found.ok_or_else(|| Error::no_array(path, wanted, &names()));
    }
    if let [_] = offers {
        return Ok(0);
    }
    labelled(offers).ok_or_else(|| Error::choose_array(path, &names()))
}

fn labelled(offers: &[Offer]) -> Option<usize> {
    let rows: Vec<(u64, u64)> = offers.iter().map(Offer::rows).collect::<Option<_>>()?;
    let mut wide = (0..rows.len()).filter(|&index| rows[index].1 > 1);
    let (Some(index), None) = (wide.next(), wide.next()) else { return None };
    rows.iter().all(|&(count, _)| count == rows[index].0).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(arrays: &[(&str, &[u64])]) -> Vec<Offer> {
        arrays.iter().map(|&(name, shape)| Offer { name: name.into(), shape: Some(shape.to_vec()) }).collect()
    }

    #[test]
    fn labels_do_not_make_a_choice_necessary_and_other_arrays_do() {
        let path = Path::new("x");
        let images: (&str, &[u64]) = ("images", &[60, 3, 8, 8]);
        for (others, chosen) in [
            (&[("labels", &[60][..])][..], true),
            (&[("labels", &[60, 1])], true),
            (&[("labels", &[60]), ("ids", &[60])], true),
            (&[("mean", &[192])], false),
            (&[("more", &[60, 3, 8, 8])], false),
            (&[("scale", &[])], false),
        ] {
            let all = offers(&[others, &[images]].concat());
            assert_eq!(
                choose(path, &all, None).is_ok_and(|index| index == others.len()),
                chosen,
                "{others:?}"
            );
            assert_eq!(choose(path, &all, Some("images")).unwrap(), others.len());
        }
        let error = choose(path, &offers(&[images]), Some("x")).unwrap_err().to_string();
        assert_eq!(error, "x holds no array x, it holds: images");
        let unknown = [Offer::named("a"), Offer::named("b")];
        assert!(choose(path, &unknown, None).unwrap_err().to_string().contains("2 arrays (a, b)"));
    }
}
