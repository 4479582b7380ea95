//! The direction of each rounding error, read from its exact residual.

use super::Interval;

/// Below this magnitude a fused residual may itself underflow, so its sign says nothing: the residual of a product or
/// quotient is a multiple of 2⁻¹⁰⁵ of it, and 1e-290 · 2⁻¹⁰⁵ is still a double.
const RESIDUAL_EXACT_ABOVE: f64 = 1e-290;

/// Enclosure of the exact sum of two doubles; infinite operands stand for "beyond every double".
pub(super) fn sum_bounds(a: f64, b: f64) -> Interval {
    let s = a + b;
    if !s.is_finite() {
        return overflow(s);
    }
    let b_part = s - a;
    let residual = (a - (s - b_part)) + (b - b_part);
    directed(s, residual)
}

/// Enclosure of the exact product of two doubles.
pub(super) fn product_bounds(a: f64, b: f64) -> Interval {
    if a == 0.0 || b == 0.0 {
        return Interval::ZERO; // an infinite end is a bound, never a value: 0 · ∞ is 0 here
    }
    let p = a * b;
    if !p.is_finite() {
        return overflow(p);
    }
    if p.abs() < RESIDUAL_EXACT_ABOVE {
        return tiny(p, (a > 0.0) == (b > 0.0));
    }
    directed(p, a.mul_add(b, -p))
}

/// Enclosure of the exact quotient of two doubles; the caller excludes b = 0.
pub(super) fn quotient_bounds(a: f64, b: f64) -> Interval {
    if a == 0.0 {
        return Interval::ZERO;
    }
    let q = a / b;
    if !q.is_finite() {
        return overflow(q);
    }
    if q.abs() < RESIDUAL_EXACT_ABOVE || a.abs() < RESIDUAL_EXACT_ABOVE {
        return tiny(q, (a > 0.0) == (b > 0.0));
    }
    let residual = (-q).mul_add(b, a);
    directed(q, if b > 0.0 { residual } else { -residual })
}

/// Enclosure of the exact root of a double; the caller excludes x < 0.
pub(super) fn sqrt_bounds(x: f64) -> Interval {
    let s = x.sqrt();
    if !s.is_finite() {
        return overflow(s);
    }
    if x == 0.0 || x >= RESIDUAL_EXACT_ABOVE {
        return directed(s, (-s).mul_add(s, x));
    }
    // Powers of two scale x exactly, and its root, which is never subnormal.
    let (up, down) = (f64::from_bits((1023 + 600) << 52), f64::from_bits((1023 - 300) << 52));
    let scaled = sqrt_bounds(x * up);
    Interval { lo: scaled.lo * down, hi: scaled.hi * down }
}

/// Neighbours of a rounded value whose exact counterpart is `rounded + residual`, |residual| below one ulp.
fn directed(rounded: f64, residual: f64) -> Interval {
    if residual > 0.0 {
        Interval { lo: rounded, hi: rounded.next_up() }
    } else if residual < 0.0 {
        Interval { lo: rounded.next_down(), hi: rounded }
    } else if residual == 0.0 {
        Interval { lo: rounded, hi: rounded }
    } else {
        Interval::around(rounded)
    }
}

/// Neighbours of a rounded value too small for its residual to be trusted; its exact counterpart keeps its sign.
fn tiny(rounded: f64, positive: bool) -> Interval {
    let around = Interval::around(rounded);
    if positive {
        Interval { lo: around.lo.max(0.0), hi: around.hi }
    } else {
        Interval { lo: around.lo, hi: around.hi.min(0.0) }
    }
}

/// A result beyond the largest double, or undefined (∞ − ∞), as the two bounds it still gives.
fn overflow(x: f64) -> Interval {
    if x == f64::INFINITY {
        Interval { lo: f64::MAX, hi: f64::INFINITY }
    } else if x == f64::NEG_INFINITY {
        Interval { lo: f64::NEG_INFINITY, hi: f64::MIN }
    } else {
        Interval::ENTIRE
    }
}
