//! Loss, gradients and optimiser against the authors' code, and against the project's own PyTorch oracle.

mod common;

use common::{distance, network, own, shared, sigmas};
use ncsn_trainer::config::Training;
use ncsn_trainer::model::{Architecture, Network, Parameters};
use ncsn_trainer::tensor_file::TensorFile;
use ncsn_trainer::train::Adam;
use ncsn_trainer::train::loss::{Draw, dsm_losses};
use ncsn_trainer::{presets, torch};
use tch::{Device, Kind, Tensor};

/// Relative error of losses that the reference meets against its own f64.
///
/// Source: the README of the oracles made with the authors' code.
const LOSS: f64 = 1e-6;
/// The same for norms of gradients.
const GRADIENT: f64 = 5e-5;
/// The same for parameters after three steps, as a part of the distance moved.
const MOVED: f64 = 0.02;
/// The average moves by less than float32 resolves: each of the three steps rounds it by at most half an ulp, 2⁻²⁴.
const AVERAGE: f64 = 3.0 / (1 << 24) as f64;

fn float(file: &TensorFile, name: &str) -> Tensor {
    file.get(name).expect(name).to_kind(Kind::Float)
}

fn loss(net: &Network, x: &Tensor, labels: &Tensor, noise: &Tensor) -> Tensor {
    dsm_losses(net, x, &Draw::given(labels, noise)).mean(Kind::Float)
}

fn gradients(net: &Network, loss: &Tensor) -> Vec<Tensor> {
    Tensor::run_backward(&[loss], net.parameters().tensors(), false, false)
}

fn relative(found: f64, expected: f64) -> f64 {
    (found / expected - 1.0).abs()
}

fn check_loss_and_gradients(net: &Network, file: &TensorFile) {
    net.parameters().require_gradients();
    let (x, noise) = (float(file, "x"), float(file, "noise"));
    let labels = file.get("labels").expect("labels");
    let losses = dsm_losses(net, &x, &Draw::given(&labels, &noise));
    assert!(distance(&losses.detach(), &float(file, "loss_per_sample")) < LOSS);
    let loss = losses.mean(Kind::Float);
    let exact = file.get("loss_f64").expect("loss_f64").double_value(&[]);
    assert!(relative(loss.double_value(&[]), exact) < LOSS);
    for ((name, _), gradient) in net.parameters().iter().zip(gradients(net, &loss)) {
        let norm = gradient.norm().double_value(&[]);
        let exact = file.get(&format!("gradnorm_f64.{name}")).expect("a norm").double_value(&[]);
        assert!(relative(norm, exact) < GRADIENT, "{name}: {norm} against {exact}");
    }
}

#[test]
#[ignore = "needs ../shared/oracles, the authors' numbers"]
fn loss_and_gradients_are_the_authors() {
    let [file, weights, forward] =
        ["dsm", "weights", "forward"].map(|part| shared(&format!("ncsnv2_32_ngf8.{part}.safetensors")));
    let net = network(Architecture::Ncsnv2, 8, [3, 32, 32], &sigmas(&forward), &weights, "model.");
    check_loss_and_gradients(&net, &file);
}

#[test]
fn loss_and_gradients_are_those_of_pytorch() {
    for (architecture, filters, item) in
        [(Architecture::Ncsnv2, 4, [3, 32, 32]), (Architecture::Ncsn, 4, [1, 28, 28])]
    {
        let file = own(&format!("{architecture}.safetensors"));
        let net = network(architecture, filters, item, &sigmas(&file), &file, "p.");
        check_loss_and_gradients(&net, &file);
    }
}

fn settings(amsgrad: bool) -> Training {
    let training = presets::find("cifar10").expect("a preset").training;
    Training { amsgrad, lr: 1e-4, ..training }
}

/// Three steps on given data; returns the losses before each, and the average of the parameters.
fn three_steps(
    net: &Network,
    adam: &mut Adam,
    average: &Parameters,
    settings: &Training,
    batch: impl Fn(i64) -> [Tensor; 3],
) -> Vec<f64> {
    net.parameters().require_gradients();
    (0..3)
        .map(|step| {
            let [x, labels, noise] = batch(step);
            let loss = loss(net, &x, &labels, &noise);
            let gradients = gradients(net, &loss);
            let skip = Tensor::from(0.0_f32);
            adam.update(net.parameters(), &gradients, settings, settings.lr, &skip).expect("a step");
            torch::lerp_(average.tensors(), net.parameters().tensors(), 1.0 - settings.ema_rate)
                .expect("an average");
            loss.double_value(&[])
        })
        .collect()
}

