//! Tensors in safetensors files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use tch::{Device, Kind, Tensor};

use crate::Error;

/// The tensors of a file, by name, and its metadata.
#[derive(Debug, Default)]
pub struct TensorFile {
    tensors: HashMap<String, Tensor>,
    metadata: HashMap<String, String>,
    path: PathBuf,
}

const KINDS: [(Kind, Dtype); 10] = [
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Int64, Dtype::I64),
    (Kind::Int, Dtype::I32),
    (Kind::Int16, Dtype::I16),
    (Kind::Int8, Dtype::I8),
    (Kind::Uint8, Dtype::U8),
    (Kind::Bool, Dtype::BOOL),
];

impl TensorFile {
    /// Reads a file onto the CPU.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Content`] for other files, damaged ones and kinds of numbers that torch has not.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let mut file = File::open(path).map_err(Error::file(path))?;
        file.read_to_end(&mut bytes).map_err(Error::file(path))?;
        let content = |found: String| Error::content(path, found, "a safetensors file");
        let damaged = |error: SafeTensorError| content(format!("is damaged or of another format ({error})"));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let mut tensors = HashMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(damaged)?.iter() {
            let kind = KINDS.iter().find(|(_, dtype)| *dtype == view.dtype()).map(|&(kind, _)| kind);
            let kind = kind.ok_or_else(|| content(format!("tensor {name} holds {:?}", view.dtype())))?;
            let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
            tensors.insert(name.to_owned(), Tensor::f_from_data_size(view.data(), &shape, kind)?);
        }
        Ok(Self { tensors, metadata, path: path.to_owned() })
    }

    /// The tensor with a name, which must be there.
    ///
    /// # Errors
    /// [`Error::Content`].
    pub fn get(&self, name: &str) -> Result<Tensor, Error> {
        self.find(name).ok_or_else(|| self.problem(name, "is missing".to_owned(), "a tensor".to_owned()))
    }

    /// The tensor with a name.
    pub fn find(&self, name: &str) -> Option<Tensor> {
        self.tensors.get(name).map(Tensor::shallow_clone)
    }

    /// The tensor with a name, which must have a shape; −1 stands for any size of at least 1.
    ///
    /// # Errors
    /// [`Error::Content`] with both shapes.
    pub fn shaped(&self, name: &str, shape: &[i64]) -> Result<Tensor, Error> {
        let tensor = self.get(name)?;
        let fits = |(found, wanted): (&i64, &i64)| found == wanted || (*wanted < 0 && *found > 0);
        if tensor.dim() == shape.len() && tensor.size().iter().zip(shape).all(fits) {
            Ok(tensor)
        } else {
            let text = |shape: &[i64]| {
                let side = |side: &i64| if *side < 0 { "1+".to_owned() } else { side.to_string() };
                format!("[{}]", shape.iter().map(side).collect::<Vec<_>>().join(", "))
            };
            let found = format!("has shape {}", text(&tensor.size()));
            Err(self.problem(name, found, text(shape)))
        }
    }

    /// An error about one of the file's tensors.
    #[must_use]
    pub fn problem(&self, name: &str, found: String, expected: String) -> Error {
        Error::content(&self.path, format!("tensor {name} {found}"), expected)
    }

    /// Names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Texts kept in the file's header.
    #[must_use]
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.metadata
    }
}

/// Writes tensors to a file, which is complete and on the disk afterwards; it is not renamed into place.
///
/// # Arguments
/// * `note` — one entry of the header's metadata
///
/// # Errors
/// [`Error::File`].
pub fn write<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
    note: Option<(&str, String)>,
) -> Result<(), Error> {
    let stored: Vec<(String, Stored)> =
        tensors.into_iter().map(|(name, tensor)| (name, Stored::new(tensor))).collect();
    let metadata = note.map(|(key, value)| HashMap::from([(key.to_owned(), value)]));
    let views = stored.iter().map(|(name, stored)| (name, stored));
    // What a new file has by the umask, which the library's does not.
    let permissions =
        File::create(path).and_then(|file| file.metadata()).map_err(Error::file(path))?.permissions();
    safetensors::serialize_to_file(views, metadata, path).map_err(|error| match error {
        SafeTensorError::IoError(reason) => Error::File { path: path.to_owned(), reason },
        other => Error::File { path: path.to_owned(), reason: io::Error::other(other.to_string()) },
    })?;
    fs::set_permissions(path, permissions).map_err(Error::file(path))?;
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::file(path))
}

/// A tensor as safetensors wants to see it; its bytes are fetched when they are written.
struct Stored<'a> {
    tensor: &'a Tensor,
    shape: Vec<usize>,
    dtype: Dtype,
}

impl<'a> Stored<'a> {
    /// # Panics
    /// For kinds that no tensor of this crate has: complex and quantised numbers.
    fn new(tensor: &'a Tensor) -> Self {
        let dtype = KINDS.iter().find(|(kind, _)| *kind == tensor.kind()).map(|&(_, dtype)| dtype);
        let dtype = dtype.unwrap_or_else(|| panic!("tensors of {:?} are not written", tensor.kind()));
        Self { tensor, shape: tensor.size().iter().map(|&side| side as usize).collect(), dtype }
    }
}

impl View for &Stored<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(bytes(self.tensor))
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// The values in row-major order, as they lie in memory.
fn bytes(tensor: &Tensor) -> Vec<u8> {
    let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back_whatever_their_memory_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.safetensors");
        let image = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([1, 2, 3, 4]);
        let tensors = [
            ("last".to_owned(), crate::torch::channels_last(&image)),
            ("empty".to_owned(), Tensor::zeros([0, 3], (Kind::Int64, Device::Cpu))),
            ("scalar".to_owned(), Tensor::from(2.5_f64)),
        ];
        write(
            &path,
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor)),
            Some(("a", "b".to_owned())),
        )
        .expect("writes");
        let file = TensorFile::read(&path).expect("reads");
        assert_eq!(file.get("last").expect("there"), image);
        assert_eq!(file.get("empty").expect("there").size(), [0, 3]);
        assert_eq!(file.get("scalar").expect("there").double_value(&[]), 2.5);
        assert_eq!(file.metadata()["a"], "b");
    }
}
