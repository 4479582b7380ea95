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
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(rows) => Rows::len(rows),
            Self::Floats(rows) => Rows::<f64>::len(rows),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries of each row.
    #[must_use]
    pub fn dim(&self) -> usize {
        match self {
            Self::Bytes(rows) => Rows::dim(rows),
            Self::Floats(rows) => Rows::<f64>::dim(rows),
        }
    }

    /// Appends the rows of another set of the same kind, precision and dimension; gives it back where it is another.
    pub(crate) fn append(&mut self, other: Self) -> Result<(), Self> {
        match (self, other) {
            (Self::Bytes(own), Self::Bytes(more))
                if own.pieces.width == more.pieces.width && own.meaning == more.meaning =>
            {
                own.pieces.append(more.pieces);
            }
            (Self::Floats(own), Self::Floats(more))
                if own.double == more.double && own.pieces.width == more.pieces.width =>
            {
                own.pieces.append(more.pieces);
            }
            (_, other) => return Err(other),
        }
        Ok(())
    }
}

/// Records in one or several files: runs of `stride` bytes each, of which the first `width` are a row.
#[derive(Debug)]
struct Pieces {
    pieces: Vec<Piece>,
    width: usize,
    len: usize,
}

/// A run of records in one file.
#[derive(Debug)]
struct Piece {
    file: File,
    first_row: usize,
    rows: usize,
    offset: u64,
    stride: usize,
}

impl Pieces {
    fn new(width: usize) -> Self {
        Self { pieces: Vec::new(), width, len: 0 }
    }

    fn push(&mut self, file: File, rows: usize, offset: u64, stride: usize) {
        debug_assert!(stride >= self.width, "records do not overlap");
        self.pieces.push(Piece { file, first_row: self.len, rows, offset, stride });
        self.len += rows;
    }

    fn append(&mut self, other: Self) {
        for piece in other.pieces {
            self.push(piece.file, piece.rows, piece.offset, piece.stride);
        }
    }

    /// Whole rows as they are stored.
    fn read(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        let (mut row, end) = span(first, buffer.len(), self.width, self.len)?;
        let mut rest = buffer;
        let from = self.pieces.partition_point(|piece| piece.first_row + piece.rows <= row);
        for piece in &self.pieces[from..] {
            let in_piece = (piece.first_row + piece.rows).min(end).saturating_sub(row);
            if in_piece == 0 {
                break;
            }
            let (here, after) = rest.split_at_mut(in_piece * self.width);
            piece.read(row - piece.first_row, self.width, here)?;
            rest = after;
            row += in_piece;
        }
        Ok(())
    }

    /// A part of the bytes of rows that lie one after the other in one piece: `skip` bytes into row `first`.
    fn read_part(&self, first: usize, skip: usize, buffer: &mut [u8]) -> io::Result<()> {
        let (mut row, mut skip, mut rest) = (first + skip / self.width, skip % self.width, buffer);
        while !rest.is_empty() {
            let index = self.pieces.partition_point(|piece| piece.first_row + piece.rows <= row);
            let piece = self.pieces.get(index).ok_or(io::ErrorKind::InvalidInput)?;
            let rows = if piece.stride == self.width { piece.first_row + piece.rows - row } else { 1 };
            let here = rest.len().min(rows * self.width - skip);
            let (part, after) = rest.split_at_mut(here);
            let at = piece.offset + ((row - piece.first_row) as u64) * piece.stride as u64 + skip as u64;
            read_exact_at(&piece.file, part, at)?;
            (row, skip, rest) = (row + (skip + here) / self.width, (skip + here) % self.width, after);
        }
        Ok(())
    }
}

impl Piece {
    /// Reads records without a second buffer: a contiguous span of the file goes into `buffer`, its rows move left
    /// over the bytes between them, and what did not fit is read in the next round.
    fn read(&self, first: usize, width: usize, buffer: &mut [u8]) -> io::Result<()> {
        let (mut row, mut rest) = (first, buffer);
        while !rest.is_empty() {
            let whole = (rest.len() - width) / self.stride + 1;
            let span = (whole - 1) * self.stride + width;
            read_exact_at(&self.file, &mut rest[..span], self.offset + row as u64 * self.stride as u64)?;
            if self.stride > width {
                for i in 1..whole {
                    rest.copy_within(i * self.stride..i * self.stride + width, i * width);
                }
            }
            row += whole;
            rest = &mut rest[whole * width..];
        }
        Ok(())
    }
}

