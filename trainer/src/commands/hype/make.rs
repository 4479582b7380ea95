//! `ncsn-trainer hype make`: a page with images whose names and order depend on nothing but their pixels and the seed.

use std::collections::HashMap;
use std::io::Write;

use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ncsn_data::escape;
use ncsn_figures::escaped;
use ncsn_shell::{Outcome, output};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use sha2::{Digest, Sha256};
use tch::Device;

use super::super::{evaluate, within};
use super::files::{Image, KEY, Key, Set};
use crate::Error;
use crate::cli::HypeMakeArgs;
use crate::dataset::{Items, Stored};
use crate::evaluate::features::{self, Batch, Features};
use crate::evaluate::hype::{Truth, guessed, slips};
use crate::layout::{Wanted, shape_text};
use crate::sheet::Sheet;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Images of each kind at most, as many as someone might judge.
const MOST: u64 = 1000;
/// Bytes of a page's images at most, for browsers.
const LARGEST: u64 = 200_000_000;
/// How far samples may lie outside [0, 1]: the noise of the last level, not other units.
const OUTSIDE: f64 = 0.5;

/// An image before it has a name.
struct Drawn {
    png: Vec<u8>,
    truth: Truth,
    number: Option<u64>,
}

/// Writes the page and its key.
///
/// # Errors
/// Samples or data that cannot be read, are no images, have other shapes or units, or are too few; a page that is too large;
/// a key that is there already.
pub fn run(args: &HypeMakeArgs, out: &mut dyn Write) -> Result<Outcome> {
    output::check(&[("--output", Some(&args.output), &["html"])])?;
    let key_path = args.output.with_extension("key.json");
    ensure!(
        !key_path.exists(),
        "{} exists already, and answers to its page need it; --output FILE.html chooses another name",
        key_path.display()
    );
    let num = within("num", args.num, MOST)?;
    ensure!(args.catch <= MOST, "catch is {}, allowed: up to {MOST}", args.catch);
    let (samples, samples_note) = evaluate::open_samples(&args.sets)?;
    let shape = samples.shape().to_vec();
    if !matches!(shape[..], [1 | 3, _, _]) {
        let found = format!("items of {}", shape_text(&shape));
        return Err(Error::content(samples.path(), found, "images of 1 or 3 channels").into());
    }
    let bytes = (2 * num + args.catch) * shape.iter().product::<i64>() as u64;
    ensure!(
        bytes <= LARGEST,
        "{} images of {} are {} MB of pixels, allowed: up to {} (--num, --catch)",
        2 * num + args.catch,
        shape_text(&shape),
        bytes / 1_000_000,
        LARGEST / 1_000_000
    );
    let wanted = Wanted { shape: &shape, as_what: "the samples have" };
    let (data, data_note) = evaluate::open_data(&args.sets, Some(wanted))?;
    // Whoever could guess the seed would learn the names of the images, and nothing of what they are.
    let seed = args.seed.unwrap_or_else(|| rand::random::<u64>() >> 11);
    let (generated, clamped) = draw(&samples, Truth::Generated, num, OUTSIDE, &mut stream(seed, 1))?;
    let (real, _) = draw(&data, Truth::Real, num, 0.0, &mut stream(seed, 2))?;
    let noise = noise(&shape, args.catch, &mut stream(seed, 3))?;
    let named = named(generated.into_iter().chain(real).chain(noise), seed);
    let page = page_name(seed, &args.title, named.iter().map(|(id, _)| id.as_str()));
    let html =
        html(&page, &args.title, &shape, named.iter().map(|(id, image)| (id.as_str(), &image.png[..])));
    let images = named.into_iter().map(|(id, Drawn { truth, number, .. })| Image { id, truth, number });
    let key = Key {
        schema: KEY.to_owned(),
        page,
        title: args.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed,
        samples: set(&samples)?,
        data: set(&data)?,
        shape,
        images: images.collect(),
    };
    let key_text = serde_json::to_string_pretty(&key)? + "\n";
    output::write_files(&[(&args.output, &html), (&key_path, &key_text)])?;
    writeln!(
        out,
        "{}: {num} real and {num} generated images of {}, {} of noise, {:.1} MB",
        escape::path(&args.output),
        shape_text(&key.shape),
        args.catch,
        html.len() as f64 / 1e6
    )?;
    writeln!(out, "{}: what each of them is; keep it from the evaluators", escape::path(&key_path))?;
    writeln!(
        out,
        "'hype score' leaves out who takes more than {} of the {} images of noise for real; a guesser is found with \
         probability {:.3}",
        slips(args.catch),
        args.catch,
        1.0 - guessed(args.catch)
    )?;
    for note in samples_note.into_iter().chain(data_note).chain(clamped) {
        writeln!(out, "note: {note}")?;
    }
    Ok(Outcome::Yes)
}

/// Numbers of their own for each purpose, so that no other changes them.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// Where images are from, for the key.
fn set(items: &Items) -> Result<Set, Error> {
    Ok(Set { path: items.path().display().to_string(), sha256: items.digest()?, count: items.len() as u64 })
}

