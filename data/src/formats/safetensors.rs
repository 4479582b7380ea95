//! Safetensors: the length of a JSON text, the text, values; read in place.
//!
//! The crate `safetensors` wants the whole file in memory; only its header's form is needed here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use serde::Deserialize;

use crate::array;
use crate::choose::{Offer, choose};
use crate::element::Element;
use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::set::DataSet;

/// Longest header, as upstream has it.
const MAX_HEADER: u64 = 100_000_000;

/// Whether a file begins like safetensors: a length, then an object of JSON.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.get(8) == Some(&b'{') && head[..8] != [0; 8] && head.get(5..8) == Some(&[0; 3])
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Values of one tensor: the one named, or that chosen as of an `.npz`.
///
/// # Errors
/// * `Kind::Damaged` — a header that is none, or numbers in it that contradict each other or the file
/// * `Kind::Choose`, `Kind::Value`, `Kind::Option`, `Kind::Room`
pub fn open(mut file: File, request: &Request) -> Result<DataSet, Error> {
    let path = request.path;
    let file_length = file.metadata().map_err(Error::reading(path))?.len();
    let (tensors, start) = header(&mut file, file_length, request)?;
    let names: Vec<&String> = tensors.keys().collect();
    let offers: Vec<Offer> =
        tensors.iter().map(|(name, tensor)| Offer::shaped(name, tensor.shape.iter().copied())).collect();
    if offers.is_empty() {
        return Err(Error::no_rows(path));
    }
    let name = names[choose(path, &offers, request.options.array.as_deref())?];
    let Tensor { dtype, shape, data_offsets: [begin, end] } = &tensors[name];
    let element = element(dtype).ok_or_else(|| {
        let allowed = "BOOL, U8 to U64, I8 to I64, F16, BF16, F32, F64";
        Error::header(path, &format!("dtype of {name}"), dtype, allowed)
    })?;
    let layout = Layout::new(element, shape, request)?;
    let found = end.saturating_sub(*begin);
    if begin > end || found != layout.bytes() {
        return Err(Error::length(path, layout.bytes(), found));
    }
    if file_length - start < *end {
        return Err(Error::short(path, start.saturating_add(*end), file_length));
    }
    array::open_part(file, start + begin, layout, request)?.ranged(request)?.unfitted(request)
}

/// The tensors by name, and where the values begin.
fn header(
    input: &mut impl Read,
    file_length: u64,
    request: &Request,
) -> Result<(BTreeMap<String, Tensor>, u64), Error> {
    let path = request.path;
    let mut length = [0; 8];
    input.read_exact(&mut length).map_err(Error::reading(path))?;
    let length = u64::from_le_bytes(length);
    let greatest = MAX_HEADER.min(file_length.saturating_sub(8));
    if length > greatest {
        return Err(Error::field(
            path,
            0,
            "length of the safetensors header",
            length,
            format!("0 to {greatest}"),
        ));
    }
    let mut text = vec![0; length as usize];
    input.read_exact(&mut text).map_err(Error::reading(path))?;
    let refused =
        |error: serde_json::Error| Error::field(path, 8, "safetensors header", error, "tensors by name");
    let mut fields: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&text).map_err(refused)?;
    fields.remove("__metadata__");
    let tensors = fields.into_iter().map(|(name, field)| Ok((name, serde_json::from_value(field)?)));
    Ok((tensors.collect::<Result<_, _>>().map_err(refused)?, 8 + length))
}

fn element(dtype: &str) -> Option<Element> {
    Some(match dtype {
        "BOOL" => Element::Bool,
        "U8" => Element::U8,
        "I8" => Element::I8,
        "U16" => Element::U16,
        "I16" => Element::I16,
        "U32" => Element::U32,
        "I32" => Element::I32,
        "U64" => Element::U64,
        "I64" => Element::I64,
        "F16" => Element::F16,
        "BF16" => Element::Bf16,
        "F32" => Element::F32,
        "F64" => Element::F64,
        _ => return None,
    })
}
