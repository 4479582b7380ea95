//! Reports for people: the numbers, where they come from, and what was published beside them.

use std::fmt::{self, Write};

use ncsn_theory::schedule::{Derivation, MAX_DIM, TradeOff, trade_off};

use ncsn_data::escape::one_line;
use ncsn_schedule::{FindingRow, PublishedRow, ScheduleFile};

/// Steps per level shown in the trade-off table.
const TRADE_OFF_STEPS: [u64; 9] = [1, 2, 3, 4, 5, 10, 20, 50, 100];

/// Width of the longest label, `score_evaluations`, and a space.
const LABEL: usize = 18;

/// The report of `ncsn schedule`.
///
/// # Arguments
/// * `with_trade_off` — whether the table of T against fidelity is appended
///
/// # Errors
/// Those of [`trade_off`].
pub fn schedule(
    file: &ScheduleFile,
    derivation: &Derivation,
    with_trade_off: bool,
) -> anyhow::Result<String> {
    let mut text = String::new();
    let dataset = one_line(&file.dataset);
    writeln!(text, "Noise schedule for {dataset}, D = {} ({})", file.schedule.dim(), file.provenance.dim)?;
    if let Some(data) = &file.provenance.data {
        writeln!(text, "{} items, sha256 {}", data.count, data.digest)?;
        for note in &data.notes {
            writeln!(text, "note: {note}")?;
        }
    }
    writeln!(text)?;
    for row in file.numbers() {
        writeln!(text, "  {:<LABEL$} {:<22} {}", row.key, row.value, row.origin)?;
        if let Some(enclosure) = row.enclosure_text() {
            writeln!(text, "  {:<LABEL$} in {enclosure}", "")?;
        }
    }
    if let Some(row) = &file.published {
        writeln!(text, "\n{}", published(row))?;
        findings(&mut text, &file.findings)?;
    }
    if with_trade_off {
        text.push_str(&trade_off_table(derivation)?);
    }
    Ok(text)
}

/// One line per finding, the verdict first.
pub fn findings(text: &mut String, findings: &[FindingRow]) -> fmt::Result {
    for finding in findings {
        writeln!(text, "  {:<10} {}", finding.verdict, finding.text)?;
    }
    Ok(())
}

/// What was published, in a line.
#[must_use]
pub fn published(row: &PublishedRow) -> String {
    format!(
        "Published ({}, {}): sigma_max {}, L = {}, T = {}, epsilon {:e}",
        row.model,
        row.source,
        row.schedule.range().max(),
        row.schedule.num_levels(),
        row.schedule.steps_per_level(),
        row.schedule.epsilon()
    )
}

/// What T costs and gains, for usual numbers of steps.
///
/// # Errors
/// Those of [`trade_off`].
pub fn trade_offs(derivation: &Derivation) -> Result<Vec<TradeOff>, ncsn_theory::Error> {
    let schedule = &derivation.schedule;
    let affordable: Vec<u64> =
        TRADE_OFF_STEPS.into_iter().filter(|steps| schedule.num_levels() <= MAX_DIM / steps).collect();
    trade_off(schedule.range(), schedule.num_levels(), &affordable)
}

fn trade_off_table(derivation: &Derivation) -> Result<String, anyhow::Error> {
    let rows = trade_offs(derivation)?;
    let mut text = String::from(
        "\nMore steps bring the variance ratio of one level closer to 1, and that of the chain:\n",
    );
    writeln!(
        text,
        "  {:>5}  {:>17}  {:>18}  {:>17}  {:>11}",
        "T", "epsilon", "variance_ratio - 1", "chain_ratio - 1", "evaluations"
    )?;
    for row in rows {
        let mark = if row.steps_per_level == derivation.schedule.steps_per_level() { "  <" } else { "" };
        writeln!(
            text,
            "  {:>5}  {:>17.10e}  {:>18.10e}  {:>17.10e}  {:>11}{mark}",
            row.steps_per_level,
            row.epsilon.mid(),
            row.variance_excess.mid(),
            row.chain_excess.mid(),
            row.score_evaluations
        )?;
    }
    Ok(text)
}
