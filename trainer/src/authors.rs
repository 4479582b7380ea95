//! Checkpoints of others: the authors' `.pth` files, and safetensors files with the authors' keys.
//!
//! ```text
//! .pth, 2020   [model (keys "module.…", with sigmas), Adam, epoch, step, EMA (no prefix, without sigmas)]
//! .pth, 2019   [model, Adam]
//! safetensors  model.* and ema.*, or the bare keys of one set of weights
//! ```

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use crate::Error;
use crate::model::{Architecture, NetworkShape};
use crate::tensor_file::TensorFile;
use crate::weights::Weights;
use ncsn_pth::{self as pickle, Dtype, Value};

/// Tensors by name, in the order of the file.
pub type Named = Vec<(String, Tensor)>;

/// Largest relative difference of a level from the geometric sequence through the ends: float32 levels from numpy.
const GEOMETRIC: f64 = 1e-5;

/// Every image network of n filters has more than 1800 n² values, so that what is built for a file is bounded by it.
const LEAST_VALUES: i64 = 1800;

/// What a file of somebody else holds.
#[derive(Debug)]
pub struct Imported {
    path: PathBuf,
    /// Weights as the optimiser left them.
    pub raw: Option<Named>,
    /// Averaged weights.
    pub ema: Option<Named>,
    /// Moments of Adam.
    pub adam: Option<Moments>,
    /// Noise levels from largest to smallest.
    pub sigmas: Option<Vec<f32>>,
    /// Steps done.
    pub step: u64,
}

/// Adam's moments, one of each kind per parameter, in the order of registration.
#[derive(Debug)]
pub struct Moments {
    /// First moments.
    pub means: Vec<Tensor>,
    /// Second moments.
    pub squares: Vec<Tensor>,
    /// Largest second moments, with AMSGrad.
    pub maxima: Option<Vec<Tensor>>,
    /// Steps that they are of.
    pub step: u64,
}

/// Reads a `.pth` or `.safetensors` file.
///
/// # Errors
/// [`Error::Pickle`] for everything that the restricted reader refuses; [`Error::Content`] for another structure.
pub fn read(path: &Path) -> Result<Imported, Error> {
    let is_safetensors = path.extension().is_some_and(|suffix| suffix == "safetensors");
    if is_safetensors { from_safetensors(path) } else { from_pickle(path) }
}

fn from_safetensors(path: &Path) -> Result<Imported, Error> {
    let file = TensorFile::read(path)?;
    let part = |prefix: &str| -> Result<Option<Named>, Error> {
        let names = file.names();
        let keys = names.into_iter().filter_map(|key| Some((key.strip_prefix(prefix)?, key)));
        let tensors: Named =
            keys.map(|(name, key)| Ok((name.to_owned(), file.get(key)?))).collect::<Result<_, Error>>()?;
        Ok((!tensors.is_empty()).then_some(tensors))
    };
    let (mut raw, ema) = (part("model.")?, part("ema.")?);
    if raw.is_none() && ema.is_none() {
        raw = part("module.")?.or(part("")?);
    }
    let mut imported = Imported { path: path.to_owned(), raw, ema, adam: None, sigmas: None, step: 0 };
    imported.sigmas = file.find("sigmas").map(|sigmas| crate::torch::to_vec(&sigmas));
    imported.set_sigmas_apart();
    Ok(imported)
}

fn from_pickle(path: &Path) -> Result<Imported, Error> {
    let content = |found: &str| {
        Error::content(path, found, "the authors' list [model, Adam] or [model, Adam, epoch, step, EMA]")
    };
    let value = pickle::read(path)?;
    let kind = value.kind();
    let mut parts = match value {
        Value::List(parts) => parts.into_iter(),
        // A bare state dict is one set of weights.
        dict @ Value::Dict(_) => vec![dict].into_iter(),
        _ => return Err(content(&format!("holds a {kind}"))),
    };
    let model = parts.next().ok_or_else(|| content("holds an empty list"))?;
    let raw = state_dict(path, model)?;
    let adam = parts.next().map(|adam| moments(path, adam)).transpose()?.flatten();
    let _epoch = parts.next();
    let step = match parts.next() {
        None => adam.as_ref().map_or(0, |adam| adam.step),
        Some(step) => {
            let step = step.as_int().and_then(|step| u64::try_from(step).ok());
            step.ok_or_else(|| content("has a step that is no count"))?
        }
    };
    let ema = parts.next().map(|ema| state_dict(path, ema)).transpose()?;
    if parts.next().is_some() {
        return Err(content("holds more than five entries"));
    }
    let mut imported = Imported { path: path.to_owned(), raw: Some(raw), ema, adam, sigmas: None, step };
    imported.set_sigmas_apart();
    Ok(imported)
}

