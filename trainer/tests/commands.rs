//! The commands from end to end, on a run of a few steps: what they write, and that their outputs fit each other.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::command::{failure, small_run, success, trainer};
use common::{distance, own};
use ncsn_trainer::tensor_file::TensorFile;
use tch::Tensor;

/// Relative L2 error that networks in single precision meet against double.
const SCORE: f64 = 1e-5;

/// A run of two steps in a folder of its own.
fn trained() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    success(&mut small_run(&folder.path().join("run"), 2));
    folder
}

/// A command on that run, T = 1, with files named as in its folder.
fn on_run(folder: &Path, arguments: &str) -> String {
    let mut command = trainer(arguments);
    command.args(["--checkpoint", "run", "--steps-per-level", "1", "--device", "cpu"]).current_dir(folder);
    success(&mut command)
}

fn tensor(folder: &Path, file: &str, name: &str) -> Tensor {
    TensorFile::read(&folder.join(file)).expect("a file of tensors").get(name).expect("the tensor")
}

fn size(path: PathBuf) -> (u32, u32) {
    image::image_dimensions(path).expect("a picture")
}

#[test]
fn samples_are_written_in_every_form() {
    let folder = trained();
    let folder = folder.path();
    let said = on_run(
        folder,
        "sample --num 3 --batch 2 --grid all.png --png each --output s.safetensors --trajectory way.png",
    );
    // 91 levels of the preset and the denoising, Technique 2.
    assert!(
        said.contains("\n3 samples after step 2 of shapes (92 score evaluations each): all.png"),
        "{said}"
    );
    assert_eq!(tensor(folder, "s.safetensors", "samples").size(), [3, 3, 16, 16]);
    let names: Vec<_> = fs::read_dir(folder.join("each")).expect("a folder").collect();
    assert_eq!((names.len(), size(folder.join("each/000002.png"))), (3, (16, 16)));
    on_run(folder, "sample --num 3 --output s.npy");
    let all = ncsn_shell::read(&folder.join("s.npy"), &ncsn_data::Options::default()).expect("an array");
    assert_eq!(all.shape, [3, 16, 16]);
}

#[test]
fn interpolation_ends_in_what_sample_makes_from_its_starts() {
    let folder = trained();
    let folder = folder.path();
    on_run(folder, "interpolate --pairs 2 --count 1 --seed 5 --output rows.safetensors --grid rows.png");
    on_run(folder, "sample --init rows.safetensors --seed 5 --output ends.safetensors");
    let rows = tensor(folder, "rows.safetensors", "samples");
    assert_eq!(rows.size(), [2, 3, 3, 16, 16]);
    let ends = tensor(folder, "ends.safetensors", "samples").view([2, 2, 3, 16, 16]);
    // Both ends of a row, in batches of six and of four: kernels may sum in another order.
    let difference = (rows.index_select(1, &Tensor::from_slice(&[0_i64, 2])) - &ends).abs().max();
    assert!(difference.double_value(&[]) <= 1e-5 * ends.abs().max().double_value(&[]), "{difference:?}");
}

#[test]
fn inpainting_keeps_the_known_half_of_a_picture() {
    let folder = trained();
    let folder = folder.path();
    on_run(folder, "sample --num 1 --png made");
    let said = on_run(
        folder,
        "inpaint --input made/000000.png --mask left --num 2 --output filled.safetensors --grid filled.png",
    );
    assert!(said.starts_with("2 fills of 1 images, 50.0 % of the pixels each"), "{said}");
    let filled = tensor(folder, "filled.safetensors", "samples");
    let known = tensor(folder, "filled.safetensors", "known").narrow(3, 8, 8);
    for fill in 0..2 {
        assert_eq!(filled.get(0).get(fill).narrow(2, 8, 8), known.get(0));
    }
    assert_ne!(filled.get(0).get(0).narrow(2, 0, 8), filled.get(0).get(1).narrow(2, 0, 8));
}

