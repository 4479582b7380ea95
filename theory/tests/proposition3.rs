//! Proposition 3 in exact rationals, and against simulated chains.

use ncsn_theory::interval::Interval;
use ncsn_theory::proposition3::{self, Level};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Confidence of each simulated interval.
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

/// Each value is `numerator/64`, so that exact fractions stay short.
fn sixty_fourths(range: std::ops::Range<u32>) -> impl Strategy<Value = f64> {
    range.prop_map(|n| f64::from(n) / 64.0)
}

/// s_T²/σ² by the recursion, in exact fractions.
fn exact_recursion(gamma: f64, delta: f64, steps: u64) -> BigRational {
    let kept = (one() - rational(delta)).pow(2);
    let added = rational(delta) * rational(2.0);
    (0..steps).fold(rational(gamma).pow(2), |variance, _| &kept * variance + &added)
}

proptest! {
    #[test]
    fn recursion_equation_6_and_the_form_without_cancellation_are_one(
        gamma in sixty_fourths(1..256), delta in sixty_fourths(1..128), steps in 0_u64..25,
    ) {
        let exact = exact_recursion(gamma, delta, steps);
        let (g, d) = (rational(gamma), rational(delta));
        let kept = (one() - &d).pow(2);
        let stationary = rational(2.0) * &d / (one() - &kept);
        let power = kept.pow(steps as i32);
        let equation_6 = &power * (g.pow(2) - &stationary) + &stationary;
        prop_assert_eq!(&exact, &equation_6);
        let geometric: BigRational = (0..steps as i32).map(|k| kept.pow(k)).sum();
        let excess = d.pow(2) * geometric + (g.pow(2) - one()) * power;
        prop_assert_eq!(&exact, &(excess + one()));
    }

    #[test]
    fn every_form_encloses_the_exact_ratio(
        gamma in 1.0..4.0_f64, delta in 1e-3..1.999_f64, steps in 0_u64..25,
    ) {
        let exact = exact_recursion(gamma, delta, steps);
        let (g, d) = (Interval::point(gamma), Interval::point(delta));
        prop_assert!(encloses(proposition3::recursion(g, d, steps), &exact));
        prop_assert!(encloses(proposition3::closed_form(g, d, steps), &exact));
        prop_assert!(encloses(proposition3::variance_ratio(g, d, steps), &exact));
        prop_assert!(encloses(proposition3::variance_excess(g, d, steps), &(exact - one())));
    }

    #[test]
    fn the_excess_is_as_sharp_as_stated(gamma in 1.0..4.0_f64, delta in 1e-9..1.0_f64, steps in 1_u64..2000) {
        let excess = proposition3::variance_excess(Interval::point(gamma), Interval::point(delta), steps);
        prop_assert!(excess.relative_width() <= (5 * steps + 20) as f64 * f64::EPSILON, "{}", excess);
        let recursion = proposition3::recursion(Interval::point(gamma), Interval::point(delta), steps);
        prop_assert!(recursion.relative_width() <= (5 * steps + 2) as f64 * f64::EPSILON, "{}", recursion);
    }

    #[test]
    fn a_direction_of_the_covariance_follows_its_own_recursion(
        eigenvalue in sixty_fourths(0..640), sigma in sixty_fourths(1..128), gamma in sixty_fourths(65..128),
        epsilon in sixty_fourths(1..64), steps in 0_u64..8,
    ) {
        let sigma_before = sigma * gamma; // exact: 14 bits
        let level = Level::new(sigma_before, sigma, 1.0, epsilon, steps).unwrap();
        let alpha = rational(epsilon) * rational(sigma).pow(2);
        let target = rational(eigenvalue) + rational(sigma).pow(2);
        let start = rational(eigenvalue) + rational(sigma_before).pow(2);
        let kept = (one() - &alpha / &target).pow(2);
        let end = (0..steps).fold(start, |v, _| &kept * v + &alpha * rational(2.0));
        prop_assert!(encloses(level.excess(eigenvalue), &(&end / &target - one())));
        let variance_in = eigenvalue + Interval::point(sigma_before).sqr();
        prop_assert!(encloses(level.variance_after(variance_in, eigenvalue), &end));
    }

    #[test]
    fn below_the_stated_step_the_excess_falls_with_the_eigenvalue(
        steps in 1_u64..12, share in 0.05..1.0_f64, gamma in 1.001..3.0_f64,
        small in 0.0..10.0_f64, gap in 0.01..10.0_f64,
    ) {
        // (2T + 1)·ε/σ_L² = share ≤ 1
        let level = Level::new(gamma, 1.0, 1.0, share / (2 * steps + 1) as f64, steps).unwrap();
        prop_assert!(level.excess(small).lo() > level.excess(small + gap).hi());
    }
}

