//! Averages of the weights of any length, made after training from snapshots of two.

use std::path::Path;

use ncsn_theory::power_ema::PowerEma;
use tch::{Kind, Tensor};

use crate::checkpoint::{self, Manifest};
use crate::model::Parameters;
use crate::{Error, torch};

/// Name of the folder of snapshots in a run's folder.
pub const AVERAGES: &str = "averages";
/// Relative widths of the two averages, those of Karras et al., and how the names of their weights begin.
const WIDTHS: [(f64, &str); 2] = [(0.05, "power_0.05."), (0.1, "power_0.1.")];

/// How the names of the weights of one begin.
fn prefix(width: f64) -> &'static str {
    WIDTHS.iter().find(|&&(known, _)| known == width).map_or("", |&(_, prefix)| prefix)
}

/// The two averages of a training.
#[derive(Debug)]
pub struct Powers([(PowerEma, Parameters); 2]);

impl Powers {
    /// Before the first step.
    ///
    /// # Errors
    /// None but those of the widths, which are constants.
    pub fn new(parameters: &Parameters) -> Result<Self, Error> {
        let [a, b] = WIDTHS.map(|(width, _)| PowerEma::with_relative_width(width));
        Ok(Self([(a?, parameters.copy()), (b?, parameters.copy())]))
    }

    /// Takes in the weights after a step, from 1.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn update(&self, parameters: &Parameters, step: u64) -> Result<(), Error> {
        for (ema, average) in &self.0 {
            torch::lerp_(average.tensors(), parameters.tensors(), 1.0 - ema.rate(step)?.mid())?;
        }
        Ok(())
    }

    /// The averages and how their names begin.
    pub fn groups(&self) -> impl Iterator<Item = (&'static str, &Parameters)> {
        WIDTHS.iter().zip(&self.0).map(|(&(_, prefix), (_, average))| (prefix, average))
    }
}

/// A combination of stored averages that stands for another.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// Step and width of each stored average, with its coefficient.
    pub terms: Vec<(u64, f64, f64)>,
    /// ‖p − Σ c_i p_i‖/‖p‖ of the averages' weights as functions of the step.
    pub residual: f64,
}

/// The combination of the averages stored up to a step that is nearest to the average of another relative width there.
///
/// # Formula
/// ```text
/// min_c ‖p − Σ c_i p_i‖²:   A c = b,   A_ij = ⟨p_i, p_j⟩,   b_i = ⟨p_i, p⟩
/// ```
/// with products as [`PowerEma::overlap`] has them. Directions of A with an eigenvalue below 1e-13 of the largest, which rounding
/// decides, are left out, p_i being brought to norm 1.
///
/// # Errors
/// [`Error::Setting`] for a step at which none is stored; those of [`PowerEma`].
///
/// # Source
/// Karras et al. (2024), appendix C.2.
pub fn combination(steps: &[u64], width: f64, step: u64) -> Result<Combination, Error> {
    let target = PowerEma::with_relative_width(width)?;
    // Without those at its own step, it would lack the last iterates, which count most.
    if !steps.contains(&step) {
        let all: Vec<String> = steps.iter().map(u64::to_string).collect();
        return Err(Error::setting("step", step, format!("that of a snapshot: {}", all.join(", "))));
    }
    let known: Vec<u64> = steps.iter().copied().filter(|known| *known <= step).collect();
    let mut stored = Vec::new();
    for (width, _) in WIDTHS {
        let ema = PowerEma::with_relative_width(width)?;
        stored.extend(known.iter().map(|&step| (step, width, ema)));
    }
    let own = target.overlap(step, target, step)?.mid();
    let norms = stored.iter().map(|&(t, _, ema)| Ok(ema.overlap(t, ema, t)?.mid().sqrt()));
    let norms = norms.collect::<Result<Vec<f64>, Error>>()?;
    let (mut matrix, mut right) = (Vec::new(), Vec::new());
    for (&(t, _, ema), norm) in stored.iter().zip(&norms) {
        for (&(u, _, other), other_norm) in stored.iter().zip(&norms) {
            matrix.push(ema.overlap(t, other, u)?.mid() / (norm * other_norm));
        }
        right.push(target.overlap(step, ema, t)?.mid() / (norm * own.sqrt()));
    }
    let count = stored.len() as i64;
    let (scaled, residual) = torch::attempt(|| {
        let (matrix, right) = (Tensor::from_slice(&matrix).view([count, count]), Tensor::from_slice(&right));
        let (values, vectors) = matrix.linalg_eigh("L");
        let least = values.max().double_value(&[]) * 1e-13;
        let inverse = values.reciprocal().where_scalarother(&values.gt(least), 0.0);
        let scaled = vectors.matmul(&(inverse * vectors.tr().mv(&right)));
        let rest: Tensor = 1.0 - 2.0 * scaled.dot(&right) + scaled.dot(&matrix.mv(&scaled));
        (torch::values::<f64>(&scaled), rest.double_value(&[]).max(0.0).sqrt())
    })?;
    let terms = stored.iter().zip(scaled).zip(norms);
    let terms = terms.map(|((&(t, width, _), scaled), norm)| (t, width, scaled * own.sqrt() / norm));
    Ok(Combination { terms: terms.collect(), residual })
}

