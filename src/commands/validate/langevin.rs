//! Proposition 3, Technique 4 and Algorithm 1: variances step by step and simulated chains, against the closed forms.

use anyhow::Result;
use ncsn_theory::interval::Interval;
use ncsn_theory::langevin::{Annealing, annealed_langevin};
use ncsn_theory::proposition3::{Level, closed_form, recursion, simulate, variance_ratio};
use ncsn_theory::schedule::{Derivation, NoiseRange, Schedule, optimal_delta};
use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Check;
use super::quadrature::relative_difference;

/// γ, T of simulated chains: CIFAR-10 and the original NCSN in Table 4, and one step.
pub(super) const CHAINS: [(f64, u64); 3] = [(1.0398, 5), (1.668, 100), (1.2, 1)];

/// Statistical checks here.
pub(super) const STATISTICAL: usize = CHAINS.len() + 1;

const VARIANCE: &str = "Proposition 3: the variance after T Langevin steps";

/// What T steps of plain doubles may lose, relatively: fewer than 1000 roundings here.
const ROUNDING: f64 = 1e-12;

/// v ← (1 − δ)²v + 2δτ² in plain doubles, `steps` times: the step x ← x − δx + √(2δ)τz of a chain that aims at τ².
fn after_steps(variance: f64, target: f64, delta: f64, steps: u64) -> f64 {
    (0..steps).fold(variance, |v, _| (1.0 - delta).powi(2) * v + 2.0 * delta * target)
}

/// The three forms of the variance ratio against the steps.
pub(super) fn forms(gamma: f64, steps: u64) -> Result<Check> {
    let ratio = Interval::point(gamma);
    let delta = optimal_delta(ratio, steps)?.mid();
    let at = Interval::point(delta);
    let stepped = after_steps(gamma * gamma, 1.0, delta, steps);
    let (printed, stable) = (closed_form(ratio, at, steps).mid(), variance_ratio(ratio, at, steps).mid());
    // Equation (6) as printed cancels: it loses 1/δ.
    let worst = [recursion(ratio, at, steps).mid(), stable]
        .map(|form| relative_difference(form, stepped))
        .into_iter()
        .fold(delta * relative_difference(printed, stepped), f64::max);
    Ok(Check::new(
        VARIANCE,
        format!("gamma = {gamma}, T = {steps}, step by step"),
        format!("{stepped:.12}, equation (6) {printed:.12}; {worst:.1e} apart"),
        format!("at most {ROUNDING:e}"),
        worst <= ROUNDING,
    ))
}

/// Interval that contains the variance of a Gaussian of mean 0 except with probability `risk`, from the mean square of
/// `draws` draws.
///
/// # Source
/// Laurent & Massart (2000), lemma 1: a χ² of n degrees of freedom exceeds n + 2√(nx) + 2x with probability at most e⁻ˣ,
/// and falls below n − 2√(nx) with probability at most e⁻ˣ.
fn variance_within(mean_square: f64, draws: usize, risk: f64) -> (f64, f64) {
    let (x, n) = ((2.0 / risk).ln(), draws as f64);
    let root = 2.0 * (x / n).sqrt();
    (mean_square / (1.0 + root + 2.0 * x / n), mean_square / (1.0 - root))
}

/// Draws for which an interval that contains `truth` surely leaves out `other`: its ends then differ by less than the two.
fn draws_to_tell(truth: f64, other: f64, risk: f64) -> usize {
    // The ends are in the ratio (1 + r + r²/2)/(1 − r) with r = 2√(x/n), which is below 1 + 3r for r ≤ 1/4.
    let root = ((other / truth - 1.0).abs() / 3.0).min(0.25);
    (4.0 * (2.0 / risk).ln() / (root * root)).ceil() as usize
}

/// A simulated chain, long enough to tell Langevin steps from none.
pub(super) fn chain(gamma: f64, steps: u64, samples: usize, risk: f64, rng: &mut impl Rng) -> Result<Check> {
    let delta = optimal_delta(Interval::point(gamma), steps)?.mid();
    let (start, exact) =
        (gamma * gamma, variance_ratio(Interval::point(gamma), Interval::point(delta), steps).mid());
    let expected = after_steps(start, 1.0, delta, steps);
    let draws = samples.max(draws_to_tell(expected, start, risk));
    let simulated = simulate(gamma, delta, steps, (draws, 1), 1.0 - risk, rng)?;
    let (lo, hi) = variance_within(simulated.ratio, draws, risk);
    Ok(Check::new(
        VARIANCE,
        format!("gamma = {gamma}, T = {steps}, {draws} chains"),
        format!("simulated {:.5} in [{lo:.5}, {hi:.5}]", simulated.ratio),
        format!("contains the exact {exact:.5}, not {start:.5}, the variance without a step"),
        (lo..=hi).contains(&exact) && !(lo..=hi).contains(&start),
    ))
}

