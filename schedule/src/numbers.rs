//! The numbers of a schedule as people read them: name, value, enclosure, why.

use crate::file::ScheduleFile;

/// One number of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberRow<'a> {
    /// Its key in the file.
    pub key: &'static str,
    /// The number, in digits that parse back to it.
    pub value: String,
    /// Where the exact number lies, if this one is rounded.
    pub enclosure: Option<[f64; 2]>,
    /// What it follows from.
    pub origin: &'a str,
}

impl NumberRow<'_> {
    /// Names of [`cells`](Self::cells).
    pub const HEAD: [&'static str; 4] = ["name", "value", "enclosure", "why"];

    /// Both ends of the enclosure.
    #[must_use]
    pub fn enclosure_text(&self) -> Option<String> {
        self.enclosure.map(|[lo, hi]| format!("[{}, {}]", number(lo), number(hi)))
    }

    /// A row of a table.
    #[must_use]
    pub fn cells(&self) -> [String; 4] {
        let enclosure = self.enclosure_text().unwrap_or_default();
        [self.key.to_owned(), self.value.clone(), enclosure, self.origin.to_owned()]
    }
}

/// A double as the shortest decimal that parses back to it, in scientific notation when it is small or large.
#[must_use]
pub fn number(x: f64) -> String {
    if x != 0.0 && !(1e-3..1e16).contains(&x.abs()) { format!("{x:e}") } else { format!("{x}") }
}

impl ScheduleFile {
    /// All numbers, in the order in which they follow from each other.
    #[must_use]
    pub fn numbers(&self) -> Vec<NumberRow<'_>> {
        let Self { schedule, values, enclosures, provenance: origin, .. } = self;
        let row = |key, value, origin, enclosure| NumberRow { key, value, origin, enclosure };
        let one_level = "s_T^2/sigma_i^2 of one level started at sigma_(i-1)^2 (Proposition 3)";
        let chain = "s^2/sigma_L^2 of all L levels in turn, the first started at sigma_max^2 (Algorithm 1)";
        let ratio = "(sigma_max/sigma_min)^(1/(L-1)), the ratio of L levels";
        let steps = schedule.steps_per_level().to_string();
        let evaluations = schedule.score_evaluations().to_string();
        let chain_ratio =
            values.chain_ratio.map(|value| row("chain_ratio", number(value), chain, enclosures.chain_ratio));
        let mut rows = vec![
            row("sigma_max", number(schedule.range().max()), &origin.sigma_max, None),
            row("sigma_min", number(schedule.range().min()), &origin.sigma_min, None),
            row("gamma_root", number(values.gamma_root), &origin.gamma_root, Some(enclosures.gamma_root)),
            row("num_levels", schedule.num_levels().to_string(), &origin.num_levels, None),
            row("gamma", number(values.gamma), ratio, Some(enclosures.gamma)),
            row("overlap", number(values.overlap), "of adjacent levels at gamma", Some(enclosures.overlap)),
            row("steps_per_level", steps, &origin.steps_per_level, None),
            row("epsilon", number(schedule.epsilon()), &origin.epsilon, Some(enclosures.epsilon)),
            row("variance_ratio", number(values.variance_ratio), one_level, Some(enclosures.variance_ratio)),
        ];
        rows.extend(chain_ratio);
        rows.push(row("score_evaluations", evaluations, "L * T for one sampling run", None));
        rows
    }
}
