//! Presets: every row of Table 4, and `mnist`, `shapes` and `mixture2d`.

use ncsn_theory::schedule::presets::{DATASETS, Dataset, Model, PUBLISHED_SIGMA_MIN};
use ncsn_theory::schedule::{DataRange, NoiseRange, Request, Schedule, Spacing, Steps};

use crate::Error;
use crate::config::{Config, Data, Decay, Density, Noise, Records, Stated, Training, Weighting};
use crate::model::{Architecture, NetworkShape};
use crate::{mixture, shapes};

/// n of Tables 2 and 3.
const PUBLISHED_FILTERS: i64 = 128;

/// Step size of FFHQ in the authors' released configuration; Table 4 prints a tenth of it.
const FFHQ_EPSILON: f64 = 9e-7;

/// √10027861/255: `ncsn-trainer data --preset shapes -o shapes.npy`, `ncsn diameter shapes.npy`.
const SHAPES_DIAMETER: f64 = 12.418_352_184_275_61;

/// The configuration with this name.
///
/// # Errors
/// [`Error::Setting`] listing the names.
pub fn find(name: &str) -> Result<Config, Error> {
    let unknown = || Error::setting("preset", name, names().join(", "));
    match name {
        "mnist" => mnist(),
        "shapes" => shapes_preset(),
        "mixture2d" => mixture2d(),
        _ => {
            let (model, dataset) = match name.strip_prefix("ncsn-") {
                Some(dataset) => (Model::Ncsn, dataset),
                None => (Model::NcsnV2, name),
            };
            let dataset = Dataset::find(dataset).ok_or_else(unknown)?;
            table4(name, dataset, model)?.ok_or_else(unknown)
        }
    }
}

/// All names: Table 4 in its order, then the others.
pub fn names() -> Vec<String> {
    let rows = |model, prefix: &'static str| {
        let known = DATASETS.iter().filter(move |dataset| dataset.row(model).is_some());
        known.map(move |dataset| format!("{prefix}{}", dataset.name))
    };
    let others = ["mnist", "shapes", "mixture2d"].map(str::to_owned);
    rows(Model::NcsnV2, "").chain(rows(Model::Ncsn, "ncsn-")).chain(others).collect()
}

/// A row of Table 4, if there is one.
fn table4(name: &str, dataset: &Dataset, model: Model) -> Result<Option<Config>, Error> {
    let Some(row) = dataset.row(model) else {
        return Ok(None);
    };
    let conditional = model == Model::Ncsn;
    let size = dataset.size as u32;
    let ffhq = dataset.name == "ffhq";
    let printed = row.schedule(dataset.dim())?;
    let (schedule, misprint) = if ffhq {
        (printed.with_epsilon(FFHQ_EPSILON)?, ", epsilon from the authors' configuration")
    } else {
        (printed, "")
    };
    Ok(Some(Config {
        preset: name.to_owned(),
        network: NetworkShape {
            architecture: Architecture::for_size(conditional, dataset.size)?,
            filters: PUBLISHED_FILTERS,
            item: [dataset.channels, dataset.size, dataset.size].map(|side| side as i64).to_vec(),
            classes: 0,
        },
        noise: Noise::stated(schedule, format!("Song & Ermon (2020), Table 4, {}{misprint}", row.model)),
        data: Data {
            crop: (dataset.name == "celeba").then_some(140),
            size: (dataset.name != "cifar10").then_some(size),
            held_out: if ffhq { 7000 } else { 1000 },
            flip: true,
            dequantize: conditional,
            ..Data::default()
        },
        training: Training {
            batch: row.batch_size,
            iterations: row.iterations,
            lr: if conditional { 1e-3 } else { 1e-4 },
            adam_eps: if ffhq { 1e-3 } else { 1e-8 },
            // The first paper samples from the last weights: an average of only the last is those.
            ema_rate: if conditional { 0.0 } else { 0.999 },
            ..training()
        },
        records: records(),
    }))
}

