//! The files of a folder that belong to the part asked for.

use std::path::PathBuf;

use crate::error::Error;
use crate::files::slashed;
use crate::options::Request;
use crate::split::{self, Part};

/// The files of the part wanted, told by words of their paths, and what to say of the others.
///
/// # Arguments
/// * `files` — paths relative to the folder, which stay so
/// * `what` — what such files are called in the note, in the plural
///
/// # Errors
/// `Kind::NoSplit`
pub(crate) fn of_part(
    files: Vec<PathBuf>,
    what: &str,
    request: &Request,
) -> Result<(Vec<PathBuf>, Option<String>), Error> {
    let (all, split) = (files.len(), request.options.split);
    let parts = files.into_iter().map(|file| (Part::of_path(&slashed(&file)), file)).collect();
    let files = split::choose(parts, split).ok_or_else(|| Error::no_split(request.path, split))?;
    let left_out = all - files.len();
    let note = (left_out > 0).then(|| format!("{left_out} {what} outside the {split} split left out"));
    Ok((files, note))
}