#[test]
fn diagnosis_shows_the_levels_asked_for() {
    let folder = trained();
    let said = on_run(folder.path(), "diagnose --num 2 --format json");
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let levels = said["levels"].as_array().expect("levels");
    assert_eq!((said["schema"].as_str(), levels.len()), (Some("ncsn.diagnosis/2"), 20));
    // A fresh network's score is far from −noise/σ, but the noise of the start is known: ‖σ₁z‖ within 5 % for D = 768.
    let ratio = levels[0]["noise_norm"].as_f64().expect("a norm") / (12.418 * 768_f64.sqrt());
    assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
    // In the chain the first level starts at its own variance, the others with what the one above left.
    let predicted: Vec<f64> =
        levels.iter().map(|level| level["predicted_ratio"].as_f64().expect("a ratio")).collect();
    assert!(predicted.is_sorted() && predicted[0] > 1.0 && predicted[0] < predicted[1], "{predicted:?}");
}

#[test]
fn a_run_that_is_exported_gives_the_same_scores() {
    let folder = trained();
    let folder = folder.path();
    let inputs = [("x", Tensor::rand([2, 3, 16, 16], (tch::Kind::Float, tch::Device::Cpu)))]
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .into_iter()
        .chain([("y".to_owned(), Tensor::from_slice(&[0_i64, 90]))])
        .collect::<Vec<_>>();
    let named = inputs.iter().map(|(name, tensor)| (name.clone(), tensor));
    ncsn_trainer::tensor_file::write(&folder.join("in.safetensors"), named, None).expect("writes");
    success(trainer("convert run --weights ema -o ema.safetensors").current_dir(folder));
    for (source, weights) in [("run", "ema"), ("ema.safetensors", "raw")] {
        let command = format!("score --checkpoint {source} --weights {weights} --input in.safetensors");
        success(
            trainer(&format!("{command} --output {source}.out.safetensors --device cpu")).current_dir(folder),
        );
    }
    assert_eq!(
        tensor(folder, "run.out.safetensors", "out"),
        tensor(folder, "ema.safetensors.out.safetensors", "out")
    );
}

/// Source: `trainer/tests/oracles/make.py`.
#[test]
fn a_checkpoint_in_the_authors_form_becomes_a_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let oracles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
    let said = success(
        trainer("convert --preset cifar10 -o run").arg(oracles.join("authors.pth")).current_dir(folder),
    );
    assert!(said.contains("ncsnv2 after step 1002"), "{said}");
    assert!(said.contains("note: the file counts 1002 steps, its optimiser 2"), "{said}");
    let expected = own("authors.safetensors");
    for weights in ["raw", "ema"] {
        let command = format!(
            "score --checkpoint run --weights {weights} --output {weights}.out.safetensors --device cpu --input"
        );
        success(trainer(&command).arg(oracles.join("authors.safetensors")).current_dir(folder));
        let error = distance(
            &tensor(folder, &format!("{weights}.out.safetensors"), "out"),
            &expected.get(&format!("out_{weights}")).expect("scores"),
        );
        assert!(error < SCORE, "{weights}: {error:.1e}");
    }
    let made =
        TensorFile::read(&folder.join("run/checkpoints/step-00001002/tensors.safetensors")).expect("tensors");
    for name in expected.names().into_iter().filter(|name| name.starts_with("adam.")) {
        assert_eq!(made.get(name).expect(name), expected.get(name).expect(name), "{name}");
    }
}

