//! Technique 4: the step size ε and the number of steps T of annealed Langevin dynamics.
//!
//! By Proposition 3 the variance after T steps at a level, relative to the level's own σ², exceeds 1 by
//!
//! ```text
//! s_T²/σ² − 1 = δ²·Σ_{k<T} w^{2k} + (γ² − 1)·w^{2T},   δ = ε/σ_L²,  w = 1 − δ.
//! ```
//!
//! It is positive for every 0 < δ < 2, so "as close to 1 as possible" asks for a minimum, not for a root.
//! **One minimum.** With u = δ/(1 − δ), the derivative vanishes iff
//!
//! ```text
//! u·[1 + u(1 + u)/T · Σ_{j<T−1} (T − 1 − j)·(1 + u)^{2j}] = γ² − 1,
//! ```
//!
//! whose left side rises strictly from 0: exactly one critical point on (0, 1), and the ratio rises for δ ≥ 1. The root
//! of this equation is therefore the global minimiser, and two signs enclose it. The minimum falls strictly with T, so T
//! is as large as the budget allows.

use crate::Error;
use crate::geometric::Geometric;
use crate::interval::Interval;
use crate::proposition3::excess_from;
use crate::root::falling_root;
use crate::schedule::NoiseRange;

/// The largest number of steps per level that is considered.
pub const MAX_STEPS: u64 = 1_000_000_000;

/// How T is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Steps {
    /// T itself.
    PerLevel(u64),
    /// The total number of score evaluations N that may be spent: T = ⌊N/L⌋.
    Budget(u64),
    /// The excess of the variance ratio over 1 that is acceptable: the smallest T that reaches it.
    Tolerance(f64),
}

impl Steps {
    /// T for a schedule of L geometric levels.
    ///
    /// # Errors
    /// [`Error::Budget`] when N < L; [`Error::Count`] for T = 0 or above [`MAX_STEPS`]; [`Error::Domain`] and
    /// [`Error::Tolerance`] for a tolerance that cannot be met.
    pub fn per_level(self, range: NoiseRange, num_levels: u64) -> Result<u64, Error> {
        match self {
            Self::PerLevel(steps) => check_steps(steps),
            Self::Budget(budget) if budget < num_levels => Err(Error::Budget { budget, num_levels }),
            Self::Budget(budget) => check_steps(budget / num_levels),
            Self::Tolerance(tolerance) => steps_from(range.start_excess(num_levels), tolerance),
        }
    }
}

pub(super) fn check_steps(steps: u64) -> Result<u64, Error> {
    if (1..=MAX_STEPS).contains(&steps) {
        Ok(steps)
    } else {
        Err(Error::Count { name: "steps_per_level", value: steps, allowed: "1 to 1000000000" })
    }
}

/// δ = ε/σ_L².
pub(super) fn delta(epsilon: f64, range: NoiseRange) -> Interval {
    epsilon / Interval::point(range.min()).sqr()
}

/// Refuses an ε for which the Langevin dynamics of a Gaussian diverges.
pub(super) fn check_epsilon(epsilon: f64, range: NoiseRange) -> Result<(), Error> {
    if epsilon > 0.0 && delta(epsilon, range).is_below(2.0) {
        Ok(())
    } else {
        Err(Error::Domain { name: "epsilon", value: epsilon, allowed: "above 0 and below 2 sigma_min^2" })
    }
}

/// The step δ = ε/σ_L² that minimises the variance ratio over (0, 2).
///
/// # Arguments
/// * `gamma` — γ > 1
/// * `steps` — T, 1 to [`MAX_STEPS`]
///
/// # Accuracy
/// Enclosure of the global minimiser; relative width below `(1 + T)·1e-14` at a point γ ≥ 1.001 (test).
///
/// # Errors
/// [`Error::Domain`] when γ ≤ 1, [`Error::Count`] for T out of range.
///
/// # Example
/// ```
/// use ncsn_theory::{interval::Interval, schedule::optimal_delta};
/// // One step: δ = 1 − γ⁻².
/// assert!(optimal_delta(Interval::point(2.0), 1)?.contains(0.75));
/// # Ok::<(), ncsn_theory::Error>(())
/// ```
///
/// # Source
/// Song & Ermon (2020), Technique 4 and equation (6); uniqueness in the module documentation.
pub fn optimal_delta(gamma: Interval, steps: u64) -> Result<Interval, Error> {
    optimal_delta_from(start_of(gamma)?, steps)
}

