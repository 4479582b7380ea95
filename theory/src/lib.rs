//! The mathematics of Song & Ermon, "Improved Techniques for Training Score-Based Generative Models" (2020), as
//! certified numerics.
//!
//! Read it beside the paper: [`proposition1`], [`proposition2`] and [`proposition3`] in turn, then
//! [`schedule`] (Techniques 2 and 4), [`ema`] (Technique 5), [`langevin`] (Algorithm 1) and [`poster`] (the experiment
//! that motivates Technique 1). Technique 1 itself, the diameter of the data, is the crate `ncsn-diameter`. [`interval`]
//! is the arithmetic below all of them: a result of type [`interval::Interval`] contains the exact real number, rounding
//! errors included.
//!
//! ```
//! use ncsn_theory::schedule::{NoiseRange, Request, Spacing, Steps};
//!
//! let schedule = Request {
//!     dim: 3 * 32 * 32,
//!     range: NoiseRange::new(50.0, 0.01)?,
//!     spacing: Spacing::default(),
//!     steps: Steps::PerLevel(5),
//! }
//! .derive()?;
//! assert_eq!(schedule.schedule.num_levels(), 220);
//! assert!(schedule.epsilon.contains(schedule.schedule.epsilon()));
//! # Ok::<(), ncsn_theory::Error>(())
//! ```
//!
//! # Conformance
//!
//! What the paper states, where it is computed, what tests it, how far it is assured, and which theorems of the folder
//! `proofs` stand behind it. *Enclosed*: the result is an interval with a derived bound. *Exact*: no rounding at all.
//! *Tested*: plain doubles with a stated error. The theorems, checked by Coq, are about the formulas in real numbers; what
//! rounding adds is enclosed here, and for a single schedule proved by a certificate (`ncsn certify`).
//!
//! | Statement | Function | Test | Status | Theorems |
//! |---|---|---|---|---|
//! | Prop. 1, mixture density and score | [`proposition1::Mixture`] | `tests/proposition1.rs` | tested, error bound stated | `proposition1_component_score`, `proposition1_mixture_score` |
//! | Prop. 1, (5) | [`proposition1::bound`], [`proposition1::Mixture::pair_bounds`] | `tests/proposition1.rs` | enclosed | `proposition1_responsibility_pointwise`, `proposition1b`, `proposition1b_strict`, `proposition1b_equality`, `bridge_gaussian` |
//! | E\[r_j\] of two components | [`proposition1::exact_pair`] | `tests/proposition1.rs`, mpmath | enclosed | none |
//! | E\[r_j\] of N components | [`proposition1::Mixture::expected_responsibility`] | `tests/proposition1.rs` | confidence interval | none |
//! | Prop. 2, density, distribution, moments | [`proposition2::RadiusLaw`] | `tests/radius_oracles.rs`, mpmath | enclosed | `radius_normaliser`, `radius_mass`, `norm_law` |
//! | Prop. 2, normal limit | [`proposition2::RadiusLaw::kolmogorov_distance`] | `tests/radius_oracles.rs` | enclosed for each D | `radius_limit`, `norm_limit` (without a rate) |
//! | Prop. 3, recursion and (6) | [`proposition3::recursion`], [`proposition3::closed_form`] | `tests/proposition3.rs`, exact rationals | enclosed | `proposition3_variance_ratio`, `proposition3_recursion`, `proposition3`, `bridge_variance_ratio` |
//! | Prop. 3, without cancellation | [`proposition3::variance_excess`] | `tests/proposition3.rs`, exact rationals | enclosed | `proposition3_variance_excess`, `technique4_by_doubling` |
//! | Prop. 3 from level to level in Algorithm 1 | [`chain::chain_excess`], [`chain::chain_limit`] | `tests/chain.rs`, exact rationals, simulation | enclosed | none |
//! | Prop. 3 for data of covariance Λ | [`proposition3::Level`] | `tests/proposition3.rs` | enclosed | none |
//! | Technique 1 | `ncsn_diameter::diameter` | `diameter/tests/diameter.rs`, integer brute force | exact (u8), enclosed (floats) | `technique1_closer_than`, `technique1_closer_than_fits`, `technique1_closer_than_monotone`, `technique1_centroid`, `technique1_pruning`, `technique1_low_rank`, `technique1_orthonormal` |
//! | Technique 2, normal law | [`schedule::gamma_root`], [`schedule::num_levels`] | `tests/schedule.rs`, mpmath | enclosed | `technique2_normal_law`, `bridge_normal_law`, `technique2_overlap_probability`, `technique2_overlap_1`, `technique2_ex_unique_gamma`, `technique2_no_gamma`, `technique2_overlap_around_root`, `technique2_levels_reach_target`, `technique2_rounding_rules` |
//! | Technique 2, exact law | [`chi_overlap::chi_overlap`] | `tests/radius_oracles.rs`, mpmath | enclosed | none |
//! | Technique 3 | the trainer's `model::Network` | `trainer/tests/network_parity.rs` | compared with PyTorch | none |
//! | Technique 3, noise that Algorithm 1 leaves | [`chain::unconditional_noise`] | `tests/chain.rs`, mpmath; the trainer's sampler, simulation | tested | none |
//! | Technique 4, ε | [`schedule::optimal_delta`], [`schedule::optimal_delta_from`] | `tests/schedule.rs`, mpmath | enclosed | `technique4_variance_ratio_gt_1`, `technique4_optimal_epsilon` |
//! | Technique 4, T | [`schedule::Steps`], [`schedule::steps_for_tolerance`] | `tests/schedule.rs` | enclosed | `technique4_optimal_ratio_decreasing` |
//! | Technique 5 | [`ema::Ema`] | unit tests | enclosed | none |
//! | Technique 5, its length chosen after training (Karras et al. 2024) | [`power_ema::PowerEma`] | unit tests, mpmath | enclosed | none |
//! | Algorithm 1 | [`langevin::annealed_langevin`] | `tests/langevin.rs` | tested | none |
//! | Poster | [`poster::explore`] | `tests/langevin.rs` | tested | none |
//! | Table 4 | [`schedule::presets`], [`schedule::check`] | `tests/table4.rs` | enclosed | a certificate for each data set |
//!
//! What the checks are worth is shown by 86 one-line mistakes, listed in `theory/mutants` with what catches each: `ncsn
//! validate`, or the tests of this crate.
//!
//! Two bounds are taken on trust, and are not proved in Coq either: that core-math rounds exp, ln, ln1p, expm1, erf, erfc
//! and lnΓ correctly (its authors prove it), and Stirling's remainder being at most the first omitted term (a classical
//! theorem). Certificates rest on neither: their checker computes with its own interval arithmetic.

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod chain;
pub mod chi_overlap;
pub mod ema;
pub mod error;
pub mod gamma;
mod geometric;
pub mod interval;
pub mod langevin;
mod names;
pub mod normal;
pub mod poster;
pub mod power_ema;
pub mod proposition1;
pub mod proposition2;
pub mod proposition3;
mod root;
pub mod schedule;
#[cfg(feature = "lapack")]
pub mod spectrum;

pub use error::Error;
