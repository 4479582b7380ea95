//! Two components: bound (5) on `E_{p_i}[r_j]`, and the value itself.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView1, Axis};
use rayon::prelude::ParallelExtend;

use super::{Mixture, POINT_BLOCK};
use crate::Error;
use crate::interval::Interval;
use crate::normal;

/// Beyond this distance, in units of σ, ½e^{−d²/8} is below half the smallest double.
const UNDERFLOW_DISTANCE: f64 = 100.0;
/// Discretisation and truncation errors are pushed to about e^{−these}, relative to the integral.
const ERROR_EXPONENTS: [f64; 2] = [40.0; 2];

/// Bound (5): `E_{p_i}[r_j]` ≤ ½·exp(−‖c_i − c_j‖²/(8σ²)), for any number of components.
///
/// # Arguments
/// * `distance` — ‖c_i − c_j‖ ≥ 0
/// * `sigma` — σ > 0. [`Interval::ENTIRE`] when either interval holds anything else
///
/// # Accuracy
/// Enclosure; relative width at most 4 + d²/2 ulp with d = distance/σ.
///
/// # Example
/// ```
/// use ncsn_theory::{interval::Interval, proposition1::bound};
/// // Images 20 apart never exchange draws at σ₁ = 1: e⁻⁵⁰/2.
/// assert!(bound(Interval::point(20.0), Interval::ONE).is_below(9.65e-23));
/// ```
///
/// # Source
/// Proposition 1, equation (5).
#[must_use]
pub fn bound(distance: Interval, sigma: Interval) -> Interval {
    if !defined(distance, sigma) {
        return Interval::ENTIRE;
    }
    (-(distance.sqr() / (8.0 * sigma.sqr()))).exp() / 2.0
}

/// `E_{p_i}[r_j]` of a mixture of two components.
///
/// # Formula
/// ```text
/// E_{p_i}[r_j] = e^{−d²/8}·∫ φ(y)/(2cosh(dy/2)) dy,   d = ‖c_i − c_j‖/σ
/// ```
/// √(p_i p_j) is e^{−d²/8} times the Gaussian about the midpoint; along the axis, y its standard coordinate
/// there, p_i and p_j are in the ratio e^{±dy}.
///
/// # Arguments
/// As for [`bound`].
///
/// # Accuracy
/// Enclosure; relative width below 1e-13 when d is a double up to 60 (table of 45 digits), and d²/4 times
/// the relative width of d more otherwise.
///
/// # Example
/// ```
/// use ncsn_theory::{interval::Interval, proposition1::exact_pair};
/// // Two equal components share every draw.
/// let half = exact_pair(Interval::ZERO, Interval::ONE);
/// assert!(half.contains(0.5) && half.width() < 1e-14);
/// ```
///
/// # Source
/// Proposition 1, the expectation that equation (5) bounds.
#[must_use]
pub fn exact_pair(distance: Interval, sigma: Interval) -> Interval {
    decreasing_in_ratio(distance, sigma, |d| half_gaussian_factor(d) * part_of_bound_at(d, ERROR_EXPONENTS))
}

/// `E_{p_i}[r_j]` of two components divided by its [`bound`]: the part of the bound that is real, 1 at
/// distance 0.
///
/// # Formula
/// ```text
/// 2·∫ φ(y)/(2cosh(dy/2)) dy  ~  √(2π)/d for large d
/// ```
/// # Arguments
/// As for [`bound`].
///
/// # Accuracy
/// Enclosure; relative width below 5e-14 when d is a double, at any distance: neither factor underflows here.
#[must_use]
pub fn exact_over_bound(distance: Interval, sigma: Interval) -> Interval {
    decreasing_in_ratio(distance, sigma, |d| part_of_bound_at(d, ERROR_EXPONENTS))
}

/// Image of distance/σ under a decreasing function.
fn decreasing_in_ratio(distance: Interval, sigma: Interval, f: impl Fn(f64) -> Interval) -> Interval {
    if !defined(distance, sigma) {
        return Interval::ENTIRE;
    }
    let d = distance / sigma;
    if d.lo() == d.hi() { f(d.lo()) } else { f(d.hi()).hull(f(d.lo())) }
}

