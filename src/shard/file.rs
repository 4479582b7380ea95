//! The file of a share, read and found whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::format::{Header, SCHEMA, TENSORS};

/// Longest header that is read; those of shares have a few thousand bytes.
const MAX_HEADER: u64 = 1 << 20;

/// A share's file that was read and found whole; the rows stay in it.
#[derive(Debug)]
pub struct ShardFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub header: Header,
    /// Places of the rows kept.
    pub items: Vec<u64>,
    /// Places of items that cannot be decoded.
    pub skipped: Vec<u64>,
    /// The common centre, in little-endian bytes.
    pub centre: Vec<u8>,
    /// The file.
    pub(super) file: File,
    names: Vec<u8>,
    name_ends: Vec<u64>,
}

#[derive(Deserialize)]
struct Tensor {
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

impl ShardFile {
    /// Reads all but the rows, and checks the digest of all.
    ///
    /// # Errors
    /// The path, and what is wrong with the file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(path).with_context(|| path.display().to_string())
    }

    fn read(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (header, tensors, start) = read_head(&mut file, length)?;
        ensure!(
            matches!(&header.element[..], "u8" | "f32" | "f64"),
            "element is {}, allowed: u8, f32, f64",
            header.element
        );
        let count = |name: &str| {
            tensors.get(name).and_then(|tensor| tensor.shape.first()).copied().unwrap_or_default()
        };
        let counts = ["items", "skipped", "names"].map(count);
        ensure!(header.dim() > 0, "shape of a row is {:?}, allowed: 1 entry or more", header.shape);
        let mut begin = 0_u64;
        for (name, (_, shape, bytes)) in TENSORS.into_iter().zip(header.layout(counts)) {
            let whole = tensors.get(name).is_some_and(|tensor| {
                tensor.shape == shape && tensor.data_offsets == [begin, begin.saturating_add(bytes)]
            });
            ensure!(whole, "tensor {name} is not what its header says of it");
            begin = begin.saturating_add(bytes);
        }
        let expected = start.saturating_add(begin);
        ensure!(
            length >= expected,
            "holds {length} bytes, its content needs {expected}: it has been cut short"
        );
        ensure!(length == expected, "holds {length} bytes, its content {expected}");
        check_digest(&mut file, length)?;
        let mut read = |name: &str| -> Result<Vec<u8>> {
            let [begin, end] = tensors[name].data_offsets;
            let mut bytes = vec![0; (end - begin) as usize];
            file.seek(SeekFrom::Start(start + begin))?;
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let numbers = |bytes: Vec<u8>| -> Vec<u64> {
            bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
        };
        let [items, name_ends, skipped] = [read("items")?, read("name_ends")?, read("skipped")?].map(numbers);
        let (centre, names) = (read("centre")?, read("names")?);
        // The reader of the rows begins at the start.
        file.rewind()?;
        Ok(Self { path: path.to_owned(), header, items, skipped, centre, file, names, name_ends })
    }

    /// Name of a row.
    #[must_use]
    pub fn name(&self, row: usize) -> String {
        let end = |row: usize| self.name_ends.get(row).map_or(0, |&end| end as usize);
        let start = row.checked_sub(1).map_or(0, end);
        String::from_utf8_lossy(self.names.get(start..end(row)).unwrap_or_default()).into_owned()
    }
}

/// What the header says, the tensors by name, and where their bytes begin.
fn read_head(file: &mut File, length: u64) -> Result<(Header, BTreeMap<String, Tensor>, u64)> {
    const NONE: &str = "is no file of ncsn diameter --shard";
    let mut size = [0; 8];
    ensure!(length >= 8, "{NONE}: {length} bytes");
    file.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    ensure!(size <= MAX_HEADER, "{NONE}: its header would be {size} bytes, allowed: {MAX_HEADER}");
    ensure!(size <= length - 8, "holds {length} bytes, its header needs {}: it has been cut short", size + 8);
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text)?;
    let mut fields: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&text).context(NONE)?;
    let said = fields.remove("__metadata__").unwrap_or_default();
    match said["schema"].as_str() {
        Some(SCHEMA) => {}
        Some(other) => bail!("schema is {other}, allowed: {SCHEMA}, which this version makes"),
        None => bail!("{NONE}: it has no schema"),
    }
    let header = serde_json::from_str(said["shard"].as_str().unwrap_or_default()).context("header")?;
    let tensors = fields.into_iter().map(|(name, field)| Ok((name, serde_json::from_value(field)?)));
    Ok((header, tensors.collect::<Result<_>>().context("header")?, 8 + size))
}

/// Compares the digest at the end with what stands before it.
fn check_digest(file: &mut File, length: u64) -> Result<()> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut rest = length - 32;
    while rest > 0 {
        let part = &mut buffer[..rest.min(1 << 18) as usize];
        file.read_exact(part)?;
        hash.update(&*part);
        rest -= part.len() as u64;
    }
    let mut stated = [0; 32];
    file.read_exact(&mut stated)?;
    ensure!(hash.finalize()[..] == stated, "is damaged: its content is not that of its SHA-256");
    Ok(())
}
