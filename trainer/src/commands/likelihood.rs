//! `ncsn-trainer likelihood`.

use std::io::Write;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Result, ensure};
use ncsn_data::escape::one_line;
use ncsn_shell::{Outcome, output};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use crate::Error;
use crate::cli::{AddChoice, DeviceArgs, Format, LikelihoodArgs};
use crate::config::{Data, Precision};
use crate::dataset::{self, HeldOut, Items, Units, Wish};
use crate::evaluate::likelihood::{
    Added, Points, Summary, bits_per_dimension, cost_of_start, least_bits, points, summary,
};
use crate::sample::{self, Streams, Trace, ln_densities, ln_normal, signs};
use crate::source::Trained;

/// Dimensions up to which all products with unit vectors are taken.
const EXACT: u64 = 64;
/// Probes where none are asked for: the fewest that differ.
const PROBES: u64 = 2;
/// Noise levels that a step of the Runge-Kutta method goes through, where no number of steps is asked for: 32 steps for MNIST's 96
/// levels, whose error was 0.002 bits per dimension.
const LEVELS_A_STEP: u64 = 3;
/// Steps at least, where none are asked for.
const FEWEST: u64 = 32;
/// Streams of the probes; what is added has those from 0 on.
const PROBE_STREAM: u64 = 1 << 40;

/// Measures, and writes a table.
///
/// # Errors
/// A checkpoint or data that cannot be read, a conditional network, flags outside their domain, those of writing.
pub fn run(args: &LikelihoodArgs, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[("--output", args.output.as_deref(), super::VALUES)])?;
    let batch = super::within("batch", args.batch, 1 << 20)?;
    let precision = args.device.precision.or(Some(Precision::F32));
    let (device, precision) = super::set_up(&DeviceArgs { precision, ..args.device.clone() })?;
    let trained = super::open(&args.trained, device, precision)?;
    let (source, items) = items(args, &trained)?;
    let num = super::within("num", args.num, items.len() as u64)?;
    let measure = Measure::new(args, &trained, items.units()? == Units::Bytes, device)?;
    let begun = Instant::now();
    let parts = super::in_batches("items", num, batch, |numbers, each| {
        // Evenly spread, for data are often sorted.
        let chosen: Vec<usize> = numbers.clone().map(|k| (k * items.len() as u64 / num) as usize).collect();
        let clean = items.read(&chosen)?.tensor(items.shape(), device)?;
        measure.batch(&clean, numbers, each)
    })?;
    let seconds = begun.elapsed().as_secs_f64() / num as f64;
    let joined = |k: usize| Tensor::cat(&parts.iter().map(|part| &part[k]).collect::<Vec<_>>(), 1);
    let values = joined(0);
    let found = Found {
        summary: summary(&values, &joined(1)),
        start: joined(2).mean(Kind::Double).double_value(&[]),
        seconds,
    };
    let each = values.mean_dim([0_i64].as_slice(), false, Kind::Double);
    let written = args.output.as_deref().map(|path| super::write_values(path, &[("likelihood", &each)]));
    let written = written.transpose()?;
    match args.format {
        Format::Json => writeln!(out, "{:#}", measure.json(&source, &found))?,
        Format::Text => {
            measure.table(&source, &found, out)?;
            if let Some(path) = written {
                writeln!(out, "  that of each item: {path}")?;
            }
        }
    }
    Ok(Outcome::Yes)
}

/// The items asked for, and where they are from.
fn items(args: &LikelihoodArgs, trained: &Trained) -> Result<(String, Items)> {
    let config = &trained.config;
    let (source, items) = match &args.data {
        Some(path) => {
            let data = Data { train: Some(path.clone()), test: None, held_out: 0, ..config.data.clone() };
            let split = dataset::open(&data, &Wish::of(config, HeldOut::Exactly))?;
            split.check_units(config.noise.data_range())?;
            (one_line(&path.display().to_string()).into_owned(), split.train)
        }
        None => {
            let split = dataset::open(&config.data, &Wish::of(config, HeldOut::Exactly))?;
            split.check_units(config.noise.data_range())?;
            let missing = "a path: the run held no items out";
            let test = split.test.ok_or_else(|| Error::setting("--data", "missing", missing))?;
            (format!("the data held out of {}", one_line(&config.preset)), test)
        }
    };
    Ok((source, items))
}

