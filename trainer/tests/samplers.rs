//! Samplers: against the authors' code, and with scores that are known exactly.

mod common;

use common::{distance, network, own, shared, sigmas};
use ncsn_theory::langevin::Annealing;
use ncsn_theory::proposition3::variance_interval;
use ncsn_theory::schedule::{NoiseRange, Schedule};
use ncsn_trainer::mixture;
use ncsn_trainer::model::{Architecture, Network, NetworkShape};
use ncsn_trainer::sample::{
    Consistent, Mask, Noise, PUBLISHED_SNR, PredictorCorrector, ProbabilityFlow, Progress, Region, Sampler,
    Streams, annealed_langevin, geometric, inpaint, rows, score_at,
};
use ncsn_trainer::tensor_file::TensorFile;
use ncsn_trainer::{Error, torch};
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

/// Chance that a statistical test fails although all is right.
const SIGNIFICANCE: f64 = 1e-6;

/// Relative L2 error of Langevin states that the reference meets against its own f64.
///
/// Source: `shared/oracles/README.md`.
const LANGEVIN: f64 = 5e-6;

/// What a sampler tells, for tests that do not listen.
fn quiet(_: Progress) -> bool {
    true
}

/// Score of N(0, s²I) perturbed by σ: −x/(s² + σ²).
fn gaussian(spread: f64) -> impl FnMut(&Tensor, f64) -> Result<Tensor, Error> {
    move |x, sigma| Ok(x / -(spread * spread + sigma * sigma))
}

fn streams(items: u64, item: &[i64]) -> Streams {
    Streams::new(20, 0..items, item, Device::Cpu)
}

/// Asserts that values of mean 0 have a variance within `bias`, relative, of what is expected.
fn assert_variance(x: &Tensor, expected: f64, bias: f64) {
    let sum = x.to_kind(Kind::Double).square().sum(Kind::Double).double_value(&[]);
    let variance = variance_interval(sum, x.numel() as u64, 1.0 - SIGNIFICANCE).expect("a variance");
    let (lo, hi) = (variance.lo() / (1.0 + bias), variance.hi() / (1.0 - bias));
    assert!(lo <= expected && expected <= hi, "{expected} is not in [{lo}, {hi}]");
}

/// Starts a sampler as the command does, and runs it.
fn run(sampler: &Sampler, score: &mut ncsn_trainer::sample::Score, mut streams: Streams) -> Tensor {
    let x = sampler.start(&mut streams).expect("a start");
    sampler.sample(score, x, &mut Noise::Streams(streams), &mut quiet).expect("samples")
}

#[test]
fn consistent_noise_is_that_of_every_level() {
    let settings = Consistent::new(levels(50.0, 0.01, 20), Some(0.7), false).expect("η");
    let levels = levels(50.0, 0.01, 20);
    let mut streams = streams(64, &[512]);
    let x = streams.normal().expect("noise") * 50.0;
    let mut seen = 0;
    let each = &mut |at: Progress| {
        // The last step removes the part η of what is left.
        let variance = levels.get(at.level + 1).map_or((0.3 * 0.01_f64).powi(2), |next| next * next);
        assert_variance(at.x, variance, 0.0);
        seen += 1;
        true
    };
    // Data at the origin: the score is exact for a single clean item.
    let sampler = Sampler::Consistent(settings);
    let end = sampler.sample(&mut gaussian(0.0), x, &mut Noise::Streams(streams), each).expect("samples");
    assert_eq!((seen, end.size()), (21, vec![64, 512]));
}

#[test]
fn consistent_samples_of_a_gaussian_have_the_variance_of_the_recursion() {
    let levels = levels(50.0, 0.01, 60);
    let settings = Consistent::new(levels.clone(), None, true).expect("η");
    let eta = settings.eta();
    let (mut variance, data) = (2500.0, 4.0);
    for (i, sigma) in levels.iter().enumerate() {
        let next = levels.get(i + 1).copied().unwrap_or(0.0);
        let part = if next == 0.0 { 1.0 } else { eta };
        let added = if next == 0.0 { 0.0 } else { next * next - ((1.0 - eta) * sigma).powi(2) };
        variance = (1.0 - part * sigma * sigma / (data + sigma * sigma)).powi(2) * variance + added;
    }
    let samples = run(&Sampler::Consistent(settings), &mut gaussian(2.0), streams(64, &[1024]));
    assert_variance(&samples, variance, 0.0);
}

