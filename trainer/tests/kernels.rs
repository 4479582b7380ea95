//! Own kernels, emulated: the source that a GPU is given, against its formula in double precision.

mod common;

use std::collections::BTreeSet;

use common::distance;
use common::norm::{FLOOR, formula, random};
use ncsn_trainer::torch::kernels::{self, Emulation, Plan};
use ncsn_trainer::torch::{self, Rounding, channels_last};
use tch::{Device, Kind, Tensor};

/// Kinds of x and y.
const KINDS: [(Kind, Kind); 4] = [
    (Kind::Float, Kind::Float),
    (Kind::Float, Kind::BFloat16),
    (Kind::BFloat16, Kind::Float),
    (Kind::BFloat16, Kind::BFloat16),
];
/// Half a unit of the last place of bfloat16, relative, at most: 8 bits.
const HALF: f64 = 1.0 / 256.0;
const CHANNELS: [i64; 12] = [1, 2, 3, 4, 5, 8, 13, 16, 32, 64, 130, 512];
const SIDES: [[i64; 2]; 4] = [[1, 1], [4, 4], [32, 32], [33, 17]];

fn norm(x: &Tensor, affine: &[Tensor; 3], y: Kind, activate: bool) -> Tensor {
    let run = || torch::norm(x, affine, FLOOR, activate, Rounding::Allowed).expect("kernels");
    let found = if y == Kind::BFloat16 { torch::autocast(Device::Cpu, run) } else { run() };
    assert_eq!(found.kind(), y);
    found
}

/// Result, and gradients by x, γ, α and β.
fn values_and_gradients(
    x: &Tensor,
    parameters: &[Tensor; 3],
    direction: &Tensor,
    y: Option<Kind>,
    activate: bool,
) -> Vec<Tensor> {
    let leaf = |tensor: &Tensor| {
        let kind = if y.is_some() { tensor.kind() } else { Kind::Double };
        tensor.to_kind(kind).detach().copy().set_requires_grad(true)
    };
    let (x, own) = (leaf(x), parameters.each_ref().map(leaf));
    let result = match y {
        Some(kind) => norm(&x, &own, kind, activate),
        None => formula(&x, &own, activate),
    };
    let loss = (&result * direction.to_kind(result.kind())).sum(result.kind());
    let mut all = vec![result.detach()];
    all.extend(Tensor::run_backward(&[&loss], &[&x, &own[0], &own[1], &own[2]], false, false));
    all
}

/// Compares one case; returns the largest error as a share of what is allowed.
fn compare([batch, channels, height, width, rows]: [i64; 5], activate: bool, offset: f64) -> f64 {
    let x = random(&[batch, channels, height, width], 1.5)
        + random(&[batch, channels, 1, 1], 0.7)
        + random(&[1, channels, 1, 1], offset);
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[rows, channels], scale));
    let direction = random(&[batch, channels, height, width], 1.0);
    let mut worst: f64 = 0.0;
    for (x_kind, y_kind) in KINDS {
        let (x, direction) = (channels_last(&x.to_kind(x_kind)), direction.to_kind(y_kind));
        let found = values_and_gradients(&x, &parameters, &direction, Some(y_kind), activate);
        let exact = values_and_gradients(&x, &parameters, &direction, None, activate);
        // As for norm.cpp: x − mean has the rounding of the mean, offset·2⁻²⁴ over a deviation of 1.5, and what sums add.
        let most = 1e-6 + 1e-6 * offset;
        // One pixel: γ/√floor·(dz − Σ dz) is nothing but rounding, beside the gradient by the means, a few times smaller than dz.
        let cancelled = if height * width == 1 { 4.0 * 2.0_f64.powi(-22) / FLOOR.sqrt() } else { 0.0 };
        let rounded = |kind: Kind| if kind == Kind::BFloat16 { HALF } else { 0.0 };
        let limits = [most + rounded(y_kind), 4.0 * most + rounded(x_kind) + cancelled]
            .into_iter()
            .chain([4.0 * most + cancelled; 3]);
        for ((name, limit), (found, exact)) in
            ["y", "x", "gamma", "alpha", "beta"].iter().zip(limits).zip(found.iter().zip(&exact))
        {
            if *name != "y" && exact.abs().max().double_value(&[]) < 1e-4 {
                continue; // one pixel, or one channel: no gradient but rounding
            }
            let error = distance(found, exact);
            let case = format!("{batch}x{channels}x{height}x{width}, {rows} rows, {activate}, {offset}");
            assert!(error < limit, "{case}, {x_kind:?} to {y_kind:?}: {name} {error:e}, allowed {limit:e}");
            worst = worst.max(error / limit);
        }
    }
    worst
}

