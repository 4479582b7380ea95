//! Rows of a data set read by position, from the file they came in or from a temporary one.

use std::fs::File;
use std::io;

pub use ncsn_diameter::Rows;

/// Rows of a data set by their type of entry.
#[derive(Debug)]
pub enum Pixels {
    /// Pixels 0 to 255; in units of the unit range each step is 1/255.
    Bytes(ByteRows),
    /// Finite numbers as the file has them.
    Floats(FloatRows),
}

impl Pixels {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(rows) => Rows::len(rows),
            Self::Floats(rows) => Rows::<f64>::len(rows),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries of each row.
    pub fn dim(&self) -> usize {
        match self {
            Self::Bytes(rows) => Rows::dim(rows),
            Self::Floats(rows) => Rows::<f64>::dim(rows),
        }
    }
}

/// Rows of bytes in one or several files.
#[derive(Debug)]
pub struct ByteRows {
    pieces: Vec<Piece>,
    dim: usize,
    len: usize,
    /// What each stored byte stands for, where that is not itself.
    meaning: Option<Box<[u8; 256]>>,
}

/// A run of records in one file: `stride` bytes each, of which `dim` are the row.
#[derive(Debug)]
struct Piece {
    file: File,
    first_row: usize,
    rows: usize,
    offset: u64,
    stride: usize,
}

impl ByteRows {
    pub(crate) fn new(dim: usize) -> Self {
        Self { pieces: Vec::new(), dim, len: 0, meaning: None }
    }

    /// From now on a stored byte is read as what it stands for.
    pub(crate) fn translate(&mut self, meaning: [u8; 256]) {
        self.meaning = Some(Box::new(meaning));
    }

    /// Appends the records of a file: `offset` bytes lead to the first row, `stride` from one row to the next.
    pub(crate) fn push(&mut self, file: File, rows: usize, offset: u64, stride: usize) {
        debug_assert!(stride >= self.dim, "records do not overlap");
        self.pieces.push(Piece { file, first_row: self.len, rows, offset, stride });
        self.len += rows;
    }
}

impl Rows<u8> for ByteRows {
    fn len(&self) -> usize {
        self.len
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        let (mut row, end) = span(first, buffer.len(), self.dim, self.len)?;
        let mut rest = &mut *buffer;
        for piece in &self.pieces {
            let in_piece = (piece.first_row + piece.rows).min(end).saturating_sub(row);
            if in_piece > 0 {
                let (here, after) = rest.split_at_mut(in_piece * self.dim);
                piece.read(row - piece.first_row, self.dim, here)?;
                rest = after;
                row += in_piece;
            }
        }
        if let Some(meaning) = &self.meaning {
            buffer.iter_mut().for_each(|byte| *byte = meaning[usize::from(*byte)]);
        }
        Ok(())
    }
}

impl Piece {
    /// Reads records without a second buffer: a contiguous span of the file goes into `buffer`, its rows move left
    /// over the bytes between them, and what did not fit is read in the next round.
    fn read(&self, first: usize, dim: usize, buffer: &mut [u8]) -> io::Result<()> {
        let (mut row, mut rest) = (first, buffer);
        while !rest.is_empty() {
            let whole = (rest.len() - dim) / self.stride + 1;
            let span = (whole - 1) * self.stride + dim;
            read_exact_at(&self.file, &mut rest[..span], self.offset + row as u64 * self.stride as u64)?;
            if self.stride > dim {
                for i in 1..whole {
                    rest.copy_within(i * self.stride..i * self.stride + dim, i * dim);
                }
            }
            row += whole;
            rest = &mut rest[whole * dim..];
        }
        Ok(())
    }
}

/// Rows of finite floating-point numbers in one file.
#[derive(Debug)]
pub struct FloatRows {
    file: File,
    len: usize,
    dim: usize,
    offset: u64,
    double: bool,
}

impl FloatRows {
    /// Little-endian numbers, row after row, from `offset` on.
    pub(crate) fn new(file: File, len: usize, dim: usize, offset: u64, double: bool) -> Self {
        Self { file, len, dim, offset, double }
    }

    /// Whether the numbers are stored in double precision, so that reading them as `f32` rounds.
    pub fn is_double(&self) -> bool {
        self.double
    }

    /// Reads rows as stored, in little-endian bytes; for the digest and the check of finiteness.
    pub(crate) fn read_bytes(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        let width = self.width();
        span(first, buffer.len(), self.dim * width, self.len)?;
        read_exact_at(&self.file, buffer, self.offset + (first * self.dim * width) as u64)
    }

