//! Exact comparison of enclosures with decimal oracles.

use ncsn_theory::interval::Interval;
use num_bigint::BigInt;
use num_rational::BigRational;

/// The rational number that a decimal string such as `-1.25e-3` denotes.
pub fn decimal(text: &str) -> BigRational {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
    let exponent = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    let scale = BigRational::from_integer(BigInt::from(10).pow(exponent.unsigned_abs()));
    let digits = BigRational::from_integer(digits);
    if exponent < 0 { digits / scale } else { digits * scale }
}

/// Whether the decimal, exact to its printed digits, lies inside the interval widened by one unit of its last digit.
///
/// The oracle is rounded in its last digit, 1e-49 relative: far below an ulp, but not 0 when an end is hit exactly.
pub fn encloses(interval: Interval, text: &str) -> bool {
    let value = decimal(text);
    let last_digit = decimal("1e-48") * if value < decimal("0") { -value.clone() } else { value.clone() };
    let below = interval.lo() == f64::NEG_INFINITY
        || BigRational::from_float(interval.lo()).unwrap() <= value.clone() + last_digit.clone();
    let above = interval.hi() == f64::INFINITY
        || BigRational::from_float(interval.hi()).unwrap() >= value - last_digit;
    below && above
}
