//! Adam and AMSGrad by libtorch's fused kernel, with moments that can be saved.

use tch::{Device, Kind, Tensor};

use crate::Error;
use crate::config::Training;
use crate::model::Parameters;
use crate::torch::{self, AdamTensors};

/// The optimiser's state: moments of each parameter and the number of steps done.
///
/// # Formula
/// ```text
/// m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  θ ← θ − lr·m/(1−β₁ᵗ)/(√(v/(1−β₂ᵗ)) + ε);   AMSGrad: the largest v so far
/// ```
/// # Source
/// Kingma & Ba (2015); Reddi et al. (2018); without weight decay, as in Appendix B.
#[derive(Debug)]
pub struct Adam {
    /// m.
    pub means: Parameters,
    /// v.
    pub squares: Parameters,
    /// Largest v so far, with AMSGrad.
    pub maxima: Option<Parameters>,
    /// t, a float scalar on the device: exact up to 2²⁴ steps.
    step: Tensor,
}

impl Adam {
    /// At step 0, with moments 0.
    #[must_use]
    pub fn new(parameters: &Parameters, settings: &Training, device: Device) -> Self {
        Self {
            means: parameters.zeros(),
            squares: parameters.zeros(),
            maxima: settings.amsgrad.then(|| parameters.zeros()),
            step: Tensor::zeros([] as [i64; 0], (Kind::Float, device)),
        }
    }

    /// Goes on after `step` steps.
    pub fn set_step(&mut self, step: u64) {
        let _ = self.step.fill_(step as f64);
    }

    /// Number of steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step.double_value(&[]) as u64
    }

    /// Moves the parameters at a learning rate and counts the step; does neither where `skip`, a float scalar, is 1.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn update(
        &mut self,
        parameters: &Parameters,
        gradients: &[Tensor],
        settings: &Training,
        lr: f64,
        skip: &Tensor,
    ) -> Result<(), Error> {
        let _ = self.step.g_add_(&(1.0 - skip));
        let tensors = AdamTensors {
            parameters: parameters.tensors(),
            gradients,
            means: self.means.tensors(),
            squares: self.squares.tensors(),
            maxima: self.maxima.as_ref().map(Parameters::tensors),
        };
        torch::adam_(&tensors, &self.step, lr, settings.betas, settings.adam_eps, skip)
    }
}
