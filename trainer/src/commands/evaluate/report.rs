//! What `evaluate` prints: each number with how it was taken.

use std::io::Write;

use anyhow::Result;
use serde_json::{Value, json};

use super::Side;
use crate::cli::{EvaluateArgs, Format};
use crate::evaluate::extrapolation::Extrapolation;
use crate::evaluate::features::Features;
use crate::evaluate::frechet::Frechet;
use crate::evaluate::kernel::Kernel;
use crate::evaluate::manifold::{Manifold, Mean};
use crate::evaluate::score::Score;
use crate::evaluate::statistics::Statistics;

/// All that was measured.
pub struct Found {
    pub frechet: Frechet,
    pub spatial: Option<Frechet>,
    pub extrapolation: Option<Extrapolation>,
    pub kernel: Option<Kernel>,
    pub manifold: Option<Manifold>,
    pub score: Option<Score>,
}

impl Found {
    pub const fn new(frechet: Frechet) -> Self {
        Self { frechet, spatial: None, extrapolation: None, kernel: None, manifold: None, score: None }
    }
}

/// Lines on what a reader of the distances should know.
pub fn remarks(sides: [&Side; 2], found: &Found) -> Vec<String> {
    let [samples, data] = sides.map(|side| &side.statistics);
    let few: Vec<&str> = [("samples", samples), ("data", data)]
        .into_iter()
        .filter(|(_, side)| side.count.is_some_and(|count| count <= samples.dim() as u64))
        .map(|(name, _)| name)
        .collect();
    let few = (!few.is_empty()).then(|| {
        format!(
            "no more {} than features: the covariance is singular and the distance depends on their number",
            few.join(" and ")
        )
    });
    let rounded = (found.frechet.distance < 0.0)
        .then(|| "a Fréchet distance below 0 is 0 but for rounding: no difference was found".to_owned());
    let unbiased = found.kernel.filter(|kernel| kernel.distance < 0.0).map(|_| {
        "a kernel distance below 0 is an estimate of 0 or little more: no difference was found".to_owned()
    });
    let clamped = sides.iter().filter_map(|side| side.note.clone());
    clamped.chain(few).chain(rounded).chain(unbiased).collect()
}

/// Writes the table, or the same as JSON.
pub fn write(
    args: &EvaluateArgs,
    features: &Features,
    sides: [&Statistics; 2],
    found: &Found,
    notes: &[String],
    out: &mut dyn Write,
) -> Result<()> {
    match args.comparison.format {
        Format::Json => writeln!(out, "{:#}", object(features, sides, found, notes))?,
        Format::Text => {
            let [samples, data] =
                sides.map(|side| side.count.map_or("unknown".to_owned(), |count| count.to_string()));
            writeln!(
                out,
                "{samples} samples against {data} items of the data, by {} features: {}",
                sides[0].dim(),
                features.name()
            )?;
            for [name, number, how] in rows(features, found) {
                writeln!(out, "  {name:<23} {number:<24} {how}")?;
            }
            for note in notes {
                writeln!(out, "  {note}")?;
            }
        }
    }
    Ok(())
}

