//! numpy's arrays and scalars, as numpy pickles them.
//!
//! ```text
//! protocols 0 to 4   _reconstruct(ndarray, (0,), b"b"), then the state (1, shape, dtype, is_fortran, bytes)
//! protocol 5         _frombuffer(bytes, dtype, shape, "C", "F" or "K", axes), for arrays without gaps
//! scalars            scalar(dtype, bytes)
//! dtype              dtype(name, False, True), then the state (3, order, None, None, None, -1, -1, 0)
//! ```
//!
//! Source: numpy 2.4, `array_reduce`, `array_setstate`, `arraydescr_reduce` and `arraydescr_setstate` in
//! `numpy/_core/src/multiarray`, `_frombuffer` in `numpy/_core/numeric.py`.

use super::descr::Descr;
use super::fault::{Fault, shown};
use super::global::Global;
use super::heap::{Heap, Id, Object};
use super::view::{Origin, View};

/// A dtype without its byte order.
pub(super) fn descr(heap: &mut Heap, name: Id, align: Id, copy: Id) -> Result<Id, Fault> {
    heap.flag(align, "align of a dtype")?;
    heap.flag(copy, "copy of a dtype")?;
    let descr = Descr::named(heap.text(name, "name of a dtype")?)?;
    heap.push(Object::Descr(descr))
}

/// Sets the byte order of a dtype from its state.
///
/// # Errors
///
/// [`Fault::Integer`] for another version, [`Fault::Type`] for a structure, [`Fault::ArrayOrder`].
pub(super) fn set_descr(heap: &mut Heap, target: Id, state: Id) -> Result<(), Fault> {
    let (version, order, parts) = match *heap.tuple(state, "state of a dtype")? {
        [version, order, base, names, fields, _, _, _] => (version, order, [base, names, fields]),
        // Version 4 has metadata, which mean nothing to numpy.
        [version, order, base, names, fields, _, _, _, _] => (version, order, [base, names, fields]),
        _ => return Err(Fault::Type { what: "state of a dtype", expected: "8 entries", found: "a tuple" }),
    };
    allow(heap, version, "version of a dtype", "3 or 4", &[3, 4])?;
    for part in parts {
        match heap.get(part) {
            Object::None => {}
            other => {
                return Err(Fault::Type {
                    what: "structure of a dtype",
                    expected: "None",
                    found: other.kind(),
                });
            }
        }
    }
    let mut descr = descr_of(heap, target)?;
    descr.set_order(heap.text(order, "byte order")?)?;
    *heap.get_mut(target) = Object::Descr(descr);
    Ok(())
}

/// An array that waits for its state.
pub(super) fn reconstruct(heap: &mut Heap, class: Id, shape: Id) -> Result<Id, Fault> {
    match heap.get(class) {
        Object::Global(Global::NdArray) => {}
        other => {
            return Err(Fault::Type { what: "class of an array", expected: "ndarray", found: other.kind() });
        }
    }
    heap.counts(shape, "size of an array")?;
    heap.push(Object::Array(None))
}

/// Gives an array its state.
///
/// # Errors
///
/// [`Fault::Integer`] for another version, and those of [`view`].
pub(super) fn set_array(heap: &mut Heap, target: Id, state: Id) -> Result<(), Fault> {
    let [version, shape, descr, is_fortran, bytes] = *heap.tuple(state, "state of an array")? else {
        return Err(Fault::Type { what: "state of an array", expected: "5 entries", found: "a tuple" });
    };
    allow(heap, version, "version of an array", "1", &[1])?;
    let is_fortran = heap.flag(is_fortran, "order of an array")?;
    let shape = heap.counts(shape, "size of an array")?;
    let strides = if is_fortran { columns_first(&shape) } else { rows_first(&shape) };
    let view = view(heap, bytes, descr, shape, &strides)?;
    *heap.get_mut(target) = Object::Array(Some(Box::new(view)));
    Ok(())
}

