//! `ncsn-trainer bench`.

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_shell::Outcome;
use ncsn_shell::output;

use crate::bench::{Timing, bench};
use crate::cli::{BenchArgs, Format};

/// Measures and writes a preset's times.
///
/// # Errors
/// Unknown presets, settings out of their domain, want of memory.
pub fn run(args: &BenchArgs, out: &mut dyn Write) -> Result<Outcome> {
    ensure!((1..=1000).contains(&args.repeats), "repeats is {}, allowed: 1 to 1000", args.repeats);
    output::check(&[("--trace", args.trace.as_deref(), &["json"])])?;
    let (device, precision) = super::set_up(&args.device)?;
    let mut config = super::settings(&args.network, Some("cifar10"), device.is_cuda())?;
    config.training.batch = args.batch.unwrap_or(config.training.batch);
    config.training.gradient_checkpointing |= args.gradient_checkpointing;
    config.check()?;
    let report = bench(&config, device, precision, args.repeats, args.trace.as_deref())?;
    if args.format == Format::Json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(Outcome::Yes);
    }
    writeln!(
        out,
        "{} with {} filters, {} parameters, batch {}, {} on {}",
        report.architecture, report.filters, report.parameters, report.batch, report.precision, report.device
    )?;
    writeln!(
        out,
        "{:<14} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "", "median s", "min s", "max s", "cpu s", "images/s"
    )?;
    let rows = [
        ("forward", report.forward),
        ("train step", report.train_step),
        ("Langevin step", report.langevin_step),
    ];
    for (name, Timing { median_s, min_s, max_s, cpu_s, images_per_s }) in rows {
        writeln!(
            out,
            "{name:<14} {median_s:>9.4} {min_s:>9.4} {max_s:>9.4} {cpu_s:>9.4} {images_per_s:>10.1}"
        )?;
    }
    writeln!(out, "peak memory {:.0} MB", report.peak_memory_bytes as f64 / 1e6)?;
    Ok(Outcome::Yes)
}