/// Name, number and protocol of each measure.
fn rows(features: &Features, found: &Found) -> Vec<[String; 3]> {
    let is_inception = matches!(features, Features::Inception(..));
    let named = |name: &str, published: &str| {
        if is_inception { format!("{name} ({published})") } else { name.to_owned() }
    };
    let parts = |distance: &Frechet| {
        let Frechet { means, covariances, rounding, .. } = distance;
        format!(
            "= {means:.4} of the means + {covariances:.4} of the covariances; rounding about {rounding:.0e}"
        )
    };
    let mut rows = vec![[
        named("Fréchet distance", "FID"),
        format!("{:.4}", found.frechet.distance),
        parts(&found.frechet),
    ]];
    if let Some(line) = &found.extrapolation {
        let Extrapolation { distance, error, scatter, all_error, points, .. } = line;
        let (first, last) = (points[0].0, points[points.len() - 1].0);
        rows.push([
            named("of infinitely many", "FID∞"),
            format!("{distance:.4} ± {error:.4}"),
            format!(
                "line in 1/N through {} counts, {first} to {last}; ± of the samples drawn \
                 (at {last}: {all_error:.4}), by the line's fit alone {scatter:.4}",
                points.len()
            ),
        ]);
    }
    if let Some(spatial) = &found.spatial {
        let how = format!("{}; 2023 values of mixed_6/conv", parts(spatial));
        rows.push(["spatial (sFID)".to_owned(), format!("{:.4}", spatial.distance), how]);
    }
    if let Some(kernel) = &found.kernel {
        rows.push([
            named("kernel distance", "KID"),
            format!("{:.6}", kernel.distance),
            format!(
                "standard deviation {:.6} over {} subsets of {}; (x·y/dim + 1)³",
                kernel.spread, kernel.subsets, kernel.size
            ),
        ]);
    }
    if let Some(covered) = &found.manifold {
        let Manifold { precision, recall, density, coverage, k: [wide, dense] } = covered;
        let number = |mean: &Mean| format!("{:.4} ± {:.4}", mean.value, mean.error);
        let how = |k: &usize, what: &str, drawn: &str| format!("k = {k}, {what}; ± of the {drawn} drawn");
        rows.extend([
            ["precision".to_owned(), number(precision), how(wide, "samples within the data", "samples")],
            ["recall".to_owned(), number(recall), how(wide, "data within the samples", "data")],
            [
                "density".to_owned(),
                number(density),
                how(dense, "balls of the data around a sample", "samples"),
            ],
            ["coverage".to_owned(), number(coverage), how(dense, "data with a sample near", "data")],
        ]);
    }
    if let Some(Score { mean, spread, splits, classes }) = &found.score {
        rows.push([
            "Inception score".to_owned(),
            format!("{mean:.4} ± {spread:.4}"),
            format!("standard deviation over {splits} parts; {classes} classes, logits without bias"),
        ]);
    }
    rows
}

fn object(features: &Features, [samples, data]: [&Statistics; 2], found: &Found, notes: &[String]) -> Value {
    let frechet = |distance: &Frechet| {
        json!({"distance": distance.distance, "means": distance.means, "covariances": distance.covariances,
            "rounding": distance.rounding})
    };
    let kernel = found.kernel.map(|kernel| {
        json!({"distance": kernel.distance, "standard_deviation": kernel.spread, "subsets": kernel.subsets,
            "subset_size": kernel.size})
    });
    let extrapolation = found.extrapolation.as_ref().map(|line| {
        json!({"distance": line.distance, "standard_error": line.error, "standard_error_of_fit": line.scatter,
            "standard_error_of_all": line.all_error, "slope": line.slope, "points": line.points})
    });
    let mean = |mean: Mean, k: usize| json!({"value": mean.value, "standard_error": mean.error, "k": k});
    let manifold = found.manifold.map(|covered| {
        let Manifold { precision, recall, density, coverage, k: [wide, dense] } = covered;
        json!({"precision": mean(precision, wide), "recall": mean(recall, wide), "density": mean(density, dense),
            "coverage": mean(coverage, dense)})
    });
    let score = found.score.map(|score| {
        json!({"mean": score.mean, "standard_deviation": score.spread, "splits": score.splits,
            "classes": score.classes})
    });
    json!({"schema": "ncsn.evaluation/1", "features": features.name(), "identity": features.identity(),
        "dim": samples.dim(), "samples": samples.count, "data": data.count, "notes": notes, "kernel": kernel,
        "frechet": frechet(&found.frechet), "spatial": found.spatial.as_ref().map(frechet),
        "extrapolation": extrapolation, "manifold": manifold, "inception_score": score})
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn distances_below_0_have_their_word() {
        let side = || {
            let [mean, covariance] =
                [vec![2], vec![2, 2]].map(|shape| Tensor::zeros(shape, (Kind::Double, Device::Cpu)));
            Side::of(Statistics { count: Some(9), mean, covariance })
        };
        let said = |frechet: f64, kernel: f64| {
            let mut found =
                Found::new(Frechet { distance: frechet, means: 0.0, covariances: frechet, rounding: 1e-6 });
            found.kernel = Some(Kernel { distance: kernel, spread: 0.1, subsets: 100, size: 9 });
            remarks([&side(), &side()], &found).join("\n")
        };
        assert_eq!(said(0.0, 0.0), "");
        assert!(said(-1e-9, 0.0).starts_with("a Fréchet distance below 0 is 0 but for rounding"));
        assert!(said(0.0, -1e-3).starts_with("a kernel distance below 0 is an estimate of 0"));
    }
}
