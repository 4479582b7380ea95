//! `ncsn-trainer hype`: a page on which people judge images, and the score of their answers.

mod files;
mod make;
mod score;

use std::io::Write;

use anyhow::Result;
use ncsn_shell::Outcome;

use crate::cli::HypeCommand;

/// Makes a page, or scores its answers.
///
/// # Errors
/// Those of the half that is asked for.
pub fn run(command: &HypeCommand, out: &mut dyn Write) -> Result<Outcome> {
    match command {
        HypeCommand::Make(args) => make::run(args, out),
        HypeCommand::Score(args) => score::run(args, out),
    }
}
