//! The tree of pages, walked from its root; every number is checked against the file before it is used.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::Error;
use crate::files::{HEAD, MAX_FILE};
use crate::picture::Problem;

const MAGIC: [u8; 4] = 0xbeef_c0de_u32.to_le_bytes();
/// Bytes before the content of a page.
const HEADER: usize = 16;
/// Bytes of the first page up to the end of what it says.
const META: usize = 152;
/// Largest depth of a tree, liblmdb's own limit.
const MAX_DEPTH: u64 = 32;

const BRANCH: u64 = 0x01;
const LEAF: u64 = 0x02;
const OVERFLOW: u64 = 0x04;
/// All flags that tell kinds of pages apart.
const KINDS: u64 = 0x6f;
/// The value of a node lies on overflow pages.
const BIG: u64 = 0x01;
/// A node that is a database in the database.
pub(super) const NAMED: u64 = 0x02;
/// Flags of a tree: keys compared from their ends, several values to a key, keys that are integers.
pub(super) const REVERSE_KEY: u64 = 0x02;
const SEVERAL_VALUES: u64 = 0x04;
pub(super) const INTEGER_KEY: u64 = 0x08;

/// Whether a file begins like a database.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.get(HEADER..HEADER + 4) == Some(&MAGIC)
}

/// The main tree of a database.
pub(super) struct Tree<'a, R> {
    input: R,
    path: &'a Path,
    /// Bytes of the file.
    length: u64,
    page_size: usize,
    last_page: u64,
    pub(super) flags: u64,
    depth: usize,
    pub(super) entries: u64,
    root: u64,
    /// Pages that may yet be read: no more than the file has, or some would be read twice.
    unread: u64,
}

/// A page on the way from the root to a leaf, and the node to go on with.
pub(super) struct Position {
    pub(super) page: Page,
    next: usize,
}

pub(super) struct Page {
    number: u64,
    bytes: Vec<u8>,
}

pub(super) struct Node<'p> {
    /// Size of the value, or the lower 32 bits of the child.
    low: u64,
    /// Flags, or the upper 16 bits of the child.
    pub(super) high: u64,
    pub(super) key: &'p [u8],
    /// Everything from the value to the end of the page.
    rest: &'p [u8],
}

impl Page {
    fn len(&self) -> usize {
        (int(&self.bytes, 12, 2) as usize).saturating_sub(HEADER) / 2
    }

    fn node(&self, index: usize) -> Option<Node<'_>> {
        let start = int(&self.bytes, HEADER + 2 * index, 2) as usize;
        let (head, rest) = self.bytes.get(start..)?.split_at_checked(8)?;
        let (key, rest) = rest.split_at_checked(int(head, 6, 2) as usize)?;
        Some(Node { low: int(head, 0, 4), high: int(head, 4, 2), key, rest })
    }

    /// Number of leading nodes, from `first` on, whose keys satisfy a condition.
    fn leading(&self, first: usize, condition: impl Fn(&[u8]) -> bool) -> usize {
        (first..self.len()).take_while(|&i| self.node(i).is_some_and(|node| condition(node.key))).count()
    }
}

impl<'a, R: Read + Seek> Tree<'a, R> {
    pub(super) fn open(mut input: R, path: &'a Path) -> Result<Self, Error> {
        let length = input.seek(SeekFrom::End(0)).map_err(Error::reading(path))?;
        let mut tree = Self {
            input,
            path,
            length,
            page_size: META,
            last_page: 0,
            flags: 0,
            depth: 0,
            entries: 0,
            root: 0,
            unread: 0,
        };
        let first = tree.meta(0)?;
        let page_size = int(&first, 40, 4);
        if !page_size.is_power_of_two() || !(256..=32_768).contains(&page_size) {
            return Err(tree.refused(40, "LMDB page size", page_size, "a power of two, 256 to 32768"));
        }
        tree.page_size = page_size as usize;
        let second = tree.meta(1)?;
        let (number, meta) =
            if int(&second, 144, 8) > int(&first, 144, 8) { (1, second) } else { (0, first) };
        let at = number * page_size;
        [tree.flags, tree.entries, tree.root, tree.last_page] =
            [(92, 2), (120, 8), (128, 8), (136, 8)].map(|(at, width)| int(&meta, at, width));
        if tree.flags & SEVERAL_VALUES != 0 {
            return Err(tree.refused(
                at + 92,
                "LMDB tree's flags",
                tree.flags,
                "no 0x4 (several values to a key)",
            ));
        }
        if tree.entries == 0 {
            return Err(Error::no_rows(path));
        }
        let depth = int(&meta, 94, 2);
        if !(1..=MAX_DEPTH).contains(&depth) {
            return Err(tree.refused(at + 94, "LMDB tree's depth", depth, format!("1 to {MAX_DEPTH}")));
        }
        tree.depth = depth as usize;
        // The pages of the main tree and the two meta pages lie all in the file, or it has been cut short.
        let pages = [96, 104, 112].into_iter().try_fold(2_u64, |n, at| n.checked_add(int(&meta, at, 8)));
        let expected = pages.unwrap_or(u64::MAX).saturating_mul(page_size);
        if expected > length {
            return Err(Error::short(path, expected, length));
        }
        Ok(tree)
    }

