//! The commands: each file turns its arguments into work.

pub mod data;
pub mod devices;
pub mod model;
pub mod sample;
pub mod train;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use ncsn::commands::{Outcome, finish, parse, stdout};
use tch::Device;

use crate::cli::{Cli, Command, DeviceArgs};
use crate::config::Precision;
use crate::{Error, device, torch};

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
        Command::Model(args) => model::run(&args, out),
        Command::Data(args) => data::run(&args, out),
        Command::Devices(args) => devices::run(&args, out),
    }?;
    out.flush()?;
    Ok(outcome)
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
