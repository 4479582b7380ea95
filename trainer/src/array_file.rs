//! `.npy` files: one array, as NumPy reads and writes it.

use std::io::Write;
use std::path::Path;

use tch::Tensor;

use crate::dataset::{Items, Stored};
use crate::{Error, torch};

/// Items read and written together.
const TOGETHER: usize = 64;

/// Writes items, `[count, …]`, a few at a time, as bytes or single-precision numbers; the file appears whole or not at all.
///
/// # Arguments
/// * `progress` — told how many are written
///
/// # Errors
/// [`Error::File`].
pub fn write_items(path: &Path, items: &Items, progress: &dyn Fn(u64)) -> Result<(), Error> {
    let shape: Vec<i64> = [items.len() as i64].iter().chain(items.shape()).copied().collect();
    let numbers: Vec<usize> = (0..items.len()).collect();
    let mut parts = numbers.chunks(TOGETHER).map(|part| items.read(part));
    let Some(first) = parts.next().transpose()? else {
        return Err(Error::setting("items", 0, "at least 1"));
    };
    let kind = first.kind();
    // A failure to read, kept apart from one to write.
    let mut unread = None;
    let written = crate::sheet::write_with(path, |file| {
        file.write_all(&header(kind, &shape))?;
        let mut done = 0;
        for part in std::iter::once(Ok(first)).chain(parts) {
            match part {
                Ok(part) => file.write_all(&part.bytes())?,
                Err(error) => {
                    unread = Some(error);
                    return Err(std::io::ErrorKind::Other.into());
                }
            }
            done += TOGETHER as u64;
            progress(done);
        }
        Ok(())
    });
    unread.map_or(written.map_err(Error::file(path)), Err)
}

/// Writes a tensor in single precision; the file appears whole or not at all.
///
/// # Errors
/// [`Error::File`].
pub fn write_tensor(path: &Path, tensor: &Tensor) -> Result<(), Error> {
    let values = Stored::Floats(torch::to_vec(tensor));
    crate::sheet::write_with(path, |file| {
        file.write_all(&header(values.kind(), &tensor.size()))?;
        file.write_all(&values.bytes())
    })
    .map_err(Error::file(path))
}

/// Format 1.0: magic, version, length of the header, header padded to 64 bytes; the values follow.
///
/// Source: NumPy Enhancement Proposal 1.
fn header(kind: &str, shape: &[i64]) -> Vec<u8> {
    let mut sides: Vec<String> = shape.iter().map(i64::to_string).collect();
    if let [side] = &mut sides[..] {
        // Python's tuple of one.
        side.push(',');
    }
    let sides = sides.join(", ");
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sides}), }}");
    let lead = 10;
    let padding = (lead + text.len() + 1).next_multiple_of(64) - lead - text.len() - 1;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ncsn_data::{self as data, Options, Pixels, Rows};

    #[test]
    fn arrays_are_read_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.npy");
        let items = Items::of_bytes((0..24).collect(), &[3, 2, 2]);
        write_items(&path, &items, &|_| {}).expect("writes");
        let set = data::open(&path, &Options::default(), &|_, _| {}).expect("reads");
        assert_eq!(set.shape, [3, 2, 2]);
        let Pixels::Bytes(rows) = &set.rows else { panic!("bytes were written") };
        let mut second = [0; 12];
        rows.read(1, &mut second).expect("a row");
        assert_eq!(second.to_vec(), (12..24).collect::<Vec<u8>>());
    }
}