    /// The beginning of a meta page.
    fn meta(&mut self, number: u64) -> Result<Vec<u8>, Error> {
        let at = number * self.page_size as u64;
        let meta = self.bytes(at, META as u64)?;
        let known = |from: usize, expected: &[u8]| meta[from..].starts_with(expected);
        if !is_header(&meta) {
            let allowed = format!("{:#x} (on a 64-bit little-endian machine)", int(&MAGIC, 0, 4));
            return Err(self.refused(at + 16, "LMDB magic", format!("{:#x}", int(&meta, 16, 4)), allowed));
        }
        if !known(20, &[1, 0, 0, 0]) {
            return Err(self.refused(at + 20, "LMDB version", int(&meta, 20, 4), "1"));
        }
        Ok(meta)
    }

    /// Bytes of the file, whose end is checked before memory is claimed.
    fn bytes(&mut self, at: u64, count: u64) -> Result<Vec<u8>, Error> {
        let expected = at.saturating_add(count);
        if expected > self.length {
            return Err(Error::short(self.path, expected, self.length));
        }
        let mut bytes = vec![0; count as usize];
        self.input.seek(SeekFrom::Start(at)).map_err(Error::reading(self.path))?;
        self.input.read_exact(&mut bytes).map_err(Error::reading(self.path))?;
        Ok(bytes)
    }

    /// The header of a page that the one at byte `from` refers to, with the `count` bytes after it.
    fn page_start(&mut self, number: u64, from: u64, kind: u64, count: u64) -> Result<Vec<u8>, Error> {
        if !(2..=self.last_page).contains(&number) {
            let allowed = format!("2 to {}", self.last_page);
            return Err(self.refused(from, "number of an LMDB page", number, allowed));
        }
        let at = number.saturating_mul(self.page_size as u64);
        let bytes = self.bytes(at, HEADER as u64 + count)?;
        if int(&bytes, 0, 8) != number {
            return Err(self.refused(at, "number of an LMDB page", int(&bytes, 0, 8), number.to_string()));
        }
        if int(&bytes, 10, 2) & KINDS != kind {
            let allowed = format!("{kind:#x}");
            return Err(self.refused(
                at + 10,
                "kind of an LMDB page",
                format!("{:#x}", int(&bytes, 10, 2)),
                allowed,
            ));
        }
        Ok(bytes)
    }

    /// Counts pages as read.
    fn spend(&mut self, pages: u64, at: u64) -> Result<(), Error> {
        let Some(left) = self.unread.checked_sub(pages) else {
            let field = "number of LMDB pages read, of which none is reached twice,";
            let found = format!("{} and more", self.length / self.page_size as u64);
            return Err(self.refused(at, field, found, "those of the file"));
        };
        self.unread = left;
        Ok(())
    }

    /// A branch or leaf page that the one at byte `from` refers to.
    fn page(&mut self, number: u64, from: u64, level: usize) -> Result<Page, Error> {
        let kind = if level < self.depth { BRANCH } else { LEAF };
        let size = self.page_size;
        let bytes = self.page_start(number, from, kind, (size - HEADER) as u64)?;
        let at = number * size as u64;
        self.spend(1, at)?;
        let [lower, upper] = [12, 14].map(|at| int(&bytes, at, 2));
        if lower < HEADER as u64 || !lower.is_multiple_of(2) || upper < lower || upper > size as u64 {
            let found = format!("{lower} to {upper}");
            return Err(self.refused(
                at + 12,
                "free room of an LMDB page",
                found,
                format!("within 16 to {size}"),
            ));
        }
        Ok(Page { number, bytes })
    }

