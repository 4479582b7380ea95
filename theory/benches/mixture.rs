//! Score of a mixture against the two matrix products it contains, X·Cᵀ and R·C, with the same split over
//! threads.
//!
//! Each repetition times one after the other, so that a busy machine slows both; the ratio is what counts.
//! Goal: below 2.

use std::time::{Duration, Instant};

use ncsn_theory::proposition1::Mixture;
use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const POINTS: usize = 256;
const CENTRES: usize = 10_000;
const DIM: usize = 3072;
const REPETITIONS: usize = 5;
/// Rows or columns per task, as in the library.
const TILE: usize = 512;

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let centres = Array2::from_shape_simple_fn((CENTRES, DIM), || rng.random::<f64>());
    let points = Array2::from_shape_simple_fn((POINTS, DIM), || rng.random::<f64>());
    println!("{POINTS} points, {CENTRES} centres, dimension {DIM}, {} threads", rayon::current_num_threads());
    // Distances are near √(3072/6) = 22.6: at σ = 10 every responsibility counts, at σ = 0.1 one does.
    for sigma in [10.0, 0.1] {
        let mixture = Mixture::new(centres.view(), sigma).expect("finite centres and a positive sigma");
        let responsibilities = mixture.responsibilities(points.view()).expect("finite points");
        let mut ratios: Vec<f64> = (0..REPETITIONS)
            .map(|_| {
                let products = time(|| two_products(points.view(), responsibilities.view(), centres.view()));
                let score = time(|| mixture.score(points.view()).expect("finite points"));
                let ratio = score.as_secs_f64() / products.as_secs_f64();
                println!("sigma {sigma:4}: products {products:8.1?}, score {score:8.1?}, ratio {ratio:.3}");
                ratio
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!("sigma {sigma:4}: median ratio {:.3}", ratios[REPETITIONS / 2]);
    }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn two_products(x: ArrayView2<f64>, r: ArrayView2<f64>, c: ArrayView2<f64>) -> (Array2<f64>, Array2<f64>) {
    let mut inner = Array2::zeros((x.nrows(), c.nrows()));
    inner
        .axis_chunks_iter_mut(Axis(1), TILE)
        .into_par_iter()
        .zip(c.axis_chunks_iter(Axis(0), TILE).into_par_iter())
        .for_each(|(mut inner, c)| general_mat_mul(1.0, &x, &c.t(), 0.0, &mut inner));
    let mut outer = Array2::zeros(x.dim());
    outer
        .axis_chunks_iter_mut(Axis(1), TILE)
        .into_par_iter()
        .zip(c.axis_chunks_iter(Axis(1), TILE).into_par_iter())
        .for_each(|(mut outer, c)| general_mat_mul(1.0, &r, &c, 0.0, &mut outer));
    (inner, outer)
}
