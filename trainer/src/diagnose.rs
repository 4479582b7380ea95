//! Whether a network and its schedule do what the propositions say: measured level by level.

use ncsn_theory::langevin::Annealing;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::schedule::Schedule;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::Error;
use crate::sample::{Noise, Score, Streams, annealed_langevin};

/// States kept during a run, in bytes.
const MOST_STATES: u64 = 8 << 30;

/// What was measured at a noise level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Index of the level, from 0.
    pub level: usize,
    /// σ.
    pub sigma: f64,
    /// Mean of ‖x − x_final‖ over the samples, x after the level's last step.
    pub distance: f64,
    /// Standard deviation of the same over the samples.
    pub distance_sd: f64,
    /// Mean norm of N(0, σ²I), close to √D·σ (Proposition 2).
    pub noise_norm: f64,
    /// Standard deviation of that norm, close to σ/√2.
    pub noise_norm_sd: f64,
    /// Mean of ‖x − x_final‖²/(D·σ²).
    pub variance_ratio: f64,
    /// What it would be if all that follows only took the noise away ([`predicted_ratio`]).
    pub predicted_ratio: f64,
    /// √(mean of ‖σ·s(x̃, σ)‖²/D) on items perturbed by σ.
    pub score_norm: f64,
    /// Mean of ‖σ·s(x̃, σ) + z‖²/D on the same: twice the training loss, for each dimension.
    pub loss: f64,
}

/// States of a sampling run at some levels.
#[derive(Debug)]
pub struct Trajectory {
    /// x after each of the chosen levels, each `[batch, …]`, on the CPU.
    pub states: Vec<Tensor>,
    /// The samples, on the CPU.
    pub last: Tensor,
}

/// `count` levels of L, evenly spread from the first to the last; all when there are fewer.
#[must_use]
pub fn spread(levels: usize, count: usize) -> Vec<usize> {
    if levels <= count || count < 2 {
        return (0..levels).collect();
    }
    (0..count).map(|k| (k * (levels - 1) + (count - 1) / 2) / (count - 1)).collect()
}

/// s²/σ_i² after the level with an index from 0, for geometric levels and noise that begins the first with variance σ₁².
///
/// # Source
/// Song & Ermon (2020), Proposition 3, from level to level: [`Schedule::chain_excess`].
#[must_use]
pub fn predicted_ratio(schedule: &Schedule, level: usize) -> f64 {
    1.0 + schedule.chain_excess(level as u64 + 1).mid()
}

/// Samples by Algorithm 1, and keeps the states after some levels.
///
/// # Arguments
/// * `chosen` — indices of levels, rising
/// * `each` — told of score evaluations done, and of all
///
/// # Errors
/// [`Error::Setting`] for more states than 8 GiB; those of [`annealed_langevin`].
pub fn trajectory(
    score: &mut Score,
    annealing: &Annealing,
    chosen: &[usize],
    x: Tensor,
    noise: &mut Noise,
    each: &mut dyn FnMut(u64, u64),
) -> Result<Trajectory, Error> {
    let bytes = chosen.len() as u64 * x.numel() as u64 * 4;
    if bytes > MOST_STATES {
        let allowed = format!("at most {MOST_STATES}: fewer items or levels");
        return Err(Error::setting("bytes of states", bytes, allowed));
    }
    let mut states = Vec::new();
    let last = annealed_langevin(score, annealing, x, noise, &mut |at| {
        // The denoising counts beyond the last level's steps.
        let level_done = at.done == (at.level as u64 + 1) * annealing.schedule.steps_per_level();
        if level_done && chosen.contains(&at.level) {
            states.push(at.x.to_device(Device::Cpu));
        }
        each(at.done, at.total);
        true
    })?;
    Ok(Trajectory { states, last: last.to_device(Device::Cpu) })
}

/// Clean items, and the noise to perturb them with.
#[derive(Debug)]
pub struct Probe<'a> {
    /// x, `[count, …]`, on the CPU.
    pub items: &'a Tensor,
    /// Generators of z, one for each item, on the CPU.
    pub noise: &'a mut Streams,
    /// Items scored at once.
    pub batch: i64,
    /// Where they are scored.
    pub device: Device,
}

/// Measures one level: samples against noise of that level, and the score on perturbed items.
///
/// # Formula
/// ```text
/// distance:    ‖x_i − x_final‖ of each sample, against the law of ‖N(0, σ_i²I)‖
/// score, loss: (1/D)·E‖σs‖² and (1/D)·E‖σs + z‖²,   s = s(x + σz, σ)
/// ```
/// For the exact score of the perturbed items, s = −E(z | x + σz)/σ, the last two add up to 1: the loss is the part of
/// the noise that cannot be told from the item.
///
/// # Arguments
/// * `level` — index of the level, from 0
/// * `state` — samples after the level
/// * `last` — at the end, both `[batch, …]` on the CPU
///
/// # Accuracy
/// Sums in double precision; means over as many items as there are, so with their statistical error.
///
/// # Errors
/// Those of `score` and [`RadiusLaw::new`].
pub fn measure(
    score: &mut Score,
    schedule: &Schedule,
    level: usize,
    [state, last]: [&Tensor; 2],
    probe: &mut Probe,
) -> Result<Row, Error> {
    let sigma = schedule.sigma(level as u64);
    let distances = squares(&(state - last));
    let norms = distances.sqrt();
    let dim = last.get(0).numel() as u64;
    let law = RadiusLaw::new(dim, sigma)?;
    let z = probe.noise.normal()?;
    let count = z.size()[0];
    let (mut score_squares, mut losses) = (0.0, 0.0);
    for first in (0..count).step_by(probe.batch as usize) {
        let part = |x: &Tensor| x.narrow(0, first, probe.batch.min(count - first)).to_device(probe.device);
        let (x, z) = (part(probe.items), part(&z));
        let scaled = score(&(x + &z * sigma), sigma)? * sigma;
        score_squares += squares(&scaled).sum(Kind::Double).double_value(&[]);
        losses += squares(&(scaled + z)).sum(Kind::Double).double_value(&[]);
    }
    let entries = (count as u64 * dim) as f64;
    Ok(Row {
        level,
        sigma,
        distance: norms.mean(Kind::Double).double_value(&[]),
        distance_sd: norms.std(norms.size()[0] > 1).double_value(&[]),
        noise_norm: law.mean().mid(),
        noise_norm_sd: law.standard_deviation().mid(),
        variance_ratio: distances.mean(Kind::Double).double_value(&[]) / (dim as f64 * sigma * sigma),
        predicted_ratio: predicted_ratio(schedule, level),
        score_norm: (score_squares / entries).sqrt(),
        loss: losses / entries,
    })
}

