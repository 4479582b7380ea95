//! `ncsn-trainer sample`.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, ensure};
use ncsn_data::escape;
use ncsn_shell::Outcome;
use ncsn_shell::output;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::peers;
use crate::cli::{SampleArgs, SamplerChoice};
use crate::peers::{Peers, Place};
use crate::sample::{
    self, Consistent, DpmSolver, Noise, PredictorCorrector, ProbabilityFlow, Sampler, Streams, Told,
};
use crate::sheet::Sheet;
use crate::source::Trained;
use crate::tensor_file::TensorFile;
use crate::{Error, torch};

/// What stands for no class in particular.
const ANY: &str = "any";
/// Images in a trajectory, and states of each.
const STRIP: [i64; 2] = [8, 12];

/// Samples, and writes what was asked for.
///
/// # Errors
/// A checkpoint that cannot be read, recorded tensors that do not fit, files that cannot be written.
pub fn run(args: &SampleArgs, out: &mut dyn Write) -> Result<Outcome> {
    ensure!(
        args.grid.is_some() || args.png.is_some() || args.output.is_some() || args.trajectory.is_some(),
        "nothing to write: give --grid FILE.png, --png DIR, --output FILE or --trajectory FILE.png"
    );
    output::check(&[
        ("--grid", args.grid.as_deref(), &["png"]),
        ("--trajectory", args.trajectory.as_deref(), &["png"]),
        ("--output", args.output.as_deref(), super::VALUES),
    ])?;
    if let Some(folder) = &args.png {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
        output::check_folder("--png", folder)?;
    }
    let num = super::within("num", args.num, 1 << 24)?;
    let batch = super::within("batch", args.sampling.chain.batch, 1 << 20)?;
    let place = Place::of_environment()?;
    let (device, precision) = super::set_up_at(&args.sampling.chain.device, place.as_ref())?;
    let trained = super::open(&args.trained, device, precision)?;
    let sampler = sampler(&trained, args)?;
    let told = told(&trained, args)?;
    let schedule = match &sampler {
        Sampler::Langevin(annealing) => annealing.schedule,
        _ => trained.config.schedule(),
    };
    let recorded = Recorded::open(args, &trained)?;
    let count = recorded.count.unwrap_or(num);
    let (seed, config) = (args.sampling.chain.seed, peers::compared(&trained.config));
    let about = json!({"step": trained.step, "config": config, "sampler": format!("{sampler:?}"), "seed": seed,
        "num": count, "classes": format!("{told:?}")});
    let peers = peers::meet(place.as_ref(), (device, precision), &about, peers::PATIENCE)?;
    let own = peers.part(count as usize);
    let mut strip = Vec::new();
    let images = super::in_batches("images", own.len() as u64, batch, |numbers, each| {
        let first = own.start as u64 + numbers.start;
        let numbers = first..own.start as u64 + numbers.end;
        let score_of = numbers.clone();
        let (x, mut noise) = recorded.part(args.sampling.chain.seed, numbers, &trained, &sampler, device)?;
        let mut each = |at: sample::Progress| {
            each(at.done, at.total);
            let [shown, states] = STRIP;
            let due = (at.done * states as u64).is_multiple_of(at.total.next_multiple_of(states as u64));
            if args.trajectory.is_some() && first == 0 && (due || at.done == at.total) {
                strip.push(at.x.narrow(0, 0, shown.min(at.x.size()[0])).to_device(Device::Cpu));
            }
            true
        };
        let score = &mut told.score(&trained.network, score_of);
        let x = sampler.sample(score, x, &mut noise, &mut each)?;
        Ok(x.to_device(Device::Cpu))
    })?;
    let is_first = peers.is_first();
    let images = gathered(images, own.start, count, &trained, &peers)
        .and_then(|images| peers.leave().map(|()| images));
    peers::outcome(images, |images| {
        if !is_first {
            return Ok(Outcome::Yes);
        }
        let written = write(args, &images, &strip, trained.network.shape().item.len() == 3)?;
        writeln!(
            out,
            "schedule: L = {}, T = {}, epsilon {:e} ({})",
            schedule.num_levels(),
            schedule.steps_per_level(),
            schedule.epsilon(),
            escape::one_line(&trained.config.noise.subject())
        )?;
        writeln!(
            out,
            "{count} samples after step {} of {} ({} score evaluations each): {}",
            trained.step,
            trained.config.preset,
            sampler.evaluations(),
            written.join(", ")
        )?;
        Ok(Outcome::Yes)
    })
}

