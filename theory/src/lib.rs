//! The mathematics of Song & Ermon, "Improved Techniques for Training Score-Based Generative Models" (2020), as
//! certified numerics.
//!
//! Read it beside the paper: [`proposition1`], [`proposition2`] and [`proposition3`] in turn, then [`diameter`]
//! (Technique 1) and [`schedule`] (Techniques 2 and 4), [`ema`] (Technique 5), [`langevin`] (Algorithm 1) and
//! [`poster`] (the experiment that motivates Technique 1). [`interval`] is the arithmetic below all of them: a result
//! of type [`interval::Interval`] contains the exact real number, rounding errors included.
//!
//! ```
//! use ncsn_theory::schedule::{Law, NoiseRange, Request, Rounding, Steps};
//!
//! let schedule = Request {
//!     dim: 3 * 32 * 32,
//!     range: NoiseRange::new(50.0, 0.01)?,
//!     overlap: 0.5,
//!     law: Law::Normal,
//!     rounding: Rounding::CeilPlusOne,
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
//! What the paper states, where it is computed, what tests it, and how far it is assured. *Enclosed*: the result is an
//! interval with a derived bound. *Exact*: no rounding at all. *Tested*: plain doubles with a stated error. Formal proofs
//! (Coq) are not written yet; where one is planned the argument stands in the documentation of the function.
//!
//! | Statement | Function | Test | Status |
//! |---|---|---|---|
//! | Prop. 1, mixture density and score | [`proposition1::Mixture`] | `tests/proposition1.rs` | tested, error bound stated |
//! | Prop. 1, (5) | [`proposition1::bound`], [`proposition1::Mixture::pair_bounds`] | `tests/proposition1.rs` | enclosed |
//! | E\[r_j\] of two components | [`proposition1::exact_pair`] | `tests/proposition1.rs`, mpmath | enclosed |
//! | E\[r_j\] of N components | [`proposition1::Mixture::expected_responsibility`] | `tests/proposition1.rs` | confidence interval |
//! | Prop. 2, density, distribution, moments | [`proposition2::RadiusLaw`] | `tests/radius_oracles.rs`, mpmath | enclosed |
//! | Prop. 2, normal limit | [`proposition2::RadiusLaw::kolmogorov_distance`] | `tests/radius_oracles.rs` | enclosed for each D; the limit itself is not covered |
//! | Prop. 3, recursion and (6) | [`proposition3::recursion`], [`proposition3::closed_form`] | `tests/proposition3.rs`, exact rationals | enclosed |
//! | Prop. 3, without cancellation | [`proposition3::variance_excess`] | `tests/proposition3.rs`, exact rationals | enclosed |
//! | Prop. 3 for data of covariance Λ | [`proposition3::Level`] | `tests/proposition3.rs` | enclosed |
//! | Technique 1 | [`diameter::diameter`] | `tests/diameter.rs`, integer brute force | exact (u8), enclosed (floats) |
//! | Technique 2, normal law | [`schedule::gamma_root`], [`schedule::num_levels`] | `tests/schedule.rs`, mpmath | enclosed |
//! | Technique 2, exact law | [`chi_overlap::chi_overlap`] | `tests/radius_oracles.rs`, mpmath | enclosed |
//! | Technique 3 | the trainer's `model::Network` | `trainer/tests/network_parity.rs` | compared with PyTorch |
//! | Technique 4, ε | [`schedule::optimal_delta`] | `tests/schedule.rs`, mpmath | enclosed |
//! | Technique 4, T | [`schedule::Steps`], [`schedule::steps_for_tolerance`] | `tests/schedule.rs` | enclosed |
//! | Technique 5 | [`ema::Ema`] | unit tests | enclosed |
//! | Algorithm 1 | [`langevin::annealed_langevin`] | `tests/langevin.rs` | tested |
//! | Poster | [`poster::explore`] | `tests/langevin.rs` | tested |
//! | Table 4 | [`schedule::presets`], [`schedule::check`] | `tests/table4.rs` | enclosed |
//!
//! Two bounds are taken on trust: that core-math rounds exp, ln, ln1p, expm1, erf, erfc and lnΓ correctly (its authors
//! prove it), and Stirling's remainder being at most the first omitted term (a classical theorem).

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

pub mod chi_overlap;
pub mod diameter;
pub mod ema;
pub mod error;
pub mod gamma;
mod geometric;
pub mod interval;
pub mod langevin;
pub mod normal;
pub mod poster;
pub mod proposition1;
pub mod proposition2;
pub mod proposition3;
mod root;
pub mod schedule;
#[cfg(feature = "lapack")]
pub mod spectrum;

pub use error::Error;
