//! Schedule files as text: TOML, JSON, and the keys of the authors' configurations.

use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow, ensure};
use ncsn_theory::schedule::DataRange;

use crate::file::{MAX_LISTED, ScheduleFile};
use crate::keys::Keys;

impl ScheduleFile {
    /// Reads TOML or, when the text starts with `{`, JSON.
    ///
    /// # Errors
    /// Unknown or missing keys, another schema, numbers that are no schedule or contradict each other, with the key named.
    pub fn parse(text: &str) -> Result<Self> {
        let keys: Keys = if text.trim_start().starts_with('{') {
            // serde_json's messages quote what they met, line breaks included.
            serde_json::from_str(text).map_err(|error| anyhow!("{}", error.to_string().replace('\n', " ")))?
        } else {
            toml::from_str(text).map_err(|error| {
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                anyhow!("line {line}: {}", error.message().replace('\n', " "))
            })?
        };
        keys.try_into()
    }

    /// TOML text.
    ///
    /// # Errors
    /// None for finite numbers.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("writing TOML")
    }

    /// JSON text, with the levels where they are at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// None for finite numbers.
    pub fn to_json(&self) -> Result<String> {
        let listed = self.schedule.num_levels() <= MAX_LISTED;
        let mut keys = Keys::from(self.clone());
        keys.sigmas = listed.then(|| self.schedule.sigmas().collect());
        Ok(serde_json::to_string_pretty(&keys)? + "\n")
    }

    /// The keys under which the authors' code reads a schedule (`configs/*.yml`), with their names and meaning.
    ///
    /// `image_size` and `channels` are left to the reader: a dimension does not determine them.
    ///
    /// # Errors
    /// Data in another range than [0, 1], in which the authors' σ live.
    pub fn to_ncsnv2(&self) -> Result<String> {
        ensure!(
            self.data_range == DataRange::Unit,
            "data_range is {:?}, but the authors' configurations use pixels in [0, 1] (unit)",
            self.data_range.name()
        );
        let schedule = &self.schedule;
        let mut text = String::new();
        // The name may be a path: escaped, it stays within the comment.
        let name = self.dataset.escape_debug();
        writeln!(text, "# {name} (D = {}), derived by {}", schedule.dim(), self.provenance.program)?;
        writeln!(text, "sampling:")?;
        writeln!(text, "  step_lr: {}", yaml_number(schedule.epsilon()))?;
        writeln!(text, "  n_steps_each: {}", schedule.steps_per_level())?;
        writeln!(text, "model:")?;
        writeln!(text, "  sigma_dist: geometric")?;
        writeln!(text, "  sigma_begin: {}", yaml_number(schedule.range().max()))?;
        writeln!(text, "  sigma_end: {}", yaml_number(schedule.range().min()))?;
        writeln!(text, "  num_classes: {}", schedule.num_levels())?;
        Ok(text)
    }
}

/// A double as YAML 1.1 and 1.2 readers both take for a number: with a point, and a signed exponent.
fn yaml_number(x: f64) -> String {
    let plain = format!("{x:?}");
    let Some((mantissa, exponent)) = plain.split_once('e') else { return plain };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value_and_have_a_point() {
        for (x, text) in
            [(50.0, "50.0"), (1e-5, "1.0e-5"), (6.2e-6, "6.2e-6"), (1e300, "1.0e+300"), (0.01, "0.01")]
        {
            assert_eq!(yaml_number(x), text);
            assert_eq!(text.parse(), Ok(x));
        }
    }
}
