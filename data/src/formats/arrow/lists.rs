//! Lists of a record batch as rows: offsets say where each list begins.

use std::io::{Read, Seek};
use std::ops::Range;

use super::batch::{Place, Reader};
use super::numbers;
use super::schema::{Field, Kind};
use crate::error::Error;
use crate::formats::table::NumberRows;

/// Makes each list of a column a row.
pub(crate) fn read<R: Read + Seek>(
    batch: &mut Reader<R>,
    field: &Field,
    place: Place,
    rows: &mut NumberRows,
) -> Result<(), Error> {
    let (mut field, mut place) = (field, place);
    let (mut range, mut shape) = (0..batch.rows, Vec::new());
    // Entries of all lists of a row.
    let mut together = 1;
    loop {
        let first = range.start;
        let row = |at: usize, rows: &NumberRows| rows.in_file() + ((at - first) / together) as u64;
        if let Some(at) = batch.valid(place, range.end)?.missing(range.clone()) {
            return Err(rows.missing(row(at, rows), None));
        }
        let size = match field.kind {
            Kind::Number(element) => {
                rows.check_entries(range.len(), element)?;
                let values = numbers(batch, element, place, range)?;
                return rows.push(element, &shape, &values);
            }
            Kind::FixedList(size) => size,
            Kind::List(width) => {
                let offsets = batch.offsets(place, width, range.end)?;
                let lengths = offsets[range.start..].windows(2).map(|ends| ends[1] - ends[0]);
                let expected = offsets[range.start + 1] - offsets[range.start];
                for (at, length) in lengths.enumerate() {
                    if length == 0 {
                        return Err(rows.missing(row(first + at, rows), None));
                    }
                    if length != expected {
                        let sizes = |size: u64| [&shape[..], &[size as usize]].concat();
                        let own = (row(first + at, rows), sizes(length));
                        return Err(rows.uneven(own, &sizes(expected)));
                    }
                }
                range = offsets[range.start] as usize..offsets[range.end] as usize;
                expected as usize
            }
            _ => return Err(batch.refused("Arrow column", "no lists of numbers", "lists of numbers")),
        };
        if size == 0 {
            return Err(rows.missing(rows.in_file(), None));
        }
        if let Kind::FixedList(_) = field.kind {
            range =
                scaled(&range, size).ok_or_else(|| batch.refused("length of Arrow lists", size, "less"))?;
        }
        shape.push(size);
        together = (range.end - range.start) / batch.rows;
        batch.enter(field, &mut place);
        field = field
            .children
            .first()
            .ok_or_else(|| batch.refused("Arrow lists", "without a field", "with one"))?;
    }
}

/// The entries of lists of one length.
fn scaled(lists: &Range<usize>, size: usize) -> Option<Range<usize>> {
    Some(lists.start.checked_mul(size)?..lists.end.checked_mul(size)?)
}
