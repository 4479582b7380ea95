//! One step of training with own kernels, emulated, at the paper's width: the very function that a GPU is given in autograd's graph,
//! in single precision and bfloat16, against double precision and the plain path.

mod common;

use std::sync::{Mutex, PoisonError};

use common::step::{BATCH, config, exact_gradients};
use ncsn_trainer::config::Precision;
use ncsn_trainer::model::Architecture;
use ncsn_trainer::torch::kernels::{self, Emulation};
use ncsn_trainer::train::State;
use tch::{Device, Kind, Tensor};

/// Relative L2 error over all parameters in single precision of a network that pools means; 2.6e-6 was seen.
const SINGLE: f64 = 1e-5;
/// The same of one that pools maxima: where two pixels differ by less than single precision resolves, the gradient may go to either, in
/// any program. 9e-5 was seen, 3.7e-4 of the plain path.
const SINGLE_OF_MAXIMA: f64 = 2e-3;
/// Error in bfloat16 beside that of torch's operators, which round at the same places: not a tenth more, of some percent in all.
const BESIDE: f64 = 1.1;
const HALF: f64 = 2e-2;

/// torch's generator and the emulation are the process's.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Relative L2 error, over all parameters, of the gradients of a step.
fn error(
    (architecture, filters): (Architecture, i64),
    precision: Precision,
    emulation: Option<Emulation>,
    checkpointing: bool,
) -> f64 {
    tch::set_num_threads(2);
    let item = [3, 32, 32];
    let mut config = config(architecture, filters, &item, false);
    config.training.gradient_checkpointing = checkpointing;
    let mut state = State::new(&config, Device::Cpu, precision).expect("a state");
    let start = state.network.parameters().copy();
    tch::manual_seed(17);
    let x = Tensor::rand([BATCH, 3, 32, 32], (Kind::Float, Device::Cpu));
    kernels::emulate(emulation);
    state.train(x.shallow_clone(), &config).expect("a step");
    kernels::emulate(None);
    let exact = exact_gradients(&config, &start, &x.shallow_clone().into());
    let [beta1, _] = config.training.betas;
    let (mut off, mut all) = (0.0, 0.0);
    for (mean, exact) in state.adam.means.tensors().iter().zip(&exact) {
        let square = |tensor: Tensor| tensor.square().sum(Kind::Double).double_value(&[]);
        off += square(mean.to_kind(Kind::Double) / (1.0 - beta1) - exact);
        all += square(exact.shallow_clone());
    }
    let error: f64 = (off / all).sqrt();
    println!("{architecture} {filters} {precision} {emulation:?}: {error:.2e}");
    error
}

#[test]
fn gradients_in_single_precision_are_those_of_double_precision() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let networks = [(Architecture::Ncsnv2, SINGLE_OF_MAXIMA), (Architecture::Ncsn, SINGLE)];
    for (architecture, most) in networks {
        let error = error((architecture, 128), Precision::F32, Some(Emulation::Forward), false);
        assert!(error < most, "{architecture}: {error:e}");
    }
}

#[test]
fn layers_may_be_computed_again_for_their_gradients() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let network = (Architecture::Ncsnv2, 16);
    let of = |checkpointing| error(network, Precision::Bf16, Some(Emulation::Forward), checkpointing);
    let (again, kept) = (of(true), of(false));
    // The same operators of the same inputs; where gradients meet they are added in another order, in bfloat16.
    assert!((again / kept - 1.0).abs() < 5e-2, "{again:e}, {kept:e}");
}

#[test]
fn gradients_in_bfloat16_are_as_good_as_those_of_the_plain_path() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for network in [(Architecture::Ncsnv2, 128), (Architecture::Ncsn, 32)] {
        let plain = error(network, Precision::Bf16, None, false);
        let own = error(network, Precision::Bf16, Some(Emulation::Forward), false);
        assert!(own < HALF.max(BESIDE * plain), "{own:e}, of the plain path {plain:e}");
    }
}
