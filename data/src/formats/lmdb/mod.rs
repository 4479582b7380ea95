//! LMDB, the database that LSUN comes in: a B+ tree of pages, whose values are encoded images.
//!
//! The file is walked here, page by page, and not by liblmdb: that library maps the file and trusts it, so a truncated
//! or damaged one would end the process. Read are files of 64-bit little-endian machines, data version 1. The lock file
//! is neither needed nor written: a database that another process writes to meanwhile may be refused as damaged.
//!
//! LMDB keeps no checksums. Damage to the tree is found; damage within an image only by its decoder.
//!
//! # Format
//! ```text
//! page   number u64, unused u16, flags u16, then end of the pointers u16, start of the nodes u16, pointers u16 each
//!        (of an overflow page: number of pages u32, then the value)
//! node   size of the value u32, flags u16, size of the key u16, key, value or first overflow page u64
//!        (of a branch: child page u48, size of the key u16, key)
//! meta   pages 0 and 1; the one with the larger transaction holds. From byte 16: magic u32, version u32, address u64,
//!        size of the map u64, tree of free pages, main tree, last page u64, transaction u64
//! tree   u32 (of the free pages: bytes of a page), flags u16, depth u16, then u64: branch pages, leaf pages, overflow
//!        pages, entries, root page
//! ```

mod tree;

use std::io::{Read, Seek};
use std::sync::{Mutex, PoisonError};

use tree::{INTEGER_KEY, NAMED, Position, REVERSE_KEY, Tree, text};

use crate::class::{Class, first_there};
use crate::error::Error;
use crate::options::Request;
use crate::pipeline::{self, Content, Feed, Leftovers};
use crate::set::DataSet;

pub(crate) use tree::is_header;

/// Name of the file in a database's folder.
pub(crate) const FILE: &str = "data.mdb";

/// Reads the images of a database, in the order of its keys, which name the rows.
///
/// A value is an image if it begins like one; others are counted. Where there is no image, pickled arrays (or images) are
/// read, alone or in a tuple with a label. In databases with keys `RESOLUTION-NUMBER`, made for
/// FFHQ in several resolutions, the option `array` names the resolution.
///
/// # Errors
/// * `Kind::Damaged` — no database, of another version, damaged or truncated
/// * `Kind::Choose` — several resolutions and none named, or none of the name
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`
pub fn read(input: impl Read + Seek + Send, request: &Request) -> Result<DataSet, Error> {
    let mut tree = Tree::open(input, request.path)?;
    let resolutions = tree.resolutions()?;
    match &request.options.array {
        Some(wanted) if !resolutions.contains(wanted) => {
            return Err(Error::no_array(request.path, wanted, &resolutions));
        }
        None if resolutions.len() > 1 => return Err(Error::choose_array(request.path, &resolutions)),
        _ => {}
    }
    // Of several resolutions one is read; a database of images and labels holds both.
    let (entries, images) = (tree.entries, if resolutions.is_empty() { tree.entries / 2 } else { 0 });
    let tree = Mutex::new(tree);
    first_there(|class| {
        pipeline::run(request, Some(entries), images, |feed| {
            let mut tree = tree.lock().unwrap_or_else(PoisonError::into_inner);
            tree.feed(request.options.array.as_deref(), class, feed)
        })
    })
}

impl<R: Read + Seek> Tree<'_, R> {
    /// Resolutions of keys `RESOLUTION-NUMBER`; none if the first key is not of that form.
    fn resolutions(&mut self) -> Result<Vec<String>, Error> {
        let mut found: Vec<String> = Vec::new();
        if self.flags & (REVERSE_KEY | INTEGER_KEY) != 0 {
            return Ok(found);
        }
        let mut from = Vec::new();
        loop {
            let mut path = self.seek(&from)?;
            let (Some(index), Some(position)) = (self.advance(&mut path)?, path.last()) else {
                return Ok(found);
            };
            match resolution(self.node(&position.page, index)?.key) {
                Some(next) if !found.iter().any(|known| known == next) => {
                    // The byte after '-', so that the search goes on behind the keys of this resolution.
                    from = format!("{next}.").into_bytes();
                    found.push(next.to_owned());
                }
                _ => return Ok(found),
            }
        }
    }

    /// Hands over the items of a kind, of one resolution if it is named.
    fn feed(&mut self, wanted: Option<&str>, class: Class, feed: &mut Feed) -> Result<Leftovers, Error> {
        let mut leftovers = Leftovers::default();
        let (mut seen, mut left_out, mut named) = (0, 0, 0);
        let mut path = self.seek(b"")?;
        while let (Some(index), Some(Position { page, .. })) = (self.advance(&mut path)?, path.last()) {
            seen += 1;
            let node = self.node(page, index)?;
            if node.high & NAMED != 0 {
                named += 1;
            } else if wanted.is_some() && resolution(node.key) != wanted {
                left_out += 1;
            } else if node.key.starts_with(b"__") {
                // Such as `__len__`, the number of the others, pickled.
                leftovers.others += 1;
            } else if let Some(item) =
                self.value(page, &node, |head| Class::of_content(head) == Some(class))?
            {
                if feed.push(text(node.key), Content::Encoded(item)).is_err() {
                    return Ok(leftovers);
                }
            } else {
                leftovers.others += 1;
            }
        }
        if seen != self.entries {
            return Err(self.refused(0, "number of LMDB entries", seen, self.entries.to_string()));
        }
        for (count, what) in [(left_out, "values of other keys"), (named, "databases in the database")] {
            if count > 0 {
                leftovers.notes.push(format!("{count} {what} left out"));
            }
        }
        Ok(leftovers)
    }
}

/// Resolution of a key `RESOLUTION-NUMBER`: a power of two from 4 to 4096.
fn resolution(key: &[u8]) -> Option<&str> {
    let (resolution, number) = std::str::from_utf8(key).ok()?.split_once('-')?;
    let side =
        resolution.parse::<u32>().ok().filter(|side| side.is_power_of_two() && (4..=4096).contains(side))?;
    let digits = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (digits && side.to_string() == resolution).then_some(resolution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_two_before_a_number() {
        let cases: [(&[u8], Option<&str>); 7] = [
            (b"256-00012", Some("256")),
            (b"1024-7", Some("1024")),
            (b"0256-1", None),
            (b"12-0001", None),
            (b"256-", None),
            (b"length", None),
            (b"\xff-1", None),
        ];
        for (key, expected) in cases {
            assert_eq!(resolution(key), expected, "{key:?}");
        }
    }

    #[test]
    fn keys_that_are_no_text_are_named_in_hexadecimal() {
        assert_eq!(text(b"0a1b"), "0a1b");
        assert_eq!(text(&[0, 0, 1]), "0x000001");
        assert_eq!(text(&[0xff]), "0xff");
    }
}