/// What is measured of items, and how.
struct Measure<'a> {
    trained: &'a Trained,
    /// σ from largest to smallest, and every second of them.
    levels: [Vec<f64>; 2],
    /// None where the trace is exact.
    probes: Option<u64>,
    added: Added,
    are_bytes: bool,
    seed: u64,
    device: Device,
}

/// What was measured.
struct Found {
    summary: Summary,
    /// Bound on the cost of the start.
    start: f64,
    /// Of each item.
    seconds: f64,
}

impl<'a> Measure<'a> {
    fn new(args: &LikelihoodArgs, trained: &'a Trained, are_bytes: bool, device: Device) -> Result<Self> {
        let shape = trained.network.shape();
        ensure!(
            !shape.architecture.is_conditional(),
            "the likelihood needs scores between the noise levels, which {} has not",
            shape.architecture
        );
        let schedule = trained.config.schedule();
        let usual = (schedule.num_levels() / LEVELS_A_STEP).next_multiple_of(2).max(FEWEST);
        let steps = args.steps.unwrap_or(usual);
        if steps % 2 == 1 {
            return Err(Error::setting("steps", steps, "even numbers: half of them are taken too").into());
        }
        let levels = sample::geometric(schedule.range(), steps)?;
        let halved = levels.iter().copied().step_by(2).collect();
        let probes = match args.probes {
            None => (shape.dim() > EXACT).then_some(PROBES),
            Some(count @ 2..=1024) => Some(count),
            Some(other) => {
                return Err(Error::setting("probes", other, "2, for their spread, to 1024").into());
            }
        };
        let added = match args.add {
            Some(AddChoice::Noise) => Added::Noise,
            Some(AddChoice::Spread) => Added::Spread,
            Some(AddChoice::Nothing) => Added::Nothing,
            None if are_bytes => Added::Spread,
            None => Added::Nothing,
        };
        let levels = [levels, halved];
        Ok(Self { trained, levels, probes, added, are_bytes, seed: args.seed, device })
    }

    /// Likelihood of items, `[probes, batch]`; the same by half of the steps; the bound on the start's cost, `[1, batch]`.
    fn batch(
        &self,
        clean: &Tensor,
        numbers: Range<u64>,
        each: &mut dyn FnMut(u64, u64),
    ) -> Result<[Tensor; 3], Error> {
        let item = &self.trained.network.shape().item;
        let range = self.trained.config.schedule().range();
        let streams = |numbers: Range<u64>| Streams::new(self.seed, numbers, item, self.device);
        let Points { x, bits } =
            points(clean, self.are_bytes, self.added, range.min(), &mut streams(numbers.clone()))?;
        let trace = match self.probes {
            Some(count) => {
                signs(&mut streams(PROBE_STREAM + numbers.start..PROBE_STREAM + numbers.end), count)?
            }
            None => Trace::Exact,
        };
        let score = &mut |x: &Tensor, sigma: f64| self.trained.network.score_at_sigma(x, sigma);
        let prior = |x: &Tensor| ln_normal(x, range.max());
        let [all, half] = self.levels.each_ref().map(|levels| levels.len() as u64 - 1);
        let mut of = |levels: &[f64], before: u64| {
            let each = &mut |done, _| each(before + done, all + half);
            let found = ln_densities(score, levels, x.shallow_clone(), &trace, &prior, each)?;
            let values = self.in_units(&found.ln_p, &bits);
            let sum = values.sum(Kind::Double).double_value(&[]);
            if sum.is_finite() {
                Ok(values)
            } else {
                Err(Error::setting(
                    "a likelihood",
                    sum,
                    "finite numbers: the items are too far from the data",
                ))
            }
        };
        let [values, halved] = [of(&self.levels[0], 0)?, of(&self.levels[1], all)?];
        let start = self.in_units(&-cost_of_start(clean, range.max()).unsqueeze(0), &bits.zeros_like());
        Ok([values, halved, start].map(|tensor| tensor.to_device(Device::Cpu)))
    }

