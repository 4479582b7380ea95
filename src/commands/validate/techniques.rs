//! Techniques 1 and 5: every pair of rows, and one step of an average after another.

use anyhow::Result;
use ncsn_diameter::{RowSlice, diameter};
use ncsn_theory::ema::Ema;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Check;
use super::quadrature::relative_difference;

/// Technique 1: the search against all pairs.
pub(super) fn largest_distance(rng: &mut impl Rng) -> Result<Check> {
    const COUNT: usize = 2000;
    const DIM: usize = 80;
    // Rows along four directions, so that bounds by few directions have work to do, of contrasts that the centre tells apart.
    let directions: Vec<f64> = (0..4 * DIM).map(|_| rng.sample(StandardNormal)).collect();
    let mut data = Vec::with_capacity(COUNT * DIM);
    for _ in 0..COUNT {
        let weights: [f64; 4] = std::array::from_fn(|_| 14.0 * rng.sample::<f64, _>(StandardNormal));
        data.extend((0..DIM).map(|k| {
            let along: f64 =
                weights.iter().zip(directions[k..].iter().step_by(DIM)).map(|(w, d)| w * d).sum();
            (128.0 + along + rng.random_range(-3.0..3.0)).clamp(0.0, 255.0) as u8
        }));
    }
    let rows: Vec<&[u8]> = data.chunks_exact(DIM).collect();
    let mut all = (0, (0, 0));
    for (i, a) in rows.iter().enumerate() {
        for (j, b) in rows.iter().enumerate().skip(i + 1) {
            let square: u64 = a.iter().zip(*b).map(|(&x, &y)| u64::from(x.abs_diff(y)).pow(2)).sum();
            if square > all.0 {
                all = (square, (i, j));
            }
        }
    }
    let found = diameter(&RowSlice::new(&data, DIM)?, |_| ())?;
    let halves: Vec<f32> = data.iter().map(|&x| 0.5 * f32::from(x)).collect();
    let of_floats = diameter(&RowSlice::new(&halves, DIM)?, |_| ())?;
    Ok(Check::new(
        "Technique 1: sigma_max is the largest distance",
        format!("{COUNT} rows of {DIM} bytes, and half of them as floats"),
        format!("squared {} between {:?}, {}", found.squared, found.witness, of_floats.squared.mid()),
        format!("all pairs give {} between {:?}, {}", all.0, all.1, all.0 as f64 / 4.0),
        (found.squared, found.witness) == all
            && of_floats.squared.contains(all.0 as f64 / 4.0)
            && of_floats.witness == all.1,
    ))
}

/// Technique 5: weights of an average against the average itself.
pub(super) fn moving_average() -> Result<Check> {
    const STEPS: u64 = 3000;
    /// Each step rounds twice.
    const ROUNDING: f64 = 1e-12;
    let ema = Ema::new(0.998)?;
    let m = ema.rate();
    // Two parameters: one that starts at 1 and is then 0, one that is 1 after the first step only.
    let (mut initial, mut first) = (1.0_f64, 0.0_f64);
    let mut forgotten = 0;
    for step in 1..=STEPS {
        initial = m * initial + (1.0 - m) * 0.0;
        first = m * first + (1.0 - m) * if step == 1 { 1.0 } else { 0.0 };
        if initial > 0.01 {
            forgotten = step + 1;
        }
    }
    let worst = relative_difference(ema.bias(STEPS).mid(), initial)
        .max(relative_difference(ema.weight(STEPS - 1).mid(), first));
    let steps = ema.steps_to_forget(0.01)?;
    Ok(Check::new(
        "Technique 5: the moving average of the weights",
        format!("m = {m}, {STEPS} steps"),
        format!("weights {worst:.1e} from those of the steps, below 1 % after {steps}"),
        format!("at most {ROUNDING:e}, {forgotten}"),
        worst <= ROUNDING && steps == forgotten,
    ))
}
