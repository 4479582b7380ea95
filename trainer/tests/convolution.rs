//! The fast 3×3 convolution against a direct one in double precision.

mod common;

use std::process::Command;

use common::distance;
use ncsn_trainer::torch::{Rounding, channels_last, conv3x3};
use tch::{Device, Kind, Tensor};

/// Largest relative L2 error of Winograd's F(4×4, 3×3) in single precision over 260 shapes was 2.0e-6, that of a direct
/// convolution 1.6e-6.
const ERROR: f64 = 4e-6;

/// Batch, channels in and out, height, width, dilation: with and without Winograd's algorithm, sides that 4 divides not.
const SHAPES: [[i64; 6]; 11] = [
    [2, 128, 128, 32, 32, 1],
    [1, 64, 96, 28, 28, 1],
    [2, 128, 64, 14, 18, 2],
    [1, 256, 256, 16, 16, 4],
    [3, 96, 40, 30, 21, 1],
    [1, 160, 144, 16, 16, 1],
    [2, 150, 130, 20, 20, 1],
    [2, 32, 32, 16, 16, 1],
    [2, 3, 32, 16, 16, 1],
    [2, 32, 3, 5, 9, 1],
    [1, 8, 8, 7, 7, 2],
];

fn random(shape: &[i64], scale: f64) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)) * scale
}

#[test]
fn values_and_gradients_are_those_of_a_direct_convolution() {
    tch::manual_seed(5);
    for [batch, inputs, outputs, height, width, dilation] in SHAPES {
        let x = random(&[batch, inputs, height, width], 1.0);
        let weight = random(&[outputs, inputs, 3, 3], 1.0 / (9.0 * inputs as f64).sqrt());
        let bias = random(&[outputs], 1.0);
        let direction = random(&[batch, outputs, height, width], 1.0);
        let run = |kind: Kind, fast: bool| {
            let leaf = |tensor: &Tensor| tensor.to_kind(kind).copy().set_requires_grad(true);
            let (x, weight, bias) = (leaf(&x), leaf(&weight), leaf(&bias));
            let y = if fast {
                conv3x3(&channels_last(&x), &weight, Some(&bias), dilation, Rounding::Allowed)
            } else {
                x.conv2d(&weight, Some(&bias), [1], [dilation], [dilation], 1)
            };
            let loss = (&y * direction.to_kind(kind)).sum(kind);
            let gradients = Tensor::run_backward(&[&loss], &[&x, &weight, &bias], false, false);
            (y.detach(), gradients)
        };
        let ((y, gradients), (exact_y, exact)) = (run(Kind::Float, true), run(Kind::Double, false));
        let shape = format!("{batch}x{inputs}x{height}x{width} to {outputs}, dilation {dilation}");
        assert!(distance(&y, &exact_y) < ERROR, "{shape}");
        for (name, (found, exact)) in ["input", "weight", "bias"].iter().zip(gradients.iter().zip(&exact)) {
            let error = distance(found, exact);
            assert!(error < ERROR, "{shape}: gradient of {name} {error}");
        }
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch() {
    tch::manual_seed(6);
    let x = random(&[5, 64, 32, 32], 1.0);
    let weight = random(&[64, 64, 3, 3], 0.04);
    let together = conv3x3(&channels_last(&x), &weight, None, 1, Rounding::Allowed);
    let alone = conv3x3(&channels_last(&x.narrow(0, 4, 1)), &weight, None, 1, Rounding::Allowed);
    assert_eq!(together.narrow(0, 4, 1), alone);
}

/// Values and gradients of two shapes for which Winograd's algorithm is taken, as a checksum of their bits.
fn checksum() -> i64 {
    let mut sum = 0_i64;
    for [batch, inputs, outputs, height, width, dilation] in [SHAPES[0], SHAPES[2]] {
        let mut seed = 1_u32;
        // Not torch's own numbers, which depend on the vectors too.
        let mut leaf = |shape: &[i64]| {
            let values: Vec<f32> = (0..shape.iter().product::<i64>())
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 8) as f32 / 16_777_216.0 - 0.5
                })
                .collect();
            Tensor::from_slice(&values).view(shape).set_requires_grad(true)
        };
        let (x, weight) = (leaf(&[batch, inputs, height, width]), leaf(&[outputs, inputs, 3, 3]));
        let y = conv3x3(&channels_last(&x), &weight, None, dilation, Rounding::Allowed);
        let direction = leaf(&[batch, outputs, height, width]).detach();
        let gradients =
            Tensor::run_backward(&[&(&y * direction).sum(Kind::Float)], &[&x, &weight], false, false);
        for tensor in gradients.iter().chain([&y]) {
            let bits = tensor.detach().contiguous().view_dtype(Kind::Int).to_kind(Kind::Int64).flatten(0, -1);
            let places = Tensor::arange(bits.size()[0], (Kind::Int64, Device::Cpu)) + 1;
            sum = sum.wrapping_mul(31).wrapping_add((bits * places).sum(Kind::Int64).int64_value(&[]));
        }
    }
    sum
}

#[test]
#[ignore = "run by the test below with fewer vectors"]
fn print_the_checksum() {
    println!("checksum {}", checksum());
}

/// All of this file again with narrower vectors; and the same bits.
#[cfg(target_arch = "x86_64")]
#[test]
fn narrower_vectors_give_the_same() {
    let run = |capability: &str, arguments: &[&str]| {
        let mut command = Command::new(std::env::current_exe().expect("a test"));
        let output = command.env("ATEN_CPU_CAPABILITY", capability).args(arguments).output().expect("starts");
        assert!(output.status.success(), "{capability}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    if !is_x86_feature_detected!("avx512f") {
        println!("NOT TESTED for want of such a processor: AVX-512");
    }
    let own = format!("checksum {}\n", checksum());
    for capability in ["avx2", "default"] {
        run(capability, &["--skip", "narrower_vectors"]);
        let found = run(capability, &["--ignored", "--nocapture"]);
        // Without the instruction, a product and a sum are rounded apart.
        assert_eq!(found.contains(&own), capability == "avx2", "{capability}: {own}{found}");
    }
}
