//! The commands: each file turns its arguments into work.

pub mod ablate;
pub mod bench;
pub mod convert;
pub mod cost;
pub mod data;
pub mod devices;
pub mod diagnose;
pub mod ema;
pub mod evaluate;
pub mod hype;
pub mod inpaint;
pub mod interpolate;
pub mod launch;
pub mod likelihood;
pub mod model;
pub mod neighbours;
mod peers;
pub mod report;
pub mod sample;
pub mod score;
pub mod select;
pub mod sheets;
pub mod train;

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Once;

use anyhow::Result;
use clap::CommandFactory;
use indicatif::{ProgressBar, ProgressStyle};
use ncsn_data::escape;
use ncsn_shell::{Outcome, finish, pages, parse, stdout, warn};
use ncsn_theory::langevin::Annealing;
use tch::{Device, Tensor};

use crate::cli::{ChainArgs, Cli, Command, DeviceArgs, KernelChoice, NetworkArgs, TrainedArgs};
use crate::config::{Config, Precision};
use crate::device::Wanted;
use crate::peers::Place;
use crate::peers::place::WORLD_SIZE;
use crate::sample::{self as sampling, Noise, Sampler, Streams};
use crate::sheet::{self, Sheet};
use crate::source::{self, Opening, Trained};
use crate::{Error, array_file, device, kernels, presets, tensor_file, torch};

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    device::keep_memory();
    // CUDA's half must be there before torch is asked for anything.
    torch::cuda_half();
    finish(parse::<Cli>().and_then(|cli| {
        let mut out = stdout(cli.command.is_for_people());
        torch::attempt(|| run(cli.command, &mut out))?
    }))
}

/// Runs one command, writing its result to `out`.
///
/// # Errors
/// Wrong use and failures, each in one line.
pub fn run(command: Command, out: &mut dyn Write) -> Result<Outcome> {
    let is_for_several = matches!(
        command,
        Command::Train(_)
            | Command::Sample(_)
            | Command::Evaluate(_)
            | Command::Select(_)
            | Command::Launch(_)
    );
    if !is_for_several
        && let Some(size) = Place::of_environment()?.map(|place| place.size).filter(|&size| size > 1)
    {
        let allowed = "1: only train, sample, evaluate and select are for several processes";
        return Err(Error::setting(WORLD_SIZE, size, allowed).into());
    }
    let outcome = match command {
        Command::Train(args) => train::run(args, out),
        Command::Launch(args) => launch::run(&args),
        Command::Sample(args) => sample::run(&args, out),
        Command::Interpolate(args) => interpolate::run(&args, out),
        Command::Inpaint(args) => inpaint::run(&args, out),
        Command::Report(args) => report::run(&args, out),
        Command::Sheets(args) => sheets::run(&args, out),
        Command::Diagnose(args) => diagnose::run(&args, out),
        Command::Likelihood(args) => likelihood::run(&args, out),
        Command::Evaluate(args) => evaluate::run(&args, out),
        Command::Neighbours(args) => neighbours::run(&args, out),
        Command::Hype(args) => hype::run(&args.command, out),
        Command::Select(args) => select::run(&args, out),
        Command::Ablate(args) => ablate::run(&args, out),
        Command::Ema(args) => ema::run(&args, out),
        Command::Convert(args) => convert::run(&args, out),
        Command::Score(args) => score::score(&args, out),
        Command::Loss(args) => score::loss(&args, out),
        Command::Model(args) => model::run(&args, out),
        Command::Data(args) => data::run(&args, out),
        Command::Bench(args) => bench::run(&args, out),
        Command::Cost(args) => cost::run(&args, out),
        Command::Devices(args) => devices::run(&args, out),
        Command::Completions(args) => pages::completions(Cli::command(), args.shell, out),
        #[cfg(feature = "man")]
        Command::Man(args) => pages::manual([Cli::command()], &args.folder),
    }?;
    out.flush()?;
    Ok(outcome)
}

/// The trained network asked for.
fn open(args: &TrainedArgs, device: Device, precision: Precision) -> Result<Trained, Error> {
    let settings = args.preset.as_deref().map(presets::find).transpose()?;
    source::open(&args.checkpoint, settings, Opening { weights: args.weights, device, precision })
}

/// Settings of the network asked for, or else of the usual preset, where there is one.
fn settings(args: &NetworkArgs, usual: Option<&str>, on_gpu: bool) -> Result<Config, Error> {
    let missing = || Error::setting("--shape", "missing", "C,H,W for preset own");
    let mut config = match (&args.config, args.preset.as_deref().or(usual), args.shape) {
        (Some(path), ..) => Config::read(path)?,
        (None, Some(presets::OWN), shape) => presets::own_for(&shape.ok_or_else(missing)?.0, on_gpu)?,
        (None, preset, Some(_)) => {
            return Err(Error::setting("--preset", preset.unwrap_or("missing"), "own, for which --shape is"));
        }
        (None, Some(preset), None) => presets::find(preset)?,
        (None, None, None) => {
            return Err(Error::setting("--preset", "missing", "the one that --filters changes"));
        }
    };
    config.network.filters = args.filters.unwrap_or(config.network.filters);
    config.check()?;
    Ok(config)
}

/// Noise that a network which is not told σ may leave, in units of σ_L: CIFAR-10's published schedule leaves 1.2.
const MOST_NOISE_LEFT: f64 = 2.0;

