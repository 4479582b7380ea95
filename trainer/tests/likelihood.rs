//! Likelihood: exact mixtures and Gaussians, an integral over the plane, the real network against double precision.

mod common;

use std::f64::consts::TAU;
use std::path::Path;

use common::command::{failure, small_run, success, trainer};
use common::distance;
use ncsn_theory::schedule::NoiseRange;
use ncsn_trainer::config::Precision;
use ncsn_trainer::evaluate::likelihood::{Added, bits_per_dimension, points, summary};
use ncsn_trainer::model::{Architecture, Network, NetworkShape};
use ncsn_trainer::sample::{
    Densities, Score, Streams, Trace, geometric, ln_densities, ln_normal, score_and_divergence, signs,
};
use ncsn_trainer::train::State;
use ncsn_trainer::{Error, mixture, presets, torch};
use ndarray::Array2;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// Quantile of the standard normal law for two tails of 1e-6 together.
const NORMAL_BOUND: f64 = 4.9;

fn levels(sigma_max: f64, sigma_min: f64, steps: u64) -> Vec<f64> {
    geometric(NoiseRange::new(sigma_max, sigma_min).expect("a range"), steps).expect("levels")
}

fn quiet(_: u64, _: u64) {}

fn values(x: &Tensor) -> Vec<f64> {
    torch::values(x)
}

/// The mixture's exact score in operations that autograd follows: Σ_j r_j·(c_j − x)/v, v = 0.25² + σ².
fn mixture_score(x: &Tensor, sigma: f64) -> Result<Tensor, Error> {
    let centres = Tensor::from_slice(mixture::centres().as_slice().expect("rows")).view([1, -1, 2]);
    let variance = mixture::SPREAD.powi(2) + sigma * sigma;
    let rest = centres - x.unsqueeze(1);
    let logits = rest.square().sum_dim_intlist([2_i64].as_slice(), true, Kind::Double) / (-2.0 * variance);
    let pull = logits.softmax(1, Kind::Double) * rest;
    Ok(pull.sum_dim_intlist([1_i64].as_slice(), false, Kind::Double) / variance)
}

/// ln of the mixture's density at σ, from the theory.
fn mixture_ln_density(x: &Tensor, sigma: f64) -> Tensor {
    let points = Array2::from_shape_vec((x.size()[0] as usize, 2), values(x)).expect("pairs");
    let found = mixture::noisy(sigma).expect("σ").log_density(points.view()).expect("finite points");
    Tensor::from_slice(found.as_slice().expect("a row"))
}

#[test]
fn halving_the_steps_divides_the_error_of_a_mixture_by_16() {
    let noise = Streams::new(4, 0..100, &[2], Device::Cpu).normal().expect("noise").to_kind(Kind::Double);
    let drawn: Vec<f64> = mixture::draw(100, 3).0.into_iter().map(f64::from).collect();
    let x = Tensor::from_slice(&drawn).view([-1, 2]) + noise * 0.05;
    let exact = mixture_ln_density(&x, 0.05);
    let mut errors = Vec::new();
    for steps in [128, 256, 512] {
        let prior = |x: &Tensor| mixture_ln_density(x, 8.0);
        let levels = levels(8.0, 0.05, steps);
        let x = x.shallow_clone();
        let Densities { ln_p, .. } =
            ln_densities(&mut mixture_score, &levels, x, &Trace::Exact, &prior, &mut quiet)
                .expect("densities");
        assert_eq!(ln_p.size(), [1, 100]);
        errors.push((ln_p.get(0) - &exact).norm().double_value(&[]) / 10.0);
    }
    println!("root mean square errors of ln p: {errors:?}");
    for pair in errors.windows(2) {
        // What the ratio exceeds 16 by halves with the steps: 4.1, 2.3, 1.1 were seen from 64 on.
        assert!((pair[0] / pair[1] / 16.0 - 1.0).abs() < 0.2, "{errors:?}");
    }
    assert!(errors[2] < 1e-8, "{errors:?}");
}

/// N(0, Σ), Σ_jk = 0.9^|j − k|: the Jacobian of its score is far from diagonal.
struct Correlated {
    values: Tensor,
    vectors: Tensor,
}

impl Correlated {
    fn new(dim: i64) -> Self {
        let at = Tensor::arange(dim, (Kind::Double, Device::Cpu));
        let apart = (at.unsqueeze(1) - at.unsqueeze(0)).abs();
        let (values, vectors) = ((apart * 0.9_f64.ln()).exp()).linalg_eigh("L");
        Self { values, vectors }
    }

