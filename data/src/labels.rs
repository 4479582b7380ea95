//! Classes of the rows of a data set: a file of numbers beside them, what records say, or the folders of images.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind};
use crate::escape::one_line;
use crate::files::file_name;
use crate::folder::folders_in;
use crate::open::{DEPTH, open};
use crate::options::{Options, Progress};
use crate::rows::{Pixels, Rows};
use crate::set::DataSet;

/// Most classes that are told apart.
const MAX_CLASSES: usize = 1 << 16;
/// Names of arrays of labels, in the order in which they are looked for.
const ARRAYS: [&str; 6] = ["labels", "label", "y", "targets", "fine_label", "class"];

/// The class of each row, by its place among the names of all classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    classes: Vec<u32>,
    names: Vec<String>,
}

/// Where labels are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// A file that holds a label for each row, in any form in which a row can be one number; none to find them.
    pub file: Option<&'a Path>,
    /// Which array or column of that file.
    pub array: Option<&'a str>,
}

/// The labels of a data set: from a file that is named, else those of CIFAR's records, of MNIST's file beside the images, of an
/// array `labels`, `label`, `y`, `targets`, `fine_label` or `class` in the same file, else the folder of each image.
///
/// Classes of numbers are the numbers that occur, in their order; those of folders are their names as text is sorted, which is
/// torchvision's order. The folder of `train/cat/1.png` is `cat`.
///
/// # Arguments
/// * `set` — the data set, opened from `path`, with the option `classes`
///
/// # Errors
/// * `Kind::Value` — a label that is no whole number from 0 on, or more than 65,536 classes
/// * `Kind::Mixed` — more or fewer labels than rows, or a single class
/// * `Kind::Choose` — no labels; those of [`open`]
pub fn labels(path: &Path, set: &DataSet, source: Source, progress: &Progress) -> Result<Labels, Error> {
    let count = set.rows.len();
    let found = if let Some(file) = source.file {
        of_file(file, source.array, progress)?
    } else if let Some(classes) = &set.classes {
        Labels::of_numbers(path, classes.clone())?
    } else if let Some(found) = beside(path, set, progress)? {
        found
    } else {
        of_folders(path, set)?
    };
    let from = source.file.unwrap_or(path);
    if found.classes.len() != count {
        let text =
            format!("{} has {} labels for {count} rows", crate::escape::path(from), found.classes.len());
        return Err(Error::new(Kind::Mixed, from, text));
    }
    if let [only] = &found.names[..] {
        let text =
            format!("all {count} rows of {} are of one class, {}", crate::escape::path(from), one_line(only));
        return Err(Error::new(Kind::Mixed, from, text));
    }
    Ok(found)
}

/// One label a row.
fn of_file(file: &Path, array: Option<&str>, progress: &Progress) -> Result<Labels, Error> {
    let options = Options { array: array.map(str::to_owned), ..Options::default() };
    numbers(file, &open(file, &options, progress)?)
}

/// Labels in a file of MNIST's name beside the images, or in an array of the images' file.
fn beside(path: &Path, set: &DataSet, progress: &Progress) -> Result<Option<Labels>, Error> {
    let names = idx_names(set);
    let root = if path.is_dir() { Some(path) } else { path.parent() };
    if let Some(file) = root.filter(|_| !names.is_empty()).and_then(|root| below(root, &names, DEPTH)) {
        return of_file(&file, None, progress).map(Some);
    }
    if !path.is_file() {
        return Ok(None);
    }
    for name in ARRAYS {
        let options = Options { array: Some(name.to_owned()), ..Options::default() };
        match open(path, &options, progress) {
            Ok(found) if found.rows.dim() == 1 && found.rows.len() == set.rows.len() => {
                return numbers(path, &found).map(Some);
            }
            _ => {}
        }
    }
    Ok(None)
}

/// A file of one of these names in a folder or those below it.
fn below(folder: &Path, names: &[String], depth: usize) -> Option<PathBuf> {
    let here = names.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let folders = || folders_in(folder).unwrap_or_default();
    here.or_else(|| {
        (depth > 0).then(folders)?.into_iter().find_map(|folder| below(&folder, names, depth - 1))
    })
}

/// What MNIST's file of labels may be called, where the rows are of a file of images.
fn idx_names(set: &DataSet) -> Vec<String> {
    let name = set.names.get(0).unwrap_or_default();
    let file = file_name(Path::new(name.rsplit_once('#').map_or("", |(file, _)| file)));
    if !file.contains("images") || !file.contains("idx3") {
        return Vec::new();
    }
    let labels = file.replace("images", "labels").replace("idx3", "idx1");
    let plain = labels.strip_suffix(".gz").unwrap_or(&labels).to_owned();
    vec![format!("{plain}.gz"), plain]
}