    /// Bytes of one number.
    pub(crate) fn width(&self) -> usize {
        if self.double { 8 } else { 4 }
    }

    fn convert<T>(
        &self,
        first: usize,
        buffer: &mut [T],
        single: impl Fn(f32) -> T,
        double: impl Fn(f64) -> T,
    ) -> io::Result<()> {
        span(first, buffer.len(), self.dim, self.len)?;
        let width = self.width();
        let mut bytes = [0; 1 << 14];
        let mut position = self.offset + (first * self.dim * width) as u64;
        for part in buffer.chunks_mut(bytes.len() / width) {
            let bytes = &mut bytes[..part.len() * width];
            read_exact_at(&self.file, bytes, position)?;
            position += bytes.len() as u64;
            if self.double {
                let numbers = bytes.as_chunks::<8>().0;
                part.iter_mut().zip(numbers).for_each(|(to, from)| *to = double(f64::from_le_bytes(*from)));
            } else {
                let numbers = bytes.as_chunks::<4>().0;
                part.iter_mut().zip(numbers).for_each(|(to, from)| *to = single(f32::from_le_bytes(*from)));
            }
        }
        Ok(())
    }
}

/// Exact for either precision of the file.
impl Rows<f64> for FloatRows {
    fn len(&self) -> usize {
        self.len
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, first: usize, buffer: &mut [f64]) -> io::Result<()> {
        self.convert(first, buffer, f64::from, |x| x)
    }
}

/// Exact for single precision; numbers stored in double precision are rounded to nearest.
impl Rows<f32> for FloatRows {
    fn len(&self) -> usize {
        self.len
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, first: usize, buffer: &mut [f32]) -> io::Result<()> {
        self.convert(first, buffer, |x| x, |x| x as f32)
    }
}

/// First and last-plus-one row of a request, checked.
fn span(first: usize, entries: usize, dim: usize, len: usize) -> io::Result<(usize, usize)> {
    let end = first.checked_add(entries / dim);
    match end {
        Some(end) if entries.is_multiple_of(dim) && end <= len => Ok((first, end)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{entries} entries from row {first} on are not whole rows of {dim} among {len}"),
        )),
    }
}

#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, position)
}

#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut position: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, position)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        position += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn records_with_prefixes_read_like_their_rows_alone() {
        const DIM: usize = 3;
        for stride in DIM..9 {
            let bytes: Vec<u8> = (0..200).collect();
            let count = (bytes.len() - 2) / stride;
            let mut rows = ByteRows::new(DIM);
            rows.push(file(&bytes), count / 2, 2, stride);
            rows.push(file(&bytes), count - count / 2, 2 + (count / 2 * stride) as u64, stride);
            for (first, number) in [(0, count), (1, count - 2), (count / 2, 1), (count, 0)] {
                let mut found = vec![0; number * DIM];
                rows.read(first, &mut found).unwrap();
                let expected: Vec<u8> = (first..first + number)
                    .flat_map(|row| bytes[2 + row * stride..][..DIM].iter().copied())
                    .collect();
                assert_eq!(found, expected, "stride {stride}, rows {first}+{number}");
            }
        }
    }

    #[test]
    fn requests_beyond_the_last_row_are_refused() {
        let mut rows = ByteRows::new(4);
        rows.push(file(&[0; 12]), 3, 0, 4);
        for (first, entries) in [(0, 3), (3, 4), (4, 0), (usize::MAX, 4), (0, 16)] {
            let refused = rows.read(first, &mut vec![0; entries]).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{first}+{entries}");
        }
    }

    #[test]
    fn floats_of_either_width_read_exactly() {
        let numbers: Vec<f64> = (0..5000).map(|i| f64::from(i) / 64.0).collect();
        let single: Vec<u8> = numbers.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
        let double: Vec<u8> = numbers.iter().flat_map(|&x| x.to_le_bytes()).collect();
        for (bytes, is_double) in [(single, false), (double, true)] {
            let rows = FloatRows::new(file(&bytes), 5, 1000, 0, is_double);
            let (mut wide, mut narrow) = (vec![0.0_f64; 4000], vec![0.0_f32; 4000]);
            rows.read(1, &mut wide).unwrap();
            rows.read(1, &mut narrow).unwrap();
            assert_eq!(wide, numbers[1000..]);
            assert!(narrow.iter().zip(&numbers[1000..]).all(|(&a, &b)| f64::from(a) == b));
        }
    }
}