    fn in_bits(&self) -> bool {
        self.are_bytes && self.added != Added::Nothing
    }

    /// −ln p as bits per dimension, or as it is.
    fn in_units(&self, ln_p: &Tensor, bits: &Tensor) -> Tensor {
        let dim = self.trained.network.shape().dim();
        if self.in_bits() { bits_per_dimension(ln_p, &bits.to_device(ln_p.device()), dim) } else { -ln_p }
    }

    fn units(&self) -> &'static str {
        if self.in_bits() { "bits per dimension" } else { "nats" }
    }

    fn added(&self) -> &'static str {
        match (self.added, self.are_bytes) {
            (Added::Noise, true) => "noise of sigma_min, through which bytes are coded",
            (Added::Noise, false) => "noise of sigma_min",
            (Added::Spread, _) => "bytes spread evenly over their 256ths",
            (Added::Nothing, _) => "nothing",
        }
    }

    fn steps(&self) -> usize {
        self.levels[0].len() - 1
    }

    fn json(&self, source: &str, found: &Found) -> serde_json::Value {
        let Found { summary, start, seconds } = found;
        json!({"schema": "ncsn.likelihood/1", "preset": self.trained.config.preset, "step": self.trained.step,
            "items": summary.count, "item_source": source, "dim": self.trained.network.shape().dim(),
            "sigma": self.trained.config.schedule().range().min(), "added": self.added(), "units": self.units(),
            "mean": summary.mean, "deviation": summary.deviation, "standard_error": summary.standard_error,
            "probes": self.probes, "probes_error": summary.probes, "steps": self.steps(),
            "steps_error": summary.steps, "start_error_at_most": start, "seconds_per_item": seconds})
    }

    fn table(&self, source: &str, found: &Found, out: &mut dyn Write) -> Result<()> {
        let Found { summary, start, seconds } = found;
        let range = self.trained.config.schedule().range();
        writeln!(
            out,
            "{} items of {source}; {} after step {}; D = {}, density at noise sigma_min = {}",
            summary.count,
            one_line(&self.trained.config.preset),
            self.trained.step,
            self.trained.network.shape().dim(),
            range.min()
        )?;
        let error = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.5}"));
        writeln!(out, "  -log p      {:.5} {}", summary.mean, self.units())?;
        writeln!(
            out,
            "  items       ± {}, standard error of their mean; standard deviation {}",
            error(summary.standard_error),
            error(summary.deviation)
        )?;
        match self.probes {
            Some(count) => {
                let probes = error(summary.probes);
                writeln!(out, "  trace       ± {probes}, part of it: {count} probes an item (Hutchinson)")?;
            }
            None => writeln!(out, "  trace       exact")?,
        }
        let (steps, half) = (self.steps(), self.steps() / 2);
        writeln!(out, "  steps       {:+.5}, of {steps} against {half} (Richardson)", summary.steps)?;
        writeln!(
            out,
            "  start       at most {start:+.5}, N(0, {}^2) in place of data with that noise, for an exact score",
            range.max()
        )?;
        writeln!(out, "  added       {}", self.added())?;
        let least = least_bits(range.min());
        if self.added == Added::Spread && summary.mean < least {
            writeln!(
                out,
                "  smoothed    below {least:.4}, least of a density smoothed by sigma_min: the scores are of none"
            )?;
        }
        writeln!(out, "  time        {seconds:.2} s an item")?;
        Ok(())
    }
}
