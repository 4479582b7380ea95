//! `ncsn validate`: the propositions of the paper, tested numerically.
//!
//! The two sides of a check come by different roads: a closed form or an enclosure of the theory by one, by the other a
//! simulation, or an integral, sum or search written here from the definition, with none of the theory's functions.
//! Statistical checks state their sample size; the probability that any of them fails although the statement is true is
//! at most the significance, by inequalities that hold for every number of draws. The checks by definition never fail by
//! chance.

mod figures;
mod langevin;
mod mixture;
mod page;
mod poster;
mod quadrature;
mod radius;
mod techniques;

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use ncsn_theory::schedule::{Derivation, NoiseRange, Request as Derive, Spacing, Steps};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::cli::{ReportFormat, ValidateArgs};
use ncsn_shell::{Outcome, command_line, output};
use poster::Poster;

/// Checks that can fail by chance; each does with probability at most significance/STATISTICAL.
const STATISTICAL: usize = mixture::STATISTICAL + radius::STATISTICAL + langevin::STATISTICAL;

/// What to test and how to show it.
#[derive(Clone, Debug)]
pub struct Request {
    seed: u64,
    samples: usize,
    significance: f64,
    poster: Option<Poster>,
    format: ReportFormat,
    report: Option<PathBuf>,
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
            report: args.report,
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
    output::check(&[("--report", request.report.as_deref(), &["html"])])?;
    let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
    let (samples, risk) = (request.samples, request.significance / STATISTICAL as f64);
    let mut checks = vec![mixture::score_is_the_gradient(&mut rng)?];
    checks.extend(mixture::pairs(samples, risk, &mut rng)?);
    checks.extend(mixture::many_components(samples, risk, &mut rng)?);
    for dim in radius::DIMS {
        let law = radius::integrals(dim)?;
        let holds = law.holds == Some(true);
        checks.extend([law, radius::ratio(dim, holds)?]);
    }
    for dim in radius::SIMULATED_DIMS {
        checks.extend(radius::simulated(dim, samples, risk, &mut rng)?);
    }
    checks.push(radius::normal_limit()?);
    for (gamma, steps) in langevin::CHAINS {
        checks.push(langevin::forms(gamma, steps)?);
        checks.push(langevin::chain(gamma, steps, samples, risk, &mut rng)?);
    }
    checks.push(techniques::largest_distance(&mut rng)?);
    for schedule in [derive(3072, 50.0, 5)?, derive(196_608, 348.0, 3)?] {
        checks.push(radius::levels(&schedule));
        checks.push(langevin::epsilon(&schedule));
    }
    checks.push(techniques::moving_average()?);
    checks.extend(langevin::algorithm(samples, risk, &mut rng)?);
    let mut sheets = Vec::new();
    if let Some(poster) = &request.poster {
        // A stream of its own: what it shows does not depend on the checks before it.
        let (check, shown) = poster.experiment(&mut ChaCha8Rng::seed_from_u64(request.seed))?;
        checks.push(check);
        sheets = shown;
    }
    // Statements in the order of their first check.
    let order: Vec<&str> = checks.iter().map(|check| check.statement).collect();
    checks.sort_by_key(|check| order.iter().position(|statement| *statement == check.statement));
    let failed = checks.iter().filter(|check| check.holds == Some(false)).count();
    if let Some(path) = &request.report {
        let page = page::page(request, &checks, &sheets, &command_line())?;
        output::write_files(&[(path, &page.html())])?;
    }
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

/// The schedule of a row of Table 4, by overlap 0.5.
fn derive(dim: u64, sigma_max: f64, steps: u64) -> Result<Derivation> {
    let request = Derive {
        dim,
        range: NoiseRange::new(sigma_max, 0.01)?,
        spacing: Spacing::default(),
        steps: Steps::PerLevel(steps),
    };
    Ok(request.derive()?)
}

/// What the checks by simulation rest on.
fn conditions(request: &Request) -> String {
    format!(
        "Seed {}, {} draws per simulation where no other number stands; a true statement fails one of the {} \
         statistical checks with probability at most {:e}.",
        request.seed, request.samples, STATISTICAL, request.significance
    )
}

impl Check {
    /// The verdict in a word.
    fn verdict(&self) -> &'static str {
        match self.holds {
            Some(true) => "holds",
            Some(false) => "FAILS",
            None => "shown",
        }
    }
}

fn text(request: &Request, checks: &[Check], failed: usize) -> Result<String> {
    let mut text = conditions(request) + "\n";
    let mut statement = "";
    for check in checks {
        if check.statement != statement {
            statement = check.statement;
            writeln!(text, "\n{statement}")?;
        }
        writeln!(text, "  {}  {}: {}; {}", check.verdict(), check.case, check.observed, check.expected)?;
    }
    writeln!(text, "\n{} checks, {failed} failed", checks.len())?;
    Ok(text)
}
