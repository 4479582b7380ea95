//! The range of stored values: which part of it is used, and which becomes 0 to 255.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

const ALLOWED: &str = "allowed: LO,HI, whole numbers with 0 <= LO < HI <= 65535";

/// Stored values that become 0 and 255; those between them in proportion, rounded to nearest.
///
/// # Formula
/// ```text
/// byte = round((value − lo)·255/(hi − lo)), halves up
/// ```
///
/// # Example
/// ```
/// use ncsn_data::ValueRange;
/// let twelve_bits: ValueRange = "0,4095".parse()?;
/// assert_eq!([0, 2000, 4095, 4096].map(|value| twelve_bits.byte(value)), [Some(0), Some(125), Some(255), None]);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[u16; 2]", into = "[u16; 2]")]
pub struct ValueRange {
    lo: u16,
    hi: u16,
}

impl ValueRange {
    /// All values of a byte, which stay what they are.
    pub(crate) const BYTES: Self = Self { lo: 0, hi: u8::MAX as u16 };
    /// All values of 16 bits.
    pub(crate) const WORDS: Self = Self { lo: 0, hi: u16::MAX };

    /// The byte for a value; none outside the range.
    #[must_use]
    pub fn byte(self, value: u16) -> Option<u8> {
        let span = u32::from(self.hi - self.lo);
        let above = u32::from(value.checked_sub(self.lo)?);
        (above <= span).then(|| ((2 * 255 * above + span) / (2 * span)) as u8)
    }

    /// The bytes for values.
    ///
    /// # Errors
    /// The first value outside the range.
    pub(crate) fn bytes(self, values: impl Iterator<Item = u16>) -> Result<Vec<u8>, u16> {
        values.map(|value| self.byte(value).ok_or(value)).collect()
    }

    /// The ends.
    #[must_use]
    pub fn ends(self) -> [u16; 2] {
        [self.lo, self.hi]
    }
}

impl FromStr for ValueRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text
            .split_once(',')
            .and_then(|(lo, hi)| Some((lo.trim().parse().ok()?, hi.trim().parse().ok()?)));
        match ends {
            Some((lo, hi)) => [lo, hi].try_into(),
            None => Err(ALLOWED.into()),
        }
    }
}

impl TryFrom<[u16; 2]> for ValueRange {
    type Error = String;

    fn try_from([lo, hi]: [u16; 2]) -> Result<Self, String> {
        if lo < hi { Ok(Self { lo, hi }) } else { Err(ALLOWED.into()) }
    }
}

impl From<ValueRange> for [u16; 2] {
    fn from(range: ValueRange) -> Self {
        range.ends()
    }
}

/// Least and greatest of the values seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub least: u16,
    pub greatest: u16,
}

impl Used {
    pub(crate) fn of<T: Copy + Ord + Into<u16>>(values: &[T]) -> Option<Self> {
        // By value: comparing references one by one took a third of the time of reading JPEG.
        let least = values.iter().copied().reduce(|a, b| a.min(b))?;
        let greatest = values.iter().copied().reduce(|a, b| a.max(b))?;
        Some(Self { least: least.into(), greatest: greatest.into() })
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), greatest: self.greatest.max(other.greatest) }
    }

    /// Whether they reach over less than 1/16 of all that could be stored.
    pub(crate) fn is_narrow(self, all: ValueRange) -> bool {
        u32::from(self.greatest - self.least) * 16 < u32::from(all.hi)
    }

    /// What to say where hardly any of the range is used: most likely the values are meant to be spread over all of it.
    ///
    /// Equal values have no range to spread.
    pub(crate) fn note(self, all: ValueRange) -> Option<String> {
        let Self { least, greatest } = self;
        if !self.is_narrow(all) || least == greatest {
            return None;
        }
        let bits = ((u32::from(greatest) + 1).next_power_of_two() - 1) as u16;
        let (lo, hi) = if bits < all.hi { (0, bits) } else { (least, greatest) };
        let found = format!("values are {least} to {greatest} only, of 0 to {}", all.hi);
        Some(format!("{found}: --value-range {lo},{hi} reads {lo} to {hi} as the whole range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_ranges_round_to_the_nearest_of_256_values() {
        for value in 0..=u16::MAX {
            let exact = f64::from(value) / 257.0;
            assert_eq!(ValueRange::WORDS.byte(value), Some(exact.round() as u8), "{value}");
        }
        assert!((0..=255).all(|value: u8| ValueRange::BYTES.byte(value.into()) == Some(value)));
    }

    #[test]
    fn ranges_are_two_rising_numbers() {
        for text in ["", "5", "5,5", "6,5", "-1,5", "0,65536", "a,b", "0,1,2"] {
            assert!(text.parse::<ValueRange>().is_err(), "{text}");
        }
        assert_eq!("10, 20".parse::<ValueRange>().unwrap().ends(), [10, 20]);
    }

    #[test]
    fn narrow_use_is_noted_with_the_range_that_mends_it() {
        let note = |least, greatest, all| Used { least, greatest }.note(all).unwrap_or_default();
        assert!(note(0, 1, ValueRange::BYTES).contains("--value-range 0,1 "));
        assert!(note(3, 4000, ValueRange::WORDS).contains("--value-range 0,4095 "));
        assert!(note(250, 255, ValueRange::BYTES).contains("--value-range 250,255 "));
        assert_eq!(note(0, 16, ValueRange::BYTES), "");
        assert_eq!(note(9, 9, ValueRange::BYTES), "");
        assert_eq!(note(0, 4096, ValueRange::WORDS), "");
    }
}
