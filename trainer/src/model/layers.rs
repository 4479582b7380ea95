//! Convolution, InstanceNorm++ and its conditional form: the layers that have parameters.

use tch::{Kind, Tensor};

use super::registry::{Init, Scope};
use super::tape::Tape;
use crate::torch::{self, Rounding};

/// Added to variances before the square root, as in PyTorch's `InstanceNorm2d`.
pub(crate) const VARIANCE_FLOOR: f64 = 1e-5;

/// What a layer has done, for whoever watches a forward pass.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Name of the layer.
    pub layer: &'a str,
    /// Its result, `[batch, …]`.
    pub output: &'a Tensor,
    /// Multiplications and additions that its formula takes, for the whole batch.
    pub flop: f64,
    /// Number of its parameters' values.
    pub parameters: usize,
}

/// What a forward pass of a network that lives for `'net` carries along beside the images.
#[derive(Clone, Copy)]
pub struct Context<'a, 'net> {
    /// Row of each image in what is conditional, `[batch]`, int64: its noise level (NCSN), or its class.
    pub rows: &'a Tensor,
    /// Told of every layer with parameters, in order of evaluation.
    pub watch: Option<&'a dyn Fn(Seen)>,
    /// Keeps the parts of the pass, for gradient checkpointing.
    pub tape: Option<&'a Tape<'net>>,
}

impl<'net> Context<'_, 'net> {
    /// A part of the pass: what lies within it is computed again for its gradients where there is a tape.
    pub(super) fn part(
        self,
        inputs: &[&Tensor],
        forward: impl Fn(&[Tensor], Context<'_, 'net>) -> Tensor + 'net,
    ) -> Tensor {
        let Some(tape) = self.tape else {
            let inputs: Vec<Tensor> = inputs.iter().map(|input| input.shallow_clone()).collect();
            return forward(&inputs, self);
        };
        let rows = self.rows.shallow_clone();
        tape.run(inputs, move |inputs| forward(inputs, Context { rows: &rows, watch: None, tape: None }))
    }

    pub(super) fn see(&self, layer: &str, output: &Tensor, flop: impl Fn() -> f64, parameters: &[&Tensor]) {
        if let Some(watch) = self.watch {
            let parameters = parameters.iter().map(|tensor| tensor.numel()).sum();
            watch(Seen { layer, output, flop: flop(), parameters });
        }
    }
}

/// 1×1 or 3×3 convolution with stride 1 that keeps height and width.
#[derive(Debug)]
pub struct Conv {
    name: String,
    weight: Tensor,
    bias: Option<Tensor>,
    dilation: i64,
    rounding: Rounding,
}

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels in.
    pub inputs: i64,
    /// Channels out.
    pub outputs: i64,
    /// Side of the kernel, 1 or 3.
    pub side: i64,
    /// Distance of the pixels that the kernel meets.
    pub dilation: i64,
    /// Whether a constant is added to each channel.
    pub bias: bool,
}

impl ConvShape {
    /// 3×3 with bias, without dilation.
    #[must_use]
    pub fn same(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, side: 3, dilation: 1, bias: true }
    }
}

impl Conv {
    /// Registers `weight` `[out, in, side, side]` and, if asked for, `bias` `[out]`.
    #[must_use]
    pub fn new(scope: &Scope, shape: ConvShape) -> Self {
        let ConvShape { inputs, outputs, side, dilation, bias } = shape;
        let init = Init::Uniform { fan_in: inputs * side * side };
        Self {
            name: scope.prefix().to_owned(),
            weight: scope.parameter("weight", &[outputs, inputs, side, side], init),
            bias: bias.then(|| scope.parameter("bias", &[outputs], init)),
            dilation,
            rounding: Rounding::Allowed,
        }
    }

