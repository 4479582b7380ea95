//! Low-rank bounds: most of a distance between natural images lies in a few directions.

mod directions;
mod filter;
mod project;
mod record;
mod records;

pub(crate) use filter::decide;

/// Upper bound of ‖x − y‖² from the projections of x − c and y − c on nearly orthonormal directions.
///
/// # Formula
/// ```text
/// G = V Vᵀ = I + E, ‖E‖ ≤ defect;  u = x − c, a = V u, likewise w = y − c, b = V w
/// u = Vᵀa + u', V u' = −E a   ⇒   u·w = a·b − aᵀE b + u'·w',   ‖u'‖² = ‖u‖² − ‖a‖² + aᵀE a
/// ‖x − y‖² = ‖u‖² + ‖w‖² − 2 u·w ≤ ‖u‖² + ‖w‖² − 2 a·b + defect·(‖a‖² + ‖b‖²) + 2 ‖u'‖‖w'‖
/// ```
/// # Arguments
/// * `radii` — ‖u‖², ‖w‖² or upper bounds
/// * `product` — a·b
/// * `projected` — ‖a‖², ‖b‖²
/// * `residuals` — upper bounds of ‖u'‖, ‖w'‖ as from [`residual`]
/// * `defect` — upper bound of the spectral norm of E
///
/// # Accuracy
/// The formula in rounded arithmetic; the filter that uses it in bulk adds the slack that [`slack`] derives.
#[must_use]
pub fn upper_bound(
    radii: [f64; 2],
    product: f64,
    projected: [f64; 2],
    residuals: [f64; 2],
    defect: f64,
) -> f64 {
    radii[0] + radii[1] - 2.0 * product
        + defect * (projected[0] + projected[1])
        + 2.0 * residuals[0] * residuals[1]
}

/// Upper bound of ‖u'‖, what the directions leave of a row.
///
/// # Formula
/// ‖u'‖² ≤ ‖u‖² − (1 − defect)·‖a‖²
///
/// # Arguments
/// * `radius` — upper bound of ‖u‖²
/// * `projected` — ‖a‖² as computed
/// * `defect` — upper bound of the spectral norm of E
/// * `error` — ‖a − computed a‖ ≤ `error`·‖u‖, at most 0.001
///
/// # Accuracy
/// Upper bound: ‖a‖² ≥ ‖computed‖² − 3·error·‖u‖² as ‖computed‖ ≤ 1.1‖u‖, and 1e-13·‖u‖² exceeds the rounding of
/// ‖computed‖² (γ_k, k ≤ 24) and of this function.
#[must_use]
pub fn residual(radius: f64, projected: f64, defect: f64, error: f64) -> f64 {
    (radius * (1.0 + 3.0 * error + 1e-13) - (1.0 - defect) * projected).max(0.0).sqrt()
}

/// What a squared radius is enlarged by, relatively, so that the bound computed in single precision is one.
///
/// # Formula
/// With u = 2⁻²⁴, n = `terms` of the single-precision product, η = `defect` ≤ 0.01, ε = `error` ≤ 0.001:
/// ```text
/// ‖a‖² + ‖u'‖² ≤ 1.05‖u‖² by the formula of residual, hence
/// orthonormality    η·‖a‖² ≤ 1.02·η·‖u‖²
/// projection        2|a·b − computed| ≤ 3ε(‖u‖² + ‖w‖²)
/// rounding to f32   2(2u + u²)·‖a‖‖b‖ ≤ 2.2u(‖u‖² + ‖w‖²)
/// product in f32    γ_n·Σ|terms| ≤ 2.2·n·u·(‖u‖² + ‖w‖²), in whatever order it is summed
/// ```
/// It serves a bound by some of the directions too: their defect is that of a principal submatrix of E, their error that
/// of a part of a vector, neither larger.
#[must_use]
pub fn slack(terms: usize, defect: f64, error: f64) -> f64 {
    let unit = 0.5 * f64::from(f32::EPSILON);
    1.02 * defect + 3.0 * error + 2.2 * (terms + 1) as f64 * unit
}
