//! A diameter for people and for programs, measured at once or merged from shards.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use ncsn_data::escape::one_line;
use ncsn_schedule::{ends, number};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::DataRange;
use serde_json::json;

use crate::measure::Measured;
use crate::shard::Merged;

/// What is shown of a diameter.
pub(super) struct Report {
    path: String,
    count: u64,
    shape: Vec<usize>,
    range: DataRange,
    diameter: Interval,
    squared: Option<u64>,
    witness: [(u64, String); 2],
    exact: bool,
    measured: u64,
    pairs: u64,
    evaluated: u64,
    notes: Vec<String>,
    reading: Duration,
    measuring: Duration,
    /// Number of shards, and rows that they kept.
    shards: Option<(usize, u64)>,
}

impl From<&Measured> for Report {
    fn from(measured: &Measured) -> Self {
        Self {
            path: measured.path.clone(),
            count: measured.count() as u64,
            shape: measured.data.shape.clone(),
            range: measured.range,
            diameter: measured.diameter,
            squared: measured.squared,
            witness: measured.witness.map(|row| (row as u64, measured.name(row))),
            exact: measured.exact,
            measured: measured.measured as u64,
            pairs: measured.pairs,
            evaluated: measured.pairs_evaluated,
            notes: measured.data.notes.clone(),
            reading: measured.reading,
            measuring: measured.measuring,
            shards: None,
        }
    }
}

impl From<Merged> for Report {
    fn from(merged: Merged) -> Self {
        let count = u128::from(merged.count);
        Self {
            path: merged.path,
            count: merged.count,
            shape: merged.shape,
            range: merged.range,
            diameter: merged.diameter,
            squared: merged.squared,
            witness: merged.witness,
            exact: true,
            measured: merged.count,
            pairs: u64::try_from(count * (count - 1) / 2).unwrap_or(u64::MAX),
            evaluated: merged.evaluated,
            notes: merged.notes,
            reading: merged.reading,
            measuring: merged.measuring,
            shards: Some((merged.shares, merged.kept)),
        }
    }
}

impl Report {
    fn dim(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let witness = self.witness.each_ref().map(|(row, name)| json!({ "index": row, "name": name }));
        let mut value = json!({
            "schema": "ncsn.diameter/1",
            "path": self.path,
            "count": self.count,
            "dim": self.dim(),
            "shape": self.shape,
            "data_range": self.range,
            "squared": self.squared,
            "diameter": self.diameter.mid(),
            "enclosure": ends(self.diameter),
            "witness": witness,
            "exact": self.exact,
            "measured": self.measured,
            "pairs": self.pairs,
            "pairs_evaluated": self.evaluated,
            "notes": self.notes,
            "seconds": self.measuring.as_secs_f64(),
            "seconds_reading": self.reading.as_secs_f64(),
        });
        if let Some((shards, kept)) = self.shards {
            value["shards"] = shards.into();
            value["rows_kept"] = kept.into();
        }
        value
    }

    pub(super) fn text(&self) -> Result<String> {
        let mut text = String::new();
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        writeln!(
            text,
            "{}: {} items of {} = {} values",
            one_line(&self.path),
            self.count,
            shape.join(" x "),
            self.dim()
        )?;
        for note in &self.notes {
            writeln!(text, "note: {}", one_line(note))?;
        }
        let label = if self.exact { "diameter" } else { "lower bound" };
        writeln!(text, "\n  {label:<12} {}", number(self.diameter.mid()))?;
        writeln!(text, "  {:<12} in {}, data range {}", "", self.diameter, self.range)?;
        if let Some(squared) = self.squared {
            writeln!(text, "  {:<12} {squared} in units of 1/255^2", "squared")?;
        }
        for (row, name) in &self.witness {
            writeln!(text, "  {:<12} {} (row {row})", "between", one_line(name))?;
        }
        if let Some((shards, kept)) = self.shards {
            writeln!(text, "  {:<12} {shards}, which kept {kept} of {} rows", "shards", self.count)?;
        }
        writeln!(text, "  {:<12} {}", "search", search(self.evaluated, self.pairs))?;
        writeln!(
            text,
            "  {:<12} {:.2} s reading, {:.2} s measuring",
            "time",
            self.reading.as_secs_f64(),
            self.measuring.as_secs_f64()
        )?;
        if self.shards.is_some() {
            let (sigma, units) = (number(self.diameter.hi()), self.units());
            writeln!(text, "  {:<12} ncsn schedule --dim {} --sigma-max {sigma}{units}", "next", self.dim())?;
        }
        Ok(text)
    }

    /// What `schedule` must be told of the units.
    fn units(&self) -> &'static str {
        match self.range {
            DataRange::Unit => "",
            DataRange::Signed => " --data-range signed",
            DataRange::Native => " --data-range native --sigma-min SIGMA",
        }
    }
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
