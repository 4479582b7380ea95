//! The four operations on intervals, and between intervals and doubles.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Interval;
use super::rounding::{product_bounds, quotient_bounds, sum_bounds};

impl Neg for Interval {
    type Output = Self;
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Add for Interval {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { lo: sum_bounds(self.lo, other.lo).lo, hi: sum_bounds(self.hi, other.hi).hi }
    }
}

impl Sub for Interval {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Interval {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        if self.lo >= 0.0 && other.lo >= 0.0 {
            return Self {
                lo: product_bounds(self.lo, other.lo).lo,
                hi: product_bounds(self.hi, other.hi).hi,
            };
        }
        let corners = [
            product_bounds(self.lo, other.lo),
            product_bounds(self.lo, other.hi),
            product_bounds(self.hi, other.lo),
            product_bounds(self.hi, other.hi),
        ];
        corners.into_iter().reduce(Self::hull).unwrap_or(Self::ENTIRE)
    }
}

impl Div for Interval {
    type Output = Self;
    /// [`Interval::ENTIRE`] when 0 is in the divisor.
    fn div(self, other: Self) -> Self {
        if other.contains(0.0) {
            return Self::ENTIRE;
        }
        if self.lo >= 0.0 && other.lo > 0.0 {
            return Self {
                lo: quotient_bounds(self.lo, other.hi).lo,
                hi: quotient_bounds(self.hi, other.lo).hi,
            };
        }
        let corners = [
            quotient_bounds(self.lo, other.lo),
            quotient_bounds(self.lo, other.hi),
            quotient_bounds(self.hi, other.lo),
            quotient_bounds(self.hi, other.hi),
        ];
        corners.into_iter().reduce(Self::hull).unwrap_or(Self::ENTIRE)
    }
}

/// Arithmetic with a double means arithmetic with the point at it.
macro_rules! with_points {
    ($($trait:ident :: $method:ident),+) => {$(
        impl $trait<f64> for Interval {
            type Output = Interval;
            fn $method(self, other: f64) -> Interval {
                $trait::$method(self, Interval::point(other))
            }
        }
        impl $trait<Interval> for f64 {
            type Output = Interval;
            fn $method(self, other: Interval) -> Interval {
                $trait::$method(Interval::point(self), other)
            }
        }
    )+};
}
with_points!(Add::add, Sub::sub, Mul::mul, Div::div);
