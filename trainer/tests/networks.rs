//! `--network`: TorchScript modules as features. `oracles/make_networks.py` made them and what they must give.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::command::{failure, success, trainer, write_npy};
use ncsn_trainer::evaluate::script::{Convention, Filter, Input, Script};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/networks").join(format!("{name}.pt"))
}

fn script(name: &str, input: Input, size: Option<u32>, filter: Filter) -> Script {
    Script::open(&module(name), Convention { input, size, filter }, Device::Cpu).expect("a module")
}

/// `images` of `oracles/make_networks.py`, in [0, 1].
fn images() -> Tensor {
    let bytes: Vec<f64> = (0..2 * 3 * 20 * 12).map(|i| f64::from((i * i * 31 + i * 7) % 256)).collect();
    (Tensor::from_slice(&bytes) / 255.0).to_kind(Kind::Float).view([2, 3, 20, 12])
}

/// Single precision against double: values of up to 255 in bytes, and up to 5 elsewhere, through some ten roundings of 2⁻²⁴.
#[test]
fn every_convention_gives_what_torch_gives() {
    let text = fs::read_to_string(module("plain").with_file_name("expected.json")).expect("a file");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(cases.len(), 20);
    for case in cases {
        let [input, filter] = ["input", "filter"].map(|key| case[key].as_str().expect("a name"));
        let size = case["size"].as_u64().map(|size| size as u32);
        let script =
            script("plain", input.parse().expect("an input"), size, filter.parse().expect("a filter"));
        let found: Vec<f32> =
            Vec::try_from(script.features(&images()).expect("features").flatten(0, -1)).expect("floats");
        let rows = case["features"].as_array().expect("rows").iter().flat_map(|row| row.as_array());
        let expected: Vec<f64> = rows.flatten().map(|value| value.as_f64().expect("a number")).collect();
        assert_eq!(found.len(), expected.len());
        let tolerance = if input == "bytes" { 2e-4 } else { 5e-6 };
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (f64::from(found) - expected).abs() < tolerance,
                "{case:#}: {found} instead of {expected}"
            );
        }
    }
}

#[test]
fn evaluation_grey_images_and_nvidias_second_argument() {
    let bytes = |name: &str, input: Input| {
        script(name, input, None, Filter::Bicubic).features(&images()).expect("features")
    };
    let means = images().mean_dim([2, 3].as_slice(), false, Kind::Float) * 255.0;
    let near = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]) < 1e-3;
    assert!(near(&bytes("nvidia", Input::Nvidia), &means));
    assert!(near(&bytes("nvidia", Input::Bytes), &means.softmax(1, Kind::Float)));
    // Dropout would leave zeros and doubles.
    assert!(near(&(bytes("dropping", Input::Unit) * 255.0), &means));
    let grey = images().narrow(1, 0, 1);
    let script = script("plain", Input::Imagenet, Some(16), Filter::Bilinear);
    let three = grey.expand([2, 3, 20, 12], false);
    assert_eq!(script.features(&grey).expect("grey"), script.features(&three).expect("grey as RGB"));
}

#[test]
fn modules_that_give_something_else_are_named() {
    let refused = |name: &str, input: Input| {
        let script = script(name, input, None, Filter::Bicubic);
        script.features(&images()).expect_err("no features").to_string()
    };
    let expected = ", expected [2, features] of floating-point numbers";
    for (name, input, found) in [
        ("places", Input::Unit, "places.pt: gives [2, 3, 20, 12] of Float"),
        ("pair", Input::Unit, "pair.pt: gives a tuple"),
        ("integers", Input::Unit, "integers.pt: gives [2, 3] of Int64"),
        ("strict", Input::Unit, "strict.pt: fails for images [2, 3, 20, 12] ("),
        ("nvidia", Input::Unit, "nvidia.pt: fails for images [2, 3, 20, 12] ("),
    ] {
        let message = refused(name, input);
        assert!(message.contains(found) && message.ends_with(expected), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    assert!(refused("strict", Input::Unit).contains("only 14 pixels"));
}

/// Two folders' worth of images, and the modules beside them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["plain", "infinite", "strict"] {
        fs::copy(module(name), folder.path().join(format!("{name}.pt"))).expect("copies");
    }
    for (name, count, factor) in [("data", 40, 31), ("samples", 30, 37)] {
        let bytes: Vec<u8> = (0..count * 3 * 64_u32).map(|i| ((i * i) % 251 * factor % 256) as u8).collect();
        write_npy(&folder.path().join(format!("{name}.npy")), &format!("({count}, 3, 8, 8)"), &bytes);
    }
    folder
}

/// The trainer in a folder.
fn on_the_cpu(folder: &Path, arguments: &str) -> Command {
    let mut command = trainer(&format!("{arguments} --device cpu"));
    command.current_dir(folder);
    command
}