/// The solution for N(0, s²I) from (x, σ₁) is x·√((s² + σ_L²)/(s² + σ₁²)).
#[test]
fn halving_the_steps_of_the_ode_quarters_its_error() {
    let solution = ((4.0 + 1e-4) / (4.0 + 2500.0_f64)).sqrt();
    let error = |steps: u64| {
        let levels = levels(50.0, 0.01, steps);
        let x = Tensor::from_slice(&[1.0_f64]).view([1, 1]);
        let sampler = Sampler::ProbabilityFlow(ProbabilityFlow::new(levels, false));
        let noise = &mut Noise::Streams(streams(1, &[1]));
        let end = sampler.sample(&mut gaussian(2.0), x, noise, &mut quiet).expect("samples");
        end.double_value(&[0, 0]) / solution - 1.0
    };
    let errors = [50, 100, 200, 400].map(error);
    println!("relative errors {errors:?}");
    for pair in errors.windows(2) {
        // Terms of third order are of the relative size of a step, ln(5000)/50 at most.
        assert!((pair[0] / pair[1] / 4.0 - 1.0).abs() < 0.17, "{errors:?}");
    }
    assert!(errors[1].abs() < 1e-3, "{errors:?}");
}

#[test]
fn the_ode_carries_noise_to_the_datas_variance() {
    let levels = levels(50.0, 0.01, 100);
    let sampler = Sampler::ProbabilityFlow(ProbabilityFlow::new(levels, false));
    let samples = run(&sampler, &mut gaussian(2.0), streams(64, &[1024]));
    // The start lacks the data's own variance; the method's error is below 1e-3 in x, as the test above shows.
    assert_variance(&samples, (4.0 + 1e-4) * 2500.0 / 2504.0, 2e-3);
}

/// Reverse diffusion: v → (1 − Δ/(s² + σ²))²·v + Δ with Δ = σ² − σ'². Corrector, with norms at their expectation:
/// ε = 2r²(s² + σ'²)²/v and v → (1 − ε/(s² + σ'²))²·v + 2ε.
#[test]
fn predictor_and_corrector_leave_the_variance_of_their_recursion() {
    const DIM: i64 = 1024;
    let levels = levels(50.0, 0.01, 100);
    let mut variance = 2500.0;
    for pair in levels.windows(2) {
        let [before, after] = [pair[0], pair[1]].map(|sigma| 4.0 + sigma * sigma);
        let removed = before - after;
        variance = (1.0 - removed / before).powi(2) * variance + removed;
        let epsilon = 2.0 * PUBLISHED_SNR.powi(2) * after * after / variance;
        variance = (1.0 - epsilon / after).powi(2) * variance + 2.0 * epsilon;
    }
    let settings = PredictorCorrector::new(levels, PUBLISHED_SNR, false).expect("r");
    let samples = run(&Sampler::PredictorCorrector(settings), &mut gaussian(2.0), streams(128, &[DIM]));
    // ‖z‖² and 1/‖x‖² exceed D and 1/D by 2/D, relative, where they multiply ‖z‖² and 1.
    assert_variance(&samples, variance, 4.0 / DIM as f64);
    println!("variance by the recursion {variance}, of the data 4");
}

/// Score of the built-in mixture, perturbed.
fn mixture_score(x: &Tensor, sigma: f64) -> Result<Tensor, Error> {
    let values: Vec<f64> = torch::to_vec(x).into_iter().map(f64::from).collect();
    let points = Array2::from_shape_vec((values.len() / 2, 2), values).expect("pairs");
    let score = mixture::noisy(sigma)?.score(points.view())?;
    Ok(Tensor::from_slice(score.as_slice().expect("rows")).view([-1, 2]).to_kind(Kind::Float))
}

