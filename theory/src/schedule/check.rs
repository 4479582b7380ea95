//! Published settings held against the techniques.
//!
//! A published schedule states σ₁, L, T and ε. Each is compared with what the techniques give for the others, and a
//! difference is explained: by another overlap target or rounding, by a shifted decimal point, or by how much it costs.

use std::fmt;

use super::presets::PUBLISHED_OVERLAP;
use super::spacing::targets_for_levels;
use super::{Law, Rounding, Schedule, gamma_root, num_levels, overlap};
use crate::Error;
use crate::interval::Interval;

/// How a published number stands to the technique that determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The technique gives the same number, to the digits published.
    Agrees,
    /// The technique gives it under another choice that the paper leaves open.
    Explained,
    /// No choice left open gives it.
    Differs,
}

impl Verdict {
    /// Name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Explained => "explained",
            Self::Differs => "differs",
        }
    }
}

/// One published number, what the techniques say, and why they differ. `Display` gives one sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// σ₁ against the largest pairwise distance.
    SigmaMax {
        /// σ₁ as published.
        published: f64,
        /// The diameter.
        diameter: f64,
        /// Whether the two agree to the digits published.
        agrees: bool,
    },
    /// L is what Technique 2 gives as asked for.
    LevelsAgree {
        /// L.
        published: u64,
        /// What was asked for.
        spacing: Spacing,
    },
    /// L is what another target gives with ⌊x⌋ + 1.
    LevelsExplained {
        /// L as published.
        published: u64,
        /// L as asked for.
        derived: u64,
        /// What was asked for.
        spacing: Spacing,
        /// A target that gives the published L with ⌊x⌋ + 1: that of Table 4, else the shortest decimal.
        other_target: f64,
    },
    /// Adjacent levels overlap with a probability that nobody would ask for.
    LevelsTooFew {
        /// L as published.
        published: u64,
        /// L as asked for.
        derived: u64,
        /// What was asked for.
        spacing: Spacing,
        /// The realised overlap.
        overlap: Interval,
    },
    /// There are more levels than any target below C(1) asks for.
    LevelsTooMany {
        /// L as published.
        published: u64,
        /// L as asked for.
        derived: u64,
        /// What was asked for.
        spacing: Spacing,
    },
    /// ε is Technique 4's minimiser, to the digits published.
    EpsilonAgrees {
        /// ε as published.
        published: f64,
        /// The minimiser.
        optimal: Interval,
    },
    /// ε has the minimiser's digits and another power of ten.
    EpsilonMisprint {
        /// ε as published.
        published: f64,
        /// The minimiser.
        optimal: Interval,
        /// k = ±1 in minimiser ≈ published·10ᵏ.
        decimal_shift: i32,
    },
    /// ε is not the minimiser.
    EpsilonDiffers {
        /// ε as published.
        published: f64,
        /// The minimiser.
        optimal: Interval,
        /// Variance ratio with the published ε.
        ratio: Interval,
        /// The smallest variance ratio.
        optimal_ratio: Interval,
    },
    /// ε is so large that each level ends with more variance than it began with, whatever T.
    VarianceGrows {
        /// δ = ε/σ_L².
        delta: Interval,
        /// 2 − 2/γ², where a level neither gains nor loses variance.
        zero_gain: Interval,
    },
}

/// What is asked of Technique 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// Overlap of adjacent levels.
    pub target: f64,
    /// Law of the radius.
    pub law: Law,
    /// How L follows from γ.
    pub rounding: Rounding,
}

impl Default for Spacing {
    /// The paper's ½ by the normal law, with the rounding that guarantees it.
    fn default() -> Self {
        Self { target: 0.5, law: Law::Normal, rounding: Rounding::CeilPlusOne }
    }
}

/// Largest realised overlap below which L cannot be explained by a choice of target.
const SENSIBLE_OVERLAP: f64 = 0.01;

