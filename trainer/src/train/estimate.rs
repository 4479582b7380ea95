//! What a training costs, measured before it starts; and what fits into a time or a memory.

use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::loss::{Draw, dsm_gradients};
use super::state::State;
use crate::config::{Config, Precision};
use crate::{Error, device, torch};

/// Steps before the timed one, which choose algorithms and take memory from the system: on the CPU, and on CUDA.
const WARM_UP: [usize; 2] = [1, 3];
/// Least width and batch of a network that is offered.
const LEAST: (i64, u64) = (32, 32);

/// Time and memory of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds of one step; reading the data, tests, checkpoints and sheets come on top.
    pub step_s: f64,
    /// Most memory taken so far, in bytes, by tensors on a GPU, by the process on the CPU.
    pub peak_memory: u64,
}

impl Estimate {
    /// Does a few steps on empty items with a network of its own, and drops it.
    ///
    /// # Errors
    /// Those of [`State::new`] and [`State::train`]; [`Error::OutOfMemory`] with a batch that would fit.
    pub fn measure(config: &Config, device: Device, precision: Precision) -> Result<Self, Error> {
        let mut state = State::new(config, device, precision)?;
        let shape = config.network.batch(config.training.batch as i64);
        let mut step_s = 0.0;
        for _ in 0..=WARM_UP[usize::from(device.is_cuda())] {
            let began = Instant::now();
            let step = torch::attempt(|| {
                let x = Tensor::zeros(shape.as_slice(), (Kind::Float, device));
                state.train(x, config).map(|done| done.loss.double_value(&[]))
            });
            step.and_then(|done| done).map_err(|error| with_fitting_batch(&state, config, error))?;
            step_s = began.elapsed().as_secs_f64();
        }
        Ok(Self { step_s, peak_memory: device::peak_memory(device)? })
    }

    /// Steps that fit into a time, rounded down to two digits; at least one.
    #[must_use]
    pub fn steps_in(&self, limit_s: f64) -> u64 {
        let most = (limit_s / self.step_s).max(1.0);
        let unit = 10_f64.powi((most.log10().floor() as i32 - 1).max(0));
        ((most / unit).floor() * unit) as u64
    }
}

/// The widest network and largest batch, by halves, with which all steps fit into a time; with the least of these, as many
/// steps as fit. None if the configuration has no more than those.
///
/// # Errors
/// Those of [`Estimate::measure`].
pub fn fitting(
    config: &Config,
    device: Device,
    precision: Precision,
    limit_s: f64,
) -> Result<Option<(Config, Estimate)>, Error> {
    let mut smaller = config.clone();
    let mut last = None;
    loop {
        let (filters, batch) = (&mut smaller.network.filters, &mut smaller.training.batch);
        if *filters <= LEAST.0 && *batch <= LEAST.1 {
            return Ok(last.map(|estimate: Estimate| {
                smaller.training.iterations = estimate.steps_in(limit_s);
                (smaller, estimate)
            }));
        }
        *filters = (*filters).min((*filters / 2).max(LEAST.0));
        *batch = (*batch).min((*batch / 2).max(LEAST.1));
        let estimate = Estimate::measure(&smaller, device, precision)?;
        if estimate.step_s * config.training.iterations as f64 <= limit_s {
            return Ok(Some((smaller, estimate)));
        }
        last = Some(estimate);
    }
}

/// Adds to an error for want of memory what would fit. On a GPU that is tried; on the CPU, where the system gives memory that it may
/// not have and ends who takes it, it is not.
pub(super) fn with_fitting_batch(state: &State, config: &Config, error: Error) -> Error {
    let Error::OutOfMemory { message } = error else {
        return error;
    };
    let way = if state.network.device().is_cuda() {
        fitting_batches(state, config)
    } else {
        "a smaller --batch, --accumulate and --gradient-checkpointing take less".to_owned()
    };
    Error::OutOfMemory { message: format!("{message}; {way}") }
}

/// The largest halving of the batch that fits, and whether all of it does with gradient checkpointing.
fn fitting_batches(state: &State, config: &Config) -> String {
    let (batch, checkpointing) = (config.training.batch, config.training.gradient_checkpointing);
    let fits = |batch: u64, checkpointing: bool| {
        let (network, shape) = (&state.network, config.network.batch(batch as i64));
        let draw = Draw::new(0, 0, state.law(config), &shape, network.device());
        let x = Tensor::f_zeros(shape.as_slice(), (Kind::Float, network.device()));
        let tried = |(draw, x)| dsm_gradients(network, &x, &draw, None, batch as f64, checkpointing).is_ok();
        draw.ok().zip(x.ok()).is_some_and(tried)
    };
    let halves =
        std::iter::successors(Some(batch / 2), |batch| Some(batch / 2)).take_while(|&batch| batch > 0);
    let smaller = halves.into_iter().find(|&batch| fits(batch, checkpointing));
    let mut ways: Vec<String> = smaller.iter().map(|batch| format!("--batch {batch} fits")).collect();
    if !checkpointing && fits(batch, true) {
        ways.push(format!("--batch {batch} fits with --gradient-checkpointing"));
    }
    if ways.is_empty() { "no batch fits".to_owned() } else { ways.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Here everything fits.
    #[test]
    fn ways_out_are_those_that_were_tried() {
        let mut config = crate::presets::find("shapes").expect("a preset");
        (config.network.filters, config.training.batch) = (4, 8);
        let state = State::new(&config, Device::Cpu, Precision::F32).expect("a state");
        let found = fitting_batches(&state, &config);
        assert_eq!(found, "--batch 4 fits, --batch 8 fits with --gradient-checkpointing");
        config.training.gradient_checkpointing = true;
        assert_eq!(fitting_batches(&state, &config), "--batch 4 fits");
        config.training.batch = 1;
        assert_eq!(fitting_batches(&state, &config), "no batch fits");
    }

    #[test]
    fn steps_that_fit_are_rounded_down() {
        let steps = |step_s: f64| Estimate { step_s, peak_memory: 0 }.steps_in(86_400.0);
        assert_eq!([1e6, 86_400.0 / 9.9, 14.0, 0.8640001].map(steps), [1, 9, 6100, 99_000]);
    }
}
