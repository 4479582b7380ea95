//! Training and test items: read through [`ncsn::data`] or drawn by code, in an order that the seed and the step fix.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use ncsn::data::{self, Pixels, Rows};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::config::Config;
use crate::model::Architecture;
use crate::{Error, mixture, shapes};

/// Batches read ahead of the device.
const AHEAD: usize = 4;
/// Seed of the data that are drawn: the same in every run.
const BUILT_IN_SEED: u64 = 0;
/// Points of the built-in mixture.
const POINTS: usize = 65_536;
/// Stream of the generator that chooses held-out items; the epochs use the streams from 0 on.
const HELD_OUT_STREAM: u64 = u64::MAX;

/// Items of one shape that can be read in any order; clones share them.
#[derive(Clone, Debug)]
pub struct Items {
    source: Source,
    shape: Vec<i64>,
    /// Numbers of the items that belong to this part, if not all do.
    chosen: Option<Arc<Vec<u32>>>,
    path: PathBuf,
}

#[derive(Clone, Debug)]
enum Source {
    Files(Arc<data::DataSet>),
    Images(Arc<Vec<u8>>),
    Points(Arc<Vec<f32>>),
}

/// Items as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// Pixels 0 to 255.
    Bytes(Vec<u8>),
    /// Values as they are.
    Floats(Vec<f32>),
}

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

