//! Images drawn by code: a disc, a square or a triangle in one of six colours on a dark ground.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Height and width.
pub const SIDE: usize = 16;
/// Values of an image, `[3, 16, 16]`.
pub const DIM: usize = 3 * SIDE * SIDE;
/// Images in the built-in data set.
pub const COUNT: usize = 4096;

/// Points per axis at which each pixel is sampled.
const SAMPLES: usize = 4;
/// Grey level of the ground.
const GROUND: f32 = 24.0;
/// Red, yellow, green, cyan, blue, magenta.
const COLOURS: [[f32; 3]; 6] = [
    [230.0, 60.0, 50.0],
    [240.0, 200.0, 40.0],
    [70.0, 200.0, 90.0],
    [60.0, 200.0, 220.0],
    [70.0, 110.0, 240.0],
    [220.0, 90.0, 210.0],
];

#[derive(Clone, Copy)]
enum Shape {
    Disc,
    Square,
    Triangle,
}

impl Shape {
    /// Whether a point, relative to the centre and in units of the size, is inside.
    fn contains(self, x: f32, y: f32) -> bool {
        match self {
            Self::Disc => x * x + y * y <= 1.0,
            Self::Square => x.abs().max(y.abs()) <= 0.886,
            // Tip up, from y = −1 to y = 0.8.
            Self::Triangle => y <= 0.8 && x.abs() <= (y + 1.0) * 0.62,
        }
    }
}

/// Names of the shapes.
pub const NAMES: [&str; 3] = ["disc", "square", "triangle"];

/// Images in planes, one after the other, and the shape of each: the same for the same seed.
#[must_use]
pub fn draw(count: usize, seed: u64) -> (Vec<u8>, Vec<u32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut images, mut shapes) = (Vec::with_capacity(count * DIM), Vec::with_capacity(count));
    for _ in 0..count {
        let number = rng.random_range(0..3);
        shapes.push(number as u32);
        let shape = [Shape::Disc, Shape::Square, Shape::Triangle][number];
        let colour = COLOURS[rng.random_range(0..COLOURS.len())];
        let size = rng.random_range(3.6..5.6_f32);
        let room = SIDE as f32 / 2.0 - size - 0.5;
        let [x, y] = [0, 1].map(|_| SIDE as f32 / 2.0 + rng.random_range(-room..room));
        let cover = coverage(shape, x, y, size);
        for channel in colour {
            images.extend(cover.iter().map(|cover| (GROUND + cover * (channel - GROUND)).round() as u8));
        }
    }
    (images, shapes)
}

/// Part of each pixel that the shape covers, in 0 to 1.
fn coverage(shape: Shape, x: f32, y: f32, size: f32) -> Vec<f32> {
    let at = |pixel: usize, sample: usize| pixel as f32 + (sample as f32 + 0.5) / SAMPLES as f32;
    let pixel = |index: usize| {
        let (row, column) = (index / SIDE, index % SIDE);
        let inside = (0..SAMPLES * SAMPLES).filter(|sample| {
            let (dy, dx) = (at(row, sample / SAMPLES) - y, at(column, sample % SAMPLES) - x);
            shape.contains(dx / size, dy / size)
        });
        inside.count() as f32 / (SAMPLES * SAMPLES) as f32
    };
    (0..SIDE * SIDE).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_shapes_on_a_ground() {
        let (images, shapes) = draw(64, 1);
        assert_eq!(images.len(), 64 * DIM);
        for image in images.chunks_exact(DIM) {
            let lit =
                (0..SIDE * SIDE).filter(|&i| (0..3).any(|c| image[c * SIDE * SIDE + i] != GROUND as u8));
            let lit = lit.count();
            // The smallest triangle covers 29 pixels, the largest square 99 and its border 40 more.
            assert!((20..=160).contains(&lit), "{lit} pixels");
        }
        assert_eq!((&images, &shapes), (&draw(64, 1).0, &draw(64, 1).1));
        assert_ne!(images, draw(64, 2).0);
    }
}
