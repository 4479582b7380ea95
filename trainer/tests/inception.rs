//! Inception's features, score and sFID against PyTorch; the commands that take its weights, by one process and several.

mod common;

use std::fs;
use std::path::Path;

use common::command::{success, trainer};
use common::{close, distance, number, own, statistics};
use ncsn_trainer::evaluate::frechet::frechet;
use ncsn_trainer::evaluate::inception::Inception;
use ncsn_trainer::evaluate::score::Sums;
use ncsn_trainer::tensor_file;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// Names, shapes and weights as the oracle's script sets them.
fn inception_weights() -> Vec<(String, Tensor)> {
    let file = own("inception.safetensors");
    let listed: Vec<(String, Vec<i64>)> = serde_json::from_str(&file.metadata()["tensors"]).expect("a list");
    let weights = listed.into_iter().zip(0..).map(|((name, shape), salt)| {
        let values = number(&shape, salt);
        let values = if name.ends_with("conv.weight") {
            let inputs = shape[1..].iter().product::<i64>() as f64;
            values * (24.0 / inputs).sqrt()
        } else if name.ends_with("bn.weight") || name.ends_with("running_var") {
            values + 1.0
        } else {
            values * 0.2
        };
        (name, values.to_kind(Kind::Float))
    });
    weights.collect()
}

#[test]
fn inception_gives_the_features_of_torchvision_with_the_pools_of_fid() {
    let weights = inception_weights();
    let network = Inception::new(&weights, Path::new("w.pth"), Device::Cpu).expect("all layers");
    let images = (number(&[2, 3, 40, 32], 7) + 0.5).to_kind(Kind::Float);
    let [found, spatial] = network.with_spatial(&images).expect("features");
    let logits = network.logits(&found).expect("a product").expect("a classifier");
    // Five times as much as torchvision's own single precision differs from its double precision.
    for (name, found, limit) in
        [("features", &found, 9e-6), ("spatial", &spatial, 7e-5), ("logits", &logits, 6e-6)]
    {
        let error = distance(found, &own("inception.safetensors").get(name).expect("there"));
        println!("Inception {name}: relative difference {error:.1e}");
        assert!(error < limit, "{name}: {error}");
    }
    let grey = images.narrow(1, 0, 1);
    let three = grey.expand([2, 3, 40, 32], false);
    assert_eq!(network.features(&grey).expect("grey"), network.features(&three).expect("grey as RGB"));
}

#[test]
fn evaluate_gives_the_inception_score_and_the_spatial_distance() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let weights = inception_weights();
    tensor_file::write(
        &path("w.safetensors"),
        weights.iter().map(|(name, tensor)| (name.clone(), tensor)),
        None,
    )
    .expect("writes");
    let network = Inception::new(&weights, Path::new("w"), Device::Cpu).expect("all layers");
    let mut sums = Sums::new(12, 3).expect("ten samples");
    let [samples, data] = [("samples.npy", 12, 8), ("data.npy", 11, 9)].map(|(name, count, salt)| {
        let bytes = ((number(&[count, 3, 24, 24], salt) + 0.5) * 255.0).round() / 255.0;
        let images = bytes.to_kind(Kind::Float);
        ncsn_trainer::array_file::write_tensor(&path(name), &images).expect("writes");
        network.with_spatial(&images).expect("features")
    });
    sums.add(&network.logits(&samples[0]).expect("a product").expect("a classifier")).expect("logits");
    let score = sums.finish().expect("samples");
    let run = "evaluate --samples samples.npy --data data.npy --inception w.safetensors --spatial --seed 3";
    let text = success(trainer(&format!("{run} --device cpu --format json")).current_dir(folder.path()));
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let get = |name: &str, part: &str| found[name][part].as_f64().expect("a number");
    // Features by one thread and by several differ by a few 2⁻²⁴, distances of singular covariances by more.
    close(get("inception_score", "mean"), score.mean, 1e-6);
    close(get("inception_score", "standard_deviation"), score.spread, 1e-6);
    assert_eq!(found["inception_score"]["classes"], 8);
    let expected = frechet(&statistics(&samples[1]), &statistics(&data[1])).expect("2023 features each");
    close(get("spatial", "distance") / expected.distance, 1.0, 1e-3);
    // Of the last rounds of 12 and 11 items, one process has less than a batch and one nothing.
    let same = format!("{run} --device cpu --format json --batch 3 --threads 1 --statistics");
    let alone = success(trainer(&same).arg("1.safetensors").current_dir(folder.path()));
    let several = format!("launch --nproc 5 {same}");
    assert_eq!(alone, success(trainer(&several).arg("5.safetensors").current_dir(folder.path())));
    let file = |name: &str| fs::read(path(name)).expect("statistics");
    assert!(file("1.safetensors") == file("5.safetensors"), "the same bits");
}

#[test]
fn weights_of_another_network_are_named() {
    let mut weights = inception_weights();
    let refusal = |weights: &Vec<(String, Tensor)>| {
        Inception::new(weights, Path::new("w.pth"), Device::Cpu).expect_err("not Inception").to_string()
    };
    let at = weights.iter().position(|(name, _)| name == "Mixed_6e.branch7x7_2.conv.weight").expect("there");
    weights[at].1 = weights[at].1.transpose(2, 3);
    assert!(
        refusal(&weights).starts_with("w.pth: has layers of other shapes, expected the weights of Inception")
    );
    let at = weights.iter().position(|(name, _)| name == "fc.weight").expect("there");
    weights[at].1 = weights[at].1.tr();
    assert!(refusal(&weights).starts_with("w.pth: has a fc.weight of shape [2048, 8], expected"));
    drop(weights.remove(at));
    let at = weights.iter().position(|(name, _)| name == "Mixed_6e.branch7x7_2.conv.weight").expect("there");
    drop(weights.remove(at));
    assert!(refusal(&weights).starts_with("w.pth: has no Mixed_6e.branch7x7_2.conv.weight, expected"));
}
