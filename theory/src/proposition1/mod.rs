//! Proposition 1: the score of an equal-weight Gaussian mixture, and how rarely a draw of one component is
//! claimed by another.
//!
//! [`Mixture`] evaluates p̂_σ(x) = 1/N Σ_j N(x | c_j, σ²I); [`bound`] and [`exact_pair`] bound and enclose
//! `E_{p_i}[r_j]` for two components; [`Mixture::expected_responsibility`] estimates it among N.

mod monte_carlo;
mod pair;

use std::f64::consts::PI;

use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{
    ArcArray1, ArcArray2, Array1, Array2, ArrayBase, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Data, Ix1,
    Zip,
};

pub use monte_carlo::Estimate;
pub use pair::{PairBounds, bound, exact_over_bound, exact_pair};

use crate::Error;

/// Points evaluated at once: with N centres, their weights take this many × N doubles.
const POINT_BLOCK: usize = 256;
/// Centres, or columns of the result, that one parallel task multiplies.
const TILE: usize = 512;
/// When fewer than one weight in this many is not 0, adding those centres is cheaper than a matrix product.
const SPARSE_FACTOR: usize = 16;

/// Equal-weight mixture of N isotropic Gaussians in D dimensions; clones and copies at other σ share the
/// centres.
///
/// # Accuracy
/// With u = 2⁻⁵³, every method evaluates log weights −‖x − c_j‖²/(2σ²) with an absolute error of at most
/// [`log_weight_error`](Self::log_weight_error), by ‖x‖² + ‖c‖² − 2x·c about the centres' mean. Maxima are
/// subtracted before exponentials are taken, so nothing depends on the magnitude of the densities. Results
/// do not depend on rayon's number of threads (nor on anything else by default; with feature `lapack`,
/// products are OpenBLAS's).
///
/// Memory: one copy of the centres, and 256 × N doubles during a call, beside the result.
///
/// # Example
/// ```
/// use ndarray::array;
/// use ncsn_theory::proposition1::Mixture;
/// let mixture = Mixture::new(array![[0.0, 0.0], [2.0, 0.0]].view(), 0.01)?;
/// // Halfway between the centres both p_i are e⁻⁵⁰⁰⁰ smaller than at their peaks, and they still balance.
/// let middle = array![[1.0, 3.0]];
/// assert_eq!(mixture.responsibilities(middle.view())?, array![[0.5, 0.5]]);
/// let score = mixture.score(middle.view())?;
/// assert!(score[[0, 0]].abs() < 1e-8 && (score[[0, 1]] / -3e4 - 1.0).abs() < 1e-15);
/// # Ok::<(), ncsn_theory::Error>(())
/// ```
///
/// # Source
/// Proposition 1, definitions of p̂_σ₁ and r⁽ⁱ⁾.
#[derive(Clone, Debug)]
pub struct Mixture {
    /// Rows c_j − origin.
    centres: ArcArray2<f64>,
    /// ½‖c_j − origin‖².
    half_squares: ArcArray1<f64>,
    /// Mean of the centres, subtracted from everything so that squared norms are no larger than they must be.
    origin: ArcArray1<f64>,
    sigma: f64,
}

impl Mixture {
    /// The mixture with the rows of `centres` as means and covariance σ²I.
    ///
    /// # Errors
    /// [`Error::Count`] without rows or columns; [`Error::NotFinite`] naming the row; [`Error::Domain`]
    /// when σ is not positive, or 1/σ² or a squared norm overflows.
    pub fn new(centres: ArrayView2<f64>, sigma: f64) -> Result<Self, Error> {
        if centres.is_empty() {
            return Err(Error::Count { name: "entries of centres", value: 0, allowed: "at least 1" });
        }
        check_finite("centres", centres)?;
        check_sigma(sigma)?;
        let rows = centres.nrows() as f64;
        let origin = centres.fold_axis(Axis(0), 0.0, |sum, c| sum + c / rows);
        let centres = &centres - &origin;
        let half_squares = half_square_norms(centres.view());
        check_scale(&half_squares, "squared norm of a centre")?;
        Ok(Self { centres: centres.into(), half_squares: half_squares.into(), origin: origin.into(), sigma })
    }

