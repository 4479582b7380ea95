//! Whether the numbers of a file are those that its σ₁, σ_L, L, T, ε and spacing give.

use anyhow::{Result, bail, ensure};
use ncsn_theory::interval::Interval;
use ncsn_theory::schedule::{Schedule, Spacing, gamma_root};

use crate::file::ScheduleFile;

/// What an enclosure may exceed the one computed anew on either side, relative to its upper end, beside its width once more:
/// other versions round otherwise.
const SLACK: f64 = 1e-13;

impl ScheduleFile {
    /// Whether the numbers are those of the schedule, as they are in every file that was read.
    ///
    /// # Errors
    /// The key whose value contradicts the others, with both values.
    pub fn check(&self) -> Result<()> {
        let Self { schedule, spacing: Spacing { target, law, .. }, .. } = *self;
        let recomputed = [
            gamma_root(schedule.dim(), target, law)?,
            schedule.gamma(),
            schedule.overlap(law),
            schedule.optimal_epsilon()?,
            schedule.variance_ratio(),
        ];
        for ((key, value, ends), exact) in self.enclosed().into_iter().zip(recomputed) {
            agree(key, value, ends, exact)?;
        }
        match (self.values.chain_ratio, self.enclosures.chain_ratio) {
            (Some(ratio), Some(enclosure)) => agree("chain_ratio", ratio, enclosure, schedule.chain_ratio()),
            (None, None) => Ok(()),
            _ => bail!("chain_ratio and its enclosure belong together, one of them is missing"),
        }
    }
}

/// Refuses levels that are not those of the schedule, to [`SLACK`].
pub(crate) fn check_levels(sigmas: &[f64], schedule: &Schedule) -> Result<()> {
    ensure!(
        sigmas.len() as u64 == schedule.num_levels(),
        "sigmas holds {} levels, but num_levels is {}",
        sigmas.len(),
        schedule.num_levels()
    );
    for (index, (&sigma, expected)) in sigmas.iter().zip(schedule.sigmas()).enumerate() {
        ensure!(
            (sigma - expected).abs() <= SLACK * expected,
            "sigmas[{index}] is {sigma:?}, but the other numbers of the file give {expected:?}"
        );
    }
    Ok(())
}

/// Refuses a number outside its enclosure, and an enclosure that misses the number computed anew or is wider than its
/// enclosure with [`SLACK`].
fn agree(key: &str, value: f64, [lo, hi]: [f64; 2], exact: Interval) -> Result<()> {
    ensure!(lo <= value && value <= hi, "{key} is {value:?}, outside its enclosure [{lo:?}, {hi:?}]");
    let stated = Interval::new(lo, hi)?;
    ensure!(
        stated.intersection(exact).is_some(),
        "{key} is stated to lie in {stated}, but the other numbers of the file give {:?}",
        exact.mid()
    );
    let slack = exact.width() + SLACK * exact.hi();
    ensure!(
        exact.lo() - slack <= lo && hi <= exact.hi() + slack,
        "{key} is stated to lie in [{lo:?}, {hi:?}], but the other numbers of the file give [{:?}, {:?}]",
        exact.lo(),
        exact.hi()
    );
    Ok(())
}
