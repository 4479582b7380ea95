//! `report`: a page of what a run's folder holds, and the name of what it does not.

#[path = "../../tests/browser/mod.rs"]
mod browser;
mod common;

use std::fs;
use std::path::Path;

use common::command::{failure, small_run, success, trainer, write_schedule};
use ncsn_schedule::ScheduleFile;
use ncsn_theory::schedule::DataRange;

#[test]
fn the_page_shows_what_is_there_and_the_command_names_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let run = |arguments: &str| success(trainer(arguments).current_dir(folder));
    write_schedule(&folder.join("levels.toml"), 768, 12.5, DataRange::Unit);
    success(small_run(&folder.join("run"), 12).current_dir(folder).args(["--schedule", "levels.toml"]));
    let said = run("report run");
    let missing =
        ["select", "sheets"].map(|make| format!("not in it yet: what 'ncsn-trainer {make} run' makes\n"));
    assert_eq!(said, format!("run/report.html\n{}", missing.concat()));
    let page = || fs::read_to_string(folder.join("run/report.html")).expect("a page");
    // The losses and the levels; training and test among the former.
    assert_eq!(page().matches("<svg ").count(), 2);
    for shown in [">training</text>", ">test</text>", ">step 4</text>", ">step 12</text>", "iterations = 12"]
    {
        assert!(page().contains(shown), "{shown}");
    }
    // The schedule with the enclosures of its file, and what training took.
    let file = fs::read_to_string(folder.join("levels.toml")).expect("a file");
    let file = ScheduleFile::parse(&file).expect("a schedule");
    assert_eq!(file.numbers().len(), 11);
    for cell in file.numbers().iter().flat_map(|row| row.cells()) {
        let shown = if cell.starts_with('[') { cell.replace(", ", ",<br>") } else { cell };
        assert!(page().contains(&shown), "{shown}");
    }
    assert!(page().contains("12 steps in "), "{}", page());
    run("select run --num 4 --steps-per-level 1 --device cpu");
    run("sheets run --num 4 --pairs 1 --count 1 --images 1 --steps-per-level 1 --device cpu");
    assert_eq!(run("report run"), "run/report.html\n");
    let whole = page();
    assert_eq!((whole.matches("<svg ").count(), whole.matches("<img ").count()), (3, 4));
    // Two checkpoints, each with four distances; one is marked.
    assert_eq!(whole.matches("<circle class=\"m\"").count(), 1);
    assert!(!whole.contains("src=\"http") && !whole.contains("<script"), "one file, nothing fetched or run");
    run("report run -o elsewhere.html");
    let pictures = browser::pictures(folder);
    let pages = ["elsewhere.html", "run/sheets/index.html"].map(Path::new);
    browser::in_browser("pages.py", folder, &[&pictures, pages[0], pages[1]], "the pages of a run");
}

#[test]
fn what_is_no_run_or_no_record_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder));
    assert!(refused("report nowhere").contains("nowhere/config.toml: No such file"));
    success(small_run(&folder.join("run"), 4).current_dir(folder));
    assert!(refused("report run -o report.pdf").contains("a report is FILE.html"));
    fs::create_dir(folder.join("run/sheets")).expect("a folder");
    fs::write(folder.join("run/sheets/captions.json"), "{}").expect("writes");
    assert!(refused("report run").contains("captions.json: invalid type: map, expected a sequence"));
    fs::write(folder.join("run/log.jsonl"), "a\n").expect("writes");
    assert!(refused("report run").contains("log.jsonl: line 1: expected value"));
    assert!(!folder.join("run/report.html").exists(), "nothing is left half done");
}
