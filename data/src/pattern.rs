//! Several paths in one, as shells write them: `shards/{000..012}.tar`, `{first,second}`.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// Most paths that a pattern may stand for.
const MOST: usize = 100_000;

/// The paths that a pattern stands for; a path without braces, or one that exists, is itself.
///
/// # Errors
/// `Kind::Option` — braces that hold neither a comma nor a range, or more paths than can be opened.
pub(crate) fn expand(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let text = match path.to_str() {
        Some(text) if text.contains('{') && !path.exists() => text,
        _ => return Ok(vec![path.to_owned()]),
    };
    let mut paths = vec![String::new()];
    let mut rest = text;
    while let Some((before, inside, after)) = group(rest) {
        let choices = choices(inside).filter(|choices| choices.len() <= MOST / paths.len().max(1));
        let choices = choices.ok_or_else(|| {
            let allowed = format!("{{a,b}} or {{000..123}}, {MOST} paths at most");
            Error::option("the pattern of paths", crate::escape::one_line(text), &allowed)
        })?;
        paths = paths
            .iter()
            .flat_map(|start| choices.iter().map(move |choice| format!("{start}{before}{choice}")))
            .collect();
        rest = after;
    }
    Ok(paths.into_iter().map(|start| format!("{start}{rest}").into()).collect())
}

/// One path that stands for several.
///
/// # Errors
/// `Kind::Option` — a path that holds a brace or a comma, which the pattern could not tell from its own.
pub fn pattern_of(paths: &[PathBuf]) -> Result<PathBuf, Error> {
    if let [path] = paths {
        return Ok(path.clone());
    }
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        let text = path.to_str().filter(|text| !text.contains(['{', '}', ',']));
        texts.push(text.ok_or_else(|| {
            Error::option("one of several paths", crate::escape::path(path), "text without braces and commas")
        })?);
    }
    Ok(format!("{{{}}}", texts.join(",")).into())
}

/// What stands before, inside and after the first pair of braces.
fn group(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    Some((before, inside, after))
}

/// The texts of a list with commas, or the numbers of a range, as wide as its first.
fn choices(inside: &str) -> Option<Vec<String>> {
    if inside.contains(',') {
        return Some(inside.split(',').map(str::to_owned).collect());
    }
    let (first, last) = inside.split_once("..")?;
    let width = first.len();
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    let count = last.checked_sub(first)?.checked_add(1)?;
    (count <= MOST as u64).then(|| (first..=last).map(|number| format!("{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(pattern: &str) -> Vec<String> {
        expand(Path::new(pattern)).unwrap().iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn ranges_and_lists_expand_as_in_shells() {
        assert_eq!(expanded("a/{008..010}.tar"), ["a/008.tar", "a/009.tar", "a/010.tar"]);
        assert_eq!(expanded("{a,b}/{1..2}"), ["a/1", "a/2", "b/1", "b/2"]);
        assert_eq!(expanded("plain"), ["plain"]);
        for bad in ["{}", "{a}", "{2..1}", "{1..x}", "{0..100000}", "{0..999}{0..999}"] {
            assert!(expand(Path::new(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn several_paths_become_one_pattern_and_come_back() {
        let paths = ["x/a.npy", "b"].map(PathBuf::from);
        let pattern = pattern_of(&paths).unwrap();
        assert_eq!(expand(&pattern).unwrap(), paths);
        assert!(pattern_of(&["a,b", "c"].map(PathBuf::from)).is_err());
        assert_eq!(pattern_of(&["a,b".into()]).unwrap(), Path::new("a,b"));
    }
}
