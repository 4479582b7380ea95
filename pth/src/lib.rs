//! Files of `torch.save`, pickles, and numpy arrays in pickles, read without Python and without running any of their code.
//!
//! A pickle is a program for a stack machine, which in Python can call anything: `pickle.load` and `torch.load` run what
//! the file says. Here the machine can build the values of [`Value`] and call the entries of this list, as torch, numpy
//! and Python themselves call them:
//!
//! ```text
//! collections.OrderedDict
//! torch._utils._rebuild_tensor, _rebuild_tensor_v2, _rebuild_parameter
//! torch.{Double,Float,Half,BFloat16,Long,Int,Short,Char,Byte,Bool}Storage
//! torch.Size, torch.device
//! numpy.ndarray, numpy.dtype
//! numpy.core.multiarray._reconstruct, scalar; numpy.core.numeric._frombuffer; the same in numpy._core
//! _codecs.encode with latin1, builtins.bytes, builtins.bytearray; the same in __builtin__
//! ```
//!
//! Any other name is refused by name.
//!
//! | form | written by | read here |
//! |---|---|---|
//! | zip, stored or deflated | `torch.save`, torch ≥ 1.6 | yes |
//! | stream of pickles | `torch.save`, torch ≤ 1.5, or `_use_new_zipfile_serialization=False` | yes |
//! | one pickle, protocols 0 to 5 | `pickle.dump` of Python 2 and 3 | yes |
//! | tar | torch < 0.1.10 | refused |
//! | zip with `constants.pkl` or `code/` | TorchScript | refused |
//!
//! | object | becomes |
//! |---|---|
//! | `None`, `bool`, `int` of 64 bits, `float`, `str`, `bytes`, `bytearray`, `list`, `tuple`, `dict` | the same |
//! | `str` of Python 2 | text if it is UTF-8, otherwise bytes |
//! | `OrderedDict` | a dict; `_metadata` of a `state_dict` is dropped |
//! | `torch.Size`, `torch.device` | a tuple, a text |
//! | tensor or parameter, of any strides, of [`Dtype`] | [`Tensor`], row-major, with bytes of its own |
//! | numpy array or scalar, C or Fortran order, either byte order, of u1–u8, i1–i8, b1, f2, f4, f8 | [`Array`], row-major, little-endian |
//! | numpy array of objects, structures, times, strings or complex numbers | refused by the name of its type |
//! | array whose bytes are out of band (`buffer_callback` of protocol 5) | refused |
//! | tensor that is sparse, quantised, complex or on big-endian bytes | refused |
//! | set, integer of more than 64 bits, instance of any class | refused |
//! | container that contains itself, or dict with one key twice | refused |
//!
//! # Bounds
//!
//! - memory: at most 64 MiB + 16 × the size of the file
//! - memory of [`locate`]: as above, and what it leaves in the file takes none
//! - depth: 100 containers
//! - time: a constant for each byte of file and of memory
//! - no length from a file is believed before it is compared with what is there
//! - every refusal is an [`Error`] with the file, the opcode and its byte; text of the file in it is escaped
//!
//! # Example
//!
//! ```
//! use ncsn_pth::{Dtype, parse};
//!
//! // pickle.dumps({"a": numpy.array([1, 2], dtype="u1")}, 4)
//! let file = b"\x80\x04\x95\x92\0\0\0\0\0\0\0}\x94\x8c\x01a\x94\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\
//!     \x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\0\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x02\x85\x94h\x05\
//!     \x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff\
//!     K\0t\x94b\x89C\x02\x01\x02\x94t\x94bs.";
//! let value = parse(std::io::Cursor::new(file), "a.pkl".as_ref())?;
//! let array = value.get("a").and_then(|a| a.as_array()).unwrap();
//! assert_eq!((array.dtype, array.shape.as_slice(), array.bytes.as_slice()), (Dtype::U8, &[2][..], &[1, 2][..]));
//! # Ok::<(), ncsn_pth::Error>(())
//! ```

#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

mod bare;
mod blob;
mod budget;
mod call;
mod descr;
mod dtype;
mod error;
mod fault;
mod form;
mod global;
mod heap;
mod input;
mod legacy;
mod machine;
mod numpy;
mod opcode;
mod scalar;
mod tensor;
mod text;
mod torch;
mod tree;
mod value;
mod view;
mod zip_file;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use error::Failure;

pub use dtype::Dtype;
pub use error::{Error, Position};
pub use fault::Fault;
pub use form::{HEAD, is_pickle, is_torch_stream, is_torch_zip};
pub use tensor::{Array, Place, Placed, Tensor};
pub use value::Value;

/// What becomes of the elements of tensors and arrays.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Load,
    Locate,
}

/// The object in a file.
///
/// # Errors
///
/// [`Error`] with the path, the position where it can be named, and one of the variants of [`Fault`].
pub fn read(path: &Path) -> Result<Value, Error> {
    open(path, Mode::Load)
}

/// The object in a file that is already open. `path` serves messages only.
///
/// # Errors
///
/// As [`read`].
pub fn parse(reader: impl Read + Seek, path: &Path) -> Result<Value, Error> {
    value(reader, path, Mode::Load)
}

/// The object in a file, with the places of the elements instead of the elements: for files larger than memory.
///
/// The tree is that of [`read`], but for [`Value::Placed`] where the elements lie in the file contiguous, row-major,
/// little-endian and not deflated:
///
/// - tensors of `torch.save` in either form, which are so unless somebody transposed them, took columns of them, or packed
///   the archive again
/// - numpy arrays of 64 KiB or more in a pickle that is no zip archive, if their bytes are written as bytes or as `str` of
///   Python 2. (Python 3 writes them as text in protocols 0 to 2.)
///
/// All places are inside the file. The checksums of the archive are not compared for them.
///
/// # Errors
///
/// As [`read`].
pub fn locate(path: &Path) -> Result<Value, Error> {
    open(path, Mode::Locate)
}

/// As [`locate`], in a file that is already open. `path` serves messages only.
///
/// # Errors
///
/// As [`read`].
pub fn locate_in(reader: impl Read + Seek, path: &Path) -> Result<Value, Error> {
    value(reader, path, Mode::Locate)
}

fn open(path: &Path, mode: Mode) -> Result<Value, Error> {
    match File::open(path) {
        Ok(file) => value(BufReader::new(file), path, mode),
        Err(reason) => {
            Err(Error { path: path.to_owned(), position: None, fault: Box::new(Fault::Read(reason)) })
        }
    }
}

fn value(reader: impl Read + Seek, path: &Path, mode: Mode) -> Result<Value, Error> {
    by_form(reader, mode).map_err(|Failure { position, fault }| Error {
        path: path.to_owned(),
        position,
        fault,
    })
}

fn by_form<R: Read + Seek>(mut reader: R, mode: Mode) -> Result<Value, Failure> {
    let len = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    reader.seek(SeekFrom::Start(0))?;
    match head.as_slice() {
        head if form::is_zip(head) => zip_file::read(reader, len, mode),
        head if is_torch_stream(head) => legacy::read(reader, len, mode),
        head if form::is_tar(head) => Err(Fault::Tar.into()),
        [first, ..] if form::can_begin(*first) => bare::read(reader, len, mode),
        head => Err(Fault::Form { head: head[..head.len().min(4)].to_vec() }.into()),
    }
}
