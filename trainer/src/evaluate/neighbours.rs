//! The data nearest to each sample, by which memorised images are found: exact, most distances excluded by bounds.

use std::ops::Range;

use multiversion::multiversion;
use rayon::prelude::*;
use tch::{Device, Tensor};

use super::bounds::{self, Coordinates, Map};
use crate::dataset::Stored;
use crate::{Error, torch};

/// Entries of a distance between looks at the limit: few enough for a sum of squares of bytes in 32 bits.
const STRETCH: usize = 256;
/// Items of which bounds are computed at a time by a core, few enough to stay in its cache.
const BLOCK: usize = 64;
/// Bounds that are compared at a time.
const GROUP: usize = 64;
/// More than all terms of a bound that underflow, each below 2⁻¹²⁶.
const UNDERFLOW: f64 = 1e-30;

/// One neighbour of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Number of the item.
    pub item: usize,
    /// Whether it is the item's mirror image.
    pub mirrored: bool,
    /// Euclidean distance of the features; of pixels in [0, 1] for bytes.
    pub distance: f64,
}

/// The nearest items so far, for each of several samples.
#[derive(Debug)]
pub struct Nearest {
    /// The samples, and their mirror images where those are compared too.
    queries: Vec<(Stored, Coordinates)>,
    map: Map,
    count: usize,
    /// For each sample by distance, then number; in `distance` the squared one, in units of 1/255² for bytes.
    found: Vec<Vec<Neighbour>>,
}

impl Nearest {
    /// Of samples of `dim` values each, one after the other, with their `count` nearest items.
    ///
    /// # Arguments
    /// * `mirrored` — the samples' mirror images: as far from an item as the sample is from the mirrored item
    /// * `device` — where products are computed
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`].
    pub fn new(
        samples: Stored,
        mirrored: Option<Stored>,
        dim: usize,
        count: usize,
        device: Device,
    ) -> Result<Self, Error> {
        torch::attempt(|| {
            let values = match &samples {
                Stored::Bytes(bytes) => bytes.len(),
                Stored::Floats(values) => values.len(),
            };
            let all = values / dim;
            let rows = bounds::rows(&samples, 0..all, dim, device)?;
            let map = Map::of(&rows, matches!(samples, Stored::Bytes(_)), device);
            let found = vec![Vec::new(); all];
            let coordinates = |stored: Stored| {
                let coordinates = map.coordinates(&stored, 0..all, false)?;
                Ok((stored, coordinates))
            };
            let queries =
                [samples].into_iter().chain(mirrored).map(coordinates).collect::<Result<_, Error>>()?;
            Ok(Self { queries, map, count, found })
        })?
    }

    /// Takes in items with their numbers; best in thousands, and from everywhere among the data: the sooner the nearest so far
    /// are near, the fewer distances are computed. The result does not depend on it.
    ///
    /// # Accuracy
    /// Exact for bytes: distances are compared as integers, and of equal ones the lowest number is nearest, an item before
    /// its mirror image. Floats are compared by distances that are computed in double precision.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`].
    pub fn add(&mut self, items: &Stored, numbers: &[usize], mirrored: bool) -> Result<(), Error> {
        let device = self.map.device;
        let width = if device.is_cuda() { numbers.len().max(1) } else { BLOCK };
        let parts = (0..numbers.len()).step_by(width).map(|first| first..numbers.len().min(first + width));
        let parts: Vec<(Range<usize>, Map, Vec<Tensor>)> = parts
            .map(|part| {
                let own = self.queries.iter().map(|(_, own)| own.0.shallow_clone());
                (part, self.map.shallow_clone(), own.collect())
            })
            .collect();
        // For each part and query, of each sample to each item.
        let bounds: Vec<Vec<Vec<f32>>> = torch::on_one_thread(|| {
            let of_part = |(part, map, own): (_, Map, Vec<Tensor>)| {
                torch::attempt(|| {
                    let coordinates = map.coordinates(items, part, true)?;
                    let bounds = own.iter().map(|own| torch::values(&own.matmul(&coordinates.0.tr())));
                    Ok(bounds.collect())
                })?
            };
            parts.into_par_iter().map(of_part).collect::<Result<_, Error>>()
        })?;
        let (dim, count) = (self.map.dim, self.count);
        for (at, (samples, _)) in self.queries.iter().enumerate() {
            let is_mirrored = mirrored != (at == 1);
            self.found.par_iter_mut().enumerate().for_each(|(sample, found)| {
                let most = limit(found, count) + UNDERFLOW;
                let mut candidates: Vec<(f32, usize)> = vec![];
                for (first, bounds) in (0..).step_by(width).zip(&bounds) {
                    let part = width.min(numbers.len() - first);
                    at_most(&bounds[at][sample * part..][..part], most, first, &mut candidates);
                }
                candidates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                for (bound, item) in candidates {
                    let limit = limit(found, count);
                    if f64::from(bound) > limit + UNDERFLOW {
                        break;
                    }
                    if let Some(distance) = square(samples, sample, items, item, dim, limit) {
                        insert(
                            found,
                            Neighbour { item: numbers[item], mirrored: is_mirrored, distance },
                            count,
                        );
                    }
                }
            });
        }
        Ok(())
    }

    /// The neighbours of each sample, nearest first.
    #[must_use]
    pub fn finish(self) -> Vec<Vec<Neighbour>> {
        let unit = if matches!(self.queries[0].0, Stored::Bytes(_)) { 255.0 } else { 1.0 };
        let rooted = |found: Neighbour| Neighbour { distance: found.distance.sqrt() / unit, ..found };
        self.found.into_iter().map(|row| row.into_iter().map(rooted).collect()).collect()
    }
}

