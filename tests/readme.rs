//! README's transcripts that `tests/cli.rs` cannot run everywhere: those with data, and those of the trainer.
//!
//! With data at hand they are run and compared. Without, each line of the trainer's must be one that its source can
//! print.

mod transcripts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use transcripts::{Transcript, printable, templates, transcripts};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> Vec<Transcript> {
    transcripts(&fs::read_to_string(root().join("README.md")).expect("a README"))
}

/// Transcripts in plain blocks, by the program that they start with.
fn of(program: &str) -> Vec<Transcript> {
    let starts = format!("{program} ");
    let found: Vec<_> = readme().into_iter().filter(|found| found.command.starts_with(&starts)).collect();
    assert!(!found.is_empty(), "README has no transcript of {program}");
    found
}

/// Everything that the trainer, and `make demo` with it, writes.
fn printed_by_the_trainer() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("trainer/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                found.extend(templates(&fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    found
}

#[test]
fn every_transcript_is_of_a_program_that_is_checked_here() {
    for Transcript { command, .. } in readme() {
        let program = command.split(' ').next().unwrap_or_default();
        assert!(
            ["ncsn", "ncsn-trainer", "make"].contains(&program),
            "nothing checks the transcript of {command}"
        );
    }
}

#[test]
fn every_line_of_the_trainers_transcripts_is_one_that_it_prints() {
    let templates = printed_by_the_trainer();
    assert!(templates.len() > 500, "{} texts found: the source is read wrongly", templates.len());
    // Tables are put together column by column: `the_transcript_of_evaluate_is_what_it_prints` runs the one, the trainer's own
    // tests check the other.
    let is_table = |command: &str| [" evaluate ", " hype score "].iter().any(|name| command.contains(name));
    for Transcript { command, lines } in [of("ncsn-trainer"), of("make")].concat() {
        for line in lines.iter().filter(|line| *line != "…" && !is_table(&command)) {
            assert!(
                printable(line, &templates),
                "the trainer cannot print this line of '{command}':\n{line}"
            );
        }
    }
}

#[test]
fn a_line_that_was_never_printed_is_found() {
    let templates = printed_by_the_trainer();
    let line = "  items       ± 0.08802, standard error of their mean; standard deviation 0.35207";
    assert!(printable(line, &templates));
    for drift in [("standard error", "error"), ("items  ", "item  "), (" of their mean", ""), ("; ", ", ")] {
        assert!(!printable(&line.replace(drift.0, drift.1), &templates), "{drift:?}");
    }
}

/// A folder with the data under the names that README uses.
fn with_data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, stored) in [("cifar10", "cifar10-jpeg"), ("mnist", "mnist")] {
        let data = root().join("../shared/data").join(stored);
        let data = data.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", data.display()));
        std::os::unix::fs::symlink(data, folder.path().join(name)).expect("a link");
    }
    folder
}

fn run_and_compare(program: &Path, transcripts: &[Transcript]) {
    let folder = with_data();
    for transcript in transcripts {
        let words = transcript.command.split(' ').skip(1);
        let output =
            Command::new(program).args(words).current_dir(folder.path()).output().expect("the program runs");
        let printed = String::from_utf8(output.stdout).expect("text");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            transcript.matches(&printed),
            "README differs from what '{}' prints:\n{printed}{errors}",
            transcript.command
        );
    }
}

/// `NCSN` names a faster build of the program; the poster's experiment takes minutes without optimisation.
#[test]
#[ignore = "needs ../shared/data, real images"]
fn transcripts_of_ncsn_with_data_are_what_it_prints() {
    let program = std::env::var_os("NCSN").map_or_else(|| env!("CARGO_BIN_EXE_ncsn").into(), PathBuf::from);
    run_and_compare(&program.canonicalize().expect("the program is built"), &of("ncsn"));
}

/// The one transcript of the trainer that needs no training. `NCSN_TRAINER` names the program.
#[test]
#[ignore = "needs ../shared/data, and NCSN_TRAINER=target/release/ncsn-trainer"]
fn the_transcript_of_evaluate_is_what_it_prints() {
    let program = std::env::var_os("NCSN_TRAINER").expect("NCSN_TRAINER is set");
    let program = PathBuf::from(program).canonicalize().expect("the trainer is built");
    let evaluate: Vec<_> =
        of("ncsn-trainer").into_iter().filter(|found| found.command.contains(" evaluate ")).collect();
    assert_eq!(evaluate.len(), 1);
    run_and_compare(&program, &evaluate);
}
