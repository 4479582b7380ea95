//! The variance that Algorithm 1 carries from level to level.
//!
//! Proposition 3 starts a level at exactly σ_{i−1}². Within Algorithm 1 a level starts where the one above ended, with
//! r_{i−1}·σ_{i−1}² = γ²·r_{i−1}·σ_i², so that the excess r_i − 1 of the variance over the level's own σ_i² is carried on:
//!
//! ```text
//! r_i = w^{2T}(γ²r_{i−1} − v) + v            w = 1 − δ,  v = 2/(2 − δ),  δ = ε/σ_L²
//! r_i − 1 = E + q·(r_{i−1} − 1)              E = δ²·G_T(w²) + (γ² − 1)·w^{2T},  q = γ²w^{2T},  G_n(x) = Σ_{k<n} x^k
//! r_L − 1 = q^{L−1}·δ²G_T(w²) + E·G_{L−1}(q)
//! ```
//!
//! E is Proposition 3's excess of one level ([`variance_excess`]). The first level starts at its own σ₁², which is the
//! variance that σ₁ claims to stand for: r₁ − 1 = δ²·G_T(w²) < E. For q < 1 the excess rises to E/(1 − q), its limit;
//! otherwise it grows with every level.
//!
//! **At Technique 4's ε the limit exists.** With u = δ/w its equation reads (see [`crate::schedule`])
//! γ² − 1 = u + u²·Σ_{j=1}^{T−1} (1 − j/T)(1 + u)^{2j−1}, which is below u·Σ_{k<2T} (1 + u)^k = (1 + u)^{2T} − 1 term by
//! term, so that q = γ²·(1 + u)^{−2T} < 1.
//!
//! As in Proposition 3, the data have no extent beside the noise, and the score is exact.

use crate::geometric::Geometric;
use crate::interval::Interval;
use crate::proposition3::{excess_from, variance_excess};

/// Excess r_n − 1 of the variance over σ_n² after n levels of Algorithm 1, the first of which starts at σ₁².
///
/// # Formula
/// The last line of the module documentation, with n for L: all its terms are positive, nothing cancels.
///
/// # Arguments
/// * `gamma` — σ_{i−1}/σ_i > 1
/// * `delta` — ε/σ_L², in (0, 2)
/// * `steps` — T
/// * `levels` — n ≥ 1; 0 counts as 1
///
/// # Accuracy
/// Enclosure; relative width below 1e-12 for the rows of Table 4 where q < 1, below 1e-11 for the one where it is not (test).
/// Time O(log T + log n).
///
/// # Example
/// ```
/// use ncsn_theory::{chain::chain_excess, interval::Interval, proposition3::variance_excess};
/// // Table 4, LSUN church: σ₁ = 140, L = 788, T = 4, ε = 4.9e-6, σ_L = 0.01. One level of 0.0247 becomes 0.0787.
/// let gamma = Interval::point((140.0_f64 / 0.01).powf(1.0 / 787.0));
/// let delta = Interval::point(4.9e-6 / 1e-4);
/// assert_eq!(format!("{:.4}", variance_excess(gamma, delta, 4).mid()), "0.0247");
/// assert_eq!(format!("{:.4}", chain_excess(gamma, delta, 4, 788).mid()), "0.0787");
/// ```
///
/// # Source
/// Algorithm 1 and the recursion in the proof of Proposition 3, without its assumption on where a level starts.
#[must_use]
pub fn chain_excess(gamma: Interval, delta: Interval, steps: u64, levels: u64) -> Interval {
    chain_excess_from((gamma - 1.0) * (gamma + 1.0), delta, steps, levels)
}

/// [`chain_excess`] for γ² − 1 itself, which is known more sharply than γ where γ is near 1.
///
/// # Arguments
/// * `start` — γ² − 1 > 0, as from [`NoiseRange::start_excess`](crate::schedule::NoiseRange::start_excess). The others
///   as for [`chain_excess`]
///
/// # Accuracy
/// As for [`chain_excess`].
#[must_use]
pub fn chain_excess_from(start: Interval, delta: Interval, steps: u64, levels: u64) -> Interval {
    let first = excess_from(Interval::ZERO, delta, steps);
    let carried = (1.0 + start) * (1.0 - delta).sqr().powi(steps);
    let Geometric { sum, power, .. } = Geometric::new(carried, levels.saturating_sub(1));
    power * first + excess_from(start, delta, steps) * sum
}

/// Limit of [`chain_excess`] for ever more levels of one ratio; none unless q < 1 is certain.
///
/// # Formula
/// ```text
/// r* − 1 = E/(1 − q),   which is   r* = v(1 − w^{2T})/(1 − γ²w^{2T})
/// ```
#[must_use]
pub fn chain_limit(gamma: Interval, delta: Interval, steps: u64) -> Option<Interval> {
    let carried = gamma.sqr() * (1.0 - delta).sqr().powi(steps);
    carried.is_below(1.0).then(|| variance_excess(gamma, delta, steps) / (1.0 - carried))
}

/// Standard deviation, in units of σ_L, of the noise that Algorithm 1 leaves on one image when the network is not told σ
/// (Technique 3, s(x, σ) = s(x)/σ).
///
/// # Formula
/// Such a network finds out the noise ρσ_i that is there and points at the image x₀: s = −(x − x₀)/(ρσ_i·σ_i). From ρ = 1 at σ₁,
/// ```text
/// T times   ρ² ← (ρ − δ)² + 2δ,   then to the next level   ρ ← γ·ρ
/// ```
/// With the score that Proposition 3 assumes, which is told σ, a step has ρ² ← (1 − δ)²·ρ² + 2δ. Here what a step takes from ρ is at
/// most δ, so that ρ grows without bound once (γ − 1)·ρ > T·δ.
///
/// # Arguments
/// As of [`chain_excess`].
///
/// # Accuracy
/// Plain doubles; against mpmath within 1e-9 for CIFAR-10's levels (test). Exact for one image in infinitely many dimensions, where
/// noise has its norm. Time O(levels·steps).
///
/// # Example
/// ```
/// use ncsn_theory::chain::unconditional_noise;
/// let gamma = (50.0_f64 / 0.01).powf(1.0 / 231.0);
/// // CIFAR-10 with Table 4's ε: five steps a level, and two.
/// assert_eq!(format!("{:.3}", unconditional_noise(gamma, 0.062, 5, 232)), "1.176");
/// assert_eq!(format!("{:.1}", unconditional_noise(gamma, 0.062, 2, 232)), "37.6");
/// ```
///
/// # Source
/// Algorithm 1 with Technique 3's parameterisation; the paper does not follow what that does to the variance.
#[must_use]
pub fn unconditional_noise(gamma: f64, delta: f64, steps: u64, levels: u64) -> f64 {
    let mut rho = 1.0_f64;
    for level in 0..levels {
        if level > 0 {
            rho *= gamma;
        }
        for _ in 0..steps {
            rho = ((rho - delta).powi(2) + 2.0 * delta).sqrt();
        }
    }
    rho
}
