//! Networks that are told classes: what they learn, how samples are guided, what is refused.

mod common;

use std::path::{Path, PathBuf};

use common::command::{failure, resume, success, trainer, write_npy};
use common::distance;
use ncsn_trainer::checkpoint;
use ncsn_trainer::config::Precision;
use ncsn_trainer::mixture;
use ncsn_trainer::sample::Told;
use ncsn_trainer::source::{self, Opening, Trained};
use ncsn_trainer::tensor_file::TensorFile;
use ncsn_trainer::torch;
use ncsn_trainer::weights::Weights;
use tch::{Device, Kind, Tensor};

const SMALL: &str = "train --preset shapes --filters 4 --batch 4 --samples 0 --device cpu --iterations 2";

fn opened(run: &Path) -> Trained {
    let how = Opening { weights: Weights::Ema, device: Device::Cpu, precision: Precision::F32 };
    source::open(run, None, how).expect("a run")
}

fn samples(run: &Path, more: &str) -> Tensor {
    let file = run.with_extension("samples.safetensors");
    let command = format!("sample {more} --device cpu --checkpoint");
    success(trainer(&command).arg(run).arg("--output").arg(&file));
    TensorFile::read(&file).expect("samples").get("samples").expect("samples")
}

/// Mixture of one component, its score at σ: (centre − x)/(0.25² + σ²).
fn exact(x: &Tensor, component: usize, sigma: f64) -> Tensor {
    let centres = mixture::centres();
    let centre = Tensor::from_slice(&[centres[[component, 0]], centres[[component, 1]]]);
    (centre - x) / (mixture::SPREAD.powi(2) + sigma * sigma)
}

/// Points of all components at σ, and their exact scores.
fn exact_of_all(sigma: f64, count: usize) -> (Tensor, Tensor) {
    let clean = Tensor::from_slice(&mixture::draw(count, 99).0).view([-1, 2]);
    let x = clean + sigma * Tensor::randn([count as i64, 2], (Kind::Float, Device::Cpu));
    let values: Vec<f64> = torch::to_vec(&x).into_iter().map(f64::from).collect();
    let points = ndarray::Array2::from_shape_vec((count, 2), values).expect("points");
    let score = mixture::noisy(sigma).expect("a mixture").score(points.view()).expect("scores");
    (x, Tensor::from_slice(&score.into_iter().collect::<Vec<f64>>()).view([-1, 2]))
}

/// Relative L2 error of a learnt score after 3000 steps; 0.07 to 0.22 were measured.
const SCORE_ERROR: f64 = 0.3;