fn emulated() {
    kernels::emulate(Some(Emulation::Forward));
}

#[test]
fn values_and_gradients_are_those_of_the_formula() {
    emulated();
    tch::manual_seed(7);
    let mut worst: f64 = 0.0;
    for channels in CHANNELS.into_iter().filter(|&channels| channels > 1) {
        for [height, width] in SIDES {
            for batch in [1, 5] {
                worst = worst.max(compare([batch, channels, height, width, 1], true, 0.0));
                if batch > 1 {
                    worst = worst.max(compare([batch, channels, height, width, batch], true, 0.0));
                }
            }
        }
    }
    // Images are added up eight at a time.
    for batch in [8, 9, 19] {
        worst = worst.max(compare([batch, 40, 3, 3, 1], true, 0.0));
    }
    for channels in [3, 8, 128, 130] {
        for rows in [1, 2] {
            worst = worst.max(compare([2, channels, 33, 17, rows], false, 0.0));
            // Means a hundred deviations from 0.
            worst = worst.max(compare([2, channels, 33, 17, rows], true, 100.0));
        }
    }
    println!("largest error: {worst:.2} of what is allowed");
}

/// Many chunks, as many pixels a thread as there may be.
#[test]
fn large_images_are_summed_as_exactly() {
    emulated();
    tch::manual_seed(8);
    let worst = compare([1, 8, 363, 371, 1], true, 0.0).max(compare([1, 128, 256, 192, 1], true, 10.0));
    println!("largest error: {worst:.2} of what is allowed");
}

/// A thread starts from its first pixel: nothing is lost where that is far from all others.
#[test]
fn an_outlier_at_the_start_costs_no_digits() {
    emulated();
    tch::manual_seed(9);
    let x = random(&[1, 8, 64, 64], 1.0);
    x.narrow(2, 0, 1).narrow(3, 0, 1).copy_(&random(&[1, 8, 1, 1], 1e4));
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, 8], scale));
    let direction = random(&[1, 8, 64, 64], 1.0);
    let found = values_and_gradients(&x, &parameters, &direction, Some(Kind::Float), false);
    let exact = values_and_gradients(&x, &parameters, &direction, None, false);
    let errors: Vec<f64> = found.iter().zip(&exact).map(|(found, exact)| distance(found, exact)).collect();
    assert!(errors.iter().all(|&error| error < 1e-5), "{errors:?}");
}

#[test]
fn the_cases_meet_every_way_to_launch() {
    let mut shapes = BTreeSet::new();
    let (mut chunks, mut groups, mut each) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let large = [[1, 8, 363 * 371], [1, 128, 256 * 192]];
    let all = CHANNELS.into_iter().filter(|&channels| channels > 1).flat_map(|channels| {
        SIDES
            .into_iter()
            .flat_map(move |[height, width]| [1, 5].map(|batch| [batch, channels, height * width]))
    });
    for [batch, channels, pixels] in all.chain(large) {
        let plan = Plan::new(batch, channels, pixels);
        shapes.insert((plan.lanes, plan.width));
        chunks.insert(plan.chunks.min(2));
        groups.insert(plan.groups.min(2));
        each.insert(plan.each);
    }
    // One channel alone has no spread over the channels: NaN in any program.
    let expected: BTreeSet<_> = [1, 4]
        .into_iter()
        .flat_map(|lanes| [1, 2, 4, 8, 16, 32].map(|width| (lanes, width)))
        .filter(|&shape| shape != (1, 1))
        .collect();
    assert_eq!(shapes, expected);
    assert_eq!([chunks, groups], [BTreeSet::from([1, 2]), BTreeSet::from([1, 2])]);
    assert!(each.first() == Some(&4) && each.len() > 2, "{each:?}");
    // Whatever the sizes, a GPU's limits are kept and every pixel has its thread.
    for batch in [1, 3, 128, 5000] {
        for channels in [1, 3, 96, 128, 130, 512, 4096] {
            for pixels in [1, 63, 1024, 65_536, 1 << 22] {
                let Plan { lanes, width, each, chunks, groups } = Plan::new(batch, channels, pixels);
                let rows = 256 / width;
                assert!(lanes * width * groups >= channels && lanes * width * (groups - 1) < channels);
                assert!(rows * each * chunks >= pixels && rows * each * (chunks - 1) < pixels);
                assert!((4..=64).contains(&each) && chunks <= 65_535 && groups <= 65_535);
            }
        }
    }
}

