//! Averages made after training are those of all weights that the training went through.

mod common;

use std::fs;
use std::path::Path;

use common::command::{failure, resume, success, trainer};
use ncsn_theory::power_ema::PowerEma;
use ncsn_trainer::checkpoint;
use ncsn_trainer::tensor_file::TensorFile;
use tch::{Kind, Tensor};

const TRAIN: &str = "train --preset shapes --filters 4 --batch 4 --lr 0.001 --checkpoint-every 1 --keep 200 \
                     --samples 0 --snapshots-every 10 --device cpu";

fn weights(folder: &Path, prefix: &str) -> Tensor {
    checkpoint::verify(folder).expect("a whole checkpoint");
    let file = TensorFile::read(&folder.join("tensors.safetensors")).expect("tensors");
    let names = file.names().into_iter().filter(|name| name.starts_with(prefix));
    let flat = names.map(|name| file.get(name).expect("a tensor").to_kind(Kind::Double).flatten(0, -1));
    Tensor::cat(&flat.collect::<Vec<_>>(), 0)
}

fn norm(tensor: &Tensor) -> f64 {
    tensor.square().sum(Kind::Double).double_value(&[]).sqrt()
}

#[test]
fn an_average_made_afterwards_is_that_of_all_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let steps = 120_u64;
    success(trainer(&format!("{TRAIN} --iterations {steps} --run")).arg(&run));
    let passed: Vec<Tensor> = (1..=steps)
        .map(|step| weights(&checkpoint::folder(&run.join("checkpoints"), step), "model."))
        .collect();
    let last = &passed[119];
    let average = |ema: PowerEma, steps: u64| {
        let power = |step: u64| (step as f64 / steps as f64).powf(ema.gamma() + 1.0);
        let terms = (1..=steps).zip(&passed).map(|(k, passed)| passed * (power(k) - power(k - 1)));
        terms.fold(last.zeros_like(), |sum, term| sum + term)
    };
    let said = success(trainer("ema --sigma-rel 0.05,0.08,0.15,0.2 --format json").arg(&run));
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    for (made, width) in said["made"].as_array().expect("four").iter().zip([0.05, 0.08, 0.15, 0.2]) {
        let ema = PowerEma::with_relative_width(width).expect("a width");
        let expected = average(ema, steps);
        let residual = made["residual"].as_f64().expect("a share");
        // The stored averages are those of their definition, and so is their combination: to f32's rounding.
        let terms = made["terms"].as_array().expect("terms").iter().map(|term| {
            let [width, coefficient] =
                ["sigma_rel", "coefficient"].map(|key| term[key].as_f64().expect("a number"));
            let ema = PowerEma::with_relative_width(width).expect("a width");
            average(ema, term["step"].as_u64().expect("a step")) * coefficient
        });
        let combined = terms.fold(last.zeros_like(), |sum, term| sum + term);
        let folder = made["checkpoint"].as_str().expect("a path");
        let found = weights(Path::new(folder), "ema.");
        assert!(norm(&(&found - combined)) < 1e-6 * norm(last), "{width}");
        // How far it is from the average itself, in units of that one's distance from the last weights: the first weights are far
        // from the others, so that it is more than the residual, 5.6 times at most as measured.
        let apart = norm(&(found - &expected)) / norm(&(&expected - last));
        println!("{width}: {apart:.1e}, residual {residual:.1e}");
        assert!(apart < 1e-4 + 10.0 * residual, "{width}: {apart}, {residual}");
    }
    // They sample, and have no other weights.
    let sample = "sample --num 1 --steps-per-level 1 --device cpu -o x.npy \
                  --checkpoint run/ema/sigma-rel-0.15/step-00000120";
    success(trainer(sample).current_dir(folder.path()));
    let message = failure(trainer(&format!("{sample} --weights raw")).current_dir(folder.path()));
    assert!(message.contains("tensor model.begin_conv.weight is missing"), "{message}");
}

#[test]
fn snapshots_go_on_where_a_run_was_cut_and_are_those_of_one_past() {
    let folder = tempfile::tempdir().expect("a folder");
    let [whole, cut] = ["whole", "cut"].map(|name| folder.path().join(name));
    let train = TRAIN.replace("--checkpoint-every 1 ", "--checkpoint-every 15 ");
    success(trainer(&format!("{train} --iterations 40 --run")).arg(&whole));
    success(trainer(&format!("{train} --iterations 25 --run")).arg(&cut));
    // As if the training had been killed after step 20, when the last checkpoint was that of step 15.
    fs::remove_dir_all(cut.join("checkpoints/step-00000025")).expect("removes");
    success(resume(&cut).args(["--iterations", "40"]));
    let list = |run: &Path| checkpoint::list(&run.join("averages")).expect("snapshots");
    assert_eq!((list(&whole), list(&cut)), (vec![10, 20, 30, 40], vec![10, 20, 30, 40]));
    for step in list(&whole) {
        let of = |run: &Path| weights(&checkpoint::folder(&run.join("averages"), step), "power_");
        assert_eq!(of(&whole), of(&cut), "step {step}");
    }
    // Another past is kept under another name.
    success(trainer("train --resume --from step-00000015 --iterations 16 --device cpu --run").arg(&cut));
    assert_eq!(list(&cut), [10, 16]);
    let aside = fs::read_dir(cut.join("averages")).expect("a folder").flatten();
    let aside = aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("aside-1-"));
    assert_eq!(aside.count(), 3);
    // What cannot be made is said.
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder.path()));
    assert!(
        refused("ema cut --sigma-rel 0.3").contains("sigma_rel is 0.3, allowed: 0.0001 to below 0.288675")
    );
    assert!(
        refused("ema cut --sigma-rel 0.1 --step 15")
            .contains("step is 15, allowed: that of a snapshot: 10, 16")
    );
    assert!(refused("ema nowhere --sigma-rel 0.1").contains("nowhere: No such file"));
    success(
        trainer(&train.replace("--snapshots-every 10", "--iterations 1 --run none"))
            .current_dir(folder.path()),
    );
    assert!(
        refused("ema none --sigma-rel 0.1").contains("none/averages holds no snapshots, which 'train --snap")
    );
    let path = cut.join("averages/step-00000010/tensors.safetensors");
    let mut bytes = fs::read(&path).expect("a file");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&path, bytes).expect("writes");
    assert!(
        refused("ema cut --sigma-rel 0.1").contains("averages/step-00000010/tensors.safetensors: SHA-256 is")
    );
}
