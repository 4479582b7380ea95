//! `ncsn-trainer data`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ncsn_data::escape;
use ncsn_shell::Outcome;
use ncsn_shell::output;

use super::train::{one_path, read_with};
use crate::cli::DataArgs;
use crate::config::Data;
use crate::dataset::{self, HeldOut, Items, Stored, Wish};
use crate::sheet::{self, Sheet};
use crate::{Error, array_file, presets};

/// Images on the sheet.
const SHOWN: usize = 64;

/// Writes the items that a preset draws, or those of files.
///
/// # Errors
/// A preset that draws none; data that are no bytes; files that cannot be read or written.
pub fn run(args: &DataArgs, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[
        ("--output", Some(&args.output), &["npy"]),
        ("--test-output", args.test_output.as_deref(), &["npy"]),
        ("--grid", args.grid.as_deref(), &["png"]),
    ])?;
    let mut data = Data { train: one_path(&args.data)?, ..Data::default() };
    read_with(&mut data, &args.read, &args.layout);
    args.preset.as_deref().map(presets::find).transpose()?;
    let preset = args.preset.as_deref().unwrap_or(presets::OWN);
    let wish = Wish { preset, item: None, seed: 0, held_out: HeldOut::Exactly };
    let split = dataset::open(&data, &wish)?;
    // As single-precision numbers they might be others than in the file.
    let is_bytes = matches!(split.train.read(&[0])?, Stored::Bytes(_));
    ensure!(
        is_bytes || args.data.is_empty(),
        "--data holds numbers, which training reads as they are; images and bytes become an array"
    );
    let test = match &args.test_output {
        Some(path) => {
            Some((path, split.test.as_ref().context("--test-output: the data have no test split")?))
        }
        None => None,
    };
    write(&args.output, &split.train, out)?;
    if let Some((path, items)) = test {
        write(path, items, out)?;
    }
    if let Some(path) = &args.grid {
        let first: Vec<usize> = (0..split.train.len().min(SHOWN)).collect();
        let sheet =
            Sheet::of_tensor(&split.train.read(&first)?.tensor(split.train.shape(), tch::Device::Cpu)?)?;
        sheet::write(path, &sheet.png()).map_err(Error::file(path))?;
    }
    for note in &split.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(Outcome::Yes)
}

fn write(path: &Path, items: &Items, out: &mut dyn Write) -> Result<()> {
    let bar = super::bar();
    bar.set_message("writing");
    bar.set_length(items.len() as u64);
    array_file::write_items(path, items, &|done| bar.set_position(done))?;
    bar.finish_and_clear();
    writeln!(out, "{} items in {}", items.len(), escape::path(path))?;
    Ok(())
}
