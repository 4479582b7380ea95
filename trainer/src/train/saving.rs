//! A run's state in checkpoints.

use std::path::{Path, PathBuf};

use tch::{Device, Tensor};

use super::posthoc::Powers;
use super::state::State;
use crate::checkpoint::{self, FIRST_SCHEMA, MANIFEST, Manifest, SCHEMA, TENSORS};
use crate::config::Config;
use crate::model::Parameters;
use crate::{Error, tensor_file, torch};

/// A state as a checkpoint holds it, in memory of its own: the state can go on while it is written.
pub struct Snapshot {
    tensors: Vec<(String, Tensor)>,
    /// But for the digests.
    manifest: Manifest,
}

impl Snapshot {
    /// Writes a checkpoint, and removes the older ones beyond the last `keep`.
    ///
    /// # Errors
    /// Those of [`checkpoint::make`]; [`Error::Setting`] when a weight is not finite.
    pub fn write(self, checkpoints: &Path, keep: u64) -> Result<PathBuf, Error> {
        let is_weight =
            |name: &str| ["model.", "ema.", "power_"].iter().any(|prefix| name.starts_with(prefix));
        let weights = self.tensors.iter().filter(|(name, _)| is_weight(name));
        if !weights.into_iter().all(|(_, tensor)| tensor.isfinite().all().int64_value(&[]) != 0) {
            return Err(Error::setting("a weight", "not finite", "finite: the checkpoint before is kept"));
        }
        checkpoint::make(checkpoints, self.manifest.step, keep, |folder| {
            let path = folder.join(TENSORS);
            tensor_file::write(
                &path,
                self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor)),
                None,
            )?;
            let tensors_sha256 = checkpoint::sha256(&path)?;
            Manifest { tensors_sha256, ..self.manifest.clone() }.write(folder)
        })
    }
}

impl State {
    /// Writes a checkpoint; see [`Snapshot::write`].
    ///
    /// # Errors
    /// Those of [`snapshot`](Self::snapshot) and [`Snapshot::write`].
    pub fn save(&self, checkpoints: &Path, config: &Config) -> Result<PathBuf, Error> {
        self.snapshot(config)?.write(checkpoints, config.records.keep)
    }

    /// A copy on the CPU.
    ///
    /// # Errors
    /// [`Error::Torch`], [`Error::OutOfMemory`].
    pub fn snapshot(&self, config: &Config) -> Result<Snapshot, Error> {
        let [sums, counts] = self.levels.tensors();
        let record = [("levels.sums", sums), ("levels.counts", counts)];
        self.copied(record.into_iter(), &self.groups(), config)
    }

    /// A copy of the averages of which others can be made, if there are any.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn averages(&self, config: &Config) -> Result<Option<Snapshot>, Error> {
        let groups = self.powers.as_ref().map(|powers| powers.groups().collect::<Vec<_>>());
        groups.map(|groups| self.copied([].into_iter(), &groups, config)).transpose()
    }

    fn copied<'a>(
        &'a self,
        others: impl Iterator<Item = (&'static str, &'a Tensor)>,
        groups: &[(&'static str, &'a Parameters)],
        config: &Config,
    ) -> Result<Snapshot, Error> {
        let others = others.chain([("sigmas", self.network.sigmas())]);
        let mut tensors: Vec<(String, &Tensor)> =
            others.map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        for (prefix, parameters) in groups {
            tensors.extend(parameters.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        let copied = |tensor: &Tensor| {
            let tensor = tensor.detach();
            if tensor.device().is_cuda() { tensor.to_device(Device::Cpu) } else { tensor.copy() }
        };
        let tensors =
            torch::attempt(|| tensors.into_iter().map(|(name, tensor)| (name, copied(tensor))).collect())?;
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            program: concat!("ncsn-trainer ", env!("CARGO_PKG_VERSION")).to_owned(),
            step: self.step,
            optimizer_steps: self.adam.step(),
            smoothed_loss: self.smoothed,
            tensors_sha256: String::new(),
            names: self.network.parameters().names().to_vec(),
            config: config.clone(),
            sha256: String::new(),
        };
        Ok(Snapshot { tensors, manifest })
    }

    /// The groups of parameters and how their names begin.
    pub(super) fn groups(&self) -> Vec<(&'static str, &Parameters)> {
        let mut groups = vec![
            ("model.", self.network.parameters()),
            ("ema.", self.average.parameters()),
            ("adam.exp_avg.", &self.adam.means),
            ("adam.exp_avg_sq.", &self.adam.squares),
        ];
        groups.extend(self.adam.maxima.as_ref().map(|maxima| ("adam.max_exp_avg_sq.", maxima)));
        groups.extend(self.powers.iter().flat_map(Powers::groups));
        groups
    }

    /// Brings a new state to where a checkpoint's was.
    ///
    /// # Errors
    /// [`Error::Content`] for checkpoints of the first schema; those of [`checkpoint::tensors`] and
    /// [`checkpoint::load_parameters`].
    pub fn restore(&mut self, folder: &Path, manifest: &Manifest) -> Result<(), Error> {
        if manifest.schema == FIRST_SCHEMA {
            return Err(Error::content(
                folder.join(MANIFEST),
                format!("schema is {FIRST_SCHEMA}"),
                format!(
                    "{SCHEMA}: the CPU trained earlier checkpoints with wrong gradients, so that they can be sampled \
                     but not trained further"
                ),
            ));
        }
        let file = checkpoint::tensors(folder, manifest)?;
        for (prefix, parameters) in self.groups() {
            checkpoint::load_parameters(parameters, &file, prefix)?;
        }
        let levels = self.network.sigmas().size();
        let [sums, counts] = ["levels.sums", "levels.counts"].map(|name| file.shaped(name, &levels));
        self.levels.restore(&sums?, &counts?);
        self.adam.set_step(manifest.optimizer_steps);
        self.step = manifest.step;
        self.smoothed = manifest.smoothed_loss;
        Ok(())
    }
}
