//! Algorithm 1 and the poster's experiment with exact scores.

use ncsn_theory::Error;
use ncsn_theory::interval::Interval;
use ncsn_theory::langevin::{Annealing, annealed_langevin};
use ncsn_theory::poster::{Exploration, Start, explore};
use ncsn_theory::proposition1::Mixture;
use ncsn_theory::proposition3::{Level, variance_interval};
use ncsn_theory::schedule::{NoiseRange, Schedule};
use ndarray::{Array2, ArrayView2, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Confidence of each interval.
const CONFIDENCE: f64 = 1.0 - 1e-6;

fn normal(rows: usize, dim: usize, sigma: f64, rng: &mut ChaCha8Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, dim), || sigma * rng.sample::<f64, _>(StandardNormal))
}

/// σ₁ = 8 to σ_L = 1 with γ = 2: steps so coarse that levels differ from their targets by much more than
/// the intervals.
fn coarse() -> Annealing {
    Annealing { denoise: false, ..annealing([8.0, 1.0], 4, 0.2, 3) }
}

/// With the clean-up step. The dimension takes no part in the dynamics.
fn annealing([sigma_max, sigma_min]: [f64; 2], num_levels: u64, epsilon: f64, steps: u64) -> Annealing {
    let range = NoiseRange::new(sigma_max, sigma_min).unwrap();
    Schedule::new(1, range, num_levels, steps, epsilon).unwrap().into()
}

#[test]
fn the_variance_after_each_level_is_proposition_3s() {
    const SHAPE: (usize, usize) = (500, 40);
    let annealing = coarse();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let start = normal(SHAPE.0, SHAPE.1, 8.0, &mut rng);
    let origin = Mixture::new(Array2::zeros((1, SHAPE.1)).view(), 1.0).unwrap();

    // The score is asked for once per step: each third request shows what a level hands to the next.
    let mut sums_of_squares = Vec::new();
    let mut requests = 0;
    let score = |x: ArrayView2<f64>, sigma: f64| {
        if requests > 0 && requests % 3 == 0 {
            sums_of_squares.push(x.mapv(|x| x * x).sum());
        }
        requests += 1;
        origin.with_sigma(sigma)?.score(x)
    };
    let end = annealed_langevin(&annealing, score, start, &mut rng).unwrap();
    sums_of_squares.push(end.mapv(|x| x * x).sum());

    let mut variance = Interval::point(64.0);
    for (i, (&sum, sigma)) in sums_of_squares.iter().zip(annealing.schedule.sigmas()).enumerate() {
        let level = Level::new(sigma, sigma, 1.0, annealing.schedule.epsilon(), 3).unwrap();
        variance = level.variance_after(variance, 0.0);
        let measured = variance_interval(sum, (SHAPE.0 * SHAPE.1) as u64, CONFIDENCE).unwrap();
        assert!(measured.intersection(variance).is_some(), "level {i}: {measured} {variance}");
        let target = Interval::point(sigma).sqr();
        assert!(measured.intersection(target).is_none(), "level {i} must be told from its target");
    }
    assert_eq!(sums_of_squares.len(), 4);
}

#[test]
fn the_clean_up_step_moves_one_gaussian_to_its_centre() {
    // x + σ_L²·(c − x)/σ_L² = c
    let centre = array![[0.25, 0.5]];
    let mixture = Mixture::new(centre.view(), 1.0).unwrap();
    let annealing = Annealing { denoise: true, ..coarse() };
    let score = |x: ArrayView2<f64>, sigma: f64| mixture.with_sigma(sigma)?.score(x);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let end = annealed_langevin(&annealing, score, array![[3.0, -4.0]], &mut rng).unwrap();
    assert!((end - centre).iter().all(|defect| defect.abs() < 1e-15));
}

