//! Transcripts in Markdown, and whether a program prints, or could print, what stands in them.

/// A command and what it printed, from a block marked `text`.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The command line after `$ `.
    pub command: String,
    /// The lines below it; `…` stands for any number of lines.
    pub lines: Vec<String>,
}

/// The transcripts of a Markdown file: blocks marked `text`, which may hold several commands.
pub fn transcripts(markdown: &str) -> Vec<Transcript> {
    let mut found: Vec<Transcript> = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = line == "```text";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            found.push(Transcript { command: command.to_owned(), lines: Vec::new() });
        } else if let (true, Some(last)) = (inside, found.last_mut()) {
            last.lines.push(line.to_owned());
        }
    }
    found
}

impl Transcript {
    /// Whether the program printed this, times apart.
    pub fn matches(&self, printed: &str) -> bool {
        let expected: Vec<String> = self.lines.iter().map(|line| without_times(line)).collect();
        let printed: Vec<String> = printed.lines().map(without_times).collect();
        lines_match(&expected, &printed)
    }
}

fn lines_match(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((first, rest)) => {
            printed.split_first().is_some_and(|(line, others)| line == first && lines_match(rest, others))
        }
    }
}

/// Numbers in front of ` s ` are seconds.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_time = |at: usize| words[at].parse::<f64>().is_ok() && words.get(at + 1) == Some(&"s");
    (0..words.len()).map(|at| if is_time(at) { "TIME" } else { words[at] }).collect::<Vec<_>>().join(" ")
}

/// The string literals of a Rust source, with their escapes resolved.
pub fn templates(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('"') {
        // '"' is a character.
        let is_character = rest[..start].ends_with('\'') && rest[start + 1..].starts_with('\'');
        rest = &rest[start + 1..];
        if is_character {
            continue;
        }
        let mut text = String::new();
        let mut characters = rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    rest = &rest[at + 1..];
                    break;
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    // A line that goes on swallows its indentation.
                    Some((_, '\n')) => {
                        let ahead = characters.as_str();
                        let skipped = ahead.len() - ahead.trim_start().len();
                        for _ in ahead[..skipped].chars() {
                            characters.next();
                        }
                    }
                    Some((_, escaped)) => text.push(escaped),
                    None => {}
                },
                c => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

/// Whether some template prints this line. What stands for a placeholder and has blanks must itself be printable.
pub fn printable(line: &str, templates: &[String]) -> bool {
    templates.iter().any(|template| {
        // A template of nothing but placeholders would print anything.
        let pieces = pieces(template);
        let literal: usize = pieces.iter().map(|(literal, _)| literal.trim().len()).sum();
        literal >= 3 && fills(line, &pieces, templates)
    })
}

/// A template as literals, each followed by the format of a placeholder, but the last.
fn pieces(template: &str) -> Vec<(String, Option<&str>)> {
    let mut found = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(escaped) = after.strip_prefix(brace) {
            literal.push_str(brace);
            rest = escaped;
        } else if let Some((inside, after)) = after.split_once('}').filter(|_| brace == "{") {
            let format = inside.split_once(':').map_or("", |(_, format)| format);
            found.push((std::mem::take(&mut literal), Some(format)));
            rest = after;
        } else {
            rest = after;
        }
    }
    literal.push_str(rest);
    found.push((literal, None));
    found
}

fn fills(line: &str, pieces: &[(String, Option<&str>)], templates: &[String]) -> bool {
    let Some(((literal, format), others)) = pieces.split_first() else { return line.is_empty() };
    let Some(rest) = line.strip_prefix(literal.as_str()) else { return false };
    let Some(format) = format else { return rest.is_empty() };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().any(|end| {
        fits(&rest[..end], format)
            && fills(&rest[end..], others, templates)
            && is_value(&rest[..end], templates)
    })
}

/// Whether a value has as many decimals as its format asks for, or an exponent.
fn fits(value: &str, format: &str) -> bool {
    let format = format.trim_start_matches(|c: char| c != '.');
    let Some(digits) = format.strip_prefix('.') else { return true };
    let (digits, is_scientific) = digits.strip_suffix('e').map_or((digits, false), |digits| (digits, true));
    let Ok(digits) = digits.parse::<usize>() else { return true };
    let mantissa = value.split('e').next().unwrap_or(value);
    value.parse::<f64>().is_ok()
        && value.contains('e') == is_scientific
        && mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len()) == digits
}

/// One or two words, a list of names, a shape such as 3 x 32 x 32, or something printed by another template.
fn is_value(value: &str, templates: &[String]) -> bool {
    let is_name = |text: &str| text.split(' ').count() <= 2;
    let is_shape = |text: &str| text.split(" x ").all(|side| side.parse::<u64>().is_ok());
    value.split(", ").all(is_name) || is_shape(value) || printable(value, templates)
}
