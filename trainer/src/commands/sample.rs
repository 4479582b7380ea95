//! `ncsn-trainer sample`.

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use ncsn::commands::Outcome;
use ncsn_theory::langevin::Annealing;
use tch::{Device, Tensor};

use crate::cli::SampleArgs;
use crate::sample::{Noise, Streams, annealed_langevin};
use crate::sheet::{self, Sheet};
use crate::source::{self, Trained};
use crate::tensor_file::{self, TensorFile};
use crate::{Error, array_file};

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
    ensure!((1..=1 << 24).contains(&args.num), "num is {}, allowed: 1 to {}", args.num, 1 << 24);
    ensure!(args.batch >= 1, "batch is 0, allowed: at least 1");
    let (device, precision) = super::set_up(&args.device)?;
    let trained = source::open(&args.trained.checkpoint, args.trained.weights, device, precision)?;
    let annealing = annealing(&trained, args)?;
    let recorded = Recorded::open(args, &trained)?;
    let count = recorded.count.unwrap_or(args.num);
    let bar = bar();
    let strip = RefCell::new(Vec::new());
    let mut images = Vec::new();
    for first in (0..count).step_by(args.batch as usize) {
        let last = (first + args.batch).min(count);
        let (x, mut noise) = recorded.part(args.seed, first..last, &trained, &annealing, device);
        bar.set_message(format!("images {}-{last} of {count}", first + 1));
        let mut each = |at: crate::sample::Progress| {
            bar.set_length(at.total);
            bar.set_position(at.done);
            let [shown, states] = STRIP;
            let due = (at.done * states as u64).is_multiple_of(at.total.next_multiple_of(states as u64));
            if args.trajectory.is_some() && first == 0 && (due || at.done == at.total) {
                strip.borrow_mut().push(at.x.narrow(0, 0, shown.min(at.x.size()[0])).to_device(Device::Cpu));
            }
            true
        };
        let x = annealed_langevin(&trained.network, &annealing, x, &mut noise, &mut each)?;
        images.push(x.to_device(Device::Cpu));
    }
    bar.finish_and_clear();
    let images = Tensor::cat(&images, 0);
    let written = write(args, &images, &strip.into_inner(), trained.network.shape().item.len() == 3)?;
    writeln!(
        out,
        "{count} samples after step {} of {} ({} score evaluations each): {}",
        trained.step,
        trained.config.preset,
        annealing.levels.len() as u64 * annealing.steps_per_level + u64::from(annealing.denoise),
        written.join(", ")
    )?;
    Ok(Outcome::Yes)
}

/// The run's Langevin dynamics, with what the flags change.
fn annealing(trained: &Trained, args: &SampleArgs) -> Result<Annealing, Error> {
    let mut noise = trained.config.noise.clone();
    noise.steps_per_level = args.steps_per_level.unwrap_or(noise.steps_per_level);
    noise.epsilon = args.epsilon.unwrap_or(noise.epsilon);
    Ok(Annealing { denoise: !args.no_denoise, ..noise.annealing()? })
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
        images: std::ops::Range<u64>,
        trained: &Trained,
        annealing: &Annealing,
        device: Device,
    ) -> (Tensor, Noise) {
        let (first, count) = (images.start as i64, (images.end - images.start) as i64);
        let item = &trained.network.shape().item;
        let mut streams = Streams::new(seed, images, item, device);
        // Images start uniform, as in the authors' code; vectors, which may lie anywhere, as the largest noise.
        let drawn = if item.len() == 3 { streams.uniform() } else { streams.normal() * annealing.levels[0] };
        let part = |tensor: &Tensor, axis| tensor.narrow(axis, first, count).to_device(device);
        let x = self.init.as_ref().map_or(drawn, |init| part(init, 0));
        let noise = match &self.noise {
            Some(noise) => Noise::Recorded { tensor: part(noise, 1), next: 0 },
            None => Noise::Streams(streams),
        };
        (x, noise)
    }
}

/// Writes images to all places that were asked for, and names them.
fn write(args: &SampleArgs, images: &Tensor, strip: &[Tensor], pictures: bool) -> Result<Vec<String>> {
    ensure!(
        pictures || (args.grid.is_none() && args.png.is_none() && args.trajectory.is_none()),
        "vectors are no pictures: give --output FILE"
    );
    let mut written = Vec::new();
    let mut sheet = |path: &Path, sheet: &Sheet| -> Result<(), Error> {
        sheet::write(path, &sheet.png()).map_err(Error::file(path))?;
        written.push(path.display().to_string());
        Ok(())
    };
    if let Some(path) = &args.grid {
        sheet(path, &Sheet::of_tensor(images)?)?;
    }
    if let Some(path) = &args.trajectory {
        // One row for each image, from noise to picture.
        let rows = Tensor::stack(strip, 1).flatten(0, 1);
        sheet(path, &Sheet::with_columns(&rows, strip.len())?)?;
    }
    if let Some(folder) = &args.png {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
        for k in 0..images.size()[0] {
            let path = folder.join(format!("{k:06}.png"));
            let image = Sheet::single(&images.get(k))?;
            sheet::write(&path, &image.png()).map_err(Error::file(&path))?;
        }
        written.push(folder.display().to_string());
    }
    if let Some(path) = &args.output {
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("npy") => array_file::write_tensor(path, images)?,
            Some("safetensors") => tensor_file::write(path, [("samples".to_owned(), images)], None)?,
            _ => return Err(Error::setting("output", path.display(), "FILE.npy or FILE.safetensors").into()),
        }
        written.push(path.display().to_string());
    }
    Ok(written)
}

/// A bar on standard error; indicatif hides it where that is not a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