/// The weights of a combination, in f32, from a run's snapshots.
///
/// # Errors
/// Those of reading a snapshot; [`Error::Content`] for one that is not of these weights.
pub fn combined(run: &Path, found: &Combination, manifest: &Manifest) -> Result<Parameters, Error> {
    let mut sums: Option<Vec<Tensor>> = None;
    let averages = run.join(AVERAGES);
    let mut steps: Vec<u64> = found.terms.iter().map(|&(step, ..)| step).collect();
    steps.sort_unstable();
    steps.dedup();
    for step in steps {
        let folder = checkpoint::folder(&averages, step);
        let file = checkpoint::tensors(&folder, &checkpoint::manifest(&folder)?)?;
        for &(_, width, coefficient) in found.terms.iter().filter(|&&(at, ..)| at == step) {
            let read = manifest.names.iter().map(|name| file.get(&format!("{}{name}", prefix(width))));
            let terms = read.map(|read| Ok(read?.to_kind(Kind::Double) * coefficient));
            let terms = terms.collect::<Result<Vec<Tensor>, Error>>()?;
            sums = Some(match sums {
                None => terms,
                Some(sums) => {
                    torch::attempt(|| sums.iter().zip(terms).map(|(sum, term)| sum + term).collect())?
                }
            });
        }
    }
    let single = sums.unwrap_or_default().into_iter().map(|sum| sum.to_kind(Kind::Float));
    Ok(Parameters::new(manifest.names.iter().cloned().zip(single).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights w_k of an average at a step, from the recursion.
    fn weights(ema: PowerEma, steps: u64, of: u64) -> Vec<f64> {
        let power = |k: u64| (k as f64 / steps as f64).powf(ema.gamma() + 1.0);
        (1..=of).map(|k| if k <= steps { power(k) - power(k - 1) } else { 0.0 }).collect()
    }

    /// What the combination does to every single iterate, against the average itself. Source of the residuals: the same system
    /// solved by numpy 2.3, `linalg.solve`.
    #[test]
    fn a_combination_has_nearly_the_weights_of_the_average() {
        let steps: Vec<u64> = (1..=20).map(|k| 500 * k).collect();
        for (width, step, residual) in [
            (0.05, 10_000, 0.0),
            (0.15, 10_000, 0.005_809_88),
            (0.2, 10_000, 0.015_420_70),
            (0.03, 10_000, 0.026_416_75),
        ] {
            let found = combination(&steps, width, step).expect("snapshots");
            let mut sum = vec![0.0; step as usize];
            for &(t, width, coefficient) in &found.terms {
                let ema = PowerEma::with_relative_width(width).expect("a width");
                for (sum, weight) in sum.iter_mut().zip(weights(ema, t, step)) {
                    *sum += coefficient * weight;
                }
            }
            let target = weights(PowerEma::with_relative_width(width).expect("a width"), step, step);
            let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
            let rest: Vec<f64> = sum.iter().zip(&target).map(|(sum, target)| sum - target).collect();
            let apart = norm(&rest) / norm(&target);
            // Rounding of 1 − 2bᵀc + cᵀAc, a square, is about 1e-16.
            assert!((found.residual - residual).abs() < 1e-7, "{width}: {:e}", found.residual);
            // Sums over steps are not quite integrals.
            assert!((apart - residual).abs() < 1e-3 * residual + 1e-12, "{width}: {apart:e}");
        }
        let message = combination(&steps, 0.1, 499).expect_err("no snapshot").to_string();
        assert!(message.starts_with("step is 499, allowed: that of a snapshot: 500, 1000, "), "{message}");
    }
}
