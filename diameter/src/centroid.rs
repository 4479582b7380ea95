//! The centroid certificate: rows near the centre cannot be far apart.

use std::fmt::Debug;

use ncsn_theory::interval::Interval;

/// Whether two rows at squared distances `a`, `b` from one centre surely have a squared distance below `floor`.
///
/// # Formula
/// ```text
/// √a + √b < √floor   ⇔   a + b < floor  and  4ab < (floor − a − b)²
/// ```
/// and ‖x_i − x_j‖ ≤ ‖x_i − c‖ + ‖x_j − c‖.
///
/// # Accuracy
/// Exact: the sum of two 64-bit numbers and both products fit into 128 bits, since a·b ≤ (floor/2)² when a + b < floor.
#[must_use]
pub fn closer_than(floor: u64, a: u64, b: u64) -> bool {
    let (floor, a, b) = (u128::from(floor), u128::from(a), u128::from(b));
    // The left side is at most floor² < 2¹²⁸.
    floor > a + b && 4 * a * b < (floor - a - b).pow(2)
}

/// Squared distances that can be compared: `u64` or `f64`.
pub trait Square: Copy + Debug + Default + PartialOrd + Send + Sync + 'static {
    /// Whether two rows with these squared distances from a centre surely have a squared distance below `floor`.
    fn closer_than(floor: Self, from_centre: [Self; 2]) -> bool;

    /// The nearest double that is not below.
    fn above(self) -> f64;

    /// The nearest double that is not above.
    fn below(self) -> f64;

    /// Place among all squared distances: 64 bits that ascend with them.
    fn place(self) -> u64;

    /// The squared distance at a place.
    fn at(place: u64) -> Self;

    /// An eighth more, hence 6% more distance; any number of about that size will do.
    #[must_use]
    fn enlarged(self) -> Self;
}

/// The smallest squared distance from a centre at which a row may be √`floor` away from one at √`other`.
///
/// # Formula
/// ```text
/// least a with not closer_than(floor, a, other), which is ⌈(√floor − √other)²⌉ for integers, and 0 where other ≥ floor
/// ```
/// by bisection, since the certificate is monotone.
///
/// # Accuracy
/// Exact for `u64`. For `f64` the certificate rounds outward, so that the result is below (√floor − √other)² by a few ulps.
///
/// # Example
/// ```
/// use ncsn_diameter::centroid::least_reach;
/// assert_eq!([least_reach(49_u64, 16), least_reach(49, 50)], [9, 0]);
/// ```
#[must_use]
pub fn least_reach<S: Square>(floor: S, other: S) -> S {
    let (mut least, mut most) = (0, floor.place());
    while least < most {
        let middle = least + (most - least) / 2;
        if S::closer_than(floor, [S::at(middle), other]) { least = middle + 1 } else { most = middle }
    }
    S::at(least)
}

impl Square for u64 {
    fn closer_than(floor: Self, [a, b]: [Self; 2]) -> bool {
        closer_than(floor, a, b)
    }

    fn above(self) -> f64 {
        Interval::integer(self).hi()
    }

    fn below(self) -> f64 {
        Interval::integer(self).lo()
    }

    fn place(self) -> u64 {
        self
    }

    fn at(place: u64) -> Self {
        place
    }

    fn enlarged(self) -> Self {
        self.saturating_add(self / 8 + 1)
    }
}

impl Square for f64 {
    fn closer_than(floor: Self, [a, b]: [Self; 2]) -> bool {
        let sum = Interval::point(a).sqrt() + Interval::point(b).sqrt();
        sum.sqr().is_below(floor)
    }

    fn above(self) -> f64 {
        self
    }

    fn below(self) -> f64 {
        self
    }

    /// The bits of doubles that are not negative ascend as they do.
    fn place(self) -> u64 {
        self.to_bits()
    }

    fn at(place: u64) -> Self {
        Self::from_bits(place)
    }

