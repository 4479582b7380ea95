//! A schedule on one page: every number with its enclosure and why, and the curves that it follows from.

use anyhow::Result;
use ncsn_figures::{Figure, Page, Part};
use ncsn_schedule::{NumberRow, ScheduleFile};
use ncsn_theory::schedule::Derivation;

use crate::{figures, report};

/// The page of `schedule --report`.
///
/// # Arguments
/// * `command` — the command line that makes it
///
/// # Errors
/// None that a schedule causes.
pub fn page(file: &ScheduleFile, derivation: &Derivation, command: &str) -> Result<Page> {
    let mut parts = vec![Part::Text(format!(
        "Noise levels, step size and number of steps of annealed Langevin dynamics by Song & Ermon (2020), \
         “Improved Techniques for Training Score-Based Generative Models”. D = {} ({}).",
        file.schedule.dim(),
        file.provenance.dim
    ))];
    if let Some(data) = &file.provenance.data {
        parts.push(Part::Text(format!("{} items of {}, SHA-256 {}.", data.count, data.path, data.digest)));
        parts.extend(data.notes.iter().map(|note| Part::Text(format!("Note: {note}"))));
    }
    parts.push(numbers(file));
    if let Some(row) = &file.published {
        parts.extend([Part::Heading("As published".into()), Part::Text(report::published(row))]);
        let rows =
            file.findings.iter().map(|finding| vec![finding.verdict.to_string(), finding.text.clone()]);
        parts.push(Part::Table {
            caption: "Held against the techniques".into(),
            head: vec!["verdict".into(), "why".into()],
            rows: rows.collect(),
        });
    }
    let mut show = |heading: &str, figure: Figure, caption: &str| {
        parts.push(Part::Heading(heading.into()));
        parts.push(Part::Curves { figure, caption: caption.into(), command: command.to_owned() });
    };
    show(
        "Technique 2: the ratio of levels",
        figures::adjacent_levels(file, derivation)?,
        "The length of noise vectors at two adjacent levels in D dimensions (Proposition 2). Training at level i − 1 \
         sees lengths within three standard deviations of their mean; the tinted share of level i lies there.",
    );
    show(
        "The overlap as a function of the ratio",
        figures::overlap_against_ratio(file, derivation),
        "C(γ) by the normal law of the paper and by the exact one. The number of levels is the least with the overlap \
         that was asked for.",
    );
    show(
        "Technique 4: the step size",
        figures::level_against_epsilon(file, derivation),
        "What variance T Langevin steps leave, started at the variance of the level above (Proposition 3): 0 would be \
         the level's own. The circle is Technique 4's ε.",
    );
    show(
        "The step size and the whole chain",
        figures::chain_against_epsilon(file)?,
        "In Algorithm 1 each level starts where the one above ended, so that what is left adds up; the least lies at \
         another ε than that of one level.",
    );
    let rows = report::trade_offs(derivation)?.into_iter().map(|row| {
        vec![
            row.steps_per_level.to_string(),
            format!("{:.6e}", row.epsilon.mid()),
            format!("{:.6e}", row.variance_excess.mid()),
            format!("{:.6e}", row.chain_excess.mid()),
            row.score_evaluations.to_string(),
        ]
    });
    parts.push(Part::Heading("Steps per level".into()));
    let head = ["T", "ε", "one level − 1", "all levels − 1", "score evaluations"];
    parts.push(Part::Table {
        caption: "More steps bring both variance ratios closer to 1".into(),
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    });
    parts.push(Part::Heading("Made by".into()));
    parts.push(Part::Code(format!("{command}\n{}", file.provenance.program)));
    Ok(Page { title: format!("Noise schedule for {}", file.dataset), parts })
}

fn numbers(file: &ScheduleFile) -> Part {
    let rows = file.numbers().into_iter().map(|row| row.cells().to_vec());
    Part::Table {
        caption: "The schedule; enclosures are rounded outward and hold the exact numbers".into(),
        head: NumberRow::HEAD.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}
