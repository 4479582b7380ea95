//! TFRecord files of TensorFlow: a `tf.train.Example` in each record, with an encoded image, raw pixels or floats.
//!
//! Checksums are checked. Memory holds a record, at most 512 MiB.

use std::io::Read;
use std::path::{Path, PathBuf};

use example::{Feature, Features};
use records::Records;

use crate::choose::{Offer, choose};
use crate::class::Class;
use crate::element::Element;
use crate::error::{Error, Kind};
use crate::escape::{one_line, path as shown};
use crate::files::{file_name, slashed};
use crate::numbers::Numbers;
use crate::options::{Options, Request};
use crate::packing;
use crate::parts::of_part;
use crate::picture::{Changes, Picture};
use crate::pipeline::{self, Content, Feed, Leftovers};
use crate::set::DataSet;

mod example;
mod records;

/// Features of encoded images, the first that there is.
const IMAGES: [&str; 4] = ["image/encoded", "image", "image_raw", "encoded"];
/// Raw pixels, plane after plane, and their channels, height and width, as StyleGAN's tools write them.
const PIXELS: (&str, &str) = ("data", "shape");

/// Whether a file begins like TFRecord.
pub(crate) fn is_header(head: &[u8]) -> bool {
    records::is_header(head)
}

/// Whether a name promises TFRecord: by its suffix, or as one of several shards.
pub(crate) fn has_suffix(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let shard = name.rsplit_once("-of-").is_some_and(|(before, all)| {
        let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        digits(all) && before.rsplit_once('-').is_some_and(|(_, number)| digits(number))
    });
    shard || crate::files::has_suffix(name, &["tfrecord", "tfrecords", "tfrec"])
}

/// Reads the examples of a file, unpacked if it was compressed.
///
/// What is read of each is decided by the first: the feature that the option `array` names; raw pixels, features
/// `data` and `shape`; an encoded image, named `image/encoded`, `image`, `image_raw` or `encoded`, else the only
/// feature of bytes that begins like an image or an array; the only list of floats, beside which other lists may have
/// one entry.
///
/// # Errors
/// * `Kind::Damaged` — a wrong checksum, a record cut short or of over 512 MiB, a record that is no example
/// * `Kind::Choose` — several features, none, or none of the name
/// * `Kind::Empty`, `Kind::Mixed`, `Kind::Item`, `Kind::Option`, `Kind::Room`, `Kind::Unpack`
pub fn read(input: impl Read + Send, request: &Request) -> Result<DataSet, Error> {
    pipeline::run(request, None, 0, |feed| {
        feed_records(input, &file_name(request.path), &mut None, request, feed)?;
        Ok(Leftovers::default())
    })
}

/// Reads the files of a folder in the order given, those of one split; each may be compressed.
///
/// # Arguments
/// * `files` — paths relative to the folder
/// * `leftovers` — what else the folder holds
///
/// # Errors
/// `Kind::NoSplit`; those of [`read`], by file.
pub(crate) fn read_files(
    files: Vec<PathBuf>,
    mut leftovers: Leftovers,
    request: &Request,
) -> Result<DataSet, Error> {
    let (files, note) = of_part(files, "TFRecord files", request)?;
    leftovers.notes.extend(note);
    pipeline::run(request, None, 0, move |feed| {
        let mut source = None;
        for file in files {
            let path = request.path.join(&file);
            let input = packing::open(&path)?;
            let request = &Request { path: &path, ..*request };
            if !feed_records(input, &slashed(&file), &mut source, request, feed)? {
                break;
            }
        }
        Ok(leftovers)
    })
}

/// Hands over what the records hold; whether to go on.
fn feed_records(
    input: impl Read,
    file: &str,
    source: &mut Option<Source>,
    request: &Request,
    feed: &mut Feed,
) -> Result<bool, Error> {
    let mut records = Records::new(input, request.path);
    let mut row = 0_u64;
    while let Some((record, at)) = records.next()? {
        let features = example::features(record).ok_or_else(|| {
            Error::field(request.path, at, "record", "no features by name", "a tf.train.Example")
        })?;
        let source = match source {
            Some(source) => source,
            None => source.insert(Source::of(&features, request)?),
        };
        let name = format!("{file}#{row}");
        let content = source.content(&features, &name, request.options)?;
        if feed.push(name, content).is_err() {
            return Ok(false);
        }
        row += 1;
    }
    Ok(true)
}

/// What is read of each example.
enum Source {
    Encoded(String),
    /// Raw pixels, beside which their shape stands.
    Pixels(String),
    Floats(String),
}

