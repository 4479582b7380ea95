//! Files of records that their published names tell apart: CIFAR's binary and pickled batches, ImageNet-32's and
//! ImageNet-64's, STL-10.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::escape::one_line;
use crate::files::{MAX_FILE, file_name};
use crate::formats::cifar::{self, Records};
use crate::formats::{pickles, stl10};
use crate::join::join;
use crate::options::Request;
use crate::picture::{Changes, Picture, Problem};
use crate::pipeline::{Content, Feed, Stopped};
use crate::set::DataSet;
use crate::split::{self, Part};

/// What a published name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    form: Form,
    /// None for STL-10's images without labels.
    pub part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Binary(Records),
    Pickled,
    Stl10,
}

/// The file that a path ends in, if it has a published name.
pub(crate) fn known(path: &str) -> Option<Known> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(records) = cifar::known(name) {
        return Some(Known { form: Form::Binary(records), part: Some(records.part()) });
    }
    let numbered = |before: &str| {
        let number = name.strip_prefix(before);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let pickled = |part| Some(Known { form: Form::Pickled, part: Some(part) });
    let stl10 = |part| Some(Known { form: Form::Stl10, part });
    match name {
        "train_X.bin" => stl10(Some(Part::Train)),
        "test_X.bin" => stl10(Some(Part::Test)),
        "unlabeled_X.bin" => stl10(None),
        "test_batch" => pickled(Part::Test),
        "val_data" => pickled(Part::Validation),
        _ if numbered("data_batch_") || numbered("train_data_batch_") => pickled(Part::Train),
        "train" if folder.ends_with("cifar-100-python") => pickled(Part::Train),
        "test" if folder.ends_with("cifar-100-python") => pickled(Part::Test),
        _ => None,
    }
}

/// The files of the part wanted in a folder, for training else its test file; nothing if it has no such files at all.
///
/// # Errors
/// `Kind::Unreadable`; `Kind::NoSplit` — training files only.
pub(crate) fn files_of(request: &Request) -> Result<Option<Vec<(Known, PathBuf)>>, Error> {
    let Request { path: folder, options, .. } = *request;
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let inside = file_name(&fs::canonicalize(folder).map_err(Error::reading(folder))?);
    let mut found = Vec::new();
    for entry in entries.map_err(Error::reading(folder))? {
        let path = entry.path();
        let known = entry.file_name().to_str().and_then(|name| known(&format!("{inside}/{name}")));
        if let Some(known) = known.filter(|_| path.is_file()) {
            found.push((known.part, (known, path)));
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    let files = split::choose(found, options.split).ok_or_else(|| Error::no_split(folder, options.split))?;
    let mut files: Vec<(Known, PathBuf)> = files;
    // data_batch_10 after data_batch_9
    files.sort_by_key(|(_, path)| (path.as_os_str().len(), path.clone()));
    Ok(Some(files))
}

/// Records of files that stay where they are, as far as their form allows.
///
/// # Errors
/// Those of each form's reader; `Kind::Mixed` — files of different shapes.
pub(crate) fn open(files: &[(Known, PathBuf)], request: &Request) -> Result<DataSet, Error> {
    let paths = |form: fn(Form) -> bool| -> Vec<PathBuf> {
        files.iter().filter(|(known, _)| form(known.form)).map(|(_, path)| path.clone()).collect()
    };
    let (binary, stl10) = (paths(|form| matches!(form, Form::Binary(_))), paths(|form| form == Form::Stl10));
    if binary.len() == files.len() {
        return cifar::open(&binary, request);
    }
    if stl10.len() == files.len() {
        return stl10::open(&stl10, request);
    }
    let sets = files.iter().map(|(_, path)| {
        let file = File::open(path).map_err(Error::reading(path))?;
        Ok((file_name(path), pickles::open(file, &Request { path, ..*request })?))
    });
    let joined = join(sets.collect::<Result<Vec<_>, Error>>()?)?;
    let mut data = joined.ok_or_else(|| Error::no_rows(request.path))?;
    let names: Vec<String> = files.iter().map(|(_, path)| file_name(path)).collect();
    data.notes.insert(0, format!("batches {}", one_line(&names.join(", "))));
    Ok(data)
}

/// The records of one file: CIFAR's, unless its name says otherwise.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_file(path: &Path, request: &Request) -> Result<DataSet, Error> {
    match known(&file_name(path)) {
        Some(known) => open(&[(known, path.to_owned())], request),
        None => cifar::open(&[path.to_owned()], request),
    }
}

/// Hands over the records of a stream.
///
/// # Errors
/// As [`open`].
pub(crate) fn feed(
    mut input: impl Read,
    known: Known,
    name: &str,
    feed: &mut Feed,
    request: &Request,
) -> Result<Result<(), Stopped>, Error> {
    let path = &request.path.join(name);
    match known.form {
        Form::Binary(records) => cifar::feed(input, records, name, path, feed),
        Form::Stl10 => stl10::feed(input, name, path, feed),
        Form::Pickled => {
            let mut bytes = Vec::new();
            input.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(Error::unpacking(path))?;
            if bytes.len() as u64 > MAX_FILE {
                let problem = Problem::TooLong { bytes: bytes.len() as u64, limit: MAX_FILE };
                return Err(Error::item(name, problem));
            }
            let pickles::Batch { shape: [channels, height, width], rows, classes } =
                pickles::batch(Cursor::new(bytes), &Request { path, ..*request })?;
            let class = |index: usize| classes.as_ref().and_then(|classes| classes.get(index)).copied();
            let pictures = rows.chunks_exact(channels * height * width).map(|pixels| Picture {
                channels,
                height,
                width,
                pixels: pixels.to_vec(),
                changes: Changes::default(),
            });
            Ok(pictures.enumerate().try_for_each(|(index, picture)| {
                feed.push_of_class(format!("{name}#{index}"), Content::Decoded(picture), class(index))
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_names_are_known_and_others_are_not() {
        let part = |path| known(path).map(|known| known.part);
        for (path, expected) in [
            ("cifar-10-batches-py/data_batch_3", Some(Part::Train)),
            ("cifar-10-batches-py/test_batch", Some(Part::Test)),
            ("cifar-100-python/train", Some(Part::Train)),
            ("Imagenet32_train/train_data_batch_10", Some(Part::Train)),
            ("Imagenet32_val/val_data", Some(Part::Validation)),
            ("cifar-10-batches-bin/data_batch_1.bin", Some(Part::Train)),
            ("stl10_binary/test_X.bin", Some(Part::Test)),
            ("stl10_binary/unlabeled_X.bin", None),
        ] {
            assert_eq!(part(path), Some(expected), "{path}");
        }
        for path in
            ["train", "images/train", "data_batch_", "data_batch_1.npz", "batches.meta", "train_y.bin"]
        {
            assert_eq!(part(path), None, "{path}");
        }
    }
}
