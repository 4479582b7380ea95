//! Certificates: schedules as constants for the proofs in `proofs/`, whose fixed checker accepts or rejects them.
//!
//! A certificate is data: the numbers of a schedule file, in the holes of the fixed text `proofs/template.v`. Its author
//! is trusted with nothing. What it proves is `is_certified` in `proofs/theories/Statements.v`; a wrong number makes the
//! proof fail, and a file that differs from the template outside its holes is not a certificate.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::{Law, Rounding};

use ncsn_schedule::ScheduleFile;

/// The text around the numbers; `@key@` is a hole.
const TEMPLATE: &str = include_str!("../proofs/template.v");

/// The widest enclosure that is certified, relative to the number enclosed: `widest` in `Statements.v`.
pub const WIDEST: f64 = 1e-3;

/// The numbers of a certificate, exactly, by the key of its hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    holes: BTreeMap<String, String>,
}

impl Certificate {
    /// The certificate of a schedule file, whose own numbers and enclosures it states.
    ///
    /// # Errors
    /// Those of [`ScheduleFile::check`]; the law of the exact radius; an enclosure wider than [`WIDEST`]; levels that
    /// do not follow by the rule stated, so that no proof exists.
    pub fn new(file: &ScheduleFile) -> Result<Self> {
        file.check()?;
        let ScheduleFile { schedule, spacing, .. } = file;
        // Its proof needs Stirling's remainder in Coq for the mean of the radius.
        ensure!(
            spacing.law == Law::Normal,
            "law is {}, but certificates are for the normal law",
            spacing.law
        );
        let root = Interval::new(file.enclosures.gamma_root[0], file.enclosures.gamma_root[1])?;
        let levels = ncsn_theory::schedule::num_levels(schedule.range(), root, spacing.rounding)?;
        ensure!(
            levels == schedule.num_levels(),
            "num_levels is {}, but overlap {} and {} give {levels}",
            schedule.num_levels(),
            spacing.target,
            spacing.rounding
        );
        let mut holes = BTreeMap::new();
        let mut set = |key: String, text: String| holes.insert(key, text);
        let mut widest = 0.0_f64;
        for (key, printed, [lower, upper]) in file.enclosed() {
            let width = Interval::new(lower, upper)?.relative_width();
            ensure!(
                width <= WIDEST,
                "{key} lies in [{lower:e}, {upper:e}], {width:.1e} wide relative to it, certificates allow: {WIDEST}"
            );
            widest = widest.max(width);
            set(key.to_owned(), hexadecimal(printed));
            set(format!("{key}.lower"), hexadecimal(lower));
            set(format!("{key}.upper"), hexadecimal(upper));
        }
        let name = file.dataset.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        for (key, text) in [
            ("name", name),
            ("dim", schedule.dim().to_string()),
            ("sigma_max", hexadecimal(schedule.range().max())),
            ("sigma_min", hexadecimal(schedule.range().min())),
            ("overlap_target", hexadecimal(spacing.target)),
            ("rounding", rule(spacing.rounding)),
            ("num_levels", schedule.num_levels().to_string()),
            ("steps_per_level", schedule.steps_per_level().to_string()),
            ("width", hexadecimal(widest)),
        ] {
            set(key.to_owned(), text);
        }
        Ok(Self { holes })
    }

    /// Reads the numbers of a certificate and nothing else.
    ///
    /// # Errors
    /// The first line that is not the template's, and a number that is not in the form that [`Self::text`] writes.
    pub fn parse(text: &str) -> Result<Self> {
        let mut holes = BTreeMap::new();
        let mut lines = text.split('\n');
        for (index, expected) in TEMPLATE.split('\n').enumerate() {
            let number = index + 1;
            let found = lines.next().with_context(|| format!("the file ends before line {number}"))?;
            read_line(expected, found, &mut holes).with_context(|| format!("line {number}"))?;
        }
        ensure!(lines.next().is_none(), "the file goes on after the certificate's last line");
        Ok(Self { holes })
    }

    /// The Coq file that proves the schedule right.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = TEMPLATE.to_owned();
        for (key, value) in &self.holes {
            text = text.replace(&format!("@{key}@"), value);
        }
        text
    }

    /// How many numbers it states, and the rounding rule.
    #[must_use]
    pub fn count(&self) -> usize {
        self.holes.len() - 1
    }

    /// Refuses a certificate of other numbers.
    ///
    /// # Errors
    /// The first key with another value, and both values.
    pub fn compare(&self, other: &Self) -> Result<()> {
        for (key, value) in self.holes.iter().filter(|(key, _)| *key != "name") {
            let expected = other.holes.get(key).map_or("missing", String::as_str);
            ensure!(value == expected, "{key} is {value} in the certificate, but {expected} in the schedule");
        }
        Ok(())
    }
}