#[test]
fn the_ode_and_consistent_sampling_find_every_component_of_the_mixture() {
    const POINTS: u64 = 4000;
    // Dvoretzky-Kiefer-Wolfowitz with Massart's constant, two tests for each of two samplers.
    let bound = ((8.0 / SIGNIFICANCE).ln() / (2.0 * POINTS as f64)).sqrt();
    let levels = levels(50.0, 0.05, 150);
    let samplers = [
        Sampler::ProbabilityFlow(ProbabilityFlow::new(levels.clone(), false)),
        Sampler::Consistent(Consistent::new(levels, None, false).expect("η")),
    ];
    // Consistent sampling leaves a part of the smallest noise, which is but 4 % of the components' variance.
    for sampler in samplers {
        let samples = run(&sampler, &mut mixture_score, streams(POINTS, &[2]));
        let points: Vec<f64> = torch::to_vec(&samples).into_iter().map(f64::from).collect();
        let points = Array2::from_shape_vec((POINTS as usize, 2), points).expect("pairs");
        let (near, centres) =
            (mixture::noisy(0.05).expect("σ").nearest(points.view()).expect("finite"), mixture::centres());
        let mut counts = [0.0; mixture::COMPONENTS];
        near.iter().for_each(|&k| counts[k] += 1.0 / POINTS as f64);
        let mut below = 0.0;
        for (k, share) in counts.iter().enumerate() {
            below += share;
            let expected = (k + 1) as f64 / mixture::COMPONENTS as f64;
            assert!((below - expected).abs() < bound, "{counts:?}");
        }
        // Around its centre a point of the plane is Rayleigh distributed.
        let mut radii: Vec<f64> = near
            .iter()
            .zip(points.rows())
            .map(|(&k, x)| (x[0] - centres[[k, 0]]).hypot(x[1] - centres[[k, 1]]))
            .collect();
        radii.sort_by(f64::total_cmp);
        let spread = mixture::SPREAD.hypot(0.05);
        let furthest = radii.iter().enumerate().fold(0.0_f64, |furthest, (i, r)| {
            let law = 1.0 - (-r * r / (2.0 * spread * spread)).exp();
            furthest.max((law - (i as f64 + 0.5) / POINTS as f64).abs())
        });
        println!("distance from Rayleigh's law {furthest:.4}, allowed {bound:.4}");
        assert!(furthest < bound, "{furthest}");
    }
}

/// `steps` equal steps of ln σ.
fn levels(sigma_max: f64, sigma_min: f64, steps: u64) -> Vec<f64> {
    geometric(NoiseRange::new(sigma_max, sigma_min).expect("a range"), steps).expect("levels")
}

/// From 5 to 0.05 in 5 levels of 2 steps, for images of 3 × 8 × 8.
fn five_levels() -> Annealing {
    let range = NoiseRange::new(5.0, 0.05).expect("a range");
    Schedule::new(192, range, 5, 2, 5e-4).expect("a schedule").into()
}

/// A small network with random weights, and Langevin dynamics for it.
fn small() -> (Network, Annealing) {
    let annealing = five_levels();
    let sigmas: Vec<f32> = annealing.schedule.sigmas().map(|sigma| sigma as f32).collect();
    let shape =
        NetworkShape { architecture: Architecture::Ncsnv2, filters: 4, item: vec![3, 8, 8], classes: 0 };
    tch::manual_seed(5);
    (Network::new(&shape, &sigmas, Device::Cpu).expect("a valid shape"), annealing)
}

fn samplers(annealing: &Annealing) -> [Sampler; 4] {
    let levels: Vec<f64> = annealing.schedule.sigmas().collect();
    [
        Sampler::Langevin(*annealing),
        Sampler::Consistent(Consistent::new(levels.clone(), None, true).expect("η")),
        Sampler::PredictorCorrector(PredictorCorrector::new(levels.clone(), 0.16, true).expect("r")),
        Sampler::ProbabilityFlow(ProbabilityFlow::new(levels, true)),
    ]
}

#[test]
fn samplers_use_as_many_evaluations_as_they_say() {
    let (_, annealing) = small();
    let found = samplers(&annealing).map(|sampler| {
        let (mut calls, mut done) = (0, 0);
        let mut streams = streams(2, &[3, 8, 8]);
        let x = sampler.start(&mut streams).expect("a start");
        let score = &mut |x: &Tensor, sigma: f64| {
            calls += 1;
            gaussian(1.0)(x, sigma)
        };
        let each = &mut |at: Progress| {
            done = at.done;
            at.done <= at.total
        };
        let end = sampler.sample(score, x, &mut Noise::Streams(streams), each).expect("samples");
        assert_eq!(end.size(), [2, 3, 8, 8]);
        assert_eq!((calls, done), (sampler.evaluations(), sampler.evaluations()));
        calls
    });
    // L·T + 1, L, 2(L − 1) + 1 twice, for L = 5 and T = 2.
    assert_eq!(found, [11, 5, 9, 9]);
}

