//! Records one after another: length, checksum, content, checksum.
//!
//! Checksums are CRC-32C (Castagnoli), turned by 15 bits and shifted by a constant, so that a checksum of checksums is of use.

use std::io::Read;
use std::path::Path;

use crate::error::Error;
use crate::files::MAX_FILE;

/// Bytes of a length and its checksum.
const HEAD: usize = 12;

/// Whether a file begins with a length whose checksum is right.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.first_chunk::<HEAD>().is_some_and(|head| stated(&head[8..]) == masked(crc32c(&head[..8])))
}

/// The records of a file.
pub(super) struct Records<'a, R> {
    input: R,
    path: &'a Path,
    /// Bytes read.
    at: u64,
    content: Vec<u8>,
}

impl<'a, R: Read> Records<'a, R> {
    pub(super) fn new(input: R, path: &'a Path) -> Self {
        Self { input, path, at: 0, content: Vec::new() }
    }

    /// Content of the next record and its first byte; nothing at the end.
    ///
    /// # Errors
    /// `Kind::Damaged`, with the byte; `Kind::Unpack`.
    pub(super) fn next(&mut self) -> Result<Option<(&[u8], u64)>, Error> {
        self.content.clear();
        match self.fill(HEAD as u64)? {
            0 => return Ok(None),
            found if found < HEAD as u64 => return Err(self.cut(HEAD as u64, found)),
            _ => {}
        }
        self.check(&self.content[..8], &self.content[8..], "length")?;
        let length = self.content.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
        if length > MAX_FILE {
            let allowed = format!("0 to {MAX_FILE}");
            return Err(Error::field(self.path, self.at, "length of a record", length, allowed));
        }
        self.at += HEAD as u64;
        self.content.clear();
        let found = self.fill(length + 4)?;
        if found < length + 4 {
            return Err(self.cut(length + 4, found));
        }
        let (content, checksum) = self.content.split_at(length as usize);
        self.check(content, checksum, "content")?;
        let at = self.at;
        self.at += length + 4;
        Ok(Some((content, at)))
    }

    /// Reads so many bytes, or as many as there are; memory grows with what is there.
    fn fill(&mut self, wanted: u64) -> Result<u64, Error> {
        let read = (&mut self.input).take(wanted).read_to_end(&mut self.content);
        Ok(read.map_err(Error::unpacking(self.path))? as u64)
    }

    fn cut(&self, wanted: u64, found: u64) -> Error {
        let found = format!("cut short after {found} bytes");
        Error::field(self.path, self.at, "record", found, format!("{wanted} bytes"))
    }

    fn check(&self, bytes: &[u8], checksum: &[u8], of: &str) -> Result<(), Error> {
        let (stated, right) = (stated(checksum), masked(crc32c(bytes)));
        if stated == right {
            return Ok(());
        }
        let field = format!("checksum of a record's {of}");
        Err(Error::field(self.path, self.at, &field, format!("{stated:#010x}"), format!("{right:#010x}")))
    }
}

fn stated(checksum: &[u8]) -> u32 {
    checksum.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Remainders of a byte followed by 0 to 7 zero bytes.
const TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut remainder, mut bit) = (byte as u32, 0);
        while bit < 8 {
            remainder = (remainder >> 1) ^ (0x82f6_3b78 * (remainder & 1));
            bit += 1;
        }
        tables[0][byte] = remainder;
        byte += 1;
    }
    let mut zeros = 1;
    while zeros < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[zeros - 1][byte];
            tables[zeros][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        zeros += 1;
    }
    tables
};

/// CRC-32C, eight bytes at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let crc = words.iter().fold(!0, |crc, word| {
        let word = u64::from_le_bytes(*word) ^ u64::from(crc);
        word.to_le_bytes().iter().zip(TABLES.iter().rev()).fold(0, |crc, (&b, table)| crc ^ table[b as usize])
    });
    !rest.iter().fold(crc, |crc: u32, &b| (crc >> 8) ^ TABLES[0][usize::from(crc as u8 ^ b)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 3720, appendix B.4
    #[test]
    fn checksums_are_those_of_iscsi() {
        let counted: Vec<u8> = (0..32).collect();
        for (bytes, crc) in [
            (&[0; 32][..], 0x8a91_36aa_u32),
            (&[0xff; 32], 0x62a8_ab43),
            (&counted, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ] {
            assert_eq!(crc32c(bytes), crc, "{bytes:?}");
        }
    }
}
