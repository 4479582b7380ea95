//! Reports for people: the numbers, where they come from, and what was published beside them.

use std::fmt::{self, Write};

use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::{Derivation, MAX_DIM, trade_off};

use ncsn_data::escape::one_line;
use ncsn_schedule::{FindingRow, ScheduleFile};

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
    let (schedule, values) = (&file.schedule, &file.values);
    writeln!(text, "Noise schedule for {dataset}, D = {} ({})", schedule.dim(), file.provenance.dim)?;
    if let Some(data) = &file.provenance.data {
        writeln!(text, "{} items, sha256 {}", data.count, data.digest)?;
        for note in &data.notes {
            writeln!(text, "note: {note}")?;
        }
    }
    writeln!(text)?;
    let origin = &file.provenance;
    row(&mut text, "sigma_max", number(schedule.range().max()), &origin.sigma_max)?;
    row(&mut text, "sigma_min", number(schedule.range().min()), &origin.sigma_min)?;
    row(&mut text, "gamma_root", number(values.gamma_root), &origin.gamma_root)?;
    enclosure(&mut text, derivation.gamma_root)?;
    row(&mut text, "num_levels", schedule.num_levels().to_string(), &origin.num_levels)?;
    row(&mut text, "gamma", number(values.gamma), "(sigma_max/sigma_min)^(1/(L-1)), the ratio of L levels")?;
    enclosure(&mut text, derivation.gamma)?;
    row(&mut text, "overlap", number(values.overlap), "of adjacent levels at gamma")?;
    enclosure(&mut text, derivation.overlap)?;
    row(&mut text, "steps_per_level", schedule.steps_per_level().to_string(), &origin.steps_per_level)?;
    row(&mut text, "epsilon", number(schedule.epsilon()), &origin.epsilon)?;
    enclosure(&mut text, derivation.epsilon)?;
    let one_level = "s_T^2/sigma_i^2 of one level started at sigma_(i-1)^2 (Proposition 3)";
    row(&mut text, "variance_ratio", number(values.variance_ratio), one_level)?;
    enclosure(&mut text, derivation.variance_ratio)?;
    let chain = "s^2/sigma_L^2 of all L levels in turn, the first started at sigma_max^2 (Algorithm 1)";
    row(&mut text, "chain_ratio", number(derivation.chain_ratio.mid()), chain)?;
    enclosure(&mut text, derivation.chain_ratio)?;
    row(
        &mut text,
        "score_evaluations",
        schedule.score_evaluations().to_string(),
        "L * T for one sampling run",
    )?;
    if let Some(row) = &file.published {
        writeln!(
            text,
            "\nPublished ({}, {}): sigma_max {}, L = {}, T = {}, epsilon {:e}",
            row.model,
            row.source,
            row.schedule.range().max(),
            row.schedule.num_levels(),
            row.schedule.steps_per_level(),
            row.schedule.epsilon()
        )?;
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

/// A double as the shortest decimal that parses back to it, in scientific notation when it is small or large.
#[must_use]
pub fn number(x: f64) -> String {
    if x != 0.0 && !(1e-3..1e16).contains(&x.abs()) { format!("{x:e}") } else { format!("{x}") }
}

fn row(text: &mut String, label: &str, value: String, origin: &str) -> fmt::Result {
    writeln!(text, "  {label:<LABEL$} {value:<22} {origin}")
}

fn enclosure(text: &mut String, interval: Interval) -> fmt::Result {
    writeln!(text, "  {:<LABEL$} in [{}, {}]", "", number(interval.lo()), number(interval.hi()))
}

fn trade_off_table(derivation: &Derivation) -> Result<String, anyhow::Error> {
    let schedule = &derivation.schedule;
    let affordable: Vec<u64> =
        TRADE_OFF_STEPS.into_iter().filter(|steps| schedule.num_levels() <= MAX_DIM / steps).collect();
    let rows = trade_off(schedule.range(), schedule.num_levels(), &affordable)?;
    let mut text = String::from(
        "\nMore steps bring the variance ratio of one level closer to 1, and that of the chain:\n",
    );
    writeln!(
        text,
        "  {:>5}  {:>17}  {:>18}  {:>17}  {:>11}",
        "T", "epsilon", "variance_ratio - 1", "chain_ratio - 1", "evaluations"
    )?;
    for row in rows {
        let mark = if row.steps_per_level == schedule.steps_per_level() { "  <" } else { "" };
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
