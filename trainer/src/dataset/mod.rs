//! Training and test items: read through [`ncsn_data`] or drawn by code, in an order that the seed and the step fix.

mod classes;
mod items;
mod order;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use classes::{Batch, Known};
pub use items::{Items, Stored, Units};
pub use order::{Order, ahead};

use ncsn_theory::schedule::DataRange;

use crate::config::{Config, Data};
use crate::layout::{Layout, Stated, Wanted, shape_text};
use crate::{Error, mixture, shapes};
use items::Source;

/// Seed of the data that are drawn: the same in every run.
const BUILT_IN_SEED: u64 = 0;
/// Decoded bytes from which it is worth saying that they could be kept: the work of minutes.
const MUCH: u64 = 2_000_000_000;
/// Points of the built-in mixture.
const POINTS: usize = 65_536;

/// What is learnt, and what it is tested on.
#[derive(Clone, Debug)]
pub struct Split {
    /// Training items.
    pub train: Items,
    /// Test items; none when none are held out.
    pub test: Option<Items>,
    /// Number of items held out; where there is a test part, what was asked for.
    pub held_out: u64,
    /// SHA-256 of the training items' content.
    pub digest: String,
    /// Classes of the training items, where they were asked for.
    pub classes: Option<Known>,
    /// What was done on reading.
    pub notes: Vec<String>,
}

impl Split {
    /// Whether noise levels in these units are levels for the values, of training and test items.
    ///
    /// # Errors
    /// [`Error::Content`] naming the data, their values and what they should be; those of reading.
    pub fn check_units(&self, units: DataRange) -> Result<(), Error> {
        [Some(&self.train), self.test.as_ref()]
            .into_iter()
            .flatten()
            .try_for_each(|items| check_units(items, units))
    }
}

fn check_units(items: &Items, units: DataRange) -> Result<(), Error> {
    let content = |found: String, expected: &str| Error::content(items.path(), found, expected);
    match (items.units()?, units) {
        (Units::Bytes, DataRange::Unit) | (Units::Floats(_), DataRange::Native) => Ok(()),
        (Units::Floats([least, most]), DataRange::Unit) if least >= 0.0 && most <= 1.0 => Ok(()),
        (Units::Floats([least, most]), DataRange::Unit) => Err(content(
            format!("values from {least} to {most}"),
            "0 to 1, the units of the noise levels; 'ncsn schedule --data-range native' derives levels in the \
                 data's own",
        )),
        (Units::Bytes, DataRange::Native) => Err(content(
            "bytes, which become pixels in [0, 1]".to_owned(),
            "values in the units of the noise levels: derive them from these data",
        )),
        (_, DataRange::Signed) => {
            Err(content("pixels".to_owned(), "pixels in [-1, 1], the units of the noise levels"))
        }
    }
}

/// How many items are held out where there is no test split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// As many as the configuration says.
    Exactly,
    /// These, but at most a tenth of the items.
    AtMostATenth,
}

/// What is asked of data.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Preset, which draws the data where there are no files.
    pub preset: &'a str,
    /// Shape that the items must have, where it is known.
    pub item: Option<&'a [i64]>,
    /// Seed that draws the items held out.
    pub seed: u64,
    /// How many are.
    pub held_out: HeldOut,
}

impl<'a> Wish<'a> {
    /// The data of a run.
    #[must_use]
    pub fn of(config: &'a Config, held_out: HeldOut) -> Self {
        let Config { preset, network, training, .. } = config;
        Self { preset, item: Some(&network.item), seed: training.seed, held_out }
    }
}

