//! The poster's experiment: a largest noise below the distances between the data keeps samples where they start.

use std::path::PathBuf;

use anyhow::Result;
use ncsn_diameter::{RowSlice, diameter};
use ncsn_figures::{Images, Sheet};
use ncsn_theory::poster::{Exploration, Start, explore};
use ncsn_theory::schedule::{NoiseRange, Request as Derive, Spacing, Steps};
use ndarray::Array2;
use rand::Rng;

use super::Check;
use crate::measure::{Spread, spread};
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
    /// Technique 1's; with the samples of both where they are images.
    pub(super) fn experiment(&self, rng: &mut impl Rng) -> Result<(Check, Vec<Samples>)> {
        let Spread { rows: centres, shape } = spread(&self.path, &self.options, self.centres)?;
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
        let sheet = |sigma_max: f64, exploration: Exploration| {
            Some(Samples {
                sigma_max,
                sheet: sheet(&exploration.samples, &shape)?,
                told: describe(&exploration),
            })
        };
        Ok((check, [sheet(1.0, small), sheet(diameter, large)].into_iter().flatten().collect()))
    }
}

/// Samples that are images.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    pub(super) sigma_max: f64,
    pub(super) sheet: Sheet,
    /// Where they went.
    pub(super) told: String,
}

/// Rows as images, if they have such a shape; values are clamped to [0, 1].
fn sheet(rows: &Array2<f64>, shape: &[usize]) -> Option<Sheet> {
    let &[channels @ (1 | 3), height, width] = shape else { return None };
    let bytes: Vec<u8> = rows.iter().map(|x| (255.0 * x.clamp(0.0, 1.0)).round() as u8).collect();
    let [channels, height, width] = [channels, height, width].map(|side| side as u32);
    Some(Sheet::square(Images { bytes: &bytes, channels, height, width }))
}
