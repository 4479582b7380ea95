//! `benches/gpu.sh` in miniature on the CPU, so that it is known to work when a GPU is at hand.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs parts of the script, with the `python3` of a folder if one is given; returns what it printed, whether it succeeded,
/// and its results.
fn run(parts: &str, python: Option<&Path>) -> (String, bool, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = python.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders);
    let output = Command::new("bash")
        .arg(root.join("benches/gpu.sh"))
        .arg(folder.path().join("out"))
        .env("NCSN_TRAINER", env!("CARGO_BIN_EXE_ncsn-trainer"))
        .env("PATH", path.expect("a path"))
        .envs([("DEVICE", "cpu"), ("SMALL", "1"), ("PARTS", parts), ("TRAIN_SECONDS", "10")])
        .output()
        .expect("bash starts");
    let results = fs::read_to_string(folder.path().join("out/results.jsonl")).unwrap_or_default();
    let results = results.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (printed, output.status.success(), results)
}

fn parts_of(results: &[Value]) -> Vec<&str> {
    results.iter().filter_map(|result| result["part"].as_str()).collect()
}

/// What needs no Python beyond its own library: the trainer's own half.
#[test]
fn the_parts_without_pytorch_run() {
    let (printed, success, results) = run("devices own-check kernels train sample", None);
    assert!(success, "{printed}");
    let parts = parts_of(&results);
    assert_eq!(parts.iter().filter(|part| **part == "train").count(), 3, "{results:#?}\n{printed}");
    // Torch's operators and own kernels.
    assert_eq!(parts.iter().filter(|part| **part == "kernels").count(), 2, "{results:#?}\n{printed}");
    println!(
        "not run: moments, own-moments, resume, bench, scores, convolutions, compiled, which compare with PyTorch"
    );
}

#[test]
#[ignore = "needs NCSN_PYTHON, a python3 with torch 2.11.0, numpy and safetensors; takes minutes"]
fn every_part_runs_on_purpose() {
    // The folder, not the program: a virtual environment's is a link that must be called by its own name.
    let python = PathBuf::from(std::env::var_os("NCSN_PYTHON").expect("NCSN_PYTHON"));
    let all = "devices own-check moments own-moments resume bench kernels train sample scores convolutions";
    let (printed, success, results) = run(all, python.parent());
    assert!(success, "{printed}");
    let parts = parts_of(&results);
    let own = |part: &&Value| part["kernels"] == "own" || part["report"]["kernels"] == "own";
    let own = parts_of(&results.iter().filter(own).cloned().collect::<Vec<_>>()).join(" ");
    assert!(own.contains("moments") && own.contains("bench"), "{own}: {printed}");
    for part in ["moments", "resume", "bench", "kernels", "train", "scores"] {
        assert!(parts.contains(&part), "{part} is missing: {printed}");
    }
}
