//! Lower bounds of the distances of many vectors, by their projections on a few directions.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::dataset::Stored;
use crate::{Error, torch};

/// Directions on which items and samples are projected.
const DIRECTIONS: i64 = 48;
/// Samples from which directions are computed; with fewer, products of whole vectors cost no more than projections.
const LEAST_SAMPLES: usize = 256;
/// Columns that are multiplied at a time, which limits how rounding adds up.
const TILE: i64 = 512;
/// Unit roundoff of single precision.
const UNIT: f64 = 0.5 * f32::EPSILON as f64;

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
pub(super) struct Coordinates(pub(super) Tensor);

/// From vectors to coordinates.
#[derive(Debug)]
pub(super) struct Map {
    centre: Tensor,
    /// V, `[directions, dim]`; none where coordinates are the entries themselves.
    directions: Option<Tensor>,
    pub(super) dim: usize,
    pub(super) device: Device,
    /// δ.
    defect: f64,
    /// η.
    error: f64,
}

impl Map {
    /// Principal directions of samples `[count, dim]`; any directions are valid.
    pub(super) fn of(samples: &Tensor, are_bytes: bool, device: Device) -> Self {
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

    pub(super) fn shallow_clone(&self) -> Self {
        let directions = self.directions.as_ref().map(Tensor::shallow_clone);
        Self { centre: self.centre.shallow_clone(), directions, ..*self }
    }

    /// Coordinates of some of the vectors, as of items or as of samples.
    pub(super) fn coordinates(
        &self,
        stored: &Stored,
        part: Range<usize>,
        of_items: bool,
    ) -> Result<Coordinates, Error> {
        let u = rows(stored, part, self.dim, self.device)?.f_sub_(&self.centre)?;
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

/// Some of the vectors, `[count, dim]`, in single precision.
pub(super) fn rows(stored: &Stored, part: Range<usize>, dim: usize, device: Device) -> Result<Tensor, Error> {
    let part = part.start * dim..part.end * dim;
    let flat = match stored {
        Stored::Bytes(bytes) => {
            torch::upload(Tensor::f_from_slice(&bytes[part])?, device)?.f_to_kind(Kind::Float)?
        }
        Stored::Floats(values) => torch::upload(Tensor::f_from_slice(&values[part])?, device)?,
    };
    Ok(flat.view([-1, dim as i64]))
}
