//! Proposition 1 against direct evaluation, difference quotients, a 45-digit table and itself.

use ncsn_theory::Error;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition1::{Mixture, bound, exact_over_bound, exact_pair};
use ndarray::{Array2, ArrayView1, array, s};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Chance that one of the statistical tests below fails although the code is right, at most, for each
/// interval.
const SIGNIFICANCE: f64 = 1e-6;
const DRAWS: usize = 20_000;

fn uniform(rows: usize, dim: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, dim), || rng.random())
}

/// −‖x − c‖²/(2σ²) by differences, relative error below 1e-12 at these sizes.
fn direct_log_weights(centres: &Array2<f64>, x: ArrayView1<f64>, sigma: f64) -> Vec<f64> {
    let squared = |c: ArrayView1<f64>| x.iter().zip(c).map(|(x, c)| (x - c).powi(2)).sum::<f64>();
    centres.rows().into_iter().map(|c| -squared(c) / (2.0 * sigma * sigma)).collect()
}

fn direct_responsibilities(log_weights: &[f64]) -> Vec<f64> {
    let greatest = log_weights.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let sum: f64 = log_weights.iter().map(|w| (w - greatest).exp()).sum();
    log_weights.iter().map(|w| (w - greatest).exp() / sum).collect()
}

/// Decimal such as "4.5e-1" as an exact fraction.
fn decimal(text: &str) -> BigRational {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
    let shift = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    BigRational::from_integer(digits) * BigRational::from_integer(BigInt::from(10)).pow(shift)
}

fn encloses(interval: Interval, exact: &BigRational) -> bool {
    let rational = |x| BigRational::from_float(x).unwrap();
    rational(interval.lo()) <= *exact && *exact <= rational(interval.hi())
}

