//! Denoising score matching: perturbed items and the loss of their estimated scores.

use std::ops::Range;
use std::sync::Mutex;

use tch::{Device, Kind, Tensor};

use crate::config::Data;
use crate::model::Network;
use crate::peers::Peers;
use crate::{Error, torch};

/// Everything random about one step, a function of seed and step.
#[derive(Debug)]
pub struct Draw {
    /// Level index of each item, uniform: `[batch]`, int64.
    pub levels: Tensor,
    /// z of each item: `[batch, …]`, standard normal.
    pub noise: Tensor,
    /// Whether each image is mirrored, `[batch, 1, 1, 1]`.
    flip: Option<Tensor>,
    /// u of each value, in [0, 1).
    fraction: Option<Tensor>,
    /// Whether each item's class is kept from the network, `[batch]`.
    untold: Option<Tensor>,
    /// Class that the network is told of each item, `[batch]`, int64, the number of classes for none.
    pub classes: Option<Tensor>,
}

/// How the random part of a step is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Law<'a> {
    /// What is done to items.
    pub data: &'a Data,
    /// Number of noise levels.
    pub levels: i64,
    /// Probability of each level and those before it, `[levels]`, double; none where all are alike.
    pub cumulated: Option<&'a Tensor>,
    /// Share of the items whose class is kept from the network.
    pub untold: f64,
}

/// torch's generators are the process's; a step seeds and uses them without interruption.
static GENERATOR: Mutex<()> = Mutex::new(());

/// Runs `draw` with torch's generators seeded for a step of a run.
///
/// Steps of one run never share a seed: torch's CPU generator takes 32 bits of it, to which the step is added.
pub fn seeded<R>(seed: u64, step: u64, draw: impl FnOnce() -> R) -> R {
    let _held = GENERATOR.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let base = mix(seed);
    tch::manual_seed((base & 0xffff_ffff_0000_0000 | (base.wrapping_add(step) & 0xffff_ffff)) as i64);
    draw()
}

/// SplitMix64's finaliser: neighbouring seeds become unrelated.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draw {
    /// The random part of a step on a batch of a shape.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Torch`].
    pub fn new(seed: u64, step: u64, law: Law, shape: &[i64], device: Device) -> Result<Self, Error> {
        let Law { data, levels, cumulated, untold } = law;
        let uniform = |shape: &[i64]| Tensor::f_rand(shape, (Kind::Float, device));
        seeded(seed, step, || {
            Ok(Self {
                levels: match cumulated {
                    None => Tensor::f_randint(levels, [shape[0]], (Kind::Int64, device))?,
                    // The first level whose probability, with that of those before it, is larger than u.
                    Some(cumulated) => {
                        let u = Tensor::f_rand([shape[0]], (Kind::Double, device))?;
                        cumulated.f_searchsorted(&u, false, true, "right", None::<&Tensor>)?
                    }
                },
                noise: Tensor::f_randn(shape, (Kind::Float, device))?,
                flip: match data.flip {
                    true => Some(uniform(&[shape[0], 1, 1, 1])?.f_lt(0.5)?),
                    false => None,
                },
                fraction: data.dequantize.then(|| uniform(shape)).transpose()?,
                untold: match untold > 0.0 {
                    true => Some(uniform(&[shape[0]])?.f_lt(untold)?),
                    false => None,
                },
                classes: None,
            })
        })
    }

    /// Levels `[batch]` and noise that are known, and nothing else.
    #[must_use]
    pub fn given(levels: &Tensor, noise: &Tensor) -> Self {
        let (levels, noise) = (levels.shallow_clone(), noise.shallow_clone());
        Self { levels, noise, flip: None, fraction: None, untold: None, classes: None }
    }

    /// The same for items of classes.
    ///
    /// # Arguments
    /// * `classes` — `[batch]`, int64
    /// * `any` — what stands for a class that is kept from the network
    #[must_use]
    pub fn of_classes(self, classes: &Tensor, any: i64) -> Self {
        let told = match &self.untold {
            Some(untold) => classes.masked_fill(untold, any),
            None => classes.shallow_clone(),
        };
        Self { classes: Some(told), ..self }
    }

    /// The draws of some of the batch's items.
    #[must_use]
    pub fn part(&self, items: &Range<usize>) -> Self {
        let part = |all: &Tensor| all.narrow(0, items.start as i64, items.len() as i64);
        Self {
            levels: part(&self.levels),
            noise: part(&self.noise),
            flip: self.flip.as_ref().map(part),
            fraction: self.fraction.as_ref().map(part),
            untold: self.untold.as_ref().map(part),
            classes: self.classes.as_ref().map(part),
        }
    }

    /// Clean items as the network is to see them: mirrored and dequantised.
    pub fn augment(&self, x: Tensor) -> Tensor {
        let x = match &self.flip {
            Some(flip) => x.flip([3]).where_self(flip, &x),
            None => x,
        };
        match &self.fraction {
            Some(fraction) => (255.0 * x + fraction) / 256.0,
            None => x,
        }
    }
}

