//! Networks against the authors' code.

mod common;

use std::cell::RefCell;

use common::{distance, network, shared, shared_path, sigmas};
use ncsn_trainer::model::{Architecture, Network, NetworkShape};
use tch::Device;

/// Relative L2 error that the reference meets against its own f64.
///
/// Source: the README of the oracles made with the authors' code.
const FORWARD: f64 = 1e-5;

#[test]
#[ignore = "needs ../shared/oracles, the authors' numbers"]
fn ncsnv2_forward_is_the_authors() {
    let [forward, weights] =
        ["forward", "weights"].map(|part| shared(&format!("ncsnv2_32_ngf8.{part}.safetensors")));
    let sigmas = sigmas(&forward);
    for (prefix, out) in [("model.", "out"), ("model.", "out_f64"), ("ema.", "out_ema")] {
        let net = network(Architecture::Ncsnv2, 8, [3, 32, 32], &sigmas, &weights, prefix);
        let out = forward.get(out).expect("out");
        let got = tch::no_grad(|| net.score(&forward.get("x").expect("x"), &forward.get("y").expect("y")));
        let error = distance(&got, &out);
        println!("{prefix} relative error {error:.1e}");
        assert!(error < FORWARD, "{error}");
    }
    let net = network(Architecture::Ncsnv2, 8, [3, 32, 64], &sigmas, &weights, "model.");
    let x = forward.get("extra_x").expect("x");
    let got = tch::no_grad(|| net.score(&x, &forward.get("extra_y").expect("y")));
    assert!(distance(&got, &forward.get("extra_out").expect("out")) < FORWARD);
}

#[test]
#[ignore = "needs ../shared/oracles, the authors' numbers"]
fn keys_and_their_order_are_the_authors() {
    let text = std::fs::read_to_string(shared_path("state_dict_keys_ngf128.txt")).expect("keys");
    let architectures = [
        ("NCSN", Architecture::Ncsn, 32),
        ("NCSNv2", Architecture::Ncsnv2, 32),
        ("NCSNv2Deeper", Architecture::Ncsnv2Deeper, 32),
        ("NCSNv2Deepest", Architecture::Ncsnv2Deepest, 32),
    ];
    for (title, architecture, size) in architectures {
        let section = text.split("## ").find(|section| section.lines().next() == Some(title));
        let expected: Vec<String> = section
            .expect("a section")
            .lines()
            .skip(1)
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("sigmas"))
            .map(str::to_owned)
            .collect();
        let shape = NetworkShape { architecture, filters: 128, item: vec![3, size, size], classes: 0 };
        let net = Network::new(&shape, &[0.1; 10], Device::Cpu).expect("a valid shape");
        let found: Vec<String> =
            net.parameters().iter().map(|(name, tensor)| format!("{name} {:?}", tensor.size())).collect();
        assert_eq!(found, expected, "{title}");
    }
}

/// Source: counted with the authors' code.
#[test]
fn sizes_and_operations_are_the_published() {
    let cases = [
        (Architecture::Ncsn, 32, 30_117_635, 19.786),
        (Architecture::Ncsnv2, 32, 29_694_083, 19.786),
        (Architecture::Ncsnv2Deeper, 96, 83_445_379, 169.88),
    ];
    for (architecture, size, parameters, gflop) in cases {
        let shape = NetworkShape { architecture, filters: 128, item: vec![3, size, size], classes: 0 };
        let net = Network::new(&shape, &[0.1; 10], Device::Cpu).expect("a valid shape");
        assert_eq!(net.parameters().count(), parameters, "{architecture}");
        let total = RefCell::new(0.0);
        let x = tch::Tensor::zeros([1, 3, size, size], tch::kind::FLOAT_CPU);
        let _ = tch::no_grad(|| {
            net.watched(
                &x,
                &tch::Tensor::from_slice(&[0_i64]),
                None,
                Some(&|seen| *total.borrow_mut() += seen.flop),
            )
        });
        let found = total.into_inner() / 1e9;
        assert!((found / gflop - 1.0).abs() < 0.01, "{architecture} {size}: {found}");
    }
}

#[test]
fn every_network_is_that_of_pytorch() {
    let cases = [
        (Architecture::Ncsnv2, 4, [3, 32, 32]),
        (Architecture::Ncsn, 4, [1, 28, 28]),
        (Architecture::Ncsnv2Deeper, 2, [3, 32, 32]),
        (Architecture::Ncsnv2Deepest, 2, [3, 32, 32]),
        (Architecture::NcsnDeeper, 2, [1, 32, 32]),
    ];
    for (architecture, filters, item) in cases {
        let file = common::own(&format!("{architecture}.safetensors"));
        let net = network(architecture, filters, item, &sigmas(&file), &file, "p.");
        let x = file.get("x").expect("x").to_kind(tch::Kind::Float);
        let got = tch::no_grad(|| net.score(&x, &file.get("y").expect("y")));
        let error = distance(&got, &file.get("out_f64").expect("out"));
        println!("{architecture}: relative error {error:.1e}");
        assert!(error < FORWARD, "{architecture}: {error}");
    }
}
