//! The propositions and techniques, one check each.

use anyhow::Result;
use ncsn_theory::chi_overlap::chi_overlap;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition1::{Mixture, bound, exact_pair};
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::schedule::{Law, gamma_root, optimal_delta, overlap};
use ncsn_theory::{Error, proposition3};
use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Check;

/// Number of statistical checks below; each may fail with probability significance / STATISTICAL.
pub(super) const STATISTICAL: usize = PAIR_DISTANCES.len() + 1 + 2 * RADIUS_DIMS.len() + CHAINS.len();

/// ‖x_i − x_j‖/σ of the pairs simulated: overlapping, touching and far apart.
const PAIR_DISTANCES: [f64; 4] = [0.5, 2.0, 6.0, 36.0];
/// The smallest dimension with a schedule, MNIST, CIFAR-10.
pub(super) const RADIUS_DIMS: [usize; 3] = [5, 784, 3072];
/// Normal numbers drawn at most per dimension.
const MAX_NORMALS: usize = 40_000_000;
/// γ, T of simulated chains: CIFAR-10 and the original NCSN in Table 4, and one step.
pub(super) const CHAINS: [(f64, u64); 3] = [(1.0398, 5), (1.668, 100), (1.2, 1)];

fn gaussian(shape: (usize, usize), scale: f64, rng: &mut impl Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn(shape, || scale * rng.sample::<f64, _>(StandardNormal))
}

/// Proposition 1(a): the score against fourth-order difference quotients at two step sizes.
pub(super) fn score_is_the_gradient(rng: &mut impl Rng) -> Result<Check> {
    const DIM: usize = 6;
    let sigma = 0.7;
    let mixture = Mixture::new(gaussian((8, DIM), 1.0, rng).view(), sigma)?;
    let points = gaussian((20, DIM), 1.5, rng);
    let score = mixture.score(points.view())?;
    let quotient = |k: usize, h: f64| -> Result<_, Error> {
        let at = |step: f64| {
            let mut moved = points.clone();
            moved.column_mut(k).mapv_inplace(|x| x + step);
            mixture.log_density(moved.view())
        };
        Ok((8.0 * (at(h)? - at(-h)?) - (at(2.0 * h)? - at(-2.0 * h)?)) / (12.0 * h))
    };
    // Halving the step divides the truncation error by 16, so the quotients' difference bounds it; log densities of
    // size 1e2 are rounded to 1e-13 or so, divided by the step.
    let (mut worst, mut margin) = (0.0_f64, 0.0_f64);
    for k in 0..DIM {
        let h = 0.02 * sigma;
        let (coarse, fine) = (quotient(k, h)?, quotient(k, 0.5 * h)?);
        for ((coarse, fine), exact) in coarse.iter().zip(&fine).zip(score.column(k)) {
            worst = worst.max((fine - exact).abs());
            margin = margin.max((coarse - fine).abs() + 1e-12 / h);
        }
    }
    Ok(Check::new(
        "Proposition 1(a): the score of a mixture is its responsibility-weighted sum",
        format!("8 components, D = {DIM}, 20 points"),
        format!("largest difference from the difference quotient {worst:.1e}"),
        format!("at most its own error {margin:.1e}"),
        worst <= margin,
    ))
}

const BOUND: &str =
    "Proposition 1(b): E_{p_i}[r_j] <= exp(-d^2/8)/2 for components d standard deviations apart";

pub(super) fn pair_bounds(samples: usize, risk: f64, rng: &mut impl Rng) -> Result<Vec<Check>> {
    const DIM: usize = 16;
    let sigma = 0.5;
    PAIR_DISTANCES
        .into_iter()
        .map(|distance| {
            let mut centres = Array2::zeros((2, DIM));
            centres[[1, 3]] = distance * sigma;
            let (apart, unit) = (Interval::point(distance * sigma), Interval::point(sigma));
            let (exact, bound) = (exact_pair(apart, unit), bound(apart, unit));
            let estimate = Mixture::new(centres.view(), sigma)?.expected_responsibility(
                (0, 1),
                samples,
                1.0 - risk,
                rng,
            )?;
            Ok(Check::new(
                BOUND,
                format!("d = {distance}, {samples} draws"),
                format!(
                    "simulated {:.4e} in [{:.3e}, {:.3e}]",
                    estimate.value,
                    estimate.interval.lo(),
                    estimate.interval.hi()
                ),
                format!("exact {:.4e}, bound {:.4e}", exact.mid(), bound.mid()),
                estimate.interval.intersection(exact).is_some() && exact.hi() <= bound.lo(),
            ))
        })
        .collect()
}

pub(super) fn bound_among_many(samples: usize, risk: f64, rng: &mut impl Rng) -> Result<Check> {
    let (count, dim, sigma) = (40, 16, 2.0);
    let centres = gaussian((count, dim), 1.0, rng);
    let distance = (&centres.row(0) - &centres.row(1)).mapv(|x| x * x).sum().sqrt();
    let draws = samples.min(20_000);
    let estimate =
        Mixture::new(centres.view(), sigma)?.expected_responsibility((0, 1), draws, 1.0 - risk, rng)?;
    let bound = bound(Interval::point(distance), Interval::point(sigma));
    Ok(Check::new(
        BOUND,
        format!("{count} components, D = {dim}, {draws} draws"),
        format!("simulated {:.4e}", estimate.value),
        format!("bound {:.4e}", bound.mid()),
        estimate.interval.lo() <= bound.hi(),
    ))
}

