//! Types of stored numbers, and the doubles or single-precision numbers that they stand for.

use half::{bf16, f16};

/// Type of the entries of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Element {
    /// Bytes of an entry.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// What rows hold: bytes as they are, all else as the narrower float that has every number of the type, if one has.
    pub(crate) fn kept(self) -> Self {
        match self {
            Self::U8 => Self::U8,
            Self::Bool | Self::I8 | Self::U16 | Self::I16 | Self::F16 | Self::Bf16 | Self::F32 => Self::F32,
            Self::U32 | Self::I32 | Self::U64 | Self::I64 | Self::F64 => Self::F64,
        }
    }

    /// Name of a type that is kept, in digests.
    pub(crate) fn name(self) -> &'static str {
        match self.kept() {
            Self::U8 => "u8",
            Self::F32 => "f32",
            _ => "f64",
        }
    }

    /// Little-endian entries as those that are kept, into `kept`.
    ///
    /// # Errors
    /// Position and value of the first 64-bit integer that no double is.
    pub(crate) fn convert(self, stored: &[u8], kept: &mut Vec<u8>) -> Result<(), (usize, String)> {
        kept.clear();
        match self {
            Self::U8 | Self::F32 | Self::F64 => kept.extend_from_slice(stored),
            Self::Bool => single(stored, kept, |[b]| f32::from(b != 0)),
            Self::I8 => single(stored, kept, |[b]| f32::from(b as i8)),
            Self::U16 => single(stored, kept, |b| f32::from(u16::from_le_bytes(b))),
            Self::I16 => single(stored, kept, |b| f32::from(i16::from_le_bytes(b))),
            Self::Bf16 => single(stored, kept, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F16 => single(stored, kept, |b| f16::from_le_bytes(b).to_f32()),
            Self::U32 => double(stored, kept, |b| u32::from_le_bytes(b).into())?,
            Self::I32 => double(stored, kept, |b| i32::from_le_bytes(b).into())?,
            Self::U64 => double(stored, kept, |b| u64::from_le_bytes(b).into())?,
            Self::I64 => double(stored, kept, |b| i64::from_le_bytes(b).into())?,
        }
        Ok(())
    }
}

fn single<const W: usize>(stored: &[u8], kept: &mut Vec<u8>, number: impl Fn([u8; W]) -> f32) {
    stored.as_chunks().0.iter().for_each(|&entry| kept.extend(number(entry).to_le_bytes()));
}

fn double<const W: usize>(
    stored: &[u8],
    kept: &mut Vec<u8>,
    integer: impl Fn([u8; W]) -> i128,
) -> Result<(), (usize, String)> {
    for (at, &entry) in stored.as_chunks().0.iter().enumerate() {
        let exact = integer(entry);
        let rounded = exact as f64;
        if rounded as i128 != exact {
            return Err((at, exact.to_string()));
        }
        kept.extend(rounded.to_le_bytes());
    }
    Ok(())
}
