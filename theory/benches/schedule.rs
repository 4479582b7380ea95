//! Time of one certified γ, one certified ε and one whole derivation, beside uncertified double-precision baselines.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::{Law, NoiseRange, Request, Spacing, Steps, gamma_root, optimal_delta};
use statrs::distribution::{ContinuousCDF, Normal};

/// Bisection on statrs' normal distribution to the last bit: what one would write without certificates.
fn plain_gamma(dim: u64, target: f64) -> f64 {
    let (s, normal) = ((2.0 * dim as f64).sqrt(), Normal::standard());
    let overlap = |g: f64| normal.cdf(s * (g - 1.0) + 3.0 * g) - normal.cdf(s * (g - 1.0) - 3.0 * g);
    let (mut lo, mut hi) = (1.0, 2.0);
    while hi - lo > f64::EPSILON {
        let middle = 0.5 * (lo + hi);
        if overlap(middle) > target { lo = middle } else { hi = middle }
    }
    0.5 * (lo + hi)
}

/// Golden-section search on equation (6), which cancellation stops at eight digits.
fn plain_delta(gamma: f64, steps: i32) -> f64 {
    let ratio = |d: f64| (1.0 - d).powi(2 * steps) * (gamma * gamma - 2.0 / (2.0 - d)) + 2.0 / (2.0 - d);
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut lo, mut hi) = (0.0, 1.0 - gamma.powi(-2));
    while hi - lo > 1e-9 {
        let (a, b) = (hi - golden * (hi - lo), lo + golden * (hi - lo));
        if ratio(a) < ratio(b) { hi = b } else { lo = a }
    }
    0.5 * (lo + hi)
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("gamma, D = 196608");
    group.bench_function("certified", |b| {
        b.iter(|| gamma_root(black_box(196_608), black_box(0.5), Law::Normal))
    });
    group.bench_function("plain bisection", |b| b.iter(|| plain_gamma(black_box(196_608), black_box(0.5))));
    group.finish();

    let gamma = Interval::point(1.004_806);
    let mut group = c.benchmark_group("epsilon, T = 3");
    group.bench_function("certified", |b| b.iter(|| optimal_delta(black_box(gamma), black_box(3))));
    group.bench_function("plain golden section", |b| {
        b.iter(|| plain_delta(black_box(1.004_806), black_box(3)))
    });
    group.finish();

    let ffhq = Request {
        dim: 196_608,
        range: NoiseRange::new(348.0, 0.01).expect("ordered"),
        spacing: Spacing::default(),
        steps: Steps::PerLevel(3),
    };
    c.bench_function("whole schedule, FFHQ", |b| b.iter(|| black_box(ffhq).derive()));
}

criterion_group!(all, benches);
criterion_main!(all);