/// Proposition 2's law, and the overlap of Technique 2, on the same simulated radii.
pub(super) fn radius_law(dim: usize, samples: usize, risk: f64, rng: &mut impl Rng) -> Result<[Check; 2]> {
    let draws = samples.min(MAX_NORMALS / dim);
    let mut radii: Vec<f64> = (0..draws)
        .map(|_| (0..dim).map(|_| rng.sample::<f64, _>(StandardNormal).powi(2)).sum::<f64>().sqrt())
        .collect();
    radii.sort_unstable_by(f64::total_cmp);
    // Dvoretzky, Kiefer & Wolfowitz with Massart's constant: P(sup|F_n − F| > x) ≤ 2e^{−2nx²}, for every n.
    let margin = ((2.0 / risk).ln() / (2.0 * draws as f64)).sqrt();
    let law = RadiusLaw::new(dim as u64, 1.0)?;
    let mut distance = 0.0_f64;
    for (k, &radius) in radii.iter().enumerate() {
        let cdf = law.cdf(Interval::point(radius)).mid();
        let (before, after) = (k as f64 / draws as f64, (k + 1) as f64 / draws as f64);
        distance = distance.max((cdf - before).abs()).max((cdf - after).abs());
    }
    let density = Check::new(
        "Proposition 2: the law of |x| for Gaussian x",
        format!("D = {dim}, {draws} vectors"),
        format!("empirical distribution within {distance:.2e} of the exact one"),
        format!("at most {margin:.2e}"),
        distance <= margin,
    );
    let gamma = gamma_root(dim as u64, 0.5, Law::Normal)?;
    let (mean, deviation) = (law.mean().mid(), law.standard_deviation().mid());
    let reached =
        |lo: f64, hi: f64| radii.iter().filter(|&&r| (lo..=hi).contains(&r)).count() as f64 / draws as f64;
    let share = reached(gamma.mid() * (mean - 3.0 * deviation), gamma.mid() * (mean + 3.0 * deviation));
    let (exact, normal) = (chi_overlap(gamma, dim as u64), overlap(gamma, dim as u64, Law::Normal));
    // Hoeffding: the same bound for one share.
    let overlap = Check::new(
        "Technique 2: the overlap of adjacent levels at gamma_root, exact law",
        format!("D = {dim}, gamma = {:.6}, {draws} vectors", gamma.mid()),
        format!("share in the range {share:.4}"),
        format!(
            "exact {:.4} within {margin:.4}; the paper's normal law says {:.4}",
            exact.mid(),
            normal.mid()
        ),
        (share - exact.mid()).abs() <= margin,
    );
    Ok([density, overlap])
}

pub(super) fn normal_limit() -> Result<Check> {
    let dims = [5, 50, 784, 3072, 196_608];
    let distances = dims
        .iter()
        .map(|&dim| Ok(RadiusLaw::new(dim, 1.0)?.kolmogorov_distance()))
        .collect::<Result<Vec<Interval>, Error>>()?;
    let shown: Vec<String> =
        dims.iter().zip(&distances).map(|(dim, d)| format!("{:.3e} at D = {dim}", d.mid())).collect();
    Ok(Check::new(
        "Proposition 2: |x| - sqrt(D) sigma tends to N(0, sigma^2/2)",
        "Kolmogorov distance, enclosed".to_owned(),
        shown.join(", "),
        "falls to 0, like 0.188/sqrt(D)".to_owned(),
        distances.windows(2).all(|pair| pair[1].hi() < pair[0].lo()),
    ))
}

const VARIANCE: &str = "Proposition 3: the variance after T Langevin steps";

pub(super) fn forms_of_the_variance(gamma: f64, steps: u64) -> Result<Check> {
    let gamma = Interval::point(gamma);
    let delta = Interval::point(optimal_delta(gamma, steps)?.mid());
    let forms = [
        proposition3::recursion(gamma, delta, steps),
        proposition3::closed_form(gamma, delta, steps),
        proposition3::variance_ratio(gamma, delta, steps),
    ];
    let common = forms[0].intersection(forms[1]).and_then(|common| common.intersection(forms[2]));
    Ok(Check::new(
        VARIANCE,
        format!("gamma = {}, T = {steps}", gamma.mid()),
        format!("recursion {:.12}, equation (6) {:.12}", forms[0].mid(), forms[1].mid()),
        "enclosures meet".to_owned(),
        common.is_some(),
    ))
}

pub(super) fn chain(gamma: f64, steps: u64, samples: usize, risk: f64, rng: &mut impl Rng) -> Result<Check> {
    let delta = optimal_delta(Interval::point(gamma), steps)?.mid();
    let simulated = proposition3::simulate(gamma, delta, steps, (samples, 1), 1.0 - risk, rng)?;
    let exact = proposition3::variance_ratio(Interval::point(gamma), Interval::point(delta), steps);
    Ok(Check::new(
        VARIANCE,
        format!("gamma = {gamma}, T = {steps}, {samples} chains"),
        format!(
            "simulated {:.5} in [{:.5}, {:.5}]",
            simulated.ratio,
            simulated.interval.lo(),
            simulated.interval.hi()
        ),
        format!("exact {:.5}", exact.mid()),
        simulated.interval.intersection(exact).is_some(),
    ))
}