/// Compares a schedule with the techniques.
///
/// # Arguments
/// `schedule` — the published numbers. `spacing` — what Technique 2 is asked for. `diameter` — the largest pairwise
/// distance of the data, where it is known.
///
/// # Errors
/// Those of [`gamma_root`] and [`num_levels`].
///
/// # Example
/// ```
/// use ncsn_theory::schedule::{check::check, presets::{Dataset, Model}};
/// let ffhq = Dataset::find("ffhq").unwrap();
/// let row = ffhq.row(Model::NcsnV2).unwrap().schedule(ffhq.dim())?;
/// let findings = check(&row, Default::default(), None)?;
/// assert!(findings.iter().any(|finding| finding.to_string().contains("misprint by a factor of ten")));
/// # Ok::<(), ncsn_theory::Error>(())
/// ```
pub fn check(schedule: &Schedule, spacing: Spacing, diameter: Option<f64>) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let published = schedule.range().max();
    if let Some(diameter) = diameter {
        // A σ₁ of 50 claims to be right to a unit, not to one digit.
        let published_text = format!("{published}");
        let decimals = published_text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let agrees = format!("{diameter:.decimals$}") == published_text;
        findings.push(Finding::SigmaMax { published, diameter, agrees });
    }
    findings.push(check_levels(schedule, spacing)?);
    findings.push(check_epsilon(schedule)?);
    let zero_gain = 2.0 - 2.0 / schedule.gamma().sqr();
    if schedule.delta().is_above(zero_gain.hi()) {
        findings.push(Finding::VarianceGrows { delta: schedule.delta(), zero_gain });
    }
    Ok(findings)
}

fn check_levels(schedule: &Schedule, spacing: Spacing) -> Result<Finding, Error> {
    let (dim, range, published) = (schedule.dim(), schedule.range(), schedule.num_levels());
    let root = gamma_root(dim, spacing.target, spacing.law)?;
    let derived = num_levels(range, root, spacing.rounding)?;
    if derived == published {
        return Ok(Finding::LevelsAgree { published, spacing });
    }
    let realised = schedule.overlap(spacing.law);
    if realised.is_below(SENSIBLE_OVERLAP) {
        return Ok(Finding::LevelsTooFew { published, derived, spacing, overlap: realised });
    }
    let (least, greatest) = targets_for_levels(range, dim, published, Rounding::FloorPlusOne, spacing.law)?;
    let targets = (least.hi(), greatest.lo().min(overlap(Interval::ONE, dim, spacing.law).lo()));
    let other_target = if (targets.0..targets.1).contains(&PUBLISHED_OVERLAP) {
        Some(PUBLISHED_OVERLAP)
    } else {
        shortest_decimal(targets.0, targets.1)
    };
    Ok(match other_target {
        Some(other_target) => Finding::LevelsExplained { published, derived, spacing, other_target },
        None => Finding::LevelsTooMany { published, derived, spacing },
    })
}

fn check_epsilon(schedule: &Schedule) -> Result<Finding, Error> {
    let published = schedule.epsilon();
    let optimal = schedule.optimal_epsilon()?;
    if optimal.contains(published) || rounds_to(optimal, published) {
        return Ok(Finding::EpsilonAgrees { published, optimal });
    }
    if let Some(decimal_shift) = [-1, 1].into_iter().find(|&k| rounds_to_shifted(optimal, published, k)) {
        return Ok(Finding::EpsilonMisprint { published, optimal, decimal_shift });
    }
    let best = Schedule { epsilon: optimal.mid(), ..*schedule };
    Ok(Finding::EpsilonDiffers {
        published,
        optimal,
        ratio: schedule.variance_ratio(),
        optimal_ratio: best.variance_ratio(),
    })
}

/// Mantissa digits and decimal exponent of the shortest decimal that parses to `x`.
fn shortest(x: f64) -> (usize, String, i32) {
    let text = format!("{x:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (
        mantissa.chars().filter(char::is_ascii_digit).count(),
        mantissa.to_owned(),
        exponent.parse().unwrap_or(0),
    )
}

/// Whether every element of `exact`, rounded to as many digits as `published` has, is `published·10ᵏ`.
fn rounds_to_shifted(exact: Interval, published: f64, k: i32) -> bool {
    let (digits, mantissa, exponent) = shortest(published);
    let wanted = format!("{mantissa}e{}", exponent + k);
    [exact.lo(), exact.hi()].iter().all(|end| format!("{end:.*e}", digits - 1) == wanted)
}

