//! The schedule file, `ncsn.schedule/1`: the one contract between theory and trainer, as TOML or JSON.
//!
//! A [`ScheduleFile`] is a [`Schedule`](ncsn_theory::schedule::Schedule) with what it was derived from: the enclosures of
//! its numbers, the origin of each, and what the check of the published row found. Reading one computes its numbers anew;
//! a file that contradicts itself is refused with the key named.
//!
//! ```
//! use ncsn_schedule::{Provenance, ScheduleFile};
//! use ncsn_theory::schedule::{DataRange, NoiseRange, Request, Spacing, Steps};
//!
//! let range = NoiseRange::new(50.0, 0.01)?;
//! let request = Request { dim: 3072, range, spacing: Spacing::default(), steps: Steps::PerLevel(5) };
//! let file =
//!     ScheduleFile::new(&request.derive()?, "cifar10".to_owned(), DataRange::Unit, Provenance::default());
//! assert_eq!(ScheduleFile::parse(&file.to_toml()?)?, file);
//! let message = ScheduleFile::parse(&file.to_toml()?.replace("num_levels = 220", "num_levels = 221")).unwrap_err();
//! assert!(message.to_string().starts_with("gamma is stated to lie in"), "{message}");
//! # Ok::<(), anyhow::Error>(())
//! ```

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod agreement;
mod file;
mod formats;
mod keys;
mod numbers;
mod rows;

pub use file::{Enclosures, MAX_LISTED, SCHEMA, ScheduleFile, Values};
pub use numbers::{NumberRow, number};
pub use rows::{DataProvenance, FindingRow, Provenance, PublishedRow, ends};
