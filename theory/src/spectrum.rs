//! Eigenvalues of a data set's covariance, by the system's LAPACK (feature `lapack`).

use ndarray::{Array2, ArrayView2, Axis};
use ndarray_linalg::{EigValsh, UPLO};

use crate::Error;

/// Eigenvalues λ_k of the covariance of the rows of `data`, largest first, one for each dimension.
///
/// # Formula
/// ```text
/// Λ = 1/rows·Σ_i (x_i − x̄)(x_i − x̄)ᵀ
/// ```
/// The law of one row drawn at random has exactly this covariance: hence 1/rows, not 1/(rows − 1). With
/// fewer rows than dimensions the matrix of inner products, which has the same nonzero eigenvalues, is
/// decomposed instead.
///
/// # Arguments
/// * `data` — `[rows, dim]`. Time min(rows, dim)²·(rows + dim), memory rows·dim + min(rows, dim)²
///
/// # Accuracy
/// Absolute error at most a modest multiple of (rows + dim)·2⁻⁵³·λ₁ (backward stability of LAPACK's
/// symmetric solver; not enclosed). True eigenvalues are not negative, so a negative result is returned as
/// 0, which is nearer.
///
/// # Errors
/// [`Error::Count`] without rows or columns, [`Error::NotFinite`] naming the row, [`Error::Eigenvalues`]
/// when LAPACK fails.
pub fn covariance_eigenvalues(data: ArrayView2<f64>) -> Result<Vec<f64>, Error> {
    let Some(mean) = data.mean_axis(Axis(0)).filter(|mean| !mean.is_empty()) else {
        return Err(Error::Count { name: "entries of data", value: 0, allowed: "at least 1" });
    };
    if let Some(((row, column), &value)) = data.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::NotFinite { name: "data", row, column, value });
    }
    let (rows, dim) = data.dim();
    let centred: Array2<f64> = &data - &mean;
    let products =
        if rows < dim { centred.dot(&centred.t()) } else { centred.t().dot(&centred) } / rows as f64;
    let ascending =
        products.eigvalsh(UPLO::Lower).map_err(|error| Error::Eigenvalues { reason: error.to_string() })?;
    let mut eigenvalues: Vec<f64> = ascending.iter().rev().map(|&value| value.max(0.0)).collect();
    eigenvalues.resize(dim, 0.0);
    Ok(eigenvalues)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Rows ±√λ_k·√rows/√2·q_k have mean 0 and covariance Σ λ_k q_k q_kᵀ.
    fn with_spectrum(eigenvalues: &[f64], directions: &Array2<f64>) -> Array2<f64> {
        let rows = 2 * eigenvalues.len();
        Array2::from_shape_fn((rows, directions.ncols()), |(i, k)| {
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            sign * (eigenvalues[i / 2] * rows as f64 / 2.0).sqrt() * directions[[i / 2, k]]
        })
    }

    /// A Householder reflection I − 2vvᵀ/‖v‖²: orthogonal, dense.
    fn reflection(dim: usize) -> Array2<f64> {
        let v = |i: usize| 1.0 + (i as f64).sin();
        let norm: f64 = (0..dim).map(|i| v(i).powi(2)).sum();
        Array2::from_shape_fn((dim, dim), |(i, j)| f64::from(i == j) - 2.0 * v(i) * v(j) / norm)
    }

    fn defect(found: &[f64], expected: &[f64]) -> f64 {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).fold(0.0, |max, (a, b)| (a - b).abs().max(max))
    }

    /// (rows + dim)·2⁻⁵³·λ₁ = 1e-13 for the sizes here, times 10.
    const BOUND: f64 = 1e-12;

    #[test]
    fn a_known_spectrum_is_found_with_more_rows_than_dimensions() {
        let eigenvalues = [16.0, 9.0, 4.0, 1.0, 0.25];
        let data = with_spectrum(&eigenvalues, &reflection(5));
        assert!(defect(&covariance_eigenvalues((&data + 7.0).view()).unwrap(), &eigenvalues) < BOUND);
    }

    #[test]
    fn a_known_spectrum_is_found_with_fewer_rows_than_dimensions() {
        let data = with_spectrum(&[16.0, 9.0, 4.0], &reflection(40));
        let mut expected = vec![16.0, 9.0, 4.0];
        expected.resize(40, 0.0);
        assert!(defect(&covariance_eigenvalues((&data + 7.0).view()).unwrap(), &expected) < BOUND);
    }

    #[test]
    fn bad_data_are_refused() {
        assert!(matches!(covariance_eigenvalues(Array2::zeros((0, 3)).view()), Err(Error::Count { .. })));
        assert!(matches!(covariance_eigenvalues(Array2::zeros((3, 0)).view()), Err(Error::Count { .. })));
        let broken = array![[1.0, 2.0], [3.0, f64::NAN]];
        let expected = Error::NotFinite { name: "data", row: 1, column: 1, value: f64::NAN };
        assert_eq!(covariance_eigenvalues(broken.view()).unwrap_err().to_string(), expected.to_string());
    }
}