/// The run's Langevin dynamics, with what the flags change: another T takes Technique 4's ε for it.
fn annealing(config: &Config, args: &ChainArgs, denoise: bool) -> Result<Annealing, Error> {
    let own = config.schedule();
    let schedule = own.with_steps(args.steps_per_level.unwrap_or(own.steps_per_level()))?;
    let epsilon = match args.epsilon {
        Some(epsilon) => epsilon,
        None if schedule.steps_per_level() == own.steps_per_level() => own.epsilon(),
        None => schedule.optimal_epsilon()?.mid(),
    };
    let schedule = schedule.with_epsilon(epsilon)?;
    let left = schedule.unconditional_noise();
    if left > MOST_NOISE_LEFT && !config.network.architecture.is_conditional() {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            warn(&format!(
                "T = {} with epsilon {:e} leaves noise of {left:.1} sigma_min, as the network is not told sigma: \
                 take more steps a level",
                schedule.steps_per_level(),
                schedule.epsilon()
            ));
        });
    }
    Ok(Annealing { schedule, denoise })
}

/// The samples of these numbers that a seed gives, of every class in turn, `[count, …]` on the device.
///
/// # Arguments
/// * `each` — told of score evaluations: done, of how many
fn drawn(
    trained: &Trained,
    annealing: Annealing,
    seed: u64,
    numbers: Range<u64>,
    device: Device,
    each: &mut dyn FnMut(u64, u64),
) -> Result<Tensor, Error> {
    let sampler = Sampler::Langevin(annealing);
    let told = numbers.clone();
    let mut streams = Streams::new(seed, numbers, &trained.network.shape().item, device);
    let start = sampler.start(&mut streams)?;
    let score = &mut sampling::Told::all(trained.network.shape()).score(&trained.network, told);
    sampler.sample(score, start, &mut Noise::Streams(streams), &mut |at| {
        each(at.done, at.total);
        true
    })
}

/// A number that a flag limits.
fn within(name: &'static str, value: u64, most: u64) -> Result<u64, Error> {
    if (1..=most).contains(&value) {
        Ok(value)
    } else {
        Err(Error::setting(name, value, format!("1 to {most}")))
    }
}

/// Writes a sheet, and names it.
fn write_sheet(path: &Path, sheet: &Sheet) -> Result<String, Error> {
    sheet::write(path, &sheet.png()).map_err(Error::file(path))?;
    Ok(escape::path(path))
}

/// Suffixes of [`write_values`].
const VALUES: &[&str] = &["npy", "safetensors"];

/// Writes tensors as `.safetensors`, or the first of them as `.npy`, and names the file.
fn write_values(path: &Path, tensors: &[(&str, &Tensor)]) -> Result<String, Error> {
    match (path.extension().and_then(|suffix| suffix.to_str()), tensors) {
        (Some("npy"), [(_, first), ..]) => array_file::write_tensor(path, first)?,
        (Some("safetensors"), _) => {
            tensor_file::write(path, tensors.iter().map(|&(name, tensor)| (name.to_owned(), tensor)), None)?;
        }
        _ => return Err(Error::setting("output", path.display(), "FILE.npy or FILE.safetensors")),
    }
    Ok(escape::path(path))
}

/// Works through `total` items, at most `at_once` of them together, under a bar.
///
/// `work` is given the numbers of the items, and tells how far it is: score evaluations done, of how many.
fn in_batches<T>(
    what: &str,
    total: u64,
    at_once: u64,
    mut work: impl FnMut(Range<u64>, &mut dyn FnMut(u64, u64)) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let bar = bar();
    let mut parts = Vec::new();
    for first in (0..total).step_by(at_once as usize) {
        let last = (first + at_once).min(total);
        bar.set_message(format!("{what} {}-{last} of {total}", first + 1));
        parts.push(work(first..last, &mut |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        })?);
    }
    bar.finish_and_clear();
    Ok(parts)
}

/// A bar on standard error, of the first of several processes; indicatif hides it where that is not a terminal.
fn bar() -> ProgressBar {
    if Place::of_environment().is_ok_and(|place| place.is_some_and(|place| place.rank > 0)) {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The device asked for, torch set up for it.
fn set_up(args: &DeviceArgs) -> Result<(Device, Precision), Error> {
    set_up_at(args, None)
}

/// The same for one of several processes, which takes the GPU of its number on its machine and its share of the cores.
fn set_up_at(args: &DeviceArgs, place: Option<&Place>) -> Result<(Device, Precision), Error> {
    let share = |place: &Place| (tch::get_num_threads() as usize / place.local_size).max(1) as u32;
    // Launchers limit the threads by this variable, which libtorch reads.
    let is_limited = std::env::var_os("OMP_NUM_THREADS").is_some();
    if let Some(threads) = args.threads.or_else(|| place.filter(|_| !is_limited).map(share)) {
        if !(1..=1024).contains(&threads) {
            return Err(Error::setting("threads", threads, "1 to 1024"));
        }
        tch::set_num_threads(threads as i32);
        // Fails where the pool is running already, which is in tests alone.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build_global();
    }
    let found = match (args.device, place) {
        (Wanted::Auto, Some(place)) if device::gpus() > 0 => Wanted::Cuda(place.local_rank).find()?,
        (wanted, _) => wanted.find()?,
    };
    if args.device == Wanted::Auto
        && let Some(reason) = device::unused_gpu()
    {
        warn(&format!("computing on the CPU: {reason}"));
    }
    let precision = device::precision(args.precision, found, args.deterministic)?;
    if args.kernels == KernelChoice::Own {
        kernels::enable(found, precision)?;
    }
    Ok((found, precision))
}
