//! Technique 3: an estimate of the score at every noise level from one network.
//!
//! ```text
//! NCSNv2, vectors:   s(x, σ) = f(x)/σ        NCSN:   s(x, σ_i) = f(x, i)
//! ```
//! NCSNv2 and the perceptron may also be told the class of an item, or that it may be of any: f(x, c).
//!
//! Image networks see h = 2x − 1: noise levels are meant for pixels in [0, 1], the network for values around 0.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::architecture::Architecture;
use super::layers::{Context, Norms, Seen, as_index};
use super::mlp::Mlp;
use super::refinenet::RefineNet;
use super::registry::{Parameters, Scope};
use super::tape::Tape;
use crate::{Error, torch};

/// What determines a network's parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkShape {
    /// Which network.
    pub architecture: Architecture,
    /// n of Tables 2 and 3, or the number of hidden units for vectors.
    pub filters: i64,
    /// Shape of one item: `[channels, height, width]`, or `[dim]`.
    pub item: Vec<i64>,
    /// Number of classes that the network is told apart; 0 for one that is told none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: i64,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

impl NetworkShape {
    /// Whether the network takes such items.
    ///
    /// # Errors
    /// [`Error::Setting`] with the limit.
    pub fn check(&self) -> Result<(), Error> {
        if !(1..=4096).contains(&self.filters) {
            return Err(Error::setting("filters", self.filters, "1 to 4096"));
        }
        if !(0..=65_536).contains(&self.classes) || self.classes == 1 {
            return Err(Error::setting("classes", self.classes, "0, or 2 to 65536"));
        }
        if self.classes > 0 && self.architecture.is_conditional() {
            let allowed =
                format!("0 for {}, whose normalisations are told the noise level", self.architecture);
            return Err(Error::setting("classes", self.classes, allowed));
        }
        let factor = self.architecture.factor();
        let sides = |sides: &[i64]| sides.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ");
        match (self.architecture.depth(), &self.item[..]) {
            (None, &[dim]) if dim >= 1 => Ok(()),
            (None, other) => Err(Error::setting("item of mlp", sides(other), "one axis: plain vectors")),
            (Some(_), &[channels, height, width]) if channels >= 1 && height >= factor && width >= factor => {
                if height % factor == 0 && width % factor == 0 {
                    Ok(())
                } else {
                    let allowed = format!("height and width divisible by {factor} for {}", self.architecture);
                    Err(Error::setting("image size", sides(&self.item), allowed))
                }
            }
            (Some(_), other) => {
                let allowed =
                    format!("channels x height x width, sides at least {factor}, for {}", self.architecture);
                Err(Error::setting("item", sides(other), allowed))
            }
        }
    }

    /// D, number of values of an item.
    #[must_use]
    pub fn dim(&self) -> u64 {
        self.item.iter().product::<i64>() as u64
    }

    /// Shape of a batch of items.
    #[must_use]
    pub fn batch(&self, count: i64) -> Vec<i64> {
        [count].into_iter().chain(self.item.iter().copied()).collect()
    }
}

#[derive(Debug)]
enum Trunk {
    Image(RefineNet),
    Vector(Mlp),
}

/// A network with its noise levels.
#[derive(Debug)]
pub struct Network {
    shape: NetworkShape,
    trunk: Trunk,
    parameters: Parameters,
    /// σ of each level as float32, `[levels]`.
    sigmas: Tensor,
    /// The same numbers where they can be compared without waiting for the device.
    levels: Vec<f32>,
    autocast: bool,
}