/// Images of a set, and a line on values that were clamped.
///
/// # Arguments
/// * `outside` — how far from [0, 1] values may lie
fn draw(
    items: &Items,
    truth: Truth,
    num: u64,
    outside: f64,
    rng: &mut impl Rng,
) -> Result<(Vec<Drawn>, Option<String>), Error> {
    if (items.len() as u64) < num {
        let (found, expected) = (format!("{} images", items.len()), format!("at least {num} (--num)"));
        return Err(Error::content(items.path(), found, expected));
    }
    let numbers = rand::seq::index::sample(rng, items.len(), num as usize).into_vec();
    let Batch { items: images, clamped } =
        features::read(items, &numbers, &Features::Pixels).map_err(|error| error.in_file(items.path()))?;
    if clamped.most > outside {
        let found = format!("values outside [0, 1] by up to {}", clamped.most);
        return Err(Error::content(items.path(), found, "pixels in [0, 1]"));
    }
    let drawn = numbers.iter().zip(0..).map(|(&number, index)| {
        let png = Sheet::single(&images.get(index))?.plain_png();
        Ok(Drawn { png, truth, number: Some(number as u64) })
    });
    let values = num * items.shape().iter().product::<i64>() as u64;
    Ok((drawn.collect::<Result<_, Error>>()?, clamped.note("generated images", values)))
}

/// Images whose every value is uniform among 256.
fn noise(shape: &[i64], count: u64, rng: &mut impl Rng) -> Result<Vec<Drawn>, Error> {
    let mut one = || {
        let mut bytes = vec![0; shape.iter().product::<i64>() as usize];
        rng.fill_bytes(&mut bytes);
        let image = Stored::Bytes(bytes).tensor(shape, Device::Cpu)?.squeeze_dim(0);
        Ok(Drawn { png: Sheet::single(&image)?.plain_png(), truth: Truth::Noise, number: None })
    };
    (0..count).map(|_| one()).collect()
}

/// Images with names, in the order of these. A name is a hash of the seed, of the pixels and of how many equal images came
/// before, so that names and order say nothing of what is real.
fn named(images: impl Iterator<Item = Drawn>, seed: u64) -> Vec<(String, Drawn)> {
    let mut copies: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut named: Vec<(String, Drawn)> = images
        .map(|image| {
            let copy = copies.entry(image.png.clone()).or_default();
            let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(copy.to_le_bytes());
            *copy += 1;
            (hex(&hash.chain_update(&image.png).finalize()[..8]), image)
        })
        .collect();
    named.sort_by(|(a, _), (b, _)| a.cmp(b));
    named
}

/// The page's own name: pages of other images, another title or another seed have others.
fn page_name<'a>(seed: u64, title: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(title);
    hex(&ids.fold(hash, |hash, id| hash.chain_update(id)).finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The page: images as PNG by their names, which is all that it is told of them.
fn html<'a>(
    page: &str,
    title: &str,
    shape: &[i64],
    images: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> String {
    let images: Vec<_> = images.map(|(id, png)| json!({"id": id, "png": STANDARD.encode(png)})).collect();
    let data = json!({"page": page, "height": shape[1], "width": shape[2], "images": images});
    // The title comes last: it alone is foreign, and may hold a placeholder.
    PAGE.replacen("{{style}}", STYLE, 1)
        .replacen("{{script}}", SCRIPT, 1)
        .replacen("{{data}}", &data.to_string(), 1)
        .replace("{{title}}", &escaped(title))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(pixels: &[&[u8]], truth: Truth) -> impl Iterator<Item = Drawn> {
        pixels
            .iter()
            .map(move |png| Drawn { png: png.to_vec(), truth, number: None })
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn names_do_not_depend_on_what_is_real() {
        let (first, second): ([&[u8]; 3], [&[u8]; 3]) = ([b"a", b"b", b"c"], [b"d", b"e", b"a"]);
        let all = |[real, generated]: [Truth; 2], seed: u64| -> Vec<(String, Vec<u8>)> {
            let images = drawn(&first, real).chain(drawn(&second, generated));
            named(images, seed).into_iter().map(|(id, image)| (id, image.png)).collect()
        };
        let found = all([Truth::Real, Truth::Generated], 1);
        assert_eq!(found, all([Truth::Generated, Truth::Real], 1));
        let ids: std::collections::BTreeSet<_> = found.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 6, "the two equal images have two names");
        assert_ne!(found, all([Truth::Real, Truth::Generated], 2));
    }

    #[test]
    fn all_files_of_one_size_are_equally_long() {
        let mut rng = stream(0, 0);
        for shape in [[1, 28, 28], [3, 32, 32], [3, 256, 256]] {
            let flat = tch::Tensor::ones(shape, (tch::Kind::Float, Device::Cpu));
            let flat = Sheet::single(&flat).expect("finite").plain_png();
            let noise = &noise(&shape, 1, &mut rng).expect("noise")[0].png;
            assert_eq!(flat.len(), noise.len(), "{shape:?}");
            // All before the first pixel: header and chunks.
            assert_eq!(flat[..40], noise[..40]);
            let read = image::load_from_memory(noise).expect("a PNG").into_bytes();
            assert!(read.contains(&0) && read.contains(&255));
        }
    }

    #[test]
    fn a_title_is_text() {
        let html = html("p", "{{data}}</title><script>alert(1)</script>", &[1, 2, 2], std::iter::empty());
        assert!(html.contains("<title>{{data}}&lt;/title&gt;&lt;script&gt;"), "{html}");
        assert_eq!(html.matches("\"page\":\"p\"").count(), 1);
    }
}
