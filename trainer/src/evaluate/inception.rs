//! The network whose features FID compares: Inception v3 with the pooling of the TensorFlow original.
//!
//! Its weights are the file `pt_inception-2015-12-05` of pytorch-fid, or any `.pth` or `.safetensors` file with the keys
//! of torchvision's `inception_v3`.
//!
//! ```text
//! stem      299² → 149 → 147 → 147 → max 73 → 73 → 71 → max 35       192 channels
//! 5b to 5d  35²   1×1, 5×5, 3×3 twice, pool                           256, 288, 288
//! 6a        17²   3×3/2, 3×3 twice/2, max                             768
//! 6b to 6e  17²   1×1, 7×7 in two parts, twice, pool                  768
//! 7a        8²    3×3/2, 7×7 and 3×3/2, max                           1280
//! 7b, 7c    8²    1×1, 3×3 side by side, twice, pool                  2048
//! mean over the 8 × 8 places                                          2048 features
//! ```
//!
//! The pools inside average over the places within the image only, and that of 7c takes the maximum: the two points in
//! which the original differs from torchvision's network.
//!
//! Source: Szegedy et al. (2016), "Rethinking the Inception Architecture for Computer Vision"; torchvision 0.26
//! `inception.py` for keys and sizes.

use std::collections::HashMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use crate::authors::{self, Named};
use crate::weights::Weights;
use crate::{Error, torch};

/// Number of features.
pub const FEATURES: i64 = 2048;
/// Side of the images that the network is given.
const SIDE: i64 = 299;
/// ε of its batch normalisation.
const NORM_EPSILON: f64 = 1e-3;

/// Channels of sFID.
const SPATIAL_CHANNELS: i64 = 7;
/// Key of the classifier's weight.
const CLASSIFIER: &str = "fc.weight";

