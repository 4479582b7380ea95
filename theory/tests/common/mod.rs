//! Decimal oracles: tables of 50-digit values, compared with the ends of enclosures in exact rationals.

#![allow(dead_code, reason = "each test uses the part it needs")]

use ncsn_theory::interval::Interval;
use num_bigint::BigInt;
use num_rational::BigRational;

/// One line `function,arguments,value` of a table.
pub struct Row<'a> {
    pub function: &'a str,
    pub arguments: Vec<f64>,
    value: &'a str,
}

impl Row<'_> {
    /// The true value rounded to a double.
    pub fn rounded(&self) -> f64 {
        self.value.parse().unwrap()
    }

    /// Whether the decimal of the table lies in the interval, without any rounding.
    pub fn is_enclosed_by(&self, interval: Interval) -> bool {
        encloses(interval, self.value)
    }

    /// Width of an enclosure in units of 2⁻⁵² times the true value; 0 for a point.
    pub fn width_in_ulps(&self, interval: Interval) -> f64 {
        if interval.width() == 0.0 { 0.0 } else { interval.width() / self.rounded().abs() / f64::EPSILON }
    }
}

/// The lines of a table; those that start with `#` are remarks.
pub fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = line.split(',');
        let mut field = || fields.next().unwrap();
        let (function, arguments, value) = (field(), field(), field());
        Row { function, arguments: arguments.split(';').map(|x| x.parse().unwrap()).collect(), value }
    })
}

/// Whether the number that a decimal writes lies in the interval, without any rounding.
pub fn encloses(interval: Interval, text: &str) -> bool {
    encloses_rational(interval, &decimal(text))
}

/// Whether a fraction lies in the interval, without any rounding.
pub fn encloses_rational(interval: Interval, value: &BigRational) -> bool {
    let above = !interval.lo().is_finite() || rational(interval.lo()) <= *value;
    let below = !interval.hi().is_finite() || *value <= rational(interval.hi());
    above && below
}

/// The fraction that a double is.
pub fn rational(x: f64) -> BigRational {
    BigRational::from_float(x).unwrap()
}

/// The rational that a decimal such as `-1.25e-3` writes.
fn decimal(text: &str) -> BigRational {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
    let exponent = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    BigRational::from_integer(digits) * BigRational::from_integer(BigInt::from(10)).pow(exponent)
}
