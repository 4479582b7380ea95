//! What the bound needs to know of one row.

use std::ops::Range;

use super::directions::Directions;
use super::{residual, slack};

/// Numbers of a record beside one for each direction.
pub(super) const BESIDE: usize = 3;

/// The numbers of one row (`T` is `f32`), or of several rows side by side (`T` is an array with one number of each).
///
/// They lie in memory in the order of these fields, so that either bound has its terms side by side: see [`by_half`]
/// and [`by_all`].
pub(super) struct Record<'a, T> {
    /// What half of the directions leave of the row: an upper bound of the length.
    pub(super) left_by_half: &'a mut T,
    /// How far the row goes along each direction.
    pub(super) along: &'a mut [T],
    /// What all directions leave of the row: an upper bound of the length.
    pub(super) left: &'a mut T,
    /// The squared distance from the centre, enlarged by the slack.
    pub(super) radius: &'a mut T,
}

impl<'a, T> Record<'a, T> {
    /// The parts of at least [`BESIDE`] numbers.
    pub(super) fn of(numbers: &'a mut [T]) -> Self {
        let [left_by_half, along @ .., left, radius] = numbers else {
            unreachable!("a record has at least {BESIDE} numbers");
        };
        Self { left_by_half, along, left, radius }
    }
}

impl Record<'_, f32> {
    /// Sets the numbers of a row with this squared distance from the centre and these projections.
    pub(super) fn fill(self, radius: f64, projection: &[f64], directions: &Directions) {
        let count = self.along.len();
        let left = |projection: &[f64]| {
            let projected = projection.iter().map(|a| a * a).sum();
            above(residual(radius, projected, directions.defect, directions.error))
        };
        *self.left_by_half = left(&projection[..count / 2]);
        for (out, &a) in self.along.iter_mut().zip(projection) {
            *out = a as f32;
        }
        *self.left = left(&projection[..count]);
        // 2⁻¹⁰⁰ exceeds what singles lose to underflow; 1e-14 is more than the roundings to doubles in this line.
        let enlarged = 1.0 + slack(count + BESIDE, directions.defect, directions.error) + 1e-14;
        *self.radius = above(radius * enlarged + 2.0_f64.powi(-100));
    }
}

/// Where the terms of the bound by half of the directions are among `width` numbers: `left_by_half`, half of `along`.
pub(super) fn by_half(width: usize) -> Range<usize> {
    0..(width - BESIDE) / 2 + 1
}

/// Where the terms of the bound by all directions are: `along`, `left`.
pub(super) fn by_all(width: usize) -> Range<usize> {
    1..width - 1
}

/// Where `along` is.
pub(super) fn along(width: usize) -> Range<usize> {
    1..width - 2
}

/// A single that is greater than a double.
fn above(x: f64) -> f32 {
    (x as f32).next_up()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_bound_has_its_terms_side_by_side() {
        let mut numbers = [0, 1, 2, 3, 4, 5, 6, 7];
        let Record { left_by_half, along: projections, left, radius } = Record::of(&mut numbers);
        assert_eq!((*left_by_half, *left, *radius), (0, 6, 7));
        assert_eq!(projections, Vec::from_iter(along(8)));
        assert_eq!((by_half(8), by_all(8)), (0..3, 1..7));
    }
}
