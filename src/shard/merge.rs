//! The diameter of the whole from the files of all shares.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ncsn_data::formats::safetensors;
use ncsn_data::{self as data, Pixels};
use ncsn_diameter::centroid::{Square as _, least_reach};
use ncsn_diameter::{Rows, diameter};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::DataRange;

use super::file::ShardFile;
use super::format::Square;
use super::store::{Stored, Union};
use crate::measure::{all_equal, refuse_range, shown};

/// The diameter of the whole.
#[derive(Debug)]
pub struct Merged {
    /// Path that the first share was given.
    pub path: String,
    /// Rows of the whole.
    pub count: u64,
    /// Shape of a row.
    pub shape: Vec<usize>,
    /// Units of `diameter`.
    pub range: DataRange,
    /// The diameter, enclosed.
    pub diameter: Interval,
    /// Its square in units of 1/255², for bytes.
    pub squared: Option<u64>,
    /// Row numbers in the whole, and names, of two rows that far apart.
    pub witness: [(u64, String); 2],
    /// Rows that the shares kept.
    pub kept: u64,
    /// Distances computed, by all shares and here.
    pub evaluated: u64,
    /// Number of shares.
    pub shares: usize,
    /// What the shares noted on reading.
    pub notes: Vec<String>,
    /// Time spent on opening the files.
    pub reading: Duration,
    /// Time spent on distances.
    pub measuring: Duration,
}

/// Merges the files of all shares of one data set.
///
/// # Formula
/// ```text
/// L² = largest squared distance between rows that were kept, at least that of each share
/// exact if for each share i:  r_i + R_i < L,  r_i the largest distance from the centre that it left out,
///                                             R_i the largest of the other shares
/// ```
/// for a pair with a row that share i left out lies in share i, whose own diameter is known, or reaches into another
/// share, and is then nearer than L.
///
/// # Arguments
/// * `range` — units of bytes
///
/// # Accuracy
/// That of [`ncsn_diameter::diameter`] on the whole, whose result it is.
///
/// # Errors
/// Files that are damaged or do not belong together; shares that left out rows that may matter, with the option that makes
/// them keep those.
pub fn merge(paths: &[PathBuf], range: DataRange) -> Result<Merged> {
    let started = Instant::now();
    let mut files = paths.iter().map(|path| ShardFile::open(path)).collect::<Result<Vec<_>>>()?;
    complete(&files)?;
    files.sort_by_key(|file| file.header.share);
    of_one_set(&files)?;
    let stores = files.iter().map(open_rows).collect::<Result<Vec<_>>>()?;
    let reading = started.elapsed();
    let set = Set { files: &files, stores: &stores, range, reading, started };
    match &files[0].header.element[..] {
        "u8" => set.merge::<u8, _>(|pixels| match pixels {
            Pixels::Bytes(rows) => Some(rows),
            Pixels::Floats(_) => None,
        }),
        "f32" => set.merge::<f32, _>(floats),
        _ => set.merge::<f64, _>(floats),
    }
}

fn floats(pixels: &Pixels) -> Option<&data::FloatRows> {
    match pixels {
        Pixels::Floats(rows) => Some(rows),
        Pixels::Bytes(_) => None,
    }
}

/// Whether every share is there once.
fn complete(files: &[ShardFile]) -> Result<()> {
    let first = files.first().context("no file is given")?;
    let [_, of] = first.header.share;
    for (k, file) in files.iter().enumerate() {
        let [index, own_of] = file.header.share;
        ensure!(
            own_of == of && (1..=of).contains(&index),
            "{} is shard {}, {} is shard {}: the shards of one division are needed",
            file.path.display(),
            file.header.share_text(),
            first.path.display(),
            first.header.share_text()
        );
        if let Some(other) = files[..k].iter().find(|other| other.header.share == file.header.share) {
            bail!(
                "{} and {} are both shard {}",
                other.path.display(),
                file.path.display(),
                file.header.share_text()
            );
        }
    }
    let missing: Vec<String> = (1..=of)
        .filter(|&index| files.iter().all(|file| file.header.share[0] != index))
        .map(|index| format!("{index}/{of}"))
        .collect();
    ensure!(missing.is_empty(), "missing of the {of} shards: {}", missing.join(", "));
    Ok(())
}

