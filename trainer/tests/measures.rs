//! Precision and recall, density and coverage, extrapolated distances and Inception scores: against brute force, closed forms and
//! the field's packages, whose numbers `oracles/make_measures.py` made.

mod common;

use common::{close, hashed};
use ncsn_trainer::evaluate::extrapolation::extrapolate;
use ncsn_trainer::evaluate::frechet::{Law, frechet};
use ncsn_trainer::evaluate::kernel::kernel;
use ncsn_trainer::evaluate::manifold::{Manifold, USUAL, manifold};
use ncsn_trainer::evaluate::score::Sums;
use ncsn_trainer::evaluate::statistics::{Moments, Statistics};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

fn plain(count: i64, salt: u64, scale: f64, shift: f64) -> Tensor {
    (hashed(&[count, 16], salt) * scale + shift).to_kind(Kind::Float)
}

fn curved(count: i64, salt: u64, scale: f64) -> Tensor {
    let latent = hashed(&[count, 8], salt) * scale;
    let places: Vec<i64> = (0..2048).collect();
    let chosen = |of: &dyn Fn(i64) -> i64| {
        latent.index_select(1, &Tensor::from_slice(&places.iter().map(|&j| of(j)).collect::<Vec<_>>()))
    };
    let x = chosen(&|j| j % 8) * hashed(&[2048], 1001) + chosen(&|j| j / 8 % 8) * hashed(&[2048], 1002);
    (x.clamp_min(0.0) + hashed(&[count, 2048], salt + 100) * 0.01).to_kind(Kind::Float)
}

