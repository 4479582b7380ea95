//! Folders of `save_to_disk`: a file `state.json` names the files of a data set in their order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Kind};
use crate::escape;
use crate::pipeline::Leftovers;

/// The file of a folder that says what it holds.
const STATE: &str = "state.json";
/// Longest such file.
const MAX_STATE: u64 = 16 << 20;

/// The files of each folder in the order of its state, those that it does not name left out; without a state, all as they
/// are.
///
/// # Errors
/// `Kind::Damaged` — a state that is none, names a file that is not there, or says that rows are chosen by indices
pub(crate) fn ordered(
    files: Vec<PathBuf>,
    leftovers: &mut Leftovers,
    root: &Path,
) -> Result<Vec<PathBuf>, Error> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        folders.entry(file.parent().unwrap_or(Path::new("")).into()).or_default().push(file);
    }
    let mut all = Vec::new();
    let mut unnamed = 0;
    for (folder, files) in folders {
        let Some(named) = state(&root.join(&folder).join(STATE))? else {
            all.extend(files);
            continue;
        };
        let named: Vec<PathBuf> = named.iter().map(|name| folder.join(name)).collect();
        if let Some(missing) = named.iter().find(|file| !files.contains(file)) {
            let path = root.join(&folder).join(STATE);
            let shown = escape::path(missing.file_name().map_or(Path::new(""), Path::new));
            return Err(refused(&path, &format!("names {shown}, which is not there")));
        }
        unnamed += files.len() - named.len();
        all.extend(named);
    }
    if unnamed > 0 {
        leftovers.notes.push(format!("{unnamed} Arrow files that {STATE} does not name left out"));
    }
    Ok(all)
}

/// The files that a state names; nothing without a state, or where it does not name files of its folder.
fn state(path: &Path) -> Result<Option<Vec<String>>, Error> {
    let reading = || Error::reading(path);
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(reading())?;
    file.take(MAX_STATE + 1).read_to_end(&mut bytes).map_err(reading())?;
    if bytes.len() as u64 > MAX_STATE {
        return Err(refused(path, &format!("is longer than {MAX_STATE} bytes")));
    }
    let state: Value = serde_json::from_slice(&bytes)
        .map_err(|error| refused(path, &format!("is no JSON: {}", escape::one_line(&error.to_string()))))?;
    if state.get("_indices_files").and_then(Value::as_array).is_some_and(|files| !files.is_empty()) {
        return Err(refused(
            path,
            "chooses rows by a file of indices, which is not read: flatten_indices() and save again",
        ));
    }
    let files = state.get("_data_files").and_then(Value::as_array);
    let name = |file: &Value| file.get("filename").and_then(Value::as_str).map(str::to_owned);
    let names: Option<Vec<String>> = files.and_then(|files| files.iter().map(name).collect());
    Ok(names.filter(|names| are_names(names)))
}

/// Whether texts are names of different files of one folder.
fn are_names(names: &[String]) -> bool {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    let is_name = |name: &String| Path::new(name).file_name() == Some(OsStr::new(name));
    !names.is_empty() && names.iter().all(is_name) && sorted.windows(2).all(|pair| pair[0] != pair[1])
}

fn refused(path: &Path, what: &str) -> Error {
    Error::new(Kind::Damaged, path, format!("{} {what}", escape::path(path)))
}
