//! A program in the frame of this crate: `cargo run --example greet -- Ada`, and with no name or a file that is none.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use ncsn_shell::{Outcome, ask_for_reports, finish, output, parse, stdout};

/// Greet somebody
#[derive(Parser)]
struct Greet {
    /// Whom
    name: String,
    /// Write the greeting to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    ask_for_reports("greet 0.1.0");
    finish(parse::<Greet>().and_then(|greet| run(&greet)))
}

fn run(greet: &Greet) -> Result<Outcome> {
    ensure!(!greet.name.is_empty(), "the name is empty");
    let text = format!("Good day, {}.\n", greet.name);
    match &greet.output {
        Some(path) => output::write_files(&[(path, &text)])?,
        None => stdout(true).write_all(text.as_bytes())?,
    }
    Ok(Outcome::Yes)
}
