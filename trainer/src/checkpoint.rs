//! Checkpoints: a folder of tensors and one JSON file, which is there whole or not at all.
//!
//! ```text
//! RUN/checkpoints/step-00005000/tensors.safetensors   model.* ema.* adam.exp_avg.* adam.exp_avg_sq.* …, sigmas
//!                               checkpoint.json       step, configuration, versions; digests of both files
//! ```
//! Everything random about a step, and the order of the data, are functions of the seed and the step, so that the two
//! numbers are the whole state of all generators.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::{Config, Table};
use crate::model::Parameters;
use crate::tensor_file::TensorFile;

/// Value of `schema` in `checkpoint.json`.
pub const SCHEMA: &str = "ncsn.checkpoint/2";
/// Checkpoints of version 0.1.0's first weeks: without a digest of the JSON file, and with wrong moments from the CPU.
pub(crate) const FIRST_SCHEMA: &str = "ncsn.checkpoint/1";
/// Name of the folder of checkpoints in a run's folder.
pub const CHECKPOINTS: &str = "checkpoints";
/// Name of the file of tensors.
pub const TENSORS: &str = "tensors.safetensors";
/// Name of the file that describes them.
pub const MANIFEST: &str = "checkpoint.json";
/// How the name of a folder begins that is being written.
const UNFINISHED: &str = ".unfinished-";
/// How the name of a folder begins that is being removed.
const REMOVED: &str = ".removed-";

/// `checkpoint.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest<C = Config> {
    /// [`SCHEMA`].
    pub schema: String,
    /// Program that wrote the checkpoint.
    pub program: String,
    /// Steps done; with the seed in `config`, the state of every generator and of the data order.
    pub step: u64,
    /// Steps of the optimiser, which is fewer for a run that was imported without all of its past.
    pub optimizer_steps: u64,
    /// Training loss, smoothed; absent before the first step.
    pub smoothed_loss: Option<f64>,
    /// SHA-256 of the file of tensors.
    pub tensors_sha256: String,
    /// Parameters in the order of the authors' state dicts.
    pub names: Vec<String>,
    /// The resolved configuration, schedule included.
    pub config: C,
    /// SHA-256 of this file's other content, which holds that of the tensors; empty in checkpoints of the first schema.
    #[serde(default)]
    pub sha256: String,
}

impl<C: Clone + Serialize> Manifest<C> {
    /// What `sha256` must be: the digest of this manifest as it is written, but with an empty `sha256`.
    fn digest(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string_pretty(&Self { sha256: String::new(), ..self.clone() })?;
        Ok(hexadecimal(&Sha256::digest(text)))
    }
}

impl Manifest {
    /// Writes the manifest into a checkpoint's folder, with its digest.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(mut self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(MANIFEST);
        let failed = |error| Error::File { path: path.clone(), reason: io::Error::other(error) };
        self.sha256 = self.digest().map_err(failed)?;
        let text = serde_json::to_string_pretty(&self).map_err(failed)?;
        fs::write(&path, text + "\n").map_err(Error::file(&path))?;
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::file(&path))
    }
}

/// Name of a step's checkpoint.
#[must_use]
pub fn name(step: u64) -> String {
    format!("step-{step:08}")
}

/// Folder of a step's checkpoint.
#[must_use]
pub fn folder(checkpoints: &Path, step: u64) -> PathBuf {
    checkpoints.join(name(step))
}

/// Steps of the checkpoints below a folder, in order; none where there is no folder. A folder without a manifest, as a
/// file system may leave it after a crash, is none.
///
/// # Errors
/// [`Error::File`].
pub fn list(checkpoints: &Path) -> Result<Vec<u64>, Error> {
    let entries = match fs::read_dir(checkpoints) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::file(checkpoints))?,
    };
    let mut steps = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::file(checkpoints))?.file_name();
        let step: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix("step-")).and_then(|step| step.parse().ok());
        steps.extend(step.filter(|&step| folder(checkpoints, step).join(MANIFEST).exists()));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// Makes a checkpoint of a step by `write`, which fills a folder, and removes the older ones beyond the last `keep`.
///
/// The folder is written under another name, brought to the disk and renamed: a crash at any moment leaves the
/// checkpoints that were there.
///
/// # Errors
/// [`Error::File`], such as for a full disk; those of `write`.
pub fn make(
    checkpoints: &Path,
    step: u64,
    keep: u64,
    write: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    fs::create_dir_all(checkpoints).map_err(Error::file(checkpoints))?;
    sweep(checkpoints)?;
    let unfinished = checkpoints.join(format!("{UNFINISHED}{step}"));
    let written =
        fs::create_dir(&unfinished).map_err(Error::file(&unfinished)).and_then(|()| write(&unfinished));
    if let Err(error) = written.and_then(|()| sync_folder(&unfinished)) {
        // Best effort: what is left is removed before the next checkpoint anyway.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error);
    }
    let done = folder(checkpoints, step);
    if done.exists() {
        remove(checkpoints, step)?;
    }
    fs::rename(&unfinished, &done).map_err(Error::file(&done))?;
    sync_folder(checkpoints)?;
    for step in list(checkpoints)?.iter().rev().skip(keep as usize) {
        remove(checkpoints, *step)?;
    }
    Ok(done)
}