/// An array over bytes in the pickle. `axes` are where the axes of the result are in the bytes, for the order `K`.
///
/// # Errors
///
/// [`Fault::Layout`] for another order, or axes that are none; those of [`view`].
pub(super) fn from_buffer(
    heap: &mut Heap,
    bytes: Id,
    descr: Id,
    shape: Id,
    order: Id,
    axes: Option<Id>,
) -> Result<Id, Fault> {
    let shape = heap.counts(shape, "size of an array")?;
    let axes = match axes {
        Some(axes) if !matches!(heap.get(axes), Object::None) => Some(heap.counts(axes, "axis")?),
        _ => None,
    };
    let order = heap.text(order, "order of an array")?;
    let (shape, strides) = match (order, axes) {
        ("C", None) => {
            let strides = rows_first(&shape);
            (shape, strides)
        }
        ("F", None) => {
            let strides = columns_first(&shape);
            (shape, strides)
        }
        ("K", Some(axes)) if is_permutation(&axes, shape.len()) => {
            let strides = rows_first(&shape);
            axes.iter().map(|&axis| (shape[axis], strides[axis])).unzip()
        }
        _ => return Err(Fault::Layout { found: shown(order) }),
    };
    let view = view(heap, bytes, descr, shape, &strides)?;
    heap.push(Object::Array(Some(Box::new(view))))
}

/// A scalar: an array without axes.
pub(super) fn scalar(heap: &mut Heap, descr: Id, bytes: Id) -> Result<Id, Fault> {
    let view = view(heap, bytes, descr, Vec::new(), &[])?;
    heap.push(Object::Array(Some(Box::new(view))))
}

/// A view of all of `bytes`.
///
/// # Errors
///
/// [`Fault::ArraySize`] if there are more or fewer bytes than the shape has, [`Fault::ArrayOrder`] for a dtype without
/// state, [`Fault::Type`] for arguments of other types, and what [`View::new`] refuses.
fn view(heap: &mut Heap, bytes: Id, descr: Id, shape: Vec<usize>, strides: &[usize]) -> Result<View, Fault> {
    let descr = descr_of(heap, descr)?;
    let reversed = descr.is_reversed()?;
    let blob = heap.bytes(bytes, "content of an array")?;
    let found = heap.blobs()[blob].len();
    let mut view = View::new((Origin::Blob(blob), found, descr.dtype), 0, shape, strides)?;
    if view.len() as u64 != found {
        return Err(Fault::ArraySize { expected: view.len() as u64, shape: view.shape, found });
    }
    view.reversed = reversed;
    heap.charge_view(&view)?;
    Ok(view)
}

fn descr_of(heap: &Heap, id: Id) -> Result<Descr, Fault> {
    match heap.get(id) {
        Object::Descr(descr) => Ok(*descr),
        other => Err(Fault::Type { what: "dtype of an array", expected: "dtype", found: other.kind() }),
    }
}

fn allow(
    heap: &Heap,
    id: Id,
    what: &'static str,
    allowed: &'static str,
    versions: &[usize],
) -> Result<(), Fault> {
    let value = heap.count(id, what)?;
    if versions.contains(&value) {
        Ok(())
    } else {
        Err(Fault::Integer { what, value: value as i128, allowed })
    }
}

/// Strides in elements, the last axis the fastest. Saturated ones belong to shapes that [`View::new`] refuses.
fn rows_first(shape: &[usize]) -> Vec<usize> {
    let mut strides = steps(shape.iter().rev());
    strides.reverse();
    strides
}

/// Strides in elements, the first axis the fastest.
fn columns_first(shape: &[usize]) -> Vec<usize> {
    steps(shape.iter())
}

fn steps<'a>(sizes: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    let mut next = 1_usize;
    let step = |&size| {
        let after = next.saturating_mul(size);
        std::mem::replace(&mut next, after)
    };
    sizes.map(step).collect()
}

fn is_permutation(axes: &[usize], count: usize) -> bool {
    let mut seen = vec![false; count];
    axes.len() == count && axes.iter().all(|&axis| axis < count && !std::mem::replace(&mut seen[axis], true))
}