    /// The same centres at another σ; costs nothing.
    ///
    /// # Errors
    /// [`Error::Domain`] when σ is not positive or 1/σ² overflows.
    pub fn with_sigma(&self, sigma: f64) -> Result<Self, Error> {
        check_sigma(sigma)?;
        Ok(Self { sigma, ..self.clone() })
    }

    /// N.
    #[must_use]
    pub fn num_components(&self) -> usize {
        self.centres.nrows()
    }

    /// D.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.centres.ncols()
    }

    /// σ.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// ln p̂_σ at each point.
    ///
    /// # Formula
    /// ```text
    /// ln p̂_σ(x) = ln Σ_j exp(−‖x − c_j‖²/(2σ²)) − ln N − (D/2)·ln(2πσ²)
    /// ```
    /// # Arguments
    /// * `points` — `[batch, dim]`; the result is `[batch]`
    ///
    /// # Accuracy
    /// Absolute error [`log_weight_error`](Self::log_weight_error), plus N·u for the sum and 4u of the
    /// largest of its three terms.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`] naming the row; [`Error::Domain`] when ‖x − c_j‖²/σ² overflows.
    pub fn log_density(&self, points: ArrayView2<f64>) -> Result<Array1<f64>, Error> {
        let points = self.shifted(points)?;
        let variance = self.sigma * self.sigma;
        let constant =
            (self.num_components() as f64).ln() + 0.5 * self.dim() as f64 * (2.0 * PI * variance).ln();
        let mut result = Array1::zeros(points.nrows());
        for (block, mut result) in blocks(&points).zip(result.axis_chunks_iter_mut(Axis(0), POINT_BLOCK)) {
            let mut weights = self.log_weights(block);
            Zip::from(&mut result).and(weights.rows_mut()).par_for_each(|result, mut row| {
                let greatest = row.fold(f64::NEG_INFINITY, |max, &w| max.max(w));
                row.mapv_inplace(|w| (w - greatest).exp());
                *result = greatest + row.sum().ln() - constant;
            });
        }
        Ok(result)
    }

    /// Responsibilities r⁽ʲ⁾(x) = p⁽ʲ⁾(x)/Σ_k p⁽ᵏ⁾(x), `[batch, N]`, for points `[batch, dim]`.
    ///
    /// # Accuracy
    /// Relative error of e^b − 1 with b twice [`log_weight_error`](Self::log_weight_error), plus N·u;
    /// values below the smallest double become 0.
    ///
    /// # Errors
    /// As [`log_density`](Self::log_density).
    pub fn responsibilities(&self, points: ArrayView2<f64>) -> Result<Array2<f64>, Error> {
        let points = self.shifted(points)?;
        let mut result = Array2::zeros((points.nrows(), self.num_components()));
        for (block, mut result) in blocks(&points).zip(result.axis_chunks_iter_mut(Axis(0), POINT_BLOCK)) {
            self.log_weights_into(block, result.view_mut());
            normalise(&mut result);
        }
        Ok(result)
    }

    /// Score ∇ₓ ln p̂_σ(x), `[batch, dim]`, for points `[batch, dim]`.
    ///
    /// # Formula
    /// ```text
    /// ∇ₓ ln p̂_σ(x) = Σ_j r⁽ʲ⁾(x)·(c_j − x)/σ²
    /// ```
    /// # Accuracy
    /// Absolute error of each entry at most (r's relative error + (N + 6)·u)·max_j ‖c_j − origin‖/σ² +
    /// 6u·‖x − origin‖/σ². Two matrix products take nearly all the time; where most responsibilities are 0
    /// the second is not formed.
    ///
    /// # Errors
    /// As [`log_density`](Self::log_density).
    ///
    /// # Source
    /// Proposition 1, first statement.
    pub fn score(&self, points: ArrayView2<f64>) -> Result<Array2<f64>, Error> {
        let mut result = self.shifted(points)?;
        let precision = 1.0 / (self.sigma * self.sigma);
        for mut block in result.axis_chunks_iter_mut(Axis(0), POINT_BLOCK) {
            let mut weights = self.log_weights(block.view());
            let nonzero = normalise(&mut weights.view_mut());
            if nonzero * SPARSE_FACTOR < weights.len() {
                self.pull_to_few_centres(weights.view(), precision, block);
            } else {
                // block ← precision·weights·centres − precision·block, each task on its own columns
                let columns = self.centres.axis_chunks_iter(Axis(1), TILE).into_par_iter();
                block.axis_chunks_iter_mut(Axis(1), TILE).into_par_iter().zip(columns).for_each(
                    |(mut block, centres)| {
                        general_mat_mul(precision, &weights, &centres, -precision, &mut block);
                    },
                );
            }
        }
        Ok(result)
    }

    /// Index of the component whose centre is nearest to each point, the first of equals.
    ///
    /// # Accuracy
    /// Centres whose log weights differ by less than twice [`log_weight_error`](Self::log_weight_error) may
    /// be confused.
    ///
    /// # Errors
    /// As [`log_density`](Self::log_density).
    pub fn nearest(&self, points: ArrayView2<f64>) -> Result<Vec<usize>, Error> {
        let points = self.shifted(points)?;
        let mut nearest = Vec::with_capacity(points.nrows());
        for block in blocks(&points) {
            nearest.extend(self.log_weights(block).rows().into_iter().map(|row| argmax(row)));
        }
        Ok(nearest)
    }

    /// Bound on the absolute error of every log weight −‖x − c_j‖²/(2σ²) of each point, `[batch]`.
    ///
    /// # Formula
    /// ```text
    /// γ_{D+12}·(‖x − origin‖ + max_j ‖c_j − origin‖)²/(2σ²) + 3D·2⁻¹⁰⁷⁴·(1 + 1/σ²),   γ_n = nu/(1 − nu),   u = 2⁻⁵³
    /// ```
    /// A sum of D products in any order, fused or not, errs by γ_D times the sum of magnitudes (Higham,
    /// Accuracy and Stability of Numerical Algorithms, §3.1): γ_D·(‖x‖‖c‖ + ½‖x‖² + ½‖c‖²) for the three
    /// sums together. In the same unit, ½(‖x‖ + ‖c‖)², subtracting the origin perturbs ½‖x − c‖² by 2u, two
    /// subtractions and the factor 1/σ² by 5u, the subtraction of the greatest log weight by u; 4u are left
    /// for terms of second order and for the rounding of this bound itself. The last term is for
    /// products that underflow.
    ///
    /// # Errors
    /// As [`log_density`](Self::log_density).
    pub fn log_weight_error(&self, points: ArrayView2<f64>) -> Result<Array1<f64>, Error> {
        let points = self.shifted(points)?;
        let reach = half_square_norms(points.view()).mapv(|half| (2.0 * half).sqrt() + self.farthest());
        Ok(reach.mapv(|reach| self.error_within(reach)))
    }

    /// The bound of [`log_weight_error`](Self::log_weight_error) for a given ‖x − origin‖ + max_j ‖c_j −
    /// origin‖.
    fn error_within(&self, reach: f64) -> f64 {
        let n_u = (self.dim() + 12) as f64 * 0.5 * f64::EPSILON;
        let underflow = 3.0 * self.dim() as f64 * f64::from_bits(1) * (1.0 + 1.0 / (self.sigma * self.sigma));
        n_u / (1.0 - n_u) * (reach / self.sigma).powi(2) / 2.0 + underflow
    }

    /// max_j ‖c_j − origin‖.
    fn farthest(&self) -> f64 {
        (2.0 * greatest(&self.half_squares)).sqrt()
    }

    /// Points about the origin, once their shape, finiteness and scale are checked.
    fn shifted(&self, points: ArrayView2<f64>) -> Result<Array2<f64>, Error> {
        if points.ncols() != self.dim() {
            return Err(Error::Shape { name: "each point", found: points.ncols(), expected: self.dim() });
        }
        check_finite("points", points)?;
        let points = &points - &self.origin;
        self.check_reach(&half_square_norms(points.view()))?;
        Ok(points)
    }

    /// Whether ‖x − c_j‖²/σ² ≤ (2‖x‖² + 2‖c_j‖²)/σ² is a double, for points with the given ½‖x‖².
    fn check_reach<S: Data<Elem = f64>>(&self, half_squares: &ArrayBase<S, Ix1>) -> Result<(), Error> {
        let greatest = greatest(&self.half_squares);
        let scale = 4.0 / (self.sigma * self.sigma);
        check_scale(
            &half_squares.mapv(|half| (half + greatest) * scale),
            "squared distance over sigma squared",
        )
    }

    /// −‖x − c_j‖²/(2σ²), `[batch, N]`, for points already shifted.
    fn log_weights(&self, points: ArrayView2<f64>) -> Array2<f64> {
        let mut weights = Array2::zeros((points.nrows(), self.num_components()));
        self.log_weights_into(points, weights.view_mut());
        weights
    }

    fn log_weights_into(&self, points: ArrayView2<f64>, mut weights: ArrayViewMut2<f64>) {
        let precision = 1.0 / (self.sigma * self.sigma);
        let half_points = half_square_norms(points);
        let centres = self.centres.axis_chunks_iter(Axis(0), TILE).into_par_iter();
        let half_centres = self.half_squares.axis_chunks_iter(Axis(0), TILE).into_par_iter();
        weights.axis_chunks_iter_mut(Axis(1), TILE).into_par_iter().zip(centres).zip(half_centres).for_each(
            |((mut weights, centres), half_centres)| {
                general_mat_mul(1.0, &points, &centres.t(), 0.0, &mut weights);
                for (mut row, half_point) in weights.rows_mut().into_iter().zip(&half_points) {
                    Zip::from(&mut row)
                        .and(half_centres)
                        .for_each(|w, half_centre| *w = (*w - half_centre - half_point) * precision);
                }
            },
        );
    }

    /// block ← precision·(weights·centres − block), centre by centre.
    fn pull_to_few_centres(&self, weights: ArrayView2<f64>, precision: f64, mut block: ArrayViewMut2<f64>) {
        Zip::from(block.rows_mut()).and(weights.rows()).par_for_each(|mut x, weights| {
            x.mapv_inplace(|x| -precision * x);
            for (centre, &weight) in self.centres.rows().into_iter().zip(weights).filter(|(_, w)| **w != 0.0)
            {
                x.scaled_add(precision * weight, &centre);
            }
        });
    }
}

