//! Training learns: one image by heart, and the score of a density that is known exactly.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicU8;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::distance;
use ncsn_trainer::config::{Config, Precision};
use ncsn_trainer::dataset::{self, HeldOut, Split, Wish};
use ncsn_trainer::sample::{self, ProbabilityFlow, Streams};
use ncsn_trainer::train::{Session, State};
use ncsn_trainer::{mixture, presets, shapes, torch};
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

/// Torch's generators are the process's: tests that draw from them take turns, so that they always draw the same.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn train(config: &Config, split: &Split, run: &Path) -> State {
    let mut state = State::new(config, Device::Cpu, Precision::F32).expect("a state");
    let stop = AtomicU8::new(0);
    std::fs::create_dir_all(run).expect("a folder");
    Session { run, config, split, stop: &stop, warn: &|text| panic!("{text}") }
        .train(&mut state)
        .expect("training");
    state
}

/// With a single image, the score (x₀ − x)/σ² has no loss at all; an untrained network's is near D/2 = 384.
#[test]
fn one_image_is_learnt_by_heart() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = presets::find("shapes").expect("a preset");
    config.network.filters = 8;
    config.training.batch = 8;
    config.training.iterations = 400;
    config.training.lr = 1e-3;
    config.data.flip = false;
    config.records.samples = 0;
    let items = dataset::Items::of_bytes(shapes::draw(1, 3).0, &config.network.item);
    let split = Split {
        train: items,
        test: None,
        held_out: 0,
        digest: String::new(),
        classes: None,
        notes: Vec::new(),
    };
    let state = train(&config, &split, folder.path());
    let loss = state.smoothed.expect("a loss");
    println!("loss {loss:.1} after 400 steps");
    // A third of what an untrained network has; 66 was measured.
    assert!(loss < 128.0, "{loss}");
}

/// A last layer of 1e22 on hidden values of 1e-4: the loss is about 1e37, the gradients before that layer overflow.
#[test]
fn a_gradient_that_overflows_stops_the_weights_and_is_named() {
    let _alone = alone();
    let mut config = presets::find("mixture2d").expect("a preset");
    config.training.batch = 8;
    let mut state = State::new(&config, Device::Cpu, Precision::F32).expect("a state");
    tch::no_grad(|| {
        for (name, parameter) in state.network.parameters().iter() {
            let factor = if name == "end.weight" { 1e23 } else { 1e-4 };
            let _ = parameter.shallow_clone().g_mul_scalar_(factor);
        }
    });
    let before: Vec<Tensor> = state.network.parameters().tensors().iter().map(Tensor::copy).collect();
    let x = Tensor::from_slice(&mixture::draw(8, 1).0).view([-1, 2]);
    for _ in 0..2 {
        let done = state.train(x.copy(), &config).expect("a step");
        assert!(!done.loss.double_value(&[]).is_finite());
    }
    assert_eq!(state.adam.step(), 0);
    for (after, before) in state.network.parameters().tensors().iter().zip(&before) {
        assert_eq!(after, before);
    }
    let items: Vec<usize> = (0..8).collect();
    let message = state.explain(x.into(), items.len(), &items, 0, &config).to_string();
    assert!(message.starts_with("step 0: the loss is ") && !message.contains("is inf"), "{message}");
    assert!(message.contains("first layer that is not finite: the gradient of "), "{message}");
}

/// Points in the plane at level σ, and their exact scores.
fn exact(sigma: f64, count: usize) -> (Tensor, Tensor) {
    let clean = Tensor::from_slice(&mixture::draw(count, 99).0).view([-1, 2]);
    let x = clean + sigma * Tensor::randn([count as i64, 2], (Kind::Float, Device::Cpu));
    let values: Vec<f64> = torch::to_vec(&x).into_iter().map(f64::from).collect();
    let points = Array2::from_shape_vec((count, 2), values).expect("points");
    let score = mixture::noisy(sigma).expect("a mixture").score(points.view()).expect("scores");
    let score: Vec<f64> = score.into_iter().collect();
    (x, Tensor::from_slice(&score).view([-1, 2]))
}

