//! Which columns of a table are its rows.

use std::path::Path;

use crate::choose::{Offer, is_label};
use crate::element::Element;
use crate::error::{Error, Kind};
use crate::escape::one_line;

/// Columns named in a note; the rest are only counted.
const NAMED: usize = 8;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    pub holds: Holds,
}

/// What each row of a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// An encoded image in a structure with a column `bytes`, as Hugging Face stores it.
    Images,
    /// Bytes, which may be an encoded image.
    Bytes,
    /// A list of numbers or of such lists; with the entries of each row, where all have as many by the headers.
    Lists(Element, Option<u64>),
    /// A number.
    Number(Element),
    /// An index into a dictionary.
    Indices,
    /// Something else.
    Other,
}

/// The columns that are read, by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Images(usize),
    Lists(usize),
    Numbers(Vec<usize>),
}

impl Choice {
    pub(crate) fn indices(&self) -> &[usize] {
        match self {
            Self::Images(index) | Self::Lists(index) => std::slice::from_ref(index),
            Self::Numbers(indices) => indices,
        }
    }

    /// What to say of columns that are left out of rows of several.
    pub(crate) fn note(&self, columns: &[Column]) -> Option<String> {
        let Self::Numbers(indices) = self else { return None };
        let left_out: Vec<_> = (0..columns.len())
            .filter(|index| !indices.contains(index))
            .map(|index| one_line(&columns[index].name))
            .collect();
        let more = if left_out.len() > NAMED { ", …" } else { "" };
        let named = left_out.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        let read = if indices.len() == 1 { "column is" } else { "columns side by side are" };
        let note = format!("{} {read} a row; left out: {named}{more}", indices.len());
        (!left_out.is_empty()).then_some(note)
    }
}

/// The columns named; else the only structure with bytes, else the only column of bytes, else the only one of lists, else
/// all of numbers but those that are named like labels.
///
/// # Errors
/// `Kind::Choose` — no such column; several; none of a name
pub(crate) fn choose(
    path: &Path,
    columns: &[Column],
    rows: u64,
    wanted: Option<&[String]>,
) -> Result<Choice, Error> {
    let of = |is: fn(Holds) -> bool| {
        (0..columns.len()).filter(|&index| is(columns[index].holds)).collect::<Vec<_>>()
    };
    if let Some(wanted) = wanted {
        return named(path, columns, wanted);
    }
    for is in [|holds| holds == Holds::Images, |holds| holds == Holds::Bytes] {
        if let found @ [_, ..] = &of(is)[..] {
            let offers: Vec<_> = found.iter().map(|&index| Offer::named(&columns[index].name)).collect();
            return Ok(Choice::Images(found[crate::choose::choose(path, &offers, None)?]));
        }
    }
    if let found @ [_, ..] = &of(|holds| matches!(holds, Holds::Lists(..)))[..] {
        let offers: Vec<_> = found.iter().map(|&index| columns[index].offer(rows)).collect();
        return Ok(Choice::Lists(found[crate::choose::choose(path, &offers, None)?]));
    }
    let mut numbers = of(|holds| matches!(holds, Holds::Number(_)));
    numbers.retain(|&index| !is_label(&columns[index].name));
    if numbers.is_empty() {
        let names: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
        return Err(Error::no_column(path, &names));
    }
    Ok(Choice::Numbers(numbers))
}

/// The columns of these names, which are of one kind.
fn named(path: &Path, columns: &[Column], wanted: &[String]) -> Result<Choice, Error> {
    let is_read = |column: &&Column| !matches!(column.holds, Holds::Other | Holds::Indices);
    let missing = |name: &str| {
        let held: Vec<_> = columns.iter().filter(is_read).map(|column| column.name.clone()).collect();
        Error::no_array(path, name, &held)
    };
    let mut indices = Vec::with_capacity(wanted.len());
    for name in wanted {
        let index = columns.iter().position(|column| column.name == *name).ok_or_else(|| missing(name))?;
        match columns[index].holds {
            Holds::Other => return Err(missing(name)),
            Holds::Indices => return Err(dictionary(path, name)),
            Holds::Images | Holds::Bytes if wanted.len() == 1 => return Ok(Choice::Images(index)),
            Holds::Lists(..) if wanted.len() == 1 => return Ok(Choice::Lists(index)),
            Holds::Number(_) => indices.push(index),
            Holds::Images | Holds::Bytes | Holds::Lists(..) => return Err(missing(name)),
        }
    }
    Ok(Choice::Numbers(indices))
}

fn dictionary(path: &Path, name: &str) -> Error {
    let shown = crate::escape::path(path);
    let text = format!("column {} of {shown} is dictionary-encoded, which is not read", one_line(name));
    Error::new(Kind::Choose, path, text)
}

impl Column {
    /// The type of its numbers, each a row or an entry of a list.
    pub(crate) fn number(&self) -> Option<Element> {
        match self.holds {
            Holds::Lists(element, _) | Holds::Number(element) => Some(element),
            Holds::Images | Holds::Bytes | Holds::Indices | Holds::Other => None,
        }
    }

    fn offer(&self, rows: u64) -> Offer {
        let entries = if let Holds::Lists(_, entries) = self.holds { entries } else { None };
        Offer { shape: entries.map(|entries| vec![rows, entries]), ..Offer::named(&self.name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_before_lists_and_lists_before_numbers() {
        use Holds::{Bytes, Images, Indices, Lists, Number, Other};
        let number = Number(Element::F32);
        let list = |entries| Lists(Element::U8, entries);
        let cases: [(&[Holds], Option<Choice>); 9] = [
            (&[number, list(None), Bytes, Images], Some(Choice::Images(3))),
            (&[number, list(None), Bytes], Some(Choice::Images(2))),
            (&[number, list(None), Other], Some(Choice::Lists(1))),
            (&[list(Some(1)), list(Some(12))], Some(Choice::Lists(1))),
            (&[list(Some(12)), list(Some(12))], None),
            (&[list(None), list(Some(12))], None),
            (&[number, Other, Number(Element::Bool)], Some(Choice::Numbers(vec![0, 2]))),
            (&[Images, Images], None),
            (&[Other, Indices], None),
        ];
        for (kinds, expected) in cases {
            let column = |(index, &holds): (usize, &Holds)| Column { name: format!("c{index}"), holds };
            let columns: Vec<Column> = kinds.iter().enumerate().map(column).collect();
            assert_eq!(choose(Path::new("x"), &columns, 5, None).ok(), expected, "{kinds:?}");
        }
    }

    #[test]
    fn labels_by_name_are_no_part_of_a_row_unless_they_are_named() {
        let holds = Holds::Number(Element::I64);
        let columns =
            ["Y", "a", "__index_level_0__", "Labels"].map(|name| Column { name: name.into(), holds });
        let path = Path::new("x");
        assert_eq!(choose(path, &columns, 5, None).unwrap(), Choice::Numbers(vec![1]));
        assert_eq!(choose(path, &columns, 5, Some(&["Y".into()])).unwrap(), Choice::Numbers(vec![0]));
        assert!(choose(path, &columns[2..], 5, None).is_err());
    }
}
