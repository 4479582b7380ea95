//! Foreign text on its way to a person: names of files, members of archives, keys and messages may hold anything, and a
//! terminal obeys what it is sent.
//!
//! One form for all: `\n`, `\r`, `\t`, and `\u` with four digits, as strings in JSON and TOML have them, so that JSON
//! whose text passed through here still holds the exact names. A backslash stays as it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

/// A foreign text as part of a line: without line breaks, terminal controls and marks that reorder what is shown.
///
/// # Example
/// ```
/// assert_eq!(ncsn_data::escape::one_line("a\u{1b}[2Jb\n.png"), "a\\u001b[2Jb\\n.png");
/// ```
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, &[])
}

/// A path as part of a line.
#[must_use]
pub fn path(path: &Path) -> String {
    one_line(&path.to_string_lossy()).into_owned()
}

/// A report whose line breaks and tabs are its own.
#[must_use]
pub fn report(text: &str) -> Cow<'_, str> {
    escaped(text, &['\n', '\t'])
}

fn escaped<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    let acts = |c: char| acts_on_terminals(c) && !kept.contains(&c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !acts(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            // Writing to a string cannot fail; all of these have four digits.
            c => drop(write!(shown, "\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and the marks of Unicode's bidirectional algorithm.
fn acts_on_terminals(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A writer of reports, whatever foreign text they hold.
#[derive(Debug)]
pub struct Escaped<W> {
    inner: W,
    /// The beginning of a character whose rest has not come yet.
    begun: Vec<u8>,
}

impl<W> Escaped<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, begun: Vec::new() }
    }
}

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut whole = std::mem::take(&mut self.begun);
        whole.extend_from_slice(bytes);
        let mut rest = &whole[..];
        loop {
            let (valid, invalid) = match std::str::from_utf8(rest) {
                Ok(text) => (text, None),
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    (std::str::from_utf8(valid).unwrap_or_default(), Some((after, error.error_len())))
                }
            };
            self.inner.write_all(report(valid).as_bytes())?;
            match invalid {
                None => return Ok(bytes.len()),
                Some((after, None)) => {
                    self.begun = after.to_vec();
                    return Ok(bytes.len());
                }
                Some((after, Some(length))) => {
                    self.inner.write_all("\u{fffd}".as_bytes())?;
                    rest = &after[length..];
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind: ESC, BEL, CR, DEL, C1's CSI, a bidi override and isolate, line separator, new line.
    const FOREIGN: &str = "a\u{1b}[2J\u{7}\r\u{7f}\u{9b}1m\u{202e}\u{2066}\u{2028}\né日本.png";
    const SHOWN: &str = "a\\u001b[2J\\u0007\\r\\u007f\\u009b1m\\u202e\\u2066\\u2028\\né日本.png";

    #[test]
    fn every_character_that_acts_is_shown_instead() {
        assert_eq!(one_line(FOREIGN), SHOWN);
        assert_eq!(report(FOREIGN), SHOWN.replace("\\né", "\né"));
        assert!(matches!(one_line("é日本 \\ .png"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_keeps_its_strings_exactly() {
        let text = serde_json::to_string(FOREIGN).unwrap();
        assert_eq!(serde_json::from_str::<String>(&report(&text)).unwrap(), FOREIGN);
        assert_eq!(
            toml::from_str::<toml::Table>(&format!("name = {}", report(&text))).unwrap()["name"].as_str(),
            Some(FOREIGN)
        );
    }

    #[test]
    fn a_writer_joins_characters_that_come_in_parts() {
        for length in 1..6 {
            let mut out = Escaped::new(Vec::new());
            FOREIGN.as_bytes().chunks(length).for_each(|part| out.write_all(part).unwrap());
            assert_eq!(String::from_utf8(out.inner).unwrap(), report(FOREIGN));
        }
        let mut out = Escaped::new(Vec::new());
        out.write_all(b"a\xffb").unwrap();
        assert_eq!(out.inner, "a\u{fffd}b".as_bytes());
    }
}
