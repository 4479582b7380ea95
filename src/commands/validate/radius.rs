//! Proposition 2 and Technique 2: norms of simulated vectors and integrals over spheres, against the theory's enclosures.

use std::f64::consts::{PI, SQRT_2};

use anyhow::Result;
use ncsn_theory::chi_overlap::chi_overlap;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::schedule::{Derivation, Law, gamma_root, overlap};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Check;
use super::quadrature::{REACH, Shells, TOLERANCE, integral, relative_difference, running_integral};

/// The smallest dimension with a schedule, MNIST, CIFAR-10.
pub(super) const SIMULATED_DIMS: [usize; 3] = [5, 784, 3072];
/// These and FFHQ.
pub(super) const DIMS: [u64; 4] = [5, 784, 3072, 196_608];
/// Statistical checks here.
pub(super) const STATISTICAL: usize = 2 * SIMULATED_DIMS.len();
/// Normal numbers drawn at most per dimension.
pub(super) const MAX_NORMALS: usize = 40_000_000;
/// Target of Technique 2.
const TARGET: f64 = 0.5;
/// σ of every law here; anything but 1.
const SIGMA: f64 = 0.3;

const LAW: &str = "Proposition 2: the law of |x| for Gaussian x";
const OVERLAP: &str = "Technique 2: the overlap of adjacent levels at gamma_root";

/// The law and the exact overlap of Technique 2, on the same simulated radii.
pub(super) fn simulated(dim: usize, samples: usize, risk: f64, rng: &mut impl Rng) -> Result<[Check; 2]> {
    let draws = samples.min(MAX_NORMALS / dim);
    let mut radii: Vec<f64> = (0..draws)
        .map(|_| (0..dim).map(|_| (SIGMA * rng.sample::<f64, _>(StandardNormal)).powi(2)).sum::<f64>().sqrt())
        .collect();
    radii.sort_unstable_by(f64::total_cmp);
    // Dvoretzky, Kiefer & Wolfowitz with Massart's constant: P(sup|F_n − F| > x) ≤ 2e^{−2nx²}, for every n.
    let margin = ((2.0 / risk).ln() / (2.0 * draws as f64)).sqrt();
    let law = RadiusLaw::new(dim as u64, SIGMA)?;
    let mut distance = 0.0_f64;
    for (k, &radius) in radii.iter().enumerate() {
        let cdf = law.cdf(Interval::point(radius)).mid();
        let (before, after) = (k as f64 / draws as f64, (k + 1) as f64 / draws as f64);
        distance = distance.max((cdf - before).abs()).max((cdf - after).abs());
    }
    let distribution = Check::new(
        LAW,
        format!("D = {dim}, {draws} vectors"),
        format!("empirical distribution within {distance:.2e} of the exact one"),
        format!("at most {margin:.2e}"),
        distance <= margin,
    );
    let gamma = gamma_root(dim as u64, TARGET, Law::Normal)?;
    let shells = Shells::new(dim as u64);
    let [lo, hi] = [-3.0, 3.0].map(|k| SIGMA * gamma.mid() * (shells.mean + k * shells.deviation));
    let share = radii.iter().filter(|&&r| (lo..=hi).contains(&r)).count() as f64 / draws as f64;
    let exact = chi_overlap(gamma, dim as u64).mid();
    // Hoeffding: the same bound for one share.
    let reached = Check::new(
        OVERLAP,
        format!("D = {dim}, gamma = {:.6}, {draws} vectors", gamma.mid()),
        format!("share in the range {share:.4}"),
        format!("exact law {exact:.4} within {margin:.4}; the normal law of the paper says {TARGET}"),
        (share - exact).abs() <= margin,
    );
    Ok([distribution, reached])
}

/// Density, distribution function, quantile and moments against integrals of r^{D−1}e^{−r²/2}.
pub(super) fn integrals(dim: u64) -> Result<Check> {
    let (law, shells) = (RadiusLaw::new(dim, SIGMA)?, Shells::new(dim));
    let mut worst = relative_difference(law.mean().mid(), SIGMA * shells.mean)
        .max(relative_difference(law.standard_deviation().mid(), SIGMA * shells.deviation))
        .max(relative_difference(law.variance().mid(), (SIGMA * shells.deviation).powi(2)));
    for z in [-2.0, -0.5, 0.0, 1.0, 2.5] {
        let r = shells.mean + z * shells.deviation;
        let (at, below) = (Interval::point(SIGMA * r), shells.between(f64::NEG_INFINITY, r));
        worst = worst
            .max(relative_difference(law.density(at).mid(), shells.density(r) / SIGMA))
            .max(relative_difference(law.cdf(at).mid(), below))
            .max(relative_difference(law.survival(at).mid(), shells.between(r, f64::INFINITY)));
    }
    for p in [0.01, 0.9] {
        let quantile = law.quantile(p)?.mid() / SIGMA;
        worst = worst.max(relative_difference(shells.between(f64::NEG_INFINITY, quantile), p));
    }
    Ok(Check::new(
        LAW,
        format!("D = {dim}, integrals"),
        format!(
            "density, distribution, quantiles, mean and deviation {worst:.1e} from those of r^(D-1) exp(-r^2/2)"
        ),
        format!("at most {TOLERANCE:e}"),
        worst <= TOLERANCE,
    ))
}

