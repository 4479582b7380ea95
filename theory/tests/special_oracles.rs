//! Every enclosure of a special function holds the 50-digit value and is as narrow as its documentation says.

mod common;

use common::{Row, rows};
use ncsn_theory::interval::Interval;
use ncsn_theory::{gamma, normal};

/// Source: tests/oracles/special.py, mpmath 1.3.0.
const TABLE: &str = include_str!("oracles/special.csv");

/// Rows per function in the table, so that a function dropped from it is noticed.
const LEAST_ROWS: usize = 8;

/// Checks all rows of a function: `f` encloses the value, within `bound(arguments, value)` units of 2⁻⁵² of it.
fn check(function: &str, f: impl Fn(&[f64]) -> Interval, bound: impl Fn(&[f64], f64) -> f64) {
    let table: Vec<Row<'_>> = rows(TABLE).filter(|row| row.function == function).collect();
    assert!(table.len() >= LEAST_ROWS, "{} rows for {function}", table.len());
    for row in table {
        let (enclosure, at) = (f(&row.arguments), &row.arguments);
        assert!(row.is_enclosed_by(enclosure), "{function}{at:?}: {enclosure}");
        let (width, bound) = (row.width_in_ulps(enclosure), bound(at, row.rounded()));
        // A value without full precision of its own is known to two of its own last places.
        let subnormal =
            row.rounded().abs() < f64::MIN_POSITIVE && enclosure.width() <= 2.0 * f64::from_bits(1);
        assert!(width <= bound || subnormal, "{function}{at:?}: {width} ulp, documented {bound}");
    }
}

fn point(x: &[f64]) -> Interval {
    Interval::point(x[0])
}

#[test]
fn exponentials_are_two_ulps_wide() {
    check("exp", |x| point(x).exp(), |_, _| 2.0);
    check("exp_m1", |x| point(x).exp_m1(), |_, _| 2.0);
}

#[test]
fn logarithms_are_two_ulps_wide() {
    check("ln", |x| point(x).ln(), |_, _| 2.0);
    check("ln_1p", |x| point(x).ln_1p(), |_, _| 2.0);
}

#[test]
fn square_roots_are_one_ulp_wide() {
    check("sqrt", |x| point(x).sqrt(), |_, _| 1.0);
}

#[test]
fn powers_are_as_many_ulps_wide_as_the_exponent() {
    check("powi", |x| point(x).powi(x[1] as u64), |x, _| x[1]);
}

#[test]
fn error_functions_are_two_ulps_wide() {
    check("erf", |x| normal::erf(point(x)), |_, _| 2.0);
    check("erfc", |x| normal::erfc(point(x)), |_, _| 2.0);
}

#[test]
fn normal_law_is_as_narrow_as_documented() {
    check("normal_cdf", |x| normal::cdf(point(x)), |x, _| 4.0 + 4.0 * x[0] * x[0]);
    check("normal_density", |x| normal::density(point(x)), |x, _| 6.0 + x[0] * x[0]);
}

#[test]
fn probability_between_two_points_is_as_narrow_as_documented() {
    let f = |x: &[f64]| normal::probability_between(point(x), Interval::point(x[1]));
    let bound = |x: &[f64], value: f64| {
        let nearer = x[0].abs().min(x[1].abs());
        let tail = normal::cdf(Interval::point(-nearer)).mid();
        if x[0] * x[1] > 0.0 { (8.0 + 4.0 * nearer * nearer) * tail / value } else { 8.0 }
    };
    check("probability_between", f, bound);
}

#[test]
fn ln_gamma_is_two_ulps_wide() {
    check("ln_gamma", |x| gamma::ln_gamma(point(x)), |_, _| 2.0);
}

#[test]
fn incomplete_gamma_is_as_narrow_as_documented() {
    let bound = |x: &[f64], value: f64| 24.0 + 2.0 * (x[0] / 2.0).sqrt() + 12.0 * value.ln().abs();
    check("lower", |x| gamma::lower(x[0] as u64, Interval::point(x[1])), bound);
    check("upper", |x| gamma::upper(x[0] as u64, Interval::point(x[1])), bound);
}

#[test]
fn poisson_weight_is_as_narrow_as_documented() {
    let f = |x: &[f64]| gamma::poisson_weight(x[0] as u64, Interval::point(x[1]));
    check("poisson_weight", f, |_, value| 20.0 + 12.0 * value.ln().abs());
}