impl Network {
    /// A network with new random parameters, drawn from torch's default generator of the CPU.
    ///
    /// # Arguments
    /// * `sigmas` — noise levels from largest to smallest
    ///
    /// # Errors
    /// Those of [`NetworkShape::check`].
    pub fn new(shape: &NetworkShape, sigmas: &[f32], device: Device) -> Result<Self, Error> {
        shape.check()?;
        let scope = Scope::root(device);
        // The last row is for items of any class.
        let classes = (shape.classes > 0).then_some(shape.classes + 1);
        let norms = match classes {
            _ if shape.architecture.is_conditional() => Norms::PerLevel { rows: sigmas.len() as i64 },
            Some(rows) => Norms::PerClass { rows },
            None => Norms::Shared,
        };
        let trunk = match shape.architecture.depth() {
            Some(depth) => Trunk::Image(RefineNet::new(&scope, depth, shape.item[0], shape.filters, norms)),
            None => Trunk::Vector(Mlp::new(&scope, shape.item[0], shape.filters, classes)),
        };
        Ok(Self {
            shape: shape.clone(),
            trunk,
            parameters: scope.parameters(),
            sigmas: Tensor::from_slice(sigmas).to_device(device),
            levels: sigmas.to_vec(),
            autocast: false,
        })
    }

    /// Computes products and convolutions in bfloat16 from now on.
    pub fn set_autocast(&mut self, on: bool) {
        self.autocast = on;
    }

    /// The parameters, which the network shares.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What the network was built for.
    #[must_use]
    pub fn shape(&self) -> &NetworkShape {
        &self.shape
    }

    /// σ of each level, `[levels]`.
    pub fn sigmas(&self) -> &Tensor {
        &self.sigmas
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.sigmas.device()
    }

    /// σ of each item as a factor for items, `[batch, 1, …]`.
    pub fn sigma_of(&self, levels: &Tensor) -> Tensor {
        let shape: Vec<i64> = [-1].into_iter().chain(self.shape.item.iter().map(|_| 1)).collect();
        self.sigmas.index_select(0, &as_index(levels)).view(shape.as_slice())
    }

    /// Estimated score of noisy items of any class.
    ///
    /// # Arguments
    /// * `x` — `[batch, …item]`, pixels in [0, 1] plus noise
    /// * `levels` — index of each item's noise level, `[batch]`
    ///
    /// # Accuracy
    /// Single precision; bfloat16 products with autocast.
    pub fn score(&self, x: &Tensor, levels: &Tensor) -> Tensor {
        self.score_of_class(x, levels, None)
    }

    /// The same of items of classes.
    ///
    /// # Arguments
    /// * `classes` — class of each item, `[batch]`, int64, the number of classes for any; none for any of all
    pub fn score_of_class(&self, x: &Tensor, levels: &Tensor, classes: Option<&Tensor>) -> Tensor {
        self.watched(x, levels, classes, None)
    }

    /// Row of each item in what is conditional.
    fn rows(&self, count: i64, levels: &Tensor, classes: Option<&Tensor>) -> Tensor {
        match classes {
            _ if self.shape.architecture.is_conditional() => as_index(levels),
            Some(classes) => as_index(classes),
            None => Tensor::full([count], self.shape.classes, (Kind::Int64, self.device())),
        }
    }

    /// Estimated score of noisy items of any class at one noise level, which may be any for networks that divide by σ.
    ///
    /// # Arguments
    /// * `x` — `[batch, …item]`, pixels in [0, 1] plus noise
    /// * `sigma` — σ of all items; rounded to single precision
    ///
    /// # Accuracy
    /// At a level, bit for bit what [`score`](Self::score) returns.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the nearest level, for a conditional network (NCSN) at a σ that is none of its own.
    ///
    /// # Source
    /// Technique 3: s(x, σ) = f(x)/σ is defined for every σ.
    pub fn score_at_sigma(&self, x: &Tensor, sigma: f64) -> Result<Tensor, Error> {
        self.score_of_class_at(x, sigma, None)
    }

    /// The same of items of classes, as [`score_of_class`](Self::score_of_class) takes them.
    ///
    /// # Errors
    /// As [`score_at_sigma`](Self::score_at_sigma).
    pub fn score_of_class_at(
        &self,
        x: &Tensor,
        sigma: f64,
        classes: Option<&Tensor>,
    ) -> Result<Tensor, Error> {
        let shape: Vec<i64> =
            x.size()[..1].iter().copied().chain(self.shape.item.iter().map(|_| 1)).collect();
        let factor = Tensor::full(shape.as_slice(), sigma, (Kind::Float, x.device()));
        let level = if self.shape.architecture.is_conditional() { self.level_of(sigma)? } else { 0 };
        let level = Tensor::full([x.size()[0]], level, (Kind::Int64, x.device()));
        let rows = self.rows(x.size()[0], &level, classes);
        let output = self.output(x, &factor, Context { rows: &rows, watch: None, tape: None });
        Ok(self.score_of(output, &factor))
    }

