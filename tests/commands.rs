//! Commands run in this process: what they write, where, and what they leave alone.

use std::path::Path;

use clap::Parser;
use ncsn::cli::Cli;
use ncsn::commands::run;
use ncsn_shell::Outcome;
use serde_json::Value;

/// Runs a command line; its output, and how it ended.
fn ncsn(arguments: &[&str]) -> (String, anyhow::Result<Outcome>) {
    let cli = Cli::try_parse_from(std::iter::once(&"ncsn").chain(arguments)).unwrap();
    let mut out = Vec::new();
    let outcome = run(cli.command, &mut out);
    (String::from_utf8(out).unwrap(), outcome)
}

fn json(arguments: &[&str]) -> Value {
    let (text, outcome) = ncsn(arguments);
    outcome.unwrap();
    serde_json::from_str(&text).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_propositions_hold_for_several_seeds() {
    for seed in ["1", "2", "3"] {
        let (report, outcome) = ncsn(&["validate", "--seed", seed, "--samples", "5000"]);
        assert_eq!(outcome.unwrap(), Outcome::Yes, "{report}");
    }
}

#[test]
fn a_significance_near_one_makes_some_true_statement_fail() {
    // With margins this tight chance alone must exceed one: the statistical checks can fail.
    let arguments = ["validate", "--samples", "5000", "--significance", "0.999999", "--format", "json"];
    let failed = (0..20).filter(|seed| {
        let seed = seed.to_string();
        ncsn(&[&arguments[..], &["--seed", &seed]].concat()).1.unwrap() == Outcome::No
    });
    assert!(failed.count() > 0);
}

#[test]
fn output_and_plot_are_written_whole_and_dry_runs_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, plot) = (folder.path().join("a.toml"), folder.path().join("a.svg"));
    let arguments =
        ["schedule", "--dataset", "ffhq", "--format", "toml", "-o", text(&file), "--plot", text(&plot)];
    let (report, _) = ncsn(&[&arguments[..], &["--dry-run"]].concat());
    assert!(report.lines().count() == 2 && !file.exists() && !plot.exists(), "{report}");
    ncsn(&arguments).1.unwrap();
    assert!(std::fs::read_to_string(&plot).unwrap().trim_end().ends_with("</svg>"));
    assert_eq!(ncsn(&["check", text(&file)]).1.unwrap(), Outcome::Yes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_request_that_fails_leaves_the_old_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    std::fs::write(&file, "precious").unwrap();
    let outcome = ncsn(&["schedule", "--dim", "4", "--sigma-max", "50", "-o", text(&file)]).1;
    assert!(outcome.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_schedule_of_a_file_is_explained_level_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    ncsn(&["schedule", "--dataset", "mnist", "--format", "json", "-o", text(&file)]).1.unwrap();
    let all = json(&["explain", text(&file), "--all", "--format", "json"]);
    let levels = all["levels"].as_array().unwrap();
    assert_eq!(levels.len() as u64, all["num_levels"].as_u64().unwrap());
    assert_eq!(levels[0]["sigma"], 16.87576196180838);
    assert_eq!(levels.last().unwrap()["sigma"], 0.01);
    assert_eq!(levels.last().unwrap()["step_size"], all["epsilon"]);
}

#[test]
fn signed_data_double_the_noise_and_quadruple_the_step() {
    let key = |range: &str, key: &str| {
        json(&["schedule", "--dataset", "cifar10", "--data-range", range, "--format", "json"])[key]
            .as_f64()
            .unwrap()
    };
    assert_eq!(key("signed", "sigma_max"), 2.0 * key("unit", "sigma_max"));
    assert_eq!(key("signed", "gamma"), key("unit", "gamma"));
    assert_eq!(key("signed", "epsilon"), 4.0 * key("unit", "epsilon"));
}

#[test]
fn manual_pages_cover_every_command() {
    let folder = tempfile::tempdir().unwrap();
    ncsn(&["man", text(folder.path())]).1.unwrap();
    for page in
        ["ncsn.1", "ncsn-schedule.1", "ncsn-diameter.1", "ncsn-check.1", "ncsn-validate.1", "schedule.1"]
    {
        assert!(folder.path().join(page).exists(), "{page}");
    }
    assert!(ncsn(&["completions", "zsh"]).0.contains("--dataset"));
}

/// The trainer and older versions: the chain's value is in the file, may be absent, and may not contradict.
#[test]
fn the_chain_ratio_of_a_file_is_optional_and_true() {
    let folder = tempfile::tempdir().unwrap();
    let toml = ncsn(&["schedule", "--dataset", "cifar10", "--format", "toml"]).0;
    let lines = |keep: &dyn Fn(&str) -> bool| -> String {
        toml.lines().filter(|line| keep(line)).map(|line| format!("{line}\n")).collect()
    };
    let check = |content: &str| {
        let file = folder.path().join("a.toml");
        std::fs::write(&file, content).unwrap();
        ncsn(&["check", text(&file)]).1
    };
    assert_eq!(toml.lines().filter(|line| line.starts_with("chain_ratio")).count(), 2);
    assert_eq!(check(&toml).unwrap(), Outcome::Yes);
    assert_eq!(check(&lines(&|line| !line.starts_with("chain_ratio"))).unwrap(), Outcome::Yes);
    let one_level = toml.lines().find_map(|line| line.strip_prefix("variance_ratio = ")).unwrap();
    let chain = toml.lines().find_map(|line| line.strip_prefix("chain_ratio = ")).unwrap();
    let lie = toml.replacen(&format!("chain_ratio = {chain}"), &format!("chain_ratio = {one_level}"), 1);
    let error = format!("{:#}", check(&lie).unwrap_err());
    assert!(error.contains("chain_ratio is 1.0577"), "{error}");
    let error = format!("{:#}", check(&lines(&|line| !line.starts_with("chain_ratio = ["))).unwrap_err());
    assert!(error.contains("one of them is missing"), "{error}");
}

fn fixture(name: &str) -> String {
    format!("{}/tests/cli/check.in/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn standard_input_is_told_apart_by_its_content() {
    let toml = ncsn(&["schedule", "--dataset", "cifar10", "--format", "toml"]).0;
    let json = ncsn(&["schedule", "--dataset", "cifar10", "--format", "json"]).0;
    let yaml = std::fs::read_to_string(fixture("ncsnv2/bedroom.yml")).unwrap();
    let python = std::fs::read_to_string(fixture("score_sde/cifar10.py")).unwrap();
    for (content, code, words) in [
        (&toml, 0, "standard input, cifar10: D = 3072"),
        (&json, 0, "standard input, cifar10: D = 3072"),
        (&yaml, 0, "standard input, LSUN bedroom: D = 49152"),
        (&python, 2, "error: standard input: a Python program"),
    ] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_ncsn"))
            .args(["check", "-"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), content.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(printed.contains(words) && output.status.code() == Some(code), "{printed}");
    }
}

#[test]
fn numbers_by_flags_are_those_of_the_published_row() {
    let numbers =
        ["--sigma-max", "50", "--num-levels", "232", "--steps-per-level", "5", "--epsilon", "6.2e-6"];
    let by_flags = json(&[&["check", "--dataset", "cifar10", "--format", "json"][..], &numbers].concat());
    let (row, _) = ncsn(&["check", "--dataset", "cifar10", "--format", "json"]);
    let row: Value = serde_json::from_str(&row).unwrap();
    let (by_flags, row) = (&by_flags["schedules"][0], &row["schedules"][1]);
    for key in ["dim", "sigma_max", "sigma_min", "num_levels", "epsilon", "variance_ratio", "chain_ratio"] {
        assert_eq!(by_flags[key], row[key], "{key}");
    }
    // The known diameter is compared as well.
    assert_eq!(by_flags["findings"].as_array().unwrap().len(), row["findings"].as_array().unwrap().len() + 1);
}
