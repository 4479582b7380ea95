//! `ncsn-trainer convert`.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use ncsn_data::escape;
use ncsn_shell::Outcome;
use tch::Device;

use crate::authors::{self, Imported};
use crate::checkpoint::CHECKPOINTS;
use crate::cli::ConvertArgs;
use crate::config::Precision;
use crate::model::Parameters;
use crate::source::{self, Opening};
use crate::train::State;
use crate::weights::Weights;
use crate::{Error, presets, tensor_file};

/// Converts a checkpoint of the authors into a run, or weights into safetensors for PyTorch.
///
/// # Errors
/// Files that cannot be read, settings that are missing, outputs that exist or cannot be written.
pub fn run(args: &ConvertArgs, out: &mut dyn Write) -> Result<Outcome> {
    if args.output.extension().is_some_and(|suffix| suffix == "safetensors") {
        let Some(weights) = args.weights else {
            bail!("--weights is missing: ema (averaged) or raw (last), for {}", args.output.display());
        };
        export(args, weights, out)?;
    } else {
        ensure!(
            args.input.is_file(),
            "{} is no file to import; a run's weights become --output FILE.safetensors",
            args.input.display()
        );
        let Some(preset) = &args.preset else {
            bail!("--preset is missing: settings that the file does not hold, such as cifar10");
        };
        import(args, preset, out)?;
    }
    Ok(Outcome::Yes)
}

/// Writes one set of weights under the authors' keys.
fn export(args: &ConvertArgs, weights: Weights, out: &mut dyn Write) -> Result<()> {
    let how = Opening { weights, device: Device::Cpu, precision: Precision::F32 };
    let network = if args.input.is_file() {
        // Parameters do not depend on the size of the images.
        source::open_network(&args.input, [64, 64], how)?
    } else {
        source::open(&args.input, None, how)?.network
    };
    let parameters = network.parameters();
    let sigmas = [("sigmas".to_owned(), network.sigmas())];
    let all = sigmas.into_iter().chain(parameters.iter().map(|(name, tensor)| (name.to_owned(), tensor)));
    write_whole(&args.output, all, parameters)?;
    writeln!(
        out,
        "{weights} weights of {}: {} tensors in {}",
        network.shape().architecture,
        parameters.names().len(),
        escape::path(&args.output)
    )?;
    Ok(())
}

/// A file that appears whole or not at all; its header lists the parameters in order.
fn write_whole<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (String, &'a tch::Tensor)>,
    parameters: &Parameters,
) -> Result<(), Error> {
    let unfinished = path.with_extension("safetensors.unfinished");
    let names = serde_json::to_string(parameters.names()).unwrap_or_default();
    tensor_file::write(&unfinished, tensors, Some(("names", names)))
        .and_then(|()| std::fs::rename(&unfinished, path).map_err(Error::file(path)))
        .inspect_err(|_| {
            // Best effort: the error to report is the first.
            let _ = std::fs::remove_file(&unfinished);
        })
}

/// Makes a run's folder that training can go on with.
fn import(args: &ConvertArgs, preset: &str, out: &mut dyn Write) -> Result<()> {
    let imported = authors::read(&args.input)?;
    let mut settings = presets::find(preset)?;
    settings.training.amsgrad = imported.adam.as_ref().is_some_and(|adam| adam.maxima.is_some());
    let config = source::imported_config(&imported, settings)?;
    super::train::refuse_existing(&args.output)?;
    let mut state = State::new(&config, Device::Cpu, Precision::F32)?;
    let notes = fill(&mut state, &imported)?;
    super::train::create(&args.output, &config)?;
    let folder = state.save(&args.output.join(CHECKPOINTS), &config)?;
    writeln!(out, "{} after step {} in {}", config.network.architecture, state.step, escape::path(&folder))?;
    for note in notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

/// Brings a new state to where the imported one was; returns what was missing and how it was replaced.
fn fill(state: &mut State, imported: &Imported) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    source::assign(state.network.parameters(), imported.weights(Weights::Raw)?, imported)?;
    if imported.ema.is_some() {
        source::assign(state.average.parameters(), imported.weights(Weights::Ema)?, imported)?;
    } else {
        state.average.parameters().assign(state.network.parameters());
        notes.push("the file has no averaged weights; the average starts at the last weights".to_owned());
    }
    match &imported.adam {
        None => notes.push("the file has no moments of Adam; they start at 0".to_owned()),
        Some(adam) => {
            let mut groups = vec![(&state.adam.means, &adam.means), (&state.adam.squares, &adam.squares)];
            groups.extend(state.adam.maxima.as_ref().zip(adam.maxima.as_ref()));
            for (own, found) in groups {
                let named: authors::Named =
                    own.names().iter().cloned().zip(found.iter().map(tch::Tensor::shallow_clone)).collect();
                source::assign(own, &named, imported)?;
            }
        }
    }
    state.step = imported.step;
    let optimizer_steps = imported.adam.as_ref().map_or(0, |adam| adam.step);
    if optimizer_steps != imported.step {
        notes.push(format!("the file counts {} steps, its optimiser {optimizer_steps}", imported.step));
    }
    state.adam.set_step(optimizer_steps);
    Ok(notes)
}
