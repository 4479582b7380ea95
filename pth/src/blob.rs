//! A string of bytes of a pickle.

/// Bytes in memory, or left in the file.
pub(super) struct Blob {
    bytes: Vec<u8>,
    len: u64,
    place: Option<u64>,
}

impl Blob {
    /// `len` bytes at `place` of the file.
    pub(super) fn left(place: u64, len: u64) -> Self {
        Self { bytes: Vec::new(), len, place: Some(place) }
    }

    /// Number of bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where the bytes are, if they are left in the file.
    pub(super) fn place(&self) -> Option<u64> {
        self.place
    }

    /// The bytes, if they are in memory, which they leave.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.place.is_none().then(|| std::mem::take(&mut self.bytes))
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self { len: bytes.len() as u64, bytes, place: None }
    }
}
