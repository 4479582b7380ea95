//! The variance that Algorithm 1 carries on: exact rationals, a simulation of the sampler itself, Table 4.

use ncsn_theory::chain::{chain_excess, chain_limit};
use ncsn_theory::interval::Interval;
use ncsn_theory::langevin::{Annealing, annealed_langevin};
use ncsn_theory::proposition3::{variance_excess, variance_interval};
use ncsn_theory::schedule::presets::{DATASETS, Dataset, Model};
use ncsn_theory::schedule::{NoiseRange, Request, Schedule, Spacing, Steps, optimal_delta};
use ndarray::Array2;
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Confidence of the simulated interval.
const CONFIDENCE: f64 = 1.0 - 1e-6;

fn rational(x: f64) -> BigRational {
    BigRational::from_float(x).unwrap()
}

fn one() -> BigRational {
    BigRational::from_integer(BigInt::from(1))
}

fn encloses(interval: Interval, exact: &BigRational) -> bool {
    interval.is_bounded() && rational(interval.lo()) <= *exact && *exact <= rational(interval.hi())
}

/// Variance of x over σ_n² after n levels, step by step from σ₁² in exact fractions: no closed form is used.
fn sampler_in_fractions(gamma: &BigRational, delta: &BigRational, steps: u64, levels: u64) -> BigRational {
    let mut variance = one(); // in units of the level's own σ²
    for level in 0..levels {
        if level > 0 {
            variance *= gamma.pow(2); // the same variance in units of the next level's smaller σ²
        }
        for _ in 0..steps {
            variance = (one() - delta).pow(2) * variance + delta * rational(2.0);
        }
    }
    variance
}

proptest! {
    #[test]
    fn the_closed_form_is_the_sampler(
        gamma in 1_u32..64, delta in 1_u32..64, steps in 1_u64..5, levels in 1_u64..6,
    ) {
        // Sixteenths and sixty-fourths, so that fractions stay short; γ up to 5, δ in (0, 1).
        let (gamma, delta) = (1.0 + f64::from(gamma) / 16.0, f64::from(delta) / 64.0);
        let exact = sampler_in_fractions(&rational(gamma), &rational(delta), steps, levels) - one();
        let found = chain_excess(Interval::point(gamma), Interval::point(delta), steps, levels);
        prop_assert!(encloses(found, &exact), "{found}");
    }

    #[test]
    fn at_technique_4s_step_the_excess_rises_to_its_limit(
        gamma in 1.0001..3.0_f64, steps in 1_u64..200, levels in 2_u64..400,
    ) {
        let gamma = Interval::point(gamma);
        let delta = Interval::point(optimal_delta(gamma, steps).unwrap().mid());
        let limit = chain_limit(gamma, delta, steps).expect("the limit exists");
        let found = chain_excess(gamma, delta, steps, levels);
        prop_assert!(variance_excess(gamma, delta, steps).lo() <= limit.hi() && found.lo() <= limit.hi());
        prop_assert!(chain_excess(gamma, delta, steps, levels - 1).lo() <= found.hi());
        // The first level starts at its own variance, below Proposition 3's.
        prop_assert!(chain_excess(gamma, delta, steps, 1).hi() < variance_excess(gamma, delta, steps).lo());
    }
}

/// Technique 4's schedule for a data set, as `ncsn schedule` derives it.
fn derived(name: &str) -> Schedule {
    let dataset = Dataset::find(name).unwrap();
    let range = NoiseRange::new(dataset.sigma_max, 0.01).unwrap();
    let steps = Steps::PerLevel(dataset.row(Model::NcsnV2).unwrap().steps_per_level);
    let request = Request { dim: dataset.dim(), range, spacing: Spacing::default(), steps };
    request.derive().unwrap().schedule
}

#[test]
fn carried_excess_of_cifar10_and_ffhq() {
    // Source: the recursion of tests/oracles/chain.py in 60-digit decimals.
    for (name, one_level, chain) in [("cifar10", "1.0577", "1.1295"), ("ffhq", "1.0094", "1.2023")] {
        let schedule = derived(name);
        assert_eq!(format!("{:.4}", schedule.variance_ratio().mid()), one_level, "{name}");
        assert_eq!(format!("{:.4}", schedule.chain_ratio().mid()), chain, "{name}");
    }
}

