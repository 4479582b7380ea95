//! What a training can be asked for beyond the paper: batches in parts, short gradients, learning rates that change.

mod common;

use std::path::{Path, PathBuf};

use common::command::{failure, resume, success, trainer};
use common::distance;
use ncsn_trainer::checkpoint;
use ncsn_trainer::tensor_file::TensorFile;

/// At this width convolutions take the paths of real trainings. With seed 0, unlike this one, two values under a maximum are equal
/// but for rounding, which decides where the gradient goes.
const WIDE: &str =
    "train --preset shapes --seed 3 --filters 32 --batch 7 --samples 0 --device cpu --iterations 1";
const SMALL: &str = "train --preset shapes --filters 4 --batch 4 --samples 0 --device cpu";

fn tensors(run: &Path, step: u64) -> TensorFile {
    let folder = checkpoint::folder(&run.join("checkpoints"), step);
    TensorFile::read(&folder.join("tensors.safetensors")).expect("tensors")
}

/// A run of one step.
fn wide(folder: &Path, name: &str, more: &str) -> PathBuf {
    let run = folder.join(name);
    success(trainer(&format!("{WIDE} {more} --run")).arg(&run));
    run
}

/// First moments after a step, a tenth of the gradients.
fn moments(run: &Path) -> Vec<tch::Tensor> {
    let file = tensors(run, 1);
    let names = file.names().into_iter().filter(|name| name.starts_with("adam.exp_avg."));
    names.map(|name| file.get(name).expect("a tensor")).collect()
}

fn norm(tensors: &[tch::Tensor]) -> f64 {
    let square =
        |tensor: &tch::Tensor| tensor.to_kind(tch::Kind::Double).square().sum(None).double_value(&[]);
    tensors.iter().map(square).sum::<f64>().sqrt()
}

#[test]
fn a_batch_in_parts_has_the_gradients_of_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |name: &str, more: &str| wide(folder.path(), name, more);
    let loss = |run: &Path| {
        let log = std::fs::read_to_string(run.join("log.jsonl")).expect("a log");
        let line: serde_json::Value =
            serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
        line["loss"].as_f64().expect("a loss")
    };
    let whole = run("whole", "--log-every 1");
    let (whole, whole_loss) = (moments(&whole), loss(&whole));
    for parts in [2, 3, 7] {
        let found = run(&parts.to_string(), &format!("--log-every 1 --accumulate {parts}"));
        assert!((loss(&found) - whole_loss).abs() < 1e-5 * whole_loss, "{parts} parts: {}", loss(&found));
        let found = moments(&found);
        for (a, b) in found.iter().zip(&whole) {
            // Sums of the same terms in another order.
            let apart = distance(a, b);
            assert!(apart < 2e-5, "{parts} parts: {apart:.1e} of {:?}", a.size());
        }
    }
}

/// Every network, products in bfloat16, parts of a batch, several processes.
#[test]
fn layers_computed_again_have_the_same_gradients() {
    let folder = tempfile::tempdir().expect("a folder");
    let train = |name: &str, command: &str| {
        let run = folder.path().join(name);
        success(trainer(&format!("{command} --run")).arg(&run));
        moments(&run)
    };
    let deep = ["ncsn", "ncsn-deeper", "ncsnv2", "ncsnv2-deeper", "ncsnv2-deepest"];
    let mut commands: Vec<String> = deep.iter().map(|name| format!("{WIDE} --architecture {name}")).collect();
    commands.push(format!("{WIDE} --precision bf16"));
    commands.push(format!("{WIDE} --accumulate 3"));
    commands.push(format!("launch --nproc 2 {WIDE}"));
    commands.push("train --preset mixture2d --iterations 1 --device cpu".to_owned());
    commands.push(format!("{WIDE} --class-conditional"));
    commands.push("train --preset mixture2d --iterations 1 --device cpu --class-conditional".to_owned());
    let weighted = "--weighting edm:0.25 --level-density lognormal:-1.9,1.2";
    commands.push(format!("launch --nproc 2 {WIDE} --class-conditional --accumulate 2 {weighted}"));
    for (number, command) in commands.iter().enumerate() {
        let plain = train(&format!("plain{number}"), command);
        let again = train(&format!("again{number}"), &format!("{command} --gradient-checkpointing"));
        assert_eq!(plain.len(), again.len());
        for (a, b) in again.iter().zip(&plain) {
            // Where a value has two uses, their gradients are added in another order; one in bfloat16 has 8 bits.
            let most = if command.contains("bf16") { 1e-2 } else { 2e-5 };
            let apart = distance(a, b);
            assert!(apart < most, "{command}: {apart:.1e} of {:?}", a.size());
        }
    }
}