/// Matches a line with one of the template, hole by hole.
fn read_line(expected: &str, found: &str, holes: &mut BTreeMap<String, String>) -> Result<()> {
    let (mut rest, mut parts) = (found, expected.split('@'));
    loop {
        let literal = parts.next().unwrap_or_default();
        let Some(after) = rest.strip_prefix(literal) else {
            bail!("{:?} is not the template's {expected:?}", excerpt(found));
        };
        let Some(key) = parts.next() else {
            ensure!(after.is_empty(), "{:?} goes on after the template's {expected:?}", excerpt(found));
            return Ok(());
        };
        // No value holds a comma, a semicolon or, but for a name, a space.
        let end = after.find(|c| c == ',' || c == ';' || (c == ' ' && key != "name")).unwrap_or(after.len());
        let (value, after) = after.split_at(end);
        ensure!(is_value(key, value), "{key} is {:?}, expected {}", excerpt(value), form(key));
        holes.insert(key.to_owned(), value.to_owned());
        rest = after;
    }
}

/// Enough of a foreign line to recognise it.
fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Whether a value has the one form in which it is written.
fn is_value(key: &str, value: &str) -> bool {
    match key {
        "name" => value.chars().all(is_plain),
        "rounding" => Rounding::ALL.into_iter().any(|known| rule(known) == value),
        "dim" | "num_levels" | "steps_per_level" => {
            value.parse::<u64>().is_ok_and(|n| n.to_string() == value)
        }
        _ => double(value).is_some(),
    }
}

/// The form of a value, in words.
fn form(key: &str) -> &'static str {
    match key {
        "name" => "letters, digits, spaces and ._/-",
        "rounding" => "the name of a rule",
        "dim" | "num_levels" | "steps_per_level" => "an integer in decimal",
        _ => "a double in hexadecimal, such as 0x1.8p+1",
    }
}

/// Whether a character is safe in a comment of Coq, where quotes and asterisks have a meaning.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._/-".contains(c)
}

/// Name of a rounding rule in `Statements.v`.
fn rule(rounding: Rounding) -> String {
    rounding.name().replace("+1", "_plus_one")
}

/// A non-negative double in hexadecimal, exactly: `0x1.8p+1` for 3, as C's `%a` prints it.
fn hexadecimal(value: f64) -> String {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i64, bits & ((1 << 52) - 1));
    let (lead, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
    let digits = format!("{fraction:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("0x{lead}{point}{digits}p{exponent:+}")
}

/// The finite double that [`hexadecimal`] writes so; `None` for every other text.
fn double(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.strip_prefix("0x")?.split_once('p')?;
    let (lead, digits) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let biased = match lead {
        "0" => 0,
        _ if (-1022..=1023).contains(&exponent) => (exponent + 1023) as u64,
        _ => return None,
    };
    let fraction =
        u64::from_str_radix(&format!("{digits:0<13}"), 16).ok().filter(|&fraction| fraction >> 52 == 0)?;
    let value = f64::from_bits(biased << 52 | fraction);
    (hexadecimal(value) == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: Python's `float.hex`.
    #[test]
    fn doubles_print_in_hexadecimal_and_read_back() {
        let cases = [
            (3.0, "0x1.8p+1"),
            (50.0, "0x1.9p+5"),
            (0.01, "0x1.47ae147ae147bp-7"),
            (1.0, "0x1p+0"),
            (5e-324, "0x0.0000000000001p-1022"),
            (f64::MAX, "0x1.fffffffffffffp+1023"),
        ];
        for (value, expected) in cases {
            assert_eq!(hexadecimal(value), expected);
            assert_eq!(double(expected), Some(value));
        }
    }

    #[test]
    fn other_spellings_of_a_double_are_refused() {
        for text in [
            "1",
            "0x1.80p+1",
            "0x1.8P+1",
            "0x1.8p1",
            "-0x1.8p+1",
            "0x2p+0",
            "0x1p+1024",
            "0x1.+8p+1",
            "0x1.8p+01",
            "0x1.ffffffffffffffp+0",
            "0x",
            "0xp+0",
            "inf",
            "0x1.8p+1)",
            "0x0.8p+0",
        ] {
            assert_eq!(double(text), None, "{text}");
        }
    }
}
