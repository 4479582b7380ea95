//! Numbers on their way into rows: as rows hold them, finite, counted.

use std::fs::File;
use std::sync::OnceLock;

use crate::element::Element;
use crate::error::Error;
use crate::files::file_name;
use crate::names::Names;
use crate::options::Request;
use crate::rows::{ByteRows, FloatRows, Pixels};
use crate::set::DataSet;
use crate::spool::{self, Spool};

/// Values that come in order and go into a temporary file.
pub(crate) struct RowWriter<'a> {
    element: Element,
    big_endian: bool,
    shape: Vec<usize>,
    request: &'a Request<'a>,
    spool: Spool,
    check: Finite,
    converted: Vec<u8>,
}

impl<'a> RowWriter<'a> {
    /// No values yet.
    ///
    /// # Arguments
    /// * `element` — the type of those that come
    /// * `big_endian` — their byte order
    /// * `shape` — of a row: at least one entry, as [`Layout`](crate::layout::Layout) checks it
    pub(crate) fn new(
        element: Element,
        big_endian: bool,
        shape: &[usize],
        request: &'a Request<'a>,
    ) -> Result<Self, Error> {
        let check = Finite::new(element.kept(), shape.iter().product());
        let (shape, spool) = (shape.to_vec(), Spool::new()?);
        Ok(Self { element, big_endian, shape, request, spool, check, converted: Vec::new() })
    }

    /// Takes whole values as they are stored; big-endian ones are turned where they are.
    ///
    /// # Errors
    /// `Kind::Value`; `Kind::Room`.
    pub(crate) fn take(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        if self.big_endian {
            bytes.chunks_exact_mut(self.element.width()).for_each(<[u8]>::reverse);
        }
        self.element.convert(bytes, &mut self.converted).map_err(|(at, value)| {
            let (row, column) = self.check.place(at);
            Error::no_double(self.request.path, row, column, &value)
        })?;
        self.check.take(&self.converted).map_err(|found| found.error(self.request))?;
        self.spool.write(&self.converted)
    }

    /// The rows of all values taken.
    ///
    /// # Errors
    /// `Kind::Empty` — none; `Kind::Damaged` — a part of a row at the end; `Kind::Room`.
    pub(crate) fn finish(self) -> Result<DataSet, Error> {
        let Self { element, shape, request, spool, check, .. } = self;
        let (row, bytes) = (check.dim as u64, check.seen * element.width() as u64);
        if check.seen == 0 {
            return Err(Error::no_rows(request.path));
        }
        if !check.seen.is_multiple_of(row) {
            let whole = check.seen.next_multiple_of(row) * element.width() as u64;
            return Err(Error::length(request.path, whole, bytes));
        }
        let count = (check.seen / row) as usize;
        let (file, hash) = spool.finish()?;
        let digest = OnceLock::from(spool::digest(hash, element.name(), count, &shape));
        Ok(data_set(file, 0, count, element, shape, digest, request))
    }
}

/// Rows that lie in a file from `offset` on as rows hold them.
pub(crate) fn data_set(
    file: File,
    offset: u64,
    count: usize,
    element: Element,
    shape: Vec<usize>,
    digest: OnceLock<String>,
    request: &Request,
) -> DataSet {
    let dim = shape.iter().product();
    let rows = match element.kept() {
        Element::U8 => {
            let mut rows = ByteRows::new(dim);
            rows.push(file, count, offset, dim);
            Pixels::Bytes(rows)
        }
        kept => {
            let mut rows = FloatRows::new(dim, kept == Element::F64);
            rows.push(file, count, offset);
            Pixels::Floats(rows)
        }
    };
    let mut names = Names::default();
    names.push_records(&file_name(request.path), count);
    let (classes, places) = (None, None);
    DataSet { rows, shape, planes: false, names, classes, notes: Vec::new(), skipped: 0, places, digest }
}

/// Looks for numbers that are not finite in values that pass in order.
pub(crate) struct Finite {
    element: Element,
    dim: usize,
    seen: u64,
}

/// A number that is not finite, and where it stands; both count from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NotFinite {
    pub row: u64,
    pub column: u64,
    pub value: f64,
}

impl NotFinite {
    /// What to say of one in a file.
    pub(crate) fn error(self, request: &Request) -> Error {
        Error::not_finite(request.path, self.row, self.column, self.value)
    }
}

impl Finite {
    /// For rows of `dim` entries of a type that is kept.
    pub(crate) fn new(element: Element, dim: usize) -> Self {
        Self { element, dim, seen: 0 }
    }

    /// Row and column of a value of those that come next.
    fn place(&self, index: usize) -> (u64, u64) {
        let at = self.seen + index as u64;
        (at / self.dim as u64, at % self.dim as u64)
    }

    /// Looks at little-endian values.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), NotFinite> {
        let single = |b: &[u8; 4]| f64::from(f32::from_le_bytes(*b));
        let double = |b: &[u8; 8]| f64::from_le_bytes(*b);
        let found = match self.element {
            Element::F32 => first_infinite(bytes.as_chunks().0, single),
            Element::F64 => first_infinite(bytes.as_chunks().0, double),
            _ => None,
        };
        if let Some((index, value)) = found {
            let (row, column) = self.place(index);
            return Err(NotFinite { row, column, value });
        }
        self.seen += (bytes.len() / self.element.width()) as u64;
        Ok(())
    }
}

fn first_infinite<const W: usize>(
    numbers: &[[u8; W]],
    value: impl Fn(&[u8; W]) -> f64,
) -> Option<(usize, f64)> {
    numbers.iter().map(value).enumerate().find(|(_, x)| !x.is_finite())
}
