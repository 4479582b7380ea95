//! Technique 1 on data: reads a data set and finds its diameter.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ncsn_data::{self as data, DataSet, Pixels};
use ncsn_diameter::{self as diameter, Diameter, Entry, Rows, Stage};
use ncsn_shell::reading::{bar, read};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::DataRange;
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A random part of the data to measure instead of all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsample {
    /// Number of rows, drawn without replacement.
    pub count: usize,
    /// Seed of the draw.
    pub seed: u64,
}

/// A data set and its diameter.
#[derive(Debug)]
pub struct Measured {
    /// Path as given.
    pub path: String,
    /// The data set.
    pub data: DataSet,
    /// The units of `diameter`.
    pub range: DataRange,
    /// The diameter, enclosed.
    pub diameter: Interval,
    /// Its square in units of 1/255², for u8 data.
    pub squared: Option<u64>,
    /// Numbers of the two rows that far apart.
    pub witness: [usize; 2],
    /// Whether all rows were measured; otherwise `diameter` is a lower bound.
    pub exact: bool,
    /// Rows measured.
    pub measured: usize,
    /// Pairs among them.
    pub pairs: u64,
    /// Distances computed in full.
    pub pairs_evaluated: u64,
    /// Time spent on reading.
    pub reading: Duration,
    /// Time spent on the diameter after reading.
    pub measuring: Duration,
}

impl Measured {
    /// Entries per row.
    pub fn dim(&self) -> u64 {
        self.data.rows.dim() as u64
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.data.rows.len()
    }

    /// Shape of a row, `3 x 32 x 32`.
    pub fn shape_text(&self) -> String {
        let sides: Vec<String> = self.data.shape.iter().map(usize::to_string).collect();
        sides.join(" x ")
    }

    /// Name of a row.
    pub fn name(&self, row: usize) -> String {
        self.data.names.get(row).unwrap_or_else(|| format!("#{row}"))
    }

    /// What the diameter is of.
    pub fn diameter_text(&self) -> String {
        if self.exact {
            format!("exact diameter of {} items", self.count())
        } else {
            format!("diameter of {} of {} items drawn at random, a lower bound", self.measured, self.count())
        }
    }
}

/// Reads a data set and measures it, with a progress bar on a terminal.
///
/// # Arguments
/// * `range` — units of u8 data; floating-point data are measured in their own ([`DataRange::Native`])
///
/// # Errors
/// Data that cannot be read or measured, with the path.
pub fn measure(
    path: &Path,
    options: &data::Options,
    subsample: Option<Subsample>,
    range: DataRange,
) -> Result<Measured> {
    let started = Instant::now();
    let data = read(path, options)?;
    let reading = started.elapsed();
    if let Some(Subsample { count, .. }) = subsample {
        let rows = data.rows.len();
        ensure!(
            (2..=rows).contains(&count),
            "subsample is {count}, allowed: 2 to the {rows} items of {}",
            path.display()
        );
    }
    refuse_range(path, matches!(data.rows, Pixels::Bytes(_)), range)?;
    let started = Instant::now();
    let found = match &data.rows {
        Pixels::Bytes(rows) => search::<u8>(rows, subsample).map(|found| Found {
            diameter: range.sigma_max(found.squared),
            squared: Some(found.squared),
            range,
            ..Found::new(&found)
        }),
        Pixels::Floats(rows) if rows.is_double() => search::<f64>(rows, subsample).map(Found::of_floats),
        Pixels::Floats(rows) => search::<f32>(rows, subsample).map(Found::of_floats),
    }
    .with_context(|| path.display().to_string())?;
    let found = found.exact_where_all_are_equal(&data.rows).with_context(|| path.display().to_string())?;
    let measuring = started.elapsed();
    Ok(Measured {
        path: path.display().to_string(),
        range: found.range,
        diameter: found.diameter,
        squared: found.squared,
        witness: [found.witness.0, found.witness.1],
        exact: found.exact,
        measured: subsample.map_or(data.rows.len(), |subsample| subsample.count),
        pairs: found.pairs,
        pairs_evaluated: found.pairs_evaluated,
        data,
        reading,
        measuring,
    })
}

/// Refuses units that the entries of data cannot have.
///
/// # Errors
/// Signed floating-point values; bytes in units of their own.
pub fn refuse_range(path: &Path, is_bytes: bool, range: DataRange) -> Result<()> {
    match (is_bytes, range) {
        (false, DataRange::Signed) => bail!(
            "{} holds floating-point values in their own units; --data-range {range} is for bytes",
            path.display()
        ),
        (true, DataRange::Native) => bail!(
            "{} holds bytes, which become pixels; --data-range {range} is for floating-point values",
            path.display()
        ),
        _ => Ok(()),
    }
}