/// The published networks fill an H200's 132 multiprocessors, and one large image does.
#[test]
fn there_are_blocks_enough_for_a_large_gpu() {
    for [batch, channels, side] in
        [[128, 128, 32], [128, 256, 16], [128, 512, 8], [1, 128, 256], [4, 128, 64]]
    {
        let plan = Plan::new(batch, channels, side * side);
        let blocks = batch * plan.chunks * plan.groups;
        println!("{batch}x{channels}x{side}x{side}: {blocks} blocks, {plan:?}");
        assert!(blocks >= 132);
    }
}

#[test]
fn the_order_of_threads_and_blocks_changes_no_bit() {
    tch::manual_seed(10);
    for [batch, channels, side] in [[3, 130, 17], [2, 128, 24], [5, 8, 4], [2, 512, 9]] {
        let x = random(&[batch, channels, side, side], 1.0) + random(&[1, channels, 1, 1], 3.0);
        let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, channels], scale));
        let direction = random(&[batch, channels, side, side], 1.0);
        for (x_kind, y_kind) in KINDS {
            let (x, direction) = (x.to_kind(x_kind), direction.to_kind(y_kind));
            let run = |how| {
                kernels::emulate(Some(how));
                values_and_gradients(&x, &parameters, &direction, Some(y_kind), true)
            };
            assert_eq!(run(Emulation::Forward), run(Emulation::Reverse));
        }
    }
}

/// ELU by way of β: γ = 0 makes every value of a channel ELU(β).
fn elu_of(z: &[f32], y: Kind) -> (Tensor, Tensor) {
    let count = z.len() as i64;
    let beta = Tensor::from_slice(z).view([1, count]).set_requires_grad(true);
    let zeros = || Tensor::zeros([1, count], (Kind::Float, Device::Cpu));
    let x = Tensor::ones([1, count, 2, 2], (Kind::Float, Device::Cpu));
    let result = norm(&x, &[zeros(), zeros(), beta.shallow_clone()], y, true);
    let slope = Tensor::run_backward(&[&result.sum(y)], &[&beta], false, false).swap_remove(0) / 4.0;
    (result.detach().amax([2_i64, 3].as_slice(), false).view([-1]), slope.view([-1]))
}

#[test]
fn elu_and_its_slope_are_exact_to_ulps_across_zero() {
    emulated();
    let mut z: Vec<f32> = (0..4000).map(|k| -(k as f32 / 100.0)).collect();
    z.extend((0..160).flat_map(|k| [-(2.0_f32.powi(-k)), 2.0_f32.powi(-k)]));
    z.extend([0.0, -0.0, 1e-30, 5.0, 3e38, f32::INFINITY, f32::NEG_INFINITY, -1e38]);
    let exact = Tensor::from_slice(&z).to_kind(Kind::Double);
    let negative = exact.le(0.0);
    let (value, slope) = (exact.expm1().where_self(&negative, &exact), exact.exp().clamp_max(1.0));
    let (found, found_slope) = elu_of(&z, Kind::Float);
    let relative = (found.to_kind(Kind::Double) / &value - 1.0).abs().nan_to_num(0.0, None, None);
    println!("{:e}", relative.max().double_value(&[]));
    assert!(relative.max().double_value(&[]) < 2.0_f64.powi(-22));
    // 0 and infinities, of which there is no ratio.
    let special = value.eq(0.0).logical_or(&value.isinf());
    assert_eq!(found.to_kind(Kind::Double).masked_select(&special), value.masked_select(&special));
    let off = (found_slope.to_kind(Kind::Double) - slope).abs().max().double_value(&[]);
    assert!(off < 2.0_f64.powi(-22), "{off:e}");
    let (half, _) = elu_of(&z, Kind::BFloat16);
    assert_eq!(half, found.to_kind(Kind::BFloat16));
}

/// Without ELU, and γ = 0, the result is β: rounded as torch rounds.
#[test]
fn bfloat16_is_rounded_to_nearest_even_and_nan_stays() {
    emulated();
    let mut bits: Vec<u32> = (0..=u16::MAX)
        .flat_map(|upper| [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| u32::from(upper) << 16 | low))
        .collect();
    // −0 is 0 once it was added to 0, as β is.
    bits.retain(|&bits| !f32::from_bits(bits).is_nan() && bits != 1 << 31);
    // Beside every finite value and infinity, both kinds of NaN whose upper half alone would be an infinity, and all ones.
    let nans = [0x7f80_0001, 0xff80_0001, 0x7fc0_0000, 0x7fff_ffff, u32::MAX].map(f32::from_bits);
    let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
    let round = |values: &[f32]| {
        let count = values.len() as i64;
        let zeros = || Tensor::zeros([1, count], (Kind::Float, Device::Cpu));
        let x = Tensor::zeros([1, count, 1, 1], (Kind::Float, Device::Cpu));
        let beta = Tensor::from_slice(values);
        let found = norm(&x, &[zeros(), zeros(), beta.view([1, count])], Kind::BFloat16, false);
        (found.view([-1]), beta.to_kind(Kind::BFloat16))
    };
    let (found, expected) = round(&values);
    // By bits, as 0 and −0 are equal.
    assert_eq!(found.view_dtype(Kind::Int16), expected.view_dtype(Kind::Int16));
    assert!(round(&nans).0.isnan().all().int64_value(&[]) != 0);
}

