//! Reports for people: the numbers, where they come from, and what was published beside them.

use std::fmt::{self, Write};

use ncsn_theory::interval::Interval;
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
    for row in rows(file, derivation) {
        writeln!(text, "  {:<LABEL$} {:<22} {}", row.label, row.value, row.origin)?;
        if let Some(enclosure) = row.enclosure {
            writeln!(text, "  {:<LABEL$} in {}", "", ends(enclosure))?;
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

/// A double as the shortest decimal that parses back to it, in scientific notation when it is small or large.
#[must_use]
pub fn number(x: f64) -> String {
    if x != 0.0 && !(1e-3..1e16).contains(&x.abs()) { format!("{x:e}") } else { format!("{x}") }
}

/// Both ends of an enclosure.
#[must_use]
pub fn ends(enclosure: Interval) -> String {
    format!("[{}, {}]", number(enclosure.lo()), number(enclosure.hi()))
}

/// One number of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// Its name in files.
    pub label: &'static str,
    /// The number.
    pub value: String,
    /// What it follows from.
    pub origin: &'a str,
    /// Where the exact number lies, if this one is rounded.
    pub enclosure: Option<Interval>,
}

/// All numbers of a schedule, in the order in which they follow from each other.
#[must_use]
pub fn rows<'a>(file: &'a ScheduleFile, derivation: &Derivation) -> Vec<Row<'a>> {
    let (schedule, values, origin) = (&file.schedule, &file.values, &file.provenance);
    let row = |label, value: String, origin, enclosure| Row { label, value, origin, enclosure };
    let one_level = "s_T^2/sigma_i^2 of one level started at sigma_(i-1)^2 (Proposition 3)";
    let chain = "s^2/sigma_L^2 of all L levels in turn, the first started at sigma_max^2 (Algorithm 1)";
    let ratio = "(sigma_max/sigma_min)^(1/(L-1)), the ratio of L levels";
    vec![
        row("sigma_max", number(schedule.range().max()), &origin.sigma_max, None),
        row("sigma_min", number(schedule.range().min()), &origin.sigma_min, None),
        row("gamma_root", number(values.gamma_root), &origin.gamma_root, Some(derivation.gamma_root)),
        row("num_levels", schedule.num_levels().to_string(), &origin.num_levels, None),
        row("gamma", number(values.gamma), ratio, Some(derivation.gamma)),
        row("overlap", number(values.overlap), "of adjacent levels at gamma", Some(derivation.overlap)),
        row("steps_per_level", schedule.steps_per_level().to_string(), &origin.steps_per_level, None),
        row("epsilon", number(schedule.epsilon()), &origin.epsilon, Some(derivation.epsilon)),
        row("variance_ratio", number(values.variance_ratio), one_level, Some(derivation.variance_ratio)),
        row("chain_ratio", number(derivation.chain_ratio.mid()), chain, Some(derivation.chain_ratio)),
        row(
            "score_evaluations",
            schedule.score_evaluations().to_string(),
            "L * T for one sampling run",
            None,
        ),
    ]
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
