//! `ncsn validate`: the propositions of the paper, tested numerically.
//!
//! Each check compares an enclosure or a formula with something computed in another way: a difference quotient, an
//! integral by simulation, a simulated chain. Statistical checks state their sample size; the probability that any of
//! them fails although the statement is true is at most the significance.

mod checks;
mod poster;

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::Outcome;
use crate::cli::{ReportFormat, ValidateArgs};
use poster::Poster;

/// What to test and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    seed: u64,
    samples: usize,
    significance: f64,
    poster: Option<Poster>,
    format: ReportFormat,
}

impl TryFrom<ValidateArgs> for Request {
    type Error = anyhow::Error;

    fn try_from(args: ValidateArgs) -> Result<Self> {
        anyhow::ensure!(
            args.significance >= 1e-12 && args.significance < 1.0,
            "significance is {:?}, allowed: 1e-12 to below 1",
            args.significance
        );
        anyhow::ensure!(
            (1_000..=3_000_000).contains(&args.samples),
            "samples is {}, allowed: 1000 to 3000000",
            args.samples
        );
        let (options, centres) = (args.read.into(), args.centres);
        Ok(Self {
            seed: args.seed,
            samples: args.samples,
            significance: args.significance,
            poster: args.data.map(|path| Poster { path, options, centres }),
            format: args.format,
        })
    }
}

/// One statement, what was computed, and whether they fit.
#[derive(Debug, Serialize)]
struct Check {
    statement: &'static str,
    case: String,
    observed: String,
    expected: String,
    /// Nothing where the check has no yes or no, only something to look at.
    holds: Option<bool>,
}

impl Check {
    fn new(statement: &'static str, case: String, observed: String, expected: String, holds: bool) -> Self {
        Self { statement, case, observed, expected, holds: Some(holds) }
    }
}

/// Runs every check and prints the table; the answer is no when one fails.
///
/// # Errors
/// Data that cannot be read.
pub fn run(request: &Request, out: &mut dyn Write) -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
    let risk = request.significance / checks::STATISTICAL as f64;
    let mut checks = vec![checks::score_is_the_gradient(&mut rng)?];
    checks.extend(checks::pair_bounds(request.samples, risk, &mut rng)?);
    checks.push(checks::bound_among_many(request.samples, risk, &mut rng)?);
    for dim in checks::RADIUS_DIMS {
        checks.extend(checks::radius_law(dim, request.samples, risk, &mut rng)?);
    }
    checks.push(checks::normal_limit()?);
    for (gamma, steps) in checks::CHAINS {
        checks.push(checks::forms_of_the_variance(gamma, steps)?);
        checks.push(checks::chain(gamma, steps, request.samples, risk, &mut rng)?);
    }
    if let Some(poster) = &request.poster {
        checks.push(poster.experiment(&mut rng)?);
    }
    // Statements in the order of their first check.
    let order: Vec<&str> = checks.iter().map(|check| check.statement).collect();
    checks.sort_by_key(|check| order.iter().position(|statement| *statement == check.statement));
    let failed = checks.iter().filter(|check| check.holds == Some(false)).count();
    match request.format {
        ReportFormat::Text => out.write_all(text(request, &checks, failed)?.as_bytes())?,
        ReportFormat::Json => {
            let json = serde_json::json!({
                "schema": "ncsn.validate/1",
                "seed": request.seed,
                "samples": request.samples,
                "significance": request.significance,
                "checks": checks,
                "failed": failed,
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&json)?)?;
        }
    }
    Ok(if failed == 0 { Outcome::Yes } else { Outcome::No })
}

fn text(request: &Request, checks: &[Check], failed: usize) -> Result<String> {
    let mut text = format!(
        "Seed {}, up to {} draws per simulation; a true statement fails one of the {} statistical \
         checks with probability at most {:e}.\n",
        request.seed,
        request.samples,
        checks::STATISTICAL,
        request.significance
    );
    let mut statement = "";
    for check in checks {
        if check.statement != statement {
            statement = check.statement;
            writeln!(text, "\n{statement}")?;
        }
        let verdict = match check.holds {
            Some(true) => "holds",
            Some(false) => "FAILS",
            None => "shown",
        };
        writeln!(text, "  {verdict}  {}: {}; {}", check.case, check.observed, check.expected)?;
    }
    writeln!(text, "\n{} checks, {failed} failed", checks.len())?;
    Ok(text)
}
