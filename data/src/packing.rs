//! Compressed files: gzip, bzip2, xz and Zstandard, unpacked as they are read.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek};
use std::path::Path;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::error::Error;
use crate::guard::Guarded;
use crate::options::DEFLATE_RATIO;

/// Memory that unpacking xz may take: more than its strongest preset, 64 MiB, asks for.
const XZ_MEMORY_KIB: u32 = 128 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Packing {
    /// The compression of a file by its first bytes.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Bytes that the compression can make of one, where that is bounded by much less than memory or disk.
    pub(crate) fn ratio(self) -> Option<u64> {
        (self == Self::Gzip).then_some(DEFLATE_RATIO)
    }

    /// The content.
    pub(crate) fn unpack<'a>(self, input: impl Read + Send + 'a) -> Box<dyn Read + Send + 'a> {
        let input = BufReader::with_capacity(1 << 17, input);
        match self {
            Self::Gzip => Box::new(Guarded(MultiGzDecoder::new(input))),
            Self::Bzip2 => Box::new(Guarded(MultiBzDecoder::new(input))),
            Self::Xz => Box::new(Guarded(XzReader::new_mem_limit(input, true, XZ_MEMORY_KIB))),
            Self::Zstd => Box::new(Guarded(Frames { state: State::Between(input) })),
        }
    }
}

/// The content of a file, unpacked if it is compressed.
///
/// # Errors
/// `Kind::Unreadable`; damage is an error of reading.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Error> {
    let reading = || Error::reading(path);
    let mut file = File::open(path).map_err(reading())?;
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head).map_err(reading())?;
    file.rewind().map_err(reading())?;
    Ok(match Packing::of(&head) {
        Some(packing) => packing.unpack(file),
        None => Box::new(BufReader::with_capacity(1 << 17, file)),
    })
}

/// Zstandard's frames one after another, as `cat` and parallel compressors write them.
struct Frames<R: Read> {
    state: State<R>,
}

/// A frame with the magic word that was read ahead, and what follows it.
type Frame<R> = Chain<Cursor<[u8; 4]>, R>;

enum State<R: Read> {
    Between(R),
    Within(Box<StreamingDecoder<Frame<R>, FrameDecoder>>),
    /// After an error.
    Broken,
}

impl<R: Read> Frames<R> {
    /// Begins the next frame that holds something; nothing at the end.
    fn next(mut input: R) -> io::Result<State<R>> {
        loop {
            let mut magic = Vec::new();
            input.by_ref().take(4).read_to_end(&mut magic)?;
            match magic[..] {
                [] => return Ok(State::Between(input)),
                // A frame to be passed over, of a length that follows.
                [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                    let mut length = [0; 4];
                    input.read_exact(&mut length)?;
                    let length = u32::from_le_bytes(length).into();
                    if io::copy(&mut input.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                [a, b, c, d] => {
                    let whole = Cursor::new([a, b, c, d]).chain(input);
                    let decoder = StreamingDecoder::new(whole).map_err(io::Error::other)?;
                    return Ok(State::Within(Box::new(decoder)));
                }
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Broken) {
                State::Broken => return Err(io::Error::other("read after an error")),
                State::Between(input) => {
                    self.state = Self::next(input)?;
                    if matches!(self.state, State::Between(_)) {
                        return Ok(0);
                    }
                }
                State::Within(mut decoder) => {
                    let read = decoder.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        self.state = State::Within(decoder);
                        return Ok(read);
                    }
                    self.state = State::Between(decoder.into_inner().into_inner().1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packing: Packing, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        packing.unpack(bytes).read_to_end(&mut all).map(|_| all)
    }

    /// A frame of one raw block.
    fn frame(text: &[u8]) -> Vec<u8> {
        let block = (text.len() as u32) << 3 | 1;
        [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, text.len() as u8][..], &block.to_le_bytes()[..3], text].concat()
    }

    #[test]
    fn frames_follow_each_other_and_skippable_ones_are_passed_over() {
        let skipped = [&[0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"other"].concat();
        let whole = [frame(b"one "), skipped.clone(), frame(b"two"), skipped].concat();
        assert_eq!(unpacked(Packing::Zstd, &whole).unwrap(), b"one two");
        for length in 1..whole.len() {
            let cut = unpacked(Packing::Zstd, &whole[..length]);
            let between = [13, 26, 38].contains(&length);
            assert_eq!(cut.is_ok(), between, "{length} of {} bytes: {cut:?}", whole.len());
        }
    }
}