    /// The same, with factors that are not rounded in the forward pass at any precision.
    ///
    /// At σ = 0.01, noise is smaller than half a unit of bfloat16's last place at 1: the first convolution must see the
    /// image itself, and the last must not round what is then divided by σ.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { rounding: Rounding::Never, ..self }
    }

    /// `[batch, in, height, width]` → `[batch, out, height, width]`.
    pub fn forward(&self, x: &Tensor, context: Context) -> Tensor {
        let side = self.weight.size()[2];
        let y = if side == 3 {
            torch::conv3x3(x, &self.weight, self.bias.as_ref(), self.dilation, self.rounding)
        } else {
            x.conv2d(&self.weight, self.bias.as_ref(), [1], [0], [1], 1)
        };
        let flop = || 2.0 * (self.weight.numel() / self.weight.size()[0] as usize) as f64 * y.numel() as f64;
        let parameters: Vec<&Tensor> = [&self.weight].into_iter().chain(&self.bias).collect();
        context.see(&self.name, &y, flop, &parameters);
        y
    }
}

/// InstanceNorm++: instance normalisation that keeps, normalised over the channels, the means that it removes.
///
/// # Formula
/// ```text
/// μ_c, v_c  mean and biased variance over the pixels;   m, s²  mean and unbiased variance of μ over the channels
/// out = γ·((x − μ)/√(v + 1e-5) + α·(μ − m)/√(s² + 1e-5)) + β
/// ```
/// Computed in single precision also where products are rounded to bfloat16.
///
/// In the conditional forms each noise level or class has its own γ | α | β, a row of `embed.weight` `[rows, 3·channels]`.
///
/// # Source
/// Song & Ermon (2019), Appendix A; (2020), Appendix B.1.
#[derive(Debug)]
pub struct Norm {
    name: String,
    affine: Affine,
    rounding: Rounding,
}

/// Which γ, α and β the normalisations of a network have, and where it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norms {
    /// One for all images (NCSNv2).
    Shared,
    /// One for each class, and one for images of any, in the same places.
    PerClass {
        /// Number of classes and 1.
        rows: i64,
    },
    /// One for each noise level, and before every convolution (NCSN).
    PerLevel {
        /// Number of levels.
        rows: i64,
    },
}

impl Norms {
    /// Whether the residual units, fusions and pools have normalisations too.
    pub(super) fn everywhere(self) -> bool {
        matches!(self, Self::PerLevel { .. })
    }
}

#[derive(Debug)]
enum Affine {
    Shared { alpha: Tensor, gamma: Tensor, beta: Tensor },
    Rows { embed: Tensor },
}

impl Norm {
    /// For `channels` channels.
    #[must_use]
    pub fn new(scope: &Scope, channels: i64, norms: Norms) -> Self {
        let affine = match norms {
            Norms::Shared => {
                let noisy = Init::Norm { noisy: channels };
                Affine::Shared {
                    alpha: scope.parameter("alpha", &[channels], noisy),
                    gamma: scope.parameter("gamma", &[channels], noisy),
                    beta: scope.parameter("beta", &[channels], Init::Zero),
                }
            }
            Norms::PerLevel { rows } | Norms::PerClass { rows } => {
                let init = Init::Norm { noisy: 2 * channels };
                Affine::Rows { embed: scope.sub("embed").parameter("weight", &[rows, 3 * channels], init) }
            }
        };
        Self { name: scope.prefix().to_owned(), affine, rounding: Rounding::Allowed }
    }

