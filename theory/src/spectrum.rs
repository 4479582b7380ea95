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
/// The law of one row drawn at random has exactly this covariance: hence 1/rows, not 1/(rows − 1). With fewer rows than dimensions the
/// matrix of inner products, which has the same nonzero eigenvalues, is decomposed instead.
///
/// # Arguments
/// `data` — `[rows, dim]`. Time min(rows, dim)²·(rows + dim), memory rows·dim + min(rows, dim)².
///
/// # Accuracy
/// Absolute error at most a modest multiple of (rows + dim)·2⁻⁵³·λ₁ (backward stability of LAPACK's symmetric
/// solver; not enclosed). True eigenvalues are not negative, so a negative result is returned as 0, which is nearer.
///
/// # Errors
/// [`Error::Count`] without rows or columns, [`Error::NotFinite`] naming the row, [`Error::Eigenvalues`] when LAPACK fails.
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
