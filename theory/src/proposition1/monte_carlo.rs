//! `E_{p_i}[r_j]` among N components, estimated.

use ndarray::{Array2, Zip};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Mixture;
use crate::Error;
use crate::interval::Interval;

/// Draws evaluated at once.
const DRAW_BLOCK: usize = 256;

/// A mean estimated from independent draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Interval that contains the expectation with at least the probability asked for, whatever the number
    /// of draws.
    pub interval: Interval,
}

impl Mixture {
    /// Estimates `E_{p_i}[r_j]`, the share of component `i`'s draws that component `j` claims, among all N.
    ///
    /// # Formula
    /// ```text
    /// E_{p_i}[r_j] = ∫ p_i p_j/Σ_k p_k = e^{−d²/8}·E_m[√(p_i p_j)/Σ_k p_k],   d = ‖c_i − c_j‖/σ,
    /// ```
    /// with m = N((c_i + c_j)/2, σ²I), because √(p_i p_j) = e^{−d²/8}·m. Draws are taken from m. The
    /// quantity averaged lies in [0, ½] for i ≠ j (geometric mean ≤ arithmetic mean: this is the proof of
    /// bound (5)), in [0, 1] for i = j. Hence the estimate keeps its relative accuracy where draws from p_i
    /// would never meet component j. Each draw costs N·D.
    ///
    /// # Arguments
    /// * `i`, `j` — components from 0
    /// * `draws` — at least 2
    /// * `confidence` — probability in (0, 1) that the interval covers the value
    ///
    /// # Accuracy
    /// The interval is the empirical Bernstein bound (Maurer & Pontil 2009, theorem 4, two-sided): with
    /// sample variance V, range R, n draws and ℓ = ln(4/(1 − confidence)), half-width √(2Vℓ/n) + 7Rℓ/(3(n −
    /// 1)). No normal approximation. It covers the error of sampling; that of rounding is e^{2b} − 1 with b
    /// from [`log_weight_error`](Self::log_weight_error).
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Domain`] for arguments out of range.
    ///
    /// # Source
    /// Proposition 1, equation (5).
    pub fn expected_responsibility(
        &self,
        (i, j): (usize, usize),
        draws: usize,
        confidence: f64,
        rng: &mut impl Rng,
    ) -> Result<Estimate, Error> {
        self.check_request((i, j), draws, confidence)?;
        let middle = (&self.centres.row(i) + &self.centres.row(j)) * 0.5;
        let mut samples = Vec::with_capacity(draws);
        while samples.len() < draws {
            let count = DRAW_BLOCK.min(draws - samples.len());
            let mut points = Array2::zeros((count, self.dim()));
            for mut row in points.rows_mut() {
                Zip::from(&mut row)
                    .and(&middle)
                    .for_each(|x, m| *x = m + self.sigma * rng.sample::<f64, _>(StandardNormal));
            }
            let weights = self.log_weights(points.view());
            samples.extend(weights.rows().into_iter().map(|row| {
                // √(p_i p_j)/Σ_k p_k
                let half = 0.5 * (row[i] + row[j]);
                1.0 / row.iter().map(|w| (w - half).exp()).sum::<f64>()
            }));
        }
        let range = if i == j { 1.0 } else { 0.5 };
        let difference = &self.centres.row(i) - &self.centres.row(j);
        let factor = (-difference.dot(&difference) / (8.0 * self.sigma * self.sigma)).exp();
        bernstein(&samples, range, factor, confidence)
    }

    fn check_request(&self, (i, j): (usize, usize), draws: usize, confidence: f64) -> Result<(), Error> {
        let count = |name, value: usize, allowed| Error::Count { name, value: value as u64, allowed };
        if let Some(&index) = [i, j].iter().find(|&&index| index >= self.num_components()) {
            return Err(count("component", index, "below the number of centres"));
        }
        if draws < 2 {
            return Err(count("draws", draws, "at least 2"));
        }
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(Error::Domain { name: "confidence", value: confidence, allowed: "(0, 1)" });
        }
        Ok(())
    }
}

/// Mean of `samples` in [0, range] and its empirical Bernstein interval, both times `factor`.
fn bernstein(samples: &[f64], range: f64, factor: f64, confidence: f64) -> Result<Estimate, Error> {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let log_term = (4.0 / (1.0 - confidence)).ln();
    let half_width = (2.0 * variance * log_term / n).sqrt() + 7.0 * range * log_term / (3.0 * (n - 1.0));
    // The expectation is known to lie in [0, range].
    let interval =
        Interval::new(factor * (mean - half_width).max(0.0), factor * (mean + half_width).min(range))?;
    Ok(Estimate { value: factor * mean, interval })
}
