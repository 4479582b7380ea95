//! Checkpoints of `torch.save`, read without running any of their code.
//!
//! A `.pth` file is a program for the pickle machine, which in Python can call anything. Here it can build the values
//! of [`Value`] and call the entries of this list, as `torch.save` calls them:
//!
//! ```text
//! collections.OrderedDict
//! torch._utils._rebuild_tensor, _rebuild_tensor_v2, _rebuild_parameter
//! torch.{Double,Float,Half,BFloat16,Long,Int,Short,Char,Byte,Bool}Storage
//! torch.Size, torch.device
//! ```
//!
//! Any other name is refused by name. Memory is bounded by 64 MiB + 16 × the size of the file, depth by 100 containers,
//! time by a constant for each byte of either.
//!
//! | form | written by | read here |
//! |---|---|---|
//! | zip, stored or deflated | torch ≥ 1.6 | yes |
//! | stream of pickles | torch ≤ 1.5, or `_use_new_zipfile_serialization=False` | yes |
//! | tar | torch < 0.1.10 | refused |
//! | zip with `constants.pkl` or `code/` | TorchScript | refused |
//!
//! Where the file differs from what `torch.load` would give: a tensor owns its bytes even if it shared a storage,
//! `torch.Size` becomes a tuple, `torch.device` a text, `OrderedDict` a dict, and `_metadata` of a `state_dict` is dropped.

mod error;
mod fault;
mod global;
mod heap;
mod input;
mod legacy;
mod machine;
mod opcode;
mod scalar;
mod text;
mod tree;
mod value;
mod view;
mod zip_file;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use error::Failure;

pub use error::{Error, Place};
pub use fault::Fault;
pub use value::{Dtype, Tensor, Value};

/// The object in a checkpoint file.
///
/// # Errors
///
/// [`Error`] with the path, the place where it can be named, and one of the variants of [`Fault`].
pub fn read(path: &Path) -> Result<Value, Error> {
    match File::open(path) {
        Ok(file) => parse(BufReader::new(file), path),
        Err(reason) => {
            Err(Error { path: path.to_owned(), place: None, fault: Box::new(Fault::Read(reason)) })
        }
    }
}

/// The object in a checkpoint that is already open. `path` serves messages only.
///
/// # Errors
///
/// As [`read`].
pub fn parse(reader: impl Read + Seek, path: &Path) -> Result<Value, Error> {
    form_and_value(reader).map_err(|Failure { place, fault }| Error { path: path.to_owned(), place, fault })
}

fn form_and_value<R: Read + Seek>(mut reader: R) -> Result<Value, Failure> {
    /// Position and value of the mark of a POSIX tar header.
    const USTAR: (usize, &[u8]) = (257, b"ustar");
    let len = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    reader.by_ref().take(512).read_to_end(&mut head)?;
    reader.seek(SeekFrom::Start(0))?;
    match head.as_slice() {
        [b'P', b'K', 3, 4, ..] => zip_file::read(reader, len),
        // A pickle of protocol 2 or later, or the magic number as protocol 1 writes it.
        [0x80 | b'L', ..] => legacy::read(reader, len),
        head if head.get(USTAR.0..).is_some_and(|rest| rest.starts_with(USTAR.1)) => Err(Fault::Tar.into()),
        head => Err(Fault::Form { head: head[..head.len().min(4)].to_vec() }.into()),
    }
}
