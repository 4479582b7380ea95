//! Flatbuffers, as far as Arrow's headers need them: every place is checked before it is read.

/// A table: fields that may be missing, found through a list of their places.
///
/// # Format
/// ```text
/// bytes      u32: place of the first table
/// table      i32: how far before it its list of places begins, then fields
/// places     u16: bytes of the list; u16: bytes of the table; u16 each: place of a field in the table, or 0 for none
/// reference  u32: how far behind it a table, text or vector begins; text and vectors begin with their length in u32
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A vector of tables or of structures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<'a> {
    bytes: &'a [u8],
    /// First element.
    at: usize,
    pub len: usize,
}

impl<'a> Table<'a> {
    /// The table that all begins with.
    pub(crate) fn root(bytes: &'a [u8]) -> Option<Self> {
        let at = uint::<4>(bytes, 0)? as usize;
        int::<4>(bytes, at)?;
        Some(Self { bytes, at })
    }

    /// Place of a field; the outer nothing stands for damage.
    fn field(self, number: usize) -> Option<Option<usize>> {
        let places = usize::try_from(self.at as i64 - int::<4>(self.bytes, self.at)?).ok()?;
        let length = uint::<2>(self.bytes, places)? as usize;
        let at = 4 + 2 * number;
        if at + 2 > length {
            return Some(None);
        }
        let place = uint::<2>(self.bytes, places + at)? as usize;
        Some((place > 0).then_some(self.at + place))
    }

    /// An integer of `W` bytes, 0 where it is missing.
    pub(crate) fn int<const W: usize>(self, number: usize) -> Option<i64> {
        self.field(number)?.map_or(Some(0), |at| int::<W>(self.bytes, at))
    }

    /// Place that a field refers to.
    fn reference(self, number: usize) -> Option<Option<usize>> {
        let Some(at) = self.field(number)? else { return Some(None) };
        Some(Some(at.checked_add(uint::<4>(self.bytes, at)? as usize)?))
    }

    /// A table within, if it is there.
    pub(crate) fn table(self, number: usize) -> Option<Option<Self>> {
        let Some(at) = self.reference(number)? else { return Some(None) };
        int::<4>(self.bytes, at)?;
        Some(Some(Self { at, ..self }))
    }

    /// Text, empty where it is missing.
    pub(crate) fn text(self, number: usize) -> Option<String> {
        let Some(at) = self.reference(number)? else { return Some(String::new()) };
        let length = uint::<4>(self.bytes, at)? as usize;
        let text = self.bytes.get(at + 4..)?.get(..length)?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// A vector of elements of `width` bytes, empty where it is missing.
    pub(crate) fn vector(self, number: usize, width: usize) -> Option<Vector<'a>> {
        let Some(at) = self.reference(number)? else { return Some(Vector { bytes: &[], at: 0, len: 0 }) };
        let len = uint::<4>(self.bytes, at)? as usize;
        self.bytes.get(at + 4..)?.get(..len.checked_mul(width)?)?;
        Some(Vector { bytes: self.bytes, at: at + 4, len })
    }
}

impl<'a> Vector<'a> {
    /// A table of a vector of references.
    pub(crate) fn table(self, index: usize) -> Option<Table<'a>> {
        let at = self.at.checked_add(4 * index)?;
        let at = at.checked_add(uint::<4>(self.bytes, at)? as usize)?;
        int::<4>(self.bytes, at)?;
        Some(Table { bytes: self.bytes, at })
    }

    /// Numbers of 64 bits, `N` in each element.
    pub(crate) fn longs<const N: usize>(self, index: usize) -> Option<[i64; N]> {
        let mut longs = [0; N];
        for (number, long) in longs.iter_mut().enumerate() {
            *long = int::<8>(self.bytes, self.at + 8 * (index * N + number))?;
        }
        (index < self.len).then_some(longs)
    }
}

fn uint<const W: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let number = bytes.get(at..)?.first_chunk::<W>()?;
    Some(number.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

fn int<const W: usize>(bytes: &[u8], at: usize) -> Option<i64> {
    let unused = 64 - 8 * W as u32;
    Some((uint::<W>(bytes, at)? << unused).cast_signed() >> unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the format's rules, by hand: places of three fields (i16 of -2; none; text "ab") before their table.
    const BYTES: [u8; 32] = [
        16, 0, 0, 0, 10, 0, 12, 0, 4, 0, 0, 0, 8, 0, 0, 0, // to the table
        12, 0, 0, 0, 0xfe, 0xff, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn fields_are_found_and_missing_ones_are_zero() {
        let mut bytes = BYTES.to_vec();
        bytes.splice(28.., [2, 0, 0, 0, b'a', b'b']);
        let table = Table::root(&bytes).unwrap();
        assert_eq!((table.int::<2>(0), table.int::<8>(1), table.int::<1>(9)), (Some(-2), Some(0), Some(0)));
        assert_eq!(table.text(2).as_deref(), Some("ab"));
        for length in 0..bytes.len() {
            let found =
                Table::root(&bytes[..length]).and_then(|table| Some((table.int::<2>(0)?, table.text(2)?)));
            assert_eq!(found, None, "{length} bytes");
        }
    }
}
