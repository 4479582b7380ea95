//! Technique 2: the noise scales between σ₁ and σ_L.
//!
//! Adjacent levels should overlap. For one Gaussian, ‖x‖ at level σ_{i−1} lies within three standard deviations of its
//! mean with probability 0.997; Technique 2 asks that ‖x‖ at level σ_i lies in that range with probability c ≈ ½. With
//! Proposition 2's normal law this probability depends on γ = σ_{i−1}/σ_i and the dimension D alone,
//!
//! ```text
//! C(γ) = Φ(u) − Φ(v),   u = s(γ − 1) + 3γ,   v = s(γ − 1) − 3γ,   s = √(2D).
//! ```
//!
//! **One root.** C′(γ) = (s + 3)φ(u) − (s − 3)φ(v) is negative iff 12·s·γ(γ − 1) > 2·ln((s + 3)/(s − 3)), whose left side
//! rises on [1, ∞). So for s > 3, that is D ≥ 5, C first rises, then falls strictly to 0: every target 0 < c < C(1)
//! has exactly one root γ > 1, and two signs enclose it. For D ≤ 4, s < 3 and v → −∞: C never falls below C(1).
//! The exact χ law obeys the same argument ([`crate::chi_overlap`]).

use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::fmt;

use statrs::distribution::{ContinuousCDF, Normal};

use super::NoiseRange;
use crate::interval::Interval;
use crate::names::named;
use crate::root::falling_root;
use crate::{Error, normal};

/// The smallest dimension in which Technique 2 has a solution.
pub const MIN_DIM: u64 = 5;
/// The largest dimension accepted: integers up to here are doubles.
pub const MAX_DIM: u64 = 1 << 53;

/// The largest dimension accepted for the exact law, whose sums have about √D terms.
pub const MAX_CHI_DIM: u64 = 1_000_000_000;

/// Law of the radius ‖x‖ in Technique 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Proposition 2's limit N(√D·σ, σ²/2), as in the paper.
    Normal,
    /// The exact law of ‖x‖, with its exact mean and standard deviation.
    Chi,
}

/// How the real solution x = ln(σ₁/σ_L)/ln γ becomes a number of levels L.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// ⌈x⌉ + 1: the only rule here that guarantees the target, since the realised γ is at most the root.
    CeilPlusOne,
    /// ⌊x⌋ + 1: reproduces the published numbers of levels.
    FloorPlusOne,
    /// ⌈x⌉.
    Ceil,
    /// ⌊x⌋.
    Floor,
    /// The integer nearest to x, plus 1.
    RoundPlusOne,
}

named!(Law, "law": Normal => "normal", Chi => "chi");

named!(Rounding, "rounding": CeilPlusOne => "ceil+1", FloorPlusOne => "floor+1", Ceil => "ceil", Floor => "floor",
    RoundPlusOne => "round+1");

impl Rounding {
    fn levels(self, x: f64) -> f64 {
        match self {
            Self::CeilPlusOne => x.ceil() + 1.0,
            Self::FloorPlusOne => x.floor() + 1.0,
            Self::Ceil => x.ceil(),
            Self::Floor => x.floor(),
            Self::RoundPlusOne => x.round() + 1.0,
        }
    }
}

/// What is asked of Technique 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// Overlap of adjacent levels.
    pub target: f64,
    /// Law of the radius.
    pub law: Law,
    /// How L follows from γ.
    pub rounding: Rounding,
}

impl Default for Spacing {
    /// The paper's ½ by the normal law, with the rounding that guarantees it.
    fn default() -> Self {
        Self { target: 0.5, law: Law::Normal, rounding: Rounding::CeilPlusOne }
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounding = match self.rounding {
            Rounding::CeilPlusOne => "ceil(x)+1",
            Rounding::FloorPlusOne => "floor(x)+1",
            Rounding::Ceil => "ceil(x)",
            Rounding::Floor => "floor(x)",
            Rounding::RoundPlusOne => "round(x)+1",
        };
        let law = if self.law == Law::Chi { " by the chi law" } else { "" };
        write!(f, "overlap {}{law} with {rounding}", self.target)
    }
}

