//! The two points of a cloud that are farthest apart, and how few distances it takes to be sure.
//!
//! `cargo run --release --example points` makes 20,000 points in 128 dimensions, as embeddings are: some clusters, a few
//! directions that matter, and noise.

use ncsn_diameter::{Error, RowSlice, diameter};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const POINTS: usize = 20_000;
const DIM: usize = 128;
const CLUSTERS: usize = 12;

fn main() -> Result<(), Error> {
    let points = clusters(&mut ChaCha8Rng::seed_from_u64(1));
    let found = diameter(&RowSlice::new(&points, DIM)?, |_| ())?;
    let (length, (first, second)) = (found.length(), found.witness);
    println!("points {first} and {second} are farthest apart: {}", length.mid());
    println!("the exact distance lies between {:?} and {:?}", length.lo(), length.hi());
    println!("{} of {} distances were computed", found.pairs_evaluated, found.pairs);
    Ok(())
}

/// Points around a few centres, farther spread along the first coordinates than along the last.
fn clusters(rng: &mut ChaCha8Rng) -> Vec<f32> {
    let centres: Vec<f32> = (0..CLUSTERS * DIM).map(|entry| spread(entry % DIM) * uniform(rng)).collect();
    let mut points = Vec::with_capacity(POINTS * DIM);
    for point in 0..POINTS {
        let centre = &centres[point % CLUSTERS * DIM..][..DIM];
        points.extend(centre.iter().map(|coordinate| coordinate + 0.05 * uniform(rng)));
    }
    points
}

fn spread(coordinate: usize) -> f32 {
    1.0 / (1.0 + coordinate as f32)
}

/// A number between −1 and 1.
fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    rng.random_range(-1.0..1.0)
}
