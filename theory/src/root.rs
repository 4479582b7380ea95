//! Certified enclosures of the place where a function changes sign.
//!
//! Why the root is inside: the ends of a [`Bracket`] move in one place, [`Bracket::narrow`], and only to points where
//! the sign of the function is certain, the left end where it is positive, the right end where it is negative. All
//! the rest chooses the points to ask for; it decides how narrow the bracket becomes, never whether it is right.

use std::cmp::Ordering;

use crate::interval::Interval;

/// Enclosure of the only point of `[lo, hi]` where `f` passes from positive to negative.
///
/// # Arguments
/// * `f` — enclosure of a continuous function at a point; positive at `lo`, negative at `hi`, one change of sign
///   between
/// * `lo`, `hi` — 0 ≤ lo < hi ≤ ∞
/// * `guess` — any double; a good one only saves time
///
/// # Accuracy
/// The ends are the closest doubles on either side at which the enclosure `f` still has a definite sign: neighbours
/// when `f` is sharp enough to tell them apart. Whatever `f` is, it is evaluated at most 256 times.
///
/// # Panics
/// When `lo` and `hi` are not such numbers; with debug assertions also when `f` certainly has the wrong sign at one.
pub(crate) fn falling_root(f: impl Fn(f64) -> Interval, lo: f64, hi: f64, guess: f64) -> Interval {
    assert!(lo.is_sign_positive() && lo < hi, "no bracket: {lo:?} to {hi:?}");
    debug_assert!(!f(lo).is_below(0.0) && !f(hi).is_above(0.0), "wrong signs at {lo:?} and {hi:?}");
    let mut bracket = Bracket { f, left: lo.to_bits(), right: hi.to_bits() };
    bracket.gallop(guess.max(lo).min(hi).to_bits());
    bracket.sharpen_left();
    bracket.sharpen_right();
    Interval::ordered(f64::from_bits(bracket.left), f64::from_bits(bracket.right))
}

/// Two doubles with the root between them, as bit patterns: those of positive doubles are ordered as the doubles are,
/// so steps and midpoints are taken in ulps.
struct Bracket<F> {
    f: F,
    left: u64,
    right: u64,
}

impl<F: Fn(f64) -> Interval> Bracket<F> {
    /// Moves an end to a point within the bracket if the sign there is certain; returns that sign, else `Equal`.
    fn narrow(&mut self, point: u64) -> Ordering {
        if point <= self.left || self.right <= point {
            return Ordering::Equal;
        }
        let value = (self.f)(f64::from_bits(point));
        if value.is_above(0.0) {
            self.left = point;
            Ordering::Greater
        } else if value.is_below(0.0) {
            self.right = point;
            Ordering::Less
        } else {
            Ordering::Equal
        }
    }

    /// Asks at doubling distances on both sides of `from` until both ends have moved; 64 distances span all doubles.
    fn gallop(&mut self, from: u64) {
        let (lo, hi) = (self.left, self.right);
        self.narrow(from);
        for step in (0..u64::BITS).map(|bit| 1 << bit) {
            if self.left == lo {
                self.narrow(from.saturating_sub(step));
            }
            if self.right == hi {
                self.narrow(from.saturating_add(step));
            }
        }
    }

    /// Bisects between the left end and the first point found not to be certainly positive.
    fn sharpen_left(&mut self) {
        let mut beyond = self.right;
        while beyond - self.left > 1 {
            let middle = self.left.midpoint(beyond);
            if self.narrow(middle) != Ordering::Greater {
                beyond = middle;
            }
        }
    }

    /// Bisects between the last point found not to be certainly negative and the right end.
    fn sharpen_right(&mut self) {
        let mut before = self.left;
        while self.right - before > 1 {
            let middle = before.midpoint(self.right);
            if self.narrow(middle) != Ordering::Less {
                before = middle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn root_of_two_is_found_within_two_ulps_from_any_guess() {
        let f = |x: f64| 2.0 - Interval::point(x).sqr();
        let root = Interval::point(2.0).sqrt();
        for guess in [1.0, 1.414, std::f64::consts::SQRT_2, 2.0, 1e300, 0.0, -1.0, f64::NAN] {
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

    #[test]
    fn a_good_guess_leaves_few_points_to_ask_for() {
        let asked = Cell::new(0);
        let f = |x: f64| {
            asked.set(asked.get() + 1);
            3.0 - Interval::point(x)
        };
        // Each sign costs a point or two, and debug assertions one at either end.
        assert!(falling_root(f, 0.0, f64::INFINITY, 3.0_f64.next_up()).contains(3.0));
        assert!(asked.get() <= 8, "{}", asked.get());
    }

    /// Functions that break the promise: no sign anywhere, one sign everywhere, a sign that changes from double to
    /// double.
    #[test]
    fn whatever_the_function_it_is_asked_at_most_256_times() {
        let [none, positive, negative] = [Interval::ENTIRE, Interval::ONE, -Interval::ONE];
        let alternating = |x: f64| if x.to_bits().is_multiple_of(2) { positive } else { negative };
        let wrong: [&dyn Fn(f64) -> Interval; 3] =
            [&|_| none, &|x| if x < 1e9 { positive } else { none }, &alternating];
        for f in wrong {
            let asked = Cell::new(0);
            let counted = |x: f64| {
                asked.set(asked.get() + 1);
                if x == 0.0 || x == f64::MAX { none } else { f(x) }
            };
            let found = falling_root(counted, 0.0, f64::MAX, 1.0);
            assert!(found.lo() < found.hi() && asked.get() <= 256, "{}", asked.get());
        }
    }

    #[test]
    #[should_panic(expected = "no bracket: 2.0 to 1.0")]
    fn ends_in_the_wrong_order_are_a_bug_of_the_caller() {
        falling_root(|x| 2.0 - Interval::point(x), 2.0, 1.0, 1.5);
    }

    #[test]
    #[should_panic(expected = "no bracket: -1.0 to 3.0")]
    fn a_negative_end_is_a_bug_of_the_caller() {
        falling_root(|x| 2.0 - Interval::point(x), -1.0, 3.0, 1.5);
    }
}