#[test]
fn layers_computed_again_take_less_memory() {
    let memory = |more: &str| {
        let bench = "bench --preset cifar10 --filters 32 --batch 64 --repeats 1 --device cpu --format json";
        let command = format!("{bench} {more}");
        let text = success(&mut trainer(&command));
        let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        found["peak_memory_bytes"].as_u64().expect("bytes")
    };
    let [plain, again] = ["", "--gradient-checkpointing"].map(memory);
    println!("{plain} {again}");
    // 1.66 GB and 0.73 GB, 0.3 GB of which is the program.
    assert!(again * 3 < plain * 2, "{plain} {again}");
}

#[test]
fn long_gradients_are_shortened_and_short_ones_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |name: &str, more: &str| moments(&wide(folder.path(), name, more));
    let plain = run("plain", "");
    let length = norm(&plain);
    let (most, more) = (5.0 * length, 20.0 * length);
    let short = run("short", &format!("--clip-norm {most}"));
    assert!((norm(&short) / (0.1 * most) - 1.0).abs() < 1e-6, "{} {most}", norm(&short));
    for (a, b) in short.iter().zip(&plain) {
        assert!(distance(a, &(b * 0.5)) < 1e-6, "the direction stays");
    }
    assert!(run("long", &format!("--clip-norm {more}")) == plain, "nothing was to be shortened");
}

#[test]
fn rates_and_averages_are_as_asked_and_survive_a_resumption() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = "--warmup 4 --decay cosine --clip-norm 50 --accumulate 2 --ema-half-life 10";
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    success(trainer(&format!("{SMALL} {asked} --iterations 8 --checkpoint-every 4 --run")).arg(&whole));
    let config = std::fs::read_to_string(whole.join("config.toml")).expect("a configuration");
    for line in [
        "warmup = 4",
        "decay = \"cosine\"",
        "clip_norm = 50.0",
        "accumulate = 2",
        "ema_rate = 0.9330329915368074",
    ] {
        assert!(config.lines().any(|own| own == line), "{line}: {config}");
    }
    let copied = format!(
        "train --config {} --iterations 8 --checkpoint-every 4 --run",
        whole.join("config.toml").display()
    );
    success(trainer(&copied).arg(&parts));
    std::fs::remove_dir_all(parts.join("checkpoints/step-00000008")).expect("a checkpoint");
    success(&mut resume(&parts));
    let [a, b] = [tensors(&whole, 8), tensors(&parts, 8)];
    assert!(a.names().iter().all(|name| a.get(name).expect("one") == b.get(name).expect("one")));
    // Adam's first step has the length of the rate: a quarter of 0.004 at the first of four steps of warm-up.
    let first = |name: &str, more: &str| {
        let run = folder.path().join(name);
        success(
            trainer(&format!("{SMALL} {more} --iterations 4 --checkpoint-every 1 --keep 4 --run")).arg(&run),
        );
        tensors(&run, 1).get("model.end_conv.bias").expect("a bias")
    };
    let [slow, fast] = [first("slow", "--lr 0.004 --warmup 4"), first("fast", "--lr 0.001")];
    assert_eq!(slow, fast);
    assert_ne!(fast, first("faster", "--lr 0.004"));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let line = |more: &str| failure(&mut trainer(&format!("{SMALL} {more} --iterations 8 --run none")));
    assert!(line("--accumulate 5").contains("accumulate is 5, allowed: 1 to 4"));
    assert!(line("--accumulate 0").contains("accumulate is 0, allowed: 1 to 4"));
    assert!(line("--warmup 9").contains("warmup is 9, allowed: 0 to 8"));
    assert!(line("--clip-norm 0").contains("clip_norm is 0, allowed: positive and finite"));
    assert!(line("--decay steps").contains("constant, linear, cosine"));
    assert!(line("--ema-half-life -1").contains("ema_rate"));
    assert!(line("--ema-half-life 5 --ema-rate 0.9").contains("cannot be used with"));
}