    fn score(&self, x: &Tensor, sigma: f64) -> Result<Tensor, Error> {
        Ok(-((x.matmul(&self.vectors)) / (&self.values + sigma * sigma)).matmul(&self.vectors.tr()))
    }

    fn ln_density(&self, x: &Tensor, sigma: f64) -> Tensor {
        let variances = &self.values + sigma * sigma;
        let squares = x.matmul(&self.vectors).square() / &variances + (variances * TAU).log();
        squares.sum_dim_intlist([1_i64].as_slice(), false, Kind::Double) * -0.5
    }

    /// Variance of Hutchinson's estimate of ln p: 2·Σ_{j≠k} M_jk², M = ½·(ln(Σ + σ₁²I) − ln(Σ + σ_L²I)).
    fn variance(&self, sigma_max: f64, sigma_min: f64) -> f64 {
        let log = |sigma: f64| (&self.values + sigma * sigma).log();
        let integral = (&self.vectors * ((log(sigma_max) - log(sigma_min)) * 0.5)).matmul(&self.vectors.tr());
        let squares = |x: &Tensor| x.square().sum(Kind::Double).double_value(&[]);
        2.0 * (squares(&integral) - squares(&integral.diagonal(0, 0, 1)))
    }
}

#[test]
fn hutchinson_of_a_gaussian_in_many_dimensions_is_within_its_stated_error() {
    const DIM: i64 = 256;
    const ITEMS: u64 = 48;
    const PROBES: u64 = 8;
    let law = Correlated::new(DIM);
    let normal = Streams::new(1, 0..ITEMS, &[DIM], Device::Cpu).normal().expect("noise");
    let x = (normal.to_kind(Kind::Double) * (&law.values + 1e-4).sqrt()).matmul(&law.vectors.tr());
    let trace = signs(&mut Streams::new(2, 0..ITEMS, &[DIM], Device::Cpu), PROBES).expect("signs");
    let exact = law.ln_density(&x, 0.01);
    let score: &mut Score = &mut |x: &Tensor, sigma: f64| law.score(x, sigma);
    let prior = |x: &Tensor| law.ln_density(x, 50.0);
    let mut found = [48, 24].map(|steps| {
        let levels = levels(50.0, 0.01, steps);
        ln_densities(score, &levels, x.shallow_clone(), &trace, &prior, &mut quiet).expect("densities").ln_p
    });
    // From the exact value on, both are errors.
    found.iter_mut().for_each(|ln_p| *ln_p = &*ln_p - &exact);
    let found = summary(&found[0], &found[1]);
    let probes = found.probes.expect("more than one probe");
    println!("mean {:.4}, probes {probes:.4}, steps {:.1e}", found.mean, found.steps);
    assert!((found.mean - found.steps).abs() < NORMAL_BOUND * probes, "{found:?}");
    // Relative deviation of a variance from n·(P − 1) normal values is √(2/(n·(P − 1))); Hutchinson's are nearly normal.
    let [items, probes_each] = [ITEMS as f64, PROBES as f64];
    let expected = law.variance(50.0, 0.01) / (items * probes_each);
    let bound = NORMAL_BOUND * (2.0 / (items * (probes_each - 1.0))).sqrt();
    println!(
        "variance by the probes over that of the closed form: {}, within {bound:.2}",
        probes.powi(2) / expected
    );
    assert!((probes.powi(2) / expected - 1.0).abs() < bound);
    // The spread of the items' values is Hutchinson's alone, for what is left of each is its error.
    let deviation = found.deviation.expect("more than one item");
    let bound = NORMAL_BOUND * (2.0 / (items - 1.0)).sqrt();
    assert!((deviation.powi(2) * probes_each / law.variance(50.0, 0.01) - 1.0).abs() < bound, "{found:?}");
}

#[test]
fn the_exact_trace_of_a_gaussian_leaves_the_error_of_the_steps() {
    let law = Correlated::new(16);
    let x = Tensor::ones([3, 16], (Kind::Double, Device::Cpu))
        * Tensor::from_slice(&[0.0, 1.0, -2.0]).view([3, 1]);
    let score: &mut Score = &mut |x: &Tensor, sigma: f64| law.score(x, sigma);
    let prior = |x: &Tensor| law.ln_density(x, 50.0);
    let mut of = |steps: u64| {
        let levels = levels(50.0, 0.01, steps);
        let found = ln_densities(score, &levels, x.shallow_clone(), &Trace::Exact, &prior, &mut quiet);
        found.expect("densities").ln_p - law.ln_density(&x, 0.01)
    };
    let found = summary(&of(64), &of(32));
    println!("error {:.2e}, stated {:.2e}", found.mean, found.steps);
    assert_eq!((found.probes, found.count), (None, 3));
    // The rule for third order states the error of one of fourth order 15/7 too large.
    let stated = found.steps * 7.0 / 15.0;
    assert!((found.mean / stated - 1.0).abs() < 0.3, "{found:?}");
}

