//! A share of the rows: what one of several machines reads of a data set that all of them see.

use std::fmt;
use std::str::FromStr;

const ALLOWED: &str = "allowed: I/N, whole numbers with 1 <= I <= N <= 65535";

/// Significant bits of the places whose items are in every share.
const BITS: u32 = 7;

/// One of several shares of equal size, `1/4` to `4/4`.
///
/// # Example
/// ```
/// use ncsn_data::Share;
/// let share: Share = "2/4".parse()?;
/// assert_eq!((share.index(), share.of(), share.to_string()), (2, 4, "2/4".to_owned()));
/// assert!("0/4".parse::<Share>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    index: u16,
    of: u16,
}

impl Share {
    /// Which one, from 1.
    #[must_use]
    pub fn index(self) -> u16 {
        self.index
    }

    /// Of how many.
    #[must_use]
    pub fn of(self) -> u16 {
        self.of
    }

    /// Whether an item that comes in a stream of unknown length is in this share: every `of`-th is.
    fn takes(self, item: u64) -> bool {
        item % u64::from(self.of) == u64::from(self.index - 1)
    }

    /// The items of this share where their number is known: neighbours, which lie together in a file.
    fn range(self, items: u64) -> std::ops::Range<u64> {
        let end = |index: u16| (u128::from(items) * u128::from(index) / u128::from(self.of)) as u64;
        end(self.index - 1)..end(self.index)
    }

    /// What an item of a stream is to this share.
    pub(crate) fn place(self, item: u64) -> Place {
        Place { item, own: self.takes(item), weight: weight(item) }
    }
}

/// How many items an item stands for in a sample that every share has; 0 for one that is not in it.
///
/// # Formula
/// ```text
/// 2^e for k = m·2^e with m < 2^7 and e the least such, else 0: 64 of each octave, whatever the number of items
/// ```
fn weight(item: u64) -> u64 {
    let low = (u64::BITS - item.leading_zeros()).saturating_sub(BITS);
    if item & ((1 << low) - 1) == 0 { 1 << low } else { 0 }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(index, of)| {
            let share = Self { index: index.parse().ok()?, of: of.parse().ok()? };
            (1..=share.of).contains(&share.index).then_some(share)
        });
        parsed.ok_or_else(|| ALLOWED.into())
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Where a row of a share stands in the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Place among all items, from 0, those counted that cannot be decoded. A link in an archive to another item comes
    /// after all items, in the order in which this share meets it.
    pub item: u64,
    /// Whether it is of this share; otherwise it is only in the sample.
    pub own: bool,
    /// How many items it stands for in the sample that all shares have; 0 if it is not in it.
    pub weight: u64,
}

impl Place {
    /// Whether the item is of this share or of the sample.
    pub(crate) fn is_wanted(self) -> bool {
        self.own || self.weight > 0
    }
}

/// Which rows of the whole a data set holds that was read for a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The share.
    pub share: Share,
    /// A place for each row, in order.
    pub rows: Vec<Place>,
    /// Items of the whole, those counted that cannot be decoded.
    pub items: u64,
    /// Places of the share's own items that were left out because they cannot be decoded.
    pub skipped: Vec<u64>,
}

impl Places {
    /// No items yet.
    pub(crate) fn new(share: Share) -> Self {
        Self { share, rows: Vec::new(), items: 0, skipped: Vec::new() }
    }

    /// Of rows that are all there.
    pub(crate) fn of_whole(share: Share, count: usize) -> Self {
        let (items, skipped) = (count as u64, Vec::new());
        let own = share.range(items);
        let place = |item: u64| Place { item, own: own.contains(&item), weight: weight(item) };
        Self { share, rows: (0..items).map(place).collect(), items, skipped }
    }

    /// Where a link comes that leads to a row.
    pub(crate) fn of_link(&self, row: usize) -> Place {
        let last = self.rows.last().map_or(0, |place| place.item + 1);
        Place { item: last.max(self.items), own: self.rows[row].own, weight: 0 }
    }

    /// Whether the last row is a link.
    pub(crate) fn has_links(&self) -> bool {
        self.rows.last().is_some_and(|place| place.item >= self.items)
    }

    /// Appends the places of rows that follow.
    pub(crate) fn append(&mut self, other: Self) {
        let moved = |item: u64| self.items + item;
        self.rows.extend(other.rows.into_iter().map(|place| Place { item: moved(place.item), ..place }));
        self.skipped.extend(other.skipped.into_iter().map(moved));
        self.items += other.items;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_one_share_whether_their_number_is_known_or_not() {
        for of in 1..9 {
            let shares: Vec<Share> = (1..=of).map(|index| Share { index, of }).collect();
            for items in 0..40 {
                for item in 0..items {
                    let known = shares.iter().filter(|share| share.range(items).contains(&item)).count();
                    let stream = shares.iter().filter(|share| share.takes(item)).count();
                    assert_eq!((known, stream), (1, 1), "{item} of {items} in {of}");
                }
            }
        }
    }

    /// Source: by hand; 128 = 64·2 stands for itself and 129.
    #[test]
    fn the_sample_thins_out_by_octaves_and_stands_for_all() {
        let weights = [0, 1, 127, 128, 129, 130, 255, 256, 258, 260, 1 << 40];
        assert_eq!(weights.map(weight), [1, 1, 1, 2, 0, 2, 0, 4, 0, 4, 1 << 34]);
        assert_eq!((0..1 << 16).map(weight).sum::<u64>(), 1 << 16);
        assert_eq!((0..1 << 16).filter(|&item| weight(item) > 0).count(), 128 + 64 * 9);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "3", "0/4", "5/4", "1/0", "-1/4", "1/65536", "1/4/4", "a/b"] {
            assert_eq!(text.parse::<Share>(), Err(ALLOWED.to_owned()), "{text}");
        }
    }
}
