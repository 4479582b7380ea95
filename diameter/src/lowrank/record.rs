//! What the bound needs to know of one row.

use super::directions::Directions;
use super::{residual, slack};

/// Numbers of a record beside one for each direction.
pub(super) const BESIDE: usize = 3;

/// The numbers of one row (`T` is `f32`), or of several rows side by side (`T` is an array with one number of each).
///
/// They lie in memory in the order of these fields. So the terms of each of the two bounds are consecutive: by half of the
/// directions [`by_half`], by all of them [`by_all`].
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

/// What half of the directions leave, and the first half of the projections.
pub(super) fn by_half<T>(numbers: &[T]) -> &[T] {
    let end = (numbers.len() - BESIDE) / 2 + 1;
    &numbers[..end]
}

/// All projections, and what they leave.
pub(super) fn by_all<T>(numbers: &[T]) -> &[T] {
    &numbers[1..numbers.len() - 1]
}

/// All projections.
pub(super) fn along<T>(numbers: &[T]) -> &[T] {
    &numbers[1..numbers.len() - 2]
}

/// The enlarged squared radius.
pub(super) fn radius<T>(numbers: &[T]) -> &T {
    &numbers[numbers.len() - 1]
}

/// A single that is greater than a double.
fn above(x: f64) -> f32 {
    (x as f32).next_up()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_views_of_a_record_are_its_parts() {
        let mut numbers = [0, 1, 2, 3, 4, 5, 6, 7];
        let parts = Record::of(&mut numbers);
        let found = (*parts.left_by_half, parts.along.to_vec(), *parts.left, *parts.radius);
        assert_eq!(found, (0, along(&numbers).to_vec(), 6, *radius(&numbers)));
        assert_eq!((by_half(&numbers), by_all(&numbers)), (&[0, 1, 2][..], &[1, 2, 3, 4, 5, 6][..]));
    }
}
