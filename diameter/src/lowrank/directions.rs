//! Directions in which the rows differ most, with integer coordinates.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, s};
use rayon::prelude::*;

use crate::entry::Entry;
use crate::kernels::{self, DIRECTIONS, DirectionTile, STRIP, TILE};
use crate::ranking::spread;

/// Columns of the matrices from which inner products of rows are computed; they stay in the second-level cache.
const COLUMNS: usize = 512;

/// Steps of orthogonal iteration. Any directions are valid; these few come close to the best.
const ITERATIONS: usize = 6;

/// A direction's coordinates are multiples of 1/SCALE: exact in singles, and products of directions are sums of
/// integers below 2⁵³, exact in doubles.
const SCALE: f64 = (1_u64 << 23) as f64;

/// A few nearly orthonormal directions.
pub(super) struct Directions {
    /// For each tile of columns; missing columns and directions are 0.
    tiles: Vec<DirectionTile>,
    count: usize,
    dim: usize,
    /// Upper bound of the spectral norm of V Vᵀ − I.
    pub(super) defect: f64,
    /// Computed projections a of u satisfy ‖a − V u‖ ≤ error·‖u‖.
    pub(super) error: f64,
}

impl Directions {
    /// The principal directions of `sample` (row after row) about `centre`, at most `count` and 24.
    ///
    /// # Accuracy
    /// The coordinates are rounded to multiples of 2⁻²³, so V Vᵀ is computed without rounding and `defect` is the
    /// largest row sum of |V Vᵀ − I|, which bounds its spectral norm.
    pub(super) fn principal<E: Entry>(sample: &[E], centre: &[E], count: usize) -> Self {
        let gram = gram(sample, centre);
        let weights = principal_weights(&gram, count.min(DIRECTIONS));
        let (count, dim) = (weights.nrows(), centre.len());
        let parts: Vec<(DirectionTile, Array2<f64>)> = starts(dim, TILE)
            .into_par_iter()
            .map(|start| {
                let rows = centred(sample, centre, start, TILE);
                let tile = weights.dot(&rows).mapv_into(|v| (v * SCALE).round() / SCALE);
                (for_kernel(&tile), tile.dot(&tile.t()))
            })
            .collect();
        let products = parts.iter().fold(Array2::zeros((count, count)), |sum, (_, part)| sum + part);
        let tiles = parts.into_iter().map(|(tile, _)| tile).collect();
        let (defect, error) = accuracy(&products);
        Self { tiles, count, dim, defect, error }
    }

    /// Number of directions.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Projections of rows less `centre`, times `scale` (a power of two); 0 for missing directions.
    pub(super) fn project<E: Entry>(&self, rows: &[E], centre: &[E], scale: f64) -> Vec<[f64; DIRECTIONS]> {
        let mut projections = vec![[0.0; DIRECTIONS]; rows.len() / self.dim];
        for (strip, out) in rows.chunks(STRIP * self.dim).zip(projections.chunks_mut(STRIP)) {
            out.copy_from_slice(&self.project_strip(strip, centre, scale)[..out.len()]);
        }
        projections
    }

    /// Projections of at most [`STRIP`] rows.
    fn project_strip<E: Entry>(&self, rows: &[E], centre: &[E], scale: f64) -> [[f64; DIRECTIONS]; STRIP] {
        let mut sums = [[0.0; DIRECTIONS]; STRIP];
        let mut tile = [[0.0; TILE]; STRIP];
        for (start, directions) in starts(self.dim, TILE).into_iter().zip(&self.tiles) {
            let end = self.dim.min(start + TILE);
            for (row, out) in rows.chunks_exact(self.dim).zip(&mut tile) {
                // Beyond the last column stale entries meet zeros of the directions.
                E::centred(&row[start..end], &centre[start..end], scale, out);
            }
            kernels::add_products(&tile, directions, &mut sums);
        }
        sums
    }
}

/// `defect` and `error` of [`Directions`] with the given products V Vᵀ.
fn accuracy(products: &Array2<f64>) -> (f64, f64) {
    let trace: f64 = products.diag().sum();
    let excess = products - Array2::<f64>::eye(products.nrows());
    let defect = excess.rows().into_iter().map(|row| row.mapv(f64::abs).sum()).fold(0.0, f64::max);
    // Within a tile a product is off by γ_(TILE+1)·Σ|u||v| with the rounding of u, hence over all tiles and
    // directions by γ_(TILE+1)·‖u‖‖V‖_F (Cauchy-Schwarz twice); 2·TILE covers that and the sums of tiles in doubles
    // up to 10⁹ columns.
    let unit = 0.5 * f64::from(f32::EPSILON);
    (defect * (1.0 + 1e-12), 2.0 * TILE as f64 * unit * trace.sqrt())
}

