//! The fast 3×3 convolution against a direct one in double precision.

mod common;

use common::distance;
use ncsn_trainer::torch::{Rounding, channels_last, conv3x3};
use tch::{Device, Kind, Tensor};

/// Largest relative L2 error of Winograd's F(4×4, 3×3) in single precision over 260 shapes was 2.0e-6, that of a direct
/// convolution 1.6e-6.
const ERROR: f64 = 4e-6;

/// Batch, channels in and out, height, width, dilation: with and without Winograd's algorithm, sides that 4 divides not.
const SHAPES: [[i64; 6]; 9] = [
    [2, 128, 128, 32, 32, 1],
    [1, 64, 96, 28, 28, 1],
    [2, 128, 64, 14, 18, 2],
    [1, 256, 256, 16, 16, 4],
    [3, 96, 40, 30, 21, 1],
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