/// Whether all shares are of the same data, read in the same way.
fn of_one_set(files: &[ShardFile]) -> Result<()> {
    let first = &files[0];
    let centre = |file: &ShardFile, copies: usize| file.centre.repeat(copies);
    let most = files.iter().map(|file| file.header.dim()).max().unwrap_or_default();
    for file in files {
        let differs = |what: &str, own: &str, others: &str| -> Result<()> {
            ensure!(
                own == others,
                "{} and {} are not of the same data: {what} {others} and {own}",
                first.path.display(),
                file.path.display()
            );
            Ok(())
        };
        let kind = |file: &ShardFile| {
            let channels = if file.header.planes && file.header.shape[..1] == [1] { &[3][..] } else { &[] };
            let sides = if channels.is_empty() { &file.header.shape[..] } else { &file.header.shape[1..] };
            let grey = most == 3 * file.header.dim();
            let shape: Vec<String> = channels.iter().chain(sides).map(usize::to_string).collect();
            let own: Vec<String> = file.header.shape.iter().map(usize::to_string).collect();
            format!("{} {}", file.header.element, if grey { shape } else { own }.join(" x "))
        };
        let read = |file: &ShardFile| match &file.header.options[..] {
            [] => "no options".to_owned(),
            options => options.join(" "),
        };
        differs("rows are", &kind(file), &kind(first))?;
        differs("they were read with", &read(file), &read(first))?;
        let items = |file: &ShardFile| format!("{} items", file.header.total);
        differs("they have", &items(file), &items(first))?;
        differs("the sample that both read has SHA-256", &file.header.sample, &first.header.sample)?;
        let copies = |file: &ShardFile| most / file.header.dim();
        ensure!(
            centre(file, copies(file)) == centre(first, copies(first)),
            "{} and {} are not of the same data: their centres differ",
            first.path.display(),
            file.path.display()
        );
    }
    let there = sum(files, |file| file.header.rows.saturating_add(file.skipped.len() as u64));
    ensure!(there == first.header.total, "the shards have {there} of {} items", first.header.total);
    Ok(())
}

/// A sum over all files, whatever they state.
fn sum(files: &[ShardFile], number: impl Fn(&ShardFile) -> u64) -> u64 {
    files.iter().map(number).fold(0, u64::saturating_add)
}

fn open_rows(file: &ShardFile) -> Result<Option<Pixels>> {
    if file.items.is_empty() {
        return Ok(None);
    }
    let options = data::Options { array: Some("rows".to_owned()), ..Default::default() };
    let request = data::Request { path: &file.path, options: &options, progress: &|_, _| {} };
    Ok(Some(safetensors::open(file.file.try_clone()?, &request)?.rows))
}

struct Set<'a> {
    files: &'a [ShardFile],
    stores: &'a [Option<Pixels>],
    range: DataRange,
    reading: Duration,
    started: Instant,
}