/// [`optimal_delta`] for γ² − 1 itself, which is known more sharply than γ where γ is near 1.
///
/// # Arguments
/// * `start` — γ² − 1 > 0, as from [`NoiseRange::start_excess`]
/// * `steps` — T, 1 to [`MAX_STEPS`]
///
/// # Accuracy
/// Relative width at most that of `start` and `(20 + T)` · 2⁻⁵² (test).
///
/// # Errors
/// [`Error::Domain`] when `start` is not positive and bounded, [`Error::Count`] for T out of range.
pub fn optimal_delta_from(start: Interval, steps: u64) -> Result<Interval, Error> {
    check_steps(steps)?;
    if !(start.is_above(0.0) && start.is_bounded()) {
        return Err(Error::Domain { name: "gamma² - 1", value: start.lo(), allowed: "above 0" });
    }
    let remaining = |u: f64| start - critical_side(Interval::point(u), steps);
    // The left side is at least u, so the root is at most γ² − 1.
    let u = falling_root(remaining, 0.0, 2.0 * start.hi(), approximate_root(start.mid(), steps));
    // δ = u/(1 + u) rises with u.
    let delta = |u: f64| Interval::point(u) / (1.0 + Interval::point(u));
    Ok(Interval::ordered(delta(u.lo()).lo(), delta(u.hi()).hi()))
}

/// γ² − 1 of a ratio γ > 1.
fn start_of(gamma: Interval) -> Result<Interval, Error> {
    if gamma.is_above(1.0) && gamma.is_bounded() {
        Ok((gamma - 1.0) * (gamma + 1.0))
    } else {
        Err(Error::Domain { name: "gamma", value: gamma.lo(), allowed: "above 1" })
    }
}

/// u·[1 + u(1 + u)·H_{T−1}((1 + u)²)/T], rising in u.
fn critical_side(u: Interval, steps: u64) -> Interval {
    let v = 1.0 + u;
    let weighted = Geometric::new(v.sqr(), steps - 1).weighted;
    u * (1.0 + u * v * weighted / Interval::integer(steps))
}

/// The same root in plain doubles, to about 40 bits: a starting point only.
fn approximate_root(target: f64, steps: u64) -> f64 {
    let (mut lo, mut hi) = (0.0, target);
    for _ in 0..40 {
        let u = 0.5 * (lo + hi);
        let (v, mut power, mut sum, mut weighted) = (1.0 + u, 1.0, 0.0, 0.0);
        let n = steps - 1;
        for bit in (0..u64::BITS - n.leading_zeros()).rev() {
            weighted = weighted + (n >> (bit + 1)) as f64 * sum + power * weighted;
            sum += power * sum;
            power *= power;
            if n >> bit & 1 == 1 {
                sum += power;
                weighted += sum;
                power *= v * v;
            }
        }
        if u * (1.0 + u * v * weighted / steps as f64) < target { lo = u } else { hi = u }
    }
    0.5 * (lo + hi)
}

/// The smallest T whose optimal step brings the variance ratio to at most `1 + tolerance`.
///
/// # Accuracy
/// T reaches the tolerance with certainty, T − 1 misses it unless its enclosure straddles the tolerance.
///
/// # Errors
/// [`Error::Domain`] when the tolerance is not a positive number; [`Error::Tolerance`] when [`MAX_STEPS`] do not reach
/// it.
pub fn steps_for_tolerance(gamma: Interval, tolerance: f64) -> Result<u64, Error> {
    steps_from(start_of(gamma)?, tolerance)
}

fn steps_from(start: Interval, tolerance: f64) -> Result<u64, Error> {
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        return Err(Error::Domain { name: "tolerance", value: tolerance, allowed: "above 0" });
    }
    let excess = |steps: u64| -> Result<f64, Error> {
        let delta = Interval::point(optimal_delta_from(start, steps)?.mid());
        Ok(excess_from(start, delta, steps).hi())
    };
    let (mut misses, mut reaches) = (0, 1);
    while excess(reaches)? > tolerance {
        if reaches == MAX_STEPS {
            return Err(Error::Tolerance { tolerance, limit: MAX_STEPS, reached: excess(MAX_STEPS)? });
        }
        misses = reaches;
        reaches = (2 * reaches).min(MAX_STEPS);
    }
    while reaches - misses > 1 {
        let middle = misses + (reaches - misses) / 2;
        if excess(middle)? > tolerance { misses = middle } else { reaches = middle }
    }
    Ok(reaches)
}
