//! Items of one shape, wherever they are kept.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ncsn_data::{self as data, Pixels, Rows};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use super::order::{HELD_OUT_STREAM, permutation};
use crate::layout::{Arrangement, Layout, Stated, Wanted, arrange, planes, shape_text};
use crate::{Error, torch};

/// Items of one shape that can be read in any order; clones share them.
#[derive(Clone, Debug)]
pub struct Items {
    pub(super) source: Source,
    pub(super) shape: Vec<i64>,
    /// Order of the stored values of images.
    pub(super) layout: Layout,
    /// Numbers of the items that belong to this part, if not all do.
    pub(super) chosen: Option<Arc<Vec<u32>>>,
    /// Classes of all stored items, where they are known.
    pub(super) labels: Option<Arc<data::Labels>>,
    pub(super) path: PathBuf,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
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

/// What the values of items are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Units {
    /// 0 to 255, which become pixels in [0, 1].
    Bytes,
    /// Numbers as they are, from the least to the largest.
    Floats([f64; 2]),
}

impl Items {
    /// The items of a data set, and a line where their axes were found by a rule.
    ///
    /// # Arguments
    /// * `stated` — what is said of arrays
    /// * `wanted` — shape that the items must have, where it is known
    ///
    /// # Errors
    /// [`Error::Content`] for items of another shape, or whose axes are ambiguous.
    pub fn of_files(
        set: data::DataSet,
        path: &Path,
        stated: Stated,
        wanted: Option<Wanted>,
    ) -> Result<(Self, Option<String>), Error> {
        let stored: Vec<i64> = set.shape.iter().map(|&side| side as i64).collect();
        let arranged = match wanted {
            Some(wanted) if set.planes && stored != wanted.shape => Err((
                format!("items of {}", shape_text(&stored)),
                format!("{wanted} (--size resizes images)"),
            )),
            _ if set.planes => Ok(Arrangement { shape: stored, layout: Layout::Chw, note: None }),
            _ => arrange(&stored, stated, wanted),
        };
        let Arrangement { shape, layout, note } =
            arranged.map_err(|(found, expected)| Error::content(path, found, expected))?;
        let source = Source::Files(Arc::new(set));
        let path = path.to_owned();
        Ok((Self { source, shape, layout, chosen: None, labels: None, path }, note))
    }

    /// All items, in order, from memory.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>, shape: &[i64]) -> Self {
        let path = PathBuf::from("memory");
        Self {
            source: Source::Images(Arc::new(bytes)),
            shape: shape.to_vec(),
            layout: Layout::Chw,
            chosen: None,
            labels: None,
            path,
        }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.chosen {
            Some(chosen) => chosen.len(),
            None => self.stored_len(),
        }
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where they come from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shape of an item.
    #[must_use]
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

    /// Number of an item of this part among all that are stored.
    pub(super) fn stored_number(&self, number: usize) -> usize {
        self.chosen.as_ref().map_or(number, |chosen| chosen[number] as usize)
    }

    /// Reads items by their numbers in this part, one after the other.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn read(&self, numbers: &[usize]) -> Result<Stored, Error> {
        let dim = self.dim();
        let stored = |number: usize| self.stored_number(number);
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
                    self.arrange(&mut values);
                    Ok(Stored::Bytes(values))
                }
                Pixels::Floats(rows) => {
                    let mut values = Vec::with_capacity(numbers.len() * dim);
                    let mut item = vec![0.0_f64; dim];
                    for &number in numbers {
                        rows.read(stored(number), &mut item).map_err(Error::file(&self.path))?;
                        values.extend(item.iter().map(|&value| value as f32));
                    }
                    self.arrange(&mut values);
                    Ok(Stored::Floats(values))
                }
            },
        }
    }

    /// Brings stored items into the order of their shape.
    fn arrange<T: Copy>(&self, values: &mut [T]) {
        if let (Layout::Hwc, shape @ [_, _, _]) = (self.layout, &self.shape[..]) {
            for item in values.chunks_exact_mut(self.dim()) {
                let interleaved = item.to_vec();
                planes(&interleaved, shape, item);
            }
        }
    }

    /// SHA-256 of the values that the items are from, as [`data::DataSet::digest`] has it.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn digest(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        let kind = match &self.source {
            Source::Files(set) => return Ok(set.digest().map_err(Error::file(&self.path))?.to_owned()),
            Source::Images(values) => {
                hash.update(&values[..]);
                "u8"
            }
            Source::Points(values) => {
                values.iter().for_each(|value| hash.update(value.to_le_bytes()));
                "f32"
            }
        };
        let sides: Vec<String> = self.shape.iter().map(i64::to_string).collect();
        hash.update(format!("{kind} {}x{}\n", self.stored_len(), sides.join("x")));
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What the items' values are, all of which are read where they are floats.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn units(&self) -> Result<Units, Error> {
        let widened = |[least, most]: [f64; 2], value: f64| [least.min(value), most.max(value)];
        let nothing = [f64::INFINITY, f64::NEG_INFINITY];
        match &self.source {
            Source::Images(_) => Ok(Units::Bytes),
            Source::Points(values) => {
                Ok(Units::Floats(values.iter().map(|&value| f64::from(value)).fold(nothing, widened)))
            }
            Source::Files(set) => match &set.rows {
                Pixels::Bytes(_) => Ok(Units::Bytes),
                Pixels::Floats(rows) => {
                    let (mut extent, mut item) = (nothing, vec![0.0_f64; self.dim()]);
                    for number in 0..self.stored_len() {
                        rows.read(number, &mut item).map_err(Error::file(&self.path))?;
                        extent = item.iter().copied().fold(extent, widened);
                    }
                    Ok(Units::Floats(extent))
                }
            },
        }
    }

    /// The items without `count` of them drawn by the seed, and those.
    pub(super) fn held_out(self, count: u64, seed: u64) -> Result<(Self, Option<Self>), Error> {
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
    /// Their type, as NumPy writes it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bytes(_) => "|u1",
            Self::Floats(_) => "<f4",
        }
    }

    /// As a file holds them.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Floats(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// A batch on a device: `[count, …shape]` in single precision, bytes divided by 255.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`].
    pub fn tensor(&self, shape: &[i64], device: Device) -> Result<Tensor, Error> {
        let size: Vec<i64> = [-1].into_iter().chain(shape.iter().copied()).collect();
        match self {
            // Bytes travel, and become numbers on the device.
            Self::Bytes(values) => {
                let bytes = torch::upload(Tensor::f_from_slice(values)?.view(size.as_slice()), device)?;
                Ok(bytes.f_to_kind(Kind::Float)?.f_div_scalar_(255.0)?)
            }
            Self::Floats(values) => {
                torch::upload(Tensor::f_from_slice(values)?.view(size.as_slice()), device)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
