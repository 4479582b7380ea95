//! Training and test items: read through [`ncsn_data`] or drawn by code, in an order that the seed and the step fix.

mod items;
mod layout;
mod order;

use std::path::PathBuf;
use std::sync::Arc;

use ncsn_data as data;

pub use items::{Items, Stored, Units, shape_text};
pub use layout::{ImageShape, Layout, Stated, Wanted};
pub use order::{Order, ahead};

use crate::config::{Config, Scale};
use crate::model::Architecture;
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
    /// SHA-256 of the training items' content.
    pub digest: String,
    /// What was done on reading.
    pub notes: Vec<String>,
}

impl Split {
    /// Whether noise levels in these units are levels for the values, of training and test items.
    ///
    /// # Errors
    /// [`Error::Content`] naming the data, their values and what they should be; those of reading.
    pub fn check_units(&self, units: Scale) -> Result<(), Error> {
        [Some(&self.train), self.test.as_ref()]
            .into_iter()
            .flatten()
            .try_for_each(|items| check_units(items, units))
    }
}

fn check_units(items: &Items, units: Scale) -> Result<(), Error> {
    let content = |found: String, expected: &str| Error::Content {
        path: items.path().to_owned(),
        found,
        expected: expected.to_owned(),
    };
    match (items.units()?, units) {
        (Units::Bytes, Scale::Unit) | (Units::Floats(_), Scale::Native) => Ok(()),
        (Units::Floats([least, most]), Scale::Unit) if least >= 0.0 && most <= 1.0 => Ok(()),
        (Units::Floats([least, most]), Scale::Unit) => Err(content(
            format!("values from {least} to {most}"),
            "0 to 1, the units of the noise levels; 'ncsn schedule --data-range native' derives levels in the \
                 data's own",
        )),
        (Units::Bytes, Scale::Native) => Err(content(
            "bytes, which become pixels in [0, 1]".to_owned(),
            "values in the units of the noise levels: derive them from these data",
        )),
    }
}

/// How many items are held out where there is no test split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// As many as the configuration says.
    Exactly,
    /// These, but at most a tenth of the items; the configuration then says how many.
    AtMostATenth,
}

/// Opens the data of a configuration, with a progress bar on a terminal; an item shape that is still empty becomes that
/// of the data, with the network that the paper has for it.
///
/// # Errors
/// Those of [`ncsn_data::open`]; [`Error::Content`] for items of another shape than the network's;
/// [`Error::Setting`] when no item is left to train on, or there is no path for a preset that needs one.
pub fn open(config: &mut Config, held_out: HeldOut) -> Result<Split, Error> {
    let Some(path) = &config.data.train.clone() else {
        let drawn = built_in(config)?;
        let digest = drawn.digest();
        let (train, test) = hold_out(drawn, config, held_out)?;
        return Ok(Split { train, test, digest, notes: Vec::new() });
    };
    let options = |split| data::Options {
        size: config.data.size,
        crop: config.data.crop,
        skip_corrupt: config.data.skip_corrupt,
        array: config.data.array.clone(),
        value_range: config.data.value_range,
        exif: config.data.exif,
        batches: config.data.batches,
        full_depth: config.data.full_depth,
        split,
    };
    // A named test part is read first, for the training part is then what is left.
    let test_set = match &config.data.test {
        Some(test) => Some((ncsn_shell::read(test, &options(data::Split::Train))?, test.clone())),
        None => match ncsn_shell::read(path, &options(data::Split::Test)) {
            Ok(set) => Some((set, path.clone())),
            Err(error) if error.kind() == data::Kind::NoSplit => None,
            Err(error) => return Err(error.into()),
        },
    };
    let split = if test_set.is_some() && config.data.test.is_none() {
        data::Split::TrainAlone
    } else {
        data::Split::Train
    };
    let set = ncsn_shell::read(path, &options(split))?;
    let digest = set.digest().map_err(Error::file(path))?.to_owned();
    let mut notes = set.notes.clone();
    let decoded = (set.rows.len() * set.rows.dim()) as u64;
    if set.planes && decoded >= MUCH {
        notes.push(format!(
            "{:.1} GB are decoded into TMPDIR at every start; 'ncsn-trainer data' makes an array that is read in place",
            decoded as f64 / 1e9
        ));
    }
    let stated = Stated { layout: config.data.layout, shape: config.data.shape };
    let wanted = Some(config.network.item.clone()).filter(|item| !item.is_empty());
    let network = |shape| Wanted { shape, as_what: "the network takes" };
    let (train, note) = Items::of_files(set, path, stated, wanted.as_deref().map(network))?;
    notes.extend(note);
    if wanted.is_none() {
        fit_network(config, train.shape())?;
    }
    let (train, test) = match test_set {
        Some((set, path)) => {
            let (test, _) = Items::of_files(set, &path, stated, Some(network(train.shape())))?;
            (train, Some(test))
        }
        None => hold_out(train, config, held_out)?,
    };
    Ok(Split { train, test, digest, notes })
}

/// The items to train on, and those held out.
fn hold_out(items: Items, config: &mut Config, how: HeldOut) -> Result<(Items, Option<Items>), Error> {
    let count = &mut config.data.held_out;
    if how == HeldOut::AtMostATenth {
        *count = (*count).min(items.len() as u64 / 10);
    }
    items.held_out(*count, config.training.seed)
}

/// Takes the items' shape, and chooses the network by it.
fn fit_network(config: &mut Config, shape: &[i64]) -> Result<(), Error> {
    config.network.item = shape.to_vec();
    config.network.architecture = match config.network.item[..] {
        [_, height, width] => Architecture::for_size(false, height.max(width) as u64)?,
        _ => Architecture::Mlp,
    };
    config.network.check()
}

/// The data that a preset draws by code.
fn built_in(config: &Config) -> Result<Items, Error> {
    let source = match config.preset.as_str() {
        "shapes" => Source::Images(Arc::new(shapes::draw(shapes::COUNT, BUILT_IN_SEED))),
        "mixture2d" => Source::Points(Arc::new(mixture::draw(POINTS, BUILT_IN_SEED))),
        other => return Err(Error::setting("--data", "missing", format!("the data of preset {other}"))),
    };
    let path = PathBuf::from(format!("built-in data of {}", config.preset));
    let (shape, layout) = (config.network.item.clone(), Layout::Chw);
    let items = Items { source, shape, layout, chosen: None, path };
    let dim = config.network.dim() as usize;
    let expected = if config.preset == "shapes" { shapes::DIM } else { 2 };
    if dim == expected {
        return Ok(items);
    }
    let allowed = format!("{expected} values, as the {} have", items.path.display());
    Err(Error::setting("network.item", dim, allowed))
}