/// The images of all processes, of which this one has sampled those from `first` on.
fn gathered(
    images: Vec<Tensor>,
    first: usize,
    count: u64,
    trained: &Trained,
    peers: &Peers,
) -> Result<Tensor, Error> {
    let weights: Vec<&Tensor> = trained.network.parameters().tensors().iter().collect();
    if !peers.are_same(&weights)? {
        return Err(Error::setting(
            "the network",
            format!("another in rank {} than in rank 0", peers.rank()),
            "the same",
        ));
    }
    // There may be fewer images than processes.
    let none =
        Tensor::f_zeros([&[0], &trained.network.shape().item[..]].concat(), (Kind::Float, Device::Cpu))?;
    let parts: Vec<Tensor> = std::iter::once(none).chain(images).collect();
    let own = torch::attempt(|| Tensor::cat(&parts, 0))?;
    peers.all_gather(&own, first, count as usize)
}

/// The sampler asked for, on the run's range of noise.
///
/// # Errors
/// Flags of another sampler; those of the sampler's constants.
fn sampler(trained: &Trained, args: &SampleArgs) -> Result<Sampler> {
    use SamplerChoice::{Consistent as Consist, Dpm, Langevin, Ode, PredictorCorrector as Predict};
    let choice = args.sampler;
    let langevin = &args.sampling;
    let flags = [
        ("--steps", args.steps.is_some(), choice != Langevin, "consistent, predictor-corrector, ode or dpm"),
        ("--rho", args.rho.is_some(), matches!(choice, Ode | Dpm), "ode or dpm"),
        ("--snr", args.snr.is_some(), choice == Predict, "predictor-corrector"),
        ("--eta", args.eta.is_some(), choice == Consist, "consistent"),
        ("--steps-per-level", langevin.chain.steps_per_level.is_some(), choice == Langevin, "langevin"),
        ("--epsilon", langevin.chain.epsilon.is_some(), choice == Langevin, "langevin"),
    ];
    for (flag, given, taken, taker) in flags {
        ensure!(!given || taken, "{flag} is for --sampler {taker}");
    }
    if choice == Langevin {
        return Ok(Sampler::Langevin(super::annealing(
            &trained.config,
            &langevin.chain,
            !langevin.no_denoise,
        )?));
    }
    let schedule = trained.config.schedule();
    let steps = args.steps.unwrap_or(schedule.num_levels() - 1);
    let levels = sample::spaced(schedule.range(), steps, args.rho)?;
    let denoise = !langevin.no_denoise;
    Ok(match choice {
        Consist => Sampler::Consistent(Consistent::new(levels, args.eta, denoise)?),
        Predict => {
            let snr = args.snr.unwrap_or(sample::PUBLISHED_SNR);
            Sampler::PredictorCorrector(PredictorCorrector::new(levels, snr, denoise)?)
        }
        Dpm => Sampler::DpmSolver(DpmSolver::new(levels, denoise)),
        Ode | Langevin => Sampler::ProbabilityFlow(ProbabilityFlow::new(levels, denoise)),
    })
}

