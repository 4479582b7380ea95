//! What training changes: the weights, their average, the optimiser, the record of the losses.

use ncsn_theory::ema::Ema;
use tch::{Device, Kind, Tensor};

use super::adam::Adam;
use super::loss::{Draw, LevelRecord, dsm_losses, seeded};
use crate::config::{Config, Precision};
use crate::model::Network;
use crate::{Error, torch};

/// Step that seeds the initial weights; training steps count from 0.
const INITIAL: u64 = u32::MAX as u64;

/// A run at some step.
#[derive(Debug)]
pub struct State {
    /// The network that is trained.
    pub network: Network,
    /// The same network with the averaged weights of Technique 5, which samples.
    pub average: Network,
    /// The optimiser.
    pub adam: Adam,
    /// Steps done.
    pub step: u64,
    /// Losses by level since the last checkpoint.
    pub levels: LevelRecord,
    /// Training loss, smoothed as in Fig. 3: an average with weight 0.9 on the past.
    pub smoothed: Option<f64>,
    /// 1 since a step whose loss or gradient was not finite: the weights have stayed as they were then.
    failed: Tensor,
}

/// What one step returns; the tensors may still be being computed.
#[derive(Debug)]
pub struct Done {
    /// Mean loss of the batch, a scalar; not finite where it or a gradient is not, or was not in an earlier step.
    pub loss: Tensor,
    /// Number of the step, from 0.
    pub step: u64,
}

impl State {
    /// At step 0, with weights drawn by the seed.
    ///
    /// # Errors
    /// Those of [`Network::new`]; [`Error::OutOfMemory`].
    pub fn new(config: &Config, device: Device, precision: Precision) -> Result<Self, Error> {
        let sigmas = config.sigmas();
        torch::attempt(|| {
            let build = || Network::new(&config.network, &sigmas, device);
            let mut network = seeded(config.training.seed, INITIAL, build)?;
            let mut average = build()?;
            average.parameters().assign(network.parameters());
            network.parameters().require_gradients();
            let half = precision == Precision::Bf16;
            network.set_autocast(half);
            average.set_autocast(half);
            let adam = Adam::new(network.parameters(), &config.training, device);
            let levels = LevelRecord::new(sigmas.len() as i64, device);
            let failed = Tensor::zeros([] as [i64; 0], (Kind::Float, device));
            Ok(Self { network, average, adam, step: 0, levels, smoothed: None, failed })
        })?
    }

    /// One step on clean items `[batch, …]`: loss, gradients, Adam, average.
    ///
    /// With a loss or a gradient that is not finite, the weights stay as they are from then on: the failure is found out
    /// a step later, and can be explained with the weights that it had.
    ///
    /// # Errors
    /// [`Error::Torch`], [`Error::OutOfMemory`].
    pub fn train(&mut self, x: Tensor, config: &Config) -> Result<Done, Error> {
        let device = self.network.device();
        let settings = &config.training;
        let levels = self.network.sigmas().size()[0];
        let draw = Draw::new(settings.seed, self.step, &config.data, levels, &x.size(), device)?;
        let loss = torch::attempt(|| {
            let x = draw.augment(x);
            let losses = dsm_losses(&self.network, &x, &draw.levels, &draw.noise);
            let loss = losses.mean(Kind::Float);
            self.levels.add(&draw.levels, &losses);
            loss
        })?;
        let gradients = torch::gradients(&loss, self.network.parameters().tensors())?;
        let loss = loss.detach();
        let not_finite = loss.isfinite().logical_not().to_kind(Kind::Float);
        self.failed.copy_(&self.failed.maximum(&not_finite));
        torch::find_not_finite_(&gradients, &self.failed)?;
        self.adam.update(self.network.parameters(), &gradients, settings, &self.failed)?;
        // The loss itself, or a division by 0.
        let loss = loss / (1.0 - &self.failed);
        self.update_average(settings.ema()?)?;
        let done = Done { loss, step: self.step };
        self.step += 1;
        Ok(done)
    }

    /// Technique 5: θ' ← m·θ' + (1 − m)·θ.
    fn update_average(&self, ema: Ema) -> Result<(), Error> {
        let (own, other) = (self.average.parameters().tensors(), self.network.parameters().tensors());
        torch::lerp_(own, other, 1.0 - ema.rate())
    }

