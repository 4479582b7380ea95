//! `ncsn-trainer evaluate`.

mod opening;
mod report;
mod side;

use std::io::Write;

use anyhow::{Result, ensure};
use ncsn_data::{Options, escape};
use ncsn_shell::Outcome;
use ncsn_shell::output;
use serde_json::{Value, json};
use tch::{Device, Tensor};

use super::peers;
use crate::Error;
use crate::cli::EvaluateArgs;
use crate::config::Precision;
use crate::dataset::Items;
use crate::evaluate::extrapolation::extrapolate;
use crate::evaluate::features::{self, Features};
use crate::evaluate::foreign::{self, Holds};
use crate::evaluate::frechet::Law;
use crate::evaluate::kernel::kernel;
use crate::evaluate::manifold::{self, Manifold, manifold};
use crate::evaluate::score::{SPLITS, Sums};
use crate::evaluate::statistics::{self, Statistics};
use crate::peers::{Peers, Place};

use opening::unnamed;
pub use opening::{Compared, device, open, open_data, open_samples, open_statistics};
use report::Found;
pub(super) use side::{Side, Taking, measured};

/// Items of a side at most whose precision and recall are taken unasked: their distances take half a minute on two cores.
const UNASKED: usize = 25_000;

/// Measures, and writes a table; of several processes, all take features, and the first does the rest.
///
/// # Errors
/// Samples, data, weights or statistics that cannot be read or do not fit together.
pub fn run(args: &EvaluateArgs, out: &mut dyn Write) -> Result<Outcome> {
    let comparison = &args.comparison;
    output::check(&[("--statistics", args.statistics.as_deref(), &["safetensors"])])?;
    let place = Place::of_environment()?;
    let device = device(comparison, place.as_ref())?;
    let opened = Opened::new(args, Features::open(comparison.features.source(), device)?)?;
    let peers = peers::meet(
        place.as_ref(),
        (device, Precision::F32),
        &opened.about(comparison.batch)?,
        peers::PATIENCE,
    )?;
    let Opened { features, samples, data, notes } = opened;
    let sides = Sides::take(args, device, (&features, samples, data), &peers);
    // What is left is the first's.
    let sides = sides.and_then(|sides| Ok(peers.leave().map(|()| sides)?));
    peers::outcome(sides, |sides| {
        if let Some(sides) = sides {
            sides.compare(args, &features, notes, out)?;
        }
        Ok(Outcome::Yes)
    })
}

/// What samples are compared with.
enum Data {
    /// A file of statistics.
    Statistics(Box<Side>),
    /// Items whose features are taken.
    Items(Items),
    /// Items that are features.
    Features(Items),
}

/// Everything that is read, opened.
struct Opened {
    features: Features,
    samples: Items,
    data: Data,
    notes: Vec<String>,
}

impl Opened {
    fn new(args: &EvaluateArgs, features: Features) -> Result<Self> {
        let comparison = &args.comparison;
        let sets = &comparison.sets;
        if statistics::is_statistics(&sets.data) {
            let (samples, note) = open_samples(sets)?;
            let features = features.for_shape(samples.shape());
            let (features, statistics, of) =
                open_statistics(&sets.data, features, sets.read.array.as_deref())?;
            let spatial = if args.spatial { Statistics::read_spatial(&sets.data)? } else { None };
            ensure!(
                args.spatial == spatial.is_some(),
                "--spatial needs data, or mu_s and sigma_s of a file such as guided-diffusion's; {} has neither",
                escape::path(&sets.data)
            );
            let data = Data::Statistics(Box::new(Side { spatial, ..Side::of(statistics) }));
            return Ok(Self { features, samples, data, notes: note.into_iter().chain(of).collect() });
        }
        if foreign::holds(&sets.data) == Holds::Features {
            let (samples, note) = open_samples(sets)?;
            ensure!(!args.spatial, "--spatial needs data; {} holds their features", escape::path(&sets.data));
            let options = Options { array: Some(foreign::FEATURES.to_owned()), ..Options::default() };
            let (stored, _) = features::open_items(&sets.data, &options, Default::default(), None)?;
            let features = features.for_shape(samples.shape());
            let notes =
                note.into_iter().chain([unnamed(&sets.data, stored.shape().iter().product())]).collect();
            return Ok(Self { features, samples, data: Data::Features(stored), notes });
        }
        let Compared { features, samples, data, notes } = open(comparison, features)?;
        Ok(Self { features, samples, data: Data::Items(data), notes })
    }

    /// What must be the same for all processes.
    fn about(&self, batch: u64) -> Result<Value, Error> {
        let items = |items: &Items| json!({"count": items.len(), "shape": items.shape()});
        let data = match &self.data {
            Data::Statistics(side) => json!({"dim": side.statistics.dim()}),
            Data::Items(data) | Data::Features(data) => items(data),
        };
        let features = self.features.identity();
        Ok(json!({"features": features, "samples": items(&self.samples), "data": data, "batch": batch}))
    }
}

/// Both sides, measured.
struct Sides {
    samples: Side,
    data: Side,
    /// That of the data.
    law: Law,
    score: Option<Sums>,
}

impl Sides {
    /// Takes features of everything; what they come to has the first process.
    fn take(
        args: &EvaluateArgs,
        device: Device,
        (features, samples, data): (&Features, Items, Data),
        peers: &Peers,
    ) -> Result<Option<Self>> {
        let taking = Taking { features, batch: args.comparison.batch, device, spatial: args.spatial, peers };
        let keeps = args.subsets > 0 || args.nearest != Some(0);
        let keeps_samples = args.extrapolate || (keeps && !matches!(data, Data::Statistics(_)));
        let data = match data {
            Data::Statistics(side) => peers.is_first().then_some(*side),
            Data::Items(items) => side::side("data", &items, taking, keeps, None)?,
            Data::Features(items) => {
                let taking = Taking { features: &Features::Values, ..taking };
                side::side("data", &items, taking, keeps, None)?
            }
        };
        // Before the samples, which may take long too.
        if let (Some(path), Some(data)) = (&args.statistics, &data) {
            data.statistics.write(path, &features.identity())?;
        }
        let law = data.as_ref().map(|data| Law::new(&data.statistics)).transpose()?;
        let mut score = match features {
            Features::Inception(network, _) if network.has_classifier() && samples.len() >= SPLITS => {
                Some(Sums::new(samples.len(), args.seed)?)
            }
            _ => None,
        };
        let samples = side::side("samples", &samples, taking, keeps_samples, score.as_mut())?;
        let (Some(samples), Some(data), Some(law)) = (samples, data, law) else { return Ok(None) };
        Ok(Some(Self { samples, data, law, score }))
    }

    /// Compares them, and writes a table.
    fn compare(
        self,
        args: &EvaluateArgs,
        features: &Features,
        mut notes: Vec<String>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let Self { samples, data, law, score } = self;
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
        report::write(args, features, [&samples.statistics, &data.statistics], &found, &notes, out)
    }
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