/// Denoising score matching loss of each item, `[batch]`.
///
/// # Formula
/// ```text
/// ½·‖s(x + σz, σ) + z/σ‖²·σ² = ½·‖σ·s(x + σz, σ) + z‖²
/// ```
/// # Arguments
/// * `x` — clean items `[batch, …]`
/// * `draw` — levels, z and classes
///
/// # Source
/// Song & Ermon (2020), equation (2) with λ(σ) = σ²; the training loss is the mean over the batch.
pub fn dsm_losses(network: &Network, x: &Tensor, draw: &Draw) -> Tensor {
    let Draw { levels, noise, classes, .. } = draw;
    let sigma = network.sigma_of(levels);
    let score = network.score_of_class(&(x + &sigma * noise), levels, classes.as_ref());
    half_squares(&(sigma * score + noise))
}

/// Losses of items as [`dsm_losses`] has them, their weighted sum over a number, and the gradients of that by all parameters.
///
/// # Arguments
/// * `weights` — of the losses of each level, `[levels]`; none for 1
/// * `over` — what the sum is divided by, a scalar
/// * `checkpointing` — whether layers are computed again for their gradients, in less memory ([`Network::checkpointed`])
///
/// # Errors
/// Those of [`torch::gradients`] and [`Network::checkpointed`].
pub fn dsm_gradients(
    network: &Network,
    x: &Tensor,
    draw: &Draw,
    weights: Option<&Tensor>,
    over: f64,
    checkpointing: bool,
) -> Result<(Tensor, Tensor, Vec<Tensor>), Error> {
    let Draw { levels, noise, classes, .. } = draw;
    let mean = |losses: &Tensor| match weights {
        Some(weights) => (losses * weights.index_select(0, levels)).sum(Kind::Float) / over,
        None => losses.sum(Kind::Float) / over,
    };
    if !checkpointing {
        let (losses, loss) = torch::attempt(|| {
            let losses = dsm_losses(network, x, draw);
            let loss = mean(&losses);
            (losses, loss)
        })?;
        let gradients = torch::gradients(&loss, network.parameters().tensors())?;
        return Ok((losses.detach(), loss.detach(), gradients));
    }
    let sigma = torch::attempt(|| network.sigma_of(levels))?;
    let noisy = torch::attempt(|| x + &sigma * noise)?;
    let ([losses, loss], gradients) = network.checkpointed(&noisy, levels, classes.as_ref(), |score| {
        let losses = half_squares(&(&sigma * score + noise));
        let loss = mean(&losses);
        (loss.shallow_clone(), [losses.detach(), loss.detach()])
    })?;
    Ok((losses, loss, gradients))
}

/// ½‖·‖² of each item.
fn half_squares(residual: &Tensor) -> Tensor {
    0.5 * residual.square().flatten(1, -1).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float)
}

/// Mean loss of each level over the steps since the last reading, gathered on the device.
#[derive(Debug)]
pub struct LevelRecord {
    sums: Tensor,
    counts: Tensor,
}

impl LevelRecord {
    /// For a number of levels.
    #[must_use]
    pub fn new(levels: i64, device: Device) -> Self {
        let zeros = || Tensor::zeros([levels], (Kind::Float, device));
        Self { sums: zeros(), counts: zeros() }
    }

    /// Adds the losses of a batch.
    pub fn add(&mut self, levels: &Tensor, losses: &Tensor) {
        let losses = losses.detach();
        let _ = self.counts.index_add_(0, levels, &losses.ones_like());
        let _ = self.sums.index_add_(0, levels, &losses);
    }

    /// Number of items and mean loss of each level, and starts anew.
    pub fn take(&mut self) -> Vec<(u64, f64)> {
        let (sums, counts) = (torch::to_vec(&self.sums), torch::to_vec(&self.counts));
        let _ = self.sums.zero_();
        let _ = self.counts.zero_();
        let mean = |(sum, count): (f32, f32)| (count as u64, f64::from(sum) / f64::from(count.max(1.0)));
        sums.into_iter().zip(counts).map(mean).collect()
    }

    /// Brings together what several processes have gathered, with the first of them.
    ///
    /// # Errors
    /// Those of [`Peers::all_reduce_`].
    pub fn gather(&mut self, peers: &Peers) -> Result<(), Error> {
        peers.all_reduce_(&[&self.sums, &self.counts])?;
        if !peers.is_first() {
            let _ = (self.sums.zero_(), self.counts.zero_());
        }
        Ok(())
    }

    /// The sums and counts, for a checkpoint.
    pub fn tensors(&self) -> [&Tensor; 2] {
        [&self.sums, &self.counts]
    }

    /// Goes on from sums and counts.
    pub fn restore(&mut self, sums: &Tensor, counts: &Tensor) {
        self.sums.copy_(sums);
        self.counts.copy_(counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_no_memory_holds_is_an_error() {
        // 2⁴⁸ bytes of level indices: more than a process can address.
        let law = Law { data: &Data::default(), levels: 10, cumulated: None, untold: 0.0 };
        let drawn = Draw::new(0, 0, law, &[1 << 45, 1], Device::Cpu);
        assert!(matches!(drawn, Err(Error::OutOfMemory { .. })), "{drawn:?}");
    }

    #[test]
    fn levels_are_averaged_apart() {
        let mut record = LevelRecord::new(3, Device::Cpu);
        record.add(&Tensor::from_slice(&[0_i64, 2, 2]), &Tensor::from_slice(&[1.0_f32, 2.0, 4.0]));
        assert_eq!(record.take(), [(1, 1.0), (0, 0.0), (2, 3.0)]);
        assert_eq!(record.take(), [(0, 0.0); 3]);
    }
}
