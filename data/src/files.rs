//! Files by name: which promise images, which are hidden, what a path is called.

use std::path::Path;

/// Largest encoded image.
pub(crate) const MAX_FILE: u64 = 512 << 20;
/// First bytes that tell an image from another file.
pub(crate) const HEAD: usize = 12;

/// Whether a name ends in a dot and one of these.
pub(crate) fn has_suffix(name: &str, suffixes: &[&str]) -> bool {
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    suffixes.iter().any(|known| suffix.eq_ignore_ascii_case(known))
}

/// Whether a name, or a folder on the way to it, begins with a dot.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') && !matches!(part, "." | ".."))
}

/// Name of a file with `/` between folders on every system.
pub(crate) fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Whether a name promises a tar archive, compressed or not.
pub(crate) fn is_tar(name: &str) -> bool {
    let whole = name.to_ascii_lowercase();
    [".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"]
        .iter()
        .any(|suffix| whole.ends_with(suffix))
}

/// Name of the file at the end of a path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A path without `.` and `..`; nothing if it leads out of the archive.
pub(crate) fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