/// The tensors of a state dict, without the prefix that parallel training leaves.
fn state_dict(path: &Path, value: Value) -> Result<Named, Error> {
    let kind = value.kind();
    let wrong = |found: String| Error::content(path, found, "a state dict of names and tensors");
    let entries = value.into_dict().ok_or_else(|| wrong(format!("holds a {kind}")))?;
    let entry = |(key, value): (Value, Value)| {
        let kind = value.kind();
        let name =
            key.as_text().ok_or_else(|| wrong(format!("has a key that is a {}", key.kind())))?.to_owned();
        let tensor = value.into_tensor().ok_or_else(|| wrong(format!("{name} is a {kind}")))?;
        Ok((name.strip_prefix("module.").unwrap_or(&name).to_owned(), own(&tensor)?))
    };
    entries.into_iter().map(entry).collect()
}

/// Elements of a pickle as a tensor of torch's.
///
/// # Errors
/// [`Error::Torch`] for types that libtorch does not compute with.
pub fn tensor_of(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Result<Tensor, Error> {
    let kind = match dtype {
        Dtype::F64 => Kind::Double,
        Dtype::F32 => Kind::Float,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::I64 => Kind::Int64,
        Dtype::I32 => Kind::Int,
        Dtype::I16 => Kind::Int16,
        Dtype::I8 => Kind::Int8,
        Dtype::U8 => Kind::Uint8,
        Dtype::Bool => Kind::Bool,
        Dtype::U16 | Dtype::U32 | Dtype::U64 => {
            return Err(Error::torch(&format!(
                "a tensor of {}, which libtorch does not compute with",
                dtype.name()
            )));
        }
    };
    let shape: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
    Ok(Tensor::f_from_data_size(bytes, &shape, kind)?)
}

fn own(tensor: &pickle::Tensor) -> Result<Tensor, Error> {
    tensor_of(tensor.dtype, &tensor.shape, &tensor.bytes)
}

/// Adam's state dict: `{"state": {key: {...}}, "param_groups": [{"params": [key, …]}]}`; nothing before its first step.
fn moments(path: &Path, value: Value) -> Result<Option<Moments>, Error> {
    let wrong = |found: String| {
        Error::content(path, format!("optimiser {found}"), "the state dict of torch.optim.Adam")
    };
    let groups = value.get("param_groups").and_then(Value::as_list);
    let [group] = groups.ok_or_else(|| wrong("has no param_groups".to_owned()))? else {
        return Err(wrong("has more than one group of parameters".to_owned()));
    };
    let keys = group.get("params").and_then(Value::as_list);
    let keys = keys.ok_or_else(|| wrong("has a group without params".to_owned()))?;
    let states = value.get("state").and_then(Value::as_dict);
    let states = states.ok_or_else(|| wrong("has no state".to_owned()))?;
    if states.is_empty() {
        return Ok(None);
    }
    let mut found = Moments { means: Vec::new(), squares: Vec::new(), maxima: None, step: 0 };
    let mut maxima = Vec::new();
    for key in keys {
        // Old versions key by address, new ones by position; both list the keys in order.
        let wanted = key.as_int();
        let state = states.iter().find(|(known, _)| known.as_int() == wanted).map(|(_, state)| state);
        let state =
            state.ok_or_else(|| wrong(format!("has no state for parameter {}", found.means.len())))?;
        let tensor = |name: &str| {
            let tensor = state.get(name).and_then(Value::as_tensor);
            tensor.map(own).transpose()
        };
        let needed = |name: &str| tensor(name)?.ok_or_else(|| wrong(format!("has no {name}")));
        found.means.push(needed("exp_avg")?);
        found.squares.push(needed("exp_avg_sq")?);
        maxima.extend(tensor("max_exp_avg_sq")?);
        found.step = match state.get("step") {
            Some(Value::Int(step)) if *step >= 0 => *step as u64,
            Some(Value::Tensor(step)) if step.shape.iter().all(|&side| side == 1) => {
                own(step)?.view([-1]).double_value(&[0]) as u64
            }
            _ => return Err(wrong("has no step".to_owned())),
        };
    }
    found.maxima = (!maxima.is_empty()).then_some(maxima);
    Ok(Some(found))
}

impl Imported {
    /// Noise levels are a buffer among the parameters in the authors' state dicts.
    fn set_sigmas_apart(&mut self) {
        for weights in [&mut self.raw, &mut self.ema].into_iter().flatten() {
            if let Some(at) = weights.iter().position(|(name, _)| name == "sigmas") {
                let (_, sigmas) = weights.remove(at);
                self.sigmas = Some(crate::torch::to_vec(&sigmas));
            }
        }
    }

    /// An error about one of the file's tensors.
    #[must_use]
    pub fn problem(&self, name: &str, found: String, expected: String) -> Error {
        Error::content(&self.path, format!("tensor {name} {found}"), expected)
    }

    /// The weights asked for.
    ///
    /// # Errors
    /// [`Error::Content`] when the file has not got them.
    pub fn weights(&self, weights: Weights) -> Result<&Named, Error> {
        let (weights, holds, remedy) = match weights {
            Weights::Ema => (&self.ema, "no averaged weights", "--weights raw for those that it has"),
            Weights::Raw => (&self.raw, "averaged weights alone", "--weights ema for those"),
        };
        weights.as_ref().ok_or_else(|| Error::content(&self.path, format!("holds {holds}"), remedy))
    }

    /// The network that the weights are of, for images of a height and width.
    ///
    /// # Errors
    /// [`Error::Content`] for weights of another network; those of [`NetworkShape::check`].
    pub fn shape(&self, [height, width]: [i64; 2]) -> Result<NetworkShape, Error> {
        let weights = self.raw.as_ref().or(self.ema.as_ref());
        let find = |key: &str| weights?.iter().find(|(name, _)| name == key).map(|(_, tensor)| tensor.size());
        let unknown = || {
            Error::content(&self.path, "has no begin_conv.weight of four axes", "the keys of NCSN or NCSNv2")
        };
        let [filters, channels, ..] = find("begin_conv.weight").ok_or_else(unknown)?[..] else {
            return Err(unknown());
        };
        // NCSN normalises in its residual units too.
        let conditional = find("refine1.adapt_convs.0.1_1_norm.embed.weight").is_some();
        let architecture = match (
            conditional,
            find("res31.0.conv1.weight").is_some(),
            find("res5.0.conv1.weight").is_some(),
        ) {
            (false, true, _) => Architecture::Ncsnv2Deepest,
            (false, false, true) => Architecture::Ncsnv2Deeper,
            (false, false, false) => Architecture::Ncsnv2,
            (true, _, true) => Architecture::NcsnDeeper,
            (true, _, false) => Architecture::Ncsn,
        };
        let held: i64 =
            weights.iter().flat_map(|all| all.iter()).map(|(_, tensor)| tensor.numel() as i64).sum();
        if held < LEAST_VALUES * filters * filters {
            return Err(Error::content(
                &self.path,
                format!("holds {held} values, for {filters} filters"),
                format!("at least {}, as the smallest network has", LEAST_VALUES * filters * filters),
            ));
        }
        // A row for each class, and one for items of any.
        let classes = match find("normalizer.embed.weight").as_deref() {
            None => 0,
            Some(&[rows @ 1..=i64::MAX, 1..=i64::MAX]) => {
                if conditional {
                    0
                } else {
                    rows - 1
                }
            }
            Some(other) => {
                let found = format!("normalizer.embed.weight has shape {other:?}");
                return Err(Error::content(&self.path, found, "a row for each noise level or class"));
            }
        };
        let shape = NetworkShape { architecture, filters, item: vec![channels, height, width], classes };
        shape.check()?;
        Ok(shape)
    }

    /// Noise levels: the file's own, or for a conditional network without any those of NCSN, σ from 1 to 0.01.
    ///
    /// # Errors
    /// [`Error::Content`] when there are none; when they are not geometric.
    pub fn levels(&self) -> Result<Vec<f32>, Error> {
        let content = |found: String, expected: &str| Error::content(&self.path, found, expected);
        let Some(sigmas) = &self.sigmas else {
            let weights = self.raw.as_ref().or(self.ema.as_ref());
            let embed =
                weights.and_then(|all| all.iter().find(|(name, _)| name == "normalizer.embed.weight"));
            let (_, embed) = embed.ok_or_else(|| content("has no sigmas".to_owned(), "noise levels"))?;
            // A row is γ | α | β of each filter.
            let &[count, 1..=i64::MAX] = &embed.size()[..] else {
                let found = format!("normalizer.embed.weight has shape {:?}", embed.size());
                return Err(content(found, "a row for each noise level"));
            };
            if count < 2 {
                return Err(content(format!("has {count} noise levels"), "at least 2"));
            }
            let level = |i: i64| 100_f64.powf(-(i as f64) / (count - 1).max(1) as f64) as f32;
            return Ok((0..count).map(level).collect());
        };
        let (Some(&first), Some(&last)) = (sigmas.first(), sigmas.last()) else {
            return Err(content("has no noise level".to_owned(), "at least 2"));
        };
        let ratio = (f64::from(last) / f64::from(first)).ln() / (sigmas.len() - 1).max(1) as f64;
        for (i, &sigma) in sigmas.iter().enumerate() {
            let expected = f64::from(first) * (ratio * i as f64).exp();
            let close = (f64::from(sigma) / expected - 1.0).abs() <= GEOMETRIC;
            if !(close && sigma > 0.0) {
                return Err(content(
                    format!("noise level {i} is {sigma}"),
                    "a geometric sequence of positive numbers",
                ));
            }
        }
        Ok(sigmas.clone())
    }
}
