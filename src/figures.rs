//! Why a schedule is as it is, in pictures.

use anyhow::Result;
use ncsn_figures::{Axis, Curve, Figure, Named, Stroke, beside};
use ncsn_schedule::ScheduleFile;
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::proposition3::variance_excess;
use ncsn_theory::schedule::{Derivation, Law, overlap};

/// Points per curve.
const RESOLUTION: usize = 200;

/// Evenly spaced numbers, both ends among them.
pub fn grid(least: f64, greatest: f64) -> impl Iterator<Item = f64> + Clone {
    (0..=RESOLUTION).map(move |k| least + (greatest - least) * k as f64 / RESOLUTION as f64)
}

/// Techniques 2 and 4 side by side, as SVG.
///
/// # Errors
/// Those of [`adjacent_levels`].
pub fn summary(file: &ScheduleFile, derivation: &Derivation) -> Result<String> {
    Ok(beside(&[adjacent_levels(file, derivation)?, level_against_epsilon(file, derivation)]))
}

/// The laws of ‖x‖ at two adjacent levels; the part of the lower one that the higher reaches is tinted (Technique 2).
///
/// # Errors
/// Those of [`RadiusLaw::new`].
pub fn adjacent_levels(file: &ScheduleFile, derivation: &Derivation) -> Result<Figure> {
    let (dim, gamma) = (file.schedule.dim(), derivation.gamma.mid());
    let (below, above) = (RadiusLaw::new(dim, 1.0)?, RadiusLaw::new(dim, gamma)?);
    let (mean, deviation) = (above.mean().mid(), above.standard_deviation().mid());
    let reach = (mean - 3.0 * deviation, mean + 3.0 * deviation);
    let least = (below.mean().mid() - 4.0 * below.standard_deviation().mid()).max(0.0);
    let density = |law: RadiusLaw| {
        // The ends of the reach are among the points: the tint begins there.
        let mut radii: Vec<f64> = grid(least, mean + 4.0 * deviation).collect();
        radii.extend([reach.0, reach.1].into_iter().filter(|&end| end > least));
        radii.sort_by(f64::total_cmp);
        radii.into_iter().map(move |r| (r, law.density(Interval::point(r)).mid()))
    };
    let curves = vec![
        Curve { shaded: Some(reach), named: Named::Top, ..Curve::line("level i", density(below)) },
        Curve { named: Named::Top, ..Curve::line("level i − 1", density(above)) },
    ];
    let share = file.values.overlap;
    let title = format!("{}: {share:.4} of a level lies in the reach of the one above", file.dataset);
    let figure = Figure::new(&title, Axis::linear("‖x‖ / σᵢ"), Axis::linear("density"), curves);
    let marks = vec![(reach.0, "reach of level i − 1 begins".to_owned()), (reach.1, "and ends".to_owned())];
    Ok(Figure { marks, ..figure })
}

/// C(γ), the overlap of adjacent levels, by the exact law of ‖x‖ and by its normal limit, with the ratio of this schedule.
#[must_use]
pub fn overlap_against_ratio(file: &ScheduleFile, derivation: &Derivation) -> Figure {
    let dim = file.schedule.dim();
    let gamma = derivation.gamma.mid();
    let greatest = reach_of_overlap(gamma);
    let figure = overlap_curves(&format!("Overlap of adjacent levels, D = {dim}"), dim, greatest);
    let mut marks = vec![(gamma, format!("γ of L = {}", file.schedule.num_levels()))];
    if let Some(row) = &file.published {
        let published = row.schedule.gamma().mid();
        marks.extend((published < greatest).then(|| (published, "published".to_owned())));
    }
    Figure { marks, ..figure }
}

/// The end of axes of γ: C falls from nearly 1 to nearly 0 over twice the distance of a schedule's γ from 1, at any dimension.
#[must_use]
pub fn reach_of_overlap(gamma: f64) -> f64 {
    1.0 + 2.5 * (gamma - 1.0)
}