/// Relative L2 error of the learnt score after 3000 steps; 0.07 to 0.16 were measured.
const SCORE_ERROR: f64 = 0.25;
/// Samples compared with as many draws of the mixture.
const SAMPLES: usize = 256;
/// Significance of the two-sample test: a false alarm in a thousand, for other seeds.
///
/// At 256 samples, it sees a spread of the components that is off by a third.
const SIGNIFICANCE: f64 = 1e-3;

/// Distances of points to their nearest centre, sorted.
fn spreads(points: &[f32]) -> Vec<f64> {
    let centres = mixture::centres();
    let nearest = |point: &[f32]| {
        let distance = |centre: ndarray::ArrayView1<f64>| {
            (f64::from(point[0]) - centre[0]).hypot(f64::from(point[1]) - centre[1])
        };
        centres.rows().into_iter().map(distance).fold(f64::INFINITY, f64::min)
    };
    let mut spreads: Vec<f64> = points.chunks_exact(2).map(nearest).collect();
    spreads.sort_by(f64::total_cmp);
    spreads
}

/// Kolmogorov and Smirnov's distance of two sorted samples.
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let below = |sample: &[f64], at: f64| sample.partition_point(|&x| x <= at) as f64 / sample.len() as f64;
    a.iter().chain(b).map(|&at| (below(a, at) - below(b, at)).abs()).fold(0.0, f64::max)
}

#[test]
fn the_score_of_a_mixture_is_learnt() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = presets::find("mixture2d").expect("a preset");
    config.training.iterations = 3000;
    let split = dataset::open(&config.data, &Wish::of(&config, HeldOut::Exactly)).expect("built-in data");
    let state = train(&config, &split, folder.path());
    tch::manual_seed(1);
    for level in [0, 5, 10, 15] {
        let sigma = state.average.sigmas().double_value(&[level]);
        let (x, score) = exact(sigma, 4000);
        let levels = Tensor::full([4000], level, (Kind::Int64, Device::Cpu));
        let learnt = tch::no_grad(|| state.average.score(&x, &levels));
        let error = distance(&learnt, &score);
        println!("sigma {sigma:.3}: relative error {error:.3}");
        assert!(error < SCORE_ERROR, "sigma {sigma}: {error}");
    }
    // The probability-flow ODE has no error of its own that matters at 60 steps: what differs was learnt.
    let levels = sample::geometric(config.schedule().range(), 60).expect("levels");
    let mut streams = Streams::new(7, 0..SAMPLES as u64, &[2], Device::Cpu);
    let start = streams.normal().expect("noise") * levels[0];
    let flow = ProbabilityFlow::new(levels, true);
    let mut score = |x: &Tensor, sigma: f64| sample::score_at(&state.average, x, sigma);
    let points = sample::probability_flow(&mut score, &flow, start, &mut |_| true).expect("samples");
    let (found, drawn) = (spreads(&torch::to_vec(&points)), spreads(&mixture::draw(SAMPLES, 4).0));
    let distance = kolmogorov_smirnov(&found, &drawn);
    // Source: the asymptotic law's tail, 2·exp(−2nD²/2) for two samples of n.
    let critical = ((2.0 / SIGNIFICANCE).ln() / SAMPLES as f64).sqrt();
    println!("two-sample distance {distance:.3}, critical {critical:.3}");
    assert!(distance < critical, "{distance} of {critical}");
}

/// After n steps of constant weights 1, an average that began at 0 is 1 − mⁿ.
#[test]
fn the_average_has_its_closed_form() {
    let average = [Tensor::zeros([3], (Kind::Float, Device::Cpu))];
    let weights = [Tensor::ones([3], (Kind::Float, Device::Cpu))];
    let (rate, steps) = (0.999_f64, 2000);
    for _ in 0..steps {
        torch::lerp_(&average, &weights, 1.0 - rate).expect("one shape");
    }
    let expected = 1.0 - rate.powi(steps);
    // Each step rounds by at most half an ulp of a number below 1, 2⁻²⁵, and shrinks the errors before it: at most a
    // thousand of them add up. The weight 1 − m itself is rounded to f32, a relative 2⁻²⁴ in each step's exponent.
    let bound = 1000.0 * 2_f64.powi(-25) + f64::from(steps) * 1e-3 * 2_f64.powi(-24);
    for value in torch::to_vec(&average[0]) {
        assert!((f64::from(value) - expected).abs() < bound, "{value} against {expected}");
    }
}