/// MNIST with a network that two CPU cores can train.
fn mnist() -> Result<Config, Error> {
    let dataset =
        Dataset::find("mnist").ok_or_else(|| Error::setting("preset", "mnist", "a known data set"))?;
    let network =
        NetworkShape { architecture: Architecture::Ncsnv2, filters: 32, item: vec![1, 28, 28], classes: 0 };
    let noise = derived(network.dim(), dataset.sigma_max, PUBLISHED_SIGMA_MIN, 5, dataset.sigma_max_source)?;
    Ok(Config {
        preset: "mnist".to_owned(),
        network,
        noise,
        data: Data { held_out: 1000, ..Data::default() },
        training: Training { batch: 64, iterations: 50_000, lr: 3e-4, ..training() },
        records: Records { checkpoint_every: 1000, samples: 36, ..records() },
    })
}

/// Images that are drawn by [`shapes`], small enough to be learnt in minutes.
fn shapes_preset() -> Result<Config, Error> {
    let side = shapes::SIDE as i64;
    let network = NetworkShape {
        architecture: Architecture::Ncsnv2,
        filters: 24,
        item: vec![3, side, side],
        classes: 0,
    };
    let source = "exact diameter of the 4,096 built-in images";
    let noise = derived(network.dim(), SHAPES_DIAMETER, PUBLISHED_SIGMA_MIN, 3, source)?;
    Ok(Config {
        preset: "shapes".to_owned(),
        network,
        noise,
        data: Data { held_out: 256, flip: true, ..Data::default() },
        // At 1e-3, the loss stays where it begins; see Appendix B.1 on Technique 3 and the learning rate.
        training: Training { batch: 32, iterations: 4800, lr: 4e-4, ema_rate: 0.99, ..training() },
        records: Records { checkpoint_every: 500, samples: 36, ..records() },
    })
}

/// Name of the preset for data of the user's own.
pub const OWN: &str = "own";

/// Epochs of the published training on CIFAR-10: 300,000 steps of 128 of 50,000 images (Table 4).
const EPOCHS: u64 = 768;
/// Steps that data of the user's own get at least; the published trainings have 80,000 and more.
const LEAST_STEPS: u64 = 20_000;
/// Steps that they get at most: on a GPU as published, on the CPU as `mnist`.
const MOST_STEPS: [u64; 2] = [50_000, 300_000];

/// Items of the user's own data held out for the test loss, at most a tenth of them.
pub const OWN_HELD_OUT: u64 = 1000;

/// Data of the user's own: the network that the paper has for items of their shape; on a GPU width and batch of Table 4 for
/// images of their size, on the CPU a network that it can train; as many epochs as published for CIFAR-10, within limits.
///
/// # Arguments
/// * `noise` — a schedule for the data
/// * `item` — shape of an item
/// * `items` — how many there are to train on
///
/// # Errors
/// [`Error::Setting`] for shapes that no network takes.
pub fn own(noise: Noise, item: &[i64], items: usize, on_gpu: bool) -> Result<Config, Error> {
    let architecture = match *item {
        [_, height, width] => Architecture::for_size(false, height.max(width) as u64)?,
        _ => Architecture::Mlp,
    };
    let mut network =
        NetworkShape { architecture, filters: PUBLISHED_FILTERS, item: item.to_vec(), classes: 0 };
    network.check()?;
    let (mut training, mut records) = (training(), records());
    if item.len() == 3 {
        let deepest = architecture == Architecture::Ncsnv2Deepest;
        if deepest {
            // As FFHQ's.
            training.adam_eps = 1e-3;
        }
        if on_gpu {
            training.batch = if deepest { 32 } else { 128 };
        } else {
            network.filters = 32;
            training.batch = 32;
            training.lr = 3e-4;
            records.checkpoint_every = 1000;
        }
    }
    let most = MOST_STEPS[usize::from(on_gpu)];
    training.iterations = (EPOCHS * items as u64 / training.batch).clamp(LEAST_STEPS, most);
    let data = Data { held_out: OWN_HELD_OUT, ..Data::default() };
    Ok(Config { preset: OWN.to_owned(), network, noise, data, training, records })
}