impl Source {
    fn of(features: &Features, request: &Request) -> Result<Self, Error> {
        let is_encoded =
            |feature: &Feature| feature.only_bytes().is_some_and(|bytes| Class::of_content(bytes).is_some());
        let pick = |offers: &[Offer], wanted: Option<&str>| {
            choose(request.path, offers, wanted).map(|index| offers[index].name.clone())
        };
        let is_bytes = |&&(_, feature): &&(&str, Feature)| feature.only_bytes().is_some();
        let raw = |name: &str| name == PIXELS.0 && find(features, PIXELS.1).is_some();
        if let Some(wanted) = &request.options.array {
            let readable = features.iter().filter(|(_, feature)| !matches!(feature, Feature::Integers(_)));
            let name =
                pick(&readable.map(|(name, _)| Offer::named(*name)).collect::<Vec<_>>(), Some(wanted))?;
            return Ok(match find(features, &name) {
                Some(Feature::Floats(_)) => Self::Floats(name),
                Some(feature) if raw(&name) && !is_encoded(&feature) => Self::Pixels(name),
                _ => Self::Encoded(name),
            });
        }
        if features.iter().filter(is_bytes).any(|(name, _)| raw(name)) {
            return Ok(Self::Pixels(PIXELS.0.into()));
        }
        let named = |name: &&&str| features.iter().filter(is_bytes).any(|(other, _)| *other == **name);
        if let Some(name) = IMAGES.iter().find(named) {
            return Ok(Self::Encoded((*name).into()));
        }
        let encoded = features.iter().filter(|(_, feature)| is_encoded(feature));
        let encoded: Vec<_> = encoded.map(|(name, _)| Offer::named(*name)).collect();
        if !encoded.is_empty() {
            return pick(&encoded, None).map(Self::Encoded);
        }
        let floats = features.iter().filter_map(|(name, feature)| {
            let entries = feature.floats()?.len() as u64 / 4;
            Some(Offer { name: (*name).into(), shape: Some(vec![1, entries]) })
        });
        let floats: Vec<_> = floats.collect();
        if !floats.is_empty() {
            return pick(&floats, None).map(Self::Floats);
        }
        let names: Vec<_> = features.iter().take(8).map(|(name, _)| one_line(name)).collect();
        let text = format!(
            "{} has no feature of an image or of floats, its features: {}",
            shown(request.path),
            names.join(", ")
        );
        Err(Error::new(Kind::Choose, request.path, text))
    }

    fn content(&self, features: &Features, name: &str, options: &Options) -> Result<Content, Error> {
        match self {
            // One that is not there is read as a corrupt image.
            Self::Encoded(feature) => Ok(Content::Encoded(bytes_of(features, feature).unwrap_or_default())),
            Self::Pixels(feature) => {
                let shape = find(features, PIXELS.1).and_then(Feature::integers::<3>);
                pixels(&bytes_of(features, feature).unwrap_or_default(), shape, name, options)
            }
            Self::Floats(feature) => {
                let values = find(features, feature).and_then(Feature::floats).unwrap_or_default();
                numbers(Element::F32, &[values.len() / 4], &values, name, options)
            }
        }
    }
}

fn find<'a>(features: &Features<'a>, wanted: &str) -> Option<Feature<'a>> {
    features.iter().rfind(|(name, _)| *name == wanted).map(|&(_, feature)| feature)
}

fn bytes_of(features: &Features, name: &str) -> Option<Vec<u8>> {
    find(features, name)?.only_bytes().map(<[u8]>::to_vec)
}

/// Planes of bytes, or of floats where there are four bytes to an entry.
fn pixels(values: &[u8], shape: Option<[i64; 3]>, name: &str, options: &Options) -> Result<Content, Error> {
    let shape = shape.and_then(|shape| {
        let [channels, height, width] = shape.map(|side| usize::try_from(side).ok().filter(|&side| side > 0));
        Some([channels?, height?, width?])
    });
    let Some(shape @ [channels, height, width]) = shape else {
        return Err(Error::item(name, "the feature shape is no channels, height and width"));
    };
    let entries = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    let element = match entries {
        Some(entries) if entries == values.len() => Element::U8,
        Some(entries) if entries.checked_mul(4) == Some(values.len()) => Element::F32,
        _ => {
            let found = values.len();
            let problem = format!("{found} bytes of data, its shape is {channels}×{height}×{width}");
            return Err(Error::item(name, problem));
        }
    };
    if element == Element::U8 && matches!(channels, 1 | 3) {
        let (pixels, changes) = (values.to_vec(), Changes::default());
        return Ok(Content::Decoded(Picture { channels, height, width, pixels, changes }));
    }
    numbers(element, &shape, values, name, options)
}

fn numbers(
    element: Element,
    shape: &[usize],
    values: &[u8],
    name: &str,
    options: &Options,
) -> Result<Content, Error> {
    if values.is_empty() {
        return Err(Error::item(name, "no values"));
    }
    let request = Request { path: Path::new(name), options, progress: &|_, _| {} };
    let numbers = Numbers::new(element, shape, values, &request).map_err(Error::into_item)?;
    Ok(Content::Numbers(Numbers { planes: shape.len() == 3, ..numbers }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_told_by_their_names() {
        for name in [
            "a.tfrecord",
            "a.TFRecords",
            "a.tfrecord.gz",
            "train-00000-of-00010",
            "m.tfrecord-00001-of-00002",
        ] {
            assert!(has_suffix(name), "{name}");
        }
        for name in ["a.png", "train-00000-of-00010.parquet", "one-of-00010", "a-0-of-1", "tfrecord"] {
            assert!(!has_suffix(name), "{name}");
        }
    }

    #[test]
    fn shards_are_read_in_the_order_given_and_by_split() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/tfrecord");
        let read = |files: &[&str], options: &Options| {
            let request = Request { path: &folder, options, progress: &|_, _| {} };
            read_files(files.iter().map(PathBuf::from).collect(), Leftovers::default(), &request)
        };
        let data = read(&["floats.tfrecord.gz", "floats.tfrecord"], &Options::default()).unwrap();
        let names: Vec<_> = [0, 4, 7].iter().map(|&row| data.names.get(row).unwrap()).collect();
        assert_eq!(names, ["floats.tfrecord.gz#0", "floats.tfrecord#0", "floats.tfrecord#3"]);
        let test = Options { split: crate::Split::Test, ..Options::default() };
        assert_eq!(read(&["floats.tfrecord"], &test).unwrap_err().kind(), Kind::NoSplit);
        // The first file says which feature is read.
        let missing = read(&["encoded.tfrecord", "other-00000-of-00001"], &Options::default()).unwrap_err();
        assert!(missing.to_string().starts_with("other-00000-of-00001#0: no bytes"), "{missing}");
    }
}
