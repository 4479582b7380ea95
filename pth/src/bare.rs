//! A pickle by itself, as `pickle.dump` writes it.

use std::io::{Read, Seek};

use super::budget::Budget;
use super::error::Failure;
use super::fault::{Fault, shown};
use super::heap::Heap;
use super::input::Input;
use super::tree::{self, Piece};
use super::value::Value;
use super::{Mode, machine};

/// Reads a pickle of `len` bytes, at whose start `reader` stands.
///
/// # Errors
///
/// [`Fault::Trailing`] after the pickle, [`Fault::StorageMissing`] for a tensor of torch, whose bytes only `torch.save`
/// writes, and those of pickles and tree.
pub(super) fn read<R: Read + Seek>(reader: R, len: u64, mode: Mode) -> Result<Value, Failure> {
    let mut heap = Heap::new(Budget::new(len));
    let mut input = Input::new(reader, len, "pickle");
    if mode == Mode::Locate {
        input.leave_in_file(0);
    }
    let root = machine::run(&mut input, &mut heap)?;
    if input.left() > 0 {
        return Err(Fault::Trailing { bytes: input.left() }.into());
    }
    let missing = |key: &str| Fault::StorageMissing { key: shown(key) };
    if let Some(storage) = heap.storages().first() {
        return Err(missing(&storage.key).into());
    }
    let value = tree::build(&mut heap, root, &mut |piece| match piece {
        Piece::Blob { place, len } => input.left_blob(place, len),
        Piece::Storage(index) => Err(missing(&index.to_string())),
    })?;
    Ok(value)
}