fn oracle() -> Value {
    serde_json::from_str(include_str!("oracles/measures.json")).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn statistics(features: &Tensor) -> Statistics {
    let mut moments = Moments::new(features.size()[1], Device::Cpu).expect("few features");
    features.split(700, 0).iter().for_each(|batch| moments.add(batch));
    moments.finish().expect("more than one item")
}

fn measured(samples: &Tensor, data: &Tensor, k: [usize; 2]) -> Manifold {
    manifold(samples, data, k, &mut |_, _| {}).expect("enough items")
}

fn values(found: Manifold) -> [f64; 4] {
    [found.precision, found.recall, found.density, found.coverage].map(|mean| mean.value)
}

/// Shares of a few hundred items, which f64 holds to a rounding or two; the packages' are means in f32 or f64.
#[test]
fn manifolds_are_those_of_prdc_and_torch_fidelity() {
    let all = oracle();
    let sets = [
        ("plain", plain(900, 1, 0.9, 0.05), plain(1200, 2, 1.0, 0.0)),
        ("curved", curved(300, 3, 0.8), curved(400, 4, 1.0)),
    ];
    for (name, samples, data) in sets {
        let expected = &all[name];
        for k in [3, 5] {
            let found = values(measured(&samples, &data, [k, k]));
            for (found, measure) in found.into_iter().zip(["precision", "recall", "density", "coverage"]) {
                close(found, number(&expected[format!("prdc {measure} {k}")]), 1e-12);
            }
        }
        let found = measured(&samples, &data, USUAL);
        // Means in single precision.
        close(found.precision.value, number(&expected["torch-fidelity precision"]), 1e-7);
        close(found.recall.value, number(&expected["torch-fidelity recall"]), 1e-7);
    }
}

/// The definitions, in integers: squared distances of small integers are exact, and many are equal.
fn brute(samples: &[Vec<i64>], data: &[Vec<i64>], k: [usize; 2]) -> [f64; 4] {
    let square = |a: &[i64], b: &[i64]| -> i64 { a.iter().zip(b).map(|(a, b)| (a - b).pow(2)).sum() };
    let radii = |set: &[Vec<i64>], k: usize| -> Vec<i64> {
        let radius = |own: usize| {
            let others = (0..set.len()).filter(|&other| other != own);
            let mut all: Vec<i64> = others.map(|other| square(&set[own], &set[other])).collect();
            all.sort_unstable();
            all[k - 1]
        };
        (0..set.len()).map(radius).collect()
    };
    let [wide, dense, of_samples] = [radii(data, k[0]), radii(data, k[1]), radii(samples, k[0])];
    let share = |hits: usize, of: usize| hits as f64 / of as f64;
    let precision =
        samples.iter().filter(|y| data.iter().zip(&wide).any(|(x, &r)| square(x, y) <= r)).count();
    let recall =
        data.iter().filter(|x| samples.iter().zip(&of_samples).any(|(y, &r)| square(x, y) <= r)).count();
    let balls: usize =
        samples.iter().map(|y| data.iter().zip(&dense).filter(|&(x, &r)| square(x, y) < r).count()).sum();
    let coverage =
        data.iter().zip(&dense).filter(|&(x, &r)| samples.iter().any(|y| square(x, y) < r)).count();
    [
        share(precision, samples.len()),
        share(recall, data.len()),
        share(balls, samples.len()) / k[1] as f64,
        share(coverage, data.len()),
    ]
}

fn tensor(points: &[Vec<i64>], offset: f32) -> Tensor {
    let flat: Vec<f32> = points.iter().flatten().map(|&value| value as f32 + offset).collect();
    Tensor::from_slice(&flat).view([points.len() as i64, -1])
}

/// Points of a lattice with `side` places along each of `dim` axes, some of them several times.
fn lattice(count: i64, dim: i64, side: f64, salt: u64) -> Vec<Vec<i64>> {
    let places = ((hashed(&[count, dim], salt) + 0.5) * side).floor().to_kind(Kind::Int64);
    places.split(1, 0).iter().map(|row| Vec::try_from(row.flatten(0, -1)).expect("integers")).collect()
}

/// Data at 0, 1, 3, 7 with radii 1, 1, 2, 4 for k = 1: samples at −1 (in the ball of 0, on its edge), 3 and 12.
#[test]
fn hand_placed_points_are_counted_by_hand() {
    let data = [0, 1, 3, 7].map(|x| vec![x]);
    let samples = [-1, 3, 12].map(|x| vec![x]);
    // Radii of the samples: 4, 4, 9. Of the data, −1 covers 0, 1, 3; 3 covers 0, 1, 3, 7 (on its edge).
    // Balls that hold a sample inside: −1 none, 3 that of 3 and not that of 1 or 7 (edges), 12 none.
    let found = values(measured(&tensor(&samples, 0.0), &tensor(&data, 0.0), [1, 1]));
    assert_eq!(found, [2.0 / 3.0, 1.0, 1.0 / 3.0, 1.0 / 4.0]);
    assert_eq!(found, brute(&samples, &data, [1, 1]));
}

/// Equality of sums of few integers divided by counts; with the offset, products in f32 have no digit of the distances left.
#[test]
fn ties_and_copies_are_decided_exactly_wherever_the_origin_is() {
    for (dim, side, salt) in [(2, 6.0, 11), (3, 9.0, 12), (24, 3.0, 13)] {
        let (samples, data) = (lattice(300, dim, side * 0.8, salt), lattice(400, dim, side, salt + 50));
        for k in [[1, 1], [3, 5]] {
            let expected = brute(&samples, &data, k);
            for offset in [0.0, 1e6] {
                let found = values(measured(&tensor(&samples, offset), &tensor(&data, offset), k));
                assert_eq!(found, expected, "{dim} axes, k {k:?}, offset {offset}");
            }
        }
    }
}

#[test]
fn many_blocks_and_two_threads_give_the_same() {
    let (samples, data) = (lattice(3000, 3, 40.0, 21), lattice(5000, 3, 40.0, 22));
    let expected = brute(&samples, &data, USUAL);
    for threads in [1, 2] {
        tch::set_num_threads(threads);
        let mut told = Vec::new();
        let found = manifold(&tensor(&samples, 0.0), &tensor(&data, 0.0), USUAL, &mut |done, of| {
            told.push((done, of))
        });
        assert_eq!(values(found.expect("enough items")), expected);
        assert_eq!(told.last(), Some(&(13000, 13000)));
        assert!(told.len() >= 5, "{told:?}");
    }
}

/// A generator that gives one image alone, and one that gives the data.
#[test]
fn collapse_and_perfection_are_what_they_are() {
    let data = plain(500, 2, 1.0, 0.0);
    let same = values(measured(&data, &data, USUAL));
    assert_eq!((same[0], same[1], same[3]), (1.0, 1.0, 1.0));
    let one = data.narrow(0, 7, 1).expand([500, 16], false).contiguous();
    let [precision, recall, density, coverage] = values(measured(&one, &data, USUAL));
    // Only the item itself has distance 0 to the copies, whose radius is 0.
    assert_eq!((precision, recall), (1.0, 1.0 / 500.0));
    // The balls of the data that hold item 7: its own, and those of which it is one of the nearest four.
    assert!(density >= 0.2 && coverage == density * 5.0 / 500.0, "{density} {coverage}");
}

/// Of the true standard deviation over repetitions, the error covers the draw of one side; the other's adds to it.
#[test]
fn standard_errors_are_of_the_right_size() {
    const REPEATS: u64 = 60;
    let found: Vec<Manifold> = (0..REPEATS)
        .map(|salt| measured(&plain(400, 3000 + salt, 0.9, 0.05), &plain(400, 4000 + salt, 1.0, 0.0), USUAL))
        .collect();
    let ratio = |of: &dyn Fn(&Manifold) -> (f64, f64)| {
        let all: Vec<(f64, f64)> = found.iter().map(of).collect();
        let mean = all.iter().map(|(value, _)| value).sum::<f64>() / REPEATS as f64;
        let variance =
            all.iter().map(|(value, _)| (value - mean).powi(2)).sum::<f64>() / (REPEATS - 1) as f64;
        let said = all.iter().map(|(_, error)| error * error).sum::<f64>() / REPEATS as f64;
        (variance / said).sqrt()
    };
    let ratios = [
        ratio(&|of| (of.precision.value, of.precision.error)),
        ratio(&|of| (of.recall.value, of.recall.error)),
        ratio(&|of| (of.density.value, of.density.error)),
        ratio(&|of| (of.coverage.value, of.coverage.error)),
    ];
    println!("spread over repetitions / standard error: {ratios:.2?}");
    // χ² of 59 degrees of freedom leaves 0.67 to 1.36 of a right one at 1 in 10,000 each side; the other side's draw may double it.
    assert!(ratios.iter().all(|ratio| (0.6..2.8).contains(ratio)), "{ratios:?}");
}

/// pytorch-fid's own rounding at 16 features is far below; torch-fidelity's features are f32 within.
#[test]
fn distances_are_those_of_the_packages() {
    let expected = &oracle()["plain"];
    let [samples, data] = [plain(900, 1, 0.9, 0.05), plain(1200, 2, 1.0, 0.0)];
    let found = frechet(&statistics(&samples), &statistics(&data)).expect("16 features each").distance;
    close(found, number(&expected["pytorch-fid"]), 1e-13);
    close(found, number(&expected["clean-fid"]), 1e-13);
    close(found, number(&expected["torch-fidelity"]), 1e-8);
    let [samples, data] = [&samples, &data].map(|features| features.to_kind(Kind::Double));
    let found = kernel(&samples, &data.narrow(0, 0, 900), 1, 900, 0).expect("900 items");
    close(found.distance, number(&expected["torch-fidelity kid"]), 1e-13);
}

/// Several strips of features, blocks of vectors and a rest of both. A mean of 1,500 products of 1/12 on average is rounded by
/// 1,500·2⁻⁵³/12 at most, in whatever order it is summed.
#[test]
fn moments_of_many_features_are_those_of_one_product() {
    let features = hashed(&[1500, 700], 31) + 3.0;
    let mut moments = Moments::new(700, Device::Cpu).expect("few features");
    features.split(64, 0).iter().for_each(|batch| moments.add(batch));
    let found = moments.finish().expect("more than one item");
    let rest = &features - features.mean_dim([0].as_slice(), true, Kind::Double);
    let expected = rest.tr().matmul(&rest) / 1499.0;
    close((&found.covariance - expected).abs().max().double_value(&[]), 0.0, 1.4e-14);
    assert_eq!(found.count, Some(1500));
}

/// Each part of torch-fidelity's is given to that part which the seed chose for the samples.
#[test]
fn the_inception_score_is_that_of_torch_fidelity() {
    let logits = (hashed(&[503, 1008], 5) * 16.0).to_kind(Kind::Float);
    let mut sums = Sums::new(503, 7).expect("ten samples");
    let parts = sums.parts().to_vec();
    let mut next: Vec<i64> = (0..10).map(|part| part * 503 / 10).collect();
    let order: Vec<i64> = parts
        .iter()
        .map(|&part| {
            next[part as usize] += 1;
            next[part as usize] - 1
        })
        .collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!(sorted == (0..503).collect::<Vec<_>>() && sorted != order, "a shuffle");
    for batch in logits.index_select(0, &Tensor::from_slice(&order)).split(100, 0) {
        sums.add(&batch).expect("logits");
    }
    let (found, expected) = (sums.finish().expect("samples"), &oracle()["score"]);
    assert_eq!((found.splits, found.classes), (10, 1008));
    close(found.mean, number(&expected["inception_score_mean"]), 1e-12);
    close(found.spread, number(&expected["inception_score_std"]), 1e-12);
    // One class each, all classes equally often: as many as there are. One class for all: 1.
    let sure = (Tensor::eye(10, (Kind::Float, Device::Cpu)) * 1000.0).repeat([100, 1]);
    let mut sums = Sums::new(1000, 0).expect("samples");
    sums.add(&sure.narrow(0, 0, 1).expand([1000, 10], false)).expect("logits");
    assert_eq!(sums.finish().expect("samples").mean, 1.0);
    let message = Sums::new(9, 0).expect_err("nine samples").to_string();
    assert_eq!(message, "number of samples is 9, allowed: at least 10");
}

/// Standard normal numbers by Box and Muller, of hashed ones.
fn normal(count: i64, dim: i64, salt: u64) -> Tensor {
    let [u, v]: [Tensor; 2] = [0, 1].map(|part| hashed(&[count, dim], 2 * salt + part) + 0.5);
    let radius = ((u - 1.0).neg().log() * -2.0).sqrt();
    (radius * (v * std::f64::consts::TAU).cos()).to_kind(Kind::Float)
}

fn standard(dim: i64) -> Statistics {
    let of = (Kind::Double, Device::Cpu);
    Statistics { count: None, mean: Tensor::zeros([dim], of), covariance: Tensor::eye(dim, of) }
}

/// Of N samples of N(0, I) the distance from N(0, I) has the mean (dim + (dim² + dim)/4)/N + O(dim³/N²), and the limit 0.
#[test]
fn the_extrapolated_distance_has_the_known_limit_and_slope() {
    const REPEATS: u64 = 24;
    let (count, dim) = (2000, 8);
    let law = Law::new(&standard(dim)).expect("a covariance");
    let all: Vec<_> = (0..REPEATS)
        .map(|salt| extrapolate(&normal(count, dim, 500 + salt), &law, salt, &mut |_, _| {}).expect("enough"))
        .collect();
    let mean = |of: &dyn Fn(usize) -> f64| (0..all.len()).map(of).sum::<f64>() / REPEATS as f64;
    let limit = mean(&|at| all[at].distance);
    let spread =
        (mean(&|at| (all[at].distance - limit).powi(2)) * REPEATS as f64 / (REPEATS - 1) as f64).sqrt();
    let bias = mean(&|at| all[at].points[14].1);
    println!(
        "limit {limit:.6}, spread {spread:.6}, said {:.6}, distance {bias:.6}",
        mean(&|at| all[at].error)
    );
    // The biased mean is 26/2000; 4 standard errors of each mean; the second order takes 3 % of the bias at n₁ = 200, 0.13.
    let expected = (8.0 + 72.0 / 4.0) / count as f64;
    close(bias, expected, 0.2 * expected);
    close(limit, 0.0, 4.0 * spread / (REPEATS as f64).sqrt() + 0.03 * 0.13);
    assert!(limit.abs() < 0.3 * bias, "{limit} of {bias}");
    let slope = mean(&|at| all[at].slope);
    close(slope, 26.0, 0.2 * 26.0);
    assert_eq!((all[0].points.len(), all[0].points[0].0, all[0].points[14].0), (15, 200, 2000));
}

/// Far from the law the draw of the samples decides, and the first order is all: N(1, 4 I) against N(0, I).
#[test]
fn standard_errors_of_distances_are_those_of_repetitions() {
    const REPEATS: u64 = 60;
    let (count, dim) = (1000, 4);
    let law = Law::new(&standard(dim)).expect("a covariance");
    let all: Vec<_> = (0..REPEATS)
        .map(|salt| {
            let samples = normal(count, dim, 900 + salt) * 2.0 + 1.0;
            extrapolate(&samples, &law, salt, &mut |_, _| {}).expect("enough")
        })
        .collect();
    let ratio = |of: &dyn Fn(usize) -> (f64, f64)| {
        let found: Vec<(f64, f64)> = (0..all.len()).map(of).collect();
        let mean = found.iter().map(|(value, _)| value).sum::<f64>() / REPEATS as f64;
        let variance =
            found.iter().map(|(value, _)| (value - mean).powi(2)).sum::<f64>() / (REPEATS - 1) as f64;
        let said = found.iter().map(|(_, error)| error * error).sum::<f64>() / REPEATS as f64;
        (variance / said).sqrt()
    };
    let ratios = [
        ratio(&|at| (all[at].points[14].1, all[at].all_error)),
        ratio(&|at| (all[at].distance, all[at].error)),
    ];
    println!("spread over repetitions / standard error: {ratios:.3?}");
    // χ² of 59 degrees of freedom leaves 0.67 to 1.36 of a right one at 1 in 10,000 each side.
    assert!(ratios.iter().all(|ratio| (0.67..1.36).contains(ratio)), "{ratios:?}");
    // The closed form: tr(I + 4 I − 2·2 I) + 4 = 8; the mean within 4 standard errors.
    let mean = all.iter().map(|found| found.distance).sum::<f64>() / REPEATS as f64;
    close(mean, 8.0, 4.0 * all[0].error / (REPEATS as f64).sqrt());
}

/// Leaving one sample out moves the distance by −h/(count − 1), to first order in 1/count.
#[test]
fn influences_are_the_differences_of_leaving_one_out() {
    let samples = plain(3000, 1, 0.9, 0.05);
    let law = Law::new(&statistics(&plain(1200, 2, 1.0, 0.0))).expect("a covariance");
    let all = statistics(&samples);
    let influences: Vec<f64> =
        Vec::try_from(law.influences(&all, &samples).expect("finite")).expect("doubles");
    // With the divisor n rather than n − 1 the distance is a function of the empirical law alone.
    let plug_in = |statistics: Statistics, count: f64| {
        let covariance = statistics.covariance * ((count - 1.0) / count);
        law.distance(&Statistics { covariance, ..statistics }).expect("16 features").distance
    };
    let whole = plug_in(all, 3000.0);
    let spread = (influences.iter().map(|h| h * h).sum::<f64>() / 3000.0).sqrt();
    for left in [0, 17, 1500, 2999] {
        let rest = Tensor::cat(&[samples.narrow(0, 0, left), samples.narrow(0, left + 1, 2999 - left)], 0);
        let difference = (whole - plug_in(statistics(&rest), 2999.0)) * 2999.0;
        // The second order is a share of dim/count of the first, or a few times that.
        close(influences[left as usize], difference, 0.05 * spread);
    }
}

#[test]
fn too_few_samples_are_refused_with_their_number() {
    let message = measured_error(&plain(3, 1, 1.0, 0.0), &plain(20, 2, 1.0, 0.0));
    assert_eq!(
        message,
        "k of nearest neighbours is 3, allowed: 1 or more, and less than the 3 items of a side"
    );
    let law = Law::new(&standard(16)).expect("a covariance");
    let message = extrapolate(&plain(79, 1, 1.0, 0.0), &law, 0, &mut |_, _| {}).expect_err("few").to_string();
    assert_eq!(message, "number of samples is 79, allowed: at least 80 to extrapolate by 16 features");
    assert!(extrapolate(&plain(80, 1, 1.0, 0.0), &law, 0, &mut |_, _| {}).is_ok());
}

fn measured_error(samples: &Tensor, data: &Tensor) -> String {
    manifold(samples, data, USUAL, &mut |_, _| {}).expect_err("too few").to_string()
}