/// Some items of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// `[count, dim]`, u8 pixels in [0, 1].
    pub rows: Array2<f64>,
    /// Shape of a row.
    pub shape: Vec<usize>,
}

/// Evenly spread items of a data set as rows of doubles.
///
/// # Errors
/// Data that cannot be read, and a count outside 2 to the number of items.
pub fn spread(path: &Path, options: &data::Options, count: usize) -> Result<Spread> {
    let data = read(path, options)?;
    let (available, dim) = (data.rows.len(), data.rows.dim());
    ensure!(
        (2..=available).contains(&count),
        "{count} items asked for, allowed: 2 to the {available} of {}",
        path.display()
    );
    let mut chosen = vec![0.0; count * dim];
    let mut pixels = vec![0_u8; dim];
    for (k, values) in chosen.chunks_exact_mut(dim).enumerate() {
        let row = k * available / count;
        match &data.rows {
            Pixels::Floats(rows) => rows.read(row, values),
            Pixels::Bytes(rows) => rows.read(row, &mut pixels).map(|()| {
                values.iter_mut().zip(&pixels).for_each(|(value, &pixel)| *value = f64::from(pixel) / 255.0);
            }),
        }
        .with_context(|| path.display().to_string())?;
    }
    Ok(Spread { rows: Array2::from_shape_vec((count, dim), chosen)?, shape: data.shape })
}

/// The part of a [`Diameter`] that does not depend on the type of the entries.
struct Found {
    diameter: Interval,
    squared: Option<u64>,
    range: DataRange,
    witness: (usize, usize),
    exact: bool,
    pairs: u64,
    pairs_evaluated: u64,
}

impl Found {
    fn new<S>(found: &Diameter<S>) -> Self {
        Self {
            diameter: Interval::ENTIRE,
            squared: None,
            range: DataRange::Native,
            witness: found.witness,
            exact: found.exact,
            pairs: found.pairs,
            pairs_evaluated: found.pairs_evaluated,
        }
    }

    fn of_floats(found: Diameter<Interval>) -> Self {
        Self { diameter: found.length(), ..Self::new(&found) }
    }

    /// The squares of differences below 1e-162 vanish, so that an enclosure of a sum of them reaches above 0; equal
    /// rows are told from nearly equal ones by their values.
    fn exact_where_all_are_equal(mut self, rows: &Pixels) -> io::Result<Self> {
        let Pixels::Floats(floats) = rows else { return Ok(self) };
        if self.diameter.lo() > 0.0 {
            return Ok(self);
        }
        if all_equal::<f64>(floats)? {
            self.diameter = Interval::point(0.0);
        }
        Ok(self)
    }
}

/// Whether all rows have the same values.
///
/// # Errors
/// Those of reading the rows.
pub(crate) fn all_equal<E: Entry + PartialEq>(rows: &impl Rows<E>) -> io::Result<bool> {
    let (mut first, mut row) = (vec![E::default(); rows.dim()], vec![E::default(); rows.dim()]);
    rows.read(0, &mut first)?;
    for index in 1..rows.len() {
        rows.read(index, &mut row)?;
        if row != first {
            return Ok(false);
        }
    }
    Ok(true)
}

fn search<E: Entry>(
    rows: &impl Rows<E>,
    subsample: Option<Subsample>,
) -> Result<Diameter<E::Squared>, diameter::Error> {
    shown(|progress| match subsample {
        Some(Subsample { count, seed }) => {
            diameter::subsample(rows, count, &mut ChaCha8Rng::seed_from_u64(seed), progress)
        }
        None => diameter::diameter(rows, progress),
    })
}

/// Runs a search with a progress bar on a terminal.
pub(crate) fn shown<T>(search: impl FnOnce(&(dyn Fn(diameter::Progress) + Sync)) -> T) -> T {
    let bar = bar();
    let progress = |at: diameter::Progress| {
        bar.set_message(stage(at.stage));
        bar.set_length(at.total);
        bar.set_position(at.done);
    };
    let found = search(&progress);
    bar.finish_and_clear();
    found
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Radii => "distances from the centre",
        Stage::Projections => "projections",
        Stage::Bounds => "bounds",
        Stage::Blocks => "distances",
    }
}
