//! `ncsn-trainer devices`.

use std::io::Write;

use anyhow::Result;
use ncsn_shell::Outcome;
use serde_json::json;

use crate::cli::{DevicesArgs, Format};
use crate::{device, torch};

/// Writes what torch can compute on.
///
/// # Errors
/// Those of writing.
pub fn run(args: &DevicesArgs, out: &mut dyn Write) -> Result<Outcome> {
    let threads = tch::get_num_threads();
    let gpus: Vec<_> = (0..device::gpus())
        .map(|index| (index, torch::device_name(index).unwrap_or_else(|_| ("GPU".to_owned(), 0))))
        .collect();
    // tch's call panics where CUDA is absent.
    let cudnn = if gpus.is_empty() { None } else { Some(tch::utils::version_cudnn()) };
    match args.format {
        Format::Json => {
            let gpus: Vec<_> = gpus
                .iter()
                .map(|(index, (name, memory))| {
                    let device = format!("cuda:{index}");
                    json!({"device": device, "name": name, "memory_bytes": memory})
                })
                .collect();
            let all = json!({
                "schema": "ncsn.devices/1",
                "libtorch": tch_version(),
                "threads": threads,
                "cudnn": cudnn,
                "gpus": gpus,
            });
            writeln!(out, "{all:#}")?;
        }
        Format::Text => {
            writeln!(out, "libtorch  {}", tch_version())?;
            writeln!(out, "cpu       {threads} threads")?;
            for (index, (name, memory)) in &gpus {
                writeln!(out, "cuda:{index}    {name}, {:.1} GiB", *memory as f64 / f64::from(1 << 30))?;
            }
            match cudnn {
                Some(version) => writeln!(out, "cuDNN     {version}")?,
                None => writeln!(out, "cuda      none: {}", device::absent().unwrap_or_default())?,
            }
        }
    }
    Ok(Outcome::Yes)
}

/// Version of libtorch that the program was built for.
fn tch_version() -> &'static str {
    "2.11.0"
}