#[test]
fn two_close_components_are_reached_with_equal_weight_from_one_of_them() {
    const SAMPLES: usize = 2000;
    let mut centres = Array2::zeros((2, 3));
    centres[[1, 0]] = 2.0;
    let annealing = annealing([4.0, 0.05], 40, 0.1 * 0.05 * 0.05, 20);
    let mixture = Mixture::new(centres.view(), 1.0).unwrap();
    let score = |x: ArrayView2<f64>, sigma: f64| mixture.with_sigma(sigma)?.score(x);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let end = annealed_langevin(&annealing, score, Array2::zeros((SAMPLES, 3)), &mut rng).unwrap();
    let second = mixture.nearest(end.view()).unwrap().iter().filter(|&&j| j == 1).count() as f64;
    // Hoeffding at 1 − CONFIDENCE = 1e-6, sample size as above.
    let margin = ((2.0 / (1.0 - CONFIDENCE)).ln() / (2.0 * SAMPLES as f64)).sqrt();
    assert!((second / SAMPLES as f64 - 0.5).abs() < margin, "{second}");
}

#[test]
fn levels_and_steps_are_the_papers() {
    // Source: Table 4, CIFAR-10.
    let Annealing { schedule, .. } = annealing([50.0, 0.01], 232, 6.2e-6, 5);
    let levels: Vec<f64> = schedule.sigmas().collect();
    assert_eq!((levels.len(), levels[0], levels[231]), (232, 50.0, 0.01));
    let gamma = 5000.0_f64.powf(1.0 / 231.0);
    assert!(levels.windows(2).all(|pair| (pair[0] / pair[1] / gamma - 1.0).abs() < 1e-13));
    assert!((schedule.step_size(0) / (6.2e-6 * 2500.0 / 1e-4) - 1.0).abs() < 1e-15);
    assert_eq!(schedule.step_size(231), 6.2e-6);
}

#[test]
fn scores_of_another_shape_are_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let wrong = |_: ArrayView2<f64>, _: f64| Ok(Array2::zeros((1, 1)));
    let result = annealed_langevin(&coarse(), wrong, Array2::zeros((2, 3)), &mut rng);
    assert_eq!(result, Err(Error::Shape { name: "score", found: 1, expected: 6 }));
}

/// 40 centres in 64 dimensions, about √(64/6) = 3.3 apart, at most 5: σ₁ = 5 by Technique 1, σ₁ = 0.1 far
/// below it.
#[test]
fn a_large_first_level_forgets_the_start_and_a_small_one_keeps_it() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let centres = Array2::from_shape_simple_fn((40, 64), || rng.random::<f64>());
    let run = |sigma_max: f64, num_levels: u64, rng: &mut ChaCha8Rng| {
        let annealing = annealing([sigma_max, 0.01], num_levels, 1e-5, 10);
        explore(centres.view(), &annealing, Start::Centres, 40, rng).unwrap()
    };
    let kept = run(0.1, 12, &mut rng);
    assert_eq!((kept.moved(), kept.distinct()), (0.0, 40));
    let spread = run(5.0, 40, &mut rng);
    // A sample that forgot its start ends there with probability 1/40: 32 of 40 moved leave 7 times that mean.
    assert!(spread.moved() > 0.8, "{}", spread.moved());
    assert!(spread.distinct() > 10, "{}", spread.distinct());
}

#[test]
fn an_exploration_counts_what_it_says() {
    let found = Exploration {
        starts: vec![0, 1, 2, 3],
        ends: vec![0, 2, 2, 0],
        num_centres: 5,
        samples: Array2::zeros((4, 1)),
    };
    assert_eq!((found.moved(), found.distinct()), (0.5, 2));
    assert!((found.entropy() - std::f64::consts::LN_2).abs() < 1e-15);
    assert_eq!(found.greatest_entropy(), 4.0_f64.ln());
    // 5·(1 − (4/5)⁴)
    assert!((found.distinct_of_fair_draws() - 2.952).abs() < 1e-14);
}

#[test]
fn uniform_starts_are_in_the_unit_cube_and_no_samples_is_an_error() {
    let centres = array![[0.1, 0.1], [0.9, 0.9]];
    let annealing = annealing([0.02, 0.01], 2, 1e-5, 1);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let found = explore(centres.view(), &annealing, Start::Uniform, 200, &mut rng).unwrap();
    // Half of the cube is nearer to each centre; 200 fair draws miss [60, 140] with probability below 1e-7.
    assert!((60..140).contains(&found.starts.iter().filter(|&&start| start == 1).count()));
    let none = explore(centres.view(), &annealing, Start::Uniform, 0, &mut rng);
    assert_eq!(none, Err(Error::Count { name: "samples", value: 0, allowed: "at least 1" }));
}
