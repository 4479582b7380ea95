//! Files of `torch.save`, pickles, and the batches of CIFAR and ImageNet-32 in them, by [`ncsn_pth`].

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use ncsn_pth::{Array, Dtype, Place, Placed, Tensor, Value, is_torch_stream, is_torch_zip};

use crate::array;
use crate::choose::{Offer, choose};
use crate::element::Element;
use crate::error::Error;
use crate::escape::one_line;
use crate::layout::Layout;
use crate::options::Request;
use crate::rows::read_exact_at;
use crate::set::DataSet;
use crate::writer::RowWriter;

/// Whether bytes begin like a file of `torch.save` or another pickle.
pub(crate) fn is_header(head: &[u8]) -> bool {
    is_torch_zip(head) || is_torch_stream(head) || ncsn_pth::is_pickle(head)
}

/// Values of one array or tensor: the one named, or that chosen as of an `.npz`; of a batch that of its images.
///
/// Arrays are named by the keys and positions that lead to them, with dots between. A list of arrays of one shape gives
/// a row for each. What lies plainly in the file is read in place.
///
/// # Errors
/// * `Kind::Damaged` — what [`ncsn_pth`] refuses; `Kind::Choose`; `Kind::Empty` — no array
/// * `Kind::Value`, `Kind::Option`, `Kind::Room`
pub fn open(mut file: File, request: &Request) -> Result<DataSet, Error> {
    let value =
        ncsn_pth::locate_in(&mut file, request.path).map_err(|error| refused(request.path, &error))?;
    if let Some(items) = items_of(&value) {
        let rows = array_of_items(&mut file, &items, request)?;
        return rows.ranged(request)?.unfitted(request);
    }
    let classes = classes_of(&value);
    let found = found(value, request)?;
    let images = found.images;
    let data = match found.values {
        Values::Placed(Placed { dtype, shape, place: Place { offset, .. } }) => {
            array::open_part(file, offset, layout(dtype, &shape, request)?, request)?
        }
        Values::Here(dtype, shape, bytes) => {
            array::read(&bytes[..], layout(dtype, &shape, request)?, request)?
        }
    };
    let data = match images {
        Some(shape) => DataSet { shape: shape.to_vec(), planes: true, classes, ..data },
        None => data,
    };
    let data = data.ranged(request)?;
    if images.is_some() { data.fitted(request) } else { data.unfitted(request) }
}

/// The only array of a file that is one item, or an image in a pickle.
pub(crate) enum Item {
    Array(Element, Vec<usize>, Vec<u8>),
    Image(Vec<u8>),
}

/// Reads a file that is one item: an array, or a tuple or dict of one and of its labels.
///
/// # Errors
/// What [`ncsn_pth`] refuses; `Kind::Choose`.
pub(crate) fn item(input: impl Read + Seek, request: &Request) -> Result<Item, Error> {
    let value = ncsn_pth::parse(input, request.path).map_err(|error| refused(request.path, &error))?;
    if let Some(image) = image_of(&value) {
        return Ok(Item::Image(image));
    }
    let offers = offers(value);
    let with_entries: Vec<_> =
        offers.into_iter().filter(|(_, values)| values.shape().iter().product::<usize>() > 1).collect();
    let shown: Vec<Offer> = with_entries.iter().map(|(name, _)| Offer::named(name)).collect();
    if shown.is_empty() {
        return Err(Error::no_rows(request.path));
    }
    let index = choose(request.path, &shown, request.options.array.as_deref())?;
    match with_entries.into_iter().nth(index) {
        Some((_, Values::Here(dtype, shape, bytes))) => Ok(Item::Array(element(dtype), shape, bytes)),
        _ => Err(Error::no_rows(request.path)),
    }
}

/// A batch of images and their classes.
pub(crate) struct Batch {
    /// Of an image.
    pub shape: [usize; 3],
    /// The images, one after the other.
    pub rows: Vec<u8>,
    /// One for each image.
    pub classes: Option<Vec<u32>>,
}