/// Directions `[direction, column]` as the kernel wants them.
fn for_kernel(tile: &Array2<f64>) -> DirectionTile {
    let mut transposed = [[0.0; DIRECTIONS]; TILE];
    for ((direction, column), &coordinate) in tile.indexed_iter() {
        transposed[column][direction] = coordinate as f32;
    }
    transposed
}

fn starts(dim: usize, width: usize) -> Vec<usize> {
    (0..dim).step_by(width).collect()
}

/// Columns `start .. start + width` of rows, less the centre, as doubles.
fn centred<E: Entry>(rows: &[E], centre: &[E], start: usize, width: usize) -> Array2<f64> {
    let dim = centre.len();
    let end = dim.min(start + width);
    let mut tile = Array2::zeros((rows.len() / dim, end - start));
    for (row, mut out) in rows.chunks_exact(dim).zip(tile.rows_mut()) {
        for ((out, entry), centre) in out.iter_mut().zip(&row[start..end]).zip(&centre[start..end]) {
            *out = entry.to_f64() - centre.to_f64();
        }
    }
    tile
}

/// Inner products of the rows less the centre.
fn gram<E: Entry>(rows: &[E], centre: &[E]) -> Array2<f64> {
    const BAND: usize = 64;
    let count = rows.len() / centre.len();
    let bands: Vec<Array2<f64>> = (0..count)
        .step_by(BAND)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|from| {
            let to = count.min(from + BAND);
            let mut band = Array2::zeros((to - from, count));
            for start in starts(centre.len(), COLUMNS) {
                let all = centred(rows, centre, start, COLUMNS);
                general_mat_mul(1.0, &all.slice(s![from..to, ..]), &all.t(), 1.0, &mut band);
            }
            band
        })
        .collect();
    let mut gram = Array2::zeros((count, count));
    for (index, band) in bands.iter().enumerate() {
        gram.slice_mut(s![index * BAND..index * BAND + band.nrows(), ..]).assign(band);
    }
    gram
}

/// Weights of the rows in each principal direction, `[direction, row]`, by orthogonal iteration on inner products.
fn principal_weights(gram: &Array2<f64>, count: usize) -> Array2<f64> {
    let rows = gram.nrows();
    let mut weights = Array2::zeros((count, rows));
    for (index, mut weight) in weights.rows_mut().into_iter().enumerate() {
        weight.assign(&gram.row(spread(index, count, rows)));
    }
    for _ in 0..ITERATIONS {
        let images = weights.dot(gram);
        weights = orthonormal(weights, images).1;
    }
    let images = weights.dot(gram);
    orthonormal(weights, images).0
}

/// Gram-Schmidt in the inner product whose matrix maps `weights` to `images`; vanishing vectors are left out.
fn orthonormal(mut weights: Array2<f64>, mut images: Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    let mut kept: Vec<usize> = Vec::with_capacity(weights.nrows());
    let largest = norms(&weights, &images).fold(0.0, f64::max);
    for index in 0..weights.nrows() {
        let mut weight = weights.row(index).to_owned();
        let mut image = images.row(index).to_owned();
        for &other in &kept {
            let overlap = images.row(other).dot(&weight);
            subtract(&mut weight, overlap, &weights.row(other));
            subtract(&mut image, overlap, &images.row(other));
        }
        let norm = weight.dot(&image);
        if norm > 1e-12 * largest {
            weights.row_mut(index).assign(&(weight / norm.sqrt()));
            images.row_mut(index).assign(&(image / norm.sqrt()));
            kept.push(index);
        }
    }
    (weights.select(ndarray::Axis(0), &kept), images.select(ndarray::Axis(0), &kept))
}

fn norms<'a>(weights: &'a Array2<f64>, images: &'a Array2<f64>) -> impl Iterator<Item = f64> + 'a {
    weights.rows().into_iter().zip(images.rows()).map(|(weight, image)| weight.dot(&image))
}

fn subtract(from: &mut Array1<f64>, factor: f64, what: &ArrayView1<'_, f64>) {
    from.scaled_add(-factor, what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_on_a_line_have_one_direction() {
        let rows: Vec<u8> = (0..8).flat_map(|step| [10 + 3 * step, 20 + 4 * step]).collect();
        let directions = Directions::principal(&rows, &[10, 20], 4);
        let projections = directions.project(&rows, &[10, 20], 0.5);
        assert_eq!((directions.count(), projections.len()), (1, 8));
        assert!(directions.defect < 1e-6);
        for (step, row) in projections.iter().enumerate() {
            // 3-4-5 triangle, scaled by 1/2; the direction is rounded to 2⁻²³.
            assert!((row[0].abs() - 2.5 * step as f64).abs() < 1e-5);
        }
    }
}
