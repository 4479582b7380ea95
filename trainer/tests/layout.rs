//! Arrays of images in either order of their values: what is guessed, what is asked, and that training sees the same images.

mod common;

use std::fs;
use std::path::Path;

use common::command::{failure, success, trainer, write_array, write_npy, write_schedule};
use ncsn_theory::schedule::DataRange;
use serde_json::Value;

const SIDE: usize = 8;
const COUNT: usize = 40;

/// Images of 3 × 8 × 8 in which every value says where it is, planes first or channels last.
fn images(interleaved: bool) -> Vec<u8> {
    let value =
        |image: usize, channel: usize, y: usize, x: usize| (image * 7 + channel * 80 + y * 9 + x) as u8;
    let mut bytes = Vec::new();
    for image in 0..COUNT {
        for at in 0..3 * SIDE * SIDE {
            let (channel, y, x) = if interleaved {
                (at % 3, at / 3 / SIDE, at / 3 % SIDE)
            } else {
                (at / SIDE / SIDE, at / SIDE % SIDE, at % SIDE)
            };
            bytes.push(value(image, channel, y, x));
        }
    }
    bytes
}

/// Trains three steps; returns what was printed and the log.
fn train(folder: &Path, data: &str, flags: &str) -> (String, Vec<Value>) {
    let run = folder.join(format!("run-{data}"));
    let mut command = trainer(&format!(
        "train --preset own --schedule s.toml --data {data} --filters 4 --batch 4 --iterations 3 --log-every 1 \
         --held-out 8 --test-every 3 --samples 0 --device cpu {flags} --run"
    ));
    let text = success(command.arg(&run).current_dir(folder));
    let log = fs::read_to_string(run.join("log.jsonl")).expect("a log");
    (text, log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

fn losses(log: &[Value]) -> Vec<&Value> {
    log.iter().flat_map(|line| [&line["loss"], &line["test_loss"]]).filter(|loss| !loss.is_null()).collect()
}

#[test]
fn training_sees_the_same_images_in_either_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    write_schedule(&folder.join("s.toml"), 192, 10.0, DataRange::Unit);
    write_npy(&folder.join("chw.npy"), "(40, 3, 8, 8)", &images(false));
    write_npy(&folder.join("hwc.npy"), "(40, 8, 8, 3)", &images(true));
    write_npy(&folder.join("flat.npy"), "(40, 192)", &images(true));
    let floats: Vec<u8> =
        images(true).iter().flat_map(|&byte| (f64::from(byte) / 255.0).to_le_bytes()).collect();
    write_array(&folder.join("floats.npy"), "<f8", "(40, 8, 8, 3)", &floats);
    let (text, planes) = train(folder, "chw.npy", "");
    assert!(
        text.contains("\nitems of 3 x 8 x 8, network ncsnv2 with n = 4, weights averaged over 1000 steps\n"),
        "{text}"
    );
    assert!(!text.contains("taken as"), "{text}");
    assert!(losses(&planes).len() >= 4, "{planes:?}");
    let (text, interleaved) = train(folder, "hwc.npy", "");
    assert!(text.contains("note: items of 8 x 8 x 3 are taken as height x width x channels\n"), "{text}");
    assert_eq!(losses(&interleaved), losses(&planes));
    fs::copy(folder.join("flat.npy"), folder.join("said.npy")).expect("copies");
    let (text, said) = train(folder, "said.npy", "--shape 3,8,8 --layout hwc");
    assert!(text.contains("\nitems of 3 x 8 x 8, network ncsnv2") && !text.contains("vectors"), "{text}");
    assert_eq!(losses(&said), losses(&planes));
    let (_, floats) = train(folder, "floats.npy", "");
    // Bytes are divided by 255 in single precision, these in double.
    for (float, byte) in losses(&floats).into_iter().zip(losses(&planes)) {
        let [float, byte] = [float, byte].map(|loss| loss.as_f64().expect("a number"));
        assert!((float / byte - 1.0).abs() < 1e-4, "{float} {byte}");
    }
    let (text, wrong) = train(folder, "flat.npy", "--shape 3,8,8");
    assert!(text.contains("items of 3 x 8 x 8") && losses(&wrong) != losses(&planes), "the order matters");
}

#[test]
fn vectors_are_said_to_be_vectors_and_ambiguous_axes_are_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    write_schedule(&folder.join("s.toml"), 192, 10.0, DataRange::Unit);
    write_npy(&folder.join("flat.npy"), "(40, 192)", &images(false));
    let (text, _) = train(folder, "flat.npy", "");
    assert!(text.contains("\nitems of 192, network mlp"), "{text}");
    assert!(
        text.contains("note: items are vectors of 192 numbers; --shape 3,8,8 takes them as images\n"),
        "{text}"
    );
    write_npy(&folder.join("both.npy"), "(40, 3, 16, 4)", &images(false));
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder));
    let own = "train --preset own --schedule s.toml --dry-run --data";
    assert_eq!(
        refused(&format!("{own} both.npy")),
        "error: both.npy: items of 3 x 16 x 4, expected a word on their axes: --layout chw or --layout hwc\n"
    );
    assert_eq!(
        refused(&format!("{own} flat.npy --shape 3,8,9")),
        "error: flat.npy: items of 192, expected 3 x 8 x 9, as --shape says\n"
    );
    assert_eq!(
        refused("train --preset shapes --dry-run --data flat.npy"),
        "error: flat.npy: items of 192, expected 3 x 16 x 16 as the network takes\n"
    );
    assert_eq!(
        refused(&format!("{own} flat.npy --layout nhwc")),
        "error: invalid value 'nhwc' for '--layout <ORDER>': layout is nhwc, allowed: chw, hwc\n"
    );
    let kept = success(trainer(&format!("{own} both.npy --layout chw --held-out 4")).current_dir(folder));
    assert!(kept.contains("layout = \"chw\"") && kept.contains("item = [3, 16, 4]"), "{kept}");
    let line = refused("train --resume --run run-flat.npy --layout chw");
    assert!(line.contains("'--resume' cannot be used with"), "{line}");
}