/// The rows of a batch as the makers of CIFAR and ImageNet-32 pickle them: bytes, `[3, side, side]` each.
///
/// # Errors
/// What [`ncsn_pth`] refuses; `Kind::Damaged` — no batch.
pub(crate) fn batch(input: impl Read + Seek, request: &Request) -> Result<Batch, Error> {
    let value = ncsn_pth::parse(input, request.path).map_err(|error| refused(request.path, &error))?;
    let (shape, classes) = (batch_shape(&value), classes_of(&value));
    let data = value.into_dict().into_iter().flatten().find_map(|(key, value)| {
        let is_data = key.as_text() == Some("data") || key.as_bytes() == Some(b"data");
        if is_data { value.into_array() } else { None }
    });
    match (shape, data) {
        (Some(shape), Some(Array { dtype: Dtype::U8, bytes, .. })) => {
            Ok(Batch { shape, rows: bytes, classes })
        }
        _ => {
            Err(Error::header(request.path, "content", "no batch", "a dict with images in data, and labels"))
        }
    }
}

fn refused(path: &Path, error: &ncsn_pth::Error) -> Error {
    Error::damaged(path, one_line(&error.to_string()).into_owned())
}

/// Numbers, and where they are.
enum Values {
    Placed(Placed),
    Here(Dtype, Vec<usize>, Vec<u8>),
}

impl Values {
    fn shape(&self) -> &[usize] {
        match self {
            Self::Placed(Placed { shape, .. }) | Self::Here(_, shape, _) => shape,
        }
    }
}

/// The array to read.
struct Found {
    values: Values,
    /// Shape of a row where it is known to be an image.
    images: Option<[usize; 3]>,
}

fn found(value: Value, request: &Request) -> Result<Found, Error> {
    let images =
        batch_shape(&value).filter(|_| request.options.array.as_deref().is_none_or(|name| name == "data"));
    let offers = offers(value);
    let shown: Vec<Offer> = offers
        .iter()
        .map(|(name, values)| Offer::shaped(name, values.shape().iter().map(|&d| d as u64)))
        .collect();
    if shown.is_empty() {
        return Err(Error::no_rows(request.path));
    }
    let index = match images.and_then(|_| shown.iter().position(|offer| offer.name == "data")) {
        Some(index) => index,
        None => choose(request.path, &shown, request.options.array.as_deref())?,
    };
    let values = offers.into_iter().nth(index).map(|(_, values)| values);
    Ok(Found { values: values.ok_or_else(|| Error::no_rows(request.path))?, images })
}

/// Every array with at least one axis, by the way that leads to it.
fn offers(value: Value) -> Vec<(String, Values)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), value)];
    let below =
        |name: &str, key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    while let Some((name, value)) = open.pop() {
        let first = open.len();
        match value {
            Value::Tensor(Tensor { dtype, shape, bytes, .. })
            | Value::Array(Array { dtype, shape, bytes }) => {
                found.push((name, Values::Here(dtype, shape, bytes)));
            }
            Value::Placed(placed) => found.push((name, Values::Placed(placed))),
            Value::List(items) | Value::Tuple(items) => {
                open.extend(
                    items.into_iter().enumerate().map(|(k, item)| (below(&name, &k.to_string()), item)),
                );
            }
            Value::Dict(entries) => open.extend(entries.into_iter().map(|(key, value)| {
                let key = match key {
                    Value::Text(text) => text,
                    Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    other => format!("{other:?}"),
                };
                (below(&name, &key), value)
            })),
            _ => {}
        }
        // A stack gives back last what it was given first.
        open[first..].reverse();
    }
    found.retain(|(_, values)| !values.shape().is_empty());
    found
}

/// The classes of a batch, the fine ones of CIFAR-100; ImageNet-32 counts from 1.
fn classes_of(value: &Value) -> Option<Vec<u32>> {
    let labels = ["labels", "fine_labels"].into_iter().find_map(|key| value.get(key))?;
    let class = |label: &Value| label.as_int().and_then(|label| u32::try_from(label).ok());
    labels.as_list()?.iter().map(class).collect()
}

