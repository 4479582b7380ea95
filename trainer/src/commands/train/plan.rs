//! What is to be trained: settings and data, from flags, presets and files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ncsn_schedule::ScheduleFile;
use ncsn_shell::ReadArgs;

use super::refuse_existing;
use crate::cli::{LabelArgs, LayoutArgs, TrainArgs};
use crate::config::{Config, Data, Labels, Noise, read_schedule};
use crate::dataset::{self, HeldOut, Split, Wish};
use crate::train::CONFIG;
use crate::{Error, presets};

/// Share of the items whose class is kept from the network, where no other is asked for.
///
/// Source: Ho & Salimans (2022), Section 4: 0.1 and 0.2 alike, better than 0.5.
const LABEL_DROPOUT: f64 = 0.1;

/// A training, all of whose settings are known and agree with its data.
pub(in crate::commands) struct Plan {
    /// The run's folder.
    pub run: PathBuf,
    pub config: Config,
    pub split: Split,
    /// Whether the run's folder is there and goes on.
    pub resume: bool,
}

impl Plan {
    /// A new run, or one that goes on.
    ///
    /// # Arguments
    /// * `is_first` — whether this process makes the run's folder, of several that train together
    /// * `restarted` — whether a launcher has started the processes again: then the run goes on where it has begun
    ///
    /// # Errors
    /// Everything that is wrong with settings and data.
    pub fn new(args: &TrainArgs, on_gpu: bool, is_first: bool, restarted: bool) -> Result<Self> {
        let plan = if args.resume {
            Self::resumed(args, args.run.clone().context("--resume needs --run")?)?
        } else {
            let base = base(args)?;
            let run = run_folder(args, base.as_ref().map_or(presets::OWN, |config| &config.preset));
            if restarted && run.join(CONFIG).exists() {
                Self::resumed(args, run)?
            } else {
                if is_first && !restarted {
                    refuse_existing(&run)?;
                }
                Self::of(base, args, on_gpu)?
            }
        };
        plan.config.check()?;
        Ok(plan)
    }

    /// What flags ask for, whether the run's folder is there or not.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn wanted(args: &TrainArgs, on_gpu: bool) -> Result<Self> {
        let plan = Self::of(base(args)?, args, on_gpu)?;
        plan.config.check()?;
        Ok(plan)
    }

    fn resumed(args: &TrainArgs, run: PathBuf) -> Result<Self> {
        let mut config = Config::read(&run.join(CONFIG)).context("--resume")?;
        name_paths(&mut config.data, args)?;
        override_with(&mut config, args);
        let split = dataset::open(&config.data, &Wish::of(&config, HeldOut::Exactly))?;
        told_classes(&mut config, &split)?;
        match &config.data.digest {
            Some(digest) if *digest != split.digest => {
                bail!("the training data have SHA-256 {}, but the run began with {digest}", split.digest)
            }
            _ => config.data.digest = Some(split.digest.clone()),
        }
        Ok(Self { run, config, split, resume: true })
    }

    fn of(base: Option<Config>, args: &TrainArgs, on_gpu: bool) -> Result<Self> {
        let schedule = args.schedule.as_deref().map(read_schedule).transpose()?;
        let (mut config, split) = match base {
            Some(config) => with_data(config, args)?,
            None => own(schedule.as_ref(), args, on_gpu)?,
        };
        config.data.digest = Some(split.digest.clone());
        config.data.held_out = split.held_out;
        if let Some(labels) = &mut config.data.labels {
            labels.digest = None;
        }
        told_classes(&mut config, &split)?;
        if let (Some(path), Some(file)) = (args.schedule.as_deref(), schedule) {
            same_data(&file, path, &split, args.any_data)?;
            config.noise = Noise::File(Box::new(file));
            config.noise.check(&config.network).map_err(|error| error.in_file(path))?;
        }
        split.check_units(config.noise.data_range())?;
        let run = run_folder(args, &config.preset);
        Ok(Self { run, config, split, resume: false })
    }
}