/// Probability that ‖x‖ at one level falls in the three-standard-deviation range of the level above.
///
/// # Formula
/// ```text
/// C(γ) = Φ(√(2D)(γ − 1) + 3γ) − Φ(√(2D)(γ − 1) − 3γ)                    Law::Normal
/// C(γ) = F_χ(γ(m + 3s)) − F_χ(γ(m − 3s)),  m, s = mean and sd of F_χ     Law::Chi
/// ```
///
/// # Arguments
/// * `gamma` — σ_{i−1}/σ_i ≥ 1, bounded
/// * `dim` — D
///
/// # Accuracy
/// Enclosure; absolute width below 1e-14 at a point γ where the overlap is not within 1e-3 of 1 and D ≥ 100.
///
/// # Source
/// Song & Ermon (2020), Technique 2.
#[must_use]
pub fn overlap(gamma: Interval, dim: u64, law: Law) -> Interval {
    overlap_less(gamma, dim, law, 0.0).max(Interval::ZERO)
}

/// C(γ) − c; near v = 0, where the root for c ≈ ½ lies, to full relative accuracy of the difference.
fn overlap_less(gamma: Interval, dim: u64, law: Law, target: f64) -> Interval {
    let Law::Normal = law else {
        return crate::chi_overlap::chi_overlap(gamma, dim) - target;
    };
    // u and v are affine in γ, so their ranges are spanned by their values at the ends.
    let range = |reach| standardised(gamma.lo(), dim, reach).hull(standardised(gamma.hi(), dim, reach));
    let (u, v) = (range(3.0), range(-3.0));
    if v.abs().is_below(1.0) {
        let half = Interval::point(0.5);
        half - target - normal::cdf(-u) - half * normal::erf(v / Interval::point(2.0).sqrt())
    } else {
        normal::probability_between(v, u) - target
    }
}

/// √(2D)(γ − 1) + reach·γ, where the two terms nearly cancel: their rounding errors are kept and added.
///
/// γ − 1 is exact for every double 1 ≤ γ ≤ 2⁵³ (no larger one solves Technique 2), and fused multiply-adds give the exact error of each product.
fn standardised(gamma: f64, dim: u64, reach: f64) -> Interval {
    let (twice_dim, excess) = (2.0 * Interval::integer(dim), gamma - 1.0);
    let root = twice_dim.mid().sqrt();
    let root_error =
        (twice_dim - twice_dim.mid() + (-root).mul_add(root, twice_dim.mid())) / (twice_dim.sqrt() + root);
    let (spread, shift) = (root * excess, reach * gamma);
    let product_errors = Interval::point(root.mul_add(excess, -spread)) + reach.mul_add(gamma, -shift);
    (Interval::point(spread) + shift) + (product_errors + root_error * excess)
}

/// The noise ratio γ > 1 at which adjacent levels overlap with probability `target`.
///
/// # Arguments
/// * `dim` — D, 5 to 2⁵³
/// * `target` — 0 < c < C(1) (0.9973 for the normal law)
///
/// # Accuracy
/// Enclosure of the only root; two neighbouring doubles for the dimensions of Table 4 and the normal law, at most
/// three for 100 ≤ D ≤ 4·10⁶, 0.01 ≤ c ≤ 0.95 (test).
///
/// # Errors
/// [`Error::NoRatio`] for D ≤ 4; [`Error::Count`] for D beyond 2⁵³, or 10⁹ for the exact law; [`Error::Domain`] for a target outside (0, C(1)).
///
/// # Example
/// ```
/// use ncsn_theory::schedule::{Law, gamma_root};
/// let gamma = gamma_root(3072, 0.5, Law::Normal)?;
/// assert!(gamma.contains(1.0397964165056566));
/// # Ok::<(), ncsn_theory::Error>(())
/// ```
///
/// # Source
/// Song & Ermon (2020), Technique 2; existence and uniqueness in the module documentation.
pub fn gamma_root(dim: u64, target: f64, law: Law) -> Result<Interval, Error> {
    check_target(dim, target, law)?;
    let above_target = |gamma: f64| overlap_less(Interval::point(gamma), dim, law, target);
    let guess = approximate_root(dim, target);
    let mut beyond = if guess > 1.0 { 2.0 * guess } else { 2.0 };
    while !above_target(beyond).is_below(0.0) {
        beyond *= 2.0;
        if beyond.is_infinite() {
            return Err(Error::NoRatio { dim, target });
        }
    }
    Ok(falling_root(above_target, 1.0, beyond, guess))
}

/// Refuses dimensions and targets for which Technique 2 has no unique root.
fn check_target(dim: u64, target: f64, law: Law) -> Result<(), Error> {
    if dim < MIN_DIM {
        return Err(Error::NoRatio { dim, target });
    }
    if dim > MAX_DIM {
        return Err(Error::Count { name: "dim", value: dim, allowed: "5 to 2^53" });
    }
    if law == Law::Chi && dim > MAX_CHI_DIM {
        return Err(Error::Count { name: "dim", value: dim, allowed: "5 to 10^9 for the exact law" });
    }
    let greatest = overlap(Interval::ONE, dim, law);
    if !(target >= 1e-300 && greatest.is_above(target)) {
        return Err(Error::Domain {
            name: "overlap",
            value: target,
            allowed: "1e-300 to below C(1), the overlap of a level with itself (0.9973 for the normal law)",
        });
    }
    Ok(())
}

