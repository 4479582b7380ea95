//! Thrift's compact protocol, as far as parquet's headers need it.

use std::io::{self, Read};

/// Deepest nesting of what is passed over.
const MAX_DEPTH: usize = 32;

/// Types of values, as the protocol numbers them.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// A reader of values. Each read takes at least a byte, so the input's end bounds every count that a header claims.
pub(crate) struct Thrift<R> {
    input: R,
}

/// The announced type of a value, which comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(u8);

impl<R: Read> Thrift<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input }
    }

    /// Goes through the fields of a structure: `take` reads the value of the numbered field, or declines it.
    pub(crate) fn fields(
        &mut self,
        mut take: impl FnMut(&mut Self, i64, Kind) -> io::Result<bool>,
    ) -> io::Result<()> {
        let mut number = 0_i64;
        while let Some((delta, kind)) = self.field()? {
            number = if delta == 0 { self.zigzag()? } else { number.saturating_add(delta) };
            if !take(self, number, kind)? {
                self.skip(kind, MAX_DEPTH)?;
            }
        }
        Ok(())
    }

    /// An integer of any width.
    pub(crate) fn int(&mut self, kind: Kind) -> io::Result<i64> {
        match kind.0 {
            BYTE => Ok(i64::from(self.byte()?.cast_signed())),
            4..=6 => self.zigzag(),
            _ => Err(unexpected(kind, "an integer")),
        }
    }

    /// A boolean field, whose type is its value.
    pub(crate) fn bool(&mut self, kind: Kind) -> io::Result<bool> {
        match kind.0 {
            TRUE => Ok(true),
            FALSE => Ok(false),
            _ => Err(unexpected(kind, "a boolean")),
        }
    }

    /// Text.
    pub(crate) fn text(&mut self, kind: Kind) -> io::Result<String> {
        if kind.0 != BINARY {
            return Err(unexpected(kind, "text"));
        }
        let length = self.varint()?;
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length).read_to_end(&mut bytes)?;
        if read as u64 == length { Ok(String::from_utf8_lossy(&bytes).into_owned()) } else { Err(cut()) }
    }

    /// Number of elements of a list, and their type.
    pub(crate) fn list(&mut self, kind: Kind) -> io::Result<(u64, Kind)> {
        if !matches!(kind.0, LIST | SET) {
            return Err(unexpected(kind, "a list"));
        }
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Ok((count, Kind(head & 15)))
    }

    /// Checks that a structure comes next, whose fields are to be gone through.
    pub(crate) fn structure(&mut self, kind: Kind) -> io::Result<&mut Self> {
        if kind.0 == STRUCT { Ok(self) } else { Err(unexpected(kind, "a structure")) }
    }

    /// Passes over an element of a list.
    pub(crate) fn pass(&mut self, kind: Kind) -> io::Result<()> {
        self.skip_element(kind, MAX_DEPTH)
    }

    /// Difference of a field's number to the one before, and its type; nothing at the end of a structure.
    fn field(&mut self) -> io::Result<Option<(i64, Kind)>> {
        let head = self.byte()?;
        Ok((head != 0).then_some((i64::from(head >> 4), Kind(head & 15))))
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> io::Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(invalid(format!("the header nests deeper than {MAX_DEPTH} levels")));
        };
        match kind.0 {
            TRUE | FALSE => Ok(()),
            BYTE => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            DOUBLE => self.pass_bytes(8),
            BINARY => {
                let length = self.varint()?;
                self.pass_bytes(length)
            }
            LIST | SET => {
                let (count, element) = self.list(kind)?;
                (0..count).try_for_each(|_| self.skip_element(element, depth))
            }
            MAP => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (0..count).try_for_each(|_| {
                    self.skip_element(Kind(kinds >> 4), depth)?;
                    self.skip_element(Kind(kinds & 15), depth)
                })
            }
            STRUCT => {
                while let Some((delta, kind)) = self.field()? {
                    if delta == 0 {
                        self.zigzag()?;
                    }
                    self.skip(kind, depth)?;
                }
                Ok(())
            }
            _ => Err(unexpected(kind, "1 to 12")),
        }
    }

    /// Booleans in a collection take a byte each, unlike those in a field.
    fn skip_element(&mut self, kind: Kind, depth: usize) -> io::Result<()> {
        if matches!(kind.0, TRUE | FALSE) { self.byte().map(drop) } else { self.skip(kind, depth) }
    }

    fn pass_bytes(&mut self, count: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        if passed == count { Ok(()) } else { Err(cut()) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input
            .read_exact(&mut byte)
            .map_err(|e| if e.kind() == io::ErrorKind::UnexpectedEof { cut() } else { e })?;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(invalid("the header has an integer of more than ten bytes".into()))
    }

    fn zigzag(&mut self) -> io::Result<i64> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

fn unexpected(kind: Kind, expected: &str) -> io::Error {
    invalid(format!("the header has a value of Thrift type {} in place of {expected}", kind.0))
}

pub(crate) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a header breaks off")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the compact protocol's rules, by hand: field 1 an i32 of -3, field 20 a list of two booleans, field 21
    /// text, end.
    const BYTES: [u8; 13] = [0x15, 5, 0x09, 40, 0x21, 1, 2, 0x18, 3, b'a', b'b', b'c', 0];

    #[test]
    fn fields_are_read_and_passed_over() {
        let mut found = Vec::new();
        Thrift::new(&BYTES[..])
            .fields(|thrift, number, kind| {
                match number {
                    1 => found.push(thrift.int(kind)?.to_string()),
                    21 => found.push(thrift.text(kind)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })
            .unwrap();
        assert_eq!(found, ["-3", "abc"]);
    }

    #[test]
    fn every_proper_prefix_breaks_off() {
        for length in 0..BYTES.len() {
            let error = Thrift::new(&BYTES[..length]).fields(|_, _, _| Ok(false)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
    }

    #[test]
    fn nesting_ends_at_a_limit() {
        let error = Thrift::new(&[0x1c; 100][..]).fields(|_, _, _| Ok(false)).unwrap_err();
        assert_eq!(error.to_string(), "the header nests deeper than 32 levels");
    }
}
