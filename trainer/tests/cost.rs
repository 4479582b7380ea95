//! What a training says before it starts: its cost, what would cost less, and how `own` fits data and device.

mod common;

use std::fs;
use std::path::Path;

use common::command::{failure, small_run, success, trainer, write_npy, write_schedule};
use ncsn_theory::schedule::DataRange;

/// Standard output and standard error of a command that must succeed.
fn both(arguments: &str) -> (String, String) {
    let output = trainer(arguments).output().expect("the trainer starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments}: {err}");
    (out, err)
}

/// Seconds of a step in "a step takes 21 ms …" or "a step takes 1.4 s …".
fn step_seconds(line: &str) -> f64 {
    let words: Vec<&str> = line.split("a step takes ").nth(1).expect(line).split_whitespace().collect();
    let number: f64 = words[0].parse().expect(line);
    if words[1] == "ms" { number / 1e3 } else { number }
}

#[test]
fn a_training_begins_with_its_cost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = success(&mut small_run(&folder.path().join("run"), 2));
    let line = said.lines().find(|line| line.contains("a step takes")).expect("a line about the cost");
    assert!(line.contains(" GB of memory: 2 steps take about ") && step_seconds(line) >= 0.0, "{line}");
    assert!(said.find("a step takes") < said.find("done after step"), "{said}");
}

#[test]
fn beyond_a_day_something_smaller_is_offered() {
    let (_, said) =
        both("train --preset shapes --device cpu --filters 64 --batch 64 --dry-run --iterations 2000000000");
    let offer = said.lines().find(|line| line.starts_with("note: what fits into a day: ")).expect(&said);
    let steps: f64 = offer.split([' ', ',']).find_map(|word| word.parse().ok()).expect(offer);
    // The step is printed with at least two digits, the steps are rounded down to two.
    let days = steps * step_seconds(&said) / 86_400.0;
    assert!((0.85..=1.06).contains(&days), "{said}");
    assert!(offer.contains(", or --filters 32 --batch 32 --iterations "), "{said}");
}

fn own_data(folder: &Path) -> String {
    // 60 images of 8 × 8 that no two are equal of.
    let bytes: Vec<u8> = (0..60 * 64_u32).map(|i| (i * i % 251) as u8).collect();
    write_npy(&folder.join("own.npy"), "(60, 1, 8, 8)", &bytes);
    write_schedule(&folder.join("own.toml"), 64, 8.0, DataRange::Unit);
    let path = folder.display();
    format!(
        "train --preset own --device cpu --any-data --data {path}/own.npy --schedule {path}/own.toml --dry-run"
    )
}

#[test]
fn own_fits_the_data_and_the_device_and_flags_stand() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let train = own_data(folder.path());
    let (config, _) = both(&train);
    for line in ["filters = 32", "batch = 32", "iterations = 20000", "held_out = 6", "item = [1, 8, 8]"] {
        assert!(config.lines().any(|own| own == line), "{line} in {config}");
    }
    let (config, said) =
        both(&format!("{train} --filters 8 --batch 4 --iterations 7 --lr 0.5 --checkpoint-every 3"));
    for line in ["filters = 8", "batch = 4", "iterations = 7", "lr = 0.5", "checkpoint_every = 3"] {
        assert!(config.lines().any(|own| own == line), "{line} in {config}");
    }
    assert!(said.contains("note: a step takes "), "{said}");
    let path = folder.path().join("own-config.toml");
    fs::write(&path, config).expect("writes");
    let shown = success(&mut trainer(&format!("model --config {}", path.display())));
    assert!(
        shown.trim_end().lines().last().expect("a line").starts_with("own: ncsnv2 of 1 x 8 x 8, "),
        "{shown}"
    );
}

#[test]
fn own_can_be_looked_at_and_timed_before_there_are_data() {
    let shown = success(&mut trainer("model --preset own --shape 3,96,80 --filters 16"));
    assert!(shown.contains("own: ncsnv2-deeper of 3 x 96 x 80, "), "{shown}");
    let timed = success(&mut trainer("bench --preset own --shape 1,8,8 --batch 2 --repeats 1 --device cpu"));
    assert!(timed.starts_with("ncsnv2 with 32 filters, "), "{timed}");
    for (arguments, expected) in [
        ("model --preset own", "--shape is missing, allowed: C,H,W for preset own"),
        ("model --preset mnist --shape 3,8,8", "--preset is mnist, allowed: own, for which --shape is"),
        ("bench --preset own --shape 3,66,65", "divisible by 4 for ncsnv2-deeper"),
        ("model --filters 4", "--preset is missing"),
    ] {
        let said = failure(&mut trainer(arguments));
        assert!(said.contains(expected), "{arguments}: {said}");
    }
}

#[test]
fn the_cost_as_published_is_the_steps_times_their_number() {
    let text = success(&mut trainer(
        "cost --preset shapes --preset mnist --batch 2 --repeats 3 --device cpu --format json",
    ));
    let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let rows = all["rows"].as_array().expect("rows");
    assert_eq!(
        rows.iter().map(|row| row["preset"].as_str()).collect::<Vec<_>>(),
        [Some("shapes"), Some("mnist")]
    );
    for row in rows {
        let number = |value: &serde_json::Value| value.as_f64().expect("a number");
        let scale = number(&row["batch"][1]) / number(&row["batch"][0]);
        for (step, count, whole) in
            [("train_step_s", "iterations", "training_s"), ("langevin_step_s", "evaluations", "sampling_s")]
        {
            for k in 0..3 {
                let expected = number(&row[step][k]) * number(&row[count]) * scale;
                assert!((number(&row[whole][k]) / expected - 1.0).abs() < 1e-12, "{row}");
            }
            assert!(
                number(&row[step][1]) <= number(&row[step][0])
                    && number(&row[step][0]) <= number(&row[step][2])
            );
        }
    }
    // 91 levels, T = 3, and the denoising step.
    assert_eq!(rows[0]["evaluations"], 91 * 3 + 1);
    let text = success(&mut trainer("cost --preset shapes --batch 2 --repeats 2 --device cpu"));
    assert!(
        text.contains("shapes: batch 32, measured with 2 and taken to have the same throughput"),
        "{text}"
    );
    assert!(failure(&mut trainer("cost --preset nothing")).contains("preset is nothing, allowed: cifar10"));
    assert!(failure(&mut trainer("cost --repeats 1")).contains("repeats is 1, allowed: 2 to 1000"));
}
