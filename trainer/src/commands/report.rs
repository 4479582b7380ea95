//! `ncsn-trainer report`: a run on one page, from the files of its folder.

use std::fs;
use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_data::escape;
use ncsn_figures::{Page, Part};
use ncsn_schedule::NumberRow;
use ncsn_shell::Outcome;

use super::sheets;
use crate::checkpoint::{self, CHECKPOINTS};
use crate::cli::ReportArgs;
use crate::config::{Config, Noise};
use crate::evaluate::selection::{Measured, Record};
use crate::layout::shape_text;
use crate::train::{CONFIG, duration};
use crate::{Error, figures, log, sheet};

/// Writes the page.
///
/// # Errors
/// A folder that is no run, files that contradict themselves, a page that cannot be written.
pub fn run(args: &ReportArgs, out: &mut dyn Write) -> Result<Outcome> {
    let config = Config::read(&args.run.join(CONFIG))?;
    let path = args.output.clone().unwrap_or_else(|| args.run.join("report.html"));
    ensure!(path.extension().is_some_and(|suffix| suffix == "html"), "--output: a report is FILE.html");
    let lines = log::read(&args.run)?;
    let steps = checkpoint::list(&args.run.join(CHECKPOINTS))?;
    let last = steps.last().map(|&step| checkpoint::folder(&args.run.join(CHECKPOINTS), step));
    // The program that trained, which may be older than this one.
    let program =
        last.map(|folder| checkpoint::manifest(&folder)).transpose()?.map(|manifest| manifest.program);
    let shown = args.run.display().to_string();
    let mut parts = vec![summary(&config, &steps, program), cost(&config, &lines)];
    parts.extend(schedule(&config));
    parts.push(Part::Heading("Loss".into()));
    let command = format!("ncsn-trainer report {shown}");
    parts.push(Part::Curves {
        figure: figures::losses(&lines),
        caption: "Training loss, smoothed by 0.9, and loss of test items with averaged weights (as Fig. 15)."
            .into(),
        command: command.clone(),
    });
    let levels = figures::levels(&lines, &config.sigmas());
    if !levels.curves.is_empty() {
        parts.push(Part::Curves {
            figure: levels,
            caption:
                "Mean training loss at each noise level, on the way to the first and to the last checkpoint."
                    .into(),
            command,
        });
    }
    let mut missing = Vec::new();
    match Record::latest(&args.run)? {
        found if found.is_empty() => missing.push(format!("ncsn-trainer select {shown}")),
        found => parts.extend(selection(&found, &shown)),
    }
    match sheets::parts(&args.run)? {
        shown if !shown.is_empty() => parts.extend(shown),
        _ => missing.push(format!("ncsn-trainer sheets {shown}")),
    }
    let configuration = args.run.join(CONFIG);
    let text = fs::read_to_string(&configuration).map_err(Error::file(&configuration))?;
    parts.extend([Part::Heading("Configuration".into()), Part::Code(text)]);
    let page = Page { title: format!("{}: report of a run", config.preset), parts };
    sheet::write(&path, page.html().as_bytes()).map_err(Error::file(&path))?;
    writeln!(out, "{}", escape::path(&path))?;
    for command in missing {
        writeln!(out, "not in it yet: what '{command}' makes")?;
    }
    Ok(Outcome::Yes)
}

/// What training took, by the record, and what a sample takes.
fn cost(config: &Config, lines: &[log::Line]) -> Part {
    let (batch, schedule) = (config.training.batch as f64, config.schedule());
    let (mut before, mut seconds) = (0, 0.0);
    for line in lines {
        if let log::Line::Train { step, images_per_s, .. } = *line {
            seconds += (step - before) as f64 * batch / images_per_s;
            before = step;
        }
    }
    let images = before as f64 * batch;
    let mut rows =
        vec![vec!["score evaluations of a sample".to_owned(), schedule.score_evaluations().to_string()]];
    if seconds > 0.0 {
        rows.extend([
            vec!["training".to_owned(), format!("{before} steps in {}", duration(seconds))],
            vec!["images in a second".to_owned(), format!("{:.1}", images / seconds)],
        ]);
    }
    Part::Table {
        caption: "What it takes, by the record of the run; tests, checkpoints and samples take no part in it"
            .into(),
        head: vec!["what".into(), "value".into()],
        rows,
    }
}

