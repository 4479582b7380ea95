//! The image networks of Tables 2 and 3: RefineNet on a residual backbone with dilation.

use tch::Tensor;

use super::architecture::Depth;
use super::blocks::{RefineBlock, ResBlock, Resample};
use super::layers::{Context, Conv, ConvShape, Norm, Norms};
use super::registry::Scope;

/// One stage of the backbone: two residual blocks.
struct Stage {
    name: &'static str,
    /// Channels in units of the number of filters.
    width: i64,
    resample: Resample,
    /// Channels of the refine block that reads it.
    refined: i64,
}

impl Stage {
    const fn new(name: &'static str, width: i64, resample: Resample, refined: i64) -> Self {
        Self { name, width, resample, refined }
    }
}

/// Tables 2 and 3, from the full image downwards.
const fn stages(depth: Depth) -> &'static [Stage] {
    use Resample::{Dilate, Halve, Keep};
    match depth {
        Depth::Shallow => {
            &const {
                [
                    Stage::new("1", 1, Keep, 1),
                    Stage::new("2", 2, Halve, 1),
                    Stage::new("3", 2, Dilate(2), 2),
                    Stage::new("4", 2, Dilate(4), 2),
                ]
            }
        }
        Depth::Deeper => {
            &const {
                [
                    Stage::new("1", 1, Keep, 1),
                    Stage::new("2", 2, Halve, 1),
                    Stage::new("3", 2, Halve, 2),
                    Stage::new("4", 4, Dilate(2), 2),
                    Stage::new("5", 4, Dilate(4), 4),
                ]
            }
        }
        Depth::Deepest => {
            &const {
                [
                    Stage::new("1", 1, Keep, 1),
                    Stage::new("2", 2, Halve, 1),
                    Stage::new("3", 2, Halve, 2),
                    Stage::new("31", 2, Halve, 2),
                    Stage::new("4", 4, Dilate(2), 2),
                    Stage::new("5", 4, Dilate(4), 4),
                ]
            }
        }
    }
}

/// Order in which the authors' code registers the refine blocks of the deepest network, as indices of evaluation.
const DEEPEST_ORDER: [usize; 6] = [0, 1, 3, 2, 4, 5];

/// A network from images to images of the same shape.
#[derive(Debug)]
pub struct RefineNet {
    begin_conv: Conv,
    normalizer: Norm,
    end_conv: Conv,
    stages: Vec<[ResBlock; 2]>,
    /// From the deepest stage to the full image.
    refine: Vec<RefineBlock>,
}

impl RefineNet {
    /// # Arguments
    /// * `channels` — of the images
    /// * `filters` — n of Tables 2 and 3
    /// * `norms` — form of the normalisations
    pub fn new(scope: &Scope, depth: Depth, channels: i64, filters: i64, norms: Norms) -> Self {
        let stages = stages(depth);
        let begin_conv = Conv::new(&scope.sub("begin_conv"), ConvShape::same(channels, filters)).exact();
        let normalizer = Norm::new(&scope.sub("normalizer"), filters, norms).exact();
        let end_conv = Conv::new(&scope.sub("end_conv"), ConvShape::same(filters, channels)).exact();
        let mut width = filters;
        let blocks = stages
            .iter()
            .map(|stage| {
                let (before, after) = (width, stage.width * filters);
                width = after;
                let scope = scope.sub(format!("res{}", stage.name));
                let block = |i: usize, inputs, first| {
                    let scope = scope.sub(i.to_string());
                    ResBlock::new(&scope, [inputs, after], stage.resample, first, norms)
                };
                [block(0, before, true), block(1, after, false)]
            })
            .collect();
        // refine1 reads the deepest stage alone, each later one a stage and the block before.
        let names: &[&str] = match depth {
            Depth::Shallow => &["1", "2", "3", "4"],
            Depth::Deeper => &["1", "2", "3", "4", "5"],
            Depth::Deepest => &["1", "2", "31", "3", "4", "5"],
        };
        let count = stages.len();
        let build = |k: usize| {
            let stage = &stages[count - 1 - k];
            let mut inputs = vec![stage.width * filters];
            if k > 0 {
                inputs.push(stages[count - k].refined * filters);
            }
            let scope = scope.sub(format!("refine{}", names[k]));
            RefineBlock::new(&scope, &inputs, stage.refined * filters, k + 1 == count, norms)
        };
        let mut order: Vec<usize> = (0..count).collect();
        if depth == Depth::Deepest {
            order.copy_from_slice(&DEEPEST_ORDER);
        }
        let mut refine: Vec<(usize, RefineBlock)> = order.into_iter().map(|k| (k, build(k))).collect();
        refine.sort_by_key(|&(k, _)| k);
        let refine = refine.into_iter().map(|(_, block)| block).collect();
        Self { begin_conv, normalizer, end_conv, stages: blocks, refine }
    }

    /// `[batch, channels, height, width]` → the same shape.
    pub fn forward<'net>(&'net self, x: &Tensor, context: Context<'_, 'net>) -> Tensor {
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.stages.len());
        let mut h = context.part(&[x], |x, context| self.begin_conv.forward(&x[0], context));
        for blocks in &self.stages {
            for block in blocks {
                h = block.forward(&h, context);
            }
            outputs.push(h.shallow_clone());
        }
        let mut refined: Option<Tensor> = None;
        for (block, stage) in self.refine.iter().zip(outputs.iter().rev()) {
            let inputs: Vec<&Tensor> = [stage].into_iter().chain(&refined).collect();
            refined = Some(block.forward(&inputs, &stage.size()[2..], context));
        }
        let h = refined.unwrap_or(h);
        context.part(&[&h], |h, context| {
            self.end_conv.forward(&self.normalizer.activated(&h[0], context), context)
        })
    }
}