    /// Index of the level that σ is, to single precision.
    fn level_of(&self, sigma: f64) -> Result<i64, Error> {
        // Levels computed in double precision and those of a file differ by a few of float32's ulps of 6e-8.
        const SAME: f64 = 1e-6;
        let distance = |known: &f32| (f64::from(*known) / sigma - 1.0).abs();
        let nearest = self.levels.iter().enumerate().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        match nearest {
            Some((level, known)) if distance(known) < SAME => Ok(level as i64),
            _ => {
                let nearest = nearest.map_or(String::new(), |(_, known)| format!("; the nearest is {known}"));
                let count = self.levels.len();
                let allowed =
                    format!("one of the {count} levels that {} knows{nearest}", self.shape.architecture);
                Err(Error::setting("sigma", sigma, allowed))
            }
        }
    }

    /// As [`score_of_class`](Self::score_of_class), telling `watch` of every layer with parameters.
    pub fn watched(
        &self,
        x: &Tensor,
        levels: &Tensor,
        classes: Option<&Tensor>,
        watch: Option<&dyn Fn(Seen)>,
    ) -> Tensor {
        let (rows, sigma) = (self.rows(x.size()[0], levels, classes), self.sigma_of(levels));
        let output = self.output(x, &sigma, Context { rows: &rows, watch, tape: None });
        self.score_of(output, &sigma)
    }

    /// Gradients of a scalar made of the scores, by all parameters, in less memory and more time: see [`Tape`].
    ///
    /// # Arguments
    /// As of [`score_of_class`](Self::score_of_class); `scalar` — what is made of the scores, and something to return
    ///
    /// # Errors
    /// Those of [`Tape::gradients`].
    pub fn checkpointed<R>(
        &self,
        x: &Tensor,
        levels: &Tensor,
        classes: Option<&Tensor>,
        scalar: impl FnOnce(&Tensor) -> (Tensor, R),
    ) -> Result<(R, Vec<Tensor>), Error> {
        let tape = Tape::new(self.autocast.then(|| self.device()));
        let (returned, gradient) = torch::attempt(|| {
            let (rows, sigma) = (self.rows(x.size()[0], levels, classes), self.sigma_of(levels));
            let output = self.output(x, &sigma, Context { rows: &rows, watch: None, tape: Some(&tape) });
            let output = output.detach().set_requires_grad(true);
            let (scalar, returned) = scalar(&self.score_of(output.shallow_clone(), &sigma));
            torch::gradients(&scalar, &[output]).map(|mut found| (returned, found.swap_remove(0)))
        })??;
        Ok((returned, tape.gradients(gradient, self.parameters.tensors())?))
    }

    /// What the network itself gives, by rows of what is conditional, and σ `[batch, 1, …]` (for perceptrons).
    fn output<'net>(&'net self, x: &Tensor, sigma: &Tensor, context: Context<'_, 'net>) -> Tensor {
        let run = || match &self.trunk {
            Trunk::Image(net) => {
                let h: Tensor = 2.0 * x - 1.0;
                net.forward(&torch::channels_last(&h), context)
            }
            Trunk::Vector(net) => {
                context.part(&[x, sigma], |inputs, context| net.forward(&inputs[0], &inputs[1], context))
            }
        };
        if self.autocast { torch::autocast(self.device(), run) } else { run() }
    }

    /// Scores in single precision from a network's output.
    fn score_of(&self, output: Tensor, sigma: &Tensor) -> Tensor {
        let output = if self.autocast { output.to_kind(Kind::Float) } else { output };
        if self.shape.architecture.is_conditional() { output } else { output / sigma }
    }
}
