//! numpy's description of an element: its type and its byte order.

use super::dtype::Dtype;
use super::fault::{Fault, shown};

/// A `numpy.dtype`.
#[derive(Clone, Copy)]
pub(super) struct Descr {
    /// Type of the elements.
    pub(super) dtype: Dtype,
    order: Option<Order>,
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Little,
    Big,
}

impl Descr {
    /// The type that numpy names by a letter and a number of bytes, still without a byte order.
    ///
    /// # Errors
    ///
    /// [`Fault::Element`] for elements that are no numbers, and for numbers that [`Dtype`] does not hold.
    pub(super) fn named(name: &str) -> Result<Self, Fault> {
        let dtype = match name {
            "f8" => Dtype::F64,
            "f4" => Dtype::F32,
            "f2" => Dtype::F16,
            "i8" => Dtype::I64,
            "i4" => Dtype::I32,
            "i2" => Dtype::I16,
            "i1" => Dtype::I8,
            "u8" => Dtype::U64,
            "u4" => Dtype::U32,
            "u2" => Dtype::U16,
            "u1" => Dtype::U8,
            "b1" => Dtype::Bool,
            _ => return Err(Fault::Element { kind: kind(name), name: shown(name) }),
        };
        Ok(Self { dtype, order: None })
    }

    /// Sets the byte order that numpy writes as `<`, `>`, or `|` for single bytes.
    pub(super) fn set_order(&mut self, mark: &str) -> Result<(), Fault> {
        self.order = match mark {
            "<" => Some(Order::Little),
            ">" => Some(Order::Big),
            "|" if self.dtype.size() == 1 => Some(Order::Little),
            _ => return Err(Fault::ArrayOrder { found: shown(mark) }),
        };
        Ok(())
    }

    /// Whether the bytes of each element come in the reverse of little-endian order.
    ///
    /// # Errors
    ///
    /// [`Fault::ArrayOrder`] if the order was never set.
    pub(super) fn is_reversed(self) -> Result<bool, Fault> {
        let order = self.order.ok_or_else(|| Fault::ArrayOrder { found: "unknown".into() })?;
        Ok(order == Order::Big && self.dtype.size() > 1)
    }
}

/// What a letter of numpy stands for.
fn kind(name: &str) -> &'static str {
    match name.as_bytes().first() {
        Some(b'O') => "Python objects",
        Some(b'V') => "structures",
        Some(b'M' | b'm') => "times",
        Some(b'S' | b'a' | b'U') => "strings",
        Some(b'c') => "complex numbers",
        Some(b'f') => "floats of the platform",
        _ => "unknown",
    }
}