fn rounds_to(exact: Interval, published: f64) -> bool {
    rounds_to_shifted(exact, published, 0)
}

/// The decimal with the fewest digits after the point in `[lo, hi)`, the smallest of those; none when 17 do not suffice.
pub fn shortest_decimal(lo: f64, hi: f64) -> Option<f64> {
    (0..17)
        .map(|digits| {
            let scale = 10_f64.powi(digits);
            (lo * scale).ceil() / scale
        })
        .find(|&candidate| lo <= candidate && candidate < hi)
}

impl Finding {
    /// The schedule key that the finding is about.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::SigmaMax { .. } => "sigma_max",
            Self::LevelsAgree { .. }
            | Self::LevelsExplained { .. }
            | Self::LevelsTooFew { .. }
            | Self::LevelsTooMany { .. } => "num_levels",
            Self::EpsilonAgrees { .. }
            | Self::EpsilonMisprint { .. }
            | Self::EpsilonDiffers { .. }
            | Self::VarianceGrows { .. } => "epsilon",
        }
    }

    /// Whether the published number stands.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::SigmaMax { agrees: true, .. } | Self::LevelsAgree { .. } | Self::EpsilonAgrees { .. } => {
                Verdict::Agrees
            }
            Self::LevelsExplained { .. } => Verdict::Explained,
            Self::SigmaMax { agrees: false, .. }
            | Self::LevelsTooFew { .. }
            | Self::LevelsTooMany { .. }
            | Self::EpsilonMisprint { .. }
            | Self::EpsilonDiffers { .. }
            | Self::VarianceGrows { .. } => Verdict::Differs,
        }
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounding = match self.rounding {
            Rounding::CeilPlusOne => "ceil(x)+1",
            Rounding::FloorPlusOne => "floor(x)+1",
            Rounding::Ceil => "ceil(x)",
            Rounding::Floor => "floor(x)",
            Rounding::RoundPlusOne => "round(x)+1",
        };
        let law = if self.law == Law::Chi { " by the chi law" } else { "" };
        write!(f, "overlap {}{law} with {rounding}", self.target)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
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
            Self::LevelsExplained { published, derived, spacing, other_target } => write!(
                f,
                "L = {published} follows from overlap {other_target} with floor(x)+1; {spacing} gives {derived}"
            ),
            Self::LevelsTooFew { published, derived, spacing, overlap } => write!(
                f,
                "L = {published} leaves an overlap below {:.0e} between adjacent levels; {spacing} needs {derived}",
                // A power of ten above it: 4.9e-324 would be true, but reads like a measurement.
                10_f64.powf(overlap.hi().max(1e-300).log10().ceil())
            ),
            Self::LevelsTooMany { published, derived, spacing } => write!(
                f,
                "L = {published} is more than any overlap below that of a level with itself asks for; \
                 {spacing} needs {derived}"
            ),
            Self::EpsilonAgrees { published, optimal } => {
                write!(
                    f,
                    "epsilon {published:e} is Technique 4's minimiser {:.4e} to the digits given",
                    optimal.mid()
                )
            }
            Self::EpsilonMisprint { published, optimal, .. } => write!(
                f,
                "epsilon {published:e}: misprint by a factor of ten; Technique 4's minimiser is {:.4e}",
                optimal.mid()
            ),
            Self::EpsilonDiffers { published, optimal, ratio, optimal_ratio } => write!(
                f,
                "epsilon {published:e} is not Technique 4's minimiser {:.4e}: ratio {:.4} against {:.4}",
                optimal.mid(),
                ratio.mid(),
                optimal_ratio.mid()
            ),
            Self::VarianceGrows { delta, zero_gain } => write!(
                f,
                "epsilon/sigma_min^2 = {:.4} exceeds the zero-gain point 2 - 2/gamma^2 = {:.4}: \
                 every level ends with more variance than it starts with, for every T",
                delta.mid(),
                zero_gain.mid()
            ),
        }
    }
}
