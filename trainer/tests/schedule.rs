//! The schedule of a run: carried whole from the file to the checkpoint and to the sample; that of older runs is read.

mod common;

use std::fs;
use std::path::Path;

use common::command::{failure, schedule_for, success, trainer, write_npy};
use ncsn_schedule::ScheduleFile;
use ncsn_trainer::checkpoint;
use ncsn_trainer::config::{Config, Noise};
use sha2::{Digest, Sha256};

const TRAIN: &str = "train --filters 4 --batch 2 --iterations 2 --held-out 0 --samples 0 --device cpu";

/// A folder with the run `run` of two steps on data whose schedule is that of the file returned.
fn trained_from_a_file() -> (tempfile::TempDir, ScheduleFile) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("x.npy");
    let bytes: Vec<u8> = (0..8 * 768).map(|k| (k * 7 % 251) as u8).collect();
    write_npy(&data, "(8, 3, 16, 16)", &bytes);
    let schedule = schedule_for(&data);
    fs::write(folder.path().join("s.toml"), schedule.to_toml().expect("TOML")).expect("writes");
    let train = format!("{TRAIN} --preset own --data x.npy --schedule s.toml --run run");
    success(trainer(&train).current_dir(folder.path()));
    (folder, schedule)
}

/// A folder with the run `run` of two steps from a preset.
fn trained_from_a_preset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    success(trainer(&format!("{TRAIN} --preset shapes --run run")).current_dir(folder.path()));
    folder
}

#[test]
fn a_run_and_its_checkpoints_carry_the_schedule_file_whole() {
    let (folder, schedule) = trained_from_a_file();
    let run = folder.path().join("run");
    let config = Config::read(&run.join("config.toml")).expect("a configuration");
    let manifest = checkpoint::manifest(&run.join("checkpoints/step-00000002")).expect("a manifest");
    for noise in [config.noise, manifest.config.noise] {
        assert_eq!(noise, Noise::File(Box::new(schedule.clone())));
    }
    // As the file on the disk has them, for other programs.
    let text = fs::read_to_string(run.join("checkpoints/step-00000002/checkpoint.json")).expect("a manifest");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let file = &json["config"]["schedule"]["file"];
    assert_eq!(file["enclosures"]["gamma"], serde_json::json!(schedule.enclosures.gamma));
    assert_eq!(file["provenance"]["data"]["digest"].as_str(), schedule.digest());
    success(trainer("train --resume --run run --iterations 3").current_dir(folder.path()));
}

#[test]
fn sampling_says_which_schedule_it_uses() {
    let (folder, schedule) = trained_from_a_file();
    let line = |flags: &str| {
        let sample = format!("sample --checkpoint run --num 1 --grid x.png --device cpu {flags}");
        success(trainer(&sample).current_dir(folder.path())).lines().next().expect("a line").to_owned()
    };
    let (levels, epsilon) = (schedule.schedule.num_levels(), schedule.schedule.epsilon());
    let digest = schedule.digest().expect("a digest");
    let expected = |rest: &str| format!("schedule: L = {levels}, {rest} (these, sha256 {digest})");
    assert_eq!(line("--sampler ode --steps 2"), expected(&format!("T = 1, epsilon {epsilon:e}")));
    // What the flags change is what is used.
    assert_eq!(line("--steps-per-level 2 --epsilon 1e-6"), expected("T = 2, epsilon 1e-6"));
    // Technique 4 for another T.
    let two =
        schedule.schedule.with_steps(2).and_then(|two| two.optimal_epsilon()).expect("an epsilon").mid();
    assert_eq!(line("--steps-per-level 2"), expected(&format!("T = 2, epsilon {two:e}")));
    let warning = |flags: &str| {
        let mut sample =
            trainer(&format!("sample --checkpoint run --num 1 --grid x.png --device cpu {flags}"));
        let said = sample.current_dir(folder.path()).output().expect("starts").stderr;
        String::from_utf8_lossy(&said).into_owned()
    };
    assert!(warning("--steps-per-level 1").contains("warning: T = 1 with epsilon "), "steps are too few");
    assert_eq!(warning("--steps-per-level 20"), "");
}

/// The table that configurations of before had, for the preset `shapes`.
const OLD: &str = "[noise]
sigma_max = 12.418352184275612
sigma_min = 0.01
num_levels = 91
steps_per_level = 3
epsilon = 0.000012662138532694424
source = \"before\"
";

