//! The commands: each file turns its arguments into a request and runs it.

pub mod certify;
pub mod check;
pub mod diameter;
pub mod explain;
pub mod reading;
pub mod schedule;
pub mod validate;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use ncsn_shell::{Outcome, ask_for_reports, finish, pages, parse, stdout};

use crate::cli::{Cli, Command, ScheduleCli};

/// Commands of the trainer, for those who look for them here.
const OF_THE_TRAINER: [&str; 16] = [
    "train",
    "sample",
    "interpolate",
    "inpaint",
    "sheets",
    "report",
    "diagnose",
    "evaluate",
    "likelihood",
    "neighbours",
    "select",
    "ablate",
    "hype",
    "convert",
    "cost",
    "bench",
];

/// Runs the `ncsn` command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    ask_for_reports(concat!("ncsn ", env!("CARGO_PKG_VERSION")));
    let first = std::env::args().nth(1).unwrap_or_default();
    if OF_THE_TRAINER.contains(&first.as_str()) {
        return finish(Err(anyhow::anyhow!("{first} is a command of the trainer: ncsn-trainer {first}")));
    }
    finish(parse::<Cli>().and_then(|cli| {
        let mut out = stdout(cli.command.is_for_people());
        run(cli.command, &mut out)
    }))
}

/// Runs the `schedule` command line of this process.
#[must_use]
pub fn schedule_main() -> ExitCode {
    ask_for_reports(concat!("schedule ", env!("CARGO_PKG_VERSION")));
    finish(parse::<ScheduleCli>().and_then(|cli| {
        let command = Command::Schedule(cli.args);
        let mut out = stdout(command.is_for_people());
        run(command, &mut out)
    }))
}

/// Runs one command, writing its result to `out`.
///
/// # Errors
/// Wrong use and failures, each in one line.
pub fn run(command: Command, out: &mut dyn Write) -> Result<Outcome> {
    let outcome = match command {
        Command::Schedule(args) => schedule::run(&args.try_into()?, out),
        Command::Diameter(args) => diameter::run(&args.try_into()?, out),
        Command::Check(args) => check::run(&args.try_into()?, out),
        Command::Explain(args) => explain::run(&args.try_into()?, out),
        Command::Certify(args) => certify::run(&args.try_into()?, out),
        Command::Validate(args) => validate::run(&args.try_into()?, out),
        Command::Completions(args) => pages::completions(Cli::command(), args.shell, out),
        Command::Man(args) => pages::manual([Cli::command(), ScheduleCli::command()], &args.folder),
    }?;
    out.flush()?;
    Ok(outcome)
}