/// Every number of the schedule file that the run was given, with its enclosure and why.
fn schedule(config: &Config) -> Vec<Part> {
    let Noise::File(file) = &config.noise else { return Vec::new() };
    let rows = file.numbers().into_iter().map(|row| row.cells().to_vec());
    let table = Part::Table {
        caption: format!("The schedule that the run was given, for {}", file.dataset),
        head: NumberRow::HEAD.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    };
    vec![Part::Heading("Schedule".into()), table]
}

/// What the run is, in a table.
fn summary(config: &Config, steps: &[u64], program: Option<String>) -> Part {
    let (schedule, range) = (config.schedule(), config.schedule().range());
    let data = match (&config.data.train, &config.data.digest) {
        (Some(path), Some(digest)) => format!("{}, SHA-256 {digest}", path.display()),
        (Some(path), None) => path.display().to_string(),
        (None, _) => "built in".to_owned(),
    };
    let noise = format!(
        "{} to {} in {} levels, T = {}, ε = {:e}",
        range.max(),
        range.min(),
        schedule.num_levels(),
        schedule.steps_per_level(),
        schedule.epsilon()
    );
    let training = &config.training;
    let rows = [
        ("items", shape_text(&config.network.item)),
        ("network", format!("{}, n = {}", config.network.architecture.name(), config.network.filters)),
        ("noise", noise),
        ("from", config.noise.subject()),
        ("data", data),
        (
            "training",
            format!(
                "{} steps of {} items, learning rate {}, seed {}",
                training.iterations, training.batch, training.lr, training.seed
            ),
        ),
        ("checkpoints", steps.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
        (
            "program",
            program.unwrap_or_else(|| concat!("ncsn-trainer ", env!("CARGO_PKG_VERSION")).to_owned()),
        ),
    ];
    Part::Table {
        caption: "The run".into(),
        head: vec!["what".into(), "value".into()],
        rows: rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect(),
    }
}

fn selection(found: &[Measured], run: &str) -> [Part; 2] {
    let conditions = &found[0].conditions;
    let caption = format!(
        "Fréchet distance of {} samples by {}, T = {}; the least is marked (as Figs. 4 and 8).",
        conditions.num, conditions.features, conditions.steps_per_level
    );
    let command = format!(
        "ncsn-trainer select {run} --num {} --seed {} --steps-per-level {} --epsilon {:e}",
        conditions.num, conditions.seed, conditions.steps_per_level, conditions.epsilon
    );
    [Part::Heading("Selection".into()), Part::Curves { figure: figures::selection(found), caption, command }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets;

    #[test]
    fn the_time_of_training_is_that_of_its_steps() {
        let config = presets::find("shapes").expect("a preset");
        let line = |step, images_per_s| log::Line::Train { step, loss: 1.0, smoothed: 1.0, images_per_s };
        // Batches of 32: ten steps of a second, then twenty of half a second.
        let Part::Table { rows, .. } = cost(&config, &[line(10, 32.0), line(30, 64.0)]) else {
            unreachable!("a table")
        };
        assert_eq!(rows[1], ["training", "30 steps in 20 s"]);
        assert_eq!(rows[2], ["images in a second", "48.0"]);
        assert_eq!(rows[0][1], config.schedule().score_evaluations().to_string());
    }

    #[test]
    fn lines_of_a_record_that_are_cut_are_left_out() {
        let run = tempfile::tempdir().expect("a folder");
        assert!(log::read(run.path()).expect("no record").is_empty());
        let line = "{\"kind\":\"test\",\"step\":4,\"loss\":1.5}";
        fs::write(run.path().join(log::LINES), format!("{line}\n{}", &line[..9])).expect("writes");
        assert_eq!(log::read(run.path()).expect("a record"), [log::Line::Test { step: 4, loss: 1.5 }]);
        fs::write(run.path().join(log::LINES), "{}\n").expect("writes");
        assert!(
            log::read(run.path())
                .expect_err("no line")
                .to_string()
                .contains("log.jsonl: line 1: missing field")
        );
    }
}