/// A text with what stands between two marks, the first included, replaced.
fn replaced(text: &str, from: &str, to: &str, by: &str) -> String {
    let start = text.find(from).expect("the first mark");
    let end = start + text[start..].find(to).expect("the second mark");
    [&text[..start], by, &text[end..]].concat()
}

/// Brings a run of the preset `shapes` into the form of before.
fn make_old(run: &Path) {
    let path = run.join("config.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    fs::write(&path, replaced(&text, "[schedule.stated]", "[data]", OLD)).expect("writes");
    let path = run.join("checkpoints/step-00000002/checkpoint.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    let noise: toml::Table = toml::from_str(OLD).expect("TOML");
    // In the order of before, on which the digest depends.
    let keys = ["sigma_max", "sigma_min", "num_levels", "steps_per_level", "epsilon", "source"];
    let lines = keys.map(|key| {
        let value = serde_json::to_value(&noise["noise"][key]).expect("JSON");
        format!("      \"{key}\": {value}")
    });
    let table = format!("\"noise\": {{\n{}\n    }},\n    ", lines.join(",\n"));
    let text = replaced(&text, "\"schedule\": {", "\"data\": {", &table);
    let without = replaced(text.trim_end(), "\"sha256\": \"", "\n}", "\"sha256\": \"\"");
    let digest = Sha256::digest(&without).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    fs::write(&path, without.replace("\"sha256\": \"\"", &format!("\"sha256\": \"{digest}\"")))
        .expect("writes");
}

#[test]
fn a_run_of_before_is_sampled_and_goes_on() {
    let folder = trained_from_a_preset();
    make_old(&folder.path().join("run"));
    let said = success(
        trainer("sample --checkpoint run --num 1 --sampler ode --steps 2 --grid x.png --device cpu")
            .current_dir(folder.path()),
    );
    assert!(said.starts_with("schedule: L = 91, T = 3, epsilon 1.2662138532694424e-5 (before)\n"), "{said}");
    success(trainer("train --resume --run run --iterations 3").current_dir(folder.path()));
    let manifest = checkpoint::manifest(&folder.path().join("run/checkpoints/step-00000003"));
    assert_eq!(manifest.expect("a manifest").config.schedule().dim(), 768);
}

#[test]
fn what_does_not_belong_to_a_schedule_is_refused() {
    let folder = trained_from_a_preset();
    let path = folder.path().join("run/config.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    let numbers = "[schedule.stated.numbers]\n";
    for (bad, expected) in [
        (
            text.replace(numbers, &format!("{numbers}gamma = 2\n")),
            "unknown field `gamma`, expected one of `dim`",
        ),
        (
            text.replace("[schedule.stated]\n", "[schedule.stated]\nunits = \"unit\"\n"),
            "unknown field `units`",
        ),
        (text.replace("[schedule.stated]\n", "[schedule.stated]\nsource = \"a\"\n"), "duplicate key"),
        (text.replace("\"unit\"", "\"signed\""), "data_range is signed, allowed: unit"),
        (text.replace("\"unit\"", "\"inches\""), "data_range is \"inches\", allowed: unit, signed, native"),
        (text.replace("dim = 768", "dim = 767"), "dim is 767, allowed: 768 for items of 3 x 16 x 16"),
        (text.replace("num_levels = 91", "num_levels = 1"), "num_levels is 1, allowed: 2 to 2^53"),
        (
            text.replace("num_levels = 91", "num_levels = 2000000"),
            "num_levels is 2000000, allowed: 2 to 1000000",
        ),
        (replaced(&text, "[schedule.stated]", "[data]", ""), "schedule is missing"),
        (format!("{text}\n{OLD}"), "noise is a table"),
        (
            replaced(&text, "[schedule.stated]", "[data]", &OLD.replace("before\"", "before\"\nT = 1")),
            "unknown field `T`",
        ),
        (
            replaced(&text, "[schedule.stated]", "[data]", &OLD.replace("0.01", "20.0")),
            "sigma_min 20.0 is not below",
        ),
    ] {
        assert_ne!(bad, text, "{expected}");
        fs::write(folder.path().join("bad.toml"), bad).expect("writes");
        let line =
            failure(trainer("train --config bad.toml --run other --device cpu").current_dir(folder.path()));
        assert!(line.contains(expected), "{expected}: {line}");
    }
}
