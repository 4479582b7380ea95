//! Published settings held against the techniques.
//!
//! A published schedule states σ₁, L, T and ε. Each is compared with what the techniques give for the others, and a
//! difference is explained: by another overlap target or rounding, by a shifted decimal point, or by how much it costs.

use std::fmt;

use super::presets::PUBLISHED_OVERLAP;
use super::spacing::targets_for_levels;
use super::{Law, Rounding, Schedule, gamma_root, num_levels};
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
    /// L is what the target and ⌈x⌉ + 1 give.
    LevelsAgree {
        /// L.
        published: u64,
        /// The target.
        target: f64,
    },
    /// L is what another target gives with ⌊x⌋ + 1.
    LevelsExplained {
        /// L as published.
        published: u64,
        /// L from the target asked for.
        derived: u64,
        /// The target asked for.
        target: f64,
        /// A target that gives the published L with ⌊x⌋ + 1: that of Table 4, else the shortest decimal.
        other_target: f64,
    },
    /// Adjacent levels overlap with a probability that nobody would ask for.
    LevelsTooFew {
        /// L as published.
        published: u64,
        /// L from the target asked for.
        derived: u64,
        /// The target asked for.
        target: f64,
        /// The realised overlap.
        overlap: Interval,
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
        /// k in minimiser ≈ published·10ᵏ.
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

/// Largest realised overlap below which L cannot be explained by a choice of target.
const SENSIBLE_OVERLAP: f64 = 0.01;

/// Compares a schedule with the techniques.
///
/// # Arguments
/// `schedule` — the published numbers. `target` — overlap asked for by Technique 2. `diameter` — the largest pairwise
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
/// let findings = check(&row, 0.5, None)?;
/// assert!(findings.iter().any(|finding| finding.to_string().contains("misprint by a factor of ten")));
/// # Ok::<(), ncsn_theory::Error>(())
/// ```
pub fn check(schedule: &Schedule, target: f64, diameter: Option<f64>) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let published = schedule.range().max();
    if let Some(diameter) = diameter {
        // A σ₁ of 50 claims to be right to a unit, not to one digit.
        let published_text = format!("{published}");
        let decimals = published_text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let agrees = format!("{diameter:.decimals$}") == published_text;
        findings.push(Finding::SigmaMax { published, diameter, agrees });
    }
    findings.push(check_levels(schedule, target)?);
    findings.push(check_epsilon(schedule)?);
    let zero_gain = 2.0 - 2.0 / schedule.gamma().sqr();
    if schedule.delta().is_above(zero_gain.hi()) {
        findings.push(Finding::VarianceGrows { delta: schedule.delta(), zero_gain });
    }
    Ok(findings)
}

fn check_levels(schedule: &Schedule, target: f64) -> Result<Finding, Error> {
    let published = schedule.num_levels();
    let root = gamma_root(schedule.dim(), target, Law::Normal)?;
    let derived = num_levels(schedule.range(), root, Rounding::CeilPlusOne)?;
    if derived == published {
        return Ok(Finding::LevelsAgree { published, target });
    }
    let overlap = schedule.overlap(Law::Normal);
    if overlap.is_below(SENSIBLE_OVERLAP) {
        return Ok(Finding::LevelsTooFew { published, derived, target, overlap });
    }
    let (least, greatest) =
        targets_for_levels(schedule.range(), schedule.dim(), published, Rounding::FloorPlusOne, Law::Normal)?;
    let other_target = if (least.hi()..greatest.lo()).contains(&PUBLISHED_OVERLAP) {
        PUBLISHED_OVERLAP
    } else {
        shortest_decimal(least.hi(), greatest.lo())
    };
    Ok(Finding::LevelsExplained { published, derived, target, other_target })
}

fn check_epsilon(schedule: &Schedule) -> Result<Finding, Error> {
    let published = schedule.epsilon();
    let optimal = schedule.optimal_epsilon()?;
    if optimal.contains(published) || rounds_to(optimal, published) {
        return Ok(Finding::EpsilonAgrees { published, optimal });
    }
    let shifts = [-3, -2, -1, 1, 2, 3];
    if let Some(decimal_shift) = shifts.into_iter().find(|&k| rounds_to_shifted(optimal, published, k)) {
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

/// The decimal with the fewest digits after the point in `[lo, hi]`, the smallest of those; `lo` if 17 do not suffice.
pub fn shortest_decimal(lo: f64, hi: f64) -> f64 {
    (0..17)
        .filter_map(|digits| {
            let scale = 10_f64.powi(digits);
            let candidate = (lo * scale).ceil() / scale;
            (lo <= candidate && candidate <= hi).then_some(candidate)
        })
        .next()
        .unwrap_or(lo)
}

impl Finding {
    /// The schedule key that the finding is about.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::SigmaMax { .. } => "sigma_max",
            Self::LevelsAgree { .. } | Self::LevelsExplained { .. } | Self::LevelsTooFew { .. } => {
                "num_levels"
            }
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
            | Self::EpsilonMisprint { .. }
            | Self::EpsilonDiffers { .. }
            | Self::VarianceGrows { .. } => Verdict::Differs,
        }
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
            Self::LevelsAgree { published, target } => {
                write!(f, "L = {published} follows from overlap {target} with ceil(x)+1")
            }
            Self::LevelsExplained { published, derived, target, other_target } => write!(
                f,
                "L = {published} follows from overlap {other_target} with floor(x)+1; \
                 overlap {target} with ceil(x)+1 gives {derived}"
            ),
            Self::LevelsTooFew { published, derived, target, overlap } => write!(
                f,
                "L = {published} leaves an overlap below {:.0e} between adjacent levels; \
                 overlap {target} needs {derived}",
                // A power of ten above it: 4.9e-324 would be true, but reads like a measurement.
                10_f64.powf(overlap.hi().max(1e-300).log10().ceil())
            ),
            Self::EpsilonAgrees { published, optimal } => {
                write!(
                    f,
                    "epsilon {published:e} is Technique 4's minimiser {:.4e} to the digits given",
                    optimal.mid()
                )
            }
            Self::EpsilonMisprint { published, optimal, decimal_shift } => write!(
                f,
                "epsilon {published:e}: misprint by a factor of {}; Technique 4's minimiser is {:.4e}",
                match decimal_shift.unsigned_abs() {
                    1 => "ten".to_owned(),
                    k => format!("10^{k}"),
                },
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
