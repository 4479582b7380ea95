//! Reports on a terminal narrower than their lines: broken between words, and indented to the column that goes on.

use std::io::{self, IsTerminal, Write};

/// Narrower terminals are written to as if they had this many columns.
const LEAST: usize = 40;

/// Columns of standard output; none where it is not a terminal.
#[must_use]
pub fn terminal_columns() -> Option<usize> {
    let stdout = io::stdout();
    let (terminal_size::Width(columns), _) =
        stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout)).flatten()?;
    Some(usize::from(columns).max(LEAST))
}

/// A line as lines of at most so many columns, one for each character. Words longer than that stay whole.
///
/// What goes on is indented to where the last column of a table begins, which two blanks set apart, if that leaves half
/// of the width.
fn fold(line: &str, columns: usize) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    if characters.len() <= columns {
        return vec![line.to_owned()];
    }
    let is_start =
        |&at: &usize| characters[at] != ' ' && (at == 0 || characters[at - 1] == ' ') && at <= columns / 2;
    let after_gap = |&at: &usize| at == 0 || (at >= 2 && characters[at - 2] == ' ');
    let indent = (0..characters.len()).filter(is_start).rfind(after_gap).unwrap_or(0);
    let mut lines = Vec::new();
    let mut rest = &characters[..];
    let mut used = 0;
    while rest.len() + used > columns {
        let room = columns - used;
        // A first line keeps its indentation whole.
        let first = rest.iter().position(|&c| c != ' ').unwrap_or(0);
        let blank = |&at: &usize| rest[at] == ' ';
        let Some(end) = (first..=room.min(rest.len() - 1))
            .rev()
            .find(blank)
            .or_else(|| (room.max(first)..rest.len()).find(blank))
        else {
            break;
        };
        let part: String = rest[..end].iter().collect();
        lines.push(format!("{:used$}{}", "", part.trim_end()));
        let next = (end..rest.len()).find(|at| !blank(at)).unwrap_or(rest.len());
        rest = &rest[next..];
        used = indent;
    }
    if !rest.is_empty() {
        let part: String = rest.iter().collect();
        lines.push(format!("{:used$}{part}", ""));
    }
    lines
}

/// A writer that breaks long lines.
#[derive(Debug)]
pub struct Folded<W: Write> {
    inner: W,
    columns: Option<usize>,
    line: Vec<u8>,
}

impl<W: Write> Folded<W> {
    /// Writes to `inner` lines of at most so many columns, or whole ones.
    pub fn new(inner: W, columns: Option<usize>) -> Self {
        Self { inner, columns, line: Vec::new() }
    }

    fn line(&mut self, columns: usize) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        let (text, end) = text.strip_suffix('\n').map_or((&text[..], ""), |text| (text, "\n"));
        write!(self.inner, "{}{end}", fold(text, columns).join("\n"))
    }
}

impl<W: Write> Write for Folded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(columns) = self.columns else { return self.inner.write(bytes) };
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.line(columns)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(columns) = self.columns.filter(|_| !self.line.is_empty()) {
            self.line(columns)?;
        }
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str, columns: usize) -> String {
        let mut out = Folded::new(Vec::new(), Some(columns));
        // In parts, as reports are written.
        text.as_bytes().chunks(7).for_each(|part| out.write_all(part).unwrap());
        out.flush().unwrap();
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn what_goes_on_stands_under_its_column() {
        let line = "  epsilon   9.4e-7   the minimiser of the ratio\n";
        assert_eq!(folded(line, 80), line);
        assert_eq!(
            folded(line, 44),
            "  epsilon   9.4e-7   the minimiser of the\n                     ratio\n"
        );
        // At less than twice the indentation, the column before.
        assert_eq!(folded(line, 40), "  epsilon   9.4e-7   the minimiser of\n            the ratio\n");
        assert_eq!(
            folded("a note that is too long for it\nshort", 20),
            "a note that is too\nlong for it\nshort"
        );
    }

    #[test]
    fn long_words_stay_whole_and_nothing_is_lost() {
        let line =
            "checkpoint runs/a-rather-long-folder/checkpoints/step-00004800 and é日本 words that follow it";
        for columns in [10, 20, 40, 60] {
            let text = folded(line, columns);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&text), words(line), "{text}");
            let long = |line: &&str| line.chars().count() > columns;
            assert!(text.lines().filter(long).all(|line| !line.trim().contains(' ')), "{text}");
        }
    }

    #[test]
    fn files_and_pipes_get_whole_lines() {
        let line = "word ".repeat(100);
        let mut out = Folded::new(Vec::new(), None);
        out.write_all(line.as_bytes()).unwrap();
        assert_eq!(out.inner, line.as_bytes());
    }
}
