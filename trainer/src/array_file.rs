//! `.npy` files: one array, as NumPy reads and writes it.

use std::io::Write;
use std::path::Path;

use tch::Tensor;

use crate::dataset::Stored;
use crate::{Error, torch};

/// Writes an array of bytes or single-precision numbers; the file appears whole or not at all.
///
/// # Errors
/// [`Error::File`].
pub fn write_stored(path: &Path, values: &Stored, shape: &[i64]) -> Result<(), Error> {
    match values {
        Stored::Bytes(bytes) => write(path, "|u1", shape, bytes),
        Stored::Floats(values) => {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            write(path, "<f4", shape, &bytes)
        }
    }
}

/// Writes a tensor in single precision.
///
/// # Errors
/// [`Error::File`].
pub fn write_tensor(path: &Path, tensor: &Tensor) -> Result<(), Error> {
    write_stored(path, &Stored::Floats(torch::to_vec(tensor)), &tensor.size())
}

/// Format 1.0: magic, version, length of the header, header padded to 64 bytes, values.
///
/// Source: NumPy Enhancement Proposal 1.
fn write(path: &Path, kind: &str, shape: &[i64], values: &[u8]) -> Result<(), Error> {
    let mut sides: Vec<String> = shape.iter().map(i64::to_string).collect();
    if let [side] = &mut sides[..] {
        // Python's tuple of one.
        side.push(',');
    }
    let sides = sides.join(", ");
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sides}), }}");
    let lead = 10;
    let padding = (lead + header.len() + 1).next_multiple_of(64) - lead - header.len() - 1;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    crate::sheet::write_with(path, |file| {
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(header.len() as u16).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        file.write_all(values)
    })
    .map_err(Error::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ncsn::data::{self, Options, Pixels, Rows};

    #[test]
    fn arrays_are_read_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.npy");
        write_stored(&path, &Stored::Bytes((0..24).collect()), &[2, 3, 2, 2]).expect("writes");
        let set = data::open(&path, &Options::default(), &|_, _| {}).expect("reads");
        assert_eq!(set.shape, [3, 2, 2]);
        let Pixels::Bytes(rows) = &set.rows else { panic!("bytes were written") };
        let mut second = [0; 12];
        rows.read(1, &mut second).expect("a row");
        assert_eq!(second.to_vec(), (12..24).collect::<Vec<u8>>());
    }
}
