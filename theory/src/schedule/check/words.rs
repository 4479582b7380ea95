//! What a finding says: one sentence, with as many digits as it takes to see what differs.

use std::fmt;

use super::Finding;
use crate::interval::Interval;

/// Decimals that variance ratios and overlaps are shown with, unless it takes more to tell two apart.
const DECIMALS: usize = 4;
/// Digits after the point beyond which two different doubles of magnitude 1 differ for certain.
const MOST_DECIMALS: usize = 17;

/// Two numbers with as few digits as show them to differ, at least `digits` after the point; equal doubles look equal.
///
/// # Arguments
/// * `text` — writes a number with so many digits after the point
fn apart(values: [f64; 2], digits: usize, text: impl Fn(f64, usize) -> String) -> [String; 2] {
    let shown = |digits| values.map(|value| text(value, digits));
    (digits..MOST_DECIMALS)
        .map(shown)
        .find(|[first, second]| first != second)
        .unwrap_or_else(|| shown(if values[0] == values[1] { digits } else { MOST_DECIMALS }))
}

fn fixed(x: f64, digits: usize) -> String {
    format!("{x:.digits$}")
}

fn scientific(x: f64, digits: usize) -> String {
    format!("{x:.digits$e}")
}

/// "1.0247 against 1.0224", or one number where enclosures do not tell them apart.
fn against(first: Interval, second: Interval) -> String {
    if let Some(common) = first.intersection(second) {
        return format!("{} with either", fixed(common.mid(), DECIMALS));
    }
    let [first, second] = apart([first.mid(), second.mid()], DECIMALS, fixed);
    format!("{first} against {second}")
}

/// An overlap as a decimal; the tiniest as the power of ten above them, which does not read like a measurement.
fn shown_overlap(overlap: Interval) -> String {
    let most = overlap.hi().max(1e-300);
    if most < 1e-4 {
        format!("below {:.0e}", 10_f64.powf(most.log10().ceil()))
    } else {
        format!("{:.4}", overlap.mid())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Dimension { stated, dataset } => write!(
                f,
                "D = {stated} is not that of {}: {} ({} x {} x {})",
                dataset.title,
                dataset.dim(),
                dataset.channels,
                dataset.size,
                dataset.size
            ),
            Self::SigmaMax { published, diameter, agrees: true } if published == diameter => {
                write!(f, "sigma_max {published} is the diameter of Technique 1")
            }
            Self::SigmaMax { published, diameter, agrees: true } => {
                write!(f, "sigma_max {published} is the diameter {diameter}, rounded")
            }
            Self::SigmaMax { published, diameter, agrees: false } => write!(
                f,
                "sigma_max {published} is {} the diameter {diameter} of Technique 1",
                if published < diameter { "below" } else { "above" }
            ),
            Self::LevelsAgree { published, spacing } => {
                write!(f, "L = {published} follows from {spacing}")
            }
            Self::LevelsExplained { published, derived, spacing, rule } => {
                write!(f, "L = {published} follows from {rule}; {spacing} gives {derived}")
            }
            Self::LevelsDiffer { published, derived, spacing, overlap } => write!(
                f,
                "L = {published} leaves adjacent levels an overlap {}; {spacing} gives {derived}, no named rule gives \
                 {published}",
                if overlap.is_below(1e-4) {
                    shown_overlap(overlap)
                } else {
                    format!("of {}", shown_overlap(overlap))
                }
            ),
            Self::EpsilonAgrees { published, optimal } => {
                // At least the digits that are said to agree.
                let digits = super::shortest(published).0.saturating_sub(1).max(4);
                write!(
                    f,
                    "epsilon {published:e} is Technique 4's minimiser {:.digits$e} to the digits given",
                    optimal.mid()
                )
            }
            Self::EpsilonMisprint { published, optimal, chain, .. } => write!(
                f,
                "epsilon {published:e}: misprint by a factor of ten; Technique 4's minimiser is {:.4e}; as printed it \
                 leaves the chain of all levels at a variance ratio of {:.4}",
                optimal.mid(),
                chain.mid()
            ),
            Self::EpsilonDiffers { published, optimal, one_level, chain } => {
                // The published number is shown whole; the minimiser with digits enough to be seen to be another.
                let [_, minimiser] = apart([published, optimal.mid()], 4, scientific);
                write!(
                    f,
                    "epsilon {published:e} is not Technique 4's minimiser {minimiser}: variance ratio of one level {}, \
                     of the chain of all levels {}",
                    against(one_level.0, one_level.1),
                    against(chain.0, chain.1)
                )
            }
            Self::VarianceGrows { delta, zero_gain } => {
                let [delta, zero_gain] = apart([delta.mid(), zero_gain.mid()], DECIMALS, fixed);
                write!(
                    f,
                    "epsilon/sigma_min^2 = {delta} exceeds the zero-gain point 2 - 2/gamma^2 = {zero_gain}: a level \
                     that starts at the variance of the noise above it ends with more, for every T; in the chain \
                     levels start with more, and need not"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_the_digits_that_tell_them_apart() {
        for (values, expected) in [
            ([1.0575, 1.0589], ["1.0575", "1.0589"]),
            ([1.057_512, 1.057_538], ["1.05751", "1.05754"]),
            ([1.0, 1.0_f64.next_up()], ["1.0000000000000000", "1.0000000000000002"]),
            ([0.5, 0.5], ["0.5000", "0.5000"]),
        ] {
            assert_eq!(apart(values, DECIMALS, fixed), expected);
        }
    }

    #[test]
    fn numbers_whose_enclosures_meet_are_not_said_to_differ() {
        let [low, high] = [(1.0574, 1.0577), (1.0575, 1.0578)].map(|(lo, hi)| Interval::new(lo, hi).unwrap());
        assert_eq!(against(low, high), "1.0576 with either");
    }
}