/// Settings to start from; none for data of the user's own, whose settings follow from the data.
fn base(args: &TrainArgs) -> Result<Option<Config>> {
    let config = match (&args.config, args.preset.as_deref()) {
        (Some(path), _) => {
            let config = Config::read(path)?;
            Config { data: Data { digest: None, ..config.data }, ..config }
        }
        (None, Some(presets::OWN)) => return Ok(None),
        (None, Some(name)) => presets::find(name)?,
        (None, None) => {
            ensure!(
                args.data.is_empty(),
                "--preset is missing: own for data of your own with a --schedule derived from them, or one of {}",
                presets::names().join(", ")
            );
            presets::find("shapes")?
        }
    };
    Ok(Some(config))
}

/// Settings that are known, with what flags change, and the data that they name.
fn with_data(mut config: Config, args: &TrainArgs) -> Result<(Config, Split)> {
    override_with(&mut config, args);
    read_with(&mut config.data, &args.read, &args.layout);
    name_paths(&mut config.data, args)?;
    label_with(&mut config.data, &mut config.training.label_dropout, &args.labels)?;
    // A number that was given, or found before, stands.
    let given = args.config.is_some() || args.overrides.held_out.is_some();
    let held_out = if given { HeldOut::Exactly } else { HeldOut::AtMostATenth };
    let split = dataset::open(&config.data, &Wish::of(&config, held_out))?;
    Ok((config, split))
}

/// Data of the user's own, and the settings that follow from them; what flags ask for stands.
fn own(schedule: Option<&ScheduleFile>, args: &TrainArgs, on_gpu: bool) -> Result<(Config, Split)> {
    let (false, Some(schedule)) = (args.data.is_empty(), schedule) else {
        bail!(
            "preset own needs --data and --schedule; 'ncsn schedule --data PATH --format toml -o FILE' derives one"
        );
    };
    let (asked, seed) = (args.overrides.held_out, args.overrides.seed.unwrap_or(0));
    let mut data = Data { held_out: asked.unwrap_or(presets::OWN_HELD_OUT), ..Data::default() };
    read_with(&mut data, &args.read, &args.layout);
    name_paths(&mut data, args)?;
    let mut dropout = None;
    label_with(&mut data, &mut dropout, &args.labels)?;
    let held_out = if asked.is_some() { HeldOut::Exactly } else { HeldOut::AtMostATenth };
    let wish = Wish { preset: presets::OWN, item: None, seed, held_out };
    let split = dataset::open(&data, &wish)?;
    let noise = Noise::File(Box::new(schedule.clone()));
    let mut config = presets::own(noise, split.train.shape(), split.train.len(), on_gpu)?;
    config.training.label_dropout = dropout;
    let mut config = Config { data, ..config };
    override_with(&mut config, args);
    Ok((config, split))
}

/// Refuses a schedule that was derived from other data than these, unless it was asked for.
fn same_data(file: &ScheduleFile, path: &Path, split: &Split, any_data: bool) -> Result<(), Error> {
    match &file.provenance.data {
        Some(derived) if derived.digest != split.digest && !any_data => Err(Error::content(
            path,
            format!("levels derived from {} with SHA-256 {}", derived.path, derived.digest),
            format!(
                "levels for {} with SHA-256 {}; --any-data takes them all the same",
                split.train.path().display(),
                split.digest
            ),
        )),
        _ => Ok(()),
    }
}

/// What flags say of the items' classes.
fn label_with(data: &mut Data, dropout: &mut Option<f64>, args: &LabelArgs) -> Result<()> {
    let LabelArgs { class_conditional, labels, test_labels, labels_array, label_dropout } = args;
    if *class_conditional || labels.is_some() {
        let (train, test, array) = (labels.clone(), test_labels.clone(), labels_array.clone());
        data.labels = Some(Labels { train, test, array, ..Labels::default() });
    }
    ensure!(
        label_dropout.is_none() || data.labels.is_some(),
        "--label-dropout is for networks that are told classes: --class-conditional or --labels FILE"
    );
    *dropout = label_dropout.or(*dropout);
    Ok(())
}