#[test]
fn the_score_of_each_class_is_learnt_and_that_of_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let train = "train --preset mixture2d --class-conditional --label-dropout 0.3 --iterations 3000 --device cpu --run";
    success(trainer(train).arg(&run));
    let trained = opened(&run);
    assert_eq!(trained.config.network.classes, 8);
    assert_eq!(trained.config.training.label_dropout, Some(0.3));
    tch::manual_seed(1);
    let sigmas = trained.network.sigmas();
    for level in [0, 5, 10, 15] {
        let sigma = sigmas.double_value(&[level]);
        let (x, of_all) = exact_of_all(sigma, 2000);
        let learnt = tch::no_grad(|| trained.network.score_at_sigma(&x, sigma)).expect("a score");
        let error = distance(&learnt, &of_all);
        println!("sigma {sigma:.3}, any class: relative error {error:.3}");
        assert!(error < SCORE_ERROR, "sigma {sigma}, any class: {error}");
        for component in [0, 3, 7] {
            let spread = mixture::SPREAD.hypot(sigma);
            let centre = exact(&Tensor::zeros([1, 2], (Kind::Double, Device::Cpu)), component, sigma)
                * spread
                * spread;
            let x = centre + spread * Tensor::randn([2000, 2], (Kind::Double, Device::Cpu));
            let x = x.to_kind(Kind::Float);
            let classes = Tensor::full([2000], component as i64, (Kind::Int64, Device::Cpu));
            let score = |classes: Option<&Tensor>| {
                tch::no_grad(|| trained.network.score_of_class_at(&x, sigma, classes)).expect("a score")
            };
            let told = score(Some(&classes));
            let error = distance(&told, &exact(&x, component, sigma));
            println!("sigma {sigma:.3}, class {component}: relative error {error:.3}");
            assert!(error < SCORE_ERROR, "sigma {sigma}, class {component}: {error}");
            // Where components overlap, the score of all differs from that of one.
            if level == 0 {
                assert!(distance(&score(None), &told) > 0.3);
            }
            let mut guided =
                Told::new(vec![component as i64], 2.5).expect("a guidance").score(&trained.network, 0..2000);
            let expected = score(None) + 2.5 * (&told - score(None));
            assert!(distance(&guided(&x, sigma).expect("a score"), &expected) < 1e-5, "rounding of f32");
        }
    }
    // Each sample lies at the centre of its class, 2 and 5 in turn: 61 did; of no class, 8 would.
    let points = samples(&run, "--num 64 --sampler ode --steps 60 --class 2,5");
    let centres = mixture::centres();
    let near = |row: i64| {
        let point = [0, 1].map(|axis| points.double_value(&[row, axis]));
        let distance = |k: &usize| (point[0] - centres[[*k, 0]]).hypot(point[1] - centres[[*k, 1]]);
        (0..8).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let right = (0..64).filter(|&row| near(row) == Some([2, 5][row as usize % 2])).count();
    assert!(right >= 56, "{right} of 64");
    // Of any class, all components are there.
    let points = samples(&run, "--num 64 --sampler ode --steps 60 --class any");
    let far = points.select(1, 0);
    assert!(far.min().double_value(&[]) < -3.0 && far.max().double_value(&[]) > 3.0);
}

fn small(folder: &Path, name: &str, more: &str) -> PathBuf {
    let run = folder.join(name);
    success(trainer(&format!("{SMALL} {more} --run")).arg(&run));
    run
}

#[test]
fn samples_are_of_the_classes_asked_for_whatever_the_batch() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = small(folder.path(), "run", "--class-conditional");
    assert_eq!(opened(&run).config.training.label_dropout, Some(0.1));
    let steps = "--num 6 --sampler dpm --steps 2";
    let all = samples(&run, steps);
    for more in ["--class disc,square,triangle", "--guidance 1"] {
        assert_eq!(samples(&run, &format!("{steps} {more}")), all, "{more}");
    }
    // libtorch convolves batches of other sizes by other algorithms: rounding of f32, over three evaluations.
    let alike = |more: &str, expected: &Tensor| {
        let apart = distance(&samples(&run, &format!("{steps} {more}")), expected);
        assert!(apart < 1e-5, "{more}: {apart:.1e}");
    };
    alike("--batch 4", &all);
    alike("--batch 1", &all);
    let guided = samples(&run, &format!("{steps} --guidance 3"));
    alike("--guidance 3 --batch 4", &guided);
    assert!(distance(&guided, &all) > 1e-6);
    let any = samples(&run, &format!("{steps} --class any"));
    assert_eq!(samples(&run, &format!("{steps} --guidance 0")), any, "no guidance is no class");
    // The third image of all is a triangle, as is the third of triangles alone.
    let triangles = samples(&run, &format!("{steps} --class triangle"));
    assert_eq!(triangles.get(2), all.get(2));
    assert_ne!(triangles.get(1), all.get(1));
    // Weights in a file: classes are numbers there.
    let file = folder.path().join("weights.safetensors");
    success(trainer("convert --weights ema").arg(&run).arg("--output").arg(&file));
    assert_eq!(samples(&file, &format!("{steps} --preset shapes --weights raw --class 2")), triangles);
    success(trainer("select --num 4 --steps-per-level 1 --device cpu").arg(&run));
}

