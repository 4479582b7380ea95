//! `completions` and `man` of a program: shell completions and manual pages, from the definition of its command line.

use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::Outcome;

/// Writes the completion script of a program for a shell.
///
/// # Errors
/// Failure to write.
pub fn completions(
    mut program: clap::Command,
    shell: clap_complete::Shell,
    out: &mut dyn Write,
) -> Result<Outcome> {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut script);
    out.write_all(&script)?;
    Ok(Outcome::Yes)
}

/// Writes one manual page per command of the programs into a folder, which is made when missing.
///
/// # Errors
/// Failure to write, with the path.
#[cfg(feature = "man")]
pub fn manual<const N: usize>(programs: [clap::Command; N], folder: &std::path::Path) -> Result<Outcome> {
    use anyhow::Context;

    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for program in programs {
        clap_mangen::generate_to(program, folder).with_context(|| format!("writing {}", folder.display()))?;
    }
    Ok(Outcome::Yes)
}

/// Print a completion script for a shell
///
/// Write it to ~/.local/share/bash-completion/completions/PROGRAM for bash.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Write the manual pages
///
/// Write them to ~/.local/share/man/man1 for one user.
#[cfg(feature = "man")]
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// Folder for the pages, one per command
    #[arg(value_name = "DIR")]
    pub folder: std::path::PathBuf,
}
