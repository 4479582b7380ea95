//! A residual perceptron for plain vectors, told ln σ.
//!
//! In few dimensions the norm of a point does not reveal its noise level (Proposition 2 needs many), so Technique 3
//! alone cannot work: ln σ is a further input. Points are scaled to unit size at every level, and the network predicts
//! the noise, which Technique 3 then divides by σ.

use tch::Tensor;

use super::layers::{Context, elu};
use super::registry::{Init, Scope};

/// Residual blocks.
const BLOCKS: usize = 3;
/// Angular frequencies of the sines and cosines of the scaled point among the inputs.
///
/// Source: Tancik et al. (2020), "Fourier features let networks learn high frequency functions in low dimensional domains".
const FREQUENCIES: [f64; 3] = [1.0, 2.0, 4.0];

#[derive(Debug)]
struct Linear {
    name: String,
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn new(scope: &Scope, inputs: i64, outputs: i64) -> Self {
        let init = Init::Uniform { fan_in: inputs };
        Self {
            name: scope.prefix().to_owned(),
            weight: scope.parameter("weight", &[outputs, inputs], init),
            bias: scope.parameter("bias", &[outputs], init),
        }
    }

    fn forward(&self, x: &Tensor, context: Context) -> Tensor {
        let y = x.linear(&self.weight, Some(&self.bias));
        let flop = || 2.0 * self.weight.size()[1] as f64 * y.numel() as f64;
        context.see(&self.name, &y, flop, &[&self.weight, &self.bias]);
        y
    }
}

/// Linear → 3 × {h + linear(ELU(linear(ELU(h))))} → ELU → linear, from ln σ, u = x/√(1 + σ²), sin ωu and cos ωu.
#[derive(Debug)]
pub struct Mlp {
    begin: Linear,
    /// A row for each class, `[classes + 1, width]`, added to the first hidden layer.
    classes: Option<Tensor>,
    blocks: Vec<[Linear; 2]>,
    end: Linear,
}

impl Mlp {
    /// For vectors of `dim` entries, with `width` hidden units.
    ///
    /// # Arguments
    /// * `classes` — rows of what is added for a class, if the network is told classes
    pub fn new(scope: &Scope, dim: i64, width: i64, classes: Option<i64>) -> Self {
        let inputs = dim * (1 + 2 * FREQUENCIES.len() as i64) + 1;
        let begin = Linear::new(&scope.sub("begin"), inputs, width);
        let classes = classes.map(|rows| {
            scope.sub("classes").parameter("weight", &[rows, width], Init::Uniform { fan_in: 1 })
        });
        let blocks = (0..BLOCKS)
            .map(|i| {
                let scope = scope.sub("blocks").sub(i.to_string());
                [
                    Linear::new(&scope.sub("linear1"), width, width),
                    Linear::new(&scope.sub("linear2"), width, width),
                ]
            })
            .collect();
        Self { begin, classes, blocks, end: Linear::new(&scope.sub("end"), width, dim) }
    }

    /// `[batch, dim]`, and σ of each `[batch, 1]` → `[batch, dim]`.
    pub fn forward(&self, x: &Tensor, sigma: &Tensor, context: Context) -> Tensor {
        let scaled = x / (sigma * sigma + 1.0).sqrt();
        let mut inputs = vec![sigma.log()];
        for frequency in FREQUENCIES {
            let angle = &scaled * frequency;
            inputs.extend([angle.sin(), angle.cos()]);
        }
        inputs.push(scaled);
        let mut h = self.begin.forward(&Tensor::cat(&inputs, 1), context);
        if let Some(classes) = &self.classes {
            h += classes.index_select(0, context.rows);
        }
        for [linear1, linear2] in &self.blocks {
            h = &h + linear2.forward(&elu(&linear1.forward(&elu(&h), context)), context);
        }
        self.end.forward(&elu(&h), context)
    }
}
