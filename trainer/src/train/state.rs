//! What training changes: the weights, their average, the optimiser, the record of the losses.

use ncsn_theory::ema::Ema;
use tch::{Device, Kind, Tensor};

use super::adam::Adam;
use super::loss::{Draw, Law, LevelRecord, dsm_gradients, dsm_losses, seeded};
use super::posthoc::Powers;
use crate::config::{Config, Data, Precision};
use crate::dataset::Batch;
use crate::model::Network;
use crate::peers::{Peers, parts};
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
    /// Averages of which others can be made after training, where the configuration asks for snapshots of them.
    pub powers: Option<Powers>,
    /// Steps done.
    pub step: u64,
    /// Losses by level since the last checkpoint.
    pub levels: LevelRecord,
    /// Training loss, smoothed as in Fig. 3: an average with weight 0.9 on the past.
    pub smoothed: Option<f64>,
    /// Probability of each noise level and those before it, `[levels]`, where they are not all alike.
    cumulated: Option<Tensor>,
    /// Weight of each noise level's losses, `[levels]`, where it is not 1.
    pub(super) weights: Option<Tensor>,
    /// The processes that train together, each its part of a batch.
    pub(super) peers: Peers,
    /// 1 since a step whose loss or gradient was not finite: the weights have stayed as they were then.
    failed: Tensor,
}