#[test]
fn the_published_step_of_church_serves_the_chain_better_than_technique_4s() {
    let church = Dataset::find("church").unwrap();
    let published = church.row(Model::NcsnV2).unwrap().schedule(church.dim()).unwrap();
    let epsilon = published.optimal_epsilon().unwrap().mid();
    let best = Schedule::new(church.dim(), published.range(), 788, 4, epsilon).unwrap();
    // Source: tests/oracles/chain.py.
    let [published_chain, best_chain] = [published, best].map(|schedule| schedule.chain_ratio());
    assert_eq!(
        [published_chain, best_chain].map(|ratio| format!("{:.4}", ratio.mid())),
        ["1.0787", "1.1488"]
    );
    assert!(published.variance_ratio().lo() > best.variance_ratio().hi());
}

#[test]
fn rows_of_table_4_are_enclosed_as_sharply_as_stated_and_have_reached_their_limit() {
    for dataset in &DATASETS {
        for row in dataset.published {
            let schedule = row.schedule(dataset.dim()).unwrap();
            let (gamma, delta, steps) = (schedule.gamma(), schedule.delta(), schedule.steps_per_level());
            let excess = chain_excess(gamma, delta, steps, schedule.num_levels());
            // FFHQ's misprinted step is too small to forget anything: it has no limit.
            let limit = chain_limit(gamma, delta, steps);
            assert_eq!(limit.is_none(), row.epsilon == 0.9e-7, "{}", dataset.name);
            let bound = if limit.is_some() { 1e-12 } else { 1e-11 };
            assert!(excess.relative_width() < bound, "{} {excess}", dataset.name);
            // Even q = 0.913 of the bedrooms leaves 0.913^1085 < 1e-40 of a difference.
            assert!(
                limit.is_none_or(|limit| excess.intersection(limit).is_some()),
                "{} {excess}",
                dataset.name
            );
        }
    }
}

#[test]
fn without_enough_steps_there_is_no_limit() {
    let (gamma, delta) = (Interval::point(1.5), Interval::point(1e-3));
    assert_eq!(chain_limit(gamma, delta, 1), None);
    assert!(chain_excess(gamma, delta, 1, 30).is_above(1e9), "γ^58 of the first variance is still there");
}

/// The sampler of the library, with the exact score of N(0, σ²), ends with the variance stated.
#[test]
fn algorithm_1_ends_with_the_stated_variance() {
    const SAMPLES: usize = 400;
    const DIM: usize = 500;
    let (sigma_max, levels, epsilon, steps) = (1.0, 24, 4e-6, 4);
    let range = NoiseRange::new(sigma_max, 0.01).unwrap();
    let schedule = Schedule::new(DIM as u64, range, levels, steps, epsilon).unwrap();
    let annealing = Annealing { schedule, denoise: false };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let start =
        Array2::from_shape_simple_fn((SAMPLES, DIM), || sigma_max * rng.sample::<f64, _>(StandardNormal));
    let score = |x: ndarray::ArrayView2<f64>, sigma: f64| Ok(x.mapv(|x| -x / (sigma * sigma)));
    let end = annealed_langevin(&annealing, score, start, &mut rng).unwrap();
    let sum = end.iter().map(|x| (x / 0.01).powi(2)).sum();
    let found = variance_interval(sum, (SAMPLES * DIM) as u64, CONFIDENCE).unwrap();
    assert!(found.intersection(schedule.chain_ratio()).is_some(), "{found} {}", schedule.chain_ratio());
    // The simulation is sharp enough to refute what was printed before.
    assert!(found.intersection(schedule.variance_ratio()).is_none(), "{found} {}", schedule.variance_ratio());
}

/// ρ of CIFAR-10's levels by mpmath with 40 digits; the first column is T, the second ε.
#[test]
fn scores_that_are_not_told_sigma_leave_the_stated_noise() {
    let range = NoiseRange::new(50.0, 0.01).unwrap();
    for (steps, epsilon, expected) in [
        (1, 6.2e-6, 1_558.698_120_571_485_3),
        (2, 6.2e-6, 37.621_669_109_563_03),
        (3, 6.2e-6, 1.398_963_438_418_417_4),
        (5, 6.2e-6, 1.176_012_210_287_854_8),
        (1, 7.108_861_515_028_127e-6, 1_200.501_393_243_560_6),
        (3, 6.619_276_647_674_707_5e-6, 1.351_760_846_014_751),
    ] {
        let schedule = Schedule::new(3072, range, 232, steps, epsilon).unwrap();
        let found = schedule.unconditional_noise();
        // Where the noise grows, rounding of γ grows with it: 231 factors.
        assert!((found / expected - 1.0).abs() < 1e-9, "T = {steps}: {found} {expected}");
    }
}
