//! `ncsn-trainer inpaint`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Result, ensure};
use ncsn_data::picture;
use ncsn_shell::Outcome;
use ncsn_shell::output;
use tch::{Device, Tensor};

use crate::Error;
use crate::cli::InpaintArgs;
use crate::config::Data;
use crate::dataset::{self, HeldOut, Stored, Wish};
use crate::sample::{self, Mask, Noise, Region, Streams};
use crate::sheet::Sheet;
use crate::source::Trained;

/// Brightness of unknown pixels on the sheet.
const UNKNOWN: f64 = 0.5;

/// Fills in images, and writes what was asked for.
///
/// # Errors
/// A network for vectors; a checkpoint, input or mask that cannot be read or does not fit; files that cannot be written.
pub fn run(args: &InpaintArgs, out: &mut dyn Write) -> Result<Outcome> {
    ensure!(
        args.grid.is_some() || args.output.is_some(),
        "nothing to write: give --grid FILE.png or --output FILE"
    );
    output::check(&[
        ("--grid", args.grid.as_deref(), &["png"]),
        ("--output", args.output.as_deref(), super::VALUES),
    ])?;
    let fills = super::within("num", args.num, 1 << 20)?;
    let count = super::within("images", args.images, 1 << 20)?;
    let batch = super::within("batch", args.sampling.chain.batch, 1 << 20)?;
    let (device, precision) = super::set_up(&args.sampling.chain.device)?;
    let trained = super::open(&args.trained, device, precision)?;
    let item = trained.network.shape().item.clone();
    ensure!(item.len() == 3, "inpainting is for images; {} is for vectors", trained.config.preset);
    let mask = mask(&args.mask, [item[1], item[2]], device)?;
    let known = input(&args.input, count, &trained)?;
    let annealing = super::annealing(&trained.config, &args.sampling.chain, !args.sampling.no_denoise)?;
    let score = &mut |x: &Tensor, sigma: f64| sample::score_at(&trained.network, x, sigma);
    let images = super::in_batches("fills", count * fills, batch, |numbers, each| {
        // A fill keeps its stream whatever the number of fills.
        let stream = |fill: u64| ((fill / fills) << 32) | (fill % fills);
        let mut streams = Streams::new(args.sampling.chain.seed, numbers.clone().map(stream), &item, device);
        let chosen: Vec<i64> = numbers.map(|fill| (fill / fills) as i64).collect();
        let known = known.index_select(0, &Tensor::from_slice(&chosen)).to_device(device);
        let x = streams.start(annealing.schedule.range().max())?;
        let noise = &mut Noise::Streams(streams);
        let x = sample::inpaint(score, &annealing, &mask, &known, x, noise, &mut |at| {
            each(at.done, at.total);
            true
        })?;
        Ok(x.to_device(Device::Cpu))
    })?;
    let images = Tensor::cat(&images, 0).view([&[count as i64, fills as i64], &item[..]].concat().as_slice());
    let mut written = Vec::new();
    if let Some(path) = &args.grid {
        let shown = known.to_device(device);
        let masked = mask.join(&(shown.zeros_like() + UNKNOWN), &shown).to_device(Device::Cpu);
        let rows = Tensor::cat(&[known.unsqueeze(1), masked.unsqueeze(1), images.shallow_clone()], 1);
        written
            .push(super::write_sheet(path, &Sheet::with_columns(&rows.flatten(0, 1), fills as usize + 2)?)?);
    }
    if let Some(path) = &args.output {
        written.push(super::write_values(path, &[("samples", &images), ("known", &known)])?);
    }
    writeln!(
        out,
        "{fills} fills of {count} images, {:.1} % of the pixels each, after step {} of {} \
         ({} score evaluations each): {}",
        100.0 * mask.share(),
        trained.step,
        trained.config.preset,
        annealing.score_evaluations(),
        written.join(", ")
    )?;
    Ok(Outcome::Yes)
}

/// A part by its name, or an image.
fn mask(text: &str, size: [i64; 2], device: Device) -> Result<Mask, Error> {
    match text.parse::<Region>() {
        Ok(region) => Ok(Mask::region(region, size, device)),
        Err(_) if Path::new(text).exists() => Mask::read(Path::new(text), size, device),
        Err(unknown) => Err(unknown),
    }
}

/// The first images of a path, `[count, channels, height, width]` on the CPU.
///
/// # Errors
/// [`Error::File`]; [`Error::Content`] for images of another size or number of channels; [`Error::Setting`] for fewer
/// images than asked for; those of [`dataset::open`].
fn input(path: &Path, count: u64, trained: &Trained) -> Result<Tensor, Error> {
    let item = &trained.network.shape().item;
    if let Some(pixels) = single(path, item)? {
        if count > 1 {
            return Err(Error::setting("images", count, "1: the input is one image"));
        }
        return Stored::Bytes(pixels).tensor(item, Device::Cpu);
    }
    let data = Data { train: Some(path.to_owned()), test: None, held_out: 0, ..trained.config.data.clone() };
    let items = dataset::open(&data, &Wish::of(&trained.config, HeldOut::Exactly))?.train;
    if count > items.len() as u64 {
        return Err(Error::setting("images", count, format!("at most {}, as the input has", items.len())));
    }
    let numbers: Vec<usize> = (0..count as usize).collect();
    items.read(&numbers)?.tensor(item, Device::Cpu)
}

/// The pixels of a file that is one image.
fn single(path: &Path, item: &[i64]) -> Result<Option<Vec<u8>>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut head)).map_err(Error::file(path))?;
    if !picture::is_image(&head) {
        return Ok(None);
    }
    let bytes = fs::read(path).map_err(Error::file(path))?;
    let content = |found: String, expected: String| Error::content(path, found, expected);
    let picture =
        picture::decode(&bytes).map_err(|problem| content(problem.to_string(), "an image".to_owned()))?;
    let found = [picture.channels, picture.height, picture.width].map(|side| side as i64);
    if found != item {
        let text = |sides: &[i64]| sides.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ");
        let expected =
            format!("{} (images in a folder are cropped and resized as the run's data were)", text(item));
        return Err(content(format!("is {}", text(&found)), expected));
    }
    Ok(Some(picture.pixels))
}
