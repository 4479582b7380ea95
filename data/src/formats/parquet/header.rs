//! The header of a page.

use std::io::{self, Read};

use super::thrift::{Thrift, invalid};

/// Types of pages; others hold no values.
pub(crate) const DATA: i64 = 0;
pub(crate) const DICTIONARY: i64 = 2;
pub(crate) const DATA_V2: i64 = 3;

/// What a page says of itself, unchecked.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub kind: i64,
    /// Bytes in the file.
    pub packed: i64,
    /// Bytes once unpacked.
    pub unpacked: i64,
    /// CRC-32 of the bytes in the file.
    pub checksum: Option<i64>,
    /// Values, with nulls.
    pub values: i64,
    pub encoding: i64,
    /// Encodings of the repetition and definition levels of a page of version 1.
    pub level_encodings: [i64; 2],
    /// Bytes of the repetition and definition levels of a page of version 2.
    pub levels: [i64; 2],
    /// Whether a page of version 2 is not compressed.
    pub plain: bool,
}

impl Header {
    pub(crate) fn read<R: Read>(thrift: &mut Thrift<R>) -> io::Result<Self> {
        let mut header = Self { kind: -1, packed: -1, unpacked: -1, values: -1, ..Self::default() };
        thrift.fields(|thrift, number, kind| {
            match number {
                1 => header.kind = thrift.int(kind)?,
                2 => header.unpacked = thrift.int(kind)?,
                3 => header.packed = thrift.int(kind)?,
                4 => header.checksum = Some(thrift.int(kind)?),
                5 | 7 | 8 => thrift.structure(kind)?.fields(|thrift, inner, kind| {
                    match (number, inner) {
                        (_, 1) => header.values = thrift.int(kind)?,
                        (5 | 7, 2) | (8, 4) => header.encoding = thrift.int(kind)?,
                        (5, 3) => header.level_encodings[1] = thrift.int(kind)?,
                        (5, 4) => header.level_encodings[0] = thrift.int(kind)?,
                        (8, 5) => header.levels[1] = thrift.int(kind)?,
                        (8, 6) => header.levels[0] = thrift.int(kind)?,
                        (8, 7) => header.plain = !thrift.bool(kind)?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let holds_values = matches!(header.kind, DATA | DICTIONARY | DATA_V2);
        if header.packed < 0 || header.unpacked < 0 || holds_values && header.values < 0 {
            return Err(invalid("the header of a page lacks its sizes or its number of values".into()));
        }
        Ok(header)
    }
}
