//! Values as their class has them: MATLAB stores whole numbers of any class in the narrowest type that has them all.

use std::io::{self, Read};

use crate::element::Element;

/// Values converted at a time.
const TOGETHER: usize = 1 << 14;

/// Values of a class, little-endian.
pub(super) struct Cast<R> {
    input: R,
    from: Element,
    big_endian: bool,
    to: Element,
    stored: Vec<u8>,
    ready: Vec<u8>,
    /// How much of `ready` is taken.
    taken: usize,
}

impl<R: Read> Cast<R> {
    /// # Arguments
    /// * `from`, `big_endian` — as they are stored
    /// * `to` — the class
    pub(super) fn new(input: R, from: Element, big_endian: bool, to: Element) -> Self {
        Self { input, from, big_endian, to, stored: Vec::new(), ready: Vec::new(), taken: 0 }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.stored.clear();
        self.ready.clear();
        self.taken = 0;
        let width = self.from.width();
        (&mut self.input).take((TOGETHER * width) as u64).read_to_end(&mut self.stored)?;
        if self.big_endian {
            self.stored.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if self.from.width() == self.to.width() && (self.to == self.from || self.to == Element::Bool) {
            std::mem::swap(&mut self.stored, &mut self.ready);
            return Ok(());
        }
        for value in self.stored.chunks_exact(width) {
            let number = number(self.from, value);
            if !number.is_some_and(|number| push(self.to, number, &mut self.ready)) {
                let text = format!("a value stored as {:?} is none of its class, {:?}", self.from, self.to);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Cast<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.fill()?;
        }
        let rest = &self.ready[self.taken..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

/// A stored number; none for types that are never stored in place of another.
fn number(from: Element, value: &[u8]) -> Option<f64> {
    Some(match from {
        Element::I8 => f64::from(value[0] as i8),
        Element::U8 => f64::from(value[0]),
        Element::I16 => i16::from_le_bytes(*value.first_chunk()?).into(),
        Element::U16 => u16::from_le_bytes(*value.first_chunk()?).into(),
        Element::I32 => i32::from_le_bytes(*value.first_chunk()?).into(),
        Element::U32 => u32::from_le_bytes(*value.first_chunk()?).into(),
        Element::F32 => f32::from_le_bytes(*value.first_chunk()?).into(),
        _ => return None,
    })
}

/// Appends a number; whether the class has it.
fn push(to: Element, x: f64, into: &mut Vec<u8>) -> bool {
    macro_rules! integer {
        ($type:ty) => {{
            let whole = x as $type;
            into.extend(whole.to_le_bytes());
            whole as f64 == x
        }};
    }
    match to {
        Element::I8 => integer!(i8),
        Element::U8 => integer!(u8),
        Element::I16 => integer!(i16),
        Element::U16 => integer!(u16),
        Element::I32 => integer!(i32),
        Element::U32 => integer!(u32),
        Element::I64 => integer!(i64),
        Element::U64 => integer!(u64),
        Element::F32 => {
            into.extend((x as f32).to_le_bytes());
            f64::from(x as f32) == x
        }
        Element::F64 => {
            into.extend(x.to_le_bytes());
            true
        }
        Element::Bool | Element::F16 | Element::Bf16 => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(from: Element, big_endian: bool, to: Element, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Cast::new(bytes, from, big_endian, to).read_to_end(&mut all).map(|_| all)
    }

    #[test]
    fn whole_numbers_come_back_in_their_class() {
        let doubles = [255.0_f64, 1.0].map(f64::to_le_bytes).concat();
        assert_eq!(cast(Element::U8, false, Element::F64, &[255, 1]).unwrap(), doubles);
        assert_eq!(cast(Element::I16, true, Element::I32, &[0xff, 0xfe]).unwrap(), (-2_i32).to_le_bytes());
        assert_eq!(cast(Element::U16, true, Element::F32, &[1, 0]).unwrap(), 256_f32.to_le_bytes());
        assert_eq!(
            cast(Element::F64, true, Element::F64, &1.5_f64.to_be_bytes()).unwrap(),
            1.5_f64.to_le_bytes()
        );
        assert_eq!(cast(Element::U8, false, Element::Bool, &[0, 1]).unwrap(), [0, 1]);
        assert!(cast(Element::I16, false, Element::U8, &[0, 1]).is_err());
        assert!(cast(Element::U32, false, Element::F32, &[255; 4]).is_err());
        assert!(cast(Element::F32, false, Element::I8, &0.5_f32.to_le_bytes()).is_err());
        assert!(cast(Element::I64, false, Element::F64, &[0; 8]).is_err());
        let many = vec![3; 100_000];
        let expected = 3_u16.to_le_bytes().repeat(100_000);
        assert_eq!(cast(Element::U8, false, Element::U16, &many).unwrap(), expected);
    }
}
