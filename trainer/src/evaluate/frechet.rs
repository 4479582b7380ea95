//! The Fréchet distance of two Gaussian laws, which for features of Inception is FID.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::statistics::Statistics;
use crate::{Error, torch};

/// The distance and its parts; all are squares, as is usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frechet {
    /// Sum of both parts.
    pub distance: f64,
    /// ‖μ₁ − μ₂‖².
    pub means: f64,
    /// tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½).
    pub covariances: f64,
    /// How far rounding may have moved the distance: an estimate, not a bound.
    pub rounding: f64,
}

/// The Fréchet distance of the Gaussian laws with two means and covariances.
///
/// # Formula
/// ```text
/// ‖μ₁ − μ₂‖² + tr Σ₁ + tr Σ₂ − 2 Σ_i √λ_i,   λ the eigenvalues of S Σ₂ S,  S = Σ₁^½
/// ```
/// S Σ₂ S is symmetric and has the eigenvalues of Σ₁Σ₂, so no complex numbers appear.
///
/// # Accuracy
/// Double precision. Backward stable methods find symmetric eigenvalues to within a moderate multiple of 2⁻⁵²·λ_max;
/// t = dim·2⁻⁵²·λ_max is taken for it. A λ moved by t moves 2√λ by at most 2·min(√t, t/√λ), and [`Frechet::rounding`]
/// is the sum of that. Where there are fewer items than features, many λ are 0 and √t counts: with 2,048 features
/// 1.3·10⁻⁶·√λ_max for each.
///
/// # Errors
/// [`Error::Setting`] for different dimensions, and for a matrix with an eigenvalue below −t: no covariance.
///
/// # Source
/// Dowson & Landau (1982); Heusel et al. (2017), "GANs trained by a two time-scale update rule", for FID.
pub fn frechet(first: &Statistics, second: &Statistics) -> Result<Frechet, Error> {
    if first.dim() != second.dim() {
        let allowed = format!("{}, as the samples have", first.dim());
        return Err(Error::setting("number of features of the data", second.dim(), allowed));
    }
    torch::attempt(|| {
        let difference = &first.mean - &second.mean;
        let means = difference.dot(&difference).double_value(&[]);
        let (values, vectors) = symmetric(&first.covariance).linalg_eigh("L");
        let (values, _) = non_negative(&values)?;
        let root = (&vectors * values.sqrt()).matmul(&vectors.tr());
        let product = root.matmul(&symmetric(&second.covariance)).matmul(&root);
        let (lambda, t) = non_negative(&symmetric(&product).linalg_eigvalsh("L"))?;
        // √t where λ ≤ t.
        let moved = lambda.clamp_min(t).sqrt().reciprocal() * t;
        let trace = |matrix: &Tensor| matrix.trace().double_value(&[]);
        let covariances = trace(&first.covariance) + trace(&second.covariance)
            - 2.0 * lambda.sqrt().sum(Kind::Double).double_value(&[]);
        let rounding = if t > 0.0 { 2.0 * moved.sum(Kind::Double).double_value(&[]) } else { 0.0 };
        Ok(Frechet { distance: means + covariances, means, covariances, rounding })
    })?
}

fn symmetric(matrix: &Tensor) -> Tensor {
    (matrix + matrix.tr()) / 2.0
}

/// Eigenvalues of which those within rounding of 0 are 0, and that rounding t.
fn non_negative(values: &Tensor) -> Result<(Tensor, f64), Error> {
    let t = values.size()[0] as f64 * f64::EPSILON * values.abs().max().double_value(&[]);
    let least = values.min().double_value(&[]);
    if least < -t {
        let allowed = format!("0 or more, to within {t:e}");
        return Err(Error::setting("an eigenvalue of the covariance", format!("{least:e}"), allowed));
    }
    Ok((values.clamp_min(0.0), t))
}
