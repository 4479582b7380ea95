//! Why a step has no finite loss or gradient: the item, the level, the layer.

use tch::{Kind, Tensor};

use super::loss::{Draw, dsm_losses};
use super::state::State;
use crate::config::Config;
use crate::dataset::Batch;
use crate::{Error, torch};

impl State {
    /// Why the loss of a step, or a gradient, is not finite: the first such item and the first layer that its values left, or
    /// the first parameter of such a gradient.
    ///
    /// # Errors
    /// Always: [`Error::NotFinite`], or [`Error::Peers`] where it is another process's.
    #[must_use]
    pub fn explain(&self, batch: Batch, of: usize, items: &[usize], step: u64, config: &Config) -> Error {
        let sigmas = self.network.sigmas();
        let draw = match self.draw(step, config, &batch, of) {
            Ok(draw) => draw,
            Err(error) => return error,
        };
        let explained = torch::attempt(|| {
            tch::no_grad(|| {
                let x = draw.augment(batch.x);
                let losses = torch::to_vec(&dsm_losses(&self.network, &x, &draw));
                let Some(at) = losses.iter().position(|loss| !loss.is_finite()) else {
                    return self.explain_gradient(&x, &draw, &losses, items, step);
                };
                let first = std::cell::RefCell::new(None);
                let noisy = &x + self.network.sigma_of(&draw.levels) * &draw.noise;
                let _ = self.network.watched(
                    &noisy,
                    &draw.levels,
                    draw.classes.as_ref(),
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
            let loss = dsm_losses(&self.network, x, draw).mean(Kind::Float);
            torch::gradients(&loss, parameters.tensors())
        });
        let gradients = match gradients {
            Ok(gradients) => gradients,
            Err(error) => return error,
        };
        let finite = |gradient: &Tensor| gradient.isfinite().all().int64_value(&[]) != 0;
        let first = parameters.names().iter().zip(&gradients).find(|(_, gradient)| !finite(gradient));
        if first.is_none() && self.peers.size() > 1 {
            return Error::Peers(format!(
                "step {step}: the loss or a gradient of another process is not finite"
            ));
        }
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
