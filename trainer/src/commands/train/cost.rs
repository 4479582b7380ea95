//! What a training will cost, and what would cost less, for people.

use std::time::Duration;

use indicatif::ProgressBar;
use tch::Device;

use crate::Error;
use crate::config::{Config, Precision};
use crate::train::{Estimate, duration, fitting};

/// A training on the CPU that takes longer is one for which something smaller is offered.
const DAY_S: f64 = 86_400.0;

/// Measures a step and says what all of them take; beyond a day on the CPU, what takes at most a day.
///
/// # Errors
/// Those of [`Estimate::measure`].
pub(super) fn lines(config: &Config, device: Device, precision: Precision) -> Result<Vec<String>, Error> {
    let spinner = ProgressBar::new_spinner().with_message("measuring the first steps");
    spinner.enable_steady_tick(Duration::from_millis(100));
    let lines = measured(config, device, precision);
    spinner.finish_and_clear();
    lines
}

fn measured(config: &Config, device: Device, precision: Precision) -> Result<Vec<String>, Error> {
    let estimate = Estimate::measure(config, device, precision)?;
    let iterations = config.training.iterations;
    let total_s = estimate.step_s * iterations as f64;
    let mut lines = vec![format!(
        "a step takes {} and {:.1} GB of memory: {iterations} steps take about {}, tests and sheets apart",
        seconds(estimate.step_s),
        estimate.peak_memory as f64 / 1e9,
        duration(total_s)
    )];
    if device.is_cuda() || total_s <= DAY_S {
        return Ok(lines);
    }
    let mut offer = format!("--iterations {}", estimate.steps_in(DAY_S));
    if let Some((smaller, estimate)) = fitting(config, device, precision, DAY_S)? {
        let Config { network, training, .. } = smaller;
        offer += &format!(", or --filters {} --batch {}", network.filters, training.batch);
        if training.iterations < iterations {
            offer += &format!(" --iterations {}", training.iterations);
        }
        offer += &format!(" ({} a step)", seconds(estimate.step_s));
    }
    lines.push(format!("what fits into a day: {offer}"));
    Ok(lines)
}

fn seconds(time: f64) -> String {
    if time < 1.0 { format!("{:.0} ms", 1e3 * time) } else { format!("{time:.1} s") }
}