impl Set<'_> {
    fn merge<E: Stored, R: Rows<E>>(&self, typed: impl Fn(&Pixels) -> Option<&R>) -> Result<Merged> {
        let first = &self.files[0].header;
        refuse_range(Path::new(&first.path), E::NAME == "u8", self.range)?;
        let dim = self.files.iter().map(|file| file.header.dim()).max().unwrap_or_default();
        let parts: Vec<_> = self
            .files
            .iter()
            .zip(self.stores)
            .map(|(file, store)| (store.as_ref().and_then(&typed), dim / file.header.dim()))
            .collect();
        let count = sum(self.files, |file| file.header.rows.saturating_add(file.header.links));
        ensure!(count >= 2, "{}: rows is {count}, allowed: at least 2", first.path);
        let mut order: Vec<(u32, u32)> = Vec::new();
        for (part, file) in (0..).zip(self.files) {
            order.extend((0..file.items.len() as u32).map(|row| (part, row)));
        }
        order.sort_unstable_by_key(|&(part, row)| (self.files[part as usize].items[row as usize], part));
        let copies: Vec<usize> = parts.iter().map(|part| part.1).collect();
        let union = Union { parts, order, dim };
        let found = shown(|progress| diameter(&union, progress)).with_context(|| first.path.clone())?;
        self.check::<E>(E::reached(found.squared), &copies)?;
        let (squared, length) = E::report(found.squared);
        let diameter = match squared {
            Some(squared) => self.range.sigma_max(squared),
            // As for the whole: squares that underflow leave equal rows and nearly equal ones to be told by their values.
            None if length.lo() <= 0.0 && all_equal::<E>(&union)? => Interval::point(0.0),
            None => length,
        };
        let witness = [found.witness.0, found.witness.1].map(|row| self.row(union.order[row]));
        Ok(Merged {
            path: first.path.clone(),
            count,
            shape: self.shape(dim),
            range: if squared.is_some() { self.range } else { DataRange::Native },
            diameter,
            squared,
            witness,
            kept: union.order.len() as u64,
            evaluated: sum(self.files, |file| file.header.evaluated).saturating_add(found.pairs_evaluated),
            shares: self.files.len(),
            notes: self.notes(),
            reading: self.reading,
            measuring: self.started.elapsed() - self.reading,
        })
    }

    /// Whether no pair with a row that was left out can be as far apart as the farthest found.
    fn check<E: Stored>(&self, floor: E::Square, copies: &[usize]) -> Result<()> {
        let bound = |square: Option<Square>, file: usize| {
            square.and_then(E::square).map(|square| E::times(square, copies[file]))
        };
        let mut again = Vec::new();
        for (k, file) in self.files.iter().enumerate() {
            let Some(left_out) = bound(file.header.left_out, k) else { continue };
            let others = (0..self.files.len()).filter(|&other| other != k);
            let farthest = others.filter_map(|other| bound(self.files[other].header.farthest, other));
            let Some(farthest) = farthest.reduce(|a, b| if b > a { b } else { a }) else { continue };
            if !E::Square::closer_than(floor, [left_out, farthest]) {
                // Of grey images a third is in each channel.
                let least = match E::stated(least_reach(floor, farthest)) {
                    Square::Integer(least) => Square::Integer(least / copies[k] as u64),
                    Square::Real(least) => {
                        Square::Real((Interval::point(least) / copies[k] as f64).lo().max(0.0))
                    }
                };
                again.push(format!("--shard {} --keep-from {least}", file.header.share_text()));
            }
        }
        ensure!(
            again.is_empty(),
            "rows may be missing that are farther apart than all that were kept: make again {}",
            again.join(", ")
        );
        Ok(())
    }

    /// Number in the whole, and name, of a row that was kept.
    fn row(&self, (part, row): (u32, u32)) -> (u64, String) {
        let (file, row) = (&self.files[part as usize], row as usize);
        let item = file.items[row];
        let before = |skipped: &[u64]| skipped.partition_point(|&other| other < item) as u64;
        let number = item.saturating_sub(sum(self.files, |file| before(&file.skipped)));
        (number, file.name(row))
    }

    fn shape(&self, dim: usize) -> Vec<usize> {
        let file = self.files.iter().find(|file| file.header.dim() == dim).unwrap_or(&self.files[0]);
        file.header.shape.clone()
    }

    /// What the shares noted, once where all say the same.
    fn notes(&self) -> Vec<String> {
        let all = |note: &String| self.files.iter().all(|file| file.header.notes.contains(note));
        let mut notes: Vec<String> =
            self.files[0].header.notes.iter().filter(|note| all(note)).cloned().collect();
        for file in self.files {
            let own = file.header.notes.iter().filter(|note| !all(note));
            notes.extend(own.map(|note| format!("shard {}: {note}", file.header.share_text())));
        }
        notes
    }
}