    /// The same, before a convolution that is [`Conv::exact`]: what it is given must not be rounded either.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { rounding: Rounding::Never, ..self }
    }

    /// `[batch, channels, height, width]` → the same shape.
    pub fn forward(&self, x: &Tensor, context: Context) -> Tensor {
        // What follows may be a mean or a maximum, which the plain path takes in single precision.
        self.fused(x, context, false, Rounding::Never).unwrap_or_else(|| self.plain(x, context))
    }

    /// The same, then [`elu`], before a convolution.
    pub fn activated(&self, x: &Tensor, context: Context) -> Tensor {
        self.fused(x, context, true, self.rounding).unwrap_or_else(|| elu(&self.plain(x, context)))
    }

    /// Both in few passes over memory, where there is a way and nobody watches what lies between.
    fn fused(&self, x: &Tensor, context: Context, activate: bool, rounding: Rounding) -> Option<Tensor> {
        if context.watch.is_some() {
            return None;
        }
        torch::norm(x, &self.affine(context), VARIANCE_FLOOR, activate, rounding)
    }

    /// γ, α and β of each image, `[1 or batch, channels]`.
    fn affine(&self, context: Context) -> [Tensor; 3] {
        match &self.affine {
            Affine::Shared { alpha, gamma, beta } => [gamma, alpha, beta].map(|values| values.unsqueeze(0)),
            Affine::Rows { embed } => {
                let rows = embed.index_select(0, context.rows);
                rows.chunk(3, 1).try_into().unwrap_or_else(|_| unreachable!("a row is 3·channels wide"))
            }
        }
    }

    fn plain(&self, x: &Tensor, context: Context) -> Tensor {
        let y = instance_norm_plus(x, &self.affine(context));
        // A subtraction, a multiplication and an addition at every pixel, besides the two moments.
        let parameters: Vec<&Tensor> = match &self.affine {
            Affine::Shared { alpha, gamma, beta } => vec![alpha, gamma, beta],
            Affine::Rows { embed } => vec![embed],
        };
        context.see(&self.name, &y, || 8.0 * y.numel() as f64, &parameters);
        y
    }
}

/// The formula of [`Norm`] by operators of torch, in double precision for doubles.
///
/// # Arguments
/// * `x` — `[batch, channels, height, width]`
/// * `affine` — γ, α, β, each `[1 or batch, channels]`
pub(crate) fn instance_norm_plus(x: &Tensor, [gamma, alpha, beta]: &[Tensor; 3]) -> Tensor {
    let x = &widened(x);
    let (variance, mean) = x.var_mean_correction([2_i64, 3].as_slice(), 0, true);
    let means = mean.flatten(1, -1);
    let (spread, centre) = means.var_mean_correction([1_i64].as_slice(), 1, true);
    let relative = (&means - centre) * (spread + VARIANCE_FLOOR).rsqrt();
    // The mean is taken off first: where it is many standard deviations, scale·x + shift would cancel.
    let scale = gamma * (variance + VARIANCE_FLOOR).rsqrt().flatten(1, -1);
    let shift = gamma * alpha * relative + beta;
    let per_pixel = |values: Tensor| values.unsqueeze(-1).unsqueeze(-1);
    per_pixel(shift).addcmul(&(x - mean), &per_pixel(scale))
}

/// At least single precision, in which moments are taken and removed.
fn widened(x: &Tensor) -> Tensor {
    match x.kind() {
        Kind::BFloat16 | Kind::Half => x.to_kind(Kind::Float),
        _ => x.shallow_clone(),
    }
}

/// Activation of all networks: x for x > 0, else eˣ − 1.
pub fn elu(x: &Tensor) -> Tensor {
    x.elu()
}

/// Mean over non-overlapping 2×2 blocks; a last odd row or column is dropped.
pub fn mean_pool(x: &Tensor) -> Tensor {
    x.avg_pool2d([2], [2], [0], false, true, None::<i64>)
}

/// Mean over 5×5 pixels around each, where pixels outside count as 0.
///
/// The edge is added before the pool: the padding of libtorch 2.11's own has wrong gradients on CUDA in channels-last
/// memory order (pytorch issue 188344); without padding it is right.
pub fn mean_around(x: &Tensor) -> Tensor {
    x.constant_pad_nd([2, 2, 2, 2]).avg_pool2d([5], [1], [0], false, true, None::<i64>)
}

/// Values of level indices as the kind that lookups take.
pub(crate) fn as_index(levels: &Tensor) -> Tensor {
    levels.to_kind(Kind::Int64)
}
