//! The data nearest to each sample, by which memorised images are found: exact, most distances excluded by bounds.

use multiversion::multiversion;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::dataset::Stored;
use crate::{Error, torch};

/// Directions on which items and samples are projected.
const DIRECTIONS: i64 = 96;
/// Samples from which directions are computed; with fewer, products of whole vectors cost no more than projections.
const LEAST_SAMPLES: usize = 256;
/// Columns that are multiplied at a time, which limits how rounding adds up.
const TILE: i64 = 512;
/// Entries of a distance between looks at the limit: few enough for a sum of squares of bytes in 32 bits.
const STRETCH: usize = 256;
/// More than all terms of a bound that underflow, each below 2⁻¹²⁶.
const UNDERFLOW: f64 = 1e-30;
/// Unit roundoff of single precision.
const UNIT: f64 = 0.5 * f32::EPSILON as f64;

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
            let rows = rows(&samples, dim, device)?;
            let map = Map::of(&rows, matches!(samples, Stored::Bytes(_)), device);
            let found = vec![Vec::new(); rows.size()[0] as usize];
            let coordinates = |stored: Stored| {
                let coordinates = map.coordinates(&stored, false)?;
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
        torch::attempt(|| {
            let coordinates = self.map.coordinates(items, true)?;
            for (at, (samples, own)) in self.queries.iter().enumerate() {
                let bounds: Vec<f32> = torch::values(&own.0.matmul(&coordinates.0.tr()));
                let width = coordinates.0.size()[0] as usize;
                let is_mirrored = mirrored != (at == 1);
                let (dim, count) = (self.map.dim, self.count);
                self.found.par_iter_mut().zip(bounds.par_chunks_exact(width)).enumerate().for_each(
                    |(sample, (found, bounds))| {
                        let limit = limit(found, count);
                        let mut candidates: Vec<(f32, usize)> = (0..)
                            .zip(bounds)
                            .filter(|(_, bound)| f64::from(**bound) <= limit + UNDERFLOW)
                            .map(|(k, b)| (*b, k))
                            .collect();
                        candidates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                        for (bound, item) in candidates {
                            let limit = self::limit(found, count);
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
                    },
                );
            }
            Ok(())
        })?
    }

    /// The neighbours of each sample, nearest first.
    #[must_use]
    pub fn finish(self) -> Vec<Vec<Neighbour>> {
        let unit = if matches!(self.queries[0].0, Stored::Bytes(_)) { 255.0 } else { 1.0 };
        let rooted = |found: Neighbour| Neighbour { distance: found.distance.sqrt() / unit, ..found };
        self.found.into_iter().map(|row| row.into_iter().map(rooted).collect()).collect()
    }
}

/// What a bound of a squared distance is computed of.
///
/// # Formula
/// With u, w a sample and an item less the centre, a = V u and b = V w for directions with V Vᵀ = I + E, ‖E‖ ≤ δ:
/// ```text
/// ‖u − w‖² ≥ ‖u‖² + ‖w‖² − 2·a·b − 2·q(u)·q(w) − 1.1·δ·(‖u‖² + ‖w‖²),   q(u)² = ‖u‖² − (1 − δ)‖a‖²
/// ```
/// for 2·u·w is 2·aᵀ(I + E)⁻¹b plus twice the product of what the directions leave, of norms at most q. In coordinates,
/// one product: (−2a, −2q, ‖u‖²·(1 − slack), 1)·(b, q, 1, ‖w‖²·(1 − slack)).
///
/// Rounding, relative to ‖u‖² + ‖w‖² and with ε = 2⁻²⁴: [`Map::error`] is η with ‖computed a − a‖ ≤ η‖u‖, which moves
/// 2·a·b by 2.2η, and by 3η·‖u‖² what is left, which q² is enlarged by; u itself is rounded, 5ε; ‖u‖² is a sum of D
/// squares, 1.1·D·ε, which q² is enlarged by too; the product has n = k + 3 terms of together at most 2.2, 2.4·n·ε, and
/// its factors are rounded, 5ε.
#[derive(Debug)]
struct Coordinates(Tensor);

/// From vectors to coordinates.
#[derive(Debug)]
struct Map {
    centre: Tensor,
    /// V, `[directions, dim]`; none where coordinates are the entries themselves.
    directions: Option<Tensor>,
    dim: usize,
    device: Device,
    /// δ.
    defect: f64,
    /// η.
    error: f64,
}