#[test]
fn above_the_stated_step_an_inner_eigenvalue_can_be_the_worst() {
    // ε/σ_L² = 0.2, T = 20: the direction λ = 0 has forgotten its start, λ = 7 has not.
    let level = Level::new(2.0, 1.0, 1.0, 0.2, 20).unwrap();
    let (index, worst) = level.worst(&[0.0, 7.0, 1000.0]).unwrap();
    assert_eq!(index, 1);
    assert!(worst.lo() > level.excess(0.0).hi() && worst.lo() > level.excess(1000.0).hi());
}

#[test]
fn any_number_of_steps_takes_at_most_64_doublings() {
    let ratio = proposition3::variance_ratio(Interval::point(1.5), Interval::point(0.5), u64::MAX);
    // The stationary value v = 2/(2 − δ); each doubling adds at most 3 ulp.
    assert!(ratio.contains(4.0 / 3.0) && ratio.width() < 3.0 * 64.0 * f64::EPSILON, "{ratio}");
}

#[test]
fn the_simulated_chain_has_the_predicted_variance() {
    // δ and γ of CIFAR-10 in Table 4, then a coarse chain, then one that diverges.
    for (gamma, delta, steps, seed) in [(1.0376, 0.062, 5, 1), (2.0, 0.5, 2, 2), (1.1, 2.1, 4, 3)] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let found = proposition3::simulate(gamma, delta, steps, (200, 100), CONFIDENCE, &mut rng).unwrap();
        let predicted = proposition3::variance_ratio(Interval::point(gamma), Interval::point(delta), steps);
        assert!(found.interval.intersection(predicted).is_some(), "{found:?} {predicted}");
        assert!(found.interval.relative_width() < 0.11 && found.interval.contains(found.ratio));
    }
}

#[test]
fn chi_square_intervals_are_sharp_to_1e_10() {
    // Source: tests/oracles/proposition3_chi_square.py (mpmath, 20 digits), 5e-7 on either side.
    let table: serde_json::Value =
        serde_json::from_str(include_str!("oracles/proposition3_chi_square.json")).unwrap();
    for row in table.as_array().unwrap() {
        let quantile = |key: &str| row[key].as_str().unwrap().parse::<f64>().unwrap();
        let draws = row["draws"].as_u64().unwrap();
        let interval = proposition3::variance_interval(1.0, draws, CONFIDENCE).unwrap();
        for (found, expected) in
            [(1.0 / interval.lo(), quantile("upper")), (1.0 / interval.hi(), quantile("lower"))]
        {
            assert!((found / expected - 1.0).abs() < 1e-10, "{draws} draws: {found} {expected}");
        }
    }
}

#[test]
fn bad_input_is_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert!(proposition3::simulate(0.0, 0.1, 1, (1, 1), 0.9, &mut rng).is_err());
    assert!(proposition3::simulate(1.0, f64::NAN, 1, (1, 1), 0.9, &mut rng).is_err());
    assert!(proposition3::simulate(1.0, 0.1, 1, (0, 1), 0.9, &mut rng).is_err());
    assert!(proposition3::simulate(1.0, 0.1, 1, (usize::MAX, 2), 0.9, &mut rng).is_err());
    assert!(proposition3::variance_interval(1.0, 0, 0.9).is_err());
    assert!(proposition3::simulate(1.0, 0.1, 1, (1, 1), 1.0, &mut rng).is_err());
    assert!(Level::new(1.0, -1.0, 0.01, 1e-6, 5).is_err());
    let level = Level::new(2.0, 1.0, 0.01, 1e-6, 5).unwrap();
    assert!(
        level.worst(&[]).is_err() && level.worst(&[1.0, -1e-9]).is_err() && level.worst(&[f64::NAN]).is_err()
    );
    let undefined = proposition3::closed_form(Interval::ONE, Interval::ZERO, 3);
    assert_eq!(undefined, Interval::ENTIRE);
}
