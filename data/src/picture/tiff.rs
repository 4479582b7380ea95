//! TIFF: the first page, in bytes, words, or numbers in their own units.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use super::{Changes, MAX_BYTES, Planes, Problem, Stored, check_size, planes};

/// Decodes grey and RGB, with or without alpha; 8 and 16 bits as other images, signed integers and floats as singles.
///
/// # Errors
/// As [`decode`](super::decode()); other colours, and numbers that no single is.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Problem> {
    let corrupt = |e: tiff::TiffError| Problem::Corrupt(e.to_string());
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    limits.intermediate_buffer_size = MAX_BYTES as usize;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(corrupt)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(corrupt)?;
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let colour = decoder.colortype().map_err(corrupt)?;
    let (stored, channels) = match colour {
        ColorType::Gray(_) => (1, 1),
        ColorType::GrayA(_) => (2, 1),
        ColorType::RGB(_) => (3, 3),
        ColorType::RGBA(_) => (4, 3),
        other => return Err(Problem::Corrupt(format!("colours of type {other:?}, allowed: grey, RGB"))),
    };
    let alpha = matches!(stored, 2 | 4);
    let decoded = decoder.read_image().map_err(corrupt)?;
    let changes = Changes { alpha, ..Changes::default() };
    let of = |values: Vec<f32>| Planes::Floats(planes(values, stored, channels));
    let (planes, sixteen_bit) = match decoded {
        DecodingResult::U8(values) => (Planes::Bytes(planes(values, stored, channels)), false),
        DecodingResult::U16(values) => (Planes::Words(planes(values, stored, channels)), true),
        DecodingResult::I8(values) => (of(values.into_iter().map(f32::from).collect()), false),
        DecodingResult::I16(values) => (of(values.into_iter().map(f32::from).collect()), false),
        DecodingResult::F16(values) => (of(values.into_iter().map(|x| x.to_f32()).collect()), false),
        DecodingResult::F32(values) => (of(values), false),
        DecodingResult::U32(values) => (of(singles(values.into_iter().map(f64::from))?), false),
        DecodingResult::I32(values) => (of(singles(values.into_iter().map(f64::from))?), false),
        DecodingResult::F64(values) => (of(singles(values.into_iter())?), false),
        DecodingResult::U64(_) | DecodingResult::I64(_) => {
            return Err(Problem::Corrupt("samples of 64-bit integers".into()));
        }
    };
    let length = match &planes {
        Planes::Bytes(values) => values.len(),
        Planes::Words(values) => values.len(),
        Planes::Floats(values) => values.len(),
    };
    if length != width * height * channels {
        return Err(Problem::Corrupt(format!("{length} values for {width}×{height}×{channels}")));
    }
    let changes = Changes { sixteen_bit, ..changes };
    Ok(Stored::new([channels, height, width], planes, changes))
}

/// Numbers that are singles exactly.
fn singles(values: impl Iterator<Item = f64>) -> Result<Vec<f32>, Problem> {
    let exact = |x: f64| if f64::from(x as f32) == x || x.is_nan() { Ok(x as f32) } else { Err(x) };
    values
        .map(exact)
        .collect::<Result<_, _>>()
        .map_err(|x| Problem::Corrupt(format!("{x}, which no single is")))
}
