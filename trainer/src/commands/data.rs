//! `ncsn-trainer data`.

use std::io::Write;

use anyhow::Result;
use ncsn::commands::Outcome;
use ncsn::{escape, output};

use crate::array_file;
use crate::cli::DataArgs;
use crate::dataset::{self, HeldOut};
use crate::sheet::{self, Sheet};
use crate::{Error, presets};

/// Images on the sheet.
const SHOWN: usize = 64;

/// Writes the items that a preset draws.
///
/// # Errors
/// A preset that draws none; files that cannot be written.
pub fn run(args: &DataArgs, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[("--output", Some(&args.output), &["npy"]), ("--grid", args.grid.as_deref(), &["png"])])?;
    let mut config = presets::find(&args.preset)?;
    config.data.held_out = 0;
    let split = dataset::open(&mut config, HeldOut::Exactly)?;
    let numbers: Vec<usize> = (0..split.train.len()).collect();
    let items = split.train.read(&numbers)?;
    let shape: Vec<i64> = [numbers.len() as i64].iter().chain(split.train.shape()).copied().collect();
    array_file::write_stored(&args.output, &items, &shape)?;
    if let Some(path) = &args.grid {
        let first: Vec<usize> = numbers.iter().copied().take(SHOWN).collect();
        let sheet =
            Sheet::of_tensor(&split.train.read(&first)?.tensor(split.train.shape(), tch::Device::Cpu))?;
        sheet::write(path, &sheet.png()).map_err(Error::file(path))?;
    }
    writeln!(out, "{} items in {}", numbers.len(), escape::path(&args.output))?;
    Ok(Outcome::Yes)
}
