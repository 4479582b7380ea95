//! `ncsn-trainer evaluate`.

mod opening;
mod report;

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_data::{Options, escape};
use ncsn_shell::Outcome;
use ncsn_shell::output;
use tch::{Device, Kind, Tensor};

use crate::Error;
use crate::cli::EvaluateArgs;
use crate::dataset::Items;
use crate::evaluate::extrapolation::extrapolate;
use crate::evaluate::features::{self, Clamped, Features};
use crate::evaluate::foreign::{self, Holds};
use crate::evaluate::frechet::Law;
use crate::evaluate::kernel::kernel;
use crate::evaluate::manifold::{self, Manifold, manifold};
use crate::evaluate::score::{SPLITS, Sums};
use crate::evaluate::statistics::{self, Moments, Statistics};

use opening::unnamed;
pub use opening::{Compared, device, open, open_data, open_samples, open_statistics};
use report::Found;

/// Items of a side at most whose precision and recall are taken unasked: their distances take half a minute on two cores.
const UNASKED: usize = 25_000;

/// One side of the comparison.
pub(super) struct Side {
    /// Of the features.
    pub statistics: Statistics,
    /// The features themselves, where they are kept.
    features: Option<Tensor>,
    /// Statistics of sFID.
    spatial: Option<Statistics>,
    /// A line on values that were clamped.
    pub note: Option<String>,
}

impl Side {
    const fn of(statistics: Statistics) -> Self {
        Self { statistics, features: None, spatial: None, note: None }
    }
}

/// How the features of a side are taken.
#[derive(Clone, Copy)]
pub(super) struct Taking<'a> {
    /// Which.
    pub features: &'a Features,
    /// Items at once.
    pub batch: u64,
    /// Where.
    pub device: Device,
    /// Whether those of sFID are wanted too.
    pub spatial: bool,
}

/// Measures, and writes a table.
///
/// # Errors
/// Samples, data, weights or statistics that cannot be read or do not fit together.
pub fn run(args: &EvaluateArgs, out: &mut dyn Write) -> Result<Outcome> {
    let comparison = &args.comparison;
    output::check(&[("--statistics", args.statistics.as_deref(), &["safetensors"])])?;
    let device = device(comparison)?;
    let features = Features::open(comparison.features.source(), device)?;
    let keeps = args.subsets > 0 || args.nearest != Some(0);
    let (features, samples, data, mut notes) = if statistics::is_statistics(&comparison.sets.data) {
        let (samples, note) = open_samples(&comparison.sets)?;
        let stated = comparison.sets.read.array.as_deref();
        let features = features.for_shape(samples.shape());
        let (features, statistics, of) = open_statistics(&comparison.sets.data, features, stated)?;
        let spatial = if args.spatial { Statistics::read_spatial(&comparison.sets.data)? } else { None };
        ensure!(
            args.spatial == spatial.is_some(),
            "--spatial needs data, or mu_s and sigma_s of a file such as guided-diffusion's; {} has neither",
            escape::path(&comparison.sets.data)
        );
        (features, samples, Side { spatial, ..Side::of(statistics) }, note.into_iter().chain(of).collect())
    } else if foreign::holds(&comparison.sets.data) == Holds::Features {
        let (samples, note) = open_samples(&comparison.sets)?;
        ensure!(
            !args.spatial,
            "--spatial needs data; {} holds their features",
            escape::path(&comparison.sets.data)
        );
        let options = Options { array: Some(foreign::FEATURES.to_owned()), ..Options::default() };
        let (stored, _) = features::open_items(&comparison.sets.data, &options, Default::default(), None)?;
        let taking = Taking { features: &Features::Values, batch: comparison.batch, device, spatial: false };
        let side = side("data", &stored, taking, keeps, None)?;
        let features = features.for_shape(samples.shape());
        let of = unnamed(&comparison.sets.data, side.statistics.dim());
        (features, samples, side, note.into_iter().chain([of]).collect())
    } else {
        let Compared { features, samples, data, notes } = open(comparison, features)?;
        let taking = Taking { features: &features, batch: comparison.batch, device, spatial: args.spatial };
        let data = side("data", &data, taking, keeps, None)?;
        (features, samples, data, notes)
    };
    // Before the samples, which may take long too.
    if let Some(path) = &args.statistics {
        data.statistics.write(path, &features.identity())?;
    }
    let law = Law::new(&data.statistics)?;
    let keeps = args.extrapolate || (keeps && data.features.is_some());
    let mut score = match &features {
        Features::Inception(network, _) if network.has_classifier() && samples.len() >= SPLITS => {
            Some(Sums::new(samples.len(), args.seed)?)
        }
        _ => None,
    };
    let taking = Taking { features: &features, batch: comparison.batch, device, spatial: args.spatial };
    let samples = side("samples", &samples, taking, keeps, score.as_mut())?;
    let mut found = Found::new(law.distance(&samples.statistics)?);
    found.spatial = match (&samples.spatial, &data.spatial) {
        (Some(samples), Some(data)) => Some(Law::new(data)?.distance(samples)?),
        _ => None,
    };
    if let (Some(samples), Some(data)) = (&samples.features, &data.features) {
        if args.subsets > 0 {
            let [subsets, size] = [("subsets", args.subsets), ("subset-size", args.subset_size)]
                .map(|(name, value)| super::within(name, value, 1 << 20));
            found.kernel = Some(kernel(samples, data, subsets? as usize, size? as usize, args.seed)?);
        }
        found.manifold = covered(samples, data, args.nearest, &mut notes)?;
    }
    if let (true, Some(samples)) = (args.extrapolate, &samples.features) {
        let bar = super::bar();
        bar.set_message("extrapolating");
        found.extrapolation = Some(extrapolate(samples, &law, args.seed, &mut |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        })?);
        bar.finish_and_clear();
    }
    found.score = score.map(Sums::finish).transpose()?;
    notes.extend(report::remarks([&samples, &data], &found));
    report::write(args, &features, [&samples.statistics, &data.statistics], &found, &notes, out)?;
    Ok(Outcome::Yes)
}