/// Turns rows of log weights into rows of sum 1; returns how many entries are not 0.
fn normalise(weights: &mut ArrayViewMut2<f64>) -> usize {
    weights
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .map(|mut row| {
            let greatest = row.fold(f64::NEG_INFINITY, |max, &w| max.max(w));
            row.mapv_inplace(|w| (w - greatest).exp());
            let sum = row.sum();
            row.mapv_inplace(|w| w / sum);
            row.iter().filter(|&&w| w != 0.0).count()
        })
        .sum()
}

fn blocks(points: &Array2<f64>) -> impl Iterator<Item = ArrayView2<'_, f64>> {
    points.axis_chunks_iter(Axis(0), POINT_BLOCK)
}

fn half_square_norms(rows: ArrayView2<f64>) -> Array1<f64> {
    Zip::from(rows.rows()).par_map_collect(|row| 0.5 * row.dot(&row))
}

fn greatest(values: &ArcArray1<f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, |max, &value| max.max(value))
}

fn argmax(row: ArrayView1<f64>) -> usize {
    row.indexed_iter().fold((0, f64::NEG_INFINITY), |best, (j, &w)| if w > best.1 { (j, w) } else { best }).0
}

fn check_sigma(sigma: f64) -> Result<(), Error> {
    let precision = 1.0 / (sigma * sigma);
    if sigma > 0.0 && precision.is_normal() {
        return Ok(());
    }
    Err(Error::Domain { name: "sigma", value: sigma, allowed: "(0, ∞), with a normal double 1/sigma²" })
}

fn check_finite(name: &'static str, rows: ArrayView2<f64>) -> Result<(), Error> {
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(Error::NotFinite { name, row, column, value }),
        None => Ok(()),
    }
}

fn check_scale(values: &Array1<f64>, name: &'static str) -> Result<(), Error> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(Error::Domain { name, value, allowed: "finite doubles" }),
        None => Ok(()),
    }
}