#[test]
fn corrupt_images_end_the_run_or_are_left_out_when_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    fs::create_dir(folder.join("images")).expect("a folder");
    for k in 0..8_u8 {
        let picture = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([k * 9, x as u8, y as u8]));
        picture.save(folder.join(format!("images/{k}.png"))).expect("writes");
    }
    let bytes = fs::read(folder.join("images/3.png")).expect("a picture");
    fs::write(folder.join("images/3.png"), &bytes[..bytes.len() / 2]).expect("writes");
    let train = "train --preset shapes --data images --filters 4 --batch 2 --iterations 1 --held-out 0 --samples 0 \
                 --device cpu --run run";
    let line = failure(trainer(train).current_dir(folder));
    assert!(line.contains("3.png"), "{line}");
    let said = success(trainer(&format!("{train} --skip-corrupt")).current_dir(folder));
    assert!(said.contains("from 7 (0 for the test loss)") && said.contains("note: 1 "), "{said}");
}

#[test]
fn files_decoded_once_are_the_same_data() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let images = folder.path().join("images");
    for (part, count) in [("train", 70_u8), ("test", 3)] {
        fs::create_dir_all(images.join(part)).expect("a folder");
        for number in 0..count {
            let picture =
                image::RgbImage::from_fn(9, 8, |x, y| image::Rgb([number, 7 * x as u8, 11 * y as u8]));
            picture.save(images.join(part).join(format!("{number:02}.png"))).expect("writes");
        }
    }
    let run = |arguments: &str| success(trainer(arguments).current_dir(folder.path()));
    let said = run("data --data images --size 16 --output all.npy --test-output test.npy --grid all.png");
    assert!(said.starts_with("70 items in all.npy\n3 items in test.npy\n"), "{said}");
    let options = |split| ncsn_data::Options { size: Some(16), split, ..Default::default() };
    for (split, file) in [(ncsn_data::Split::TrainAlone, "all.npy"), (ncsn_data::Split::Test, "test.npy")] {
        let decoded = ncsn_shell::read(&images, &options(split)).expect("images");
        let array = ncsn_shell::read(&folder.path().join(file), &Default::default()).expect("an array");
        assert_eq!(array.shape, [3, 16, 16]);
        assert_eq!(decoded.digest().expect("a digest"), array.digest().expect("a digest"), "{file}");
    }
    let several = run("data --data all.npy --data test.npy --output both.npy");
    assert!(several.starts_with("73 items in both.npy\n"), "{several}");
    let both = fs::read(folder.path().join("both.npy")).expect("an array");
    let parts = ["all.npy", "test.npy"].map(|part| fs::read(folder.path().join(part)).expect("an array"));
    assert!(
        both.ends_with(&parts.map(|part| part[part.len() % 768..].to_vec()).concat()),
        "one after the other"
    );
    let steps =
        "train --preset shapes --filters 4 --batch 2 --iterations 1 --held-out 0 --samples 0 --device cpu";
    let said = run(&format!("{steps} --run run --data all.npy --data test.npy"));
    assert!(said.contains("from 73 (0 for the test loss)"), "{said}");
    let said = run("train --run run --resume --iterations 2 --device cpu");
    assert!(said.contains("from 73 (0 for the test loss)"), "{said}");
    let none =
        failure(trainer("data --data all.npy --output o.npy --test-output t.npy").current_dir(folder.path()));
    assert!(none.contains("no test split"), "{none}");
    assert!(!folder.path().join("o.npy").exists(), "nothing is left half done");
    let thirds: Vec<u8> = [1.0_f64 / 3.0; 6].iter().flat_map(|x| x.to_le_bytes()).collect();
    common::command::write_array(&folder.path().join("f.npy"), "<f8", "(2, 3)", &thirds);
    let numbers = failure(trainer("data --data f.npy --output o.npy").current_dir(folder.path()));
    assert!(numbers.contains("--data holds numbers, which training reads as they are"), "{numbers}");
}

#[test]
fn completions_know_the_options() {
    assert!(success(&mut trainer("completions bash")).contains("--steps-per-level"));
}

#[cfg(feature = "man")]
#[test]
fn manual_pages_know_the_commands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    success(trainer("man pages").current_dir(folder.path()));
    let page = fs::read_to_string(folder.path().join("pages/ncsn-trainer-train.1")).expect("a page");
    assert!(page.contains("resume"), "{page}");
}
