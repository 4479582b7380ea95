//! Trained networks opened from a run, a checkpoint, or a file of somebody else.

use std::path::{Path, PathBuf};

use ncsn_theory::schedule::{NoiseRange, Schedule};
use tch::Device;

use crate::authors::{self, Imported, Named};
use crate::checkpoint::CHECKPOINTS;
use crate::config::{Config, Labels, Noise, Precision, Stated};
use crate::model::{Network, NetworkShape, Parameters};
use crate::weights::Weights;
use crate::{Error, checkpoint};

/// A trained network and the settings it was trained with.
#[derive(Debug)]
pub struct Trained {
    /// The network, without gradients.
    pub network: Network,
    /// Settings of its run.
    pub config: Config,
    /// Steps it was trained for.
    pub step: u64,
    /// The checkpoint's folder, or the file.
    pub path: PathBuf,
}

/// How a trained network is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Which weights.
    pub weights: Weights,
    /// Where to.
    pub device: Device,
    /// How to compute.
    pub precision: Precision,
}

/// Folder of the checkpoint meant by a path: a run's last one, or the folder itself.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] where there is no checkpoint.
pub fn locate(path: &Path) -> Result<PathBuf, Error> {
    if path.join(checkpoint::MANIFEST).exists() {
        return Ok(path.to_owned());
    }
    std::fs::metadata(path).map_err(Error::file(path))?;
    let checkpoints = path.join(CHECKPOINTS);
    match checkpoint::list(&checkpoints)?.last() {
        Some(&step) => Ok(checkpoint::folder(&checkpoints, step)),
        None => Err(Error::content(path, "holds no checkpoint", "a run or a checkpoint's folder")),
    }
}

/// Opens a trained network from a run's folder (its last checkpoint), a checkpoint's, or a file of the authors' form.
///
/// # Arguments
/// * `settings` — for a file: what it does not hold, image size and Langevin dynamics; its levels replace those
///
/// # Errors
/// Those of [`locate`], [`checkpoint::manifest`], [`authors::read`] and [`checkpoint::load_parameters`];
/// [`Error::Setting`] for a file without settings; [`Error::OutOfMemory`].
pub fn open(path: &Path, settings: Option<Config>, how: Opening) -> Result<Trained, Error> {
    if path.is_file() {
        let imported = authors::read(path)?;
        let settings = settings.ok_or_else(|| {
            Error::setting(
                "--preset",
                "missing",
                "the settings of a file that holds only weights, such as cifar10",
            )
        })?;
        let config = imported_config(&imported, settings)?;
        let network = imported_network(&imported, &config.network, how)?;
        return Ok(Trained { network, config, step: imported.step, path: path.to_owned() });
    }
    let path = locate(path)?;
    let manifest = checkpoint::manifest(&path)?;
    let file = checkpoint::tensors(&path, &manifest)?;
    let network = build(&manifest.config.network, &manifest.config.sigmas(), how)?;
    let parameters = network.parameters();
    checkpoint::load_parameters(parameters, &file, how.weights.prefix())?;
    Ok(Trained { network, config: manifest.config, step: manifest.step, path })
}

/// Opens the network of a run, a checkpoint or a file alone, for images of a height and width.
///
/// # Errors
/// As [`open`].
pub fn open_network(path: &Path, size: [i64; 2], how: Opening) -> Result<Network, Error> {
    if path.is_file() {
        let imported = authors::read(path)?;
        let shape = imported.shape(size)?;
        imported_network(&imported, &shape, how)
    } else {
        Ok(open(path, None, how)?.network)
    }
}

fn build(shape: &NetworkShape, sigmas: &[f32], how: Opening) -> Result<Network, Error> {
    let mut network = Network::new(shape, sigmas, how.device)?;
    network.set_autocast(how.precision == Precision::Bf16);
    Ok(network)
}

fn imported_network(imported: &Imported, shape: &NetworkShape, how: Opening) -> Result<Network, Error> {
    let network = build(shape, &imported.levels()?, how)?;
    assign(network.parameters(), imported.weights(how.weights)?, imported)?;
    Ok(network)
}

/// Settings for an imported network: those given, with network and noise levels of the file.
///
/// # Errors
/// Those of [`Imported::shape`] and [`Imported::levels`]; [`Error::Setting`] for a preset of vectors.
pub fn imported_config(imported: &Imported, mut settings: Config) -> Result<Config, Error> {
    let &[_, height, width] = &settings.network.item[..] else {
        return Err(Error::setting("--preset", &settings.preset, "a preset for images"));
    };
    settings.network = imported.shape([height, width])?;
    let classes = settings.network.classes;
    // The file has no names of classes.
    let labels = |names| Labels { names, ..Labels::default() };
    settings.data.labels =
        (classes > 0).then(|| labels((0..classes).map(|class| class.to_string()).collect()));
    let levels = imported.levels()?;
    // The shortest decimal that is this float32: 0.01 rather than 0.00999999977…
    let decimal = |level: f32| level.to_string().parse().unwrap_or(f64::from(level));
    let (first, last) = (decimal(levels[0]), decimal(levels[levels.len() - 1]));
    let same = |own: f64, found: f64| (own / found - 1.0).abs() < 1e-6;
    let own = settings.schedule();
    let agrees = own.num_levels() == levels.len() as u64
        && same(own.range().max(), first)
        && same(own.range().min(), last);
    let (range, source) = if agrees {
        (own.range(), settings.noise.subject())
    } else {
        let source = format!("levels of the imported file; T and epsilon of preset {}", settings.preset);
        (NoiseRange::new(first, last)?, source)
    };
    let (dim, count) = (settings.network.dim(), levels.len() as u64);
    let numbers = Schedule::new(dim, range, count, own.steps_per_level(), own.epsilon())?;
    settings.noise = Noise::Stated(Stated { source, data_range: settings.noise.data_range(), numbers });
    settings.check()?;
    Ok(settings)
}

/// Overwrites parameters with imported ones of the same names and shapes.
///
/// # Errors
/// [`Error::Content`] for one that is missing, superfluous, or has another shape or kind.
pub fn assign(parameters: &Parameters, found: &Named, imported: &Imported) -> Result<(), Error> {
    for (name, own) in parameters.iter() {
        let tensor = found.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor);
        let text = |tensor: &tch::Tensor| format!("{:?} of {:?}", tensor.size(), tensor.kind());
        match tensor {
            None => return Err(imported.problem(name, "is missing".to_owned(), text(own))),
            Some(tensor) if text(tensor) != text(own) => {
                return Err(imported.problem(name, format!("is {}", text(tensor)), text(own)));
            }
            Some(_) => {}
        }
    }
    if let Some((name, _)) = found.iter().find(|(name, _)| parameters.get(name).is_none()) {
        return Err(imported.problem(
            name,
            "is not one of the network's".to_owned(),
            "no such tensor".to_owned(),
        ));
    }
    let ordered = parameters.names().iter().filter_map(|name| found.iter().find(|(known, _)| known == name));
    let ordered = ordered.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
    parameters.assign(&Parameters::new(ordered));
    Ok(())
}
