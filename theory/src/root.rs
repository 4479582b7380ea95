//! Certified enclosures of the place where a function changes sign.

use crate::interval::Interval;

/// Enclosure of the only point of `[lo, hi]` where `f` passes from positive to negative.
///
/// # Arguments
/// `f` — enclosure of a continuous function at a point; positive at `lo`, negative at `hi`, one change of sign between.
/// `lo`, `hi` — positive, ordered. `guess` — any double; a good one only saves time.
///
/// # Accuracy
/// The ends are the closest doubles on either side at which the enclosure `f` still has a definite sign: neighbours when
/// `f` is sharp enough to tell them apart.
pub(crate) fn falling_root(f: impl Fn(f64) -> Interval, lo: f64, hi: f64, guess: f64) -> Interval {
    // Positive doubles are ordered like their bit patterns, so steps and midpoints are taken in ulps.
    let (mut left, mut right) = (lo.to_bits(), hi.to_bits());
    let guess = guess.clamp(lo, hi).to_bits();
    let at = |bits: u64| f(f64::from_bits(bits));
    let positive = |bits: u64| at(bits).is_above(0.0);
    let negative = |bits: u64| at(bits).is_below(0.0);

    gallop(guess, left, right, &mut |bits| {
        let value = at(bits);
        if value.is_above(0.0) {
            left = left.max(bits);
        }
        if value.is_below(0.0) {
            right = right.min(bits);
        }
        (value.is_above(0.0), value.is_below(0.0))
    });
    // Largest certified positive point, then smallest certified negative point.
    let (mut beyond, mut before) = (right, left);
    while beyond - left > 1 {
        let middle = left + (beyond - left) / 2;
        if positive(middle) {
            left = middle
        } else {
            beyond = middle
        }
        if middle > before && negative(middle) {
            right = right.min(middle);
        }
    }
    before = before.max(left);
    while right - before > 1 {
        let middle = before + (right - before) / 2;
        if negative(middle) { right = middle } else { before = middle }
    }
    Interval::ordered(f64::from_bits(left), f64::from_bits(right))
}

/// Visits points at doubling distances on both sides of `from` until one is positive and one is negative.
fn gallop(from: u64, least: u64, greatest: u64, visit: &mut impl FnMut(u64) -> (bool, bool)) {
    let (mut above, mut below) = visit(from);
    let mut step = 1_u64;
    while !(above && below) && step <= greatest - least {
        // The function falls: positive points lie to the left, negative ones to the right.
        if !above {
            above = visit(from.saturating_sub(step).max(least)).0;
        }
        if !below {
            below = visit(from.saturating_add(step).min(greatest)).1;
        }
        step *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_two_is_found_within_two_ulps_from_any_guess() {
        let f = |x: f64| 2.0 - Interval::point(x).sqr();
        let root = Interval::point(2.0).sqrt();
        for guess in [1.0, 1.414, std::f64::consts::SQRT_2, 2.0, 1e300, 0.0] {
            let found = falling_root(f, 1.0, 2.0, guess);
            assert_eq!(found.intersection(root), Some(root));
            // x² is known to one ulp, so only the next double on each side is certain.
            assert!(found.hi() <= root.hi().next_up() && found.lo() >= root.lo().next_down());
        }
    }

    #[test]
    fn a_blurred_function_gives_a_wider_but_sound_enclosure() {
        let blur = Interval::ordered(-1e-9, 1e-9);
        let root = falling_root(|x| 3.0 - Interval::point(x) + blur, 1.0, 5.0, 2.0);
        assert!(root.contains(3.0) && root.width() < 2.1e-9);
    }
}
