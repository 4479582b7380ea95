//! The file of a share: safetensors, whose tensors are the rows kept, their places and names.
//!
//! | Tensor | Shape | What |
//! |---|---|---|
//! | `items` | rows kept | place of each row among all items of the data, from 0, ascending |
//! | `name_ends` | rows kept | where each name ends in `names` |
//! | `skipped` | any | places of the share's items that were left out because they cannot be decoded |
//! | `centre` | entries of a row | the centre that all shares have |
//! | `rows` | rows kept, entries | the rows |
//! | `names` | bytes | UTF-8 |
//! | `sha256` | 32 | of all that stands before it |
//!
//! The header's `__metadata__` has the schema, and as JSON the other fields of [`Header`].

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Name and version of the format.
pub const SCHEMA: &str = "ncsn.diameter-shard/1";

/// Names of the tensors, in the order of the file.
pub(super) const TENSORS: [&str; 7] = ["items", "name_ends", "skipped", "centre", "rows", "names", "sha256"];

/// A squared distance: in units of 1/255² for bytes, else in the data's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Square {
    /// Of bytes.
    Integer(u64),
    /// Of floating-point numbers.
    Real(f64),
}

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Integer(square) => write!(f, "{square}"),
            Self::Real(square) => write!(f, "{square:?}"),
        }
    }
}

impl FromStr for Square {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let real = || text.parse().ok().filter(|x: &f64| x.is_finite() && x.is_sign_positive());
        let parsed = text.parse().map(Self::Integer).ok().or_else(|| real().map(Self::Real));
        parsed.ok_or_else(|| "allowed: a squared distance, 0 or more".into())
    }
}

/// What a share says of its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Program and version.
    pub program: String,
    /// Path of the data as given.
    pub path: String,
    /// Which share of how many.
    pub share: [u16; 2],
    /// Options that the data were read with.
    pub options: Vec<String>,
    /// `u8`, `f32` or `f64`.
    pub element: String,
    /// Shape of a row.
    pub shape: Vec<usize>,
    /// Whether rows are planes of channels.
    pub planes: bool,
    /// Items of the whole.
    pub total: u64,
    /// Rows of the share, without links.
    pub rows: u64,
    /// Links to rows of the share.
    pub links: u64,
    /// SHA-256 of the rows that all shares have read.
    pub sample: String,
    /// The largest squared distance between two rows of the share.
    pub diameter: Option<Square>,
    /// The largest squared distance of a row from the centre.
    pub farthest: Option<Square>,
    /// As `farthest`, for rows that were not kept.
    pub left_out: Option<Square>,
    /// Distances computed.
    pub evaluated: u64,
    /// What was done to the data on reading.
    pub notes: Vec<String>,
}

impl Header {
    /// Which share, for people.
    #[must_use]
    pub fn share_text(&self) -> String {
        format!("{}/{}", self.share[0], self.share[1])
    }

    /// Entries of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.shape.iter().fold(1, |dim: usize, &side| dim.saturating_mul(side))
    }

    fn dtype(&self) -> &'static str {
        match &self.element[..] {
            "f64" => "F64",
            "f32" => "F32",
            _ => "U8",
        }
    }

    fn width(&self) -> u64 {
        match &self.element[..] {
            "f64" => 8,
            "f32" => 4,
            _ => 1,
        }
    }

    /// Type, shape and bytes of each tensor.
    pub(super) fn layout(&self, [kept, skipped, names]: [u64; 3]) -> [(&'static str, Vec<u64>, u64); 7] {
        let (dim, width) = (self.dim() as u64, self.width());
        [
            ("U64", vec![kept], kept.saturating_mul(8)),
            ("U64", vec![kept], kept.saturating_mul(8)),
            ("U64", vec![skipped], skipped.saturating_mul(8)),
            (self.dtype(), vec![dim], dim.saturating_mul(width)),
            (self.dtype(), vec![kept, dim], kept.saturating_mul(dim).saturating_mul(width)),
            ("U8", vec![names], names),
            ("U8", vec![32], 32),
        ]
    }
}

/// What is written beside the header.
pub(super) struct Content<'a> {
    pub items: Vec<u64>,
    pub names: Vec<String>,
    pub skipped: &'a [u64],
    /// Little-endian bytes.
    pub centre: Vec<u8>,
}

/// Bytes of a share's file.
///
/// # Errors
/// None that a header causes.
pub(super) fn length(header: &Header, content: &Content) -> Result<u64> {
    let (text, tensors) = head(header, content)?;
    Ok(8 + text.len() as u64 + tensors)
}

/// Writes a share's file; `rows` is told to write the rows kept, in order.
///
/// # Errors
/// Those of writing and of `rows`.
pub(super) fn write(
    header: &Header,
    content: &Content,
    out: &mut dyn Write,
    rows: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut out = Hashing { out, hash: Sha256::new() };
    let (text, _) = head(header, content)?;
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    let ends = content.names.iter().scan(0, |end, name| {
        *end += name.len() as u64;
        Some(*end)
    });
    let numbers: Vec<u64> =
        content.items.iter().copied().chain(ends).chain(content.skipped.iter().copied()).collect();
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))?;
    out.write_all(&content.centre)?;
    rows(&mut out)?;
    content.names.iter().try_for_each(|name| out.write_all(name.as_bytes()))?;
    let hash = out.hash.finalize();
    Ok(out.out.write_all(&hash)?)
}

/// The text of the header, filled up to eight bytes, and the bytes of all tensors.
fn head(header: &Header, content: &Content) -> Result<(String, u64)> {
    let names = content.names.iter().map(|name| name.len() as u64).sum();
    let layout = header.layout([content.items.len() as u64, content.skipped.len() as u64, names]);
    let mut fields = BTreeMap::new();
    let said = serde_json::to_string(header)?;
    fields.insert("__metadata__", json!({ "schema": SCHEMA, "shard": said }));
    let mut begin = 0;
    for (name, (dtype, shape, bytes)) in TENSORS.into_iter().zip(layout) {
        fields
            .insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, begin + bytes] }));
        begin += bytes;
    }
    let mut text = serde_json::to_string(&fields)?;
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    Ok((text, begin))
}

struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