fn defined(distance: Interval, sigma: Interval) -> bool {
    distance.lo() >= 0.0 && sigma.is_above(0.0)
}

/// ½e^{−d²/8} for d ≥ 0, with d² split exactly into a double and its residual so that the exponent's size
/// costs no width.
fn half_gaussian_factor(d: f64) -> Interval {
    if d >= UNDERFLOW_DISTANCE {
        return Interval::ordered(0.0, f64::from_bits(1));
    }
    let square = d * d;
    let residual = if square < 1e-200 {
        Interval::ordered(-1e-200, 1e-200)
    } else {
        Interval::point(d.mul_add(d, -square))
    };
    (-Interval::point(square) / 8.0).exp() * (-residual / 8.0).exp() / 2.0
}

/// 2·∫ φ(y)/(2cosh(dy/2)) dy by the trapezoid rule with step h.
///
/// f(y) = φ(y)/(2cosh(dy/2)) is analytic for |Im y| < π/d. On Im y = b, |b| ≤ a = min(2/d, 6):
/// |cosh(dy/2)|² = sinh²(d·Re y/2) + cos²(db/2) ≥ cosh²(d·Re y/2)·cos²(db/2) and db/2 ≤ 1 < π/3, so that
/// |f(x + ib)| ≤ 2e^{a²/2}·f(x). Hence (Trefethen & Weideman 2014, theorem 5.1, with M = 2e^{a²/2}·∫f)
///
///   |h·Σ_k f(kh) − ∫f| ≤ ρ·∫f,   ρ = 4e^{a²/2}/(e^{2πa/h} − 1),
///
/// and h is chosen for 2πa/h = a²/2 + E, E the `fineness`. f falls on y > 0 and f(y) ≤ φ(y)·e^{−dy/2}, so
/// that the sum loses beyond Y = nh at most 2∫_Y^∞ f ≤ 2·φ(Y)·e^{−dY/2}/(Y + d/2); Y is chosen for
/// Y²/2 + dY/2 ≥ E′, the `extent`.
fn part_of_bound_at(d: f64, [fineness, extent]: [f64; 2]) -> Interval {
    if d == f64::INFINITY {
        return Interval::ordered(0.0, f64::from_bits(1));
    }
    let strip = (2.0 / d).min(6.0);
    let h = std::f64::consts::TAU * strip / (0.5 * strip * strip + fineness);
    let reach = 2.0 * extent / (0.5 * d + (0.5 * d).hypot((2.0 * extent).sqrt()));
    let nodes = (reach / h).ceil() as u64;

    // From the outermost node inwards, so that partial sums are small as long as possible.
    let distance = Interval::point(d);
    let node = |k: u64| Interval::integer(k) * h;
    let beyond = node(nodes) + distance / 2.0;
    let omitted = 2.0 * normal::density(node(nodes)) * (-distance * node(nodes) / 2.0).exp() / beyond;
    let outer = (1..=nodes).rev().fold(Interval::ZERO, |sum, k| sum + half_sech_term(node(k), distance));
    let sum =
        h * (half_sech_term(Interval::ZERO, distance) + 2.0 * outer) + Interval::ordered(0.0, omitted.hi());

    let a = Interval::point(strip);
    let relative = 4.0 * (a.sqr() / 2.0).exp() / (2.0 * Interval::PI * a / h).exp_m1();
    2.0 * sum / (1.0 + relative.hull(-relative))
}

/// φ(y)/(2cosh(dy/2)) for y, d ≥ 0, without overflow.
fn half_sech_term(y: Interval, d: Interval) -> Interval {
    (-(y + d) * y / 2.0).exp() / ((2.0 * Interval::PI).sqrt() * (1.0 + (-d * y).exp()))
}