/// Fills in what the data say of classes; a run that goes on has those that it began with.
fn told_classes(config: &mut Config, split: &Split) -> Result<()> {
    let (Some(labels), Some(known)) = (&mut config.data.labels, &split.classes) else { return Ok(()) };
    if let Some(digest) = labels.digest.as_ref().filter(|digest| **digest != known.digest) {
        bail!("the labels have SHA-256 {}, but the run began with {digest}", known.digest);
    }
    labels.names.clone_from(&known.names);
    labels.digest = Some(known.digest.clone());
    config.network.classes = known.names.len() as i64;
    config.training.label_dropout.get_or_insert(LABEL_DROPOUT);
    Ok(())
}

fn run_folder(args: &TrainArgs, preset: &str) -> PathBuf {
    args.run.clone().unwrap_or_else(|| Path::new("runs").join(preset))
}

fn set<T: Clone>(own: &mut T, given: &Option<T>) {
    if let Some(value) = given {
        *own = value.clone();
    }
}

fn name_paths(data: &mut Data, args: &TrainArgs) -> Result<(), Error> {
    data.train = one_path(&args.data)?.or(data.train.take());
    data.test = one_path(&args.test_data)?.or(data.test.take());
    Ok(())
}

/// What flags change of a preset; those that a run which goes on may not change are absent then.
fn override_with(config: &mut Config, args: &TrainArgs) {
    let TrainArgs { overrides, records, iterations, .. } = args;
    set(&mut config.network.architecture, &overrides.architecture);
    set(&mut config.network.filters, &overrides.filters);
    set(&mut config.data.held_out, &overrides.held_out);
    set(&mut config.data.flip, &overrides.flip);
    set(&mut config.training.batch, &overrides.batch);
    set(&mut config.training.lr, &overrides.lr);
    set(&mut config.training.adam_eps, &overrides.adam_eps);
    set(&mut config.training.amsgrad, &overrides.amsgrad);
    set(&mut config.training.ema_rate, &overrides.ema_rate);
    set(&mut config.training.ema_rate, &overrides.ema_half_life.map(|steps| (-1.0 / steps).exp2()));
    set(&mut config.training.accumulate, &overrides.accumulate);
    config.training.gradient_checkpointing |= overrides.gradient_checkpointing;
    config.training.clip_norm = overrides.clip_norm.or(config.training.clip_norm);
    set(&mut config.training.warmup, &overrides.warmup);
    set(&mut config.training.decay, &overrides.decay);
    set(&mut config.training.weighting, &overrides.weighting);
    set(&mut config.training.level_density, &overrides.level_density);
    config.training.snapshots_every = overrides.snapshots_every.or(config.training.snapshots_every);
    set(&mut config.training.seed, &overrides.seed);
    set(&mut config.training.iterations, iterations);
    set(&mut config.records.checkpoint_every, &records.checkpoint_every);
    set(&mut config.records.test_every, &records.test_every);
    set(&mut config.records.log_every, &records.log_every);
    set(&mut config.records.keep, &records.keep);
    set(&mut config.records.samples, &records.samples);
    config.records.samples_every = records.samples_every.or(config.records.samples_every);
}

/// Several paths as the pattern that stands for them all.
pub(in crate::commands) fn one_path(paths: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
    Ok(if paths.is_empty() { None } else { Some(ncsn_data::pattern_of(paths)?) })
}

/// What flags change of how data are read.
pub(in crate::commands) fn read_with(data: &mut Data, args: &ReadArgs, layout: &LayoutArgs) {
    let ReadArgs { size, crop, pad, array, skip_corrupt, value_range, exif, batches, full_depth } = args;
    for (own, given) in [(&mut data.size, size), (&mut data.crop, crop), (&mut data.pad, pad)] {
        *own = given.or(*own);
    }
    data.array = array.clone().or(data.array.take());
    data.skip_corrupt |= *skip_corrupt;
    data.value_range = value_range.or(data.value_range);
    data.exif |= *exif;
    data.batches |= *batches;
    data.full_depth |= *full_depth;
    data.layout = layout.layout.or(data.layout);
    data.shape = layout.shape.or(data.shape);
}
