//! tmp
use crate::geometric::Geometric;
use crate::interval::Interval;
/// tmp
pub fn variance_excess(gamma: Interval, delta: Interval, steps: u64) -> Interval {
    let w = 1.0 - delta;
    let g = Geometric::new(w.sqr(), steps);
    delta.sqr() * g.sum + (gamma - 1.0) * (gamma + 1.0) * g.power
}

/// tmp
pub fn variance_ratio(gamma: Interval, delta: Interval, steps: u64) -> Interval {
    1.0 + variance_excess(gamma, delta, steps)
}
