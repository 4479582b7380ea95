//! `ncsn-trainer model`.

use std::cell::RefCell;
use std::io::Write;

use anyhow::Result;
use ncsn_shell::Outcome;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use crate::cli::{Format, ModelArgs, NetworkArgs};
use crate::config::Config;
use crate::model::{Network, Seen};
use crate::{Error, device, presets};

/// A layer with parameters.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    name: String,
    output: Vec<i64>,
    parameters: usize,
    flop: f64,
}

/// Writes the layers of a network, or the presets.
///
/// # Errors
/// Unknown presets; those of writing.
pub fn run(args: &ModelArgs, out: &mut dyn Write) -> Result<Outcome> {
    if args.network == NetworkArgs::default() {
        list(args.format, out)?;
        return Ok(Outcome::Yes);
    }
    let config = super::settings(&args.network, None, device::gpus() > 0)?;
    let layers = layers(&config)?;
    let parameters: usize = layers.iter().map(|layer| layer.parameters).sum();
    let gflop = layers.iter().map(|layer| layer.flop).sum::<f64>() / 1e9;
    match args.format {
        Format::Json => {
            let layers: Vec<_> = layers
                .iter()
                .map(|layer| {
                    json!({
                        "name": layer.name,
                        "output": layer.output,
                        "parameters": layer.parameters,
                        "gflop": layer.flop / 1e9,
                    })
                })
                .collect();
            let all = json!({"schema": "ncsn.model/1", "preset": config.preset, "network": config.network,
                "parameters": parameters, "gflop_per_item": gflop, "layers": layers});
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            writeln!(out, "{:<40} {:>16} {:>12} {:>9}", "layer", "output", "parameters", "GFLOP")?;
            for layer in &layers {
                let gflop = layer.flop / 1e9;
                writeln!(
                    out,
                    "{:<40} {:>16} {:>12} {gflop:>9.4}",
                    layer.name,
                    sides(&layer.output),
                    layer.parameters
                )?;
            }
            writeln!(out)?;
            writeln!(
                out,
                "{}: {} of {}, {parameters} parameters, {gflop:.3} GFLOP per item \
                 (a multiplication and an addition count 2)",
                config.preset,
                config.network.architecture,
                sides(&config.network.item)
            )?;
        }
    }
    Ok(Outcome::Yes)
}

fn sides(shape: &[i64]) -> String {
    shape.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ")
}

/// Runs the network once on zeros and notes what it does.
fn layers(config: &Config) -> Result<Vec<Layer>, Error> {
    let network = Network::new(&config.network, &config.sigmas(), Device::Cpu)?;
    let layers = RefCell::new(Vec::new());
    let watch = |seen: Seen| {
        layers.borrow_mut().push(Layer {
            name: seen.layer.to_owned(),
            output: seen.output.size()[1..].to_vec(),
            parameters: seen.parameters,
            flop: seen.flop,
        });
    };
    tch::no_grad(|| {
        let x = Tensor::zeros(config.network.batch(1).as_slice(), (Kind::Float, Device::Cpu));
        let _ = network.watched(&x, &Tensor::from_slice(&[0_i64]), None, Some(&watch));
    });
    Ok(layers.into_inner())
}

/// Writes all presets with what distinguishes them.
fn list(format: Format, out: &mut dyn Write) -> Result<()> {
    let configs = presets::names().iter().map(|name| presets::find(name)).collect::<Result<Vec<_>, _>>()?;
    if format == Format::Json {
        writeln!(out, "{:#}", json!({"schema": "ncsn.presets/1", "presets": configs}))?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<12} {:<14} {:>13} {:>3} {:>6} {:>4} {:>2} {:>6} {:>5} {:>6}",
        "preset", "network", "item", "n", "σ₁", "L", "T", "ε", "batch", "steps"
    )?;
    for config in configs {
        let schedule = config.schedule();
        writeln!(
            out,
            "{:<12} {:<14} {:>13} {:>3} {:>6.2} {:>4} {:>2} {:>6.1e} {:>5} {:>6}",
            config.preset,
            config.network.architecture.name(),
            sides(&config.network.item),
            config.network.filters,
            schedule.range().max(),
            schedule.num_levels(),
            schedule.steps_per_level(),
            schedule.epsilon(),
            config.training.batch,
            config.training.iterations
        )?;
    }
    writeln!(
        out,
        "{:<12} for data of your own, with a schedule derived from them; network, filters, batch and steps by the \
         data and the device",
        presets::OWN
    )?;
    Ok(())
}
