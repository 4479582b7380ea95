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
//! The exact χ law obeys the same argument ([`crate::proposition2`]).

use std::str::FromStr;

use super::NoiseRange;
use crate::interval::Interval;
use crate::root::falling_root;
use crate::{Error, normal};

/// The smallest dimension in which Technique 2 has a solution.
pub const MIN_DIM: u64 = 5;
/// The largest dimension accepted: integers up to here are doubles.
pub const MAX_DIM: u64 = 1 << 53;

/// Law of the radius ‖x‖ in Technique 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Law {
    /// Proposition 2's limit N(√D·σ, σ²/2), as in the paper.
    #[default]
    Normal,
    /// The exact law of ‖x‖, with its exact mean and standard deviation.
    Chi,
}

/// How the real solution x = ln(σ₁/σ_L)/ln γ becomes a number of levels L.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// ⌈x⌉ + 1: the only rule here that guarantees the target, since the realised γ is at most the root.
    #[default]
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

impl Rounding {
    /// Every rule, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::CeilPlusOne, Self::FloorPlusOne, Self::Ceil, Self::Floor, Self::RoundPlusOne];

    /// Name used on command lines and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CeilPlusOne => "ceil+1",
            Self::FloorPlusOne => "floor+1",
            Self::Ceil => "ceil",
            Self::Floor => "floor",
            Self::RoundPlusOne => "round+1",
        }
    }

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

impl FromStr for Rounding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name);
        Self::ALL
            .into_iter()
            .find(|rule| rule.name() == name)
            .ok_or_else(|| format!("rounding is {name:?}, allowed: {}", known.join(", ")))
    }
}

impl Law {
    /// Name used on command lines and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Chi => "chi",
        }
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
/// `gamma` — σ_{i−1}/σ_i ≥ 1. `dim` — D.
///
/// # Accuracy
/// Enclosure; absolute width below 1e-14 at a point γ where the overlap is not within 1e-3 of 1 and D ≥ 100.
///
/// # Source
/// Song & Ermon (2020), Technique 2.
pub fn overlap(gamma: Interval, dim: u64, law: Law) -> Interval {
    match law {
        Law::Normal => {
            let excess = (2.0 * Interval::integer(dim)).sqrt() * (gamma - 1.0);
            let reach = 3.0 * gamma;
            normal::probability_between(excess - reach, excess + reach)
        }
        Law::Chi => crate::proposition2::chi_overlap(gamma, dim),
    }
}

/// The noise ratio γ > 1 at which adjacent levels overlap with probability `target`.
///
/// # Arguments
/// `dim` — D, 5 to 2⁵³. `target` — 0 < c < C(1) (0.9973 for the normal law).
///
/// # Accuracy
/// Enclosure of the only root; two neighbouring doubles for D ≥ 100 and the normal law (test).
///
/// # Errors
/// [`Error::NoRatio`] for D ≤ 4; [`Error::Count`] for D beyond 2⁵³; [`Error::Domain`] for a target outside (0, C(1)).
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
    let above_target = |gamma: f64| overlap(Interval::point(gamma), dim, law) - target;
    let s = (2.0 * dim as f64).sqrt();
    // Φ(u) is nearly 1 at the root, so v ≈ Φ⁻¹(1 − c) and γ ≈ (s + v)/(s − 3).
    let guess = (s + upper_quantile(target)) / (s - 3.0);
    let mut beyond = if guess > 1.0 { 2.0 * guess } else { 2.0 };
    while !above_target(beyond).is_below(0.0) {
        beyond *= 2.0;
    }
    Ok(falling_root(above_target, 1.0, beyond, guess))
}

/// Refuses dimensions and targets for which Technique 2 has no unique root.
fn check_target(dim: u64, target: f64, law: Law) -> Result<(), Error> {
    if dim < MIN_DIM {
        return Err(Error::NoRatio { dim, target });
    }
    if dim > MAX_DIM {
        return Err(Error::Count { name: "dimension", value: dim, allowed: "5 to 2^53" });
    }
    let greatest = overlap(Interval::ONE, dim, law);
    if !(target >= 1e-300 && greatest.is_above(target)) {
        return Err(Error::Domain {
            name: "overlap",
            value: target,
            allowed: "above 0 (1e-300) and below 0.9973, the overlap of a level with itself",
        });
    }
    Ok(())
}

/// Φ⁻¹(1 − c), a starting point only.
fn upper_quantile(c: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    -Normal::standard().inverse_cdf(c)
}

/// Number of ratios γ between σ₁ and σ_L, a real number: x = ln(σ₁/σ_L)/ln γ.
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
        Err(Error::Count { name: "number of levels", value: num_levels, allowed: "2 to 2^53" })
    }
}

/// The noise ratio of L geometric levels, γ = (σ₁/σ_L)^{1/(L−1)}.
///
/// # Accuracy
/// Relative width at most 8 ulp plus 4·ln γ ulp.
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