/// Single precision rounds differently where a convolution is cut into other pieces: by some 2⁻²⁴ at each of at most
/// a dozen evaluations, amplified little by a network of random weights.
#[test]
fn samples_do_not_depend_on_the_batch() {
    const ROUNDING: f64 = 1e-5;
    let (network, annealing) = small();
    let score = &mut |x: &Tensor, sigma: f64| score_at(&network, x, sigma);
    for sampler in samplers(&annealing) {
        let mut part = |images: std::ops::Range<u64>| {
            run(&sampler, score, Streams::new(1, images, &[3, 8, 8], Device::Cpu))
        };
        let together = part(0..5);
        let apart = Tensor::cat(&[part(0..2), part(2..4), part(4..5)], 0);
        let error = distance(&apart, &together);
        println!("relative distance {error:.1e}");
        assert!(error < ROUNDING, "{sampler:?}: {error}");
    }
}

#[test]
fn the_score_at_a_sigma_is_that_of_its_level() {
    let (network, annealing) = small();
    let x = streams(2, &[3, 8, 8]).normal().expect("noise");
    let levels = Tensor::from_slice(&[3_i64, 3]);
    let expected = tch::no_grad(|| network.score(&x, &levels));
    assert_eq!(score_at(&network, &x, annealing.schedule.sigma(3)).expect("a score"), expected);
}

#[test]
fn a_conditional_network_knows_its_levels_only() {
    let shape =
        NetworkShape { architecture: Architecture::Ncsn, filters: 4, item: vec![1, 8, 8], classes: 0 };
    let network = Network::new(&shape, &[1.0, 0.1, 0.01], Device::Cpu).expect("a valid shape");
    let x = streams(1, &[1, 8, 8]).normal().expect("noise");
    assert!(score_at(&network, &x, 0.1).is_ok());
    let message = score_at(&network, &x, 0.05).expect_err("no level").to_string();
    assert_eq!(message, "sigma is 0.05, allowed: one of the 3 levels that ncsn knows; the nearest is 0.01");
}

#[test]
fn ends_of_a_row_are_the_samples_of_their_streams() {
    let (_, annealing) = small();
    let item = [3, 8, 8];
    let row = |seed, pairs| {
        let (x, mut noise) =
            rows(seed, pairs, 2, &item, annealing.schedule.range().max(), Device::Cpu).expect("a start");
        annealed_langevin(&mut gaussian(1.0), &annealing, x, &mut noise, &mut quiet).expect("samples")
    };
    let mut ends = Streams::new(7, 2..4, &item, Device::Cpu);
    let start = ends.start(annealing.schedule.range().max()).expect("a start").get(0);
    let x = Tensor::stack(&[&start, &start], 0);
    let noise = &mut Noise::Streams(ends);
    let sampled = annealed_langevin(&mut gaussian(1.0), &annealing, x, noise, &mut quiet).expect("samples");
    let row = row(7, 1..2);
    // Elementwise arithmetic rounds the same in any batch.
    assert_eq!((row.get(0), row.get(3)), (sampled.get(0), sampled.get(1)));
    let alone = Streams::new(7, 2..3, &item, Device::Cpu);
    let plain = run(&Sampler::Langevin(annealing), &mut gaussian(1.0), alone);
    assert_eq!(row.get(0), plain.get(0));
}

#[test]
fn noise_between_two_images_is_standard_normal() {
    let ends = Streams::new(3, 0..2, &[100_000], Device::Cpu);
    let row = Noise::Between { ends, count: 4 }.draw().expect("noise");
    assert_eq!(row.size(), [6, 100_000]);
    for k in 0..6 {
        assert_variance(&row.get(k), 1.0, 0.0);
    }
}