impl Map {
    /// Principal directions of samples `[count, dim]`; any directions are valid.
    fn of(samples: &Tensor, are_bytes: bool, device: Device) -> Self {
        let (count, dim) = (samples.size()[0], samples.size()[1] as usize);
        let mean = samples.mean_dim([0_i64].as_slice(), true, Kind::Float);
        // Bytes less whole numbers are exact.
        let centre = if are_bytes { mean.round() } else { mean };
        let plain = Self { centre, directions: None, dim, device, defect: 0.0, error: 0.0 };
        if (count as usize) < LEAST_SAMPLES || dim < 4 * DIRECTIONS as usize {
            return plain;
        }
        let spread = (0..LEAST_SAMPLES as i64).map(|k| k * count / LEAST_SAMPLES as i64);
        let chosen = Tensor::from_slice(&spread.collect::<Vec<_>>()).to_device(device);
        let chosen = (samples.index_select(0, &chosen) - &plain.centre).to_kind(Kind::Double);
        let (_, vectors) = chosen.matmul(&chosen.tr()).linalg_eigh("L");
        let weights = vectors.narrow(1, LEAST_SAMPLES as i64 - DIRECTIONS, DIRECTIONS);
        let (basis, _) = Tensor::linalg_qr(&chosen.tr().matmul(&weights), "reduced");
        let directions = basis.tr().to_kind(Kind::Float);
        let exact = directions.to_kind(Kind::Double);
        let excess = exact.matmul(&exact.tr()) - Tensor::eye(DIRECTIONS, (Kind::Double, device));
        // The largest row sum of |E| bounds its norm; 1e-12 is for its own rounding.
        let sums = excess.abs().sum_dim_intlist([1_i64].as_slice(), false, Kind::Double);
        let defect = sums.max().double_value(&[]) + 1e-12;
        // Samples without spread leave no directions that are orthonormal, or numbers that are none.
        if defect.is_nan() || defect >= 0.01 {
            return plain;
        }
        // Of each direction (TILE + tiles)·ε·‖v‖‖u‖ at most, in whatever order the terms of a tile are summed.
        let terms = TILE + (dim as i64 + TILE - 1) / TILE;
        let error = 1.1 * terms as f64 * UNIT * (DIRECTIONS as f64).sqrt();
        Self { directions: Some(directions), defect, error, ..plain }
    }

    /// Coordinates of vectors, as of items or as of samples.
    fn coordinates(&self, stored: &Stored, of_items: bool) -> Result<Coordinates, Error> {
        let u = rows(stored, self.dim, self.device)?.f_sub_(&self.centre)?;
        let dim = self.dim as f64;
        let squares = u.square().sum_dim_intlist([1_i64].as_slice(), true, Kind::Float).to_kind(Kind::Double);
        let (a, rest) = match &self.directions {
            None => (u, squares.zeros_like()),
            Some(directions) => {
                let mut a = Tensor::zeros([u.size()[0], DIRECTIONS], (Kind::Float, self.device));
                for first in (0..self.dim as i64).step_by(TILE as usize) {
                    let width = TILE.min(self.dim as i64 - first);
                    a = a.addmm(&u.narrow(1, first, width), &directions.narrow(1, first, width).tr());
                }
                let projected =
                    a.to_kind(Kind::Double).square().sum_dim_intlist([1_i64].as_slice(), true, Kind::Double);
                let enlarged = 1.0 + 3.0 * self.error + 1.1 * dim * UNIT;
                let rest = (&squares * enlarged - projected * (1.0 - self.defect)).clamp_min(0.0).sqrt();
                (a, rest)
            }
        };
        let terms = a.size()[1] as f64 + 3.0;
        let slack = 1.1 * self.defect + 2.2 * self.error + (2.4 * terms + 1.1 * dim + 10.0) * UNIT;
        let scaled = squares * (1.0 - slack);
        let one = scaled.ones_like();
        let parts = if of_items { [rest, one, scaled] } else { [rest * -2.0, scaled, one] };
        let [rest, second, third] = parts.map(|part| part.to_kind(Kind::Float));
        let a = if of_items { a } else { a * -2.0 };
        let all = Tensor::cat(&[a, rest, second, third], 1);
        if all.isfinite().all().int64_value(&[]) == 0 {
            return Err(Error::setting("a value to compare", "too large or none", "numbers below 1e18"));
        }
        Ok(Coordinates(all))
    }
}

/// Vectors `[count, dim]` in single precision.
fn rows(stored: &Stored, dim: usize, device: Device) -> Result<Tensor, Error> {
    let flat = match stored {
        Stored::Bytes(bytes) => {
            torch::upload(Tensor::f_from_slice(bytes)?, device)?.f_to_kind(Kind::Float)?
        }
        Stored::Floats(values) => torch::upload(Tensor::f_from_slice(values)?, device)?,
    };
    Ok(flat.view([-1, dim as i64]))
}

/// The squared distance that a neighbour must not exceed.
fn limit(found: &[Neighbour], count: usize) -> f64 {
    if found.len() < count { f64::INFINITY } else { found[count - 1].distance }
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
