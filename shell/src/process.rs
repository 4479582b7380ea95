//! One process of a command line: its arguments, its output, its warnings, its exit status.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::AnsiColor;
use anyhow::Result;
use clap::Parser;
use clap::error::ErrorKind;
use ncsn_data::escape::{Escaped, one_line};

use crate::fold::{Folded, terminal_columns};
use crate::output;

/// What a command that ran to its end has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done, or the answer is yes: exit status 0.
    Yes,
    /// The check ran and the answer is no: exit status 1.
    No,
    /// The work was stopped by a signal of this number and can go on: exit status 128 and the number, as shells have it.
    Stopped(u8),
    /// The work was cut off by what may not happen again, and can go on: exit status [`TRY_AGAIN`].
    TryAgain,
}

/// Exit status of work that was cut off by what may not happen again: EX_TEMPFAIL of sysexits.h.
pub const TRY_AGAIN: u8 = 75;

/// Standard output, buffered; foreign text in what is written there cannot act on a terminal, and lines for people are
/// broken where that is too narrow for them.
#[must_use]
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

/// The line of a failure on standard error.
pub fn fail(text: &str) {
    say("error", AnsiColor::Red, text);
}

/// Exit status and, for failures, the line on standard error.
#[must_use]
pub fn finish(result: Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Ok(Outcome::TryAgain) => ExitCode::from(TRY_AGAIN),
        Ok(Outcome::Stopped(signal)) => ExitCode::from(128 + signal),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            fail(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
