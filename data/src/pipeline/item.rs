//! One item on its way: as its source delivers it, and as it leaves the decoder.

use std::path::Path;

use super::arrays::{self, Held, is_array};
use crate::element::Element;
use crate::error::Error;
use crate::numbers::Numbers;
use crate::options::Request;
use crate::picture::{self, Changes, Picture, Planes, Sample, Stored, fit};
use crate::share::Place;
use crate::values::{Used, ValueRange};

/// What a source delivers.
pub(crate) enum Content {
    /// A file that should be an image or an array.
    Encoded(Vec<u8>),
    /// Pixels that need no decoding.
    Decoded(Picture),
    /// Numbers that need no decoding.
    Numbers(Numbers),
    /// Something of another share.
    Elsewhere,
}

impl Content {
    /// Bytes it takes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Encoded(bytes) => bytes.len(),
            Self::Decoded(picture) => picture.pixels.len(),
            Self::Numbers(numbers) => numbers.values.len(),
            Self::Elsewhere => 0,
        }
    }
}

/// An item with its name.
pub(crate) struct Item {
    pub name: String,
    pub content: Content,
    /// Class that its source names.
    pub class: Option<u32>,
    /// Where it stands in the whole, if a share of that is read.
    pub place: Option<Place>,
}

/// What an item becomes.
pub(crate) enum Decoded {
    Picture(Picture),
    /// Numbers, and what was changed if they are an image.
    Numbers(Numbers, Changes),
}

impl Decoded {
    /// Bytes it takes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Picture(picture) => picture.pixels.len(),
            Self::Numbers(numbers, _) => numbers.values.len(),
        }
    }
}

/// A decoded item, or why there is none, in the order of the source.
pub(crate) struct Outcome {
    pub name: String,
    pub class: Option<u32>,
    pub place: Option<Place>,
    /// Nothing for an item of another share.
    pub decoded: Result<Option<Decoded>, Error>,
    /// The values an image was stored with, and all that could be stored.
    pub used: Option<(Used, ValueRange)>,
}

/// Decodes an item and brings it to the size asked for.
pub(crate) fn decode(item: Item, request: &Request) -> Outcome {
    let Item { name, content, class, place } = item;
    let stored = match content {
        Content::Encoded(bytes) if is_array(&bytes) => match arrays::decode(&name, &bytes, request) {
            Ok(Held::Image(image)) => picture::stored(&image).map_err(|problem| Error::item(&name, problem)),
            Ok(Held::Numbers(numbers)) => {
                let decoded = as_it_is(numbers, request).map(Some);
                return Outcome { name, class, place, decoded, used: None };
            }
            Err(error) => Err(error),
        },
        Content::Numbers(numbers) => {
            let decoded = as_it_is(numbers, request).map(Some);
            return Outcome { name, class, place, decoded, used: None };
        }
        Content::Elsewhere => return Outcome { name, class, place, decoded: Ok(None), used: None },
        Content::Encoded(bytes) => picture::stored(&bytes).map_err(|problem| Error::item(&name, problem)),
        Content::Decoded(picture) => Ok(picture.into()),
    };
    let used = stored.as_ref().ok().and_then(Stored::used);
    let decoded = stored.and_then(|stored| finished(stored, &name, request));
    Outcome { name, class, place, decoded: decoded.map(Some), used }
}

/// An array does not say which of its axes are pixels.
fn as_it_is(numbers: Numbers, request: &Request) -> Result<Decoded, Error> {
    match request.options {
        options if options.fits() => Err(Error::not_images(request.path, &numbers.shape)),
        options if options.value_range.is_some() => Err(Error::not_bytes(request.path)),
        _ => Ok(Decoded::Numbers(numbers, Changes::default())),
    }
}

/// The image with a range of values as 0 to 255, or as its own numbers, turned and fitted.
fn finished(stored: Stored, name: &str, request: &Request) -> Result<Decoded, Error> {
    let Stored { frame, planes, orientation } = stored;
    let options = request.options;
    let outside = |range: ValueRange| move |value| Error::outside(name, value, range.ends());
    let pixels = match (planes, options.value_range) {
        (Planes::Floats(_), Some(_)) => return Err(Error::not_bytes(Path::new(name))),
        (Planes::Floats(values), None) => return own_units(frame.with(values), orientation, name, request),
        (Planes::Words(words), None) if options.full_depth => {
            let values = words.into_iter().map(f32::from).collect();
            return own_units(frame.with(values), orientation, name, request);
        }
        (Planes::Bytes(bytes), None | Some(ValueRange::BYTES)) => bytes,
        (Planes::Bytes(bytes), Some(range)) => {
            range.bytes(bytes.into_iter().map(u16::from)).map_err(outside(range))?
        }
        (Planes::Words(words), range) => {
            let range = range.unwrap_or(ValueRange::WORDS);
            range.bytes(words.into_iter()).map_err(outside(range))?
        }
    };
    Ok(Decoded::Picture(turned_and_fitted(frame.with(pixels), orientation, name, request)?))
}

fn turned_and_fitted<T: Sample>(
    picture: Picture<T>,
    orientation: u8,
    name: &str,
    request: &Request,
) -> Result<Picture<T>, Error> {
    let orientation = if request.options.exif { orientation } else { 1 };
    fit(picture.upright(orientation), request.options, name)
}

fn own_units(
    picture: Picture<f32>,
    orientation: u8,
    name: &str,
    request: &Request,
) -> Result<Decoded, Error> {
    let Picture { channels, height, width, pixels, changes } =
        turned_and_fitted(picture, orientation, name, request)?;
    let values: Vec<u8> = pixels.into_iter().flat_map(f32::to_le_bytes).collect();
    let request = &Request { path: Path::new(name), ..*request };
    let numbers = Numbers::new(Element::F32, &[channels, height, width], &values, request);
    let numbers = numbers.map_err(Error::into_item)?;
    Ok(Decoded::Numbers(Numbers { planes: true, ..numbers }, changes))
}