/// Precision and recall, density and coverage; a note where a side has too few items for what was not stated.
fn covered(
    samples: &Tensor,
    data: &Tensor,
    nearest: Option<u64>,
    notes: &mut Vec<String>,
) -> Result<Option<Manifold>, Error> {
    let [fewest, most] = [i64::min, i64::max].map(|which| which(samples.size()[0], data.size()[0]) as usize);
    let k = match nearest {
        Some(0) => return Ok(None),
        Some(k) => [k as usize; 2],
        None if fewest <= manifold::USUAL[1] => {
            notes.push(format!("precision and recall are left out: one side has only {fewest} items"));
            return Ok(None);
        }
        None if most > UNASKED => {
            notes.push(format!(
                "precision and recall are left out: all distances among {most} items take minutes; --nearest 3, as \
                 published, and 5 for density and coverage take them"
            ));
            return Ok(None);
        }
        None => manifold::USUAL,
    };
    let bar = super::bar();
    bar.set_message("distances");
    let found = manifold(samples, data, k, &mut |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    Ok(Some(found))
}

/// Statistics of all items, with their features where they are to be kept.
fn side(
    what: &str,
    items: &Items,
    taking: Taking,
    keeps: bool,
    mut score: Option<&mut Sums>,
) -> Result<Side, Error> {
    let mut kept: Option<Tensor> = None;
    let mut at = 0;
    let side = measured(what, items, taking, &mut |part| {
        if let (Features::Inception(network, _), Some(score)) = (taking.features, &mut score)
            && let Some(logits) = network.logits(part)?
        {
            score.add(&logits)?;
        }
        if keeps {
            let [count, dim] = [part.size()[0], part.size()[1]];
            let kept = match &mut kept {
                Some(kept) => kept,
                none => {
                    none.insert(Tensor::f_empty([items.len() as i64, dim], (Kind::Float, taking.device))?)
                }
            };
            kept.narrow(0, at, count).copy_(part);
            at += count;
        }
        Ok(())
    })?;
    Ok(Side { features: kept, ..side })
}

/// Statistics of all items; `each` is shown the features of each batch.
///
/// # Errors
/// Those of reading and of torch; [`Error::Setting`] for fewer than two items.
pub(super) fn measured(
    what: &str,
    items: &Items,
    taking: Taking,
    each: &mut dyn FnMut(&Tensor) -> Result<(), Error>,
) -> Result<Side, Error> {
    let Taking { features, batch, device, spatial } = taking;
    let [mut moments, mut inner] = [None, None];
    let add = |to: &mut Option<Moments>, part: &Tensor| -> Result<(), Error> {
        let moments = match to {
            Some(moments) => moments,
            none => none.insert(Moments::new(part.size()[1], device)?),
        };
        moments.add(part);
        Ok(())
    };
    let mut clamped = Clamped::default();
    let total = items.len() as u64;
    super::in_batches(what, total, batch, |numbers, tell| {
        let done = numbers.end;
        let numbers: Vec<usize> = numbers.map(|number| number as usize).collect();
        let batch = features::read(items, &numbers, features)?;
        clamped = clamped.and(batch.clamped);
        let part = if spatial {
            let [part, places] = features.with_spatial(&batch.items)?;
            add(&mut inner, &places)?;
            part
        } else {
            features.of(&batch.items, device)?
        };
        add(&mut moments, &part)?;
        each(&part)?;
        tell(done, total);
        Ok(())
    })?;
    let moments = moments.ok_or_else(|| Error::setting("number of items", 0, "at least 2"))?;
    let values = total * items.shape().iter().product::<i64>() as u64;
    Ok(Side {
        spatial: inner.map(Moments::finish).transpose()?,
        note: clamped.note(what, values),
        ..Side::of(moments.finish()?)
    })
}
