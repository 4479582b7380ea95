//! `ncsn diameter`: the largest distance between two items of a data set.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use ncsn_data::pattern_of;
use ncsn_schedule::number;
use ncsn_theory::schedule::DataRange;
use serde_json::json;

use crate::cli::{DiameterArgs, ReportFormat};
use crate::measure::{Measured, Subsample, measure};
use ncsn_data as data;
use ncsn_data::escape::one_line;
use ncsn_schedule::ends;
use ncsn_shell::Outcome;

/// What to measure and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    path: PathBuf,
    options: data::Options,
    range: DataRange,
    subsample: Option<Subsample>,
    format: ReportFormat,
}

impl TryFrom<DiameterArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: DiameterArgs) -> Result<Self> {
        Ok(Self {
            path: pattern_of(&args.data)?,
            options: args.read.into(),
            range: args.data_range,
            subsample: args.subsample.map(|count| Subsample { count, seed: args.seed }),
            format: args.format,
        })
    }
}

/// Measures and prints.
///
/// # Errors
/// Data that cannot be read, or that have no diameter.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let measured = measure(&request.path, &request.options, request.subsample, request.range)?;
    match request.format {
        ReportFormat::Text => out.write_all(text(&measured)?.as_bytes())?,
        ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&to_json(&measured))?)?,
    }
    Ok(Outcome::Yes)
}

fn to_json(measured: &Measured) -> serde_json::Value {
    let witness = measured.witness.map(|row| json!({ "index": row, "name": measured.name(row) }));
    json!({
        "schema": "ncsn.diameter/1",
        "path": measured.path,
        "count": measured.count(),
        "dim": measured.dim(),
        "shape": measured.data.shape,
        "data_range": measured.range,
        "squared": measured.squared,
        "diameter": measured.diameter.mid(),
        "enclosure": ends(measured.diameter),
        "witness": witness,
        "exact": measured.exact,
        "measured": measured.measured,
        "pairs": measured.pairs,
        "pairs_evaluated": measured.pairs_evaluated,
        "notes": measured.data.notes,
        "seconds": measured.measuring.as_secs_f64(),
        "seconds_reading": measured.reading.as_secs_f64(),
    })
}

fn text(measured: &Measured) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "{}: {} items of {} = {} values",
        one_line(&measured.path),
        measured.count(),
        measured.shape_text(),
        measured.dim()
    )?;
    for note in &measured.data.notes {
        writeln!(text, "note: {note}")?;
    }
    let label = if measured.exact { "diameter" } else { "lower bound" };
    writeln!(text, "\n  {label:<12} {}", number(measured.diameter.mid()))?;
    writeln!(text, "  {:<12} in {}, data range {}", "", measured.diameter, measured.range)?;
    if let Some(squared) = measured.squared {
        writeln!(text, "  {:<12} {squared} in units of 1/255^2", "squared")?;
    }
    for row in measured.witness {
        writeln!(text, "  {:<12} {} (row {row})", "between", one_line(&measured.name(row)))?;
    }
    writeln!(text, "  {:<12} {}", "search", search(measured.pairs_evaluated, measured.pairs))?;
    writeln!(
        text,
        "  {:<12} {:.2} s reading, {:.2} s measuring",
        "time",
        measured.reading.as_secs_f64(),
        measured.measuring.as_secs_f64()
    )?;
    Ok(text)
}

/// How much of the search was computing distances; a pair that is met by two sweeps counts twice.
fn search(computed: u64, pairs: u64) -> String {
    let rest = match computed.cmp(&pairs) {
        Ordering::Less => ", the others excluded by bounds",
        Ordering::Equal => "",
        Ordering::Greater => ", some of them more than once",
    };
    format!("{computed} distances computed for {pairs} pairs{rest}")
}

#[cfg(test)]
mod tests {
    use super::search;

    #[test]
    fn no_pair_is_said_to_be_excluded_where_more_are_computed() {
        assert_eq!(search(4, 10), "4 distances computed for 10 pairs, the others excluded by bounds");
        assert_eq!(search(10, 10), "10 distances computed for 10 pairs");
        assert_eq!(search(12, 10), "12 distances computed for 10 pairs, some of them more than once");
    }
}