/// Rows of one whole number each.
fn numbers(path: &Path, set: &DataSet) -> Result<Labels, Error> {
    if set.rows.dim() != 1 {
        let text =
            format!("rows of {} have {} entries, a label is one", crate::escape::path(path), set.rows.dim());
        return Err(Error::new(Kind::Mixed, path, text));
    }
    let mut classes = Vec::with_capacity(set.rows.len());
    let reading = || Error::reading(path);
    for row in 0..set.rows.len() {
        let value = match &set.rows {
            Pixels::Bytes(rows) => {
                let mut value = [0];
                rows.read(row, &mut value).map_err(reading())?;
                f64::from(value[0])
            }
            Pixels::Floats(rows) => {
                let mut value = [0.0_f64];
                rows.read(row, &mut value).map_err(reading())?;
                value[0]
            }
        };
        if value.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&value) {
            let text =
                format!("label {row} of {} is {value}, no whole number from 0 on", crate::escape::path(path));
            return Err(Error::new(Kind::Value, path, text));
        }
        classes.push(value as u32);
    }
    Labels::of_numbers(path, classes)
}

/// The folder of each row that is a file.
fn of_folders(path: &Path, set: &DataSet) -> Result<Labels, Error> {
    let mut folders = Vec::with_capacity(set.rows.len());
    let mut known = BTreeSet::new();
    for row in 0..set.rows.len() {
        let name = set.names.get(row).unwrap_or_default();
        let folder = name.rsplit_once('/').filter(|(_, file)| !file.contains('#')).map(|(above, _)| above);
        let folder = folder.map(|above| above.rsplit_once('/').map_or(above, |(_, last)| last));
        let Some(folder) = folder.filter(|folder| !matches!(*folder, "" | ".")) else {
            let text = format!(
                "{} has no labels: row {} lies in no folder that names a class, and no labels stand beside it",
                crate::escape::path(path),
                one_line(&name)
            );
            return Err(Error::new(Kind::Choose, path, text));
        };
        if !known.contains(folder) {
            known.insert(folder.to_owned());
        }
        folders.push(folder.to_owned());
    }
    let names: Vec<String> = known.into_iter().collect();
    let classes =
        folders.iter().map(|folder| names.binary_search(folder).unwrap_or_default() as u32).collect();
    Labels { classes, names }.few(path)
}

impl Labels {
    fn of_numbers(path: &Path, numbers: Vec<u32>) -> Result<Self, Error> {
        let known: Vec<u32> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let names = known.iter().map(u32::to_string).collect();
        let classes =
            numbers.iter().map(|number| known.binary_search(number).unwrap_or_default() as u32).collect();
        Self { classes, names }.few(path)
    }

    fn few(self, path: &Path) -> Result<Self, Error> {
        if self.names.len() <= MAX_CLASSES {
            return Ok(self);
        }
        let (path, count) = (crate::escape::path(path), self.names.len());
        let text = format!("{path} has {count} classes, at most {MAX_CLASSES} are told apart");
        Err(Error::new(Kind::Value, PathBuf::from(&*path), text))
    }

    /// Labels that are known.
    ///
    /// # Panics
    /// When a class is no place among the names.
    #[must_use]
    pub fn new(classes: Vec<u32>, names: Vec<String>) -> Self {
        assert!(classes.iter().all(|&class| (class as usize) < names.len()), "each class has a name");
        Self { classes, names }
    }

    /// The class of each row.
    #[must_use]
    pub fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// Names of the classes.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The same labels by their places among other names, those of the part that was trained on.
    ///
    /// # Arguments
    /// * `path` — for errors
    ///
    /// # Errors
    /// `Kind::Value` — a class that is not among the names.
    pub fn among(self, names: &[String], path: &Path) -> Result<Self, Error> {
        let place = |name: &String| {
            names.iter().position(|known| known == name).map(|place| place as u32).ok_or_else(|| {
                let (path, name) = (crate::escape::path(path), one_line(name));
                let text = format!("{path} has items of class {name}, which the training data have not");
                Error::new(Kind::Value, PathBuf::from(&*path), text)
            })
        };
        let places = self.names.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let classes = self.classes.into_iter().map(|class| places[class as usize]).collect();
        Ok(Self { classes, names: names.to_vec() })
    }

    /// SHA-256 of all classes in order, four little-endian bytes each, and of the names, a line each; in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        self.classes.iter().for_each(|class| hash.update(class.to_le_bytes()));
        self.names.iter().for_each(|name| hash.update(format!("{name}\n")));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