/// Images of bytes with labels beside them: `data` of `[N, 3·side²]`.
fn batch_shape(value: &Value) -> Option<[usize; 3]> {
    let labelled = ["labels", "fine_labels", "coarse_labels"].into_iter().any(|key| value.get(key).is_some());
    let (dtype, shape) = match value.get("data")? {
        Value::Array(Array { dtype, shape, .. }) | Value::Placed(Placed { dtype, shape, .. }) => {
            (dtype, shape)
        }
        _ => return None,
    };
    let &[_, width] = &shape[..] else { return None };
    let side = (width / 3).isqrt();
    (labelled && *dtype == Dtype::U8 && side > 0 && 3 * side * side == width).then_some([3, side, side])
}

/// An item of a list.
struct ListItem<'v> {
    dtype: Dtype,
    shape: &'v [usize],
    /// Its bytes, or where they are.
    bytes: Result<&'v [u8], Place>,
}

/// The items of a list of arrays of one type and shape.
fn items_of(value: &Value) -> Option<Vec<ListItem<'_>>> {
    let items: Vec<_> = value.as_list()?.iter().map(list_item).collect::<Option<_>>()?;
    let &ListItem { dtype, shape, .. } = items.first()?;
    let alike = items.iter().all(|item| (item.dtype, item.shape) == (dtype, shape));
    (items.len() > 1 && !shape.is_empty() && alike).then_some(items)
}

fn list_item(value: &Value) -> Option<ListItem<'_>> {
    Some(match value {
        Value::Tensor(Tensor { dtype, shape, bytes, .. }) | Value::Array(Array { dtype, shape, bytes }) => {
            ListItem { dtype: *dtype, shape, bytes: Ok(bytes) }
        }
        Value::Placed(Placed { dtype, shape, place }) => {
            ListItem { dtype: *dtype, shape, bytes: Err(*place) }
        }
        _ => return None,
    })
}

fn array_of_items(file: &mut File, items: &[ListItem], request: &Request) -> Result<DataSet, Error> {
    let ListItem { dtype, shape, .. } = items[0];
    let axes: Vec<usize> = [&[items.len()], shape].concat();
    let layout = layout(dtype, &axes, request)?;
    let mut rows = RowWriter::new(layout.element, false, &layout.shape, request)?;
    let mut bytes = vec![0; (layout.bytes() / items.len() as u64) as usize];
    for item in items {
        match item.bytes {
            Ok(here) => bytes.copy_from_slice(here),
            Err(Place { offset, .. }) => {
                read_exact_at(file, &mut bytes, offset).map_err(Error::reading(request.path))?;
            }
        }
        rows.take(&mut bytes)?;
    }
    rows.finish()
}

/// An image file in a pickle, alone or in a tuple with its label.
fn image_of(value: &Value) -> Option<Vec<u8>> {
    let is_image = |value: &&Value| value.as_bytes().is_some_and(crate::picture::is_image);
    let found = match value {
        Value::Tuple(items) | Value::List(items) => items.iter().find(is_image),
        Value::Dict(entries) => entries.iter().map(|(_, value)| value).find(is_image),
        _ => Some(value).filter(is_image),
    };
    found.and_then(Value::as_bytes).map(<[u8]>::to_vec)
}

fn layout(dtype: Dtype, shape: &[usize], request: &Request) -> Result<Layout, Error> {
    let sizes: Vec<u64> = shape.iter().map(|&d| d as u64).collect();
    Layout::new(element(dtype), &sizes, request)
}

fn element(dtype: Dtype) -> Element {
    match dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        Dtype::I16 => Element::I16,
        Dtype::I8 => Element::I8,
        Dtype::U64 => Element::U64,
        Dtype::U32 => Element::U32,
        Dtype::U16 => Element::U16,
        Dtype::U8 => Element::U8,
        Dtype::Bool => Element::Bool,
    }
}