/// Opens data, with a progress bar on a terminal.
///
/// # Errors
/// Those of [`ncsn_data::open`]; [`Error::Content`] for items of another shape than the one asked for;
/// [`Error::Setting`] when no item is left to train on, or there is no path for a preset that needs one.
pub fn open(data: &Data, wish: &Wish) -> Result<Split, Error> {
    let Some(path) = &data.train else {
        let (drawn, labels) = built_in(wish)?;
        let drawn = drawn.labelled(data.labels.as_ref().map(|_| labels));
        let digest = drawn.digest()?;
        return hold_out(drawn, data, wish, digest, Vec::new());
    };
    // A named test part is read first, for the training part is then what is left.
    let test_set = match &data.test {
        Some(test) => Some((read(test, data, ncsn_data::Split::Train)?, test)),
        None => match read(path, data, ncsn_data::Split::Test) {
            Ok(set) => Some((set, path)),
            Err(Error::Data(error)) if error.kind() == ncsn_data::Kind::NoSplit => None,
            Err(error) => return Err(error),
        },
    };
    let named = test_set.is_some() && data.test.is_none();
    let set = read(path, data, if named { ncsn_data::Split::TrainAlone } else { ncsn_data::Split::Train })?;
    let digest = set.digest().map_err(Error::file(path))?.to_owned();
    let mut notes = set.notes.clone();
    let decoded = (set.rows.len() * set.rows.dim()) as u64;
    if set.planes && decoded >= MUCH {
        notes.push(format!(
            "{:.1} GB are decoded into TMPDIR at every start; 'ncsn-trainer data' makes an array that is read in place",
            decoded as f64 / 1e9
        ));
    }
    let stated = Stated { layout: data.layout, shape: data.shape };
    let network = |shape| Wanted { shape, as_what: "the network takes" };
    let labels = data.labels.as_ref();
    let of_train =
        labels.map(|labels| classes::read(path, &set, labels, labels.train.as_deref())).transpose()?;
    let (train, note) = Items::of_files(set, path, stated, wish.item.map(network))?;
    notes.extend(note);
    match test_set {
        Some((set, path)) => {
            let of_test = labels.zip(of_train.as_ref()).map(|(labels, of_train)| {
                let found = classes::read(path, &set, labels, labels.test.as_deref())?;
                Ok::<_, Error>(found.among(of_train.names(), path)?)
            });
            let (test, _) = Items::of_files(set, path, stated, Some(network(train.shape())))?;
            let test = Some(test.labelled(of_test.transpose()?));
            let classes = of_train.as_ref().map(Known::of);
            let train = train.labelled(of_train);
            Ok(Split { train, test, held_out: data.held_out, digest, classes, notes })
        }
        None => hold_out(train.labelled(of_train), data, wish, digest, notes),
    }
}

fn read(path: &Path, data: &Data, split: ncsn_data::Split) -> Result<ncsn_data::DataSet, Error> {
    let options = ncsn_data::Options {
        size: data.size,
        crop: data.crop,
        pad: data.pad,
        skip_corrupt: data.skip_corrupt,
        array: data.array.clone(),
        value_range: data.value_range,
        exif: data.exif,
        batches: data.batches,
        full_depth: data.full_depth,
        classes: data.labels.is_some(),
        split,
        share: None,
    };
    Ok(ncsn_shell::read(path, &options)?)
}

/// Parts items into those to train on and those held out.
fn hold_out(
    items: Items,
    data: &Data,
    wish: &Wish,
    digest: String,
    notes: Vec<String>,
) -> Result<Split, Error> {
    let held_out = match wish.held_out {
        HeldOut::Exactly => data.held_out,
        HeldOut::AtMostATenth => data.held_out.min(items.len() as u64 / 10),
    };
    let classes = items.labels.as_deref().map(Known::of);
    let (train, test) = items.held_out(held_out, wish.seed)?;
    Ok(Split { train, test, held_out, digest, classes, notes })
}

/// The data that a preset draws by code, and their classes.
fn built_in(wish: &Wish) -> Result<(Items, ncsn_data::Labels), Error> {
    let (source, own, labels) = match wish.preset {
        "shapes" => {
            let side = shapes::SIDE as i64;
            let (images, shapes) = shapes::draw(shapes::COUNT, BUILT_IN_SEED);
            let labels = ncsn_data::Labels::new(shapes, shapes::NAMES.map(str::to_owned).to_vec());
            (Source::Images(Arc::new(images)), vec![3, side, side], labels)
        }
        "mixture2d" => {
            let (points, components) = mixture::draw(POINTS, BUILT_IN_SEED);
            let names = (0..mixture::COMPONENTS).map(|k| k.to_string()).collect();
            (Source::Points(Arc::new(points)), vec![2], ncsn_data::Labels::new(components, names))
        }
        other => return Err(Error::setting("--data", "missing", format!("the data of preset {other}"))),
    };
    let path = PathBuf::from(format!("built-in data of {}", wish.preset));
    let shape = wish.item.map_or_else(|| own.clone(), <[i64]>::to_vec);
    if shape.iter().product::<i64>() == own.iter().product::<i64>() {
        return Ok((Items { source, shape, layout: Layout::Chw, chosen: None, labels: None, path }, labels));
    }
    let allowed = format!("{}, as the {} have", shape_text(&own), path.display());
    Err(Error::setting("network.item", shape_text(&shape), allowed))
}