/// The squared distance that a neighbour must not exceed.
fn limit(found: &[Neighbour], count: usize) -> f64 {
    if found.len() < count { f64::INFINITY } else { found[count - 1].distance }
}

/// Takes the bounds up to a limit, with their places from `first` on; most bounds are larger, a group at a time.
#[multiversion(targets("x86_64+avx2+fma"))]
fn at_most(bounds: &[f32], limit: f64, first: usize, found: &mut Vec<(f32, usize)>) {
    let limit = (limit as f32).next_up();
    for (group, first) in bounds.chunks(GROUP).zip((first..).step_by(GROUP)) {
        if group.iter().fold(false, |any, bound| any | (*bound <= limit)) {
            found.extend(group.iter().copied().zip(first..).filter(|(bound, _)| *bound <= limit));
        }
    }
}

/// Puts a neighbour in its place, unless the same item is as near already.
fn insert(found: &mut Vec<Neighbour>, new: Neighbour, count: usize) {
    let key = |n: &Neighbour| (n.item, n.mirrored);
    let after =
        |old: &Neighbour| old.distance.total_cmp(&new.distance).then(key(old).cmp(&key(&new))).is_gt();
    // An item and its mirror image are one neighbour.
    if let Some(same) = found.iter().position(|old| old.item == new.item) {
        if !after(&found[same]) {
            return;
        }
        found.remove(same);
    }
    let place = found.partition_point(|old| !after(old));
    found.insert(place, new);
    found.truncate(count);
}

/// Squared distance of a sample and an item, unless it exceeds the limit.
fn square(
    samples: &Stored,
    sample: usize,
    items: &Stored,
    item: usize,
    dim: usize,
    limit: f64,
) -> Option<f64> {
    let (a, b) = (sample * dim..(sample + 1) * dim, item * dim..(item + 1) * dim);
    match (samples, items) {
        (Stored::Bytes(samples), Stored::Bytes(items)) => sum(&samples[a], &items[b], limit, of_bytes),
        (Stored::Floats(samples), Stored::Floats(items)) => sum(&samples[a], &items[b], limit, |a, b| {
            a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
        }),
        _ => None,
    }
}

/// Squared distance of bytes, few enough for 32 bits.
#[multiversion(targets("x86_64+avx2+fma"))]
fn of_bytes(a: &[u8], b: &[u8]) -> f64 {
    let squares = a.iter().zip(b).map(|(&a, &b)| {
        let difference = i16::from(a) - i16::from(b);
        i32::from(difference) * i32::from(difference)
    });
    f64::from(squares.sum::<i32>())
}

/// Sum over stretches, unless it exceeds the limit.
fn sum<T>(a: &[T], b: &[T], limit: f64, part: impl Fn(&[T], &[T]) -> f64) -> Option<f64> {
    let mut total = 0.0;
    for (a, b) in a.chunks(STRETCH).zip(b.chunks(STRETCH)) {
        total += part(a, b);
        if total > limit {
            return None;
        }
    }
    Some(total)
}