/// A network for the mixture in the plane after some steps of training, in double precision.
fn of_the_plane(steps: u64) -> Network {
    let mut config = presets::find("mixture2d").expect("a preset");
    config.network.filters = 32;
    config.training.batch = 256;
    let mut state = State::new(&config, Device::Cpu, Precision::F32).expect("a state");
    for step in 0..steps {
        let x = Tensor::from_slice(&mixture::draw(256, 1000 + step).0).view([-1, 2]);
        state.train(x, &config).expect("a step");
    }
    let network = Network::new(&config.network, &config.sigmas(), Device::Cpu).expect("a valid shape");
    for (own, trained) in network.parameters().tensors().iter().zip(state.network.parameters().tensors()) {
        own.shallow_clone().set_data(&trained.detach().to_kind(Kind::Double));
    }
    network
}

#[test]
fn the_divergence_of_a_trained_network_is_that_of_differences() {
    const STEP: f64 = 1e-5;
    let network = of_the_plane(60);
    let x = Tensor::from_slice(&mixture::draw(50, 9).0).view([-1, 2]).to_kind(Kind::Double);
    let score: &mut Score = &mut |x: &Tensor, sigma: f64| network.score_at_sigma(x, sigma);
    for sigma in [8.0, 1.0, 0.1] {
        let (s, exact) = score_and_divergence(score, &x, sigma, &Trace::Exact).expect("a divergence");
        assert_eq!(s, tch::no_grad(|| network.score_at_sigma(&x, sigma)).expect("a score"));
        let difference = |axis: i64| {
            let step = Tensor::zeros([1, 2], (Kind::Double, Device::Cpu));
            let _ = step.select(1, axis).fill_(STEP);
            let at = |x: Tensor| tch::no_grad(|| network.score_at_sigma(&x, sigma)).expect("a score");
            (at(&x + &step) - at(&x - &step)).select(1, axis) / (2.0 * STEP)
        };
        let expected = difference(0) + difference(1);
        let error = distance(&exact.get(0), &expected);
        println!("sigma {sigma}: relative difference {error:.1e}");
        // Rounding 2⁻⁵³/1e-5 of a score, and (1e-5/σ)² of higher terms; kinks of ELU's second derivative between points add less.
        assert!(error < 1e-6, "sigma {sigma}: {error}");
        // Unit vectors as probes give the terms of the trace, and in two dimensions signs the whole with cross terms.
        let probes = Trace::Probes(vec![Tensor::from_slice(&[1.0, 1.0]), Tensor::from_slice(&[1.0, -1.0])]);
        let (_, both) = score_and_divergence(score, &x, sigma, &probes).expect("a divergence");
        let mean = both.mean_dim([0_i64].as_slice(), false, Kind::Double);
        assert!(distance(&mean, &exact.get(0)) < 1e-12);
    }
}

/// Whatever the network is, an ODE carries a density to a density.
#[test]
fn the_density_of_a_trained_network_integrates_to_one() {
    const SIDE: f64 = 8.0;
    const SPACING: f64 = 0.1;
    let network = of_the_plane(200);
    let axis = Tensor::arange_start_step(-SIDE, SIDE, SPACING, (Kind::Double, Device::Cpu));
    let grid = Tensor::meshgrid_indexing(&[&axis, &axis], "ij");
    let x = Tensor::stack(&[grid[0].flatten(0, -1), grid[1].flatten(0, -1)], 1);
    let score: &mut Score = &mut |x: &Tensor, sigma: f64| network.score_at_sigma(x, sigma);
    let prior = |x: &Tensor| ln_normal(x, 8.0);
    let levels = levels(8.0, 0.3, 24);
    let found = ln_densities(score, &levels, x, &Trace::Exact, &prior, &mut quiet).expect("densities");
    let integral = found.ln_p.exp().sum(Kind::Double).double_value(&[]) * SPACING * SPACING;
    println!("integral {integral}");
    // Sums at spacings of 0.15 and 0.1 differed by 5e-3 for a network trained twice as long.
    assert!((integral - 1.0).abs() < 5e-3, "{integral}");
}