/// ‖·‖² of each item in double precision, `[batch]`.
fn squares(x: &Tensor) -> Tensor {
    x.flatten(1, -1).to_kind(Kind::Double).square().sum_dim_intlist([1_i64].as_slice(), false, Kind::Double)
}

#[cfg(test)]
mod tests {
    use ncsn_theory::interval::Interval;
    use ncsn_theory::schedule::NoiseRange;

    use super::*;

    #[test]
    fn chosen_levels_are_spread_from_first_to_last() {
        assert_eq!(spread(232, 5), [0, 58, 116, 173, 231]);
        assert_eq!(spread(3, 20), [0, 1, 2]);
    }

    /// For N(0, s²I) the exact score is −x/(s² + σ²), and (1/D)·E‖σs‖² = σ²/(s² + σ²), the loss 1 minus that.
    #[test]
    fn loss_and_squared_score_of_gaussian_data_are_known() {
        const ITEMS: u64 = 256;
        const DIM: i64 = 64;
        // Five standard deviations √(2/n) of a mean of n squared normal values.
        let bound = 5.0 * (2.0 / (ITEMS as f64 * DIM as f64)).sqrt();
        let items = Streams::new(1, 0..ITEMS, &[DIM], Device::Cpu).normal().expect("noise") * 3.0;
        let mut noise = Streams::new(2, 0..ITEMS, &[DIM], Device::Cpu);
        let mut probe = Probe { items: &items, noise: &mut noise, batch: 100, device: Device::Cpu };
        let score = &mut |x: &Tensor, sigma: f64| Ok(x / -(9.0 + sigma * sigma));
        let range = NoiseRange::new(4.0, 2.0).expect("a range");
        let schedule = Schedule::new(DIM as u64, range, 2, 1, 0.1).expect("two levels");
        let row = measure(score, &schedule, 0, [&items, &items], &mut probe).expect("measures");
        assert!((row.score_norm.powi(2) / 0.64 - 1.0).abs() < bound, "{row:?}");
        assert!((row.loss / 0.36 - 1.0).abs() < bound, "{row:?}");
        assert_eq!(row.distance, 0.0);
    }

    /// Data of a single point 0, of which the score is −x/σ²: the last clean-up returns to it, and all that is left is noise.
    #[test]
    fn the_predicted_ratio_is_that_of_samples_of_a_single_point() {
        const SAMPLES: u64 = 512;
        const DIM: i64 = 64;
        let bound = 5.0 * (2.0 / (SAMPLES as f64 * DIM as f64)).sqrt();
        let range = NoiseRange::new(16.0, 1.0).expect("a range");
        let schedule = Schedule::new(DIM as u64, range, 5, 2, 0.3).expect("five levels");
        let mut streams = Streams::new(1, 0..SAMPLES, &[DIM], Device::Cpu);
        let start = streams.start(range.max()).expect("a start");
        let score = &mut |x: &Tensor, sigma: f64| Ok(x / -(sigma * sigma));
        let chosen = [0, 1, 2, 3, 4];
        let noise = &mut Noise::Streams(streams);
        let run =
            trajectory(score, &schedule.into(), &chosen, start, noise, &mut |_, _| ()).expect("samples");
        assert!(run.last.abs().max().double_value(&[]) < 1e-5);
        let items = Tensor::zeros([1, DIM], (Kind::Float, Device::Cpu));
        let mut noise = Streams::new(2, 0..1, &[DIM], Device::Cpu);
        let mut probe = Probe { items: &items, noise: &mut noise, batch: 1, device: Device::Cpu };
        for (level, state) in chosen.into_iter().zip(&run.states) {
            let row = measure(score, &schedule, level, [state, &run.last], &mut probe).expect("measures");
            let measured = row.variance_ratio / row.predicted_ratio - 1.0;
            assert!(measured.abs() < bound, "{level}: {row:?}");
        }
        // One level alone would leave less than the chain does: the test tells them apart.
        let one = ncsn_theory::proposition3::variance_ratio(
            Interval::point(2.0),
            Interval::point(0.3),
            schedule.steps_per_level(),
        );
        assert!(predicted_ratio(&schedule, 4) / one.mid() > 1.0 + 2.0 * bound);
    }
}
