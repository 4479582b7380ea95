//! The probability-flow ODE in few steps: DPM-Solver++ of second order with several steps.

use tch::Tensor;

use super::sde::finish;
use super::{Progress, Score, denoised};
use crate::Error;

/// Constants of the dpm_solver solver.
#[derive(Clone, Debug, PartialEq)]
pub struct DpmSolver {
    pub(super) levels: Vec<f64>,
    denoise: bool,
}

impl DpmSolver {
    /// # Arguments
    /// * `levels` — σ from largest to smallest, as [`spaced`](super::spaced) makes them
    #[must_use]
    pub fn new(levels: Vec<f64>, denoise: bool) -> Self {
        Self { levels, denoise }
    }

    /// Score evaluations: one a step, and one for the denoising.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.levels.len() as u64 - 1 + u64::from(self.denoise)
    }
}

/// Carries noise to samples along the probability-flow ODE, each step with what the one before has seen; nothing is drawn.
///
/// # Formula
/// With D = x + σ²·s(x, σ), the step h = ln(σ/σ') and r, the step before divided by this one:
/// ```text
/// x' = (σ'/σ)·x + (1 − σ'/σ)·((1 + 1/(2r))·D − 1/(2r)·D_before),   at first (σ'/σ)·x + (1 − σ'/σ)·D
/// with denoising, at last:   x ← x + σ_L²·s(x, σ_L)
/// ```
/// # Arguments
/// As of [`probability_flow`](super::probability_flow).
///
/// # Accuracy
/// Second order, at half the evaluations of Heun's method; exact around a single clean item, where D is constant.
///
/// # Errors
/// Those of `score`.
///
/// # Source
/// Lu et al. (2022), "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models", Algorithm 2 (2M), with
/// α = 1 and λ = −ln σ for the SDE of [`probability_flow`](super::probability_flow).
pub fn dpm_solver(
    score: &mut Score,
    settings: &DpmSolver,
    mut x: Tensor,
    each: &mut dyn FnMut(Progress) -> bool,
) -> Result<Tensor, Error> {
    let total = settings.evaluations();
    let mut before: Option<(Tensor, f64)> = None;
    for (step, pair) in settings.levels.windows(2).enumerate() {
        let (sigma, next) = (pair[0], pair[1]);
        let (clean, h) = (denoised(score, &x, sigma)?, (sigma / next).ln());
        let towards = match &before {
            None => clean.shallow_clone(),
            Some((old, h_before)) => &clean + (&clean - old) * (0.5 * h / h_before),
        };
        x = x * (next / sigma) + towards * (1.0 - next / sigma);
        before = Some((clean, h));
        if !each(Progress { done: step as u64 + 1, total, level: step + 1, x: &x }) {
            return Ok(x);
        }
    }
    finish(score, &settings.levels, settings.denoise, total, x, each)
}

#[cfg(test)]
mod tests {
    use ncsn_theory::schedule::NoiseRange;
    use tch::{Device, Kind};

    use super::*;
    use crate::sample::{ProbabilityFlow, on_sphere, probability_flow, spaced};

    /// Where the solvers end from 1, and the ODE's own end, for data of N(0, ¼).
    fn ends(steps: u64, rho: Option<f64>) -> [f64; 3] {
        let range = NoiseRange::new(10.0, 0.01).expect("a range");
        let levels = spaced(range, steps, rho).expect("levels");
        let score = &mut |x: &Tensor, sigma: f64| -> Result<Tensor, Error> {
            Ok(x * (-1.0 / (0.25 + sigma * sigma)))
        };
        let one = || Tensor::ones([1, 1], (Kind::Double, Device::Cpu));
        let multi = dpm_solver(score, &DpmSolver::new(levels.clone(), false), one(), &mut |_| true);
        let heun = probability_flow(score, &ProbabilityFlow::new(levels, false), one(), &mut |_| true);
        let exact = ((0.25 + 1e-4) / (0.25 + 100.0_f64)).sqrt();
        [multi.expect("an end").double_value(&[0, 0]), heun.expect("an end").double_value(&[0, 0]), exact]
    }

    #[test]
    fn the_error_falls_with_the_square_of_the_steps() {
        for rho in [None, Some(7.0)] {
            let error = |steps: u64| {
                let [multi, _, exact] = ends(steps, rho);
                (multi / exact - 1.0).abs()
            };
            let (coarse, fine) = (error(200), error(400));
            assert!(fine < 1e-4 && (3.4..4.6).contains(&(coarse / fine)), "{rho:?}: {coarse:.2e} {fine:.2e}");
            let [_, heun, exact] = ends(400, rho);
            assert!((heun / exact - 1.0).abs() < 1e-4, "the levels serve Heun's method too");
        }
    }

    #[test]
    fn a_single_item_is_reached_without_error() {
        let levels = spaced(NoiseRange::new(50.0, 0.01).expect("a range"), 3, Some(7.0)).expect("levels");
        let score = &mut |x: &Tensor, sigma: f64| -> Result<Tensor, Error> {
            Ok((x - 0.3) * (-1.0 / (sigma * sigma)))
        };
        let x = Tensor::from_slice(&[40.0_f64, -70.0]).view([2, 1]);
        let x = dpm_solver(score, &DpmSolver::new(levels, true), x, &mut |_| true).expect("an end");
        assert!((x - 0.3).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn a_network_that_is_not_told_sigma_needs_a_start_of_the_right_norm() {
        let levels = spaced(NoiseRange::new(16.0, 0.01).expect("a range"), 30, Some(7.0)).expect("levels");
        let rms = |x: &Tensor| x.square().mean_dim([1_i64].as_slice(), true, x.kind()).sqrt();
        // One item, 0, and noise as the network sees it.
        let score =
            &mut |x: &Tensor, sigma: f64| -> Result<Tensor, Error> { Ok(x / rms(x) * (-1.0 / sigma)) };
        tch::manual_seed(3);
        let z = Tensor::randn([8, 784], (Kind::Double, Device::Cpu)) * 16.0;
        let settings = DpmSolver::new(levels, false);
        let plain = dpm_solver(score, &settings, z.copy(), &mut |_| true).expect("an end");
        let kept = (rms(&plain) - 0.01) - (rms(&z) - 16.0);
        let is_more = (rms(&z) - 16.0).gt(0.1);
        assert!(is_more.sum(Kind::Int64).int64_value(&[]) >= 1, "some have more noise than σ₁");
        assert!(kept.masked_select(&is_more).abs().max().double_value(&[]) < 1e-9, "and keep all of it");
        let mended = dpm_solver(score, &settings, on_sphere(&z, 16.0), &mut |_| true).expect("an end");
        assert!((rms(&mended) - 0.01).abs().max().double_value(&[]) < 1e-9);
    }

    #[test]
    fn spaced_levels_have_exact_ends_and_refuse_what_is_none() {
        let range = NoiseRange::new(80.0, 0.002).expect("a range");
        let levels = spaced(range, 17, Some(7.0)).expect("levels");
        assert_eq!((levels[0], levels[17], levels.len()), (80.0, 0.002, 18));
        // Karras et al. (2022), Table 1: 18 levels, the second by their formula in 30 digits (mpmath).
        assert!((levels[1] - 57.585_984_721_248_16).abs() < 1e-9, "{}", levels[1]);
        assert!(spaced(range, 17, Some(0.0)).is_err() && spaced(range, 17, Some(f64::NAN)).is_err());
        assert!(spaced(range, 0, None).is_err());
    }
}
