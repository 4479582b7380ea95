//! One step of training, and its gradients in double precision.

use ncsn_theory::schedule::Schedule;
use ncsn_trainer::config::{Config, Labels, Noise};
use ncsn_trainer::dataset::Batch;
use ncsn_trainer::model::{Architecture, Network, NetworkShape, Parameters};
use ncsn_trainer::presets;
use ncsn_trainer::train::loss::{Draw, Law, dsm_losses};
use tch::{Device, Kind, Tensor};

/// Neither a multiple of a vector nor of Winograd's tile.
pub const BATCH: i64 = 3;

/// CIFAR-10's settings for a network.
pub fn config(architecture: Architecture, filters: i64, item: &[i64], amsgrad: bool) -> Config {
    let mut config = presets::find("cifar10").expect("a preset");
    config.network = NetworkShape { architecture, filters, item: item.to_vec(), classes: 0 };
    // The levels of CIFAR-10, for items of any size.
    let own = config.schedule();
    let (levels, steps) = (own.num_levels(), own.steps_per_level());
    let schedule = Schedule::new(config.network.dim(), own.range(), levels, steps, own.epsilon());
    config.noise = Noise::stated(schedule.expect("a schedule"), "CIFAR-10");
    config.training.batch = BATCH as u64;
    config.training.amsgrad = amsgrad;
    config.data.flip = item.len() == 3;
    config.check().expect("a valid configuration");
    config
}

/// Makes the network one that is told classes.
pub fn tell(config: &mut Config, classes: i64) {
    let names = (0..classes).map(|class| class.to_string()).collect();
    config.data.labels = (classes > 0).then(|| Labels { names, ..Labels::default() });
    config.network.classes = classes;
    config.check().expect("a valid configuration");
}

/// Gradient of the mean loss in double precision, where no fast path is taken.
pub fn exact_gradients(config: &Config, start: &Parameters, batch: &Batch) -> Vec<Tensor> {
    let sigmas = config.sigmas();
    let network = Network::new(&config.network, &sigmas, Device::Cpu).expect("a valid shape");
    for (own, start) in network.parameters().tensors().iter().zip(start.tensors()) {
        own.shallow_clone().set_data(&start.to_kind(Kind::Double).contiguous());
    }
    network.parameters().require_gradients();
    let law = Law { data: &config.data, levels: sigmas.len() as i64, cumulated: None, untold: 0.0 };
    let mut draw = Draw::new(config.training.seed, 0, law, &batch.x.size(), Device::Cpu).expect("a draw");
    if let Some(classes) = &batch.classes {
        draw = draw.of_classes(classes, config.network.classes);
    }
    let x = draw.augment(batch.x.to_kind(Kind::Double));
    draw.noise = draw.noise.to_kind(Kind::Double);
    let loss = dsm_losses(&network, &x, &draw).mean(Kind::Double);
    Tensor::run_backward(&[&loss], network.parameters().tensors(), false, false)
}
