//! The curves of a run.

use ncsn_figures::{Axis, Curve, Figure, Stroke};

use crate::evaluate::selection::{Measured, best};
use crate::log::Line;
use crate::weights::Weights;

/// Points of a curve at most: more than a figure has places for.
const POINTS: usize = 1000;

/// Training and test loss over the steps (Fig. 15); each point of the first is smoothed by 0.9, as the paper's are.
#[must_use]
pub fn losses(lines: &[Line]) -> Figure {
    let training = lines.iter().filter_map(|line| match *line {
        Line::Train { step, smoothed, .. } => Some((step as f64, smoothed)),
        _ => None,
    });
    let test = lines.iter().filter_map(|line| match *line {
        Line::Test { step, loss } => Some((step as f64, loss)),
        _ => None,
    });
    let curves = [("training", thinned(training.collect())), ("test", thinned(test.collect()))]
        .into_iter()
        .filter(|(_, points)| !points.is_empty())
        .map(|(name, points)| Curve::line(name, points));
    let (x, y) = (Axis::linear("steps of training"), Axis::logarithmic("loss"));
    Figure::new("Loss over training", x, y, curves.collect())
}

/// The training loss at each noise level, of the first and of the last record of it.
///
/// # Arguments
/// * `sigmas` — the levels; records of another number of them are left out
#[must_use]
pub fn levels(lines: &[Line], sigmas: &[f32]) -> Figure {
    let records: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Levels { step, counts, means } if counts.len() == sigmas.len() => {
                Some((*step, counts, means))
            }
            _ => None,
        })
        .collect();
    let last = records.len().saturating_sub(1);
    let shown = records.iter().enumerate().filter(|&(number, _)| number == 0 || number == last);
    let curves = shown.map(|(_, (step, counts, means))| {
        let seen = sigmas.iter().zip(*counts).zip(*means).filter(|((_, count), _)| **count > 0);
        Curve::line(&format!("step {step}"), seen.map(|((sigma, _), mean)| (f64::from(*sigma), *mean)))
    });
    let (x, y) = (Axis::logarithmic("σ"), Axis::logarithmic("loss"));
    Figure::new("Training loss by noise level", x, y, curves.collect())
}

/// Distances of samples over training (Figs. 4 and 8): averaged and last weights, with and without denoising; the least is
/// marked.
#[must_use]
pub fn selection(found: &[Measured]) -> Figure {
    let best = best(found);
    let mut curves = Vec::new();
    for weights in [Weights::Ema, Weights::Raw] {
        for denoised in [true, false] {
            let of: Vec<&Measured> = found.iter().filter(|row| row.weights == weights).collect();
            let distance = |row: &Measured| if denoised { row.denoised.distance } else { row.plain.distance };
            let points = of.iter().map(|row| (row.step as f64, distance(row)));
            let name = format!("{weights}{}", if denoised { ", denoised" } else { "" });
            let is_here = best.is_some_and(|best| best.weights == weights && best.better().1 == denoised);
            let marked = of.iter().position(|row| is_here && Some(*row) == best);
            curves.push(Curve { stroke: Stroke::Dotted, marked, ..Curve::line(&name, points) });
        }
    }
    let (x, y) = (Axis::linear("steps of training"), Axis::logarithmic("Fréchet distance"));
    Figure::new("Distance of samples over training", x, y, curves)
}

/// Distances of several models over training (Figs. 5 and 9), with or without denoising; the least of each is marked.
#[must_use]
pub fn ablation(models: &[(&str, Vec<Measured>)], denoised: bool) -> Figure {
    let curves = models.iter().map(|(name, found)| {
        let distance = |row: &Measured| if denoised { row.denoised.distance } else { row.plain.distance };
        let points: Vec<_> = found.iter().map(|row| (row.step as f64, distance(row))).collect();
        let least = points.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let marked = least.map(|(index, _)| index);
        Curve { stroke: Stroke::Dotted, marked, ..Curve::line(name, points) }
    });
    let (x, y) = (Axis::linear("steps of training"), Axis::logarithmic("Fréchet distance"));
    let title =
        if denoised { "Distance of denoised samples" } else { "Distance of samples without denoising" };
    Figure::new(title, x, y, curves.collect())
}

/// Training losses of several runs (Fig. 3), smoothed by 0.9.
#[must_use]
pub fn conditioning(runs: &[(&str, Vec<Line>)]) -> Figure {
    let curves = runs.iter().map(|(name, lines)| {
        let training = lines.iter().filter_map(|line| match *line {
            Line::Train { step, smoothed, .. } => Some((step as f64, smoothed)),
            _ => None,
        });
        Curve::line(name, thinned(training.collect()))
    });
    let (x, y) = (Axis::linear("steps of training"), Axis::logarithmic("training loss"));
    Figure::new("Two ways of conditioning on noise", x, y, curves.collect())
}

/// At most [`POINTS`] points, evenly spread, the first and the last among them.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let count = points.len();
    if count <= POINTS {
        return points;
    }
    (0..POINTS).map(|k| points[k * (count - 1) / (POINTS - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_records_keep_both_ends() {
        let points: Vec<_> = (0..12_345).map(|k| (f64::from(k), 1.0)).collect();
        let few = thinned(points.clone());
        assert_eq!((few.len(), few[0], few[POINTS - 1]), (POINTS, points[0], points[12_344]));
        assert!(few.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(points[..POINTS].to_vec()), points[..POINTS]);
    }

    #[test]
    fn levels_that_were_not_seen_are_left_out() {
        let record =
            |step, counts: [u64; 3]| Line::Levels { step, counts: counts.into(), means: vec![3.0, 2.0, 1.0] };
        let lines = [record(4, [1, 0, 2]), record(8, [1, 1, 1]), record(12, [0, 5, 5])];
        let figure = levels(&lines, &[1.0, 0.5, 0.25]);
        let points: Vec<_> = figure.curves.iter().map(|curve| (&curve.name[..], &curve.points[..])).collect();
        let first = [(1.0, 3.0), (0.25, 1.0)];
        assert_eq!(points, [("step 4", &first[..]), ("step 12", &[(0.5, 2.0), (0.25, 1.0)])]);
        assert!(levels(&lines, &[1.0]).curves.is_empty());
        assert_eq!(levels(&lines[..1], &[1.0, 0.5, 0.25]).curves.len(), 1);
    }
}
