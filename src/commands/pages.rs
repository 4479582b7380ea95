//! `ncsn completions` and `ncsn man`: shell completions and manual pages, from the definition of the command line.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;

use super::Outcome;
use crate::cli::{Cli, ScheduleCli};

/// Writes the completion script of `ncsn` for a shell.
///
/// # Errors
/// Failure to write.
pub fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ncsn", &mut script);
    out.write_all(&script)?;
    Ok(Outcome::Yes)
}

/// Writes one manual page per command into a folder, which is made when missing.
///
/// # Errors
/// Failure to write, with the path.
pub fn manual(folder: &Path) -> Result<Outcome> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for command in [Cli::command(), ScheduleCli::command()] {
        clap_mangen::generate_to(command, folder).with_context(|| format!("writing {}", folder.display()))?;
    }
    Ok(Outcome::Yes)
}
