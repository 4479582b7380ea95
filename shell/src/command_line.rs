//! The command line of this process, as it can be given again.

/// The program's name and its arguments as a shell takes them, each on its own quoted where it needs it.
#[must_use]
pub fn command_line() -> String {
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let program = arguments.next().unwrap_or_default();
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let words: Vec<String> = std::iter::once(name).chain(arguments).map(|word| quoted(&word)).collect();
    words.join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "_./:=,@%+-".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        let words = ["--dim", "a b", "it's", "", "$HOME", "bilder/größe.png", "shard-{0..2}.tar"];
        let expected =
            ["--dim", "'a b'", "'it'\\''s'", "''", "'$HOME'", "bilder/größe.png", "'shard-{0..2}.tar'"];
        assert_eq!(words.map(quoted), expected);
    }
}
