//! Parameters by name, in the order in which a network registers them.

use std::cell::RefCell;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

/// How a new parameter is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in ±1/√fan_in, PyTorch's default for convolutions and linear maps.
    Uniform {
        /// Inputs of each output.
        fan_in: i64,
    },
    /// N(1, 0.02²) in the first `noisy` columns (the last axis), 0 in the others: InstanceNorm++.
    Norm {
        /// Number of columns that scale.
        noisy: i64,
    },
    /// 0.
    Zero,
}

/// Named parameters in order of registration.
#[derive(Debug, Default)]
pub struct Parameters {
    names: Vec<String>,
    tensors: Vec<Tensor>,
}

impl Parameters {
    /// Parameters with given names.
    #[must_use]
    pub fn new(entries: Vec<(String, Tensor)>) -> Self {
        let (names, tensors) = entries.into_iter().unzip();
        Self { names, tensors }
    }

    /// Keys as in the authors' state dicts.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The parameters, in the order of the names.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Names with tensors.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.names.iter().map(String::as_str).zip(&self.tensors)
    }

    /// The parameter with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.names.iter().position(|known| known == name).map(|at| &self.tensors[at])
    }

    /// Number of values in all parameters.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.numel() as u64).sum()
    }

    /// Detached copies with the same names and memory order.
    #[must_use]
    pub fn copy(&self) -> Self {
        tch::no_grad(|| Self {
            names: self.names.clone(),
            tensors: self.tensors.iter().map(|tensor| tensor.detach().copy()).collect(),
        })
    }

    /// Zeros of the same names, shapes and memory order.
    #[must_use]
    pub fn zeros(&self) -> Self {
        tch::no_grad(|| Self {
            names: self.names.clone(),
            tensors: self.tensors.iter().map(|tensor| tensor.detach().zeros_like()).collect(),
        })
    }

    /// Marks all parameters as to be trained.
    pub fn require_gradients(&self) {
        for tensor in &self.tensors {
            let _ = tensor.set_requires_grad(true);
        }
    }

    /// Overwrites the values with those of `other`, which has the same names and shapes.
    ///
    /// # Panics
    /// When it has not.
    pub fn assign(&self, other: &Self) {
        assert_eq!(self.names, other.names, "parameters of one network");
        tch::no_grad(|| {
            for (own, other) in self.tensors.iter().zip(&other.tensors) {
                own.shallow_clone().copy_(other);
            }
        });
    }
}

/// Where a part of a network registers its parameters: a prefix of their names.
#[derive(Clone, Debug)]
pub struct Scope {
    all: Rc<RefCell<Vec<(String, Tensor)>>>,
    prefix: String,
    device: Device,
}

impl Scope {
    /// The root, for a network on `device`.
    #[must_use]
    pub fn root(device: Device) -> Self {
        Self { all: Rc::default(), prefix: String::new(), device }
    }

    /// The part called `name` below this one.
    #[must_use]
    pub fn sub(&self, name: impl AsRef<str>) -> Self {
        Self { prefix: self.name(name.as_ref()), ..self.clone() }
    }

    /// Full name of something registered here as `name`.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    /// Name of this part.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Registers a new parameter. Its values are drawn on the CPU, so that they are the same on every device.
    pub fn parameter(&self, name: &str, shape: &[i64], init: Init) -> Tensor {
        let zeros = Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let filled = tch::no_grad(|| match init {
            Init::Uniform { fan_in } => {
                let bound = 1.0 / (fan_in as f64).sqrt();
                zeros.shallow_clone().uniform_(-bound, bound)
            }
            Init::Norm { noisy } => {
                let _ = zeros.narrow(-1, 0, noisy).normal_(1.0, 0.02);
                zeros
            }
            Init::Zero => zeros,
        });
        let mut tensor = filled.to_device(self.device);
        if shape.len() == 4 {
            tensor = crate::torch::channels_last(&tensor);
        }
        self.all.borrow_mut().push((self.name(name), tensor.shallow_clone()));
        tensor
    }

    /// All parameters registered from the root on.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters::new(
            self.all.borrow().iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect(),
        )
    }
}
