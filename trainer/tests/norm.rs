//! InstanceNorm++ and ELU in few passes against their formula in double precision.

mod common;

use std::process::Command;

use common::distance;
use common::norm::{FLOOR, formula, random};
use ncsn_trainer::torch::{Rounding, channels_last};
use tch::{Device, Kind, Tensor};

fn norm(x: &Tensor, affine: &[Tensor; 3], floor: f64, activate: bool) -> Option<Tensor> {
    ncsn_trainer::torch::norm(x, affine, floor, activate, Rounding::Allowed)
}

/// Batch, channels, height, width, rows of the parameters: channels that no vector divides, one pixel, many.
const SHAPES: [[i64; 5]; 8] = [
    [2, 128, 32, 32, 1],
    [3, 96, 14, 18, 3],
    [1, 256, 8, 8, 1],
    [2, 150, 9, 7, 2],
    [4, 3, 16, 16, 1],
    [1, 20, 130, 127, 1],
    [5, 2, 4, 4, 5],
    [2, 40, 1, 1, 1],
];

#[test]
fn values_and_gradients_are_those_of_the_formula() {
    tch::manual_seed(7);
    for [batch, channels, height, width, rows] in SHAPES {
        for (activate, offset) in [(false, 0.0), (true, 0.0), (true, 100.0)] {
            // Means of their own for each channel, many deviations from 0 at the last.
            let x = random(&[batch, channels, height, width], 1.5)
                + random(&[batch, channels, 1, 1], 0.7)
                + random(&[1, channels, 1, 1], offset);
            let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[rows, channels], scale));
            let direction = random(&[batch, channels, height, width], 1.0);
            let run = |kind: Kind| {
                let leaf = |tensor: &Tensor| tensor.to_kind(kind).copy().set_requires_grad(true);
                let (x, own) = (leaf(&x), parameters.each_ref().map(leaf));
                let y = if kind == Kind::Float {
                    norm(&channels_last(&x), &own, FLOOR, activate).expect("images in f32")
                } else {
                    formula(&x, &own, activate)
                };
                let loss = (&y * direction.to_kind(kind)).sum(kind);
                let leaves = [&x, &own[0], &own[1], &own[2]];
                (y.detach(), Tensor::run_backward(&[&loss], &leaves, false, false))
            };
            let ((y, found), (exact_y, exact)) = (run(Kind::Float), run(Kind::Double));
            let case = format!("{batch}x{channels}x{height}x{width}, {rows} rows, {activate}, {offset}");
            // x − mean has the rounding of the mean: offset·2⁻²⁴ over a deviation of 1.5, and what sums add to it.
            let most = 1e-6 + 1e-6 * offset;
            assert!(distance(&y, &exact_y) < most, "{case}: {:e}", distance(&y, &exact_y));
            for (name, (found, exact)) in ["x", "gamma", "alpha", "beta"].iter().zip(found.iter().zip(&exact))
            {
                if exact.abs().max().double_value(&[]) < 1e-4 {
                    continue; // one pixel: no gradient of x but by the means
                }
                let error = distance(found, exact);
                // Of one pixel, γ/√floor·(dz − Σ dz) is nothing but rounding, beside the gradient by the means, which their
                // spread divides.
                let cancelled = if height * width == 1 { 1e-4 * (1.0 + offset) } else { 0.0 };
                assert!(error < 4.0 * most + cancelled, "{case}: gradient of {name} {error:e}");
            }
        }
    }
}

/// An ulp or two of ELU, near 0 as far from it; infinities and NaN stay what they are.
#[test]
fn elu_is_exact_to_ulps_and_hides_nothing() {
    // Two channels of equal pixels but for the last: γ = 0 and β = z make every value ELU(z).
    let mut z: Vec<f32> = (0..4000).map(|k| -(k as f32 / 100.0)).collect();
    z.extend((0..160).map(|k| -(2.0_f32.powi(-k))));
    z.extend([0.0, 1e-30, 5.0, 3e38]);
    let count = z.len() as i64;
    let beta = Tensor::from_slice(&z).view([1, count]);
    let zeros = || Tensor::zeros([1, count], (Kind::Float, Device::Cpu));
    let x = Tensor::ones([1, count, 2, 2], (Kind::Float, Device::Cpu));
    let found = norm(&x, &[zeros(), zeros(), beta.copy()], FLOOR, true).expect("images in f32");
    let exact = beta.to_kind(Kind::Double).expm1().where_self(&beta.lt(0.0), &beta.to_kind(Kind::Double));
    let error = (found.amax([2_i64, 3].as_slice(), false) / exact.view([1, count]) - 1.0).abs();
    let worst = error.nan_to_num(0.0, None, None).max().double_value(&[]);
    println!("{worst:e}");
    assert!(worst < 2.0_f64.powi(-22), "{worst:e}");
    for bad in [f64::NAN, f64::INFINITY] {
        let x = random(&[2, 8, 4, 4], 1.0);
        let _ = x.get(1).get(3).get(2).get(1).fill_(bad);
        let ones = || Tensor::ones([1, 8], (Kind::Float, Device::Cpu));
        let y = norm(&x, &[ones(), ones(), ones()], FLOOR, true).expect("images in f32");
        let finite = |image: i64| y.get(image).isfinite().all().int64_value(&[]) != 0;
        assert!(finite(0) && !finite(1), "{bad}");
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch_or_the_threads() {
    let x = random(&[5, 130, 12, 12], 1.0);
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, 130], scale));
    let all = norm(&x, &parameters, FLOOR, true).expect("images in f32");
    for image in 0..5 {
        let alone = norm(&x.narrow(0, image, 1), &parameters, FLOOR, true).expect("images in f32");
        assert_eq!(alone, all.narrow(0, image, 1));
    }
    let threads = tch::get_num_threads();
    tch::set_num_threads(1);
    assert_eq!(norm(&x, &parameters, FLOOR, true).expect("images in f32"), all);
    tch::set_num_threads(threads);
}

#[test]
fn other_kinds_are_left_to_the_plain_path() {
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, 4], scale));
    for kind in [Kind::BFloat16, Kind::Double] {
        assert!(norm(&random(&[1, 4, 3, 3], 1.0).to_kind(kind), &parameters, FLOOR, true).is_none());
    }
}

/// All of this file again with narrower vectors.
#[test]
fn narrower_vectors_do_as_well() {
    for capability in ["avx2", "default"] {
        let mut command = Command::new(std::env::current_exe().expect("a test"));
        let output =
            command.env("ATEN_CPU_CAPABILITY", capability).args(["--skip", "narrower_vectors"]).output();
        let output = output.expect("starts");
        assert!(output.status.success(), "{capability}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
