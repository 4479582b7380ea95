//! The commands: each file turns its arguments into work.

pub mod bench;
pub mod convert;
pub mod data;
pub mod devices;
pub mod diagnose;
pub mod inpaint;
pub mod interpolate;
pub mod model;
pub mod sample;
pub mod score;
pub mod train;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use ncsn::commands::{Outcome, finish, parse, stdout};
use ncsn_theory::langevin::Annealing;
use tch::{Device, Tensor};

use crate::cli::{Cli, Command, DeviceArgs, LangevinArgs, TrainedArgs};
use crate::config::Precision;
use crate::sheet::{self, Sheet};
use crate::source::{self, Opening, Trained};
use crate::{Error, array_file, device, presets, tensor_file, torch};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // CUDA's half must be there before torch is asked for anything.
    finish(torch::open_cuda().map_err(Into::into).and_then(|_| {
        let cli = parse::<Cli>()?;
        run(cli.command, &mut stdout())
    }))
}

/// Runs one command, writing its result to `out`.
///
/// # Errors
/// Wrong use and failures, each in one line.
pub fn run(command: Command, out: &mut dyn Write) -> Result<Outcome> {
    let outcome = match command {
        Command::Train(args) => train::run(args, out),
        Command::Sample(args) => sample::run(&args, out),
        Command::Interpolate(args) => interpolate::run(&args, out),
        Command::Inpaint(args) => inpaint::run(&args, out),
        Command::Diagnose(args) => diagnose::run(&args, out),
        Command::Convert(args) => convert::run(&args, out),
        Command::Score(args) => score::score(&args, out),
        Command::Loss(args) => score::loss(&args, out),
        Command::Model(args) => model::run(&args, out),
        Command::Data(args) => data::run(&args, out),
        Command::Bench(args) => bench::run(&args, out),
        Command::Devices(args) => devices::run(&args, out),
    }?;
    out.flush()?;
    Ok(outcome)
}

/// The trained network asked for.
fn open(args: &TrainedArgs, device: Device, precision: Precision) -> Result<Trained, Error> {
    let settings = args.preset.as_deref().map(presets::find).transpose()?;
    source::open(&args.checkpoint, settings, Opening { weights: args.weights, device, precision })
}

/// The run's Langevin dynamics, with what the flags change.
fn annealing(trained: &Trained, args: &LangevinArgs) -> Result<Annealing, Error> {
    let mut noise = trained.config.noise.clone();
    noise.steps_per_level = args.steps_per_level.unwrap_or(noise.steps_per_level);
    noise.epsilon = args.epsilon.unwrap_or(noise.epsilon);
    Ok(Annealing { denoise: !args.no_denoise, ..noise.annealing()? })
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
    Ok(path.display().to_string())
}

/// Writes tensors as `.safetensors`, or the first of them as `.npy`, and names the file.
fn write_values(path: &Path, tensors: &[(&str, &Tensor)]) -> Result<String, Error> {
    match (path.extension().and_then(|suffix| suffix.to_str()), tensors) {
        (Some("npy"), [(_, first), ..]) => array_file::write_tensor(path, first)?,
        (Some("safetensors"), _) => {
            tensor_file::write(path, tensors.iter().map(|&(name, tensor)| (name.to_owned(), tensor)), None)?;
        }
        _ => return Err(Error::setting("output", path.display(), "FILE.npy or FILE.safetensors")),
    }
    Ok(path.display().to_string())
}

/// A bar on standard error; indicatif hides it where that is not a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The device asked for, torch set up for it.
fn set_up(args: &DeviceArgs) -> Result<(Device, Precision), Error> {
    if let Some(threads) = args.threads {
        if !(1..=1024).contains(&threads) {
            return Err(Error::setting("threads", threads, "1 to 1024"));
        }
        tch::set_num_threads(threads as i32);
    }
    let found = args.device.find()?;
    Ok((found, device::precision(args.precision, found)?))
}
