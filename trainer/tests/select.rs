//! `select`: the same distances as `sample` and `evaluate` give one by one; going on where it was killed; what is refused.

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::command::{failure, success, trainer};
use serde_json::Value;

const SELECT: &str = "select run --num 10 --batch 4 --seed 5 --steps-per-level 1 --device cpu";

/// A run of the built-in images with checkpoints after 30, 60 and 90 steps, and the images it trains on.
fn run_in(folder: &Path) {
    let run = |arguments: &str| success(trainer(arguments).current_dir(folder));
    run("data --preset shapes -o shapes.npy");
    run("train --preset shapes --data shapes.npy --held-out 0 --filters 8 --batch 16 --iterations 90 \
         --checkpoint-every 30 --keep 9 --samples 0 --device cpu --run run");
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("run/selection.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn json(folder: &Path, arguments: &str) -> Value {
    let text = success(trainer(arguments).current_dir(folder).args(["--format", "json"]));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn distances_are_those_of_sample_and_evaluate_and_the_least_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run_in(folder);
    let selection = json(folder, SELECT);
    let measured = selection["measured"].as_array().expect("measurements");
    let steps: Vec<u64> = measured.iter().filter_map(|row| row["step"].as_u64()).collect();
    assert_eq!(steps, [30, 30, 60, 60, 90, 90]);
    for (row, weights, plain) in [(0, "ema", false), (3, "raw", true), (5, "raw", false)] {
        let step = steps[row];
        let no_denoise = if plain { " --no-denoise" } else { "" };
        success(
            trainer(&format!(
                "sample --checkpoint run/checkpoints/step-{step:08} --weights {weights} --num 10 --seed 5 \
                 --steps-per-level 1 --device cpu --output {row}.npy{no_denoise}"
            ))
            .current_dir(folder),
        );
        let alone = json(folder, &format!("evaluate --samples {row}.npy --data shapes.npy --device cpu"));
        let expected = alone["frechet"]["distance"].as_f64().expect("a distance");
        let found = &measured[row][if plain { "plain" } else { "denoised" }]["distance"];
        // Another batch adds up in another order, and pixels are rounded to bytes after that.
        let found = found.as_f64().expect("a distance");
        assert!((found / expected - 1.0).abs() < 1e-4, "{step} {weights}: {found}, {expected}");
    }
    let least =
        measured.iter().flat_map(|row| ["plain", "denoised"].map(|kind| row[kind]["distance"].as_f64()));
    let least = least.flatten().fold(f64::INFINITY, f64::min);
    let best = &selection["best"];
    assert_eq!(best["distance"].as_f64(), Some(least));
    let kept = fs::read(folder.join("run/best/tensors.safetensors")).expect("the best");
    let step = best["step"].as_u64().expect("a step");
    assert_ne!(step, 30, "the last weights learn: a first checkpoint that is kept would be no check");
    let own = fs::read(folder.join(format!("run/checkpoints/step-{step:08}/tensors.safetensors")))
        .expect("a checkpoint");
    assert!(kept == own, "the best is a copy");
    success(
        trainer("sample --checkpoint run/best --num 1 --steps-per-level 1 --device cpu -o one.npy")
            .current_dir(folder),
    );
    let curves = fs::read_to_string(folder.join("run/selection.svg")).expect("curves");
    assert_eq!(curves.matches("<path class=\"c\"").count(), 4);
    assert_eq!(curves.matches("<circle class=\"m\"").count(), 1);
    // Nothing is measured twice; other conditions are.
    assert_eq!(json(folder, SELECT), selection);
    assert_eq!(lines(folder).len(), 6);
    json(folder, &SELECT.replace("--seed 5", "--seed 6"));
    assert_eq!(lines(folder).len(), 12);
    // Of 10 samples in batches of 5 the third process has none.
    let alone = SELECT.replace("--seed 5 ", "--seed 7 ").replace("--batch 4", "--batch 5 --threads 1");
    json(folder, &alone);
    let record = || fs::read_to_string(folder.join("run/selection.jsonl")).expect("a record");
    let one = record();
    fs::remove_file(folder.join("run/selection.jsonl")).expect("removes");
    fs::remove_dir_all(folder.join("run/statistics")).expect("removes");
    json(folder, &format!("launch --nproc 3 {alone}"));
    assert!(one.ends_with(&record()), "{one}\n{}", record());
    assert_eq!(lines(folder).len(), 6);
}

#[test]
fn a_killed_selection_goes_on_without_repeating() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run_in(folder);
    let mut killed = trainer(SELECT)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let started = Instant::now();
    while lines(folder).len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(120), "two checkpoints take seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().expect("SIGKILL");
    killed.wait().expect("ends");
    let before = fs::read_to_string(folder.join("run/selection.jsonl")).expect("a record");
    let whole = before.rfind('\n').map_or(0, |end| end + 1);
    success(trainer(SELECT).current_dir(folder));
    let after = fs::read_to_string(folder.join("run/selection.jsonl")).expect("a record");
    assert!(after.starts_with(&before[..whole]), "what was measured stays");
    assert_eq!(lines(folder).len(), 6);
}

#[test]
fn what_cannot_be_selected_from_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run_in(folder);
    fs::rename(folder.join("run/checkpoints"), folder.join("elsewhere")).expect("moves");
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder));
    assert!(refused(SELECT).contains("run/checkpoints holds no checkpoint, nothing to select"));
    fs::rename(folder.join("elsewhere"), folder.join("run/checkpoints")).expect("moves");
    assert!(refused("select nowhere").contains("nowhere/config.toml: No such file"));
    assert!(refused("select run --num 1").contains("num is 1, allowed: at least 2"));
    assert!(refused("select run --data shapes.npy").contains("shapes.npy is no file of statistics"));
    success(trainer("data --preset mixture2d -o m.npy").current_dir(folder));
    success(
        trainer("evaluate --samples m.npy --data m.npy --statistics s.safetensors --device cpu")
            .current_dir(folder),
    );
    assert!(
        refused("select run --data s.safetensors")
            .contains("s.safetensors holds 2 features, samples of the run have 768")
    );
    fs::write(folder.join("run/selection.jsonl"), "{}\n").expect("writes");
    assert!(refused(SELECT).contains("selection.jsonl: line 1: missing field"));
}
