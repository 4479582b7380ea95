//! One whole step of training, as a run makes it, against the plain path in double precision: at the widths of the
//! paper, where the fast paths (Winograd, channels-last weights, fused Adam) are taken.

mod common;

use std::sync::{Mutex, PoisonError};

use common::distance;
use common::step::{BATCH, config, exact_gradients, tell};
use ncsn_trainer::config::{Config, Precision};
use ncsn_trainer::dataset::Batch;
use ncsn_trainer::model::Architecture;
use ncsn_trainer::train::State;
use tch::{Device, Kind, Tensor};

/// Relative L2 error of each parameter's gradient; at most 5.8e-6 was seen for networks that pool means. A gradient in
/// another memory order is off by about 1.4.
const GRADIENT: f64 = 2e-5;
/// The same for networks that pool maxima: where two pixels differ by less than single precision resolves, the gradient
/// may go to either, in any program. At most 1.3e-3 was seen.
const GRADIENT_OF_MAXIMA: f64 = 5e-3;
/// Moments and averages are a few roundings of single precision from what they are computed of.
const ROUNDINGS: f64 = 4.0 * f32::EPSILON as f64;

/// Adam's first step from the moments that it has, as plain formulas in double precision.
fn stepped(config: &Config, start: &Tensor, mean: &Tensor, square: &Tensor) -> Tensor {
    let [beta1, beta2] = config.training.betas;
    let mean = mean.to_kind(Kind::Double) / (1.0 - beta1);
    let square = square.to_kind(Kind::Double) / (1.0 - beta2);
    start.to_kind(Kind::Double) - config.training.lr * mean / (square.sqrt() + config.training.adam_eps)
}

/// torch's generator is the process's: another test's draws between a step and its repetition would change them.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[derive(Clone, Copy)]
struct Case {
    architecture: Architecture,
    filters: i64,
    item: &'static [i64],
    amsgrad: bool,
    classes: i64,
}

fn check(architecture: Architecture, filters: i64, item: &'static [i64], amsgrad: bool) {
    check_case(Case { architecture, filters, item, amsgrad, classes: 0 });
}

fn check_case(case: Case) {
    let Case { architecture, filters, item, amsgrad, classes } = case;
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(2);
    let mut config = config(architecture, filters, item, amsgrad);
    tell(&mut config, classes);
    let mut state = State::new(&config, Device::Cpu, Precision::F32).expect("a state");
    let start = state.network.parameters().copy();
    tch::manual_seed(17);
    let shape: Vec<i64> = [BATCH].into_iter().chain(item.iter().copied()).collect();
    let x = Tensor::rand(shape.as_slice(), (Kind::Float, Device::Cpu));
    // The first of any class, the others of the last ones.
    let classes = (classes > 0).then(|| Tensor::from_slice(&[classes, classes - 1, classes - 2]));
    let batch = Batch { x, classes };
    let copy =
        Batch { x: batch.x.shallow_clone(), classes: batch.classes.as_ref().map(Tensor::shallow_clone) };
    state.train(copy, &config).expect("a step");

    let exact = exact_gradients(&config, &start, &batch);
    let [beta1, beta2] = config.training.betas;
    let pools_maxima = !architecture.is_conditional() && item.len() == 3;
    let allowed = if pools_maxima { GRADIENT_OF_MAXIMA } else { GRADIENT };
    let mut largest = (0.0, "");
    for (at, (name, after)) in state.network.parameters().iter().enumerate() {
        let (mean, square) = (&state.adam.means.tensors()[at], &state.adam.squares.tensors()[at]);
        let (start, average) = (&start.tensors()[at], &state.average.parameters().tensors()[at]);
        let gradient = mean.to_kind(Kind::Double) / (1.0 - beta1);
        let error = distance(&gradient, &exact[at]);
        assert!(error < allowed, "{architecture} {filters}: gradient of {name} is off by {error:.1e}");
        if error > largest.0 {
            largest = (error, name);
        }
        let of_gradient = distance(square, &(gradient.square() * (1.0 - beta2)));
        assert!(
            of_gradient < ROUNDINGS,
            "{architecture} {filters}: second moment of {name}: {of_gradient:.1e}"
        );
        let moved = distance(after, &stepped(&config, start, mean, square));
        assert!(moved < ROUNDINGS, "{architecture} {filters}: step of {name}: {moved:.1e}");
        let rate = config.training.ema_rate;
        let (start, after) = (start.to_kind(Kind::Double), after.to_kind(Kind::Double));
        let averaged = distance(average, &(rate * start + (1.0 - rate) * after));
        assert!(averaged < ROUNDINGS, "{architecture} {filters}: average of {name}: {averaged:.1e}");
        if let Some(maxima) = &state.adam.maxima {
            assert_eq!(maxima.tensors()[at], *square, "{architecture} {filters}: largest moment of {name}");
        }
    }
    println!("{architecture} {filters}: largest error of a gradient {:.1e}, of {}", largest.0, largest.1);
}

#[test]
fn ncsnv2_at_128_filters() {
    check(Architecture::Ncsnv2, 128, &[3, 32, 32], false);
}

#[test]
fn ncsnv2_at_96_filters() {
    check(Architecture::Ncsnv2, 96, &[3, 32, 32], true);
}

#[test]
fn ncsn_at_128_filters() {
    check(Architecture::Ncsn, 128, &[3, 32, 32], false);
}

#[test]
fn ncsn_at_96_filters_on_one_channel() {
    check(Architecture::Ncsn, 96, &[1, 28, 28], false);
}

#[test]
fn deeper_networks_at_128_and_96_filters() {
    check(Architecture::Ncsnv2Deeper, 128, &[3, 32, 32], false);
    check(Architecture::NcsnDeeper, 96, &[3, 32, 32], false);
}

#[test]
fn deepest_network_at_96_filters() {
    check(Architecture::Ncsnv2Deepest, 96, &[3, 32, 32], false);
}

#[test]
fn narrow_networks_of_the_presets() {
    check(Architecture::Ncsnv2, 64, &[3, 16, 16], false);
    check(Architecture::Ncsnv2, 24, &[1, 28, 28], false);
    check(Architecture::Mlp, 128, &[2], false);
}

#[test]
fn networks_that_are_told_classes() {
    let case =
        |architecture, filters, item| Case { architecture, filters, item, amsgrad: false, classes: 10 };
    check_case(case(Architecture::Ncsnv2, 128, &[3, 32, 32]));
    check_case(case(Architecture::Ncsnv2Deeper, 32, &[3, 32, 32]));
    check_case(case(Architecture::Mlp, 128, &[2]));
}