/// The preset `own` for images of a shape that are not at hand: to look at its network and to time it.
///
/// # Arguments
/// * `item` — `[channels, height, width]`
///
/// # Errors
/// [`Error::Setting`] for sizes that no network takes.
pub fn own_for(item: &[i64; 3], on_gpu: bool) -> Result<Config, Error> {
    let dim = item.iter().product::<i64>() as u64;
    let source = "distance from black to white, which no distance of two images exceeds";
    let noise = derived(dim, (dim as f64).sqrt(), PUBLISHED_SIGMA_MIN, 5, source)?;
    let config = own(noise, item, 0, on_gpu)?;
    config.check()?;
    Ok(config)
}

/// A Gaussian mixture in the plane, for which Technique 2 has no ratio: levels by a fixed one.
fn mixture2d() -> Result<Config, Error> {
    // The largest distance of two centres, as Technique 1 wants.
    let range = NoiseRange::new(2.0 * mixture::RADIUS, mixture::SPREAD / 5.0)?;
    // A tenth of σ_L²: the variance after a level is within 6 % of the level's own (equation 6).
    let epsilon = 0.1 * range.min().powi(2);
    Ok(Config {
        preset: "mixture2d".to_owned(),
        network: NetworkShape { architecture: Architecture::Mlp, filters: 128, item: vec![2], classes: 0 },
        noise: Noise::Stated(Stated {
            source: "two dimensions have no ratio by Technique 2; 20 levels from the largest distance of two centres"
                .to_owned(),
            data_range: DataRange::Native,
            numbers: Schedule::new(2, range, 20, 10, epsilon)?,
        }),
        data: Data { held_out: 1024, ..Data::default() },
        training: Training { batch: 512, iterations: 8000, lr: 2e-3, ..training() },
        records: Records { checkpoint_every: 2000, samples: 0, ..records() },
    })
}

/// A schedule by Techniques 2 and 4 from σ₁, σ_L and T.
pub fn derived(dim: u64, sigma_max: f64, sigma_min: f64, steps: u64, source: &str) -> Result<Noise, Error> {
    let range = NoiseRange::new(sigma_max, sigma_min)?;
    let request = Request { dim, range, spacing: Spacing::default(), steps: Steps::PerLevel(steps) };
    let source = format!("Techniques 2 and 4 for D = {dim}; sigma_max: {source}");
    Ok(Noise::stated(request.derive()?.schedule, source))
}

/// The settings that all rows share (Appendix B).
fn training() -> Training {
    Training {
        accumulate: 1,
        gradient_checkpointing: false,
        level_density: Density::Uniform,
        weighting: Weighting::Published,
        label_dropout: None,
        snapshots_every: None,
        clip_norm: None,
        warmup: 0,
        decay: Decay::Constant,
        batch: 128,
        iterations: 300_000,
        lr: 1e-4,
        adam_eps: 1e-8,
        betas: [0.9, 0.999],
        amsgrad: false,
        ema_rate: 0.999,
        seed: 0,
    }
}

fn records() -> Records {
    Records {
        log_every: 10,
        test_every: 100,
        checkpoint_every: 5000,
        keep: 3,
        samples: 36,
        samples_every: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid() {
        for name in names() {
            let config = find(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
            config.check().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(config.preset, name);
            assert_eq!(toml::from_str::<Config>(&config.to_toml()).expect("its own text"), config);
        }
    }

    /// Source: Table 4 and Appendix B.1; ε of FFHQ as in the authors' `configs/ffhq.yml`.
    #[test]
    fn ffhq_is_as_published_but_for_the_misprint() {
        let config = find("ffhq").expect("a preset");
        assert_eq!(config.network.architecture, Architecture::Ncsnv2Deepest);
        assert_eq!(config.training.adam_eps, 1e-3);
        assert_eq!((config.training.batch, config.training.iterations), (32, 80_000));
        assert_eq!((config.schedule().num_levels(), config.schedule().epsilon()), (2311, 9e-7));
    }

    /// Source: Song & Ermon (2019), its released configuration.
    #[test]
    fn ncsn_is_trained_as_in_the_first_paper() {
        let Config { data, training, .. } = find("ncsn-cifar10").expect("a preset");
        assert_eq!((training.ema_rate, training.lr, data.dequantize), (0.0, 1e-3, true));
    }

    #[test]
    fn unknown_names_are_answered_with_the_known() {
        let message = find("cifar").expect_err("no preset").to_string();
        assert!(message.contains("cifar10, celeba"), "{message}");
    }
}