#[test]
fn nothing_hides_values_that_are_not_finite() {
    emulated();
    for (x_kind, y_kind) in KINDS {
        for channels in [6, 8] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let x = random(&[2, channels, 4, 4], 1.0).to_kind(x_kind);
                let _ = x.get(1).get(3).get(2).get(1).fill_(bad);
                let ones = || Tensor::ones([1, channels], (Kind::Float, Device::Cpu));
                let direction = Tensor::ones([2, channels, 4, 4], (y_kind, Device::Cpu));
                let all = values_and_gradients(&x, &[ones(), ones(), ones()], &direction, Some(y_kind), true);
                let finite = |of: &Tensor| of.isfinite().all().int64_value(&[]) != 0;
                for of in &all[..2] {
                    assert!(finite(&of.get(0)) && !finite(&of.get(1)), "{bad} {x_kind:?} {y_kind:?}");
                    // The means are relative to each other: the image as a whole is lost.
                    assert!(!finite(&of.get(1).get(0)));
                }
                assert!(all[2..].iter().all(|of| !finite(of)));
            }
        }
    }
    // Gradients that come in, too.
    let x = random(&[2, 8, 4, 4], 1.0);
    let direction = random(&[2, 8, 4, 4], 1.0);
    let _ = direction.get(0).get(1).get(0).get(0).fill_(f64::NAN);
    let ones = || Tensor::ones([1, 8], (Kind::Float, Device::Cpu));
    let all = values_and_gradients(&x, &[ones(), ones(), ones()], &direction, Some(Kind::Float), true);
    let finite = |of: &Tensor| of.isfinite().all().int64_value(&[]) != 0;
    assert!(!finite(&all[1].get(0)) && finite(&all[1].get(1)) && finite(&all[0]));
}

/// Any memory order, a part of a batch, a start within a pack of four.
#[test]
fn tensors_may_lie_in_memory_as_they_like() {
    emulated();
    tch::manual_seed(11);
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, 8], scale));
    let whole = channels_last(&random(&[3, 8, 6, 5], 1.0));
    let direction = random(&[1, 8, 6, 5], 1.0);
    let run = |x: &Tensor| values_and_gradients(x, &parameters, &direction, Some(Kind::Float), true);
    let plain = whole.narrow(0, 1, 1).contiguous();
    let shifted = random(&[8 * 30 + 1], 1.0).narrow(0, 1, 8 * 30).view([1, 6, 5, 8]).permute([0, 3, 1, 2]);
    shifted.shallow_clone().copy_(&plain);
    let expected = run(&plain);
    assert_eq!(run(&whole.narrow(0, 1, 1)), expected);
    // `leaf` copies; the kernels themselves are given what starts where no pack of four may.
    let direct = norm(&shifted, &parameters, Kind::Float, true);
    assert!(distance(&direct, &expected[0]) < 1e-6);
}

#[test]
fn what_the_kernels_do_not_take_is_left_to_others() {
    emulated();
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, 4], scale));
    for (shape, kind) in
        [(vec![1, 4, 3, 3], Kind::Double), (vec![1, 4, 3, 3], Kind::Half), (vec![0, 4, 3, 3], Kind::Float)]
    {
        let x = random(&shape, 1.0).to_kind(kind);
        assert!(torch::norm(&x, &parameters, FLOOR, true, Rounding::Allowed).is_none(), "{kind:?}");
    }
}

/// Before a layer that rounds nothing, the result is in single precision under autocast too.
#[test]
fn an_exact_result_is_not_rounded() {
    emulated();
    let parameters = [1.0, 1.0, 0.3].map(|scale| random(&[1, 4], scale));
    let x = random(&[1, 4, 3, 3], 1.0).to_kind(Kind::BFloat16);
    let y = torch::autocast(Device::Cpu, || torch::norm(&x, &parameters, FLOOR, true, Rounding::Never));
    assert_eq!(y.expect("kernels").kind(), Kind::Float);
}