/// ‖found − expected‖ as a part of ‖expected − start‖, over all parameters.
fn moved(found: &Parameters, start: &Parameters, expected: impl Fn(&str) -> Option<Tensor>) -> f64 {
    let (mut off, mut way) = (0.0, 0.0);
    for ((name, found), start) in found.iter().zip(start.tensors()) {
        if let Some(expected) = expected(name) {
            let square = |a: &Tensor, b: &Tensor| {
                let difference = a.detach().to_kind(Kind::Double) - b.to_kind(Kind::Double);
                difference.square().sum(Kind::Double).double_value(&[])
            };
            off += square(found, &expected);
            way += square(&expected, start);
        }
    }
    (off / way).sqrt()
}

#[test]
#[ignore = "needs ../shared/oracles, the authors' numbers"]
fn three_steps_are_the_authors() {
    let [file, weights, forward] =
        ["train", "weights", "forward"].map(|part| shared(&format!("ncsnv2_32_ngf8.{part}.safetensors")));
    for run in ["resume", "fresh", "amsgrad"] {
        let settings = settings(run == "amsgrad");
        let net = network(Architecture::Ncsnv2, 8, [3, 32, 32], &sigmas(&forward), &weights, "model.");
        let start = net.parameters().copy();
        let mut adam = Adam::new(&start, &settings, Device::Cpu);
        let average = start.copy();
        if run == "resume" {
            for (own, kind) in [(&adam.means, "exp_avg"), (&adam.squares, "exp_avg_sq")] {
                let read = |name: &String| (name.clone(), float(&weights, &format!("adam.{kind}.{name}")));
                own.assign(&Parameters::new(own.names().iter().map(read).collect()));
            }
            let read = |name: &String| (name.clone(), float(&weights, &format!("ema.{name}")));
            average.assign(&Parameters::new(average.names().iter().map(read).collect()));
            let step = weights.get("adam.step.begin_conv.weight").expect("a step");
            adam.set_step(step.double_value(&[]) as u64);
        }
        let start_of_average = average.copy();
        let [x, labels, noise] = ["x", "labels", "noise"].map(|name| file.get(name).expect(name));
        let losses = three_steps(&net, &mut adam, &average, &settings, |step| {
            [x.get(step), labels.get(step), noise.get(step)]
        });
        let expected = file.get(&format!("{run}.losses")).expect("losses");
        for (step, loss) in losses.iter().enumerate() {
            assert!(relative(*loss, expected.double_value(&[step as i64])) < 10.0 * LOSS, "{run} {step}");
        }
        let off = moved(net.parameters(), &start, |name| file.find(&format!("{run}.step3.param.{name}")));
        println!("{run}: parameters off by {off:.1e} of the way");
        assert!(off < MOVED, "{run}: {off}");
        // The oracle has no average of the AMSGrad run.
        if run != "amsgrad" {
            let off =
                moved(&average, &start_of_average, |name| file.find(&format!("{run}.step3.ema.{name}")));
            assert!(off < MOVED, "{run}: the average is off by {off}");
        }
    }
}

#[test]
fn three_steps_are_those_of_pytorch() {
    for (architecture, item) in [(Architecture::Ncsnv2, [3, 32, 32]), (Architecture::Ncsn, [1, 28, 28])] {
        for run in ["fresh", "amsgrad"] {
            let file = own(&format!("{architecture}.safetensors"));
            let net = network(architecture, 4, item, &sigmas(&file), &file, "p.");
            let settings = settings(run == "amsgrad");
            let (start, average) = (net.parameters().copy(), net.parameters().copy());
            let mut adam = Adam::new(&start, &settings, Device::Cpu);
            let labels = file.get("train.labels").expect("labels");
            let losses = three_steps(&net, &mut adam, &average, &settings, |step| {
                [float(&file, "x"), labels.get(step), float(&file, "noise")]
            });
            let expected = file.get(&format!("{run}.losses")).expect("losses");
            for (step, loss) in losses.iter().enumerate() {
                // The loss after a step inherits the error of the parameters moved.
                assert!(relative(*loss, expected.double_value(&[step as i64])) < 10.0 * LOSS, "{run} {step}");
            }
            let off = moved(net.parameters(), &start, |name| file.find(&format!("{run}.param.{name}")));
            println!("{architecture} {run}: parameters off by {off:.1e} of the way");
            assert!(off < MOVED, "{architecture} {run}: {off}");
            for (name, found) in average.iter() {
                if let Some(expected) = file.find(&format!("{run}.ema.{name}")) {
                    assert!(distance(found, &expected) < AVERAGE, "{architecture} {run}: {name}");
                }
            }
        }
    }
}
