//! What a source saw and did not hand over, and what to say of it.

use std::collections::{BTreeMap, HashMap};

use crate::error::{IMAGES, not_read};
use crate::files::normal;
use crate::names::Names;

/// Names of image formats that are not read.
const UNREAD: [&str; 24] = [
    "gif", "tif", "tiff", "heic", "heif", "avif", "jp2", "j2k", "jpx", "jxl", "pgm", "ppm", "pbm", "pnm",
    "tga", "ico", "svg", "exr", "hdr", "psd", "dng", "cr2", "nef", "dcm",
];

/// Suffixes that are counted.
const SUFFIXES: usize = 64;

/// What a source saw and did not hand over.
#[derive(Clone, Default)]
pub(crate) struct Leftovers {
    /// Files that are no images.
    pub others: u64,
    /// Images of formats that are not read, by suffix.
    pub unread: BTreeMap<&'static str, u64>,
    /// Suffixes of the others, at most [`SUFFIXES`] of them.
    pub suffixes: BTreeMap<String, u64>,
    /// Links of an archive, and where they lead in it.
    pub links: Vec<(String, Option<String>)>,
    /// Linked folders that lead back to a folder on the way to them.
    pub loops: u64,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

impl Leftovers {
    /// Counts a file that is not read.
    pub(crate) fn pass(&mut self, name: &str) {
        let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        match UNREAD.iter().find(|known| suffix.eq_ignore_ascii_case(known)) {
            Some(known) => *self.unread.entry(known).or_default() += 1,
            None => {
                self.others += 1;
                let is_plain =
                    (1..9).contains(&suffix.len()) && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
                let suffix = suffix.to_ascii_lowercase();
                if is_plain && (self.suffixes.len() < SUFFIXES || self.suffixes.contains_key(&suffix)) {
                    *self.suffixes.entry(suffix).or_default() += 1;
                }
            }
        }
    }

    /// The links that lead to a row, perhaps by other links, with its number; the others are counted.
    pub(crate) fn follow(&mut self, names: &Names) -> Vec<(String, usize)> {
        if self.links.is_empty() {
            return Vec::new();
        }
        let mut rows: HashMap<String, usize> =
            (0..names.len()).filter_map(|row| Some((normal(&names.get(row)?)?, row))).collect();
        let mut found = Vec::new();
        // As many links after another as systems follow.
        for _ in 0..40 {
            let before = found.len();
            self.links.retain(|(name, target)| {
                let row = target.as_ref().and_then(|target| rows.get(target)).copied();
                if let Some(row) = row {
                    rows.extend(normal(name).map(|name| (name, row)));
                    found.push((name.clone(), row));
                }
                row.is_none()
            });
            if found.len() == before {
                break;
            }
        }
        found
    }

    /// What to say of all that was left out.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.unread.is_empty() {
            notes.push(format!("{}: read are {IMAGES}", not_read(&self.unread)));
        }
        for (count, what) in [
            (self.others, "files that are no images left out"),
            (self.links.len() as u64, "links that lead to no image of the archive left out"),
            (self.loops, "links to folders that hold them left out"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_through_links_and_not_in_circles() {
        let mut names = Names::default();
        ["./a/x.png", "a/y.png"].iter().for_each(|name| names.push(name));
        let link = |name: &str, target: &str| (name.to_owned(), Some(target.to_owned()));
        let links = vec![
            link("far", "near"),
            link("near", "a/x.png"),
            link("c", "d"),
            link("d", "c"),
            ("out".into(), None),
        ];
        let mut leftovers = Leftovers { links, ..Leftovers::default() };
        assert_eq!(leftovers.follow(&names), [("near".to_owned(), 0), ("far".to_owned(), 0)]);
        assert_eq!(leftovers.describe(), ["3 links that lead to no image of the archive left out"]);
    }
}
