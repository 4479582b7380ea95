//! The cells of a line.

/// What stands between two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Mark(char),
    /// One or several spaces or tabs.
    Space,
}

impl Separator {
    /// The separator of a line: the first of semicolon, comma and tab that it has.
    pub(super) fn of(line: &str) -> Self {
        [';', ',', '\t'].into_iter().find(|&mark| line.contains(mark)).map_or(Self::Space, Self::Mark)
    }

    /// The cells of a line without the spaces and quotes around them.
    pub(super) fn cells(self, line: &str) -> Cells<'_> {
        let rest = if self == Self::Space { line.trim_ascii_start() } else { line };
        Cells { separator: self, rest: Some(rest) }
    }
}

/// What is left of a line.
pub(super) struct Cells<'a> {
    separator: Separator,
    rest: Option<&'a str>,
}

impl<'a> Iterator for Cells<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.take()?;
        let Separator::Mark(mark) = self.separator else {
            let (cell, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
            let rest = rest.trim_ascii_start();
            self.rest = (!rest.is_empty()).then_some(rest);
            return Some(cell);
        };
        if let Some((cell, after)) = quoted(text.trim_start_matches(' '), mark) {
            self.rest = after;
            return Some(cell);
        }
        let (cell, after) = text.split_once(mark).map_or((text, None), |(cell, rest)| (cell, Some(rest)));
        self.rest = after;
        Some(cell.trim())
    }
}

/// A cell in quotes, and what follows its separator; quotes within it are doubled, and stay so.
fn quoted(text: &str, mark: char) -> Option<(&str, Option<&str>)> {
    let inside = text.strip_prefix('"')?;
    let mut from = 0;
    loop {
        let end = from + inside[from..].find('"')?;
        let after = &inside[end + 1..];
        if after.starts_with('"') {
            from = end + 2;
            continue;
        }
        let after = after.trim_start_matches(' ');
        let rest = after.strip_prefix(mark);
        return (rest.is_some() || after.is_empty()).then_some((&inside[..end], rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<&str> {
        Separator::of(line).cells(line).collect()
    }

    #[test]
    fn cells_are_what_stands_between_separators() {
        assert_eq!(cells("1, 2 ,3"), ["1", "2", "3"]);
        assert_eq!(cells("1;2,5;"), ["1", "2,5", ""]);
        assert_eq!(cells("a b\tc\t\td"), ["a b", "c", "", "d"]);
        assert_eq!(cells("  1   2 3 "), ["1", "2", "3"]);
        assert_eq!(cells("7"), ["7"]);
        assert_eq!(cells(",x"), ["", "x"]);
    }

    #[test]
    fn a_separator_in_quotes_is_part_of_its_cell() {
        assert_eq!(cells(r#""1", "a, ""b""" ,3"#), ["1", r#"a, ""b"""#, "3"]);
        // Quotes that do not close, or do not end the cell, are text.
        assert_eq!(cells(r#""1,2"#), [r#""1"#, "2"]);
        assert_eq!(cells(r#""1"x,2"#), [r#""1"x"#, "2"]);
    }
}
