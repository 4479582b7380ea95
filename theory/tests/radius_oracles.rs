//! Proposition 2's radius law and the exact overlap hold the 50-digit values and are as narrow as documented.

mod common;

use common::{Row, rows};
use ncsn_theory::chi_overlap::chi_overlap;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;

/// Source: tests/oracles/radius.py, mpmath 1.3.0.
const TABLE: &str = include_str!("oracles/radius.csv");

/// The dimensions of the table: each function has a row for each of them.
const DIMENSIONS: usize = 11;

/// Below this the factors of a value may lose precision of their own: no width is documented.
const NO_WIDTH_BELOW: f64 = 1e-150;

/// Checks all rows of a function: `f` encloses the value, within `bound(arguments, value)` units of 2⁻⁵² of it.
fn check(name: &str, f: impl Fn(&[f64]) -> Interval, bound: impl Fn(&[f64], f64) -> f64) {
    let table: Vec<Row<'_>> = rows(TABLE).filter(|row| row.function == name).collect();
    assert!(table.len() >= DIMENSIONS, "{} rows for {name}", table.len());
    for row in table {
        let (enclosure, at) = (f(&row.arguments), &row.arguments);
        assert!(row.is_enclosed_by(enclosure), "{name}{at:?}: {enclosure}");
        let (width, limit) = (row.width_in_ulps(enclosure), bound(at, row.rounded()));
        assert!(
            width <= limit || row.rounded() < NO_WIDTH_BELOW,
            "{name}{at:?}: {width} ulp, documented {limit}"
        );
    }
}

/// The law of the row's dimension at σ = 1.
fn law(at: &[f64]) -> RadiusLaw {
    RadiusLaw::new(at[0] as u64, 1.0).unwrap()
}

fn second(at: &[f64]) -> Interval {
    Interval::point(at[1])
}

/// |D − r²|, by which the rounding of r²/2 is magnified.
fn offset(at: &[f64]) -> f64 {
    (at[0] - at[1] * at[1]).abs()
}

/// Documented width of a distribution function's value.
fn cdf_bound(at: &[f64], value: f64) -> f64 {
    30.0 + 3.0 * at[0].sqrt() + 12.0 * value.ln().abs() + 2.0 * offset(at)
}

#[test]
fn density_is_as_narrow_as_documented() {
    let bound = |at: &[f64], value: f64| 30.0 + 12.0 * value.ln().abs() + 2.0 * offset(at);
    check("density", |at| law(at).density(second(at)), bound);
}

#[test]
fn both_tails_are_as_narrow_as_documented() {
    check("cdf", |at| law(at).cdf(second(at)), cdf_bound);
    check("survival", |at| law(at).survival(second(at)), cdf_bound);
}

#[test]
fn moments_are_as_narrow_as_documented() {
    check("mean", |at| law(at).mean(), |_, _| 6.0);
    check("variance", |at| law(at).variance(), |_, _| 16.0);
    let deviations = |at: &[f64]| law(at).standard_deviation().sqr();
    check("variance", deviations, |_, _| 28.0);
}

#[test]
fn quantiles_are_as_narrow_as_documented() {
    let bound = |at: &[f64], r: f64| {
        let smaller = at[1].min(1.0 - at[1]);
        let slope = r * law(at).density(Interval::point(r)).mid() / smaller;
        4.0 + cdf_bound(&[at[0], r], smaller) / slope
    };
    check("quantile", |at| law(at).quantile(at[1]).unwrap(), bound);
}

#[test]
fn kolmogorov_distance_is_as_narrow_as_documented() {
    let bound = |at: &[f64], value: f64| (8.0 + 2.0 * at[0].sqrt()) / value;
    check("kolmogorov_distance", |at| law(at).kolmogorov_distance(), bound);
}

#[test]
fn exact_overlap_is_as_narrow_as_documented() {
    let bound = |at: &[f64], value: f64| {
        let ln = value.ln().abs();
        30.0 + 20.0 * (at[0] * (1.0 + ln)).sqrt() + 12.0 * ln
    };
    check("chi_overlap", |at| chi_overlap(second(at), at[0] as u64), bound);
}
