//! Blocks of RefineNet as NCSN uses them: residual, residual convolution unit, multi-scale fusion, chained pooling.
//!
//! Each block has a conditional form, with a normalisation for every noise level before its convolutions (NCSN), and a
//! plain one (NCSNv2), whose normalisations may have a row for each class. Parameters are registered in the order of the authors' code.

use tch::Tensor;

use super::layers::{Context, Conv, ConvShape, Norm, Norms, elu, mean_around, mean_pool};
use super::registry::Scope;

/// What a residual block does to height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// Nothing.
    Keep,
    /// Halves both.
    Halve,
    /// Keeps them, and convolves with this dilation instead of halving.
    Dilate(i64),
}

/// norm → ELU → convolution, twice, added to a shortcut.
#[derive(Debug)]
pub struct ResBlock {
    conv1: Conv,
    normalize2: Norm,
    conv2: Conv,
    shortcut: Option<Conv>,
    normalize1: Norm,
    halve: bool,
}

impl ResBlock {
    /// # Arguments
    /// * `first` — whether it is the first of a stage, which changes the number of channels and resamples
    /// * `norms` — their form
    #[must_use]
    pub fn new(
        scope: &Scope,
        [inputs, outputs]: [i64; 2],
        resample: Resample,
        first: bool,
        norms: Norms,
    ) -> Self {
        let dilation = if let Resample::Dilate(dilation) = resample { dilation } else { 1 };
        let halve = first && resample == Resample::Halve;
        let resamples = first && resample != Resample::Keep;
        let middle = if resamples { inputs } else { outputs };
        let dilated = |inputs, outputs| ConvShape { dilation, ..ConvShape::same(inputs, outputs) };
        // Key of a convolution that is followed by pooling.
        let pooled = |name: &str| if halve { scope.sub(name).sub("conv") } else { scope.sub(name) };
        let conv1 = Conv::new(&scope.sub("conv1"), dilated(inputs, middle));
        let normalize2 = Norm::new(&scope.sub("normalize2"), middle, norms);
        let conv2 = Conv::new(&pooled("conv2"), dilated(middle, outputs));
        let shortcut = (inputs != outputs || resamples).then(|| {
            let side = if resamples && !halve { 3 } else { 1 };
            Conv::new(&pooled("shortcut"), ConvShape { side, ..dilated(inputs, outputs) })
        });
        let normalize1 = Norm::new(&scope.sub("normalize1"), inputs, norms);
        Self { conv1, normalize2, conv2, shortcut, normalize1, halve }
    }

    /// `[batch, in, height, width]` → `[batch, out, height, width]`, or half of both sides.
    pub fn forward<'net>(&'net self, x: &Tensor, context: Context<'_, 'net>) -> Tensor {
        context.part(&[x], |x, context| self.block(&x[0], context))
    }

    fn block(&self, x: &Tensor, context: Context) -> Tensor {
        let h = self.conv1.forward(&self.normalize1.activated(x, context), context);
        let mut h = self.conv2.forward(&self.normalize2.activated(&h, context), context);
        if self.halve {
            h = mean_pool(&h);
        }
        let Some(shortcut) = &self.shortcut else {
            return h + x;
        };
        if self.halve {
            // A 1×1 convolution and the mean commute; a quarter of the pixels are left to convolve.
            h + shortcut.forward(&mean_pool(x), context)
        } else {
            h + shortcut.forward(x, context)
        }
    }
}

/// A normalisation, if conditional, before a 3×3 convolution without bias.
#[derive(Debug)]
struct Unit {
    norm: Option<Norm>,
    conv: Conv,
}

impl Unit {
    fn new(norm: &Scope, conv: &Scope, channels: i64, norms: Norms) -> Self {
        let norm = norms.everywhere().then(|| Norm::new(norm, channels, norms));
        let shape = ConvShape { bias: false, ..ConvShape::same(channels, channels) };
        Self { norm, conv: Conv::new(conv, shape) }
    }

    fn activated(&self, x: &Tensor, context: Context) -> Tensor {
        self.norm.as_ref().map_or_else(|| elu(x), |norm| norm.activated(x, context))
    }

    fn normalize(&self, x: &Tensor, context: Context) -> Tensor {
        self.norm.as_ref().map_or_else(|| x.shallow_clone(), |norm| norm.forward(x, context))
    }
}

/// Residual convolution units: n × {x + conv(ELU(conv(ELU(x))))}.
#[derive(Debug)]
struct ResidualUnits {
    units: Vec<[Unit; 2]>,
}

impl ResidualUnits {
    fn new(scope: &Scope, channels: i64, blocks: usize, norms: Norms) -> Self {
        let unit = |block: usize, stage: usize| {
            let name = |what| scope.sub(format!("{block}_{stage}_{what}"));
            Unit::new(&name("norm"), &name("conv"), channels, norms)
        };
        Self { units: (1..=blocks).map(|block| [unit(block, 1), unit(block, 2)]).collect() }
    }

    fn forward<'net>(&'net self, x: &Tensor, context: Context<'_, 'net>) -> Tensor {
        let mut x = x.shallow_clone();
        for stages in &self.units {
            x = context.part(&[&x], move |x, context| {
                let mut h = x[0].shallow_clone();
                for unit in stages {
                    h = unit.conv.forward(&unit.activated(&h, context), context);
                }
                h + &x[0]
            });
        }
        x
    }
}