/// Opens the data of a configuration, with a progress bar on a terminal; an item shape that is still empty becomes that
/// of the data, with the network that the paper has for it.
///
/// # Errors
/// Those of [`ncsn::data::open`]; [`Error::Content`] for items of another shape than the network's;
/// [`Error::Setting`] when no item is left to train on, or there is no path for a preset that needs one.
pub fn open(config: &mut Config) -> Result<Split, Error> {
    let seed = config.training.seed;
    let Some(path) = &config.data.train.clone() else {
        let drawn = built_in(config)?;
        let digest = drawn.digest();
        let (train, test) = drawn.held_out(config.data.held_out, seed)?;
        return Ok(Split { train, test, digest, notes: Vec::new() });
    };
    let options = |split| data::Options {
        size: config.data.size,
        crop: config.data.crop,
        array: config.data.array.clone(),
        split,
        ..data::Options::default()
    };
    // A named test part is read first, for the training part is then what is left.
    let test_set = match &config.data.test {
        Some(test) => Some((ncsn::measure::read(test, &options(data::Split::Train))?, test.clone())),
        None => match ncsn::measure::read(path, &options(data::Split::Test)) {
            Ok(set) => Some((set, path.clone())),
            Err(data::Error::NoSplit { .. }) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let split = if test_set.is_some() && config.data.test.is_none() {
        data::Split::TrainAlone
    } else {
        data::Split::Train
    };
    let set = ncsn::measure::read(path, &options(split))?;
    let digest = set.digest().map_err(Error::file(path))?.to_owned();
    let notes = set.notes.clone();
    if config.network.item.is_empty() {
        fit_network(config, &set.shape)?;
    }
    let shape = config.network.item.clone();
    let train = Items::of_files(set, path, &shape)?;
    let (train, test) = match test_set {
        Some((set, path)) => (train, Some(Items::of_files(set, &path, &shape)?)),
        None => train.held_out(config.data.held_out, seed)?,
    };
    Ok(Split { train, test, digest, notes })
}

/// Chooses item shape and network by the shape of the data.
fn fit_network(config: &mut Config, shape: &[usize]) -> Result<(), Error> {
    config.network.item = match shape {
        &[height, width] => vec![1, height as i64, width as i64],
        sides => sides.iter().map(|&side| side as i64).collect(),
    };
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
    let items = Items { source, shape: config.network.item.clone(), chosen: None, path };
    let dim = config.network.dim() as usize;
    let expected = if config.preset == "shapes" { shapes::DIM } else { 2 };
    if dim == expected {
        return Ok(items);
    }
    let allowed = format!("{expected} values, as the {} have", items.path.display());
    Err(Error::setting("network.item", dim, allowed))
}

impl Items {
    fn of_files(set: data::DataSet, path: &Path, shape: &[i64]) -> Result<Self, Error> {
        let found: Vec<i64> = set.shape.iter().map(|&side| side as i64).collect();
        // A plain matrix of pixels is as good as one channel of them.
        if found != shape && [&[1], &found[..]].concat() != shape {
            let text = |sides: &[i64]| sides.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ");
            return Err(Error::Content {
                path: path.to_owned(),
                found: format!("items of {}", text(&found)),
                expected: format!("{} as the network takes (--size resizes images)", text(shape)),
            });
        }
        let shape = shape.to_vec();
        Ok(Self { source: Source::Files(Arc::new(set)), shape, chosen: None, path: path.to_owned() })
    }

    /// All items, in order, from memory.
    pub fn of_bytes(bytes: Vec<u8>, shape: &[i64]) -> Self {
        let path = PathBuf::from("memory");
        Self { source: Source::Images(Arc::new(bytes)), shape: shape.to_vec(), chosen: None, path }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        match &self.chosen {
            Some(chosen) => chosen.len(),
            None => self.stored_len(),
        }
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of an item.
    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    fn dim(&self) -> usize {
        self.shape.iter().product::<i64>() as usize
    }

    fn stored_len(&self) -> usize {
        match &self.source {
            Source::Files(set) => set.rows.len(),
            Source::Images(values) => values.len() / self.dim(),
            Source::Points(values) => values.len() / self.dim(),
        }
    }

    /// Reads items by their numbers in this part, one after the other.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn read(&self, numbers: &[usize]) -> Result<Stored, Error> {
        let dim = self.dim();
        let stored = |number: usize| self.chosen.as_ref().map_or(number, |chosen| chosen[number] as usize);
        match &self.source {
            Source::Images(values) => {
                let item = |&number: &usize| values[stored(number) * dim..][..dim].iter().copied();
                Ok(Stored::Bytes(numbers.iter().flat_map(item).collect()))
            }
            Source::Points(values) => {
                let item = |&number: &usize| values[stored(number) * dim..][..dim].iter().copied();
                Ok(Stored::Floats(numbers.iter().flat_map(item).collect()))
            }
            Source::Files(set) => match &set.rows {
                Pixels::Bytes(rows) => {
                    let mut values = vec![0; numbers.len() * dim];
                    for (&number, item) in numbers.iter().zip(values.chunks_exact_mut(dim)) {
                        rows.read(stored(number), item).map_err(Error::file(&self.path))?;
                    }
                    Ok(Stored::Bytes(values))
                }
                Pixels::Floats(rows) => {
                    let mut values = Vec::with_capacity(numbers.len() * dim);
                    let mut item = vec![0.0_f64; dim];
                    for &number in numbers {
                        rows.read(stored(number), &mut item).map_err(Error::file(&self.path))?;
                        values.extend(item.iter().map(|&value| value as f32));
                    }
                    Ok(Stored::Floats(values))
                }
            },
        }
    }

    /// SHA-256 of built-in values.
    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        match &self.source {
            Source::Images(values) => hash.update(&values[..]),
            Source::Points(values) => values.iter().for_each(|value| hash.update(value.to_le_bytes())),
            Source::Files(_) => {}
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The items without `count` of them drawn by the seed, and those.
    fn held_out(self, count: u64, seed: u64) -> Result<(Self, Option<Self>), Error> {
        let all = self.len();
        if count == 0 {
            return Ok((self, None));
        }
        if count >= all as u64 {
            return Err(Error::setting(
                "held_out",
                count,
                format!("below the {all} items of {}", self.path.display()),
            ));
        }
        let order = permutation(all, seed, HELD_OUT_STREAM);
        let (test, train) = order.split_at(count as usize);
        let part = |numbers: &[u32]| {
            let mut numbers = numbers.to_vec();
            numbers.sort_unstable();
            Self { chosen: Some(Arc::new(numbers)), ..self.clone() }
        };
        Ok((part(train), Some(part(test))))
    }
}

impl Stored {
    /// A batch on a device: `[count, …shape]` in single precision, bytes divided by 255.
    pub fn tensor(&self, shape: &[i64], device: Device) -> Tensor {
        let size: Vec<i64> = [-1].into_iter().chain(shape.iter().copied()).collect();
        match self {
            // Bytes travel, and become numbers on the device.
            Self::Bytes(values) => {
                Tensor::from_slice(values).view(size.as_slice()).to_device(device).to_kind(Kind::Float)
                    / 255.0
            }
            Self::Floats(values) => Tensor::from_slice(values).view(size.as_slice()).to_device(device),
        }
    }
}

/// Which items make up the batch of each step: epoch after epoch, each in its own random order.
#[derive(Debug)]
pub struct Order {
    items: usize,
    batch: usize,
    seed: u64,
    epochs: Vec<(u64, Vec<u32>)>,
}

impl Order {
    /// For `items` items; batches span the ends of epochs.
    pub fn new(items: usize, batch: usize, seed: u64) -> Self {
        Self { items, batch, seed, epochs: Vec::new() }
    }

    /// Numbers of the items of a step: a function of the seed and the step alone.
    pub fn batch(&mut self, step: u64) -> Vec<usize> {
        let first = u128::from(step) * self.batch as u128;
        let items = self.items as u128;
        (0..self.batch as u128)
            .map(|offset| {
                let position = first + offset;
                self.epoch((position / items) as u64)[(position % items) as usize] as usize
            })
            .collect()
    }

    fn epoch(&mut self, epoch: u64) -> &[u32] {
        if let Some(at) = self.epochs.iter().position(|&(known, _)| known == epoch) {
            return &self.epochs[at].1;
        }
        // A batch rarely spans more than two epochs.
        if self.epochs.len() == 2 {
            self.epochs.remove(0);
        }
        self.epochs.push((epoch, permutation(self.items, self.seed, epoch)));
        &self.epochs[self.epochs.len() - 1].1
    }
}

/// A random order of 0 … count − 1.
fn permutation(count: usize, seed: u64, stream: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut rng);
    order
}

/// Reads the batches of the steps from `first` on in a thread of its own, a few ahead of the device.
///
/// The thread ends with the receiver.
pub fn ahead(
    items: &Items,
    batch: usize,
    seed: u64,
    first: u64,
) -> Receiver<Result<(Vec<usize>, Stored), Error>> {
    let (sender, receiver) = sync_channel(AHEAD);
    let items = items.clone();
    thread::spawn(move || {
        let mut order = Order::new(items.len(), batch, seed);
        for step in first.. {
            let numbers = order.batch(step);
            let stored = items.read(&numbers);
            if sender.send(stored.map(|stored| (numbers, stored))).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_item_once() {
        let mut order = Order::new(10, 4, 7);
        let mut seen: Vec<usize> = (0..5).flat_map(|step| order.batch(step)).collect();
        let again: Vec<usize> = Order::new(10, 4, 7).batch(3);
        assert_eq!(again, seen[12..16]);
        seen[..10].sort_unstable();
        seen[10..].sort_unstable();
        assert_eq!(seen[..10], seen[10..]);
        assert_eq!(seen[..10], (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn held_out_items_are_not_trained_on() {
        let items = Items::of_bytes((0..20).collect(), &[2]);
        let (train, test) = items.held_out(3, 1).expect("3 of 10");
        let test = test.expect("3 items");
        let read = |items: &Items| match items.read(&(0..items.len()).collect::<Vec<_>>()) {
            Ok(Stored::Bytes(bytes)) => bytes,
            other => panic!("{other:?}"),
        };
        let mut all = [read(&train), read(&test)].concat();
        assert_eq!((train.len(), test.len()), (7, 3));
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    }
}
