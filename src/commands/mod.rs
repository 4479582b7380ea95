//! The commands: each file turns its arguments into a request and runs it.

pub mod certify;
pub mod check;
pub mod diameter;
pub mod explain;
pub mod pages;
pub mod schedule;
pub mod stated;
pub mod validate;

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::AnsiColor;
use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, ScheduleCli};
use crate::escape::{Escaped, one_line};
use crate::fold::{Folded, terminal_columns};
use crate::output;
use crate::panics::ask_for_reports;

/// What a command that ran to its end has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done, or the answer is yes: exit status 0.
    Yes,
    /// The check ran and the answer is no: exit status 1.
    No,
    /// The work was stopped by a signal of this number and can go on: exit status 128 and the number, as shells have it.
    Stopped(u8),
}

/// Runs the `ncsn` command line of this process.
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
        Command::Diameter(args) => diameter::run(&args.into(), out),
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

/// Standard output, buffered; foreign text in what is written there cannot act on a terminal, and lines for people are
/// broken where that is too narrow for them.
pub fn stdout(for_people: bool) -> impl Write {
    let columns = terminal_columns().filter(|_| for_people);
    Escaped::new(Folded::new(io::BufWriter::new(io::stdout().lock()), columns))
}

/// Arguments of this process; a request for help prints it and ends.
///
/// # Errors
/// Wrong use, in one line.
pub fn parse<C: Parser>() -> Result<C> {
    C::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => anyhow::anyhow!("{}", usage_error(&error.render().to_string())),
    })
}

/// Commands of the trainer, for those who look for them here.
const OF_THE_TRAINER: [&str; 8] =
    ["train", "sample", "interpolate", "inpaint", "diagnose", "evaluate", "neighbours", "convert"];

/// The sentence of a clap message and its tips, without its usage section, on one line.
fn usage_error(message: &str) -> String {
    let sentence = message.split("\n\nUsage:").next().unwrap_or(message);
    let sentence = sentence.split("\n\nFor more information").next().unwrap_or(sentence);
    let parts = sentence.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let line = parts.collect::<Vec<_>>().join("; ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// A line on standard error, whose first word has a colour where that is a terminal and nothing forbids it (`NO_COLOR`).
fn say(word: &str, colour: AnsiColor, text: &str) {
    let style = colour.on_default().bold();
    let text = one_line(&text.replace('\n', " ")).into_owned();
    // A failure to write to standard error leaves nowhere to report it.
    let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {text}");
}

/// A warning: a line on standard error, after which the work goes on.
pub fn warn(text: &str) {
    say("warning", AnsiColor::Yellow, text);
}

/// Exit status and, for failures, the line on standard error.
pub fn finish(result: Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Ok(Outcome::Stopped(signal)) => ExitCode::from(128 + signal),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say("error", AnsiColor::Red, &format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
