//! `ncsn diameter --shard`: what one of several machines writes.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use ncsn_data as data;
use ncsn_data::escape::{self, one_line};
use ncsn_shell::output::check;
use ncsn_shell::{Outcome, warn};
use serde_json::json;

use crate::cli::ReportFormat;
use crate::shard::format::SCHEMA;
use crate::shard::{Made, Square, make};

/// Share of the rows kept above which a word is said about it, and bytes of the file from which on.
const MANY: f64 = 0.5;
const LARGE: u64 = 1 << 20;

/// Measures a shard and writes its file, unless `dry_run`.
pub(super) fn run(
    path: &Path,
    options: &data::Options,
    keep_from: Option<Square>,
    (output, dry_run): (&Path, bool),
    format: ReportFormat,
    out: &mut dyn Write,
) -> Result<Outcome> {
    check(&[("--output", Some(output), &[])])?;
    let made = make(path, options, keep_from, (!dry_run).then_some(output))?;
    let rows = made.header.rows + made.header.links;
    if made.bytes >= LARGE && made.kept as f64 > MANY * rows as f64 {
        warn(&format!(
            "distances from the centre exclude few rows of these data: {} of {rows} are kept, {} bytes",
            made.kept, made.bytes
        ));
    }
    match format {
        ReportFormat::Text => text(&made, output, dry_run, out)?,
        ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&to_json(&made))?)?,
    }
    Ok(Outcome::Yes)
}

fn text(made: &Made, output: &Path, dry_run: bool, out: &mut dyn Write) -> Result<()> {
    let header = &made.header;
    let (path, share) = (one_line(&header.path), header.share_text());
    writeln!(out, "{path}: shard {share}, {} of {} items", header.rows, header.total)?;
    for note in &header.notes {
        writeln!(out, "note: {}", one_line(note))?;
    }
    let verb = if dry_run { "would write" } else { "wrote" };
    writeln!(out, "kept {} rows: {verb} {} bytes to {}", made.kept, made.bytes, escape::path(output))?;
    writeln!(
        out,
        "time {:.2} s reading, {:.2} s measuring",
        made.reading.as_secs_f64(),
        made.measuring.as_secs_f64()
    )?;
    Ok(())
}

fn to_json(made: &Made) -> serde_json::Value {
    json!({
        "schema": SCHEMA,
        "shard": made.header,
        "rows_kept": made.kept,
        "bytes": made.bytes,
        "seconds": made.measuring.as_secs_f64(),
        "seconds_reading": made.reading.as_secs_f64(),
    })
}