#[test]
fn several_processes_train_on_classes_as_one_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = "--class-conditional --weighting edm:0.25 --level-density lognormal:-1.9,1.2";
    let one = small(folder.path(), "one", more);
    let run = folder.path().join("two");
    success(trainer(&format!("launch --nproc 2 {SMALL} {more} --run")).arg(&run));
    let tensors = |run: &Path| {
        TensorFile::read(&checkpoint::folder(&run.join("checkpoints"), 2).join("tensors.safetensors"))
            .expect("tensors")
    };
    let (one, two) = (tensors(&one), tensors(&run));
    for name in one.names().into_iter().filter(|name| name.starts_with("adam.exp_avg.")) {
        let apart = distance(&two.get(name).expect("a tensor"), &one.get(name).expect("a tensor"));
        // Sums in another order.
        assert!(apart < 1e-4, "{name}: {apart:.1e}");
    }
}

#[test]
fn a_run_goes_on_with_the_labels_that_it_began_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, labels) = (folder.path().join("x.npy"), folder.path().join("labels.npy"));
    write_npy(&data, "(8, 3, 16, 16)", &[7; 8 * 768]);
    write_npy(&labels, "(8,)", &[0, 1, 0, 1, 5, 5, 0, 1]);
    let schedule = folder.path().join("s.toml");
    common::command::write_schedule(&schedule, 768, 20.0, ncsn_theory::schedule::DataRange::Unit);
    let train = |name: &str, more: &str| {
        let mut command =
            trainer("train --preset own --filters 4 --batch 4 --samples 0 --device cpu --held-out 2");
        command.args(["--iterations", "1", "--test-every", "1", "--label-dropout", "0.5"]);
        command.arg("--data").arg(&data).arg("--schedule").arg(&schedule);
        command.arg("--labels").arg(&labels).args(more.split_whitespace());
        command.arg("--run").arg(folder.path().join(name));
        command
    };
    success(&mut train("run", ""));
    let run = folder.path().join("run");
    let config = opened(&run).config;
    let known = config.data.labels.expect("labels");
    assert_eq!((config.network.classes, &known.names[..]), (3, &["0", "1", "5"].map(str::to_owned)[..]));
    success(resume(&run).args(["--iterations", "2"]));
    write_npy(&labels, "(8,)", &[0, 1, 0, 1, 5, 5, 1, 1]);
    let message = failure(resume(&run).args(["--iterations", "3"]));
    assert!(message.contains("the labels have SHA-256 "), "{message}");
    write_npy(&labels, "(7,)", &[0, 1, 0, 1, 5, 5, 1]);
    let message = failure(&mut train("other", ""));
    assert!(message.contains("labels.npy has 7 labels for 8 rows"), "{message}");
    assert!(!folder.path().join("other").exists());
}

#[test]
fn what_classes_cannot_be_told_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = small(folder.path(), "plain", "");
    let told = small(folder.path(), "told", "--class-conditional");
    let refused = |command: &str, run: Option<&Path>, expected: &str| {
        let mut command = trainer(command);
        if let Some(run) = run {
            command.arg("--checkpoint").arg(run).arg("--output").arg(folder.path().join("x.npy"));
        } else {
            command.arg("--run").arg(folder.path().join("none"));
        }
        let message = failure(&mut command);
        assert!(message.contains(expected), "{message}");
    };
    let sample = "sample --num 1 --sampler dpm --steps 1 --device cpu";
    let untold = "--class and --guidance are for networks that are told classes";
    refused(&format!("{sample} --class disc"), Some(&run), untold);
    refused(&format!("{sample} --guidance 2"), Some(&run), untold);
    refused(
        &format!("{sample} --class cat"),
        Some(&told),
        "class is cat, allowed: any, disc, square, triangle",
    );
    refused(&format!("{sample} --guidance -1"), Some(&told), "guidance is -1, allowed: 0 to 100");
    refused(
        &format!("{SMALL} --architecture ncsn --class-conditional"),
        None,
        "classes is 3, allowed: 0 for ncsn",
    );
    refused(
        &format!("{SMALL} --label-dropout 0.1"),
        None,
        "--label-dropout is for networks that are told classes",
    );
    let dropout = format!("{SMALL} --class-conditional --label-dropout 0");
    refused(&dropout, None, "label_dropout is 0, allowed: above 0, below 1");
    let far = format!("{SMALL} --level-density lognormal:900,1");
    refused(&far, None, "level density is lognormal:900,1, allowed: a mean");
    assert!(!folder.path().join("none").exists());
}