/// Removes a checkpoint: under its name it is there whole or not at all.
///
/// # Errors
/// [`Error::File`].
pub fn remove(checkpoints: &Path, step: u64) -> Result<(), Error> {
    let (old, removed) = (folder(checkpoints, step), checkpoints.join(format!("{REMOVED}{step}")));
    fs::rename(&old, &removed).map_err(Error::file(&old))?;
    fs::remove_dir_all(&removed).map_err(Error::file(&removed))
}

/// Renames a checkpoint so that it is the run's no more; returns the new name.
///
/// # Errors
/// [`Error::File`].
pub fn set_aside(checkpoints: &Path, step: u64) -> Result<String, Error> {
    let old = folder(checkpoints, step);
    let names = (1..).map(|k| format!("aside-{k}-{}", name(step)));
    let kept = names.into_iter().find(|name| !checkpoints.join(name).exists()).unwrap_or_default();
    fs::rename(&old, checkpoints.join(&kept)).map_err(Error::file(&old))?;
    Ok(kept)
}

/// Removes what an interrupted writing or removing of a checkpoint has left.
///
/// # Errors
/// [`Error::File`].
pub fn sweep(checkpoints: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(checkpoints) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::file(checkpoints))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::file(checkpoints))?;
        let (path, name) = (entry.path(), entry.file_name());
        if [UNFINISHED, REMOVED].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

/// Brings the names in a folder to the disk.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(Error::file(folder))
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// [`Error::File`].
pub fn sha256(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::file(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer).map_err(Error::file(path))?;
        if read == 0 {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the manifest of a checkpoint's folder.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] for another or a damaged file; those of [`Config::check`].
pub fn manifest(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
    let content = |found: String| Error::content(&path, found, format!("a checkpoint of schema {SCHEMA}"));
    let wrong = |error: serde_json::Error| content(error.to_string().replace('\n', " "));
    // The digest is of the manifest as it was written, with the configuration in the form of its time.
    let written: Manifest<Table> = serde_json::from_str(&text).map_err(wrong)?;
    match written.schema.as_str() {
        FIRST_SCHEMA => {}
        SCHEMA => {
            let found = written.digest().map_err(wrong)?;
            if found != written.sha256 {
                return Err(Error::content(
                    path,
                    format!("SHA-256 of the content is {found}"),
                    format!("{}, as the file says: it was changed", written.sha256),
                ));
            }
        }
        other => return Err(content(format!("schema is {other:?}"))),
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(wrong)?;
    manifest.config.check()?;
    Ok(manifest)
}

/// The tensors of a checkpoint, after their digest is compared.
///
/// # Errors
/// [`Error::Content`] for a file that has changed since; those of [`TensorFile::read`].
pub fn tensors(folder: &Path, manifest: &Manifest) -> Result<TensorFile, Error> {
    let path = folder.join(TENSORS);
    let found = sha256(&path)?;
    if found != manifest.tensors_sha256 {
        let expected = format!("{}, as {MANIFEST} says", manifest.tensors_sha256);
        return Err(Error::content(&path, format!("SHA-256 is {found}"), expected));
    }
    TensorFile::read(&path)
}

/// Whether a checkpoint is whole: both files are there and have their digests.
///
/// # Errors
/// Those of [`manifest`] and [`tensors`].
pub fn verify(folder: &Path) -> Result<(), Error> {
    tensors(folder, &manifest(folder)?).map(drop)
}

/// Overwrites a network's parameters with those that a file has under `prefix`.
///
/// # Errors
/// [`Error::Content`] for one that is missing, superfluous, or has another shape or kind.
pub fn load_parameters(parameters: &Parameters, file: &TensorFile, prefix: &str) -> Result<(), Error> {
    let mut read = Vec::with_capacity(parameters.names().len());
    for (name, own) in parameters.iter() {
        let key = format!("{prefix}{name}");
        let tensor = file.shaped(&key, &own.size())?;
        if tensor.kind() != own.kind() {
            let (found, expected) = (format!("holds {:?}", tensor.kind()), format!("{:?}", own.kind()));
            return Err(file.problem(&key, found, expected));
        }
        read.push((name.to_owned(), tensor));
    }
    let known = |key: &str| key.strip_prefix(prefix).is_none_or(|name| parameters.get(name).is_some());
    if let Some(key) = file.names().into_iter().find(|key| !prefix.is_empty() && !known(key)) {
        return Err(file.problem(key, "is not one of the network's".to_owned(), "no such tensor".to_owned()));
    }
    parameters.assign(&Parameters::new(read));
    Ok(())
}