/// Source: tests/oracles/proposition1_pair.py (mpmath, 45 digits).
fn pair_table() -> Vec<(f64, BigRational)> {
    let table: serde_json::Value =
        serde_json::from_str(include_str!("oracles/proposition1_pair.json")).unwrap();
    let row = |row: &serde_json::Value| {
        let distance = row["distance"].as_str().unwrap().parse().unwrap();
        (distance, decimal(row["expected"].as_str().unwrap()))
    };
    table.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn the_exact_pair_value_is_enclosed_to_1e_13() {
    for (distance, expected) in pair_table() {
        let value = exact_pair(Interval::point(distance), Interval::ONE);
        assert!(encloses(value, &expected), "d = {distance}: {value}");
        assert!(value.relative_width() < 1e-13, "d = {distance}: {:e}", value.relative_width());
    }
}

#[test]
fn the_part_of_the_bound_that_is_real_is_enclosed_to_5e_14_at_any_distance() {
    for distance in [0.0, 1e-300, 1e-3, 0.7, 1.0, 5.0, 10.0, 36.0, 60.0, 1e3, 1e8, 1e150, 1e300] {
        let part = exact_over_bound(Interval::point(distance), Interval::ONE);
        assert!(part.relative_width() < 5e-14, "d = {distance}: {:e}", part.relative_width());
    }
}

#[test]
fn the_bound_overestimates_more_and_more_with_distance() {
    // √(2π)/d, the first term for large d, exceeds the part by a relative π²/(2d²), from E[y²] under sech.
    let far = exact_over_bound(Interval::point(1e6), Interval::ONE).mid() * 1e6;
    assert!((far / (2.0 * std::f64::consts::PI).sqrt() - 1.0).abs() < 1e-11);
    for (distance, expected) in pair_table() {
        let distance = Interval::point(distance);
        let exact = exact_over_bound(distance, Interval::ONE) * bound(distance, Interval::ONE);
        assert!(encloses(exact, &expected), "d = {distance}");
    }
    for (distance, percent) in [(0.0, 100.0), (1.0, 90.0), (10.0, 24.0), (36.0, 7.0)] {
        let part = exact_over_bound(Interval::point(distance), Interval::ONE);
        assert_eq!((100.0 * part.mid()).round(), percent, "d = {distance}: {part}");
    }
}

#[test]
fn pair_functions_take_intervals_and_refuse_what_is_undefined() {
    let sigmas = Interval::new(0.5, 2.0).unwrap();
    let value = exact_pair(Interval::ONE, sigmas);
    for sigma in [0.5, 1.0, 1.7, 2.0] {
        let point = exact_pair(Interval::ONE, Interval::point(sigma));
        assert!(value.lo() <= point.lo() && point.hi() <= value.hi());
    }
    let around_zero = Interval::new(-1.0, 1.0).unwrap();
    assert_eq!(exact_pair(Interval::ONE, around_zero), Interval::ENTIRE);
    assert_eq!(exact_pair(-Interval::ONE, Interval::ONE), Interval::ENTIRE);
    assert_eq!(bound(Interval::ONE, around_zero), Interval::ENTIRE);
    // Both are below every double here, and known to be.
    let tiny = exact_pair(Interval::point(1e200), Interval::ONE);
    assert!(tiny.lo() == 0.0 && tiny.hi() <= f64::MIN_POSITIVE);
}

proptest! {
    #[test]
    fn bound_is_above_exact_which_is_above_zero(distance in 0.0..70.0_f64, sigma in 0.1..10.0_f64) {
        let (distance, sigma) = (Interval::point(distance), Interval::point(sigma));
        let (bound, exact) = (bound(distance, sigma), exact_pair(distance, sigma));
        prop_assert!(exact.lo() <= bound.hi() && exact.lo() >= 0.0);
    }

    #[test]
    fn all_pairs_agree_with_pairs(
        seed in any::<u64>(), n in 2_usize..12, dim in 1_usize..20, sigma in 0.2..3.0_f64,
    ) {
        let centres = uniform(n, dim, seed);
        let found = Mixture::new(centres.view(), sigma).unwrap().pair_bounds().unwrap();
        let bound = |i: usize, j: usize| {
            let differences = centres.row(i).into_iter().zip(centres.row(j)).map(|(&a, &b)| Interval::point(a) - b);
            let squared = differences.fold(Interval::ZERO, |sum, difference| sum + difference.sqr());
            bound(squared.sqrt(), Interval::point(sigma))
        };
        for (i, leaving) in found.leaving.iter().enumerate() {
            let sum = (0..n).filter(|&j| j != i).fold(Interval::ZERO, |sum, j| sum + bound(i, j));
            prop_assert!(leaving.lo() <= sum.lo() && sum.hi() <= leaving.hi());
            prop_assert!(leaving.relative_width() < 1e-10);
        }
        let (i, j) = found.closest;
        let pairs = (0..n).flat_map(|j| (0..j).map(move |i| (i, j)));
        let greatest = pairs.map(|(i, j)| bound(i, j).hi()).fold(0.0, f64::max);
        prop_assert!(i < j && bound(i, j).hi() >= greatest * (1.0 - 1e-10));
        prop_assert!(found.largest.contains(greatest) && found.largest.relative_width() < 1e-10);
    }

    #[test]
    fn responsibilities_agree_with_direct_evaluation(
        seed in any::<u64>(), n in 1_usize..40, dim in 1_usize..30, sigma in 1e-3..10.0_f64,
    ) {
        let (centres, points) = (uniform(n, dim, seed), uniform(7, dim, !seed));
        let mixture = Mixture::new(centres.view(), sigma).unwrap();
        let found = mixture.responsibilities(points.view()).unwrap();
        let error = mixture.log_weight_error(points.view()).unwrap();
        for (b, x) in points.rows().into_iter().enumerate() {
            let expected = direct_responsibilities(&direct_log_weights(&centres, x, sigma));
            // Two log weights meet in each ratio; the direct ones have their own share of the same bound.
            let allowed = (4.0 * error[b]).exp_m1() + 1e-12;
            for (found, expected) in found.row(b).iter().zip(expected) {
                prop_assert!((found - expected).abs() <= allowed * expected + f64::MIN_POSITIVE);
            }
        }
    }

    #[test]
    fn score_is_the_difference_quotient_of_log_density(
        seed in any::<u64>(), n in 1_usize..20, dim in 1_usize..6, sigma in 0.3..3.0_f64,
    ) {
        let (centres, points) = (uniform(n, dim, seed), uniform(1, dim, !seed));
        let mixture = Mixture::new(centres.view(), sigma).unwrap();
        let score = mixture.score(points.view()).unwrap();
        for k in 0..dim {
            let quotient = |h: f64| {
                let mut ends = ndarray::concatenate![ndarray::Axis(0), points, points];
                ends[[0, k]] += h;
                ends[[1, k]] -= h;
                let log_density = mixture.log_density(ends.view()).unwrap();
                (log_density[0] - log_density[1]) / (ends[[0, k]] - ends[[1, k]])
            };
            // Richardson: the error of the extrapolated value is of order h⁴, a small part of the correction made.
            let (coarse, fine) = (quotient(2e-3 * sigma), quotient(1e-3 * sigma));
            let extrapolated = fine + (fine - coarse) / 3.0;
            let log_density = mixture.log_density(points.view()).unwrap()[0];
            let log_weight_error = mixture.log_weight_error(points.view()).unwrap()[0];
            let rounding = 4.0 * (log_weight_error + 1e-15 * (10.0 + log_density.abs())) / (1e-3 * sigma);
            let allowed = (fine - coarse).abs() + rounding;
            prop_assert!((extrapolated - score[[0, k]]).abs() <= allowed, "{extrapolated} {}", score[[0, k]]);
        }
    }
}

/// Images of 3072 numbers at the smallest published σ_L, with pairs of centres 1e-3 apart: squared
/// distances of 1e-6 are computed from norms of 250, and log weights of order 1 from terms of order 1e6.
#[test]
fn log_weights_keep_their_error_bound_at_small_sigma() {
    const DIM: usize = 3072;
    const SIGMA: f64 = 0.01;
    let mut centres = uniform(20, DIM, 1);
    for i in 0..10 {
        let shifted = &centres.row(2 * i) + &(&uniform(1, DIM, 2).row(0) * 3e-5);
        centres.row_mut(2 * i + 1).assign(&shifted);
    }
    let points = &centres + &(uniform(20, DIM, 3) * SIGMA);
    let mixture = Mixture::new(centres.view(), SIGMA).unwrap();
    let error = mixture.log_weight_error(points.view()).unwrap();
    let found = mixture.responsibilities(points.view()).unwrap();
    for b in 0..20 {
        let direct = direct_log_weights(&centres, points.row(b), SIGMA);
        let partner = b ^ 1;
        let log_ratio = (found[[b, b]] / found[[b, partner]]).ln();
        let defect = (log_ratio - (direct[b] - direct[partner])).abs();
        assert!(defect <= 2.0 * error[b], "{defect:e} {:e}", error[b]);
        assert!(error[b] < 1e-5 && log_ratio.abs() > 1e-4);
    }
}

#[test]
fn far_from_every_centre_the_score_points_to_the_nearest() {
    let centres = array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let mixture = Mixture::new(centres.view(), 1e-3).unwrap();
    // Every p_i is below e^{−10⁹}.
    let points = array![[60.0, 10.0], [-50.0, 80.0]];
    assert_eq!(mixture.responsibilities(points.view()).unwrap(), array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    assert_eq!(mixture.nearest(points.view()).unwrap(), [1, 2]);
    let expected = array![[-59e6, -10e6], [50e6, -79e6]];
    let score = mixture.score(points.view()).unwrap();
    assert!((score / expected).iter().all(|ratio| (ratio - 1.0).abs() < 1e-14));
}

#[test]
fn one_component_has_the_log_density_of_a_gaussian() {
    let mixture = Mixture::new(array![[1.0, 2.0, 3.0]].view(), 2.0).unwrap();
    let at_centre = mixture.log_density(array![[1.0, 2.0, 3.0]].view()).unwrap()[0];
    // (2π·4)^{−3/2}
    let expected = -1.5 * (8.0 * std::f64::consts::PI).ln();
    assert!((at_centre / expected - 1.0).abs() < 1e-15);
}

/// More points than a block and more centres and columns than a tile: every seam of the parallel split is
/// crossed.
#[test]
fn blocks_and_tiles_do_not_show() {
    let (centres, points) = (uniform(1100, 1030, 4), uniform(300, 1030, 5));
    // At σ = 3 all responsibilities count, at σ = 0.3 few do: both ways to add up the centres.
    for sigma in [3.0, 0.3] {
        let mixture = Mixture::new(centres.view(), sigma).unwrap();
        let whole = mixture.score(points.view()).unwrap();
        let log_density = mixture.log_density(points.view()).unwrap();
        for b in [0, 255, 256, 299] {
            let x = points.slice(s![b..=b, ..]);
            let log_weights = direct_log_weights(&centres, x.row(0), sigma);
            let weights = direct_responsibilities(&log_weights);
            let mean = weights.iter().zip(centres.rows()).fold(&x.row(0) * 0.0, |sum, (w, c)| sum + &c * *w);
            let direct = (mean - x.row(0)) / (sigma * sigma);
            let defect = (&whole.row(b) - &direct).fold(0.0_f64, |max, d| max.max(d.abs()));
            assert!(defect * sigma * sigma < 1e-10, "{defect:e}");
            assert!((mixture.log_density(x).unwrap()[0] - log_density[b]).abs() < 1e-9);
        }
    }
}

#[test]
fn scores_do_not_depend_on_the_number_of_threads() {
    let (centres, points) = (uniform(600, 700, 6), uniform(40, 700, 7));
    let mixture = Mixture::new(centres.view(), 1.0).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| mixture.score(points.view()).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn two_components_estimated_agree_with_the_exact_value() {
    for (distance, seed) in [(0.5, 1), (3.0, 2), (40.0, 3)] {
        let mut centres = Array2::zeros((2, 5));
        centres[[1, 2]] = distance;
        let mixture = Mixture::new(centres.view(), 1.0).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let estimate = mixture.expected_responsibility((0, 1), DRAWS, 1.0 - SIGNIFICANCE, &mut rng).unwrap();
        let exact = exact_pair(Interval::point(distance), Interval::ONE);
        assert!(estimate.interval.intersection(exact).is_some(), "{estimate:?} {exact}");
        // Relative accuracy even at e⁻²⁰⁰: draws come from the midpoint.
        assert!(estimate.interval.width() < 0.5 * exact.lo(), "{estimate:?}");
    }
}

#[test]
fn among_many_components_the_estimate_stays_below_the_bound_and_sums_to_one() {
    let centres = uniform(6, 8, 9);
    let mixture = Mixture::new(centres.view(), 0.5).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let mut sum = Interval::ZERO;
    for j in 0..6 {
        let estimate = mixture.expected_responsibility((2, j), DRAWS, 1.0 - SIGNIFICANCE, &mut rng).unwrap();
        let squared: f64 = (&centres.row(2) - &centres.row(j)).mapv(|x| x * x).sum();
        let bound = bound(Interval::point(squared.sqrt()), Interval::point(0.5));
        let exact_of_two = exact_pair(Interval::point(squared.sqrt()), Interval::point(0.5));
        assert!(j == 2 || estimate.interval.lo() <= exact_of_two.hi() && exact_of_two.lo() <= bound.hi());
        sum = sum + estimate.interval;
    }
    assert!(sum.contains(1.0) && sum.width() < 0.5, "{sum}");
}

/// The same expectation from draws of p_i, as it is defined.
#[test]
fn the_midpoint_estimate_agrees_with_draws_from_the_component() {
    let centres = uniform(5, 4, 11);
    let sigma = 0.4;
    let mixture = Mixture::new(centres.view(), sigma).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let estimate = mixture.expected_responsibility((0, 3), DRAWS, 1.0 - SIGNIFICANCE, &mut rng).unwrap();
    let points = Array2::from_shape_fn((DRAWS, 4), |(_, k)| {
        centres[[0, k]] + sigma * rng.sample::<f64, _>(rand_distr::StandardNormal)
    });
    let plain = mixture.responsibilities(points.view()).unwrap().column(3).mean().unwrap();
    // Hoeffding: values in [0, 1].
    let margin = ((2.0 / SIGNIFICANCE).ln() / (2.0 * DRAWS as f64)).sqrt();
    assert!(estimate.interval.lo() <= plain + margin && plain - margin <= estimate.interval.hi());
    assert!(margin < 0.5 * plain);
}

/// Two equal centres share every draw: no spread, and Bernstein's bound is its second term, 7Rℓ/(3(n − 1)) with R = ½.
#[test]
fn draws_without_spread_still_leave_the_second_term_of_bernsteins_bound() {
    const N: usize = 1000;
    let mixture = Mixture::new(array![[1.0, 2.0], [1.0, 2.0]].view(), 0.7).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let estimate = mixture.expected_responsibility((0, 1), N, 0.99, &mut rng).unwrap();
    let half_width = 7.0 * 0.5 * (4.0_f64 / 0.01).ln() / (3.0 * (N - 1) as f64);
    assert_eq!((estimate.value, estimate.interval.hi()), (0.5, 0.5));
    assert!((estimate.interval.lo() - (0.5 - half_width)).abs() < 1e-12, "{:?}", estimate.interval);
}

#[test]
fn bad_input_is_refused_by_name() {
    let good = array![[0.0, 1.0], [1.0, 0.0]];
    let mixture = Mixture::new(good.view(), 1.0).unwrap();
    let message = |error: Error| error.to_string();
    let shape = mixture.score(array![[0.0, 1.0, 2.0]].view()).unwrap_err();
    assert_eq!(message(shape), "each point has 3 entries, expected 2");
    let not_finite = mixture.score(array![[0.0, 1.0], [0.0, f64::NAN]].view()).unwrap_err();
    assert_eq!(message(not_finite), "row 1 of points, entry 1, is NaN, not a finite number");
    let infinite = Mixture::new(array![[f64::INFINITY, 0.0]].view(), 1.0).unwrap_err();
    assert_eq!(message(infinite), "row 0 of centres, entry 0, is inf, not a finite number");
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-160] {
        assert!(
            matches!(Mixture::new(good.view(), sigma), Err(Error::Domain { name: "sigma", .. })),
            "{sigma}"
        );
    }
    let none = Mixture::new(Array2::zeros((0, 2)).view(), 1.0);
    assert!(matches!(none, Err(Error::Count { .. })));
    assert!(matches!(
        Mixture::new(array![[1.0]].view(), 1.0).unwrap().pair_bounds(),
        Err(Error::Count { .. })
    ));
    // Finite numbers whose squares are not.
    assert!(matches!(Mixture::new(array![[1e200], [-1e200]].view(), 1.0), Err(Error::Domain { .. })));
    assert!(matches!(mixture.score(array![[1e200, 0.0]].view()), Err(Error::Domain { .. })));
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert!(mixture.expected_responsibility((0, 2), 10, 0.9, &mut rng).is_err());
    assert!(mixture.expected_responsibility((0, 1), 1, 0.9, &mut rng).is_err());
    assert!(mixture.expected_responsibility((0, 1), 10, 1.0, &mut rng).is_err());
}

/// Squares of 1e-160 underflow; the error bound knows.
#[test]
fn underflow_stays_within_the_error_bound() {
    let centres = array![[1e-160], [-3e-160]];
    let mixture = Mixture::new(centres.view(), 1e-153).unwrap();
    let error = mixture.log_weight_error(centres.view()).unwrap();
    // The log weight of one centre at the other.
    let exact = -(4e-160_f64 / 1e-153).powi(2) / 2.0;
    let found = mixture.responsibilities(centres.view()).unwrap();
    let log_ratio = (found[[0, 1]] / found[[0, 0]]).ln();
    assert!((log_ratio - exact).abs() <= 2.0 * error[0] + 4.0 * f64::EPSILON);
    assert!(mixture.pair_bounds().unwrap().largest.contains(0.5 * (exact / 4.0).exp()));
}