/// Algorithm 1 with its clean-up step on Gaussian data, whose score is known: simulated, and level by level.
pub(super) fn algorithm(samples: usize, risk: f64, rng: &mut impl Rng) -> Result<[Check; 2]> {
    const STATEMENT: &str = "Algorithm 1: annealed Langevin dynamics on Gaussian data";
    /// Variance of the data.
    const DATA: f64 = 1.0;
    let schedule = Schedule::new(1, NoiseRange::new(8.0, 1.0)?, 4, 3, 0.2)?;
    let (epsilon, steps_per_level) = (schedule.epsilon(), schedule.steps_per_level());
    let (first, last) = (schedule.range().max(), schedule.range().min());
    let score = |x: ArrayView2<f64>, sigma: f64| Ok(x.mapv(|x| -x / (DATA + sigma * sigma)));
    let start = Array2::from_shape_simple_fn((samples, 1), || first * rng.sample::<f64, _>(StandardNormal));
    let end = annealed_langevin(&Annealing::from(schedule), score, start, rng)?;
    let mean_square = end.mapv(|x| x * x).sum() / samples as f64;

    let (mut variance, mut enclosed, mut worst) = (first * first, Interval::point(first).sqr(), 0.0_f64);
    let mut before = first;
    for sigma in schedule.sigmas() {
        let target = DATA + sigma * sigma;
        // α_i/τ² with α_i = ε·σ_i²/σ_L²
        let delta = epsilon * sigma * sigma / (last * last) / target;
        variance = after_steps(variance, target, delta, steps_per_level);
        let level = Level::new(before, sigma, last, epsilon, steps_per_level)?;
        let from_before = after_steps(DATA + before * before, target, delta, steps_per_level) / target - 1.0;
        enclosed = level.variance_after(enclosed, DATA);
        worst = worst
            .max(relative_difference(enclosed.mid(), variance))
            .max((level.excess(DATA).mid() - from_before).abs());
        before = sigma;
    }
    // The clean-up adds σ_L² times the score: x ← x·λ/(λ + σ_L²).
    let expected = variance * (DATA / (DATA + last * last)).powi(2);
    let (lo, hi) = variance_within(mean_square, samples, risk);
    let case = format!("{} levels, T = {steps_per_level}, data of variance {DATA}", schedule.num_levels());
    let simulated = Check::new(
        STATEMENT,
        format!("{case}, {samples} samples"),
        format!("simulated {mean_square:.4} in [{lo:.4}, {hi:.4}]"),
        format!("contains {expected:.4}"),
        (lo..=hi).contains(&expected),
    );
    let by_levels = Check::new(
        STATEMENT,
        format!("{case}, step by step"),
        format!("variance after the levels {variance:.12}, enclosures {worst:.1e} away"),
        format!("at most {ROUNDING:e}"),
        worst <= ROUNDING,
    );
    Ok([simulated, by_levels])
}

/// Technique 4: ε against a search over (0, 2) that knows only the steps.
pub(super) fn epsilon(derived: &Derivation) -> Check {
    /// A minimum is flat: a search on values rounded to 1e-16 finds it to the square root of that, times a factor.
    const FLATNESS: f64 = 1e-5;
    let schedule = &derived.schedule;
    let range = schedule.range();
    let gamma = (range.max() / range.min()).powf(1.0 / (schedule.num_levels() - 1) as f64);
    let ratio = |delta: f64| after_steps(gamma * gamma, 1.0, delta, schedule.steps_per_level());
    let best = least(ratio);
    let delta = schedule.epsilon() / (range.min() * range.min());
    let (excess, steps) = (derived.variance_ratio.mid() - 1.0, ratio(delta) - 1.0);
    let difference = relative_difference(delta, best);
    Check::new(
        "Technique 4: epsilon brings the variance closest to its target",
        format!("D = {}, L = {}, T = {}", schedule.dim(), schedule.num_levels(), schedule.steps_per_level()),
        format!("epsilon {:.6e}, {difference:.1e} from the least of a search", schedule.epsilon()),
        format!("at most {FLATNESS:e}"),
        // s_T²/σ² − 1 of size 1e-2 is rounded to 1e-14 of itself, and γ² − 1 likewise.
        difference <= FLATNESS && relative_difference(excess, steps) <= 1e-3 * FLATNESS,
    )
}

/// The place in (0, 2) where `f` is least: the best of a grid, then thirds.
fn least(f: impl Fn(f64) -> f64) -> f64 {
    const GRID: usize = 2000;
    let at = |k: usize| 2.0 * k as f64 / GRID as f64;
    let best = (1..GRID).min_by(|&a, &b| f(at(a)).total_cmp(&f(at(b)))).unwrap_or(1);
    let (mut lo, mut hi) = (at(best - 1), at(best + 1));
    for _ in 0..60 {
        let (a, b) = (lo + (hi - lo) / 3.0, hi - (hi - lo) / 3.0);
        if f(a) < f(b) { hi = b } else { lo = a }
    }
    0.5 * (lo + hi)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variances after and without the steps of [`CHAINS`], and two closer ones.
    const PAIRS: [(f64, f64); 4] = [(1.05789, 1.08118), (1.0189, 2.78222), (1.30556, 1.44), (1.0, 0.98)];

    #[test]
    fn an_interval_that_contains_the_truth_leaves_out_the_other_variance() {
        for (truth, other) in PAIRS {
            for risk in [1e-13, 1e-7, 0.05] {
                let draws = draws_to_tell(truth, other, risk);
                // The interval scales with the mean square: its extreme positions are those with the truth at one end.
                let (lo, hi) = variance_within(1.0, draws, risk);
                for mean_square in [truth / lo, truth / hi] {
                    let (lo, hi) = (mean_square * lo, mean_square * hi);
                    assert!(
                        !(lo * (1.0 + 1e-9)..=hi * (1.0 - 1e-9)).contains(&other),
                        "{truth} {other} {risk}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_hundred_thousand_draws_do_not_tell_the_steps_of_cifar_10_from_none() {
        let (truth, other) = PAIRS[0];
        assert!(draws_to_tell(truth, other, 1e-6 / 15.0) > 1_000_000);
    }
}