/// Bound (5) over all pairs of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct PairBounds {
    /// The pair at the smallest distance up to rounding, smaller index first.
    pub closest: (usize, usize),
    /// The largest bound of a pair i ≠ j, that of the smallest distance.
    pub largest: Interval,
    /// Σ_{j≠i} of the bounds, one for each i: an upper bound on the share of component i's draws that
    /// others claim.
    pub leaving: Vec<Interval>,
}

impl Mixture {
    /// Bound (5) for all pairs of components.
    ///
    /// # Accuracy
    /// Enclosures. The bound is ½e^{w/4} with w = −‖c_i − c_j‖²/(2σ²), the log weight of one centre at
    /// another, known up to b = [`log_weight_error`](Self::log_weight_error): relative width e^{b/2} − 1
    /// plus N ulp for sums, 3e-10 for images of 3072 numbers at σ = 1. Time N²·D as one matrix product,
    /// memory 256 × N doubles.
    ///
    /// # Errors
    /// [`Error::Count`] for a single component; [`Error::Domain`] when a squared distance over σ² overflows.
    pub fn pair_bounds(&self) -> Result<PairBounds, Error> {
        if self.num_components() < 2 {
            return Err(Error::Count { name: "number of centres", value: 1, allowed: "at least 2" });
        }
        self.check_reach(&self.half_squares)?;
        let error = self.error_within(2.0 * self.farthest());
        let mut rows: Vec<Row> = Vec::with_capacity(self.num_components());
        for block in self.centres.axis_chunks_iter(Axis(0), POINT_BLOCK) {
            let first = rows.len();
            let weights = self.log_weights(block);
            let of_block = weights.axis_iter(Axis(0)).into_par_iter().enumerate();
            rows.par_extend(of_block.map(|(i, weights)| Row::new(weights, first + i, error)));
        }
        let mut closest = 0;
        for (i, row) in rows.iter().enumerate() {
            if row.weight > rows[closest].weight {
                closest = i;
            }
        }
        let largest = bound_of(rows[closest].weight, error);
        // Rounding may find the pair in either order.
        let nearest = rows[closest].nearest;
        let closest = (closest.min(nearest), closest.max(nearest));
        Ok(PairBounds { closest, largest, leaving: rows.into_iter().map(|row| row.leaving).collect() })
    }
}

/// What one centre sees of all others: the nearest, its log weight, and the sum of the bounds.
struct Row {
    nearest: usize,
    weight: f64,
    leaving: Interval,
}

impl Row {
    fn new(weights: ArrayView1<f64>, i: usize, error: f64) -> Self {
        let mut row = Self { nearest: i, weight: f64::NEG_INFINITY, leaving: Interval::ZERO };
        for (j, &weight) in weights.indexed_iter().filter(|&(j, _)| j != i) {
            if weight > row.weight {
                (row.nearest, row.weight) = (j, weight);
            }
            row.leaving = row.leaving + bound_of(weight, error);
        }
        row
    }
}

/// ½e^{w/4} for a log weight w known up to `error`.
fn bound_of(weight: f64, error: f64) -> Interval {
    let weight = Interval::point(weight) + Interval::ordered(-error, error);
    (weight / 4.0).exp() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With few nodes, or nodes that do not reach far, one error term is most of the width: too small a term would leave
    /// the sharp value outside.
    #[test]
    fn coarse_trapezoid_rules_enclose_the_sharp_one() {
        for d in [0.0, 0.1, 0.5, 1.0, 3.0, 10.0, 36.0, 60.0] {
            let sharp = part_of_bound_at(d, ERROR_EXPONENTS);
            for error_exponent in [2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0] {
                for exponents in [[error_exponent, 40.0], [40.0, error_exponent]] {
                    let coarse = part_of_bound_at(d, exponents);
                    assert!(
                        coarse.lo() <= sharp.lo() && sharp.hi() <= coarse.hi(),
                        "{d} {exponents:?}: {coarse}"
                    );
                    assert!(coarse.width() > 1e3 * sharp.width(), "{d} {exponents:?}: {coarse} {sharp}");
                }
            }
        }
    }
}