/// The widths and layouts of the paper, where convolutions are Winograd's forward and backward.
fn check_products(filters: i64, item: [i64; 3], batch: u64) {
    tch::set_num_threads(2);
    tch::manual_seed(11);
    let shape = NetworkShape { architecture: Architecture::Ncsnv2, filters, item: item.to_vec(), classes: 0 };
    let [fast, plain] = [(); 2].map(|()| Network::new(&shape, &[1.0], Device::Cpu).expect("a valid shape"));
    for (own, other) in plain.parameters().tensors().iter().zip(fast.parameters().tensors()) {
        own.shallow_clone().set_data(&other.to_kind(Kind::Double).contiguous());
    }
    let mut streams = Streams::new(1, 0..batch, &item, Device::Cpu);
    let x = streams.uniform().expect("images") + streams.normal().expect("noise") * 0.3;
    let Ok(Trace::Probes(probes)) = signs(&mut streams, 2) else { panic!("probes were asked for") };
    let in_f64 = |x: &Tensor| x.to_kind(Kind::Double);
    let doubled = probes.iter().map(in_f64).collect();
    // Products themselves: entry by entry, of the same signs on both paths.
    let product = |network: &Network, x: &Tensor, probe: &Tensor| {
        let x = x.detach().set_requires_grad(true);
        let s = network.score_at_sigma(&x, 0.3).expect("a score");
        Tensor::run_backward(&[(s * probe).sum(x.kind())], &[&x], false, false).remove(0)
    };
    let error = distance(&product(&fast, &x, &probes[0]), &product(&plain, &in_f64(&x), &in_f64(&probes[0])));
    println!("n = {filters}: relative error of a product {error:.1e}");
    // As for gradients of the weights: maxima of nearly equal pixels may send theirs to either.
    assert!(error < 5e-3, "{error}");
    let fast: &mut Score = &mut |x: &Tensor, sigma: f64| fast.score_at_sigma(x, sigma);
    let (_, found) = score_and_divergence(fast, &x, 0.3, &Trace::Probes(probes)).expect("a divergence");
    let plain: &mut Score = &mut |x: &Tensor, sigma: f64| plain.score_at_sigma(x, sigma);
    let exact =
        score_and_divergence(plain, &in_f64(&x), 0.3, &Trace::Probes(doubled)).expect("a divergence").1;
    let error = distance(&found, &exact);
    println!("n = {filters}: relative error of the divergence {error:.1e}");
    assert!(error < 5e-3, "{error}");
    // A whole step up and down the noise.
    let trace = signs(&mut Streams::new(5, 0..batch, &item, Device::Cpu), 2).expect("signs");
    let prior = |x: &Tensor| ln_normal(x, 0.5);
    let found = ln_densities(fast, &[0.5, 0.3], x, &trace, &prior, &mut quiet).expect("densities");
    assert!(found.ln_p.isfinite().all().int64_value(&[]) == 1 && found.ln_p.size() == [2, batch as i64]);
}

#[test]
fn products_with_the_networks_jacobian_agree_with_double_precision() {
    check_products(128, [3, 32, 32], 3);
    check_products(24, [1, 28, 28], 5);
}

