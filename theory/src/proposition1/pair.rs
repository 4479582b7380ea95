//! Two components: bound (5) on E_{p_i}[r_j], and the value itself.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView1, ArrayView2, Axis};

use super::{check_finite, check_sigma};
use crate::Error;
use crate::interval::Interval;
use crate::normal;

/// Beyond this distance, in units of σ, ½e^{−d²/8} is below half the smallest double.
const UNDERFLOW_DISTANCE: f64 = 100.0;
/// Discretisation and truncation errors are pushed below e^{−this}, relative to the integral.
const ERROR_EXPONENT: f64 = 40.0;

/// Bound (5): E_{p_i}[r_j] ≤ ½·exp(−‖c_i − c_j‖²/(8σ²)), for any number of components.
///
/// # Arguments
/// `distance` — ‖c_i − c_j‖ ≥ 0. `sigma` — σ > 0; [`Interval::ENTIRE`] when it contains 0.
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
pub fn bound(distance: Interval, sigma: Interval) -> Interval {
    bound_at(distance.sqr(), sigma)
}

fn bound_at(squared_distance: Interval, sigma: Interval) -> Interval {
    let exponent = squared_distance / (8.0 * sigma.sqr());
    if exponent == Interval::ENTIRE { exponent } else { (-exponent).exp() / 2.0 }
}

/// E_{p_i}[r_j] of a mixture of two components.
///
/// # Formula
/// ```text
/// E_{p_i}[r_j] = e^{−d²/8}·∫ φ(y)/(2cosh(dy/2)) dy,   d = ‖c_i − c_j‖/σ
/// ```
/// √(p_i p_j) is e^{−d²/8} times the Gaussian about the midpoint; along the axis, y its standard coordinate there, p_i and
/// p_j are in the ratio e^{±dy}.
///
/// # Arguments
/// As for [`bound`].
///
/// # Accuracy
/// Enclosure; relative width below 1e-13 when d is a double up to 60 (table of 40 digits), and d²/4 times the relative
/// width of d more otherwise.
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
pub fn exact_pair(distance: Interval, sigma: Interval) -> Interval {
    decreasing_in_ratio(distance, sigma, |d| half_gaussian_factor(d) * slack_at(d))
}

/// E_{p_i}[r_j] of two components divided by its [`bound`]: the part of the bound that is real, 1 at distance 0.
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
pub fn exact_over_bound(distance: Interval, sigma: Interval) -> Interval {
    decreasing_in_ratio(distance, sigma, slack_at)
}

/// Image of distance/σ under a decreasing function.
fn decreasing_in_ratio(distance: Interval, sigma: Interval, f: impl Fn(f64) -> Interval) -> Interval {
    let d = distance / sigma;
    if !(d.lo() >= 0.0 && d.lo() < f64::INFINITY && sigma.lo() > 0.0) {
        return Interval::ENTIRE;
    }
    if d.lo() == d.hi() { f(d.lo()) } else { f(d.hi()).hull(f(d.lo())) }
}

/// ½e^{−d²/8} for d ≥ 0, with d² split exactly into a double and its residual so that the exponent's size costs no width.
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
/// and h is chosen for 2πa/h = a²/2 + 40. f falls on y > 0 and f(y) ≤ φ(y)·e^{−dy/2}, which leaves out of the sum beyond
/// Y = nh at most 2∫_Y^∞ f ≤ 2·φ(Y)·e^{−dY/2}/(Y + d/2), and Y is chosen for Y²/2 + dY/2 ≥ 40.
fn slack_at(d: f64) -> Interval {
    if d == f64::INFINITY {
        return Interval::ordered(0.0, f64::from_bits(1));
    }
    let strip = (2.0 / d).min(6.0);
    let h = std::f64::consts::TAU * strip / (0.5 * strip * strip + ERROR_EXPONENT);
    let reach = 2.0 * ERROR_EXPONENT / (0.5 * d + (0.25 * d * d + 2.0 * ERROR_EXPONENT).sqrt());
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
    /// The pair at the smallest distance up to rounding, the first of equals.
    pub closest: (usize, usize),
    /// The largest bound of a pair i ≠ j, that of the smallest distance.
    pub largest: Interval,
    /// Σ_{j≠i} of the bounds, one for each i: an upper bound on the share of component i's draws that others claim.
    pub leaving: Vec<Interval>,
}

/// Bound (5) for all pairs of the mixture with the given centres.
///
/// # Arguments
/// `centres` — `[N, dim]`, N ≥ 2. `sigma` — σ > 0. Time N²·dim, each pair by differences: meant for thousands of centres.
///
/// # Accuracy
/// Enclosures. Squared distances are sums of nonnegative terms, hence known to the relative error γ_{dim+2}.
///
/// # Errors
/// [`Error::Count`] for fewer than two centres, [`Error::NotFinite`], [`Error::Domain`] for σ.
pub fn all_pairs(centres: ArrayView2<f64>, sigma: f64) -> Result<PairBounds, Error> {
    if centres.nrows() < 2 {
        let value = centres.nrows() as u64;
        return Err(Error::Count { name: "number of centres", value, allowed: "at least 2" });
    }
    check_finite("centres", centres)?;
    check_sigma(sigma)?;
    let sigma = Interval::point(sigma);
    let rows = centres.axis_iter(Axis(0)).into_par_iter().enumerate();
    let rows: Vec<Row> = rows.map(|(i, row)| Row::new(centres, i, row, sigma)).collect();

    let mut closest = (0, rows[0].nearest);
    let mut smallest = rows[0].squared_distance;
    for (i, row) in rows.iter().enumerate() {
        if row.squared_distance.mid() < smallest.mid() {
            closest = (i, row.nearest);
        }
        smallest = minimum(smallest, row.squared_distance);
    }
    let largest = bound_at(smallest, sigma);
    Ok(PairBounds { closest, largest, leaving: rows.into_iter().map(|row| row.leaving).collect() })
}

/// What one centre sees of all others.
struct Row {
    nearest: usize,
    squared_distance: Interval,
    leaving: Interval,
}

impl Row {
    fn new(centres: ArrayView2<f64>, i: usize, centre: ArrayView1<f64>, sigma: Interval) -> Self {
        let mut row = Self { nearest: i, squared_distance: Interval::ENTIRE, leaving: Interval::ZERO };
        for (j, other) in centres.rows().into_iter().enumerate().filter(|&(j, _)| j != i) {
            let squared_distance = squared_distance(centre, other);
            if row.nearest == i {
                (row.nearest, row.squared_distance) = (j, squared_distance);
            } else if squared_distance.mid() < row.squared_distance.mid() {
                row.nearest = j;
            }
            row.squared_distance = minimum(row.squared_distance, squared_distance);
            row.leaving = row.leaving + bound_at(squared_distance, sigma);
        }
        row
    }
}

fn minimum(a: Interval, b: Interval) -> Interval {
    -(-a).max(-b)
}

/// ‖a − b‖². A square of a difference has three roundings and a sum of n nonnegative terms n − 1 (Higham, §4.2): relative
/// error γ_{n+2}; terms that underflow add at most n·2⁻¹⁰⁷⁴ in all.
fn squared_distance(a: ArrayView1<f64>, b: ArrayView1<f64>) -> Interval {
    let difference = &a - &b;
    let n = difference.len() as f64;
    let n_u = Interval::point((n + 2.0) * 0.5 * f64::EPSILON);
    let relative = n_u / (1.0 - n_u);
    let underflow = Interval::point(n * f64::from_bits(1));
    Interval::point(difference.dot(&difference)) * (1.0 + relative.hull(-relative))
        + underflow.hull(-underflow)
}