    fn enlarged(self) -> Self {
        1.125 * self
    }
}

/// A row and an upper bound of its squared distance from the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked<S> {
    pub(crate) square: S,
    pub(crate) row: u32,
}

/// For each row in turn, the end of the rows that the certificate leaves it to be compared with.
///
/// Pairs of positions `i < j` with `j ≥ reach[i]` are closer than `floor`.
pub(crate) struct Staircase {
    /// Ends that exceed their own position by more than one, from position 0 on; decreasing.
    pub(crate) reach: Vec<u32>,
    /// Pairs that remain.
    pub(crate) pairs: u64,
}

impl Staircase {
    /// # Formula
    /// Squares descend with the position, so the ends do too, and one sweep finds them all.
    pub(crate) fn new<S: Square>(ranked: &[Ranked<S>], floor: S) -> Self {
        let mut stairs = Self { reach: Vec::new(), pairs: 0 };
        let mut end = ranked.len();
        for (i, row) in ranked.iter().enumerate() {
            while end > i + 1 && S::closer_than(floor, [row.square, ranked[end - 1].square]) {
                end -= 1;
            }
            if end <= i + 1 {
                break;
            }
            stairs.reach.push(end as u32);
            stairs.pairs += (end - i - 1) as u64;
        }
        stairs
    }

    /// Positions that occur in a remaining pair: `0 .. rows()`.
    pub(crate) fn rows(&self) -> usize {
        self.reach.first().map_or(0, |&end| end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integer_rule_is_strict_at_equality() {
        // √9 + √16 = √49
        let decisions = [48, 49, 50].map(|floor| closer_than(floor, 9, 16));
        assert_eq!(decisions, [false, false, true]);
    }

    #[test]
    fn the_integer_rule_survives_the_largest_numbers() {
        assert!(!closer_than(u64::MAX, u64::MAX, u64::MAX));
        assert!(closer_than(u64::MAX, u64::MAX / 4 - 1, u64::MAX / 4 - 1));
        assert!(!closer_than(u64::MAX, u64::MAX / 4 + 1, u64::MAX / 4 + 1));
    }

    #[test]
    fn the_least_reach_is_the_first_that_the_certificate_leaves() {
        for (floor, other) in [(0, 0), (0, 5), (49, 16), (50, 16), (1 << 40, 77), (u64::MAX, u64::MAX / 4)] {
            let least = least_reach(floor, other);
            assert!(!closer_than(floor, least, other));
            assert!(least == 0 || closer_than(floor, least - 1, other));
        }
        for (floor, other) in [(0.0, 0.0), (2.0, 0.1), (1e-300, 1e-301), (1e300, 2e299)] {
            let least: f64 = least_reach(floor, other);
            let exact = f64::max(0.0, f64::sqrt(floor) - f64::sqrt(other)).powi(2);
            assert!(!f64::closer_than(floor, [least, other]));
            assert!(least == 0.0 || f64::closer_than(floor, [least.next_down(), other]));
            // A few roundings of 2⁻⁵³ each, enlarged by √floor/(√floor − √other), below 3 here, squared.
            assert!((least - exact).abs() <= 1e-14 * exact);
        }
    }

    #[test]
    fn the_staircase_keeps_exactly_the_pairs_the_rule_keeps() {
        let squares = [100_u64, 81, 64, 36, 25, 9, 4, 1, 0];
        let ranked: Vec<_> = (0..).zip(squares).map(|(row, square)| Ranked { square, row }).collect();
        for floor in 0..=400 {
            let stairs = Staircase::new(&ranked, floor);
            let kept = |i: usize, j: usize| stairs.reach.get(i).is_some_and(|&end| j < end as usize);
            for j in 0..squares.len() {
                for i in 0..j {
                    assert_eq!(kept(i, j), !closer_than(floor, squares[i], squares[j]), "{floor} {i} {j}");
                }
            }
        }
    }
}