    /// Takes a loss into the smoothed curve and returns that.
    pub fn smooth(&mut self, loss: f64) -> f64 {
        let smoothed = self.smoothed.map_or(loss, |past| 0.9 * past + 0.1 * loss);
        self.smoothed = Some(smoothed);
        smoothed
    }

    /// Mean loss of clean items under the averaged weights; the noise is that of the step.
    ///
    /// # Errors
    /// [`Error::Torch`], [`Error::OutOfMemory`].
    pub fn test(&self, x: &Tensor, config: &Config) -> Result<f64, Error> {
        let data = crate::config::Data { flip: false, ..config.data.clone() };
        let levels = self.network.sigmas().size()[0];
        // Seeded apart from training, whose next step has the same number.
        let seed = config.training.seed ^ u64::MAX;
        let draw = Draw::new(seed, self.step, &data, levels, &x.size(), self.network.device())?;
        torch::attempt(|| {
            tch::no_grad(|| {
                let x = draw.augment(x.shallow_clone());
                dsm_losses(&self.average, &x, &draw.levels, &draw.noise).mean(Kind::Float).double_value(&[])
            })
        })
    }

    /// Why the loss of a step, or a gradient, is not finite: the first such item and the first layer that its values left, or
    /// the first parameter of such a gradient.
    ///
    /// # Errors
    /// [`Error::NotFinite`], always.
    #[must_use]
    pub fn explain(&self, x: Tensor, items: &[usize], step: u64, config: &Config) -> Error {
        let device = self.network.device();
        let sigmas = self.network.sigmas();
        let draw = Draw::new(config.training.seed, step, &config.data, sigmas.size()[0], &x.size(), device);
        let draw = match draw {
            Ok(draw) => draw,
            Err(error) => return error,
        };
        let explained = torch::attempt(|| {
            tch::no_grad(|| {
                let x = draw.augment(x);
                let losses = torch::to_vec(&dsm_losses(&self.network, &x, &draw.levels, &draw.noise));
                let Some(at) = losses.iter().position(|loss| !loss.is_finite()) else {
                    return self.explain_gradient(&x, &draw, &losses, items, step);
                };
                let first = std::cell::RefCell::new(None);
                let noisy = &x + self.network.sigma_of(&draw.levels) * &draw.noise;
                let _ = self.network.watched(
                    &noisy,
                    &draw.levels,
                    Some(&|seen| {
                        if first.borrow().is_none() && seen.output.isfinite().all().int64_value(&[]) == 0 {
                            *first.borrow_mut() = Some(seen.layer.to_owned());
                        }
                    }),
                );
                let level = draw.levels.int64_value(&[at as i64]) as usize;
                Error::NotFinite {
                    step,
                    loss: losses[at],
                    level,
                    sigma: sigmas.double_value(&[level as i64]),
                    item: items[at],
                    layer: first.into_inner().unwrap_or_else(|| "none: the loss overflows".to_owned()),
                }
            })
        });
        explained.unwrap_or_else(|error| error)
    }

    /// The same where all losses are finite: the item of the largest loss, and the parameter.
    fn explain_gradient(&self, x: &Tensor, draw: &Draw, losses: &[f32], items: &[usize], step: u64) -> Error {
        let parameters = self.network.parameters();
        let gradients = tch::with_grad(|| {
            let loss = dsm_losses(&self.network, x, &draw.levels, &draw.noise).mean(Kind::Float);
            torch::gradients(&loss, parameters.tensors())
        });
        let gradients = match gradients {
            Ok(gradients) => gradients,
            Err(error) => return error,
        };
        let finite = |gradient: &Tensor| gradient.isfinite().all().int64_value(&[]) != 0;
        let first = parameters.names().iter().zip(&gradients).find(|(_, gradient)| !finite(gradient));
        let largest = |best: usize, at: usize| if losses[at] > losses[best] { at } else { best };
        let at = (0..losses.len()).fold(0, largest);
        let level = draw.levels.int64_value(&[at as i64]) as usize;
        Error::NotFinite {
            step,
            loss: losses[at],
            level,
            sigma: self.network.sigmas().double_value(&[level as i64]),
            item: items[at],
            layer: first.map_or_else(
                || "none: the sum of the losses overflows".to_owned(),
                |(name, _)| format!("the gradient of {name}"),
            ),
        }
    }
}