/// The root for the normal law in plain doubles: a starting point only.
///
/// Φ(u) is nearly 1 at the root, so v ≈ Φ⁻¹(1 − c) and γ ≈ (s + v)/(s − 3); Newton's method does the rest.
fn approximate_root(dim: u64, target: f64) -> f64 {
    let s = (2.0 * dim as f64).sqrt();
    let mut gamma = (s - Normal::standard().inverse_cdf(target)) / (s - 3.0);
    for _ in 0..2 {
        let (u, v) = (s * (gamma - 1.0) + 3.0 * gamma, s * (gamma - 1.0) - 3.0 * gamma);
        let [over, under] = [u, v].map(|t| 0.5 * core_math::erfc(t * FRAC_1_SQRT_2));
        let [at_u, at_v] = [u, v].map(|t| (-0.5 * t * t).exp() / (2.0 * PI).sqrt());
        gamma -= (under - over - target) / ((s + 3.0) * at_u - (s - 3.0) * at_v);
    }
    gamma
}

/// Number of ratios γ between σ₁ and σ_L, a real number: x = ln(σ₁/σ_L)/ln γ.
#[must_use]
pub fn real_levels(range: NoiseRange, gamma: Interval) -> Interval {
    range.ln_ratio() / gamma.ln()
}

/// Number of levels L for a noise ratio.
///
/// # Errors
/// [`Error::UndecidedLevels`] when the ends of the enclosure of x round differently; [`Error::Count`] when L is below 2
/// or beyond 2⁵³.
pub fn num_levels(range: NoiseRange, gamma: Interval, rounding: Rounding) -> Result<u64, Error> {
    let x = real_levels(range, gamma);
    let (lo, hi) = (rounding.levels(x.lo()), rounding.levels(x.hi()));
    if lo != hi {
        return Err(Error::UndecidedLevels { lo: x.lo(), hi: x.hi() });
    }
    check_levels(if lo <= MAX_DIM as f64 { lo as u64 } else { u64::MAX })
}

/// Refuses fewer than two levels and more than can be counted in doubles.
pub(super) fn check_levels(num_levels: u64) -> Result<u64, Error> {
    if (2..=MAX_DIM).contains(&num_levels) {
        Ok(num_levels)
    } else {
        Err(Error::Count { name: "num_levels", value: num_levels, allowed: "2 to 2^53" })
    }
}

/// The noise ratio of L geometric levels, γ = (σ₁/σ_L)^{1/(L−1)}.
///
/// # Accuracy
/// Relative width at most 8 ulp plus 4·ln γ ulp.
#[must_use]
pub fn realised_gamma(range: NoiseRange, num_levels: u64) -> Interval {
    (range.ln_ratio() / Interval::integer(num_levels - 1)).exp()
}

/// Overlap targets for which a rounding rule gives exactly L levels, as enclosures of the two ends of their interval.
///
/// # Formula
/// ```text
/// ⌊x⌋ + 1 = L  ⇔  L − 1 ≤ x < L  ⇔  C(γ_{L−1}) ≤ c < C(γ_L),   γ_k = (σ₁/σ_L)^{1/k},
/// ```
/// and likewise for the other rules, since x rises with c.
pub fn targets_for_levels(
    range: NoiseRange,
    dim: u64,
    num_levels: u64,
    rounding: Rounding,
    law: Law,
) -> Result<(Interval, Interval), Error> {
    let levels = check_levels(num_levels)? as f64;
    let (least, greatest) = match rounding {
        Rounding::CeilPlusOne => (levels - 2.0, levels - 1.0),
        Rounding::FloorPlusOne | Rounding::Ceil => (levels - 1.0, levels),
        Rounding::Floor => (levels, levels + 1.0),
        Rounding::RoundPlusOne => (levels - 1.5, levels - 0.5),
    };
    let overlap_at = |ratios: f64| {
        if ratios > 0.0 {
            overlap((range.ln_ratio() / ratios).exp(), dim, law)
        } else {
            Interval::ZERO // no ratio at all: the first level already is the last
        }
    };
    Ok((overlap_at(least), overlap_at(greatest)))
}