/// The Kolmogorov distance against the largest gap between two running integrals.
pub(super) fn normal_limit() -> Result<Check> {
    /// The largest gap is met on a grid of spacing 0.01: its relative error is of the order of the square.
    const GRID_ERROR: f64 = 1e-3;
    let (mut worst, mut shown) = (0.0_f64, Vec::new());
    for dim in DIMS {
        let (shells, centre) = (Shells::new(dim), (dim as f64).sqrt());
        let (lo, hi) = (centre - REACH, centre + REACH);
        let exact = running_integral(|r| shells.density(r), lo, hi);
        let normal = running_integral(|r| limit_density(r, centre), lo, hi);
        let gap = exact.iter().zip(&normal).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let law = RadiusLaw::new(dim, SIGMA)?;
        let distance = law.kolmogorov_distance().mid();
        worst = worst.max(relative_difference(distance, gap));
        let limit = law.normal_limit();
        for z in [-1.0, 0.5] {
            let at = Interval::point(SIGMA * (centre + z));
            let below = integral(|r| limit_density(r, centre), lo, centre + z);
            worst = worst
                .max(relative_difference(limit.density(at).mid(), limit_density(centre + z, centre) / SIGMA))
                .max(relative_difference(limit.cdf(at).mid(), below));
        }
        shown.push(format!("{distance:.3e} at D = {dim}"));
    }
    Ok(Check::new(
        "Proposition 2: |x| - sqrt(D) sigma tends to N(0, sigma^2/2)",
        "Kolmogorov distance".to_owned(),
        format!("{}; {worst:.1e} from the gap of the integrals", shown.join(", ")),
        format!("at most {GRID_ERROR:e}"),
        worst <= GRID_ERROR,
    ))
}

/// Density of N(centre, 1/2).
fn limit_density(r: f64, centre: f64) -> f64 {
    (-(r - centre).powi(2)).exp() / PI.sqrt()
}

/// Probability that the radius at one level lies within three standard deviations of the mean at the level above.
fn overlap_by_integral(gamma: f64, dim: u64, law: Law) -> f64 {
    let shells = Shells::new(dim);
    let centre = shells.centre();
    match law {
        Law::Chi => {
            let [lo, hi] = [-3.0, 3.0].map(|k| gamma * (shells.mean + k * shells.deviation));
            shells.between(lo, hi)
        }
        Law::Normal => {
            let [lo, hi] =
                [-3.0, 3.0].map(|k| (gamma * (centre + k / SQRT_2)).clamp(centre - REACH, centre + REACH));
            integral(|r| limit_density(r, centre), lo, hi)
        }
    }
}

/// γ for both laws: there the integral has the target. Not asked for where the law is wrong: it may have no solution.
pub(super) fn ratio(dim: u64, law_holds: bool) -> Result<Check> {
    if !law_holds {
        let (case, not_made) =
            (format!("D = {dim}, integrals"), "no gamma: the law of |x| is wrong".to_owned());
        return Ok(Check::new(OVERLAP, case, not_made, format!("overlap {TARGET}"), false));
    }
    let (mut worst, mut shown) = (0.0_f64, Vec::new());
    for (law, name) in [(Law::Normal, "normal"), (Law::Chi, "exact")] {
        let gamma = gamma_root(dim, TARGET, law)?;
        let by_integral = overlap_by_integral(gamma.mid(), dim, law);
        worst = worst
            .max(relative_difference(TARGET, by_integral))
            .max(relative_difference(overlap(gamma, dim, law).mid(), by_integral));
        shown.push(format!("{name} law {:.6}", gamma.mid()));
    }
    Ok(Check::new(
        OVERLAP,
        format!("D = {dim}, integrals"),
        format!("gamma by the {}: {worst:.1e} from overlap {TARGET}", shown.join(", by the ")),
        format!("at most {TOLERANCE:e}"),
        worst <= TOLERANCE,
    ))
}

/// L of a schedule is the least number of levels whose overlap, as an integral, reaches the target.
pub(super) fn levels(derived: &Derivation) -> Check {
    let (schedule, range) = (&derived.schedule, derived.schedule.range());
    let (dim, count) = (schedule.dim(), schedule.num_levels());
    let at = |levels: u64| {
        let gamma = (range.max() / range.min()).powf(1.0 / (levels - 1) as f64);
        overlap_by_integral(gamma, dim, derived.request.spacing.law)
    };
    let (fewer, enough) = (at(count - 1), at(count));
    Check::new(
        OVERLAP,
        format!("D = {dim}, {} to {}", range.max(), range.min()),
        format!("{count} levels overlap by {enough:.6}, {} by {fewer:.6}", count - 1),
        format!("only the first reaches {}", derived.request.spacing.target),
        fewer < derived.request.spacing.target
            && derived.request.spacing.target <= enough
            && relative_difference(derived.overlap.mid(), enough) <= TOLERANCE,
    )
}