const STEM: [&str; 5] = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"];
/// Blocks of one kind, and the convolutions in each.
#[rustfmt::skip]
const BLOCKS: [(&[&str], &[&str]); 5] = [
    (&["Mixed_5b", "Mixed_5c", "Mixed_5d"],
     &["branch1x1", "branch5x5_1", "branch5x5_2", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", "branch_pool"]),
    (&["Mixed_6a"],
     &["branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]),
    (&["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"],
     &["branch1x1", "branch7x7_1", "branch7x7_2", "branch7x7_3", "branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3",
       "branch7x7dbl_4", "branch7x7dbl_5", "branch_pool"]),
    (&["Mixed_7a"],
     &["branch3x3_1", "branch3x3_2", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"]),
    (&["Mixed_7b", "Mixed_7c"],
     &["branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_1", "branch3x3dbl_2",
       "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"]),
];

/// Names of all convolutions.
fn layer_names() -> impl Iterator<Item = String> {
    let blocks = BLOCKS.iter().flat_map(|(blocks, branches)| {
        blocks.iter().flat_map(|block| branches.iter().map(move |branch| format!("{block}.{branch}")))
    });
    STEM.iter().map(|layer| (*layer).to_owned()).chain(blocks)
}

/// Inception v3 up to its last pool.
#[derive(Debug)]
pub struct Inception {
    /// Weight and bias of each convolution, with its normalisation multiplied in.
    layers: HashMap<String, (Tensor, Tensor)>,
    /// Weight of the classifier, `[classes, 2048]`, where the file has one.
    classifier: Option<Tensor>,
    device: Device,
}

impl Inception {
    /// Reads the weights.
    ///
    /// # Errors
    /// Those of [`authors::read`]; [`Error::Content`] for the weights of another network.
    pub fn read(path: &Path, device: Device) -> Result<Self, Error> {
        let imported = authors::read(path)?;
        Self::new(imported.weights(Weights::Raw)?, path, device)
    }

    /// The network with given weights; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Content`] for the weights of another network.
    pub fn new(weights: &Named, path: &Path, device: Device) -> Result<Self, Error> {
        let find = |name: String| {
            let tensor = weights.iter().find(|(known, _)| *known == name).map(|(_, tensor)| tensor);
            tensor.ok_or_else(|| foreign(path, format!("has no {name}")))
        };
        let mut layers = HashMap::new();
        for layer in layer_names() {
            let weight = find(format!("{layer}.conv.weight"))?;
            let norm = |part: &str| find(format!("{layer}.bn.{part}"));
            let (scale, shift) = (norm("weight")?, norm("bias")?);
            let (mean, variance) = (norm("running_mean")?, norm("running_var")?);
            let folded = torch::attempt(|| {
                let factor = scale / (variance + NORM_EPSILON).sqrt();
                let tensors = [weight * factor.view([-1, 1, 1, 1]), shift - mean * &factor];
                tensors.map(|tensor| tensor.to_device(device).to_kind(Kind::Float))
            });
            let [weight, bias] = folded.map_err(|_| foreign(path, format!("has a {layer} of odd shape")))?;
            layers.insert(layer, (weight, bias));
        }
        let classifier = weights.iter().find(|(name, _)| name == CLASSIFIER).map(|(_, weight)| weight);
        if let Some(weight) =
            classifier.filter(|weight| !matches!(weight.size()[..], [2..=i64::MAX, FEATURES]))
        {
            return Err(foreign(path, format!("has a {CLASSIFIER} of shape {:?}", weight.size())));
        }
        let classifier = classifier.map(|weight| weight.to_device(device).to_kind(Kind::Float));
        let network = Self { layers, classifier, device };
        // The smallest image that the network takes goes through every layer, so that other shapes are found here.
        let image = Tensor::zeros([1, 3, 75, 75], (Kind::Float, device));
        match torch::attempt(|| tch::no_grad(|| network.forward(&image))) {
            Ok([features, _]) if features.size() == [1, FEATURES] => Ok(network),
            _ => Err(foreign(path, "has layers of other shapes".to_owned())),
        }
    }

    /// Features of images.
    ///
    /// # Arguments
    /// * `images` — `[count, 1 or 3, height, width]` in [0, 1]; a single channel stands for all three
    ///
    /// # Returns
    /// `[count, 2048]` in single precision. Images are resized to 299 × 299 by bilinear interpolation without
    /// antialiasing, as pytorch-fid does.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::Torch`] for other shapes.
    pub fn features(&self, images: &Tensor) -> Result<Tensor, Error> {
        self.with_spatial(images).map(|[features, _]| features)
    }

    /// Features of images, and those of sFID.
    ///
    /// # Returns
    /// As [`Self::features`], and `[count, 2023]`: the first 7 channels of 17 × 17 places that block 6d begins with, those of
    /// its 1×1 convolution after rectification. In the TensorFlow original that is `mixed_6/conv`.
    ///
    /// # Errors
    /// As [`Self::features`].
    ///
    /// # Source
    /// Nash et al. (2021), "Generating images with sparse representations"; guided-diffusion, `evaluations/evaluator.py`, for the
    /// layer; torch-fidelity, `convert_inception_weights.py`, for its name here.
    pub fn with_spatial(&self, images: &Tensor) -> Result<[Tensor; 2], Error> {
        torch::attempt(|| {
            tch::no_grad(|| {
                let images = images.to_device(self.device).to_kind(Kind::Float);
                let size = images.size();
                let images = images.expand([size[0], 3, size[2], size[3]], false);
                let resized = images.upsample_bilinear2d([SIDE, SIDE], false, None, None);
                self.forward(&(resized * 2.0 - 1.0))
            })
        })
    }

    /// Whether the file has a classifier.
    #[must_use]
    pub const fn has_classifier(&self) -> bool {
        self.classifier.is_some()
    }

    /// Logits of features `[count, 2048]`, `[count, classes]`, without the classifier's bias, as the Inception score is taken
    /// of them; none where the file has no classifier.
    ///
    /// # Errors
    /// Those of torch.
    pub fn logits(&self, features: &Tensor) -> Result<Option<Tensor>, Error> {
        let classifier = self.classifier.as_ref();
        classifier.map(|weight| torch::attempt(|| features.matmul(&weight.tr()))).transpose()
    }

    fn forward(&self, x: &Tensor) -> [Tensor; 2] {
        let max = |x: &Tensor| x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false);
        let x = self.conv(x, "Conv2d_1a_3x3", 2, [0, 0]);
        let x = self.conv(&x, "Conv2d_2a_3x3", 1, [0, 0]);
        let x = max(&self.conv(&x, "Conv2d_2b_3x3", 1, [1, 1]));
        let x = self.conv(&x, "Conv2d_3b_1x1", 1, [0, 0]);
        let x = max(&self.conv(&x, "Conv2d_4a_3x3", 1, [0, 0]));
        let x = self.a(&self.a(&self.a(&x, "Mixed_5b"), "Mixed_5c"), "Mixed_5d");
        let x = self.b(&x, "Mixed_6a");
        let x = self.c(&self.c(&self.c(&x, "Mixed_6b"), "Mixed_6c"), "Mixed_6d");
        let spatial = x.narrow(1, 0, SPATIAL_CHANNELS).flatten(1, -1);
        let x = self.c(&x, "Mixed_6e");
        let x = self.d(&x, "Mixed_7a");
        let x = self.e(&x, "Mixed_7b", mean_inside);
        let x = self.e(&x, "Mixed_7c", |x| x.max_pool2d([3, 3], [1, 1], [1, 1], [1, 1], false));
        [x.mean_dim([2, 3].as_slice(), false, Kind::Float), spatial]
    }

    fn a(&self, x: &Tensor, block: &str) -> Tensor {
        let go = self.branches(block);
        let one = go(x, "branch1x1", 1, [0, 0]);
        let five = go(&go(x, "branch5x5_1", 1, [0, 0]), "branch5x5_2", 1, [2, 2]);
        let three = go(&go(x, "branch3x3dbl_1", 1, [0, 0]), "branch3x3dbl_2", 1, [1, 1]);
        let three = go(&three, "branch3x3dbl_3", 1, [1, 1]);
        let pool = go(&mean_inside(x), "branch_pool", 1, [0, 0]);
        Tensor::cat(&[one, five, three, pool], 1)
    }

    fn b(&self, x: &Tensor, block: &str) -> Tensor {
        let go = self.branches(block);
        let three = go(x, "branch3x3", 2, [0, 0]);
        let twice = go(&go(x, "branch3x3dbl_1", 1, [0, 0]), "branch3x3dbl_2", 1, [1, 1]);
        let twice = go(&twice, "branch3x3dbl_3", 2, [0, 0]);
        Tensor::cat(&[three, twice, x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false)], 1)
    }

    fn c(&self, x: &Tensor, block: &str) -> Tensor {
        let go = self.branches(block);
        let one = go(x, "branch1x1", 1, [0, 0]);
        let seven = go(&go(x, "branch7x7_1", 1, [0, 0]), "branch7x7_2", 1, [0, 3]);
        let seven = go(&seven, "branch7x7_3", 1, [3, 0]);
        let twice = go(&go(x, "branch7x7dbl_1", 1, [0, 0]), "branch7x7dbl_2", 1, [3, 0]);
        let twice = go(&go(&twice, "branch7x7dbl_3", 1, [0, 3]), "branch7x7dbl_4", 1, [3, 0]);
        let twice = go(&twice, "branch7x7dbl_5", 1, [0, 3]);
        let pool = go(&mean_inside(x), "branch_pool", 1, [0, 0]);
        Tensor::cat(&[one, seven, twice, pool], 1)
    }

    fn d(&self, x: &Tensor, block: &str) -> Tensor {
        let go = self.branches(block);
        let three = go(&go(x, "branch3x3_1", 1, [0, 0]), "branch3x3_2", 2, [0, 0]);
        let seven = go(&go(x, "branch7x7x3_1", 1, [0, 0]), "branch7x7x3_2", 1, [0, 3]);
        let seven = go(&go(&seven, "branch7x7x3_3", 1, [3, 0]), "branch7x7x3_4", 2, [0, 0]);
        Tensor::cat(&[three, seven, x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false)], 1)
    }

    fn e(&self, x: &Tensor, block: &str, pool: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let go = self.branches(block);
        let one = go(x, "branch1x1", 1, [0, 0]);
        let three = go(x, "branch3x3_1", 1, [0, 0]);
        let [wide, high] = [go(&three, "branch3x3_2a", 1, [0, 1]), go(&three, "branch3x3_2b", 1, [1, 0])];
        let twice = go(&go(x, "branch3x3dbl_1", 1, [0, 0]), "branch3x3dbl_2", 1, [1, 1]);
        let [wider, higher] =
            [go(&twice, "branch3x3dbl_3a", 1, [0, 1]), go(&twice, "branch3x3dbl_3b", 1, [1, 0])];
        let pool = go(&pool(x), "branch_pool", 1, [0, 0]);
        Tensor::cat(&[one, wide, high, wider, higher, pool], 1)
    }

    /// Convolutions by their names within a block.
    fn branches(&self, block: &str) -> impl Fn(&Tensor, &str, i64, [i64; 2]) -> Tensor {
        move |x, branch, stride, padding| self.conv(x, &format!("{block}.{branch}"), stride, padding)
    }

    /// Convolution, normalisation, rectification.
    fn conv(&self, x: &Tensor, layer: &str, stride: i64, padding: [i64; 2]) -> Tensor {
        let (weight, bias) = &self.layers[layer];
        x.conv2d(weight, Some(bias), [stride, stride], padding, [1, 1], 1).relu()
    }
}

/// Mean over 3 × 3 places, of those within the image.
fn mean_inside(x: &Tensor) -> Tensor {
    x.avg_pool2d([3, 3], [1, 1], [1, 1], false, false, None)
}

fn foreign(path: &Path, found: String) -> Error {
    let expected = "the weights of Inception v3, such as pt_inception-2015-12-05".to_owned();
    Error::content(path, found, expected)
}
