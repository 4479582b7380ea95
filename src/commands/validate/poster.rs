//! The poster's experiment: a largest noise below the distances between the data keeps samples where they start.

use std::path::PathBuf;

use anyhow::Result;
use ncsn_diameter::{RowSlice, diameter};
use ncsn_theory::poster::{Exploration, Start, explore};
use ncsn_theory::schedule::{NoiseRange, Request as Derive, Spacing, Steps};
use rand::Rng;

use super::Check;
use crate::measure::spread;
use ncsn_data as data;

/// Samples drawn in the poster's experiment.
const POSTER_SAMPLES: usize = 64;

/// Which images the mixture is centred at.
#[derive(Clone, Debug)]
pub(super) struct Poster {
    pub(super) path: PathBuf,
    pub(super) options: data::Options,
    pub(super) centres: usize,
}

impl Poster {
    /// The poster's experiment: Algorithm 1 with the exact score of a mixture centred at images, for a small σ₁ and for
    /// Technique 1's.
    pub(super) fn experiment(&self, rng: &mut impl Rng) -> Result<Check> {
        let centres = spread(&self.path, &self.options, self.centres)?;
        let (count, dim) = centres.dim();
        let values = centres.as_slice().unwrap_or_default();
        let diameter = diameter(&RowSlice::new(values, dim)?, |_| ())?.length().hi();
        let mut explore_from = |sigma_max: f64| -> Result<Exploration> {
            let schedule = Derive {
                dim: dim as u64,
                range: NoiseRange::new(sigma_max, 0.01)?,
                spacing: Spacing::default(),
                steps: Steps::PerLevel(5),
            }
            .derive()?
            .schedule;
            Ok(explore(centres.view(), &schedule.into(), Start::Uniform, POSTER_SAMPLES, rng)?)
        };
        let (small, large) = (explore_from(1.0)?, explore_from(diameter)?);
        let describe = |exploration: &Exploration| {
            format!(
                "{} distinct centres (fair draws: {:.1}), entropy {:.2} of {:.2} nats, {:.0} % end away from the \
                 centre nearest to their start",
                exploration.distinct(),
                exploration.distinct_of_fair_draws(),
                exploration.entropy(),
                exploration.greatest_entropy(),
                100.0 * exploration.moved()
            )
        };
        let mut check = Check::new(
            "Technique 1, the poster's experiment: sigma_max decides whether sampling reaches the whole data",
            format!(
                "{count} centres of dimension {dim}, {POSTER_SAMPLES} samples started from uniform noise"
            ),
            format!("sigma_max = 1: {}", describe(&small)),
            format!("sigma_max = {diameter:.2}: {}", describe(&large)),
            true,
        );
        // A demonstration, not a theorem: it has no level of significance.
        check.holds = None;
        Ok(check)
    }
}
