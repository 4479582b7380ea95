//! Proposition 1: mixtures as sums of exponentials and integrals over one axis, against the theory's enclosures.

use std::f64::consts::PI;

use anyhow::Result;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition1::{Mixture, bound, exact_pair};
use ndarray::{Array2, ArrayView1};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Check;
use super::quadrature::{REACH, TOLERANCE, integral, normal_density, relative_difference};

/// ‖x_i − x_j‖/σ of the pairs: overlapping, touching and far apart.
const PAIR_DISTANCES: [f64; 4] = [0.5, 2.0, 6.0, 36.0];

/// Statistical checks here.
pub(super) const STATISTICAL: usize = PAIR_DISTANCES.len() + 1;

fn gaussian(shape: (usize, usize), scale: f64, rng: &mut impl Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn(shape, || scale * rng.sample::<f64, _>(StandardNormal))
}

/// N(x | c_j, σ²I) for each centre c_j, term by term.
fn component_densities(centres: &Array2<f64>, sigma: f64, x: ArrayView1<f64>) -> Vec<f64> {
    let normaliser = (2.0 * PI * sigma * sigma).powf(0.5 * x.len() as f64);
    let square = |c: ArrayView1<f64>| c.iter().zip(x).map(|(c, x)| (x - c).powi(2)).sum::<f64>();
    centres.rows().into_iter().map(|c| (-square(c) / (2.0 * sigma * sigma)).exp() / normaliser).collect()
}

/// Proposition 1(a): density and score against the sum of exponentials and its difference quotients.
pub(super) fn score_is_the_gradient(rng: &mut impl Rng) -> Result<Check> {
    const DIM: usize = 6;
    let (sigma, components) = (0.7, 8);
    let centres = gaussian((components, DIM), 1.0, rng);
    let points = gaussian((20, DIM), 1.5, rng);
    let mixture = Mixture::new(centres.view(), sigma)?;
    let (score, log_density) = (mixture.score(points.view())?, mixture.log_density(points.view())?);
    let by_definition = |x: ArrayView1<f64>| {
        (component_densities(&centres, sigma, x).iter().sum::<f64>() / components as f64).ln()
    };
    // Halving the step divides a quotient's truncation error by 16, so the two quotients' difference bounds it; log
    // densities of size 1e2 are rounded to 1e-13 or so, divided by the step.
    let (mut worst, mut margin) = (0.0_f64, 0.0_f64);
    for ((x, score), &found) in points.rows().into_iter().zip(score.rows()).zip(&log_density) {
        worst = worst.max((found - by_definition(x)).abs());
        for k in 0..DIM {
            let quotient = |h: f64| {
                let at = |step: f64| {
                    let mut moved = x.to_owned();
                    moved[k] += step;
                    by_definition(moved.view())
                };
                (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
            };
            let h = 0.02 * sigma;
            let (coarse, fine) = (quotient(h), quotient(0.5 * h));
            worst = worst.max((fine - score[k]).abs());
            margin = margin.max((coarse - fine).abs() + 1e-12 / h);
        }
    }
    Ok(Check::new(
        "Proposition 1(a): the score of a mixture is its responsibility-weighted sum",
        format!("{components} components, D = {DIM}, 20 points"),
        format!("largest difference from the sum of exponentials and its difference quotients {worst:.1e}"),
        format!("at most their own error {margin:.1e}"),
        worst <= margin,
    ))
}

const BOUND: &str =
    "Proposition 1(b): E_{p_i}[r_j] <= exp(-d^2/8)/2 for components d standard deviations apart";

/// Two components: the enclosures against integrals along the axis, and the estimate by simulation against these.
pub(super) fn pairs(samples: usize, risk: f64, rng: &mut impl Rng) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for distance in PAIR_DISTANCES {
        let (expectation, half_overlap) = integrals(distance);
        checks.push(enclosures(distance, expectation, half_overlap));
        checks.push(simulated_pair(distance, expectation, samples, risk, rng)?);
    }
    Ok(checks)
}

/// `E_{p_i}[r_j]` = ∫ p_i·p_j/(p_i + p_j) and ½∫√(p_i·p_j), which bound (5) evaluates, in the coordinate of the axis where
/// the centres lie at 0 and d.
fn integrals(d: f64) -> (f64, f64) {
    let (lo, hi) = (0.5 * d - REACH, 0.5 * d + REACH);
    // p_i/p_j = exp(d²/2 − d·z)
    let claimed = |z: f64| normal_density(z) / (1.0 + (0.5 * d * d - d * z).exp());
    let geometric_mean = |z: f64| (normal_density(z) * normal_density(z - d)).sqrt();
    (integral(claimed, lo, hi), 0.5 * integral(geometric_mean, lo, hi))
}

