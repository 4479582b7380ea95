//! Sheets of samples while the training goes on.

use ncsn_theory::langevin::Annealing;

use super::{SAMPLES, Session, State};
use crate::Error;
use crate::config::Config;
use crate::log::Log;
use crate::sample::{self, Noise, Streams, Told};
use crate::sheet::{self, Sheet};

/// Share of the network's evaluations that go into sheets of samples, unless they have an interval of their own.
const SHEET_SHARE: f64 = 0.05;

impl Session<'_> {
    /// Whether a sheet of samples is drawn after a step: at its own interval where there is one, else at checkpoints as
    /// long as sheets, but for the first, take at most [`SHEET_SHARE`] of the network's evaluations.
    pub(super) fn sheet_due(&self, step: u64) -> Result<bool, Error> {
        let Config { records, training, network, noise, .. } = self.config;
        if records.samples == 0 || network.item.len() != 3 {
            return Ok(false);
        }
        if let Some(every) = records.samples_every {
            return Ok(step.is_multiple_of(every));
        }
        let every = records.checkpoint_every;
        if !step.is_multiple_of(every) {
            return Ok(false);
        }
        let sheet = records.samples * Annealing::from(noise.schedule()).score_evaluations();
        // Gradients cost twice what the network itself does.
        let trained = |step: u64| 3.0 * (training.batch * step) as f64;
        let sheets = |step: u64| (SHEET_SHARE * trained(step) / sheet as f64).ceil();
        Ok(sheets(step) > sheets(step - every))
    }

    /// Samples a sheet of images, of every class in turn, with the averaged weights, the same noise every time.
    pub(super) fn sample(&self, state: &State, log: &mut Log, each: &dyn Fn(u64, u64)) -> Result<(), Error> {
        let count = self.config.records.samples;
        let item = &self.config.network.item;
        let device = state.network.device();
        let mut streams = Streams::new(self.config.training.seed, 0..count, item, device);
        let x = streams.uniform()?;
        let go_on = |at: sample::Progress| {
            each(at.done, at.total);
            !self.stopped()
        };
        let annealing = self.config.schedule().into();
        let score = &mut Told::all(state.average.shape()).score(&state.average, 0..count);
        let noise = &mut Noise::Streams(streams);
        let x = sample::annealed_langevin(score, &annealing, x, noise, &mut { go_on })?;
        if self.stopped() {
            return Ok(());
        }
        let picture = Sheet::of_tensor(&x)?;
        let folder = self.run.join(SAMPLES);
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let path = folder.join(format!("step-{:08}.png", state.step));
        let png = picture.png();
        sheet::write(&path, &png).map_err(Error::file(&path))?;
        log.picture(state.step, &picture, &png)
    }
}
