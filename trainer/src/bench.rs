//! Times of one forward pass, one training step and one Langevin step, as `benches/pytorch_baseline.py` takes them.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use tch::Device;

use crate::config::{Config, Precision};
use crate::dataset::Stored;
use crate::sample::{Streams, score_at};
use crate::train::State;
use crate::{Error, device, torch};

/// Value of `schema`.
pub const SCHEMA: &str = "ncsn.bench/1";
/// Runs before the timed ones, which choose algorithms and fill caches.
const WARM_UP: [usize; 2] = [1, 3];

/// Training steps of a trace.
pub const TRACED: usize = 3;

/// What was measured; the keys are those of the baseline.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the keys are described in benches/README.md")]
pub struct Report {
    pub schema: &'static str,
    pub program: &'static str,
    pub version: &'static str,
    pub device: String,
    pub precision: String,
    pub kernels: &'static str,
    pub threads: i32,
    pub architecture: &'static str,
    pub item: Vec<i64>,
    pub filters: i64,
    pub batch: u64,
    pub gradient_checkpointing: bool,
    pub parameters: u64,
    pub forward: Timing,
    pub train_step: Timing,
    pub langevin_step: Timing,
    pub peak_memory_bytes: u64,
}

/// Seconds of one step over several repeats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// Median of the wall clock.
    pub median_s: f64,
    /// Shortest.
    pub min_s: f64,
    /// Longest.
    pub max_s: f64,
    /// Median of the processor time of all threads.
    pub cpu_s: f64,
    /// Batch over the median.
    pub images_per_s: f64,
}

/// Measures a preset's network on random images; a training step includes bringing them to the device and reading the
/// loss, as training does.
///
/// # Arguments
/// * `trace` — file for a record of three more training steps in Chrome's format
///
/// # Errors
/// Those of [`State::new`], [`State::train`] and [`torch::traced`].
pub fn bench(
    config: &Config,
    device: Device,
    precision: Precision,
    repeats: usize,
    trace: Option<&Path>,
) -> Result<Report, Error> {
    let batch = config.training.batch;
    let mut state = State::new(config, device, precision)?;
    let mut streams = Streams::new(config.training.seed, 0..batch, &config.network.item, device);
    let x = streams.uniform()?;
    let schedule = config.schedule();
    let middle = schedule.num_levels() / 2;
    let (sigma, alpha) = (schedule.sigma(middle), schedule.step_size(middle));
    let forward = measure(device, repeats, batch, || score_at(&state.average, &x, sigma).map(drop))?;
    let mut moving = x.shallow_clone();
    let langevin_step = measure(device, repeats, batch, || {
        let score = score_at(&state.average, &moving, sigma)?;
        moving = &moving + score * alpha + streams.normal()? * (2.0 * alpha).sqrt();
        Ok(())
    })?;
    let pixels = torch::to_vec(&(x * 255.0)).into_iter().map(|value| value as u8).collect();
    let stored = Stored::Bytes(pixels);
    let mut train = || {
        let done = state.train(stored.tensor(&config.network.item, device)?, config)?;
        let _ = done.loss.double_value(&[]);
        Ok(())
    };
    let train_step = measure(device, repeats, batch, &mut train)?;
    if let Some(path) = trace {
        torch::traced(device, path, || (0..TRACED).try_for_each(|_| train()))?;
    }
    Ok(Report {
        schema: SCHEMA,
        program: "ncsn-trainer",
        version: env!("CARGO_PKG_VERSION"),
        device: device::name(device),
        precision: precision.to_string(),
        kernels: if torch::kernels::in_use() { "own" } else { "torch" },
        threads: tch::get_num_threads(),
        architecture: config.network.architecture.name(),
        item: config.network.item.clone(),
        filters: config.network.filters,
        batch,
        gradient_checkpointing: config.training.gradient_checkpointing,
        parameters: state.network.parameters().count(),
        forward,
        train_step,
        langevin_step,
        peak_memory_bytes: device::peak_memory(device)?,
    })
}

/// Wall and processor time of `work`, warmed up.
fn measure(
    device: Device,
    repeats: usize,
    batch: u64,
    mut work: impl FnMut() -> Result<(), Error>,
) -> Result<Timing, Error> {
    for _ in 0..WARM_UP[usize::from(device.is_cuda())] {
        work()?;
    }
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        device::synchronize(device);
        let (began, began_cpu) = (Instant::now(), processor_seconds());
        work()?;
        device::synchronize(device);
        wall.push(began.elapsed().as_secs_f64());
        cpu.push(processor_seconds() - began_cpu);
    }
    wall.sort_by(f64::total_cmp);
    cpu.sort_by(f64::total_cmp);
    let median_s = median(&wall);
    Ok(Timing {
        median_s,
        min_s: wall[0],
        max_s: wall[repeats - 1],
        cpu_s: median(&cpu),
        images_per_s: batch as f64 / median_s,
    })
}

/// Middle of sorted numbers.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

/// Processor time of all threads of this process, in seconds.
fn processor_seconds() -> f64 {
    let usage = device::usage();
    let seconds = |time: libc::timeval| time.tv_sec as f64 + 1e-6 * time.tv_usec as f64;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