#[test]
fn evaluate_and_neighbours_take_any_network() {
    let folder = folder();
    let folder = folder.path();
    let run = |arguments: &str| on_the_cpu(folder, arguments);
    let json = |arguments: &str| -> Value {
        serde_json::from_str(&success(&mut run(&format!("{arguments} --format json")))).expect("JSON")
    };
    let network = "--network plain.pt --network-input unit --network-size 14";
    let whole =
        json(&format!("evaluate --samples samples.npy --data data.npy {network} --statistics s.safetensors"));
    assert_eq!((&whole["features"], &whole["dim"]), (&"the network".into(), &20.into()));
    assert!(whole["manifold"].is_object() && whole["inception_score"].is_null(), "{whole:#}");
    let identity = whole["identity"].as_str().expect("a text");
    assert!(identity.ends_with(", unit input of 14 pixels, bicubic"), "{identity}");
    let again = json(&format!("evaluate --samples samples.npy --data s.safetensors {network}"));
    let distance = |found: &Value| found["frechet"]["distance"].as_f64().expect("a number");
    // The same sums; those of the samples alone are computed anew.
    assert!((distance(&again) / distance(&whole) - 1.0).abs() < 1e-9, "{again:#}");
    for other in [
        "--network plain.pt --network-input unit --network-size 15",
        "--network strict.pt --network-size 14",
        "",
    ] {
        let message =
            failure(&mut run(&format!("evaluate --samples samples.npy --data s.safetensors {other}")));
        assert!(message.contains("s.safetensors: statistics of network "), "{message}");
    }
    let nearest = json(&format!("neighbours --samples data.npy --data data.npy --num 3 {network}"));
    assert_eq!(
        (&nearest["neighbours"][2][0]["item"], &nearest["features"]),
        (&2.into(), &"the network".into())
    );
}

#[test]
fn select_takes_any_network_and_its_statistics() {
    let folder = folder();
    let folder = folder.path();
    let run = |arguments: &str| on_the_cpu(folder, arguments);
    success(&mut run(
        "train --preset shapes --filters 4 --batch 4 --iterations 4 --checkpoint-every 4 --samples 0 --run run",
    ));
    let network = "--network plain.pt --network-size 9";
    let select = format!("select run --num 4 --steps-per-level 1 {network}");
    let found: Value =
        serde_json::from_str(&success(&mut run(&format!("{select} --format json")))).expect("JSON");
    assert_eq!(
        (&found["features"], found["measured"].as_array().map(Vec::len)),
        (&"the network".into(), Some(2))
    );
    // Statistics of the run's data, kept beside it, are those of this network in this convention.
    let kept = fs::read_dir(folder.join("run/statistics")).expect("a folder").next().expect("a file");
    let kept = kept.expect("an entry").path();
    let message = failure(run(&format!("{select}0")).arg("--data").arg(&kept));
    assert!(
        message.contains("statistics of network") && message.contains("imagenet input of 9 pixels"),
        "{message}"
    );
}

#[test]
fn broken_files_and_wrong_flags_end_in_one_line() {
    let folder = folder();
    let folder = folder.path();
    let refused = |arguments: &str| {
        let mut command =
            trainer(&format!("evaluate --samples samples.npy --data data.npy --device cpu {arguments}"));
        failure(command.current_dir(folder))
    };
    let whole = fs::read(folder.join("plain.pt")).expect("a module");
    fs::write(folder.join("cut.pt"), &whole[..whole.len() / 2]).expect("writes");
    fs::write(folder.join("empty.pt"), b"").expect("writes");
    for name in ["cut.pt", "empty.pt", "data.npy"] {
        let message = refused(&format!("--network {name}"));
        assert!(message.starts_with(&format!("error: {name}: cannot be loaded (")), "{message}");
        assert!(message.ends_with("expected a TorchScript file, as torch.jit.save writes it\n"), "{message}");
    }
    assert_eq!(refused("--network none.pt"), "error: none.pt: No such file or directory (os error 2)\n");
    assert_eq!(
        refused("--network infinite.pt"),
        "error: a feature that the network gives is not finite, allowed: finite numbers\n"
    );
    // The data come first, 40 in one batch.
    let message = refused("--network strict.pt");
    assert!(message.starts_with("error: strict.pt: fails for images [40, 3, 8, 8] ("), "{message}");
    assert_eq!(
        refused("--network plain.pt --network-size 5000"),
        "error: pixels of the network's images is 5000, allowed: 1 to 4096\n"
    );
    let message = refused("--network plain.pt --spatial --inception w.pth");
    assert!(message.contains("cannot be used with"), "{message}");
}
