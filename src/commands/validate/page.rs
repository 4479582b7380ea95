//! The checks on one page, with the curves that they are about.

use anyhow::Result;
use ncsn_figures::{Figure, Page, Part};
use ncsn_theory::schedule::presets::{DATASETS, Dataset};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::poster::Samples;
use super::{Check, Request, conditions, figures};
use crate::commands::check;

/// The page of `validate --report`.
///
/// # Errors
/// None that a request causes.
pub(super) fn page(request: &Request, checks: &[Check], sheets: &[Samples], command: &str) -> Result<Page> {
    let failed = checks.iter().filter(|check| check.holds == Some(false)).count();
    let mut parts = vec![
        Part::Text(
            "Statements of Song & Ermon (2020), “Improved Techniques for Training Score-Based Generative Models”, \
             each held against a simulation, or an integral, sum or search from its definition."
                .into(),
        ),
        Part::Text(format!("{} checks, {failed} failed. {}", checks.len(), conditions(request))),
    ];
    let curves = |figure: Figure, caption: &str| Part::Curves {
        figure,
        caption: caption.into(),
        command: command.to_owned(),
    };
    // Figures draw from a stream of their own: they change nothing of the checks, and the checks nothing of them.
    let rng = &mut ChaCha8Rng::seed_from_u64(request.seed);
    rng.set_stream(1);
    let samples = request.samples;
    parts.push(Part::Heading("Proposition 1".into()));
    parts.push(curves(
        figures::bound_5(samples, rng)?,
        "Two Gaussian components: the share of one’s draws that the other claims, at most ½·exp(−d²/8). Far apart, \
         sampling that starts at one never reaches the other: hence Technique 1.",
    ));
    parts.push(Part::Heading("Proposition 2 and Technique 2".into()));
    for dim in [5, 3072] {
        let radii = figures::radii(dim, samples, rng);
        parts.push(curves(
            figures::histogram(dim, &radii)?,
            "Lengths of Gaussian vectors: bars are simulated. In few dimensions the normal limit is off; in those of \
             images no difference is seen.",
        ));
        if dim > 5 {
            parts.push(curves(
                figures::overlaps(dim, &radii)?,
                "The share of a level within three standard deviations of the level above; dots are shares of \
                 simulated vectors.",
            ));
        }
    }
    parts.push(curves(figures::kolmogorov()?, "How far the normal law of the paper is from the exact one."));
    parts.push(Part::Heading("Proposition 3 and Technique 4".into()));
    for (gamma, steps) in [(1.0398, 5), (1.668, 100)] {
        parts.push(curves(
            figures::variances(gamma, steps, samples, rng)?,
            "Dots are variances of simulated chains; 1 would be the level’s own. γ and T are those of Table 4 for \
             CIFAR-10, of NCSNv2 and of NCSN.",
        ));
    }
    parts.extend(poster(sheets, request.seed, command));
    parts.extend(table_4()?);
    parts.push(Part::Heading("All checks".into()));
    for group in checks.chunk_by(|a, b| a.statement == b.statement) {
        let rows = group.iter().map(|check| {
            vec![
                check.case.clone(),
                check.verdict().to_owned(),
                check.observed.clone(),
                check.expected.clone(),
            ]
        });
        parts.push(Part::Table {
            caption: group[0].statement.to_owned(),
            head: ["case", "verdict", "found", "expected"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
        });
    }
    parts.push(Part::Heading("Made by".into()));
    let version = env!("CARGO_PKG_VERSION");
    parts.push(Part::Code(format!("{command}\nncsn {version}, seed {}", request.seed)));
    Ok(Page { title: "The propositions, tested".into(), parts })
}

/// The sheets of the poster's experiment.
fn poster(sheets: &[Samples], seed: u64, command: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    if !sheets.is_empty() {
        parts.push(Part::Heading("Technique 1: the poster’s experiment".into()));
    }
    let pictures = sheets.iter().map(|Samples { sigma_max, sheet, told }| {
        let sigma_max = ncsn_schedule::number((1e4 * sigma_max).round() / 1e4);
        let caption = format!(
            "Samples with the exact score of a mixture centred at the images, started from uniform noise with σ₁ = \
             {sigma_max}, seed {seed}: {told}."
        );
        let told = format!("Sheet of samples with σ₁ = {sigma_max}");
        Part::Picture { png: sheet.png(), caption, told, command: command.to_owned() }
    });
    parts.extend((!sheets.is_empty()).then(|| Part::Beside(pictures.collect())));
    parts
}

/// Every row of Table 4 with what was found about it.
fn table_4() -> Result<[Part; 2]> {
    let published: Vec<&Dataset> = DATASETS.iter().filter(|dataset| !dataset.published.is_empty()).collect();
    let mut rows = Vec::new();
    for report in check::table_4(&published, None)? {
        let schedule = &report.schedule;
        let numbers = format!(
            "σ₁ = {}, L = {}, T = {}, ε = {:e}",
            schedule.range().max(),
            schedule.num_levels(),
            schedule.steps_per_level(),
            schedule.epsilon()
        );
        for (number, finding) in report.findings.iter().enumerate() {
            let (name, numbers) =
                if number == 0 { (report.name.clone(), numbers.clone()) } else { Default::default() };
            rows.push(vec![name, numbers, finding.verdict.to_string(), finding.text.clone()]);
        }
    }
    let table = Part::Table {
        caption: "Published settings held against the techniques (as ‘ncsn check’ does)".into(),
        head: ["row", "as published", "verdict", "why"].map(str::to_owned).to_vec(),
        rows,
    };
    Ok([Part::Heading("Table 4".into()), table])
}