/// Rows of bytes in one or several files.
#[derive(Debug)]
pub struct ByteRows {
    pieces: Pieces,
    /// What each stored byte stands for, where that is not itself.
    meaning: Option<Box<[u8; 256]>>,
}

impl ByteRows {
    pub(crate) fn new(dim: usize) -> Self {
        Self { pieces: Pieces::new(dim), meaning: None }
    }

    /// From now on a stored byte is read as what it stands for.
    pub(crate) fn translate(&mut self, meaning: [u8; 256]) {
        self.meaning = Some(Box::new(meaning));
    }

    /// Appends the records of a file: `offset` bytes lead to the first row, `stride` from one row to the next.
    pub(crate) fn push(&mut self, file: File, rows: usize, offset: u64, stride: usize) {
        self.pieces.push(file, rows, offset, stride);
    }
}

impl Rows<u8> for ByteRows {
    fn len(&self) -> usize {
        self.pieces.len
    }

    fn dim(&self) -> usize {
        self.pieces.width
    }

    fn read(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.pieces.read(first, buffer)?;
        if let Some(meaning) = &self.meaning {
            buffer.iter_mut().for_each(|byte| *byte = meaning[usize::from(*byte)]);
        }
        Ok(())
    }
}

/// Rows of finite floating-point numbers in one or several files.
#[derive(Debug)]
pub struct FloatRows {
    pieces: Pieces,
    double: bool,
}

impl FloatRows {
    /// No rows yet, of `dim` little-endian numbers in double or single precision.
    pub(crate) fn new(dim: usize, double: bool) -> Self {
        Self { pieces: Pieces::new(dim * if double { 8 } else { 4 }), double }
    }

    /// Appends rows that lie one after the other in a file, from `offset` on.
    pub(crate) fn push(&mut self, file: File, rows: usize, offset: u64) {
        self.pieces.push(file, rows, offset, self.pieces.width);
    }

    /// Whether the numbers are stored in double precision, so that reading them as `f32` rounds.
    #[must_use]
    pub fn is_double(&self) -> bool {
        self.double
    }

    /// Reads rows as stored, in little-endian bytes; for the digest and the check of finiteness.
    pub(crate) fn read_bytes(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.pieces.read(first, buffer)
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
        let width = self.width();
        span(first, buffer.len(), self.pieces.width / width, self.pieces.len)?;
        let mut bytes = [0; 1 << 14];
        let mut skip = 0;
        for part in buffer.chunks_mut(bytes.len() / width) {
            let bytes = &mut bytes[..part.len() * width];
            self.pieces.read_part(first, skip, bytes)?;
            skip += bytes.len();
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
        self.pieces.len
    }

    fn dim(&self) -> usize {
        self.pieces.width / self.width()
    }

    fn read(&self, first: usize, buffer: &mut [f64]) -> io::Result<()> {
        self.convert(first, buffer, f64::from, |x| x)
    }
}

/// Exact for single precision; numbers stored in double precision are rounded to nearest.
impl Rows<f32> for FloatRows {
    fn len(&self) -> usize {
        self.pieces.len
    }

    fn dim(&self) -> usize {
        self.pieces.width / self.width()
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
            // In two files, of which the second begins with other bytes.
            let width = bytes.len() / 5;
            let mut rows = FloatRows::new(1000, is_double);
            rows.push(file(&bytes[..2 * width]), 2, 0);
            rows.push(file(&[b"other", &bytes[2 * width..]].concat()), 3, 5);
            let (mut wide, mut narrow) = (vec![0.0_f64; 4000], vec![0.0_f32; 4000]);
            rows.read(1, &mut wide).unwrap();
            rows.read(1, &mut narrow).unwrap();
            assert_eq!(wide, numbers[1000..]);
            assert!(narrow.iter().zip(&numbers[1000..]).all(|(&a, &b)| f64::from(a) == b));
        }
    }
}