#[test]
fn inpainting_keeps_known_pixels_bit_for_bit() {
    let (network, annealing) = small();
    let mut streams = streams(3, &[3, 8, 8]);
    let known = streams.uniform().expect("noise");
    let mask = Mask::region(Region::Left, [8, 8], Device::Cpu);
    let x = streams.start(annealing.schedule.range().max()).expect("a start");
    let score = &mut |x: &Tensor, sigma: f64| score_at(&network, x, sigma);
    let noise = &mut Noise::Streams(streams);
    let filled = inpaint(score, &annealing, &mask, &known, x, noise, &mut quiet).expect("fills");
    assert_eq!(filled.narrow(3, 4, 4), known.narrow(3, 4, 4));
    assert_eq!(filled.narrow(3, 0, 4).eq_tensor(&known.narrow(3, 0, 4)).any().int64_value(&[]), 0);
}

#[test]
fn known_pixels_are_as_noisy_as_the_level() {
    let annealing = five_levels();
    let mut streams = streams(16, &[3, 64, 64]);
    let known = streams.uniform().expect("noise");
    let mask = Mask::region(Region::Top, [64, 64], Device::Cpu);
    let x = streams.start(annealing.schedule.range().max()).expect("a start");
    let mut calls = 0;
    let score = &mut |x: &Tensor, sigma: f64| {
        calls += 1;
        // Single precision rounds a pixel of up to 20 to 2e-6 of it: less than 1e-4 of the smallest σ.
        assert_variance(&((x - &known).narrow(2, 32, 32) / sigma), 1.0, 2e-4);
        gaussian(1.0)(x, sigma)
    };
    let noise = &mut Noise::Streams(streams);
    let filled = inpaint(score, &annealing, &mask, &known, x, noise, &mut quiet).expect("fills");
    assert_eq!((calls, filled.size()), (11, known.size()));
}

/// Samples from an oracle's start and noise, without and with the denoising.
fn langevin(network: &Network, file: &TensorFile, prefix: &str, epsilon: f64, denoise: bool) -> Tensor {
    let get = |name: &str| file.get(&format!("{prefix}{name}")).expect("a tensor").to_kind(Kind::Float);
    let levels: Vec<f64> = sigmas(file).into_iter().map(f64::from).collect();
    let range = NoiseRange::new(levels[0], levels[levels.len() - 1]).expect("a range");
    let dim = network.shape().dim();
    let schedule = Schedule::new(dim, range, levels.len() as u64, 2, epsilon).expect("a schedule");
    let annealing = Annealing { schedule, denoise };
    let score = &mut |x: &Tensor, sigma: f64| score_at(network, x, sigma);
    let noise = &mut Noise::Recorded { tensor: get("noise"), next: 0 };
    annealed_langevin(score, &annealing, get("x0"), noise, &mut quiet).expect("samples")
}

#[test]
#[ignore = "needs ../shared/oracles, the authors' numbers"]
fn langevin_is_the_authors() {
    let [file, weights] =
        ["langevin", "weights"].map(|part| shared(&format!("ncsnv2_32_ngf8.{part}.safetensors")));
    let net = network(Architecture::Ncsnv2, 8, [3, 32, 32], &sigmas(&file), &weights, "ema.");
    let epsilon = file.get("step_lr").expect("step_lr").double_value(&[]);
    let last = file.get("traj").expect("traj").get(-1);
    for (denoise, expected) in [(false, &last), (true, &file.get("denoised").expect("denoised"))] {
        let error = distance(&langevin(&net, &file, "", epsilon, denoise), expected);
        println!("denoised {denoise}: relative error {error:.1e}");
        assert!(error < LANGEVIN, "{error}");
    }
}

/// Source: `trainer/tests/oracles/make.py`.
#[test]
fn langevin_is_that_of_the_project_own_oracle() {
    let file = own("ncsnv2.safetensors");
    let net = network(Architecture::Ncsnv2, 4, [3, 8, 8], &sigmas(&file), &file, "p.");
    let epsilon: f64 = file.metadata()["epsilon"].parse().expect("a number");
    for (denoise, name) in [(false, "final_f64"), (true, "denoised_f64")] {
        let expected = file.get(&format!("langevin.{name}")).expect("a state");
        let error = distance(&langevin(&net, &file, "langevin.", epsilon, denoise), &expected);
        println!("{name}: relative error {error:.1e}");
        assert!(error < LANGEVIN, "{error}");
    }
}