    pub(super) fn node<'p>(&self, page: &'p Page, index: usize) -> Result<Node<'p>, Error> {
        page.node(index).ok_or_else(|| {
            let at = page.number * self.page_size as u64 + (HEADER + 2 * index) as u64;
            let found = int(&page.bytes, HEADER + 2 * index, 2);
            self.refused(at, "LMDB node's place", found, format!("a node that ends by {}", self.page_size))
        })
    }

    /// The page below a node of a branch.
    fn child(&mut self, page: &Page, index: usize, level: usize) -> Result<Page, Error> {
        let node = self.node(page, index)?;
        self.page(node.low | node.high << 32, page.number * self.page_size as u64, level)
    }

    /// The way to the first node whose key is not below `key`, by the order of bytes.
    pub(super) fn seek(&mut self, key: &[u8]) -> Result<Vec<Position>, Error> {
        self.unread = self.length / self.page_size as u64;
        let mut path = Vec::with_capacity(self.depth);
        let mut page = self.page(self.root, 0, 1)?;
        for level in 2..=self.depth {
            // The first key of a branch is empty and stands for anything smaller.
            let index = page.leading(1, |of_node| of_node <= key);
            let child = self.child(&page, index, level)?;
            path.push(Position { page, next: index + 1 });
            page = child;
        }
        let next = page.leading(0, |of_node| of_node < key);
        path.push(Position { page, next });
        Ok(path)
    }

    /// Index of the next node in the leaf at the end of the path, which moves on to it.
    pub(super) fn advance(&mut self, path: &mut Vec<Position>) -> Result<Option<usize>, Error> {
        loop {
            let level = path.len();
            let Some(Position { page, next }) = path.last_mut() else { return Ok(None) };
            let index = *next;
            if index >= page.len() {
                path.pop();
                continue;
            }
            *next += 1;
            if level == self.depth {
                return Ok(Some(index));
            }
            let child = self.child(page, index, level + 1)?;
            path.push(Position { page: child, next: 0 });
        }
    }

    /// The value of a node, if it begins as wanted.
    pub(super) fn value(
        &mut self,
        page: &Page,
        node: &Node,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, Error> {
        let size = node.low;
        let at = page.number * self.page_size as u64;
        let short = |tree: &Self, found: usize| {
            let allowed =
                format!("at least {} for a value of {size}", if node.high & BIG == 0 { size } else { 8 });
            tree.refused(at, "room for the value of an LMDB node", found as u64, allowed)
        };
        if node.high & BIG == 0 {
            let value = node.rest.get(..size as usize).ok_or_else(|| short(self, node.rest.len()))?;
            return Ok(wanted(&value[..value.len().min(HEAD)]).then(|| value.to_vec()));
        }
        if node.rest.len() < 8 {
            return Err(short(self, node.rest.len()));
        }
        let first = int(node.rest, 0, 8);
        let head = self.page_start(first, at, OVERFLOW, size.min(HEAD as u64))?;
        let at = first * self.page_size as u64;
        let pages = int(&head, 12, 4);
        if pages * (self.page_size as u64) < HEADER as u64 + size {
            let allowed = format!("enough for {size} bytes");
            return Err(self.refused(at + 12, "number of LMDB overflow pages", pages, allowed));
        }
        self.spend(pages, at)?;
        if !wanted(&head[HEADER..]) {
            return Ok(None);
        }
        if size > MAX_FILE {
            let problem = Problem::TooLong { bytes: size, limit: MAX_FILE };
            return Err(Error::item(&text(node.key), problem));
        }
        self.bytes(at + HEADER as u64, size).map(Some)
    }

    pub(super) fn refused(
        &self,
        at: u64,
        field: &'static str,
        found: impl ToString,
        allowed: impl Into<String>,
    ) -> Error {
        Error::field(self.path, at, field, found.to_string(), allowed.into())
    }
}

/// A key as the name of a row: in hexadecimal where it is no text.
pub(super) fn text(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => key.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// A little-endian number; what would lie beyond the end counts as zero.
fn int(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes.iter().skip(at).take(width).rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