/// The classes asked for, else each in turn.
///
/// # Errors
/// Classes for a network that is told none, or of names that it does not know; a guidance outside its domain.
fn told(trained: &Trained, args: &SampleArgs) -> Result<Told> {
    let network = trained.network.shape();
    let names = trained.config.data.labels.as_ref().map_or(&[][..], |labels| &labels.names);
    if network.classes == 0 {
        ensure!(
            args.classes.is_empty() && args.guidance.is_none(),
            "--class and --guidance are for networks that are told classes (train --class-conditional)"
        );
        return Ok(Told::all(network));
    }
    let place = |wanted: &String| match names.iter().position(|name| name == wanted) {
        Some(place) => Ok(place as i64),
        None if wanted == ANY => Ok(network.classes),
        None => {
            let known: Vec<_> = names.iter().take(16).map(|name| escape::one_line(name)).collect();
            let more = if names.len() > known.len() { ", …" } else { "" };
            let allowed = format!("{ANY}, {}{more}", known.join(", "));
            Err(Error::setting("class", escape::one_line(wanted), allowed))
        }
    };
    let classes = args.classes.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let classes = if classes.is_empty() { (0..network.classes).collect() } else { classes };
    Ok(Told::new(classes, args.guidance.unwrap_or(1.0))?)
}

/// Start and noise drawn by somebody else.
struct Recorded {
    init: Option<Tensor>,
    noise: Option<Tensor>,
    count: Option<u64>,
}

impl Recorded {
    fn open(args: &SampleArgs, trained: &Trained) -> Result<Self> {
        let item = &trained.network.shape().item;
        let any =
            |axes: usize| -> Vec<i64> { vec![-1; axes].into_iter().chain(item.iter().copied()).collect() };
        let read = |path: &Path, name: &str, axes: usize| TensorFile::read(path)?.shaped(name, &any(axes));
        let init = args.init.as_deref().map(|path| read(path, "x0", 1)).transpose()?;
        let noise = args.noise.as_deref().map(|path| read(path, "noise", 2)).transpose()?;
        let counts = [init.as_ref().map(|x| x.size()[0]), noise.as_ref().map(|z| z.size()[1])];
        if let [Some(init), Some(noise)] = counts {
            ensure!(init == noise, "x0 has {init} images, but noise has {noise}");
        }
        let count = counts.into_iter().flatten().next().map(|count| count as u64);
        Ok(Self { init, noise, count })
    }

    /// Start and noise of some of the images.
    fn part(
        &self,
        seed: u64,
        images: Range<u64>,
        trained: &Trained,
        sampler: &Sampler,
        device: Device,
    ) -> Result<(Tensor, Noise), Error> {
        let (first, count) = (images.start as i64, (images.end - images.start) as i64);
        let item = &trained.network.shape().item;
        let mut streams = Streams::new(seed, images, item, device);
        let drawn = sampler.start_for(trained.network.shape(), &mut streams)?;
        let part = |tensor: &Tensor, axis| tensor.narrow(axis, first, count).to_device(device);
        let x = self.init.as_ref().map_or(drawn, |init| part(init, 0));
        let noise = match &self.noise {
            Some(noise) => Noise::Recorded { tensor: part(noise, 1), next: 0 },
            None => Noise::Streams(streams),
        };
        Ok((x, noise))
    }
}

/// Writes images to all places that were asked for, and names them.
fn write(args: &SampleArgs, images: &Tensor, strip: &[Tensor], pictures: bool) -> Result<Vec<String>> {
    ensure!(
        pictures || (args.grid.is_none() && args.png.is_none() && args.trajectory.is_none()),
        "vectors are no pictures: give --output FILE"
    );
    let mut written = Vec::new();
    if let Some(path) = &args.grid {
        written.push(super::write_sheet(path, &Sheet::of_tensor(images)?)?);
    }
    if let Some(path) = &args.trajectory {
        // One row for each image, from noise to picture.
        let rows = Tensor::stack(strip, 1).flatten(0, 1);
        written.push(super::write_sheet(path, &Sheet::with_columns(&rows, strip.len())?)?);
    }
    if let Some(folder) = &args.png {
        for k in 0..images.size()[0] {
            let path = folder.join(format!("{k:06}.png"));
            super::write_sheet(&path, &Sheet::single(&images.get(k))?)?;
        }
        written.push(escape::path(folder));
    }
    if let Some(path) = &args.output {
        written.push(super::write_values(path, &[("samples", images)])?);
    }
    Ok(written)
}
