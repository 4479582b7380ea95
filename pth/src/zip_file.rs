//! The zip form of torch 1.6 and later: `<name>/data.pkl`, `<name>/data/<key>` for each storage, `<name>/version`.
//!
//! Source: torch 2.11 `serialization.py`, `_save` and `_load`; `caffe2/serialize/versions.h` for the versions.

use std::io::{Cursor, Read, Seek};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::budget::Budget;
use super::error::Failure;
use super::fault::{Fault, shown};
use super::heap::Heap;
use super::input::{Input, reserve};
use super::tree::{self, Piece};
use super::value::Value;
use super::{Mode, machine};

/// Reads an archive of `len` bytes.
///
/// # Errors
///
/// [`Fault::Archive`] for a broken archive, [`Fault::EntryRepeated`], [`Fault::Pickles`], [`Fault::TorchScript`],
/// [`Fault::EntryMissing`], [`Fault::Version`], [`Fault::ByteOrder`], [`Fault::Trailing`] after the pickle,
/// [`Fault::StorageMissing`], [`Fault::StorageSurplus`], [`Fault::StorageSize`], and those of pickle and tree.
pub(super) fn read<R: Read + Seek>(reader: R, len: u64, mode: Mode) -> Result<Value, Failure> {
    let mut heap = Heap::new(Budget::new(len));
    let mut archive = Archive::open(reader, len)?;
    archive.check_format(&mut heap.budget)?;
    let pickle = archive.entry("data.pkl", &mut heap.budget)?;
    let mut input = Input::new(Cursor::new(&pickle), pickle.len() as u64, "data.pkl");
    let root = machine::run(&mut input, &mut heap)?;
    if input.left() > 0 {
        return Err(Fault::Trailing { bytes: input.left() }.into());
    }
    drop(pickle);
    let entries = archive.storages(&heap)?;
    if mode == Mode::Locate {
        for (storage, &entry) in heap.storages_mut().iter_mut().zip(&entries) {
            storage.place = archive.place(entry)?;
        }
    }
    let value = tree::build(&mut heap, root, &mut |piece| match piece {
        Piece::Storage(index) => archive.unpack(entries[index]),
        // Never asked for: the pickle of an archive is read whole.
        Piece::Blob { len, .. } => Err(Fault::Truncated { needed: len, left: 0 }),
    })?;
    Ok(value)
}

struct Archive<R> {
    zip: ZipArchive<R>,
    /// The folder that holds all entries, with its slash.
    root: String,
    /// Bytes of the file.
    len: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory, whose counts and lengths the `zip` crate checks against the size of the file.
    fn open(reader: R, len: u64) -> Result<Self, Fault> {
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, reader)?;
        if zip.has_duplicate_names() {
            return Err(Fault::EntryRepeated);
        }
        let mut roots = Vec::new();
        for name in zip.file_names() {
            let name = name?;
            let Some((root, entry)) = name.split_once('/') else { continue };
            match entry {
                "data.pkl" => roots.push(format!("{root}/")),
                "constants.pkl" => return Err(Fault::TorchScript { entry: shown(&name) }),
                _ if entry.starts_with("code/") => return Err(Fault::TorchScript { entry: shown(&name) }),
                _ => {}
            }
        }
        match <[String; 1]>::try_from(roots) {
            Ok([root]) => Ok(Self { zip, root, len }),
            Err(roots) => Err(Fault::Pickles { found: roots.len() }),
        }
    }

    /// Refuses unknown versions and big-endian storages.
    ///
    /// torch before 2.1 writes no `byteorder`, and torch reads a file without one as little-endian.
    fn check_format(&mut self, budget: &mut Budget) -> Result<(), Fault> {
        const VERSIONS: std::ops::RangeInclusive<u32> = 1..=10;
        let found = String::from_utf8_lossy(&self.entry("version", budget)?).trim_end().to_owned();
        if !found.parse().is_ok_and(|version| VERSIONS.contains(&version)) {
            return Err(Fault::Version { found: shown(&found), allowed: "1 to 10" });
        }
        if self.index("byteorder").is_some() {
            let found = self.entry("byteorder", budget)?;
            if found != b"little" {
                return Err(Fault::ByteOrder { found: shown(&String::from_utf8_lossy(&found)) });
            }
        }
        Ok(())
    }

    /// The entry of each storage, after comparing names and sizes with the pickle.
    fn storages(&mut self, heap: &Heap) -> Result<Vec<usize>, Fault> {
        let folder = format!("{}data/", self.root);
        for name in self.zip.file_names() {
            let name = name?;
            let key = name.strip_prefix(&folder).filter(|key| !key.is_empty() && !key.ends_with('/'));
            if let Some(key) = key.filter(|key| heap.storage(key).is_none()) {
                return Err(Fault::StorageSurplus { key: shown(key) });
            }
        }
        let mut entries = Vec::with_capacity(heap.storages().len());
        for storage in heap.storages() {
            let name = format!("data/{}", storage.key);
            let missing = || Fault::StorageMissing { key: shown(&storage.key) };
            let index = self.index(&name).ok_or_else(missing)?;
            let found = self.zip.by_index_data(index)?.size();
            if found != storage.bytes {
                return Err(Fault::StorageSize { key: shown(&storage.key), found, expected: storage.bytes });
            }
            entries.push(index);
        }
        Ok(entries)
    }

    fn index(&self, entry: &str) -> Option<usize> {
        self.zip.index_for_name(&format!("{}{entry}", self.root))
    }

    /// The content of an entry, paid for from the budget.
    fn entry(&mut self, entry: &str, budget: &mut Budget) -> Result<Vec<u8>, Fault> {
        let missing = || Fault::EntryMissing { entry: shown(&format!("{}{entry}", self.root)) };
        let index = self.index(entry).ok_or_else(missing)?;
        budget.charge(self.zip.by_index_data(index)?.size())?;
        self.unpack(index)
    }

    /// Where the content of an entry is in the file, if it is there as it is.
    fn place(&mut self, index: usize) -> Result<Option<u64>, Fault> {
        let entry = self.zip.by_index(index)?;
        let (size, packed) = (entry.size(), entry.compressed_size());
        if entry.compression() != CompressionMethod::Stored || size != packed {
            return Ok(None);
        }
        let Some(start) = entry.data_start() else { return Ok(None) };
        let left = self.len.saturating_sub(start);
        if size > left { Err(Fault::Truncated { needed: size, left }) } else { Ok(Some(start)) }
    }

    /// The content of an entry, stored or deflated, with its checksum compared.
    fn unpack(&mut self, index: usize) -> Result<Vec<u8>, Fault> {
        let mut entry = self.zip.by_index(index)?;
        let stored = entry.compression() == CompressionMethod::Stored;
        let packed = if stored { entry.size().max(entry.compressed_size()) } else { entry.compressed_size() };
        if packed > self.len {
            return Err(Fault::Truncated { needed: packed, left: self.len });
        }
        let size = entry.size();
        let mut bytes = reserve(size)?;
        // To the end and not only `size` bytes: the checksum is compared there.
        entry.read_to_end(&mut bytes)?;
        let found = bytes.len() as u64;
        if found == size { Ok(bytes) } else { Err(Fault::Truncated { needed: size, left: found }) }
    }
}
