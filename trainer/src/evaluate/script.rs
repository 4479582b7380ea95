//! Features by a network of somebody else: any TorchScript module from images to vectors.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tch::{CModule, Device, IValue, Kind, TchError, Tensor};

use crate::{Error, checkpoint, torch};

/// What a module is given for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// 8-bit integers, 0 to 255.
    Bytes,
    /// Numbers from 0 to 1.
    Unit,
    /// Numbers from −1 to 1.
    Signed,
    /// Numbers less the mean of ImageNet's channels, divided by their standard deviation.
    Imagenet,
    /// The same with the mean and deviation of CLIP's training data.
    Clip,
    /// 8-bit integers, and `True` as a second argument: NVIDIA's inception-2015-12-05.pt then gives features, not classes.
    Nvidia,
}

const INPUTS: [(&str, Input); 6] = [
    ("bytes", Input::Bytes),
    ("unit", Input::Unit),
    ("signed", Input::Signed),
    ("imagenet", Input::Imagenet),
    ("clip", Input::Clip),
    ("nvidia", Input::Nvidia),
];

impl FromStr for Input {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let names = INPUTS.map(|(name, _)| name).join(", ");
        let found = INPUTS.iter().find(|(name, _)| *name == text);
        found.map(|&(_, input)| input).ok_or_else(|| Error::setting("input of the network", text, names))
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = INPUTS.iter().find(|(_, input)| input == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl Input {
    /// Mean and standard deviation of each channel, where the module wants numbers.
    ///
    /// Source: torchvision 0.26, `transforms/_presets.py`, for ImageNet; OpenAI's CLIP, `clip.py`.
    const fn scale(self) -> Option<[[f64; 3]; 2]> {
        match self {
            Self::Bytes | Self::Nvidia => None,
            Self::Unit => Some([[0.0; 3], [1.0; 3]]),
            Self::Signed => Some([[0.5; 3], [0.5; 3]]),
            Self::Imagenet => Some([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]),
            Self::Clip => {
                Some([[0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11]])
            }
        }
    }
}

/// How images are resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Bicubic (a = −½), antialiased.
    Bicubic,
    /// Bilinear, antialiased.
    Bilinear,
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "bicubic" => Ok(Self::Bicubic),
            "bilinear" => Ok(Self::Bilinear),
            _ => Err(Error::setting("filter of the network's images", text, "bicubic, bilinear")),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Bicubic { "bicubic" } else { "bilinear" })
    }
}

/// How a module is to be given images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Their values.
    pub input: Input,
    /// Side of the squares that they are resized to; none leaves them as they are.
    pub size: Option<u32>,
    /// How.
    pub filter: Filter,
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} input", self.input)?;
        self.size.map_or(Ok(()), |size| write!(f, " of {size} pixels, {}", self.filter))
    }
}

/// A module, and how it is given images.
#[derive(Debug)]
pub struct Script {
    module: CModule,
    convention: Convention,
    digest: String,
    path: PathBuf,
    device: Device,
}

impl Script {
    /// Loads a file of `torch.jit.save`, for evaluation. What the module does is its own: it can do all that torch can.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] for a file that torch cannot load; [`Error::Setting`] for a size outside 1 to 4096.
    pub fn open(path: &Path, convention: Convention, device: Device) -> Result<Self, Error> {
        if let Some(size) = convention.size.filter(|size| !(1..=4096).contains(size)) {
            return Err(Error::setting("pixels of the network's images", size, "1 to 4096"));
        }
        let digest = checkpoint::sha256(path)?;
        let failed = |error: TchError| {
            let found = format!("cannot be loaded ({})", reason(&error));
            Error::content(path, found, "a TorchScript file, as torch.jit.save writes it")
        };
        let mut module = CModule::load_on_device(path, device).map_err(failed)?;
        module.f_set_eval().map_err(failed)?;
        Ok(Self { module, convention, digest, path: path.to_owned(), device })
    }

