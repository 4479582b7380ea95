//! Opcodes that spell out one object, and the numbers that others carry.

use std::io::{Read, Seek};

use super::blob::Blob;
use super::fault::Fault;
use super::heap::{Heap, Object};
use super::input::Input;
use super::{opcode as op, text};

/// Bytes of an integer: 10 are needed for the magic number of the legacy form.
const INTEGER_LIMIT: u64 = 16;

/// The object that an opcode spells out by itself; `None` for an opcode that spells out none.
pub(super) fn read<R: Read + Seek>(
    heap: &mut Heap,
    input: &mut Input<R>,
    code: u8,
) -> Result<Option<Object>, Fault> {
    Ok(Some(match code {
        op::NONE => Object::None,
        op::NEWTRUE => Object::Bool(true),
        op::NEWFALSE => Object::Bool(false),
        op::INT => match input.line()?.as_slice() {
            b"00" => Object::Bool(false),
            b"01" => Object::Bool(true),
            line => Object::Int(text::integer(line.to_vec())?),
        },
        op::LONG => Object::Int(text::integer(input.line()?)?),
        op::BININT => Object::Int(i32::from_le_bytes(input.array()?).into()),
        op::BININT1 => Object::Int(input.byte()?.into()),
        op::BININT2 => Object::Int(u16::from_le_bytes(input.array()?).into()),
        op::LONG1 | op::LONG4 => {
            let bytes = match code {
                op::LONG1 => input.byte()?.into(),
                _ => u64::from(u32::from_le_bytes(input.array()?)),
            };
            if bytes > INTEGER_LIMIT {
                return Err(Fault::LongInteger { bytes, limit: INTEGER_LIMIT });
            }
            let bytes = input.take(bytes)?;
            // Two's complement, the sign in the highest bit; no bytes at all are 0.
            let sign = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
            let mut wide = [sign; INTEGER_LIMIT as usize];
            wide[..bytes.len()].copy_from_slice(&bytes);
            Object::Int(i128::from_le_bytes(wide))
        }
        op::FLOAT => Object::Float(text::float(input.line()?)?),
        op::BINFLOAT => Object::Float(f64::from_be_bytes(input.array()?)),
        op::STRING => {
            let bytes = text::quoted(input.line()?)?;
            python_2(heap, bytes.into())?
        }
        op::UNICODE => {
            let text = text::raw_unicode_escape(input.line()?)?;
            Object::Text { text: text.into(), raw: false }
        }
        op::SHORT_BINSTRING | op::SHORT_BINUNICODE | op::SHORT_BINBYTES => {
            let len = input.byte()?.into();
            string(heap, input, code, len)?
        }
        op::BINSTRING | op::BINUNICODE | op::BINBYTES => {
            let len = u32::from_le_bytes(input.array()?).into();
            string(heap, input, code, len)?
        }
        op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => {
            let len = u64::from_le_bytes(input.array()?);
            string(heap, input, code, len)?
        }
        _ => return Ok(None),
    }))
}

/// A string of `len` bytes of the type that the opcode says.
fn string<R: Read + Seek>(
    heap: &mut Heap,
    input: &mut Input<R>,
    code: u8,
    len: u64,
) -> Result<Object, Fault> {
    match code {
        op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 => {
            let blob = heap.push_blob(input.blob(len)?)?;
            Ok(Object::Bytes { blob, raw: false })
        }
        op::BINSTRING | op::SHORT_BINSTRING => python_2(heap, input.blob(len)?),
        _ => Ok(Object::Text { text: text::utf8(input.take(len)?)?.into(), raw: false }),
    }
}

/// A `str` of Python 2: text if it is UTF-8, which is known here if it was read.
fn python_2(heap: &mut Heap, mut blob: Blob) -> Result<Object, Fault> {
    let bytes = match blob.take() {
        None => return Ok(Object::Bytes { blob: heap.push_blob(blob)?, raw: true }),
        Some(bytes) => bytes,
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Object::Text { text: text.into(), raw: true }),
        Err(error) => Ok(Object::Bytes { blob: heap.push_blob(error.into_bytes().into())?, raw: true }),
    }
}

/// The slot that a `PUT` or `GET` opcode names.
pub(super) fn memo_key<R: Read + Seek>(input: &mut Input<R>, code: u8) -> Result<u64, Fault> {
    match code {
        op::BINPUT | op::BINGET => Ok(input.byte()?.into()),
        op::LONG_BINPUT | op::LONG_BINGET => Ok(u32::from_le_bytes(input.array()?).into()),
        _ => {
            let value = text::integer(input.line()?)?;
            u64::try_from(value).map_err(|_| Fault::Integer {
                what: "memo key",
                value,
                allowed: "0 to 2^64 - 1",
            })
        }
    }
}
