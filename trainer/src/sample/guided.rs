//! Scores of a network that is told classes, guided towards them.

use std::ops::Range;

use tch::{Device, Tensor};

use super::score_at;
use crate::model::{Network, NetworkShape};
use crate::{Error, torch};

/// Largest weight of a guidance.
const MOST: f64 = 100.0;

/// The classes that samples are drawn of, in turn, and how strongly they are guided to them.
///
/// # Formula
/// ```text
/// s_w(x, σ | c) = s(x, σ) + w·(s(x, σ | c) − s(x, σ))
/// ```
/// w = 1 samples the class as it is, w = 0 items of any class, w > 1 more typical items of the class than there are.
///
/// # Source
/// Ho & Salimans (2022), equation (6), whose w is w − 1 here.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    classes: Vec<i64>,
    guidance: f64,
}

impl Told {
    /// Every class in turn, as it is; nothing is told to a network that takes no classes.
    #[must_use]
    pub fn all(network: &NetworkShape) -> Self {
        Self { classes: (0..network.classes).collect(), guidance: 1.0 }
    }

    /// These classes in turn, or items of any where there are none.
    ///
    /// # Errors
    /// [`Error::Setting`] for a guidance below 0 or above 100.
    pub fn new(classes: Vec<i64>, guidance: f64) -> Result<Self, Error> {
        if (0.0..=MOST).contains(&guidance) {
            Ok(Self { classes, guidance })
        } else {
            Err(Error::setting("guidance", guidance, format!("0 to {MOST}")))
        }
    }

    /// Class of each sample of these numbers, `[count]`, int64.
    fn of(&self, numbers: Range<u64>, device: Device) -> Option<Tensor> {
        let count = self.classes.len() as u64;
        let class = |number: u64| self.classes[(number % count) as usize];
        (count > 0).then(|| Tensor::from_slice(&numbers.map(class).collect::<Vec<_>>()).to_device(device))
    }

    /// The score of samples of these numbers by a network, without gradients.
    ///
    /// With guidance other than 0 and 1, each evaluation is one of twice the batch.
    ///
    /// # Errors
    /// Those of [`Network::score_of_class_at`].
    pub fn score<'net>(
        &self,
        network: &'net Network,
        numbers: Range<u64>,
    ) -> impl FnMut(&Tensor, f64) -> Result<Tensor, Error> + use<'net> {
        let guidance = self.guidance;
        let told = self.of(numbers, network.device()).filter(|_| guidance > 0.0);
        let any = told.as_ref().map(|classes| classes.full_like(network.shape().classes));
        move |x: &Tensor, sigma: f64| {
            let (Some(classes), Some(any)) = (&told, &any) else { return score_at(network, x, sigma) };
            let scores = |x: &Tensor, classes: &Tensor| {
                tch::no_grad(|| network.score_of_class_at(x, sigma, Some(classes)))
            };
            if guidance == 1.0 {
                return scores(x, classes);
            }
            torch::attempt(|| {
                let both = scores(&Tensor::cat(&[x, x], 0), &Tensor::cat(&[classes, any], 0))?;
                let halves = both.chunk(2, 0);
                Ok(&halves[1] + guidance * (&halves[0] - &halves[1]))
            })?
        }
    }
}
