//! Gradient checkpointing: a forward pass that keeps the inputs of its parts alone, and computes each part again for its
//! gradients.
//!
//! A training step keeps what every layer needs for its gradients. Here it keeps what lies between the parts, one to three layers
//! each, and while gradients are taken what one part needs. The price is a second forward pass.
//!
//! Source: Chen et al. (2016), "Training Deep Nets with Sublinear Memory Cost".

use std::cell::RefCell;
use std::ffi::c_void;
use std::fmt;

use tch::{Device, Tensor};

use crate::{Error, torch};

/// Computes a part's output from its inputs.
type Forward<'net> = Box<dyn Fn(&[Tensor]) -> Tensor + 'net>;

struct Part<'net> {
    forward: Forward<'net>,
    inputs: Vec<Tensor>,
    output: Tensor,
}

/// The parts of one forward pass, in their order.
///
/// Tensors are told apart by their memory, which lives as long as the tape.
#[derive(Default)]
pub struct Tape<'net> {
    parts: RefCell<Vec<Part<'net>>>,
    /// Where products are computed in bfloat16.
    autocast: Option<Device>,
}

impl fmt::Debug for Tape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("parts", &self.parts.borrow().len()).finish()
    }
}

impl<'net> Tape<'net> {
    /// # Arguments
    /// * `autocast` — the device on which products are computed in bfloat16, where they are
    #[must_use]
    pub fn new(autocast: Option<Device>) -> Self {
        Self { parts: RefCell::default(), autocast }
    }

    /// Computes a part without keeping more than its inputs.
    pub fn run(&self, inputs: &[&Tensor], forward: impl Fn(&[Tensor]) -> Tensor + 'net) -> Tensor {
        let inputs: Vec<Tensor> = inputs.iter().map(|input| input.detach()).collect();
        let output = tch::no_grad(|| forward(&inputs));
        let kept = output.shallow_clone();
        self.parts.borrow_mut().push(Part { forward: Box::new(forward), inputs, output });
        kept
    }

    /// Gradients of a scalar that depends on the last part's output alone, in the memory order of the parameters.
    ///
    /// # Arguments
    /// * `gradient` — that of the scalar by the last part's output
    ///
    /// # Errors
    /// [`Error::Torch`] for a parameter on which the scalar does not depend; [`Error::OutOfMemory`].
    pub fn gradients(self, gradient: Tensor, parameters: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let parts = self.parts.into_inner();
        let outputs: Vec<*mut c_void> = parts.iter().map(|part| part.output.data_ptr()).collect();
        let made_by = |tensor: &Tensor| outputs.iter().position(|&output| output == tensor.data_ptr());
        let mut of_outputs: Vec<Option<Tensor>> = parts.iter().map(|_| None).collect();
        let mut of_parameters: Vec<Option<Tensor>> = parameters.iter().map(|_| None).collect();
        if let Some(last) = of_outputs.last_mut() {
            *last = Some(gradient);
        }
        let makers: Vec<Vec<Option<usize>>> =
            parts.iter().map(|part| part.inputs.iter().map(made_by).collect()).collect();
        for (number, part) in parts.into_iter().enumerate().rev() {
            // Outputs that nothing has used have no gradient.
            let Some(gradient) = of_outputs[number].take() else { continue };
            let makers = &makers[number];
            let Part { forward, inputs, .. } = part;
            let output = torch::attempt(|| {
                for (input, maker) in inputs.iter().zip(makers) {
                    let _ = input.set_requires_grad(maker.is_some());
                }
                tch::with_grad(|| match self.autocast {
                    Some(device) => torch::autocast(device, || forward(&inputs)),
                    None => forward(&inputs),
                })
            })?;
            let known = || inputs.iter().zip(makers).filter_map(|(input, maker)| maker.map(|_| input));
            let all: Vec<Tensor> = known().chain(parameters).map(Tensor::shallow_clone).collect();
            let mut found = torch::gradients_from(&output, &gradient, &all)?.into_iter();
            for maker in makers.iter().flatten() {
                add(&mut of_outputs[*maker], found.next().flatten())?;
            }
            for (sum, found) in of_parameters.iter_mut().zip(found) {
                add(sum, found)?;
            }
        }
        let missing = || Error::Torch { message: "the loss does not depend on a parameter".to_owned() };
        of_parameters.into_iter().map(|found| found.ok_or_else(missing)).collect()
    }
}

fn add(sum: &mut Option<Tensor>, found: Option<Tensor>) -> Result<(), Error> {
    *sum = match (sum.take(), found) {
        (Some(sum), Some(found)) => Some(sum.f_add(&found)?),
        (sum, found) => sum.or(found),
    };
    Ok(())
}
