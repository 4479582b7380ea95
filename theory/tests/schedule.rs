//! Techniques 2 and 4 against mpmath (oracles/schedule.py) and against themselves under change.

mod common;

use common::{encloses, encloses_rational, rational};
use ncsn_theory::Error;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::proposition3::variance_excess;
use ncsn_theory::schedule::{
    Law, NoiseRange, Request, Rounding, Spacing, Steps, gamma_root, num_levels, optimal_delta,
    optimal_delta_from, overlap, real_levels, steps_for_tolerance, targets_for_levels,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde_json::Value;

fn oracle(table: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("oracles/schedule.json")).unwrap();
    all[table].as_array().unwrap().clone()
}

#[test]
fn noise_ratios_enclose_mpmath() {
    for row in oracle("roots") {
        let (dim, target) = (row["dim"].as_u64().unwrap(), row["target"].as_f64().unwrap());
        let root = gamma_root(dim, target, Law::Normal).unwrap();
        assert!(encloses(root, row["gamma"].as_str().unwrap()), "D = {dim}, c = {target}: {root}");
    }
}

#[test]
fn noise_ratios_are_enclosed_by_neighbouring_doubles() {
    for row in oracle("roots") {
        let (dim, target) = (row["dim"].as_u64().unwrap(), row["target"].as_f64().unwrap());
        let root = gamma_root(dim, target, Law::Normal).unwrap();
        if (100..4_000_000).contains(&dim) && (0.01..0.95).contains(&target) {
            assert!(root.hi() <= root.lo().next_up().next_up(), "D = {dim}, c = {target}: {root}");
        }
        if [3072, 12288, 27648, 49152, 196_608].contains(&dim) && target == 0.5 {
            assert_eq!(root.hi(), root.lo().next_up(), "D = {dim}");
        }
    }
}

#[test]
fn real_numbers_of_levels_enclose_mpmath() {
    for row in oracle("levels") {
        let range = NoiseRange::new(row["sigma_max"].as_f64().unwrap(), 0.01).unwrap();
        let gamma = gamma_root(row["dim"].as_u64().unwrap(), 0.5, Law::Normal).unwrap();
        assert!(encloses(real_levels(range, gamma), row["x"].as_str().unwrap()), "{row}");
        let levels = num_levels(range, gamma, Rounding::CeilPlusOne).unwrap();
        assert_eq!(levels, row["ceil_plus_one"].as_u64().unwrap(), "{row}");
    }
}

#[test]
fn optimal_steps_enclose_mpmath_within_the_stated_width() {
    for row in oracle("steps") {
        let (gamma, steps) = (row["gamma"].as_f64().unwrap(), row["steps"].as_u64().unwrap());
        let delta = optimal_delta(Interval::point(gamma), steps).unwrap();
        assert!(encloses(delta, row["delta"].as_str().unwrap()), "gamma = {gamma}, T = {steps}: {delta}");
        assert!(delta.relative_width() < (1 + steps) as f64 * 1e-14, "gamma = {gamma}, T = {steps}: {delta}");
        let excess = variance_excess(Interval::point(gamma), delta, steps);
        assert!(encloses(excess, row["excess"].as_str().unwrap()), "gamma = {gamma}, T = {steps}: {excess}");
    }
}

#[test]
fn targets_for_a_number_of_levels_are_those_that_give_it() {
    const LEVELS: u64 = 232;
    let range = NoiseRange::new(50.0, 0.01).unwrap();
    for rounding in Rounding::ALL {
        let (lo, hi) = targets_for_levels(range, 3072, LEVELS, rounding, Law::Normal).unwrap();
        let levels =
            |target| num_levels(range, gamma_root(3072, target, Law::Normal).unwrap(), rounding).unwrap();
        let inside = [lo.hi() + 1e-9, 0.5 * (lo.mid() + hi.mid()), hi.lo() - 1e-9];
        assert_eq!(inside.map(levels), [LEVELS; 3], "{}", rounding.name());
        assert_eq!(
            [lo.lo() - 1e-9, hi.hi() + 1e-9].map(levels),
            [LEVELS - 1, LEVELS + 1],
            "{}",
            rounding.name()
        );
    }
}

#[test]
fn four_dimensions_have_no_ratio() {
    for dim in 0..5 {
        assert_eq!(gamma_root(dim, 0.5, Law::Normal), Err(Error::NoRatio { dim, target: 0.5 }));
    }
}

#[test]
fn tolerance_gives_the_smallest_number_of_steps() {
    let gamma = Interval::point(1.0398);
    let reached = |steps| variance_excess(gamma, optimal_delta(gamma, steps).unwrap(), steps);
    for tolerance in [0.05, 0.01, 1e-3, 1e-5] {
        let steps = steps_for_tolerance(gamma, tolerance).unwrap();
        assert!(reached(steps).hi() <= tolerance);
        assert!(steps == 1 || reached(steps - 1).lo() > tolerance);
    }
}

#[test]
fn unreachable_tolerance_and_small_budget_are_errors() {
    let gamma = Interval::point(1.0398);
    assert!(matches!(steps_for_tolerance(gamma, 1e-12), Err(Error::Tolerance { .. })));
    let range = NoiseRange::new(50.0, 0.01).unwrap();
    let refused = Steps::Budget(231).per_level(range, 232);
    assert_eq!(refused, Err(Error::Budget { budget: 231, num_levels: 232 }));
    assert_eq!(Steps::Budget(463).per_level(range, 232), Ok(1));
}