    /// SHA-256 of the file, and how it is given images.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("network {}, {}", self.digest, self.convention)
    }

    /// Features of images.
    ///
    /// # Arguments
    /// * `images` — `[count, 1 or 3, height, width]` in [0, 1]; a single channel stands for all three
    ///
    /// # Returns
    /// `[count, dim]` in single precision. Resized values are rounded and clamped where the module takes bytes; where it
    /// takes numbers, the bicubic filter may overshoot [0, 1], as torch's own does.
    ///
    /// # Errors
    /// [`Error::Content`] for a module that fails or gives something else; [`Error::OutOfMemory`].
    pub fn features(&self, images: &Tensor) -> Result<Tensor, Error> {
        let given = torch::attempt(|| tch::no_grad(|| self.prepared(images)))?;
        let shape = given.size();
        let second = (self.convention.input == Input::Nvidia).then_some(IValue::Bool(true));
        let arguments: Vec<IValue> = [IValue::Tensor(given)].into_iter().chain(second).collect();
        let found = tch::no_grad(|| self.module.forward_is(&arguments)).map_err(|error| {
            let cause = cause(&error);
            match Error::torch(&cause) {
                memory @ Error::OutOfMemory { .. } => memory,
                _ => self.problem(format!("fails for images {shape:?} ({cause})"), &shape),
            }
        });
        let found = match found? {
            IValue::Tensor(found) => found,
            other => return Err(self.problem(format!("gives {}", name(&other)), &shape)),
        };
        let is_float = matches!(found.kind(), Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16);
        match found.size()[..] {
            [count, 1..=i64::MAX] if count == shape[0] && is_float => Ok(found.to_kind(Kind::Float).detach()),
            _ => Err(self.problem(format!("gives {:?} of {:?}", found.size(), found.kind()), &shape)),
        }
    }

    /// Images as the module takes them.
    fn prepared(&self, images: &Tensor) -> Tensor {
        let images = images.to_device(self.device).to_kind(Kind::Float);
        let size = images.size();
        let images = images.expand([size[0], 3, size[2], size[3]], false);
        let Convention { input, size, filter } = self.convention;
        let images = match size.map(|size| [i64::from(size); 2]) {
            None => images,
            Some(size) if filter == Filter::Bicubic => {
                images.internal_upsample_bicubic2d_aa(size, false, None, None)
            }
            Some(size) => images.internal_upsample_bilinear2d_aa(size, false, None, None),
        };
        match input.scale() {
            None => (images * 255.0).round().clamp(0.0, 255.0).to_kind(Kind::Uint8),
            Some(scale) => {
                let [mean, deviation] = scale.map(|values| {
                    let values = Tensor::from_slice(&values).to_kind(Kind::Float);
                    values.view([1, 3, 1, 1]).to_device(self.device)
                });
                (images - mean) / deviation
            }
        }
    }

    fn problem(&self, found: String, shape: &[i64]) -> Error {
        Error::content(&self.path, found, format!("[{}, features] of floating-point numbers", shape[0]))
    }
}

/// Torch's own words, line by line.
fn lines(error: &TchError) -> Vec<String> {
    let text = match error {
        TchError::Torch(text) => text.clone(),
        other => other.to_string(),
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Why a file cannot be loaded: the first line, before torch's own stack.
fn reason(error: &TchError) -> String {
    lines(error).into_iter().next().unwrap_or_default()
}

/// Why a module failed: the line with the exception, behind the module's stack.
fn cause(error: &TchError) -> String {
    let all = lines(error);
    let raised = all.iter().rfind(|line| line.contains("Error: ")).or(all.first());
    raised.cloned().unwrap_or_default()
}

fn name(value: &IValue) -> &'static str {
    match value {
        IValue::None => "None",
        IValue::Tuple(_) => "a tuple",
        IValue::TensorList(_) | IValue::GenericList(_) => "a list",
        IValue::GenericDict(_) => "a dict",
        _ => "something that is no tensor",
    }
}