/// C(γ) by the normal law of the paper and by the exact one.
#[must_use]
pub fn overlap_curves(title: &str, dim: u64, greatest: f64) -> Figure {
    let curve = |name: &str, law: Law, stroke: Stroke| {
        let points =
            grid(1.0, greatest).map(|gamma| (gamma, overlap(Interval::point(gamma), dim, law).mid()));
        Curve { stroke, ..Curve::line(name, points) }
    };
    let curves =
        vec![curve("normal law", Law::Normal, Stroke::Solid), curve("exact law", Law::Chi, Stroke::Dashed)];
    Figure::new(title, Axis::linear("γ = σᵢ₋₁ / σᵢ"), Axis::linear("overlap C(γ)"), curves)
}

/// Proposition 3: the variance that one level ends with, against ε, with Technique 4's choice and the published one.
#[must_use]
pub fn level_against_epsilon(file: &ScheduleFile, derivation: &Derivation) -> Figure {
    let schedule = &file.schedule;
    let scale = schedule.range().min() * schedule.range().min();
    let excess = |epsilon: f64, steps: u64| {
        variance_excess(derivation.gamma, Interval::point(epsilon / scale), steps).mid()
    };
    let start = derivation.gamma.sqr().mid() - 1.0;
    let (optimum, steps) = (schedule.epsilon(), schedule.steps_per_level());
    let greatest = greatest_epsilon(file);
    let of = |steps: u64| {
        let points = grid(0.0, greatest).map(move |epsilon| (epsilon, excess(epsilon, steps)));
        points.filter(|&(_, excess)| excess <= 1.3 * start).collect::<Vec<_>>()
    };
    let nearest = |points: &[(f64, f64)]| points.iter().position(|point| point.0 >= optimum);
    let chosen = of(steps);
    let curves = vec![
        Curve { marked: nearest(&chosen), ..Curve::line(&format!("T = {steps}"), chosen) },
        Curve::line(&format!("T = {}", 10 * steps), of(10 * steps)),
        Curve { stroke: Stroke::Dashed, ..Curve::line("at the start", [(0.0, start), (greatest, start)]) },
    ];
    let axes = (Axis::linear("ε"), Axis::linear("variance / σᵢ² − 1"));
    let title = format!("After one level least variance is left with ε = {optimum:.3e}");
    Figure { marks: epsilons(file, greatest), ..Figure::new(&title, axes.0, axes.1, curves) }
}

/// Algorithm 1: the variance that all levels end with, against ε.
///
/// # Errors
/// None that a schedule causes.
pub fn chain_against_epsilon(file: &ScheduleFile) -> Result<Figure> {
    let schedule = file.schedule;
    let greatest = greatest_epsilon(file);
    let excess = |epsilon: f64| -> Result<f64> {
        let ratio = schedule.with_epsilon(epsilon)?.chain_ratio();
        Ok(ratio.mid() - 1.0)
    };
    let points: Vec<_> = grid(0.2 * schedule.epsilon(), greatest)
        .map(|epsilon| Ok((epsilon, excess(epsilon)?)))
        .collect::<Result<_>>()?;
    let least = points.iter().min_by(|a, b| a.1.total_cmp(&b.1)).copied().unwrap_or_default();
    let marked = points.iter().position(|&point| point == least);
    let curve =
        Curve { marked, ..Curve::line(&format!("L = {}", schedule.num_levels()), points.iter().copied()) };
    let axes = (Axis::linear("ε"), Axis::logarithmic("variance / σ_L² − 1"));
    let title = format!("After all levels least variance is left with ε = {:.3e}", least.0);
    Ok(Figure { marks: epsilons(file, greatest), ..Figure::new(&title, axes.0, axes.1, vec![curve]) })
}

/// The end of axes of ε; from 2·σ_L² on, Langevin dynamics diverges.
fn greatest_epsilon(file: &ScheduleFile) -> f64 {
    let min = file.schedule.range().min();
    (2.5 * file.schedule.epsilon()).min(1.99 * min * min)
}

/// ε by Technique 4 and as published.
fn epsilons(file: &ScheduleFile, greatest: f64) -> Vec<(f64, String)> {
    let mut marks = vec![(file.schedule.epsilon(), "Technique 4".to_owned())];
    let published = file.published.as_ref().map(|row| row.schedule.epsilon());
    marks.extend(
        published.filter(|&epsilon| epsilon <= greatest).map(|epsilon| (epsilon, "published".to_owned())),
    );
    marks
}
