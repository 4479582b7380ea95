//! `ablate`: four models of three trainings on one page; the same command goes on where it was stopped; what is refused.

#[path = "../../tests/browser/mod.rs"]
mod browser;
mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::command::{failure, success, trainer};
use serde_json::Value;

const ABLATE: &str = "ablate --preset shapes --filters 4 --batch 4 --iterations 8 --checkpoint-every 4 --log-every 1 \
                      --samples 0 --num 4 --images 4 --steps-per-level 1 --device cpu --run all";

/// Lines of a file in the ablation's folder.
fn lines(folder: &Path, file: &str) -> usize {
    fs::read_to_string(folder.join("all").join(file)).map_or(0, |text| text.lines().count())
}

#[test]
fn one_page_shows_four_models_and_the_commands_on_it_make_their_samples() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let run = |arguments: &str| success(trainer(arguments).current_dir(folder));
    let planned = run(&format!("{ABLATE} --dry-run"));
    assert!(planned.contains("# ncsn-1245\n") && !folder.join("all").exists());
    run(ABLATE);
    let page = fs::read_to_string(folder.join("all/index.html")).expect("a page");
    let pictures = browser::pictures(folder);
    browser::in_browser(
        "pages.py",
        folder,
        &[&pictures, Path::new("all/index.html")],
        "the page of an ablation",
    );
    // Figs. 5, 9 and 3; Figs. 13 and 14 of four models each.
    assert_eq!((page.matches("<svg ").count(), page.matches("<img ").count()), (3, 8));
    for model in ["NCSN", "NCSN₅", "NCSN₁,₂,₄,₅", "NCSNv2"] {
        // Beside its curves, unless the last is of Fig. 3 too, and in the table.
        let named = page.matches(&format!(">{model}</text>")).count();
        assert_eq!(named, if model.contains('₄') || model == "NCSNv2" { 3 } else { 2 }, "{model}");
        assert!(page.contains(&format!("<th scope=\"row\">{model}</th>")), "{model}");
    }
    let config =
        |name: &str| fs::read_to_string(folder.join("all").join(name).join("config.toml")).expect("it");
    let line = |name: &str, key: &str| {
        config(name).lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned).expect("a line")
    };
    for (name, architecture, rate) in [
        ("ncsn", "\"ncsn\"", "0.001"),
        ("ncsn-1245", "\"ncsn\"", "0.001"),
        ("ncsnv2", "\"ncsnv2\"", "0.0004"),
    ] {
        assert_eq!((line(name, "architecture = "), line(name, "lr = ")), (architecture.into(), rate.into()));
    }
    let levels = |name: &str| line(name, "num_levels = ");
    assert_eq!(levels("ncsn"), "10");
    assert!(levels("ncsn-1245") == levels("ncsnv2") && levels("ncsnv2") != "10");
    // The curves are the distances of each model's weights, in the order of steps.
    let record = fs::read_to_string(folder.join("all/ncsn/selection.jsonl")).expect("a record");
    let numbers = page.split("<summary>").nth(1).expect("the first figure");
    for (model, weights) in [("NCSN", "raw"), ("NCSN₅", "ema")] {
        let start = format!("{model}\t");
        let drawn: Vec<f64> = numbers
            .lines()
            .filter_map(|line| line.strip_prefix(&start)?.split('\t').nth(1)?.parse().ok())
            .collect();
        let rows = record.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let measured: Vec<f64> = rows
            .filter(|row| row["weights"] == weights)
            .filter_map(|row| row["denoised"]["distance"].as_f64())
            .collect();
        assert_eq!((drawn.len(), &drawn), (2, &measured), "{model}");
    }
    // The weights of NCSN₅ are those averaged: the page's command gives the sheet's bytes.
    let sheet = fs::read(folder.join("all/sheets/ncsn-ema-denoised.png")).expect("a sheet");
    let commands = page.split("<code>").filter_map(|rest| rest.split("</code>").next());
    let command = commands
        .filter(|command| command.contains("/ncsn/") && command.contains("--weights ema"))
        .find(|command| !command.contains("--no-denoise"))
        .expect("a command");
    let arguments = command.strip_prefix("ncsn-trainer ").expect("the trainer's").to_owned();
    run(&format!("{arguments} --device cpu"));
    assert!(fs::read(folder.join("samples.png")).expect("a sheet") == sheet, "{command}");
}

#[test]
fn stopped_in_the_middle_it_goes_on_and_repeats_no_measurement() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut child = trainer(ABLATE).current_dir(folder).stdout(Stdio::null()).spawn().expect("it starts");
    let started = Instant::now();
    // In the middle of the second selection.
    while lines(folder, "ncsn-1245/selection.jsonl") == 0 {
        assert!(started.elapsed() < Duration::from_secs(300), "no measurement in five minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: a plain system call on a process of this test.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(
        child.wait().expect("it ends").code(),
        Some(130),
        "at once, as a program without a training ends"
    );
    let before = fs::read(folder.join("all/ncsn/selection.jsonl")).expect("a record");
    let steps = lines(folder, "ncsnv2/log.jsonl");
    success(trainer(ABLATE).current_dir(folder));
    assert!(fs::read(folder.join("all/ncsn/selection.jsonl")).expect("a record") == before);
    assert_eq!(lines(folder, "ncsn-1245/selection.jsonl"), 4, "two checkpoints, two sets of weights");
    assert_eq!(lines(folder, "ncsnv2/log.jsonl"), steps, "nothing is trained again");
    assert!(folder.join("all/index.html").exists());
    // With another learning rate it is another ablation.
    let other = failure(trainer(&format!("{ABLATE} --lr 0.1")).current_dir(folder));
    assert!(
        other.contains("all/ncsnv2/checkpoints/step-00000008 was written with another training.lr"),
        "{other}"
    );
}

#[test]
fn what_is_no_ablation_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder.path()));
    assert!(refused("ablate --resume --run all").contains("--resume is not needed"));
    assert!(refused("ablate --architecture ncsn").contains("--architecture is what an ablation changes"));
    assert!(refused("ablate --preset mixture2d").contains("network is mlp, allowed: ncsnv2"));
    assert!(refused("ablate --preset shapes --images 0").contains("images is 0, allowed: 1 to 65536"));
    assert!(refused("ablate --preset shapes --num 1 --iterations 0").contains("iterations is 0"));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
}