proptest! {
    /// Two levels and one step: δ = 1 − γ⁻² = (σ₁² − σ_L²)/σ₁², a fraction.
    #[test]
    fn levels_that_nearly_touch_are_known_as_sharply_as_others(
        min in 1e-3..1e3_f64, apart in (-15.9..0.5_f64).prop_map(|power| 10_f64.powf(power)),
    ) {
        let max = (min * (1.0 + apart)).max(min.next_up());
        let range = NoiseRange::new(max, min).unwrap();
        let delta = optimal_delta_from(range.start_excess(2), 1).unwrap();
        let (large, small) = (rational(max).pow(2), rational(min).pow(2));
        prop_assert!(encloses_rational(delta, &((&large - small) / large)), "{max} {min}: {delta}");
        prop_assert!(delta.relative_width() <= 21.0 * f64::EPSILON, "{max} {min}: {}", delta.relative_width());
    }

    /// The widths that the documentation of `ln_ratio`, `start_excess` and `optimal_delta_from` states, over all that they take.
    #[test]
    fn ratios_and_their_excess_are_as_sharp_as_stated(
        power in -70.0..70.0_f64, apart in -15.9..70.0_f64, levels in 2_u64..100_000, steps in 1_u64..2000,
    ) {
        let min = 10_f64.powf(power);
        let max = (min * (1.0 + 10_f64.powf(apart))).clamp(min.next_up(), 1e75);
        let range = NoiseRange::new(max, min).unwrap();
        let start = range.start_excess(levels);
        let ln_gamma = range.ln_ratio().mid() / (levels - 1) as f64;
        prop_assert!(range.ln_ratio().relative_width() <= 4.0 * f64::EPSILON, "{max} {min}");
        prop_assert!(start.relative_width() <= (10.0 + 14.0 * ln_gamma) * f64::EPSILON, "{max} {min} {levels}");
        let delta = optimal_delta_from(start, steps).unwrap();
        let bound = start.relative_width() + (20.0 + steps as f64) * f64::EPSILON;
        prop_assert!(delta.relative_width() <= bound, "{max} {min} {levels} {steps}: {}", delta.relative_width());
    }

    #[test]
    fn overlap_falls_beyond_the_root(dim in 5_u64..1_000_000, target in 0.05..0.95_f64, stretch in 1e-6..1.0_f64) {
        let root = gamma_root(dim, target, Law::Normal).unwrap();
        let at = |gamma: f64| overlap(Interval::point(gamma), dim, Law::Normal);
        let wider = root.hi() * (1.0 + stretch);
        prop_assert!(at(wider).hi() < target);
        prop_assert!(at(wider * (1.0 + stretch)).lo() <= at(wider).hi());
    }

    #[test]
    fn default_rounding_guarantees_the_target(
        dim in 5_u64..1_000_000,
        target in 0.05..0.95_f64,
        ratio in 1.5..1e6_f64,
    ) {
        let range = NoiseRange::new(ratio, 1.0).unwrap();
        let request = Request {
            dim, range, spacing: Spacing { target, ..Spacing::default() }, steps: Steps::PerLevel(3),
        };
        // An overlap above the target by less than its own enclosure cannot be told from the target.
        let found = request.derive().unwrap();
        prop_assert!(found.overlap.hi() >= target);
        prop_assert!(found.gamma.lo() <= found.gamma_root.hi());
    }

    #[test]
    fn the_optimal_ratio_falls_with_the_number_of_steps(gamma in 1.001..3.0_f64, steps in 1_u64..200) {
        let gamma = Interval::point(gamma);
        let best = |steps| variance_excess(gamma, optimal_delta(gamma, steps).unwrap(), steps);
        prop_assert!(best(steps + 1).hi() < best(steps).lo());
    }

    #[test]
    fn no_other_step_is_better(gamma in 1.001..5.0_f64, steps in 1_u64..50, delta in 1e-6..1.999_f64) {
        let gamma = Interval::point(gamma);
        let best = variance_excess(gamma, Interval::point(optimal_delta(gamma, steps).unwrap().mid()), steps);
        let other = variance_excess(gamma, Interval::point(delta), steps);
        prop_assert!(best.lo() <= other.hi());
        prop_assert!(other.is_above(0.0));
    }
}

/// Seed, sample size and the probability that the test fails although the enclosure is right.
const SEED: u64 = 11;
const RADII: usize = 20_000;
const SIGNIFICANCE: f64 = 1e-6;

#[test]
fn simulated_gaussians_overlap_as_the_exact_law_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    for dim in [5_usize, 64, 300] {
        let gamma = gamma_root(dim as u64, 0.5, Law::Chi).unwrap();
        let above = RadiusLaw::new(dim as u64, gamma.mid()).unwrap();
        let (mean, deviation) = (above.mean().mid(), above.standard_deviation().mid());
        let inside = (0..RADII)
            .filter(|_| {
                let square: f64 = (0..dim).map(|_| rng.sample::<f64, _>(StandardNormal).powi(2)).sum();
                (square.sqrt() - mean).abs() <= 3.0 * deviation
            })
            .count();
        // Hoeffding: P(|share − p| > x) ≤ 2e^{−2nx²}.
        let margin = ((2.0 / SIGNIFICANCE).ln() / (2.0 * RADII as f64)).sqrt();
        let share = inside as f64 / RADII as f64;
        assert!((share - 0.5).abs() <= margin, "D = {dim}: {share} is farther than {margin} from 0.5");
    }
}

#[test]
fn both_laws_give_nearly_the_same_ratio_for_images_and_quite_another_in_five_dimensions() {
    let ratio = |dim, law| gamma_root(dim, 0.5, law).unwrap().mid();
    // The laws differ by 0.188/√D in probability; dC/dγ ≈ √(2D)·φ(0), so γ differs by about 0.33/D.
    assert!((ratio(3072, Law::Chi) - ratio(3072, Law::Normal)).abs() < 1.0 / 3072.0);
    assert!((ratio(5, Law::Chi) - ratio(5, Law::Normal)).abs() > 1.0);
}