/// Multi-scale fusion: Σ bilinear(conv(h_i)) at the size of the first input.
#[derive(Debug)]
struct Fusion {
    convs: Vec<Conv>,
    norms: Vec<Norm>,
}

impl Fusion {
    fn new(scope: &Scope, inputs: &[i64], outputs: i64, norms: Norms) -> Self {
        let convs = inputs
            .iter()
            .enumerate()
            .map(|(i, &channels)| {
                Conv::new(&scope.sub("convs").sub(i.to_string()), ConvShape::same(channels, outputs))
            })
            .collect();
        let norm = |(i, &channels)| Norm::new(&scope.sub("norms").sub(format!("{i}")), channels, norms);
        let inputs = inputs.iter().enumerate().filter(|_| norms.everywhere());
        Self { convs, norms: inputs.map(norm).collect() }
    }

    fn forward<'net>(&'net self, inputs: &[Tensor], size: &[i64], context: Context<'_, 'net>) -> Tensor {
        let size = size.to_vec();
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        context.part(&inputs, move |inputs, context| self.fused(inputs, &size, context))
    }

    fn fused(&self, inputs: &[Tensor], size: &[i64], context: Context) -> Tensor {
        let scaled = inputs.iter().enumerate().map(|(i, x)| {
            let h = match self.norms.get(i) {
                Some(norm) => self.convs[i].forward(&norm.forward(x, context), context),
                None => self.convs[i].forward(x, context),
            };
            if h.size()[2..] == *size { h } else { h.upsample_bilinear2d(size, true, None, None) }
        });
        scaled.reduce(|sum, h| sum + h).unwrap_or_default()
    }
}

/// Chained residual pooling: x = ELU(x); path = x; twice: path = conv(pool(path)), x += path.
///
/// Pools are 5×5 with stride 1: maxima in the plain form, in the conditional one means that count pixels outside as 0.
#[derive(Debug)]
struct ChainedPooling {
    stages: Vec<Unit>,
}

impl ChainedPooling {
    fn new(scope: &Scope, channels: i64, norms: Norms) -> Self {
        // All convolutions are registered before the norms.
        let convs: Vec<Conv> = (0..2)
            .map(|i| {
                let shape = ConvShape { bias: false, ..ConvShape::same(channels, channels) };
                Conv::new(&scope.sub("convs").sub(i.to_string()), shape)
            })
            .collect();
        let stages = convs
            .into_iter()
            .enumerate()
            .map(|(i, conv)| {
                let norm = norms
                    .everywhere()
                    .then(|| Norm::new(&scope.sub("norms").sub(i.to_string()), channels, norms));
                Unit { norm, conv }
            })
            .collect();
        Self { stages }
    }

    fn forward<'net>(&'net self, x: &Tensor, context: Context<'_, 'net>) -> Tensor {
        context.part(&[x], |x, context| self.pooled(&x[0], context))
    }

    fn pooled(&self, x: &Tensor, context: Context) -> Tensor {
        let mut x = elu(x);
        let mut path = x.shallow_clone();
        for stage in &self.stages {
            let normalized = stage.normalize(&path, context);
            let pooled = match stage.norm {
                None => normalized.max_pool2d([5], [1], [2], [1], false),
                Some(_) => mean_around(&normalized),
            };
            path = stage.conv.forward(&pooled, context);
            x = &path + x;
        }
        x
    }
}

/// RefineNet block: residual units on each input, fusion of several inputs, chained pooling, residual units.
#[derive(Debug)]
pub struct RefineBlock {
    adapt_convs: Vec<ResidualUnits>,
    output_convs: ResidualUnits,
    msf: Option<Fusion>,
    crp: ChainedPooling,
}

impl RefineBlock {
    /// # Arguments
    /// * `inputs` — channels of each input, the largest image first
    /// * `last` — whether it is the last of the network, with three output units instead of one
    #[must_use]
    pub fn new(scope: &Scope, inputs: &[i64], outputs: i64, last: bool, norms: Norms) -> Self {
        let adapt = |(i, &channels): (usize, &i64)| {
            ResidualUnits::new(&scope.sub("adapt_convs").sub(i.to_string()), channels, 2, norms)
        };
        let adapt_convs = inputs.iter().enumerate().map(adapt).collect();
        let units = if last { 3 } else { 1 };
        let output_convs = ResidualUnits::new(&scope.sub("output_convs"), outputs, units, norms);
        let msf = (inputs.len() > 1).then(|| Fusion::new(&scope.sub("msf"), inputs, outputs, norms));
        let crp = ChainedPooling::new(&scope.sub("crp"), outputs, norms);
        Self { adapt_convs, output_convs, msf, crp }
    }

    /// Inputs `[batch, in_i, height_i, width_i]` → `[batch, out, height, width]`.
    pub fn forward<'net>(&'net self, inputs: &[&Tensor], size: &[i64], context: Context<'_, 'net>) -> Tensor {
        let mut adapted: Vec<Tensor> =
            self.adapt_convs.iter().zip(inputs).map(|(units, x)| units.forward(x, context)).collect();
        let h = match &self.msf {
            Some(fusion) => fusion.forward(&adapted, size, context),
            None => adapted.swap_remove(0),
        };
        self.output_convs.forward(&self.crp.forward(&h, context), context)
    }
}
