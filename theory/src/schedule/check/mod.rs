//! Published settings held against the techniques.
//!
//! A published schedule states σ₁, L, T and ε. Each is compared with what the techniques give for the others. A
//! difference is explained by one of the rules that have a name ([`named_rules`]) or by a shifted decimal point, and by
//! nothing else: some overlap between 0 and 1 gives any L. What it costs is said.

mod words;

use super::presets::{Dataset, PUBLISHED_OVERLAP};
use super::{Rounding, Schedule, Spacing, gamma_root, num_levels};
use crate::Error;
use crate::interval::Interval;
use crate::names::named;

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

named!(Verdict, "verdict": Agrees => "agrees", Explained => "explained", Differs => "differs");

/// One published number, what the techniques say, and why they differ. `Display` gives one sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// D is not that of the data set that the schedule is said to be for.
    Dimension {
        /// D as stated.
        stated: u64,
        /// The data set.
        dataset: &'static Dataset,
    },
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
    /// L is what another named rule gives.
    LevelsExplained {
        /// L as published.
        published: u64,
        /// L as asked for.
        derived: u64,
        /// What was asked for.
        spacing: Spacing,
        /// The rule that gives the published L.
        rule: Spacing,
    },
    /// No named rule gives L.
    LevelsDiffer {
        /// L as published.
        published: u64,
        /// L as asked for.
        derived: u64,
        /// What was asked for.
        spacing: Spacing,
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
        /// k = ±1 in minimiser ≈ published·10ᵏ.
        decimal_shift: i32,
        /// Variance ratio after all levels of Algorithm 1 with the published ε, taken as printed.
        chain: Interval,
    },
    /// ε is not the minimiser.
    EpsilonDiffers {
        /// ε as published.
        published: f64,
        /// The minimiser.
        optimal: Interval,
        /// Variance ratio of one level (Proposition 3) with the published ε, and with the minimiser.
        one_level: (Interval, Interval),
        /// Variance ratio after all levels of Algorithm 1 with the published ε, and with the minimiser.
        chain: (Interval, Interval),
    },
    /// ε is so large that a level which starts at exactly σ_{i−1}² ends with more variance, whatever T.
    ///
    /// In Algorithm 1 levels start with more than σ_{i−1}², and such an ε may even serve the whole chain better.
    VarianceGrows {
        /// δ = ε/σ_L².
        delta: Interval,
        /// 2 − 2/γ², where a level neither gains nor loses variance.
        zero_gain: Interval,
    },
}

/// The rules of spacing that have a name: the target asked for, the paper's ½, that behind Table 4; in each rounding.
///
/// The order is that in which an explanation is preferred: the targets as listed, the published ⌊x⌋ + 1 before other
/// roundings.
pub fn named_rules(asked: Spacing) -> impl Iterator<Item = Spacing> {
    use Rounding::{Ceil, CeilPlusOne, Floor, FloorPlusOne, RoundPlusOne};
    [asked.target, Spacing::default().target, PUBLISHED_OVERLAP].into_iter().flat_map(move |target| {
        [FloorPlusOne, CeilPlusOne, RoundPlusOne, Ceil, Floor].map(|rounding| Spacing {
            target,
            law: asked.law,
            rounding,
        })
    })
}

/// Compares a schedule with the techniques.
///
/// # Arguments
/// * `schedule` — the published numbers
/// * `spacing` — what Technique 2 is asked for
/// * `diameter` — the largest pairwise distance of the data, where it is known
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

/// Compares the dimension with that of the data set that a schedule is said to be for; nothing where they agree.
#[must_use]
pub fn check_dimension(schedule: &Schedule, dataset: &'static Dataset) -> Option<Finding> {
    let stated = schedule.dim();
    (stated != dataset.dim()).then_some(Finding::Dimension { stated, dataset })
}

fn check_levels(schedule: &Schedule, spacing: Spacing) -> Result<Finding, Error> {
    let published = schedule.num_levels();
    let levels = |rule: Spacing| {
        num_levels(schedule.range(), gamma_root(schedule.dim(), rule.target, rule.law)?, rule.rounding)
    };
    let derived = levels(spacing)?;
    if derived == published {
        return Ok(Finding::LevelsAgree { published, spacing });
    }
    // A rule without an answer here, such as fewer than two levels, explains nothing.
    let rule = named_rules(spacing).find(|&rule| levels(rule).is_ok_and(|levels| levels == published));
    Ok(match rule {
        Some(rule) => Finding::LevelsExplained { published, derived, spacing, rule },
        None => {
            let overlap = schedule.overlap(spacing.law);
            Finding::LevelsDiffer { published, derived, spacing, overlap }
        }
    })
}

fn check_epsilon(schedule: &Schedule) -> Result<Finding, Error> {
    let published = schedule.epsilon();
    let optimal = schedule.optimal_epsilon()?;
    if optimal.contains(published) || rounds_to(optimal, published) {
        return Ok(Finding::EpsilonAgrees { published, optimal });
    }
    if let Some(decimal_shift) = [-1, 1].into_iter().find(|&k| rounds_to_shifted(optimal, published, k)) {
        let chain = schedule.chain_ratio();
        return Ok(Finding::EpsilonMisprint { published, optimal, decimal_shift, chain });
    }
    let best = schedule.with_epsilon(optimal.mid())?;
    Ok(Finding::EpsilonDiffers {
        published,
        optimal,
        one_level: (schedule.variance_ratio(), best.variance_ratio()),
        chain: (schedule.chain_ratio(), best.chain_ratio()),
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

impl Finding {
    /// The schedule key that the finding is about.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Dimension { .. } => "dim",
            Self::SigmaMax { .. } => "sigma_max",
            Self::LevelsAgree { .. } | Self::LevelsExplained { .. } | Self::LevelsDiffer { .. } => {
                "num_levels"
            }
            Self::EpsilonAgrees { .. }
            | Self::EpsilonMisprint { .. }
            | Self::EpsilonDiffers { .. }
            | Self::VarianceGrows { .. } => "epsilon",
        }
    }

    /// Whether the published number stands.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::SigmaMax { agrees: true, .. } | Self::LevelsAgree { .. } | Self::EpsilonAgrees { .. } => {
                Verdict::Agrees
            }
            Self::LevelsExplained { .. } => Verdict::Explained,
            Self::Dimension { .. }
            | Self::SigmaMax { agrees: false, .. }
            | Self::LevelsDiffer { .. }
            | Self::EpsilonMisprint { .. }
            | Self::EpsilonDiffers { .. }
            | Self::VarianceGrows { .. } => Verdict::Differs,
        }
    }
}