/// What one step returns; the tensors may still be being computed.
#[derive(Debug)]
pub struct Done {
    /// Mean loss of the batch, a scalar; not finite where it or a gradient is not, or was not in an earlier step.
    pub loss: Tensor,
    /// Of several processes, how many were asked to stop: one value.
    pub stop: Option<Tensor>,
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
            let powers =
                config.training.snapshots_every.map(|_| Powers::new(network.parameters())).transpose()?;
            let levels = LevelRecord::new(sigmas.len() as i64, device);
            let failed = Tensor::zeros([] as [i64; 0], (Kind::Float, device));
            let exact: Vec<f64> = config.schedule().sigmas().collect();
            let there = |values: Vec<f64>| Tensor::from_slice(&values).to_device(device);
            let cumulated = config.training.level_density.cumulated(&exact)?.map(there);
            let weights = config.training.weighting.factors(&exact).map(there);
            Ok(Self {
                network,
                average,
                adam,
                powers,
                step: 0,
                levels,
                smoothed: None,
                cumulated,
                weights: weights.map(|weights| weights.to_kind(Kind::Float)),
                peers: Peers::alone(),
                failed,
            })
        })?
    }

    /// Trains together with others, from the state of the first of them on.
    ///
    /// # Errors
    /// [`Error::Peers`].
    pub fn join(&mut self, peers: Peers) -> Result<(), Error> {
        let device = self.network.device();
        let share = |number: f64| peers.all_reduce(if peers.is_first() { number } else { 0.0 }, device);
        // Exact in f32: steps are below 2²⁴.
        let (step, optimizer_steps) = (share(self.step as f64)?, share(self.adam.step() as f64)?);
        let smoothed = share(self.smoothed.unwrap_or(-1.0))?;
        let groups = self.groups();
        let tensors: Vec<&Tensor> = groups.iter().flat_map(|(_, group)| group.tensors()).collect();
        peers.broadcast_(&tensors)?;
        self.adam.set_step(optimizer_steps as u64);
        self.step = step as u64;
        if !peers.is_first() {
            self.smoothed = (smoothed >= 0.0).then_some(smoothed);
        }
        self.peers = peers;
        Ok(())
    }

    /// Makes sure that all processes have the same weights.
    ///
    /// # Errors
    /// [`Error::Setting`] for a process whose weights are others than those of the first.
    pub(super) fn compare(&self) -> Result<(), Error> {
        let groups = self.groups();
        let tensors: Vec<&Tensor> = groups.iter().flat_map(|(_, group)| group.tensors()).collect();
        if self.peers.are_same(&tensors)? {
            return Ok(());
        }
        let rank = self.peers.rank();
        Err(Error::setting(
            "a weight",
            format!("another in rank {rank} than in rank 0"),
            "the same in all: a device may be faulty",
        ))
    }

    /// Parts from the other processes; from then on this one is alone.
    ///
    /// # Errors
    /// [`Error::Peers`].
    pub fn leave(&mut self) -> Result<(), Error> {
        std::mem::replace(&mut self.peers, Peers::alone()).leave()
    }

    /// One step on clean items `[batch, …]`: loss, gradients, Adam, average.
    ///
    /// # Errors
    /// Those of [`train_part`](Self::train_part).
    pub fn train(&mut self, batch: impl Into<Batch>, config: &Config) -> Result<Done, Error> {
        let batch = batch.into();
        let of = batch.x.size()[0] as usize;
        self.train_part(batch, of, false, config)
    }

    /// One step on this process's part of a batch.
    ///
    /// # Arguments
    /// * `batch` — clean items, those of [`Peers::part`]
    /// * `of` — number of items of the whole batch
    /// * `stop` — whether this process was asked to stop
    ///
    /// With a loss or a gradient that is not finite, the weights stay as they are from then on: the failure is found out
    /// a step later, and can be explained with the weights that it had.
    ///
    /// # Errors
    /// [`Error::Torch`], [`Error::OutOfMemory`].
    pub fn train_part(
        &mut self,
        batch: Batch,
        of: usize,
        stop: bool,
        config: &Config,
    ) -> Result<Done, Error> {
        let settings = &config.training;
        let draw = self.draw(self.step, config, &batch, of)?;
        let x = batch.x;
        let own = x.size()[0] as usize;
        let mut sum: Option<(Tensor, Vec<Tensor>)> = None;
        for items in parts(own, (settings.accumulate as usize).min(own)) {
            let draw = draw.part(&items);
            let x = x.narrow(0, items.start as i64, items.len() as i64);
            let x = torch::attempt(|| draw.augment(x))?;
            let (losses, loss, gradients) = dsm_gradients(
                &self.network,
                &x,
                &draw,
                self.weights.as_ref(),
                of as f64,
                settings.gradient_checkpointing,
            )?;
            torch::attempt(|| self.levels.add(&draw.levels, &losses))?;
            sum = Some(match sum {
                None => (loss, gradients),
                Some((sum, sums)) => {
                    torch::add_(&sums, &gradients)?;
                    (sum + loss, sums)
                }
            });
        }
        let Some((loss, gradients)) = sum else {
            return Err(Error::setting("batch", own, "at least an item"));
        };
        let mut stopped = None;
        if self.peers.size() > 1 {
            let stop = Tensor::f_full([1], f64::from(u8::from(stop)), (Kind::Float, loss.device()))?;
            self.peers.all_reduce_(&gradients.iter().chain([&loss, &stop]).collect::<Vec<_>>())?;
            stopped = Some(stop);
        }
        let not_finite = loss.isfinite().logical_not().to_kind(Kind::Float);
        self.failed.copy_(&self.failed.maximum(&not_finite));
        torch::find_not_finite_(&gradients, &self.failed)?;
        if let Some(most) = settings.clip_norm {
            torch::clip_(&gradients, most)?;
        }
        self.adam.update(
            self.network.parameters(),
            &gradients,
            settings,
            settings.lr_at(self.step),
            &self.failed,
        )?;
        // The loss itself, or a division by 0.
        let loss = loss / (1.0 - &self.failed);
        self.update_average(settings.ema()?)?;
        if let Some(powers) = &self.powers {
            powers.update(self.network.parameters(), self.step + 1)?;
        }
        let done = Done { loss, stop: stopped, step: self.step };
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

    /// This process's part of the draws of a training step.
    pub(super) fn draw(&self, step: u64, config: &Config, batch: &Batch, of: usize) -> Result<Draw, Error> {
        let law = Law { cumulated: self.cumulated.as_ref(), ..self.law(config) };
        self.drawn(config.training.seed, step, law, batch, of)
    }

    /// How steps of a configuration are drawn, but for the density of the levels.
    pub(super) fn law<'a>(&self, config: &'a Config) -> Law<'a> {
        let untold = config.training.label_dropout.filter(|_| config.network.classes > 0).unwrap_or(0.0);
        Law { data: &config.data, levels: self.network.sigmas().size()[0], cumulated: None, untold }
    }

    fn drawn(&self, seed: u64, step: u64, law: Law, batch: &Batch, of: usize) -> Result<Draw, Error> {
        let shape = [&[of as i64], &batch.x.size()[1..]].concat();
        let draw = Draw::new(seed, step, law, &shape, self.network.device())?;
        let draw = if self.peers.size() == 1 { draw } else { draw.part(&self.peers.part(of)) };
        match &batch.classes {
            Some(classes) => torch::attempt(|| draw.of_classes(classes, self.network.shape().classes)),
            None => Ok(draw),
        }
    }

    /// Mean loss of clean items under the averaged weights, at all levels alike; the noise is that of the step.
    ///
    /// # Arguments
    /// As of [`train_part`](Self::train_part).
    ///
    /// # Errors
    /// [`Error::Torch`], [`Error::OutOfMemory`]; [`Error::Peers`].
    pub fn test(&self, batch: &Batch, of: usize, config: &Config) -> Result<f64, Error> {
        let data = Data { flip: false, ..config.data.clone() };
        // Seeded apart from training, whose next step has the same number.
        let seed = config.training.seed ^ u64::MAX;
        let law = Law { data: &data, untold: 0.0, ..self.law(config) };
        let draw = self.drawn(seed, self.step, law, batch, of)?;
        let own = torch::attempt(|| {
            tch::no_grad(|| {
                let x = draw.augment(batch.x.shallow_clone());
                dsm_losses(&self.average, &x, &draw).sum(Kind::Float).double_value(&[])
            })
        })?;
        Ok(self.peers.all_reduce(own, batch.x.device())? / of as f64)
    }
}
