//! How much of each law the other covers: precision and recall, density and coverage.

use tch::{Kind, Tensor};

use super::pairs::{Block, Pairs, Vectors, numbers};
use crate::{Error, torch};

/// Usual k of precision and recall, and of density and coverage.
pub const USUAL: [usize; 2] = [3, 5];

/// A mean over samples or data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// Of 0 to 1; density may be larger.
    pub value: f64,
    /// Standard error, which covers the draw of what the mean is over, the other side being given.
    pub error: f64,
}

/// The four measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manifold {
    /// Share of the samples within a ball of the data.
    pub precision: Mean,
    /// Share of the data within a ball of the samples.
    pub recall: Mean,
    /// Balls of the data that a sample lies in, divided by k: the mean over samples.
    pub density: Mean,
    /// Share of the data with a sample in their ball.
    pub coverage: Mean,
    /// k of precision and recall, and of density and coverage.
    pub k: [usize; 2],
}

/// The four measures of samples and data `[count, dim]`.
///
/// # Formula
/// The ball of an item has the distance to the k-th nearest other item of its own set for radius.
/// ```text
/// precision = mean over samples y of [ |y − x| ≤ r(x) for some x of the data ],    recall: the sets exchanged
/// density   = mean over samples y of (1/k) · number of x of the data with |y − x| < r(x)
/// coverage  = mean over data x of [ |y − x| < r(x) for some sample y ]
/// ```
/// ≤ and < are those of the papers' programs; they differ for items that are equal.
///
/// # Arguments
/// * `k` — of precision and recall, and of density and coverage
/// * `each` — told of rows of distances: done, of how many
///
/// # Accuracy
/// As if all distances had the relative error of (dim + 2)·2⁻⁵³ of [`Vectors::square`].
///
/// Standard errors: of a share p̃(1 − p̃)/count under the root, with p̃ = (hits + 1)/(count + 2), so that none is 0; of density
/// the samples' own. They take the other side as given, and what its draw adds is not in them: over 60 repetitions with 400
/// items on both sides the spread was 1.3, 1.5, 1.8 and 1.2 times as large, in the order of [`Manifold`].
///
/// # Errors
/// [`Error::Setting`] unless both sides have more than k items; those of torch.
///
/// # Source
/// Kynkäänniemi et al. (2019), "Improved precision and recall metric for assessing generative models"; Naeem et al. (2020),
/// "Reliable fidelity and diversity metrics for generative models".
pub fn manifold(
    samples: &Tensor,
    data: &Tensor,
    k: [usize; 2],
    each: &mut dyn FnMut(u64, u64),
) -> Result<Manifold, Error> {
    let [samples, data] = [samples, data].map(Vectors::new);
    let fewest = samples.len().min(data.len());
    for k in k {
        if !(1..fewest).contains(&k) {
            let allowed = format!("1 or more, and less than the {fewest} items of a side");
            return Err(Error::setting("k of nearest neighbours", k, allowed));
        }
    }
    let total = (samples.len() + 2 * data.len()) as u64;
    let mut done = 0;
    let mut tell = |rows: usize| {
        done += rows as u64;
        each(done, total);
    };
    let of_data = radii(&data, k, &mut tell)?;
    let of_samples = radii(&samples, k, &mut tell)?;
    let mut hits = Hits {
        precision: vec![false; samples.len()],
        recall: vec![false; data.len()],
        density: vec![0.0; samples.len()],
        coverage: vec![false; data.len()],
    };
    hits.find(&Pairs::new(&data, &samples)?, &of_data, &of_samples, &mut tell)?;
    Ok(Manifold {
        precision: share(&hits.precision),
        recall: share(&hits.recall),
        density: mean(&hits.density, k[1] as f64),
        coverage: share(&hits.coverage),
        k,
    })
}

