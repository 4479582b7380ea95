//! What one share of the data writes for the merge of all.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ncsn_data::{self as data, DataSet, Pixels, Places};
use ncsn_diameter::part::{Extremes, Keep, extremes, weighted_centre};
use ncsn_diameter::{Rows, Subset};
use ncsn_shell::output::write_streamed;
use ncsn_shell::reading::read;
use sha2::{Digest, Sha256};

use super::format::{self, Content, Header, Square};
use super::store::Stored;
use crate::measure::shown;

/// What a share found.
#[derive(Debug)]
pub struct Made {
    /// What its file says.
    pub header: Header,
    /// Rows kept.
    pub kept: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Time spent on reading.
    pub reading: Duration,
    /// Time spent on distances and on writing.
    pub measuring: Duration,
}

/// Reads a share of a data set, measures it, and writes what the merge of all shares needs of it.
///
/// # Arguments
/// * `options` — with the share
/// * `keep_from` — squared distance from the common centre from which on rows are kept, in place of a guess
/// * `output` — where the file goes, if it is to be written
///
/// # Errors
/// Data that cannot be read or measured; a file that cannot be written.
pub fn make(
    path: &Path,
    options: &data::Options,
    keep_from: Option<Square>,
    output: Option<&Path>,
) -> Result<Made> {
    let started = Instant::now();
    let data = read(path, options)?;
    let reading = started.elapsed();
    let places = data.places.as_ref().context("no share was asked for")?;
    let share = Share { path, options, data: &data, places, keep_from, output };
    let made = match &data.rows {
        Pixels::Bytes(rows) => share.make::<u8>(rows),
        Pixels::Floats(rows) if rows.is_double() => share.make::<f64>(rows),
        Pixels::Floats(rows) => share.make::<f32>(rows),
    };
    let (header, kept, bytes) = made?;
    Ok(Made { header, kept, bytes, reading, measuring: started.elapsed() - reading })
}

struct Share<'a> {
    path: &'a Path,
    options: &'a data::Options,
    data: &'a DataSet,
    places: &'a Places,
    keep_from: Option<Square>,
    output: Option<&'a Path>,
}

impl Share<'_> {
    fn make<E: Stored>(&self, rows: &impl Rows<E>) -> Result<(Header, u64, u64)> {
        let context = || self.path.display().to_string();
        let places = &self.places.rows;
        let own: Vec<usize> = (0..places.len()).filter(|&row| places[row].own).collect();
        let sample: Vec<(usize, u64)> = places
            .iter()
            .enumerate()
            .map(|(row, place)| (row, place.weight))
            .filter(|pair| pair.1 > 0)
            .collect();
        let keep = match (self.keep_from, self.keep_from.and_then(E::square)) {
            (None, _) => Keep::Likely,
            (_, Some(square)) => Keep::From(square),
            (Some(square), None) => {
                bail!("--keep-from is {square}, allowed: a whole number, since {} holds bytes", context())
            }
        };
        if sample.is_empty() {
            bail!("{}: no item of the sample that all shares read can be decoded", self.path.display());
        }
        let centre = weighted_centre(rows, &sample).with_context(context)?;
        let sample = self.sample_digest(rows, &sample).with_context(context)?;
        let chosen = Subset::new(rows, &own)?;
        let found = shown(|progress| extremes(&chosen, &centre, keep, progress)).with_context(context)?;
        let kept: Vec<usize> = found.kept.iter().map(|&row| own[row]).collect();
        let header = self.header::<E>(&found, &own, sample);
        let content = Content {
            items: kept.iter().map(|&row| places[row].item).collect(),
            names: kept.iter().map(|&row| self.data.names.get(row).unwrap_or_default()).collect(),
            skipped: &self.places.skipped,
            centre: E::bytes(&centre),
        };
        if let Some(output) = self.output {
            write_streamed(output, |out| {
                format::write(&header, &content, out, |out| {
                    let mut row = vec![E::default(); rows.dim()];
                    for &number in &kept {
                        rows.read(number, &mut row).with_context(context)?;
                        out.write_all(&E::bytes(&row))?;
                    }
                    Ok(())
                })
                .with_context(|| format!("writing {}", output.display()))
            })?;
        }
        let bytes = format::length(&header, &content)?;
        Ok((header, kept.len() as u64, bytes))
    }

    fn header<E: Stored>(&self, found: &Extremes<E>, own: &[usize], sample: String) -> Header {
        let (places, share) = (self.places, self.places.share);
        let links = own.iter().filter(|&&row| places.rows[row].item >= places.items).count();
        Header {
            program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            path: self.path.display().to_string(),
            share: [share.index(), share.of()],
            options: flags(self.options),
            element: E::NAME.to_owned(),
            shape: self.data.shape.clone(),
            planes: self.data.planes,
            total: places.items,
            rows: (own.len() - links) as u64,
            links: links as u64,
            sample,
            diameter: found.diameter.map(|diameter| E::stated(E::reached(diameter.squared))),
            farthest: found.farthest.map(E::stated),
            left_out: found.left_out.map(E::stated),
            evaluated: found.diameter.map_or(0, |diameter| diameter.pairs_evaluated),
            notes: self.data.notes.clone(),
        }
    }

    /// SHA-256 of the rows in the sample; of images with equal channels one, so that grey ones are told from no colour.
    fn sample_digest<E: Stored>(&self, rows: &impl Rows<E>, sample: &[(usize, u64)]) -> Result<String> {
        let mut hash = Sha256::new();
        let mut row = vec![E::default(); rows.dim()];
        let channels = if self.data.planes && self.data.shape.first() == Some(&3) { 3 } else { 1 };
        for &(number, _) in sample {
            rows.read(number, &mut row)?;
            let bytes = E::bytes(&row);
            let planes: Vec<&[u8]> = bytes.chunks(bytes.len() / channels).collect();
            let equal = planes.iter().all(|plane| *plane == planes[0]);
            hash.update(if equal { planes[0] } else { &bytes });
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The options of a command line that change what is read.
fn flags(options: &data::Options) -> Vec<String> {
    let data::Options {
        size,
        crop,
        pad,
        skip_corrupt,
        array,
        value_range,
        exif,
        batches,
        full_depth,
        classes: _,
        split: _,
        share: _,
    } = options;
    let pixels = [("size", size), ("crop", crop), ("pad", pad)];
    let set =
        [("skip-corrupt", skip_corrupt), ("exif", exif), ("batches", batches), ("full-depth", full_depth)];
    let mut flags: Vec<String> =
        pixels.iter().filter_map(|(name, side)| Some(format!("--{name} {}", (**side)?))).collect();
    flags.extend(array.iter().map(|name| format!("--array {name}")));
    flags.extend(value_range.map(|range| format!("--value-range {},{}", range.ends()[0], range.ends()[1])));
    flags.extend(set.iter().filter(|(_, is_set)| **is_set).map(|(name, _)| format!("--{name}")));
    flags
}