/// A model that draws a byte at random and adds the noise gives each byte 8 bits, whatever x is; so does the even density.
#[test]
fn bits_of_evenly_drawn_bytes_are_eight() {
    const SIGMA: f64 = 0.01;
    let bytes: Vec<f64> = (0..=255).map(|byte| f64::from(byte) / 255.0).collect();
    let items = Tensor::from_slice(&bytes).view([64, 4]);
    let streams = || Streams::new(3, 0..64, &[4], Device::Cpu);
    let noisy = points(&items, true, Added::Noise, SIGMA, &mut streams()).expect("points");
    let density = |x: f64| {
        let term = |&byte: &f64| (-(x - byte).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
        bytes.iter().map(term).sum::<f64>() / (256.0 * TAU.sqrt() * SIGMA)
    };
    let ln_p: Vec<f64> =
        values(&noisy.x).chunks(4).map(|x| x.iter().map(|&x| density(x).ln()).sum()).collect();
    let bits = values(&bits_per_dimension(&Tensor::from_slice(&ln_p).view([1, -1]), &noisy.bits, 4));
    assert!(bits.iter().all(|bits| (bits - 8.0).abs() < 1e-12), "{bits:?}");
    let spread = points(&items, true, Added::Spread, SIGMA, &mut streams()).expect("points");
    for (x, byte) in values(&spread.x).iter().zip(0..) {
        assert_eq!((x * 256.0).floor(), f64::from(byte));
    }
    let bits =
        values(&bits_per_dimension(&Tensor::zeros([1, 64], (Kind::Double, Device::Cpu)), &spread.bits, 4));
    assert_eq!(bits, [8.0; 64]);
    let refused =
        points(&items, false, Added::Spread, SIGMA, &mut streams()).expect_err("no bytes").to_string();
    assert_eq!(refused, "--add is spread, allowed: noise or nothing: no bytes");
}

fn json(folder: &Path, arguments: &str) -> Value {
    let mut command = trainer(&format!("likelihood --checkpoint run --device cpu --format json {arguments}"));
    serde_json::from_str(&success(command.current_dir(folder))).expect("JSON")
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().expect("a number")
}

#[test]
fn the_command_measures_what_the_run_held_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    success(&mut small_run(&folder.join("run"), 2));
    let found = json(folder, "--num 3 --steps 4 --batch 2 -o each.npy");
    assert_eq!(
        (&found["schema"], &found["units"]),
        (&"ncsn.likelihood/1".into(), &"bits per dimension".into())
    );
    assert_eq!((&found["items"], &found["dim"], &found["probes"]), (&3.into(), &768.into(), &2.into()));
    assert_eq!(found["item_source"], "the data held out of shapes");
    let each = ncsn_shell::read(&folder.join("each.npy"), &ncsn_data::Options::default()).expect("an array");
    assert_eq!(each.rows.len(), 3);
    // What is drawn is each item's own; kernels may sum in another order in another batch.
    let together = json(folder, "--num 3 --steps 4");
    for name in ["mean", "probes_error", "deviation"] {
        assert!(
            (number(&found, name) / number(&together, name) - 1.0).abs() < 1e-4,
            "{found:#} {together:#}"
        );
    }
    let halved = number(&json(folder, "--num 3 --steps 2"), "mean");
    // The difference of two means loses some digits.
    let stated = (halved - number(&together, "mean")) / 7.0;
    assert!((number(&together, "steps_error") - stated).abs() < 1e-12 * halved.abs(), "{together:#}");
    let other = json(folder, "--num 3 --steps 4 --seed 1");
    assert!((number(&found, "mean") - number(&other, "mean")).abs() > 0.0, "{other:#}");
    let text = success(
        trainer("likelihood --checkpoint run --device cpu --num 1 --steps 2 --add noise").current_dir(folder),
    );
    assert!(
        text.contains("standard deviation unknown") && text.contains("through which bytes are"),
        "{text}"
    );
    for (arguments, expected) in [
        ("--steps 3", "steps is 3, allowed: even numbers: half of them are taken too"),
        ("--probes 1", "probes is 1, allowed: 2, for their spread, to 1024"),
        ("--num 257", "num is 257, allowed: 1 to 256"),
        ("--num 0", "num is 0, allowed: 1 to 256"),
        ("--batch 0", "batch is 0, allowed: 1 to 1048576"),
        ("-o nodir/x.npy", "--output needs the folder nodir, which does not exist"),
        ("--data nowhere", "nowhere"),
    ] {
        let mut command = trainer(&format!("likelihood --checkpoint run --device cpu {arguments}"));
        let line = failure(command.current_dir(folder));
        assert!(line.contains(expected), "{arguments}: {line}");
    }
}

#[test]
fn vectors_are_measured_in_nats_by_the_exact_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let train =
        "train --preset mixture2d --filters 8 --batch 64 --iterations 2 --samples 0 --device cpu --run run";
    success(trainer(train).current_dir(folder));
    let found = json(folder, "--num 20");
    assert_eq!((&found["units"], &found["probes"]), (&"nats".into(), &Value::Null));
    assert_eq!((&found["probes_error"], &found["added"]), (&Value::Null, &"nothing".into()));
    let estimated = json(folder, "--num 20 --probes 64");
    let apart = (number(&found, "mean") - number(&estimated, "mean")).abs();
    assert!(apart < NORMAL_BOUND * number(&estimated, "probes_error"), "{found:#} {estimated:#}");
}

#[test]
fn a_conditional_network_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    success(small_run(&folder.join("run"), 1).args(["--architecture", "ncsn"]));
    let line = failure(trainer("likelihood --checkpoint run --device cpu").current_dir(folder));
    assert_eq!(line, "error: the likelihood needs scores between the noise levels, which ncsn has not\n");
}