/// Squared distance of each item to its k-th nearest other, for each k.
fn radii(set: &Vectors, k: [usize; 2], tell: &mut dyn FnMut(usize)) -> Result<[Vec<f64>; 2], Error> {
    let most = k[0].max(k[1]);
    let pairs = Pairs::new(set, set)?;
    let mut found = [Vec::with_capacity(set.len()), Vec::with_capacity(set.len())];
    for rows in pairs.blocks() {
        torch::attempt(|| {
            let Block { mut low, .. } = pairs.block(&rows);
            let mut own = low.narrow(1, rows.start as i64, rows.len() as i64);
            let _ = own.fill_diagonal_(f64::INFINITY, false);
            // The largest distance of any k others is no less than that to the k-th nearest.
            let (_, others) = low.topk(most as i64, 1, false, false);
            let others: Vec<i64> = torch::values(&others);
            let mut nearest: Vec<Vec<f64>> = others
                .chunks_exact(most)
                .zip(rows.clone())
                .map(|(others, row)| others.iter().map(|&other| pairs.square(row, other as usize)).collect())
                .collect();
            let limits: Vec<f64> =
                nearest.iter().map(|squares| squares.iter().copied().fold(0.0, f64::max)).collect();
            // What is among them already comes no second time; nothing is nearer than 0.
            let seen = Tensor::from_slice(&others).view([-1, most as i64]).to_device(low.device());
            let _ = low.scatter_value_(1, &seen, f64::INFINITY);
            let limit = pairs.limits(&limits).unsqueeze(1);
            let is_candidate = low.le_tensor(&limit).logical_and(&limit.gt(0.0));
            for [row, column] in numbers(&is_candidate) {
                nearest[row].push(pairs.square(rows.start + row, column));
            }
            for squares in &mut nearest {
                squares.sort_by(f64::total_cmp);
                for (found, k) in found.iter_mut().zip(k) {
                    found.push(squares[k - 1]);
                }
            }
        })?;
        tell(rows.len());
    }
    Ok(found)
}

/// What lies in whose ball.
struct Hits {
    precision: Vec<bool>,
    recall: Vec<bool>,
    /// Number of balls.
    density: Vec<f64>,
    coverage: Vec<bool>,
}

impl Hits {
    /// Goes through all pairs of data (rows) and samples (columns), whose squared radii are given for each k.
    fn find(
        &mut self,
        pairs: &Pairs,
        of_data: &[Vec<f64>; 2],
        of_samples: &[Vec<f64>; 2],
        tell: &mut dyn FnMut(usize),
    ) -> Result<(), Error> {
        let ball_of_sample = pairs.limits(&of_samples[0]);
        for rows in pairs.blocks() {
            torch::attempt(|| {
                let block = pairs.block(&rows);
                let high = block.high();
                let [wide, dense] =
                    [0, 1].map(|k| block.below(&high, &pairs.limits(&of_data[k][rows.clone()]).unsqueeze(1)));
                let of_sample = block.below(&high, &ball_of_sample);
                let any =
                    |mask: &Tensor, axis: i64| -> Vec<bool> { torch::values(&mask.any_dim(axis, false)) };
                mark(&mut self.precision, &any(&wide.0, 0));
                mark(&mut self.recall[rows.clone()], &any(&of_sample.0, 1));
                mark(&mut self.coverage[rows.clone()], &any(&dense.0, 1));
                let counts: Vec<f64> =
                    torch::values(&dense.0.sum_dim_intlist([0].as_slice(), false, Kind::Int64));
                self.density.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                let square = |[row, sample]: [usize; 2]| {
                    (rows.start + row, sample, pairs.square(rows.start + row, sample))
                };
                for (item, sample, square) in wide.1.into_iter().map(square) {
                    self.precision[sample] |= square <= of_data[0][item];
                }
                for (item, sample, square) in of_sample.1.into_iter().map(square) {
                    self.recall[item] |= square <= of_samples[0][sample];
                }
                for (item, sample, square) in dense.1.into_iter().map(square) {
                    if square < of_data[1][item] {
                        self.density[sample] += 1.0;
                        self.coverage[item] = true;
                    }
                }
            })?;
            tell(rows.len());
        }
        Ok(())
    }
}

fn mark(all: &mut [bool], found: &[bool]) {
    all.iter_mut().zip(found).for_each(|(all, found)| *all |= found);
}

fn share(hits: &[bool]) -> Mean {
    let (count, hits) = (hits.len() as f64, hits.iter().filter(|&&hit| hit).count() as f64);
    let shrunk = (hits + 1.0) / (count + 2.0);
    Mean { value: hits / count, error: (shrunk * (1.0 - shrunk) / count).sqrt() }
}

/// Mean and its standard error, both divided by `unit`.
fn mean(values: &[f64], unit: f64) -> Mean {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Mean { value: mean / unit, error: (variance / count).sqrt() / unit }
}
