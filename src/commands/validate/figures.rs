//! What the propositions say as curves, and simulations beside them as dots and bars.

use anyhow::Result;
use ncsn_figures::{Axis, Curve, Figure, Named, Stroke};
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition1::{Mixture, bound, exact_pair};
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::proposition3::{simulate, variance_ratio};
use ncsn_theory::schedule::{Law, gamma_root, optimal_delta};
use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::radius::MAX_NORMALS;
use crate::figures::{grid, overlap_curves, reach_of_overlap};

/// Dots per curve.
const DOTS: usize = 12;
/// Bars of a histogram.
const BARS: usize = 60;

fn dots(name: &str, points: Vec<(f64, f64)>) -> Curve {
    Curve { stroke: Stroke::Dots, ..Curve::line(name, points) }
}

/// Bound (5) of Proposition 1, the exact expectation for two components, and its estimate by simulation.
pub(super) fn bound_5(samples: usize, rng: &mut impl Rng) -> Result<Figure> {
    const FARTHEST: f64 = 12.0;
    let curve = |name: &str, of: fn(Interval, Interval) -> Interval| {
        Curve::line(name, grid(0.0, FARTHEST).map(|d| (d, of(Interval::point(d), Interval::ONE).mid())))
    };
    let mut estimates = Vec::new();
    for k in 1..=DOTS {
        let distance = FARTHEST * k as f64 / DOTS as f64;
        let centres = Array2::from_shape_vec((2, 2), vec![0.0, 0.0, distance, 0.0])?;
        let mixture = Mixture::new(centres.view(), 1.0)?;
        // The confidence is of the interval, which is not drawn.
        let estimate = mixture.expected_responsibility((0, 1), samples, 0.5, rng)?;
        estimates.push((distance, estimate.value));
    }
    let curves = vec![curve("bound (5)", bound), curve("exact", exact_pair), dots("simulated", estimates)];
    let axes = (Axis::linear("distance of the components / σ"), Axis::logarithmic("E[r] of the other"));
    Ok(Figure::new("How rarely a component claims a draw of the other", axes.0, axes.1, curves))
}

/// Lengths of simulated vectors in units of σ.
pub(super) fn radii(dim: u64, samples: usize, rng: &mut impl Rng) -> Vec<f64> {
    let draws = samples.min(MAX_NORMALS / dim as usize);
    let square = |rng: &mut dyn Rng| rng.sample::<f64, _>(StandardNormal).powi(2);
    (0..draws).map(|_| (0..dim).map(|_| square(rng)).sum::<f64>().sqrt()).collect()
}

/// The histogram of ‖x‖, its law, and the normal law that Proposition 2 gives in the limit.
pub(super) fn histogram(dim: u64, radii: &[f64]) -> Result<Figure> {
    let law = RadiusLaw::new(dim, 1.0)?;
    let (mean, deviation) = (law.mean().mid(), law.standard_deviation().mid());
    let (least, most) = ((mean - 4.5 * deviation).max(0.0), mean + 4.5 * deviation);
    let width = (most - least) / BARS as f64;
    let mut counts = [0_u64; BARS];
    for radius in radii {
        let bar = ((radius - least) / width).floor();
        if (0.0..BARS as f64).contains(&bar) {
            counts[bar as usize] += 1;
        }
    }
    let edges: Vec<f64> = (0..=BARS).map(|k| least + width * k as f64).collect();
    let shares = counts.map(|count| count as f64 / (radii.len() as f64 * width));
    let limit = law.normal_limit();
    let curves = vec![
        Curve { named: Named::Top, ..Curve::bars("", &edges, &shares) },
        Curve::line("exact law", grid(least, most).map(|r| (r, law.density(Interval::point(r)).mid()))),
        Curve {
            stroke: Stroke::Dashed,
            ..Curve::line(
                "normal limit",
                grid(least, most).map(|r| (r, limit.density(Interval::point(r)).mid())),
            )
        },
    ];
    let title = format!("‖x‖ of {} vectors in {dim} dimensions", radii.len());
    Ok(Figure::new(&title, Axis::linear("‖x‖ / σ"), Axis::linear("density"), curves))
}

/// The largest distance between the law of ‖x‖ and its normal limit, by dimension.
pub(super) fn kolmogorov() -> Result<Figure> {
    let mut points = Vec::new();
    for dim in [1, 2, 5, 10, 30, 100, 300, 784, 3072, 12_288, 49_152, 196_608] {
        points.push((dim as f64, RadiusLaw::new(dim, 1.0)?.kolmogorov_distance().mid()));
    }
    let curves = vec![Curve { stroke: Stroke::Dotted, ..Curve::line("exact", points) }];
    let axes = (Axis::logarithmic("dimension D"), Axis::logarithmic("Kolmogorov distance"));
    Ok(Figure::new("‖x‖ tends to a normal law", axes.0, axes.1, curves))
}

/// C(γ) by both laws, and the share of simulated lengths in the reach of the level above.
pub(super) fn overlaps(dim: u64, radii: &[f64]) -> Result<Figure> {
    let root = gamma_root(dim, 0.5, Law::Normal)?.mid();
    let greatest = reach_of_overlap(root);
    let law = RadiusLaw::new(dim, 1.0)?;
    let (mean, deviation) = (law.mean().mid(), law.standard_deviation().mid());
    let share = |gamma: f64| {
        let [lo, hi] = [-3.0, 3.0].map(|k| gamma * (mean + k * deviation));
        radii.iter().filter(|&&r| (lo..=hi).contains(&r)).count() as f64 / radii.len() as f64
    };
    let simulated = (1..=DOTS).map(|k| 1.0 + (greatest - 1.0) * k as f64 / DOTS as f64);
    let mut figure = overlap_curves(&format!("Technique 2 in {dim} dimensions"), dim, greatest);
    figure.curves.push(dots("simulated", simulated.map(|gamma| (gamma, share(gamma))).collect()));
    figure.marks.push((root, "γ for an overlap of ½".to_owned()));
    Ok(figure)
}

/// Proposition 3: the variance ratio of one level over δ = ε/σ_L², and that of simulated chains.
pub(super) fn variances(gamma: f64, steps: u64, samples: usize, rng: &mut impl Rng) -> Result<Figure> {
    let optimum = optimal_delta(Interval::point(gamma), steps)?.mid();
    let greatest = 2.5 * optimum;
    let ratio = |delta: f64| {
        let ratio = variance_ratio(Interval::point(gamma), Interval::point(delta), steps);
        (delta, ratio.mid())
    };
    // As many steps in all as 100 steps of `samples` chains; a simulation has at most 3,000,000.
    let draws = samples.saturating_mul(100 / steps as usize).clamp(samples, 3_000_000);
    let mut simulated = Vec::new();
    for k in 1..=DOTS {
        let delta = greatest * k as f64 / DOTS as f64;
        simulated.push((delta, simulate(gamma, delta, steps, (draws, 1), 0.5, rng)?.ratio));
    }
    let curves = vec![
        Curve::line("equation (6)", grid(0.0, greatest).map(ratio)),
        dots(&format!("{draws} chains"), simulated),
    ];
    let axes = (Axis::linear("ε / σ_L²"), Axis::linear("variance / σᵢ²"));
    let title = format!("The variance after {steps} Langevin steps, γ = {gamma}");
    let figure = Figure::new(&title, axes.0, axes.1, curves);
    Ok(Figure { marks: vec![(optimum, "Technique 4".to_owned())], ..figure })
}
