//! Oracles of the authors' code in `../shared/oracles`, and of the project's own making beside the tests.

#![allow(dead_code)]

pub mod command;
pub mod norm;
pub mod step;

use std::path::{Path, PathBuf};

use ncsn_trainer::evaluate::statistics::{Moments, Statistics};
use ncsn_trainer::model::{Architecture, Network, NetworkShape, Parameters};
use ncsn_trainer::tensor_file::TensorFile;
use tch::{Device, Kind, Tensor};

/// An oracle of the authors' code. Tests that need it are ignored, and run where `make test` finds `../shared`.
pub fn shared(name: &str) -> TensorFile {
    TensorFile::read(&shared_path(name)).expect("an oracle of the authors' code")
}

/// Where an oracle of the authors' code is.
pub fn shared_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/oracles").join(name)
}

/// An oracle committed beside the tests.
pub fn own(name: &str) -> TensorFile {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles").join(name);
    TensorFile::read(&path).expect("the oracle is a safetensors file")
}

/// ‖a − b‖/‖b‖ in double precision.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
    ((a - &b).norm() / b.norm()).double_value(&[])
}

/// Noise levels of an oracle.
pub fn sigmas(file: &TensorFile) -> Vec<f32> {
    ncsn_trainer::torch::to_vec(&file.get("sigmas").expect("sigmas"))
}

/// A network with the parameters that a file has under `prefix`.
pub fn network(
    architecture: Architecture,
    filters: i64,
    item: [i64; 3],
    sigmas: &[f32],
    file: &TensorFile,
    prefix: &str,
) -> Network {
    let shape = NetworkShape { architecture, filters, item: item.to_vec(), classes: 0 };
    let network = Network::new(&shape, sigmas, Device::Cpu).expect("a valid shape");
    let read = |name: &String| {
        let tensor = file.get(&format!("{prefix}{name}")).expect("a parameter");
        (name.clone(), tensor.to_kind(Kind::Float))
    };
    network.parameters().assign(&Parameters::new(network.parameters().names().iter().map(read).collect()));
    network
}

/// `hashed` of `oracles/make_measures.py`: the top 24 bits of SplitMix64, mapped to [−1/2, 1/2).
pub fn hashed(shape: &[i64], salt: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as u64;
    let value = |index: u64| {
        let z = (index + (salt << 32) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    Tensor::from_slice(&(0..count).map(value).collect::<Vec<f64>>()).view(shape)
}

/// `number` of `oracles/make_inception.py`: (2654435761 i + 40503 salt) mod 2³², mapped to [−1/2, 1/2).
pub fn number(shape: &[i64], salt: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as u64;
    let value =
        |i: u64| ((i * 2_654_435_761 + salt * 40_503) % (1 << 32)) as f64 / (1_u64 << 32) as f64 - 0.5;
    Tensor::from_slice(&(0..count).map(value).collect::<Vec<f64>>()).view(shape)
}

/// Statistics of features that come in batches of seven.
pub fn statistics(features: &Tensor) -> Statistics {
    let mut moments = Moments::new(features.size()[1], Device::Cpu).expect("few features");
    features.split(7, 0).iter().for_each(|batch| moments.add(batch));
    moments.finish().expect("more than one item")
}

/// Tolerances of 1e-12 to 1e-14 are a few thousand to a few dozen roundings of numbers near 1.
pub fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}, within {tolerance:e}");
}