fn enclosures(distance: f64, expectation: f64, half_overlap: f64) -> Check {
    let sigma = 0.5;
    let (apart, unit) = (Interval::point(distance * sigma), Interval::point(sigma));
    let (exact, bound) = (exact_pair(apart, unit), bound(apart, unit));
    let difference =
        relative_difference(exact.mid(), expectation).max(relative_difference(bound.mid(), half_overlap));
    Check::new(
        BOUND,
        format!("d = {distance}, integrals"),
        format!(
            "exact {:.4e}, bound {:.4e}, {difference:.1e} from the integrals of p_i p_j/(p_i + p_j), sqrt(p_i p_j)/2",
            exact.mid(),
            bound.mid()
        ),
        format!("at most {TOLERANCE:e}, and exact <= bound"),
        difference <= TOLERANCE && exact.hi() <= bound.lo(),
    )
}

fn simulated_pair(
    distance: f64,
    expectation: f64,
    draws: usize,
    risk: f64,
    rng: &mut impl Rng,
) -> Result<Check> {
    const DIM: usize = 16;
    let sigma = 0.5;
    let mut centres = Array2::zeros((2, DIM));
    centres[[1, 3]] = distance * sigma;
    let estimate =
        Mixture::new(centres.view(), sigma)?.expected_responsibility((0, 1), draws, 1.0 - risk, rng)?;
    Ok(Check::new(
        BOUND,
        format!("d = {distance}, {draws} draws"),
        format!(
            "simulated {:.4e} in [{:.3e}, {:.3e}]",
            estimate.value,
            estimate.interval.lo(),
            estimate.interval.hi()
        ),
        format!("contains the integral {expectation:.4e}"),
        estimate.interval.contains(expectation),
    ))
}

/// Many components: draws from p_i and responsibilities by definition, against the estimate from the midpoint; and the
/// closest of all pairs.
pub(super) fn many_components(samples: usize, risk: f64, rng: &mut impl Rng) -> Result<[Check; 2]> {
    let (count, dim, sigma) = (40, 16, 3.0);
    let centres = gaussian((count, dim), 1.0, rng);
    let mixture = Mixture::new(centres.view(), sigma)?;
    let distance = |i: usize, j: usize| (&centres.row(i) - &centres.row(j)).mapv(|x| x * x).sum().sqrt();
    let half_overlap = |d: f64| integrals(d / sigma).1;

    let estimate = mixture.expected_responsibility((0, 1), samples, 1.0 - 0.5 * risk, rng)?;
    let shares: Vec<f64> = (0..samples)
        .map(|_| {
            let x = centres.row(0).mapv(|c| c + sigma * rng.sample::<f64, _>(StandardNormal));
            let densities = component_densities(&centres, sigma, x.view());
            densities[1] / densities.iter().sum::<f64>()
        })
        .collect();
    let (mean, half_width) = bernstein(&shares, 0.5 * risk);
    let bound = half_overlap(distance(0, 1));
    let estimated = estimate.interval;
    let direct = Check::new(
        BOUND,
        format!("{count} components, D = {dim}, {samples} draws from each of two laws"),
        format!("from p_i {mean:.4e} within {half_width:.1e}, from the midpoint {:.4e}", estimate.value),
        format!("both intervals meet, below the bound {bound:.4e}"),
        estimated.lo() <= mean + half_width
            && mean - half_width <= estimated.hi()
            && mean - half_width <= bound,
    );

    let pairs = mixture.pair_bounds()?;
    let all = (0..count).flat_map(|j| (0..j).map(move |i| (i, j)));
    let closest =
        all.min_by(|&(i, j), &(k, l)| distance(i, j).total_cmp(&distance(k, l))).unwrap_or_default();
    let (least, leaving) = (
        half_overlap(distance(closest.0, closest.1)),
        (1..count).map(|j| half_overlap(distance(0, j))).sum::<f64>(),
    );
    let difference = relative_difference(pairs.largest.mid(), least)
        .max(relative_difference(pairs.leaving[0].mid(), leaving));
    let closest_pair = Check::new(
        BOUND,
        format!("{count} components, all pairs"),
        format!(
            "closest pair {:?}, its bound and the sum of one row {difference:.1e} from the integrals",
            pairs.closest
        ),
        format!("{closest:?}, at most {TOLERANCE:e}"),
        pairs.closest == closest && difference <= TOLERANCE,
    );
    Ok([direct, closest_pair])
}

/// Mean of draws from [0, 1] and how far the expectation may be from it, except with probability `risk`: the empirical
/// Bernstein bound of Maurer & Pontil (2009), theorem 4, two-sided.
fn bernstein(draws: &[f64], risk: f64) -> (f64, f64) {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let log_term = (4.0 / risk).ln();
    (mean, (2.0 * variance * log_term / n).sqrt() + 7.0 * log_term / (3.0 * (n - 1.0)))
}
