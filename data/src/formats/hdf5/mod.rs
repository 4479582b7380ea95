//! HDF5: data sets by name in groups, as h5py, PyTables and MATLAB 7.3 write them.
//!
//! A reader of its own, of what arrays of numbers need. Of 4 kB files with one byte changed, the crate `hdf5-pure`
//! (0.47) takes up to 4 GiB for one and panics on others, and it does not read chunks of HDF5 2; `rust-hdf5` (0.7.9)
//! asks for 120 GiB and aborts. Read are all versions of superblocks, objects, groups and indexes of chunks; values in
//! the header, together or in chunks; deflate, shuffle, Fletcher-32 and LZF. Memory holds the places of the chunks, one
//! chunk, and a band of rows of 256 MiB, or one row.

use std::io::{BufReader, Read, Seek, Write};

use chunks::Grid;
use dataset::{Storage, Type, Values};
use filters::Filter;
use object::Message;
use source::Source;
use space::Space;

use crate::array;
use crate::choose::{Offer, choose};
use crate::element::Element;
use crate::error::{Error, Kind};
use crate::escape::{one_line, path as shown};
use crate::formats::mat;
use crate::layout::Layout;
use crate::options::{DEFLATE_RATIO, Request};
use crate::set::DataSet;
use crate::spool;
use crate::transpose::transposed;
use crate::writer::RowWriter;

mod arrays;
mod chunks;
mod dataset;
mod filters;
mod group;
mod heap;
mod object;
mod source;
mod space;
mod tree;

/// Bytes of rows that are put together from chunks at a time.
const BAND: u64 = 256 << 20;
/// Bytes of rows that are read at a time where they lie together, and that are passed on; a multiple of an entry's.
const TOGETHER: u64 = 1 << 18;
/// Longest chunk.
const MAX_CHUNK: u64 = 1 << 30;

/// How MATLAB's files of version 7.3 begin.
const MATLAB: &[u8] = b"MATLAB 7.3 MAT-file";

/// Whether a file begins like HDF5, or like MATLAB's version 7.3, which is HDF5 behind a head of its own.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.starts_with(object::SIGNATURE) || head.starts_with(MATLAB)
}

/// Whether a name promises HDF5, which may begin behind bytes of its user.
pub(crate) fn has_suffix(name: &str) -> bool {
    crate::files::has_suffix(name, &["h5", "hdf5"])
}

/// Reads a data set: the one named by the way to it, `group/images`; the only one; or the only one beside labels.
///
/// Rows go along the first axis; in MATLAB's files, as in those of [`mat`]. Data sets of text, records, references and the like are none to choose from.
///
/// # Errors
/// * `Kind::Choose` — several data sets and none named; none of the name; one that holds no real numbers
/// * `Kind::Damaged` — fields that contradict each other, a wrong checksum, a file cut short, filters that are not read
/// * `Kind::Unknown` — no data set that holds numbers
/// * `Kind::Option` — a size or crop asked for
/// * `Kind::Value`, `Kind::Empty`, `Kind::Room`
pub fn read(input: impl Read + Seek, request: &Request) -> Result<DataSet, Error> {
    let mut source = Source::new(input, request.path)?;
    let head = source.block(0, source.length.min(MATLAB.len() as u64))?;
    let matlab = head.bytes == MATLAB;
    let sets = sets(&mut source, matlab, request)?;
    if sets.is_empty() {
        return Err(Error::unknown(request.path, "is an HDF5 file without numbers in its data sets"));
    }
    let axes: Vec<_> = sets.iter().map(|set| (&set.path[..], &set.axes[..])).collect();
    let (offers, rows_last) = if matlab {
        mat::offers(&axes)
    } else {
        let offer = |&(name, axes): &(&str, &[u64])| Offer { name: name.into(), shape: Some(axes.to_vec()) };
        (axes.iter().map(offer).collect(), vec![false; axes.len()])
    };
    let wanted = request.options.array.as_deref().map(|name| name.trim_matches('/'));
    let index = choose(request.path, &offers, wanted)?;
    let (set, rows_last) = (&sets[index], rows_last[index]);
    let shape = if rows_last { mat::rows_first(&set.axes, true) } else { set.axes.clone() };
    let rows = Layout { big_endian: set.big_endian, ..Layout::new(set.element, &shape, request)? };
    let stored = Layout::new(set.element, &set.space.axes, request)?;
    array::check_ratio(&stored, source.length, DEFLATE_RATIO, request)?;
    let entries = (stored.count * stored.dim) as u64;
    spool::check_room(entries.saturating_mul(set.element.kept().width() as u64))?;
    let values = dataset::values(&source, &set.messages, set.space.axes.len(), set.element.width())?;
    let mut reader = Reader { source, layout: stored, values, request };
    let data = if matlab {
        let mut columns = tempfile::tempfile().map_err(Error::spooling)?;
        reader.pass(&set.space, &mut |bytes| columns.write_all(bytes).map_err(Error::spooling))?;
        columns.rewind().map_err(Error::spooling)?;
        if rows_last {
            mat::along_last(BufReader::new(columns), rows, request)?
        } else {
            transposed(&columns, 0, rows, request)?
        }
    } else {
        let mut writer = RowWriter::new(rows.element, rows.big_endian, &rows.shape, request)?;
        reader.pass(&set.space, &mut |bytes| writer.take(bytes))?;
        writer.finish()?
    };
    let mut data = data.ranged(request)?.unfitted(request)?;
    if rows_last {
        let name = one_line(&set.path);
        data.notes.insert(0, format!("rows go along the last axis of {name}, as the labels do"));
    }
    Ok(data)
}

/// A data set of numbers.
struct Set<'a> {
    path: String,
    messages: Vec<Message<'a>>,
    space: Space,
    /// The axes, in MATLAB's order in its files: there they are stored in reverse.
    axes: Vec<u64>,
    element: Element,
    big_endian: bool,
}

/// The data sets of numbers.
fn sets<'a, R: Read + Seek>(
    source: &mut Source<'a, R>,
    matlab: bool,
    request: &Request,
) -> Result<Vec<Set<'a>>, Error> {
    let mut sets = Vec::new();
    for group::Object { path, messages } in group::data_sets(source)? {
        let (space, mut kind) = dataset::describe(source, &messages)?;
        match (dataset::matlab_class(&messages), &mut kind) {
            (Some(b"char"), kind) => *kind = Type::Other("text"),
            (Some(b"logical"), Type::Numbers { element, .. }) => *element = Element::Bool,
            _ => {}
        }
        match kind {
            Type::Other(what) if request.options.array.as_deref() == Some(&path) => {
                let (name, file) = (one_line(&path), shown(request.path));
                let text = format!("data set {name} of {file} holds {what}: read are arrays of real numbers");
                return Err(Error::new(Kind::Choose, request.path, text));
            }
            // What MATLAB's cells hold is named by numbers there.
            Type::Numbers { .. } if matlab && path.starts_with("#refs#/") => {}
            Type::Numbers { element, big_endian } if !space.axes.is_empty() && !space.axes.contains(&0) => {
                let mut axes = space.axes.clone();
                if matlab {
                    axes.reverse();
                }
                sets.push(Set { path, messages, space, axes, element, big_endian });
            }
            _ => {}
        }
    }
    Ok(sets)
}

/// Takes values in the order in which they are stored.
type Pass<'p> = dyn FnMut(&mut [u8]) -> Result<(), Error> + 'p;

struct Reader<'a, R> {
    source: Source<'a, R>,
    /// With the axes as they are stored.
    layout: Layout,
    values: Values,
    request: &'a Request<'a>,
}

impl<R: Read + Seek> Reader<'_, R> {
    /// Passes all values on.
    fn pass(&mut self, space: &Space, pass: &mut Pass) -> Result<(), Error> {
        match self.values.storage.clone() {
            Storage::Within(mut bytes) if bytes.len() as u64 == self.layout.bytes() => pass(&mut bytes),
            Storage::Within(bytes) => {
                Err(Error::length(self.request.path, self.layout.bytes(), bytes.len() as u64))
            }
            Storage::Together(at) => self.together(at, pass),
            Storage::Chunks { chunk, index } => self.chunked(space, &chunk, &index, pass),
        }
    }

    fn row(&self) -> u64 {
        self.layout.bytes() / self.layout.count as u64
    }

    /// Rows in which nothing is written yet.
    fn filled(&self, rows: u64) -> Vec<u8> {
        let length = (rows * self.row()) as usize;
        match &self.values.fill[..] {
            [] => vec![0; length],
            fill => fill.iter().copied().cycle().take(length).collect(),
        }
    }

    fn together(&mut self, at: Option<u64>, pass: &mut Pass) -> Result<(), Error> {
        let (count, row) = (self.layout.count as u64, self.row());
        let rows = (TOGETHER / row).clamp(1, count);
        let mut bytes = Vec::new();
        for first in (0..count).step_by(rows as usize) {
            let here = rows.min(count - first);
            match at {
                Some(at) => self.source.read(at.saturating_add(first * row), here * row, &mut bytes)?,
                None => bytes = self.filled(here),
            }
            pass(&mut bytes)?;
            (self.request.progress)(first + here, Some(count));
        }
        Ok(())
    }

    fn chunked(
        &mut self,
        space: &Space,
        chunk: &[u64],
        index: &chunks::Index,
        pass: &mut Pass,
    ) -> Result<(), Error> {
        let width = self.layout.element.width() as u64;
        let bytes = chunk.iter().try_fold(width, |bytes, &side| bytes.checked_mul(side));
        let Some(bytes) = bytes.filter(|&bytes| bytes <= MAX_CHUNK) else {
            return Err(Error::shape(self.request.path, chunk, MAX_CHUNK));
        };
        let grid = Grid::new(space, chunk.to_vec(), bytes);
        let filtered = !self.values.filters.is_empty();
        let chunks = grid.chunks(&mut self.source, index, filtered)?;
        // Chunks that lie side by side have one row of chunks in common.
        let beside: u64 = grid.counts[1..].iter().product();
        let (count, row) = (self.layout.count as u64, self.row());
        let rows = (BAND / row).clamp(1, chunk[0]);
        let mut first = 0;
        while first < count {
            let line = first / chunk[0];
            let end = (first + rows).min((line + 1) * chunk[0]).min(count);
            let mut band = self.filled(end - first);
            let from = chunks.partition_point(|chunk| chunk.number < line * beside);
            for chunk in chunks[from..].iter().take_while(|chunk| chunk.number < (line + 1) * beside) {
                let mut stored = Vec::new();
                self.source.read(chunk.at, chunk.stored, &mut stored)?;
                let content = self.content(chunk, stored, bytes as usize)?;
                place(
                    &content,
                    &grid,
                    chunk.number,
                    &self.layout.axes,
                    width as usize,
                    (first, end),
                    &mut band,
                );
            }
            band.chunks_mut(TOGETHER as usize).try_for_each(&mut *pass)?;
            first = end;
            (self.request.progress)(first, Some(count));
        }
        Ok(())
    }

    fn content(&self, chunk: &chunks::Chunk, stored: Vec<u8>, bytes: usize) -> Result<Vec<u8>, Error> {
        let width = self.layout.element.width();
        Filter::undo(&self.values.filters, chunk.mask, stored, bytes, width).map_err(|problem| {
            self.source.wrong(chunk.at, "chunk", problem, "one that its filters give back")
        })
    }
}

/// Copies what a chunk has of some rows to its place in them.
fn place(
    chunk: &[u8],
    grid: &Grid,
    number: u64,
    axes: &[usize],
    width: usize,
    (first, end): (u64, u64),
    band: &mut [u8],
) {
    let rank = axes.len();
    let sides: Vec<usize> = grid.chunk.iter().map(|&side| side as usize).collect();
    // Where the chunk begins along each axis.
    let (mut start, mut rest) = (vec![0; rank], number);
    for axis in (0..rank).rev() {
        start[axis] = (rest % grid.counts[axis]) as usize * sides[axis];
        rest /= grid.counts[axis];
    }
    let (first, end) = (first as usize, end as usize);
    let begin = |axis: usize| if axis == 0 { first.saturating_sub(start[0]) } else { 0 };
    let limit: Vec<usize> = (0..rank)
        .map(|axis| {
            let all = if axis == 0 { end } else { axes[axis] };
            sides[axis].min(all.saturating_sub(start[axis]))
        })
        .collect();
    // Along the last axis entries lie together in both.
    let last = rank - 1;
    let run = limit[last].saturating_sub(begin(last)) * width;
    let mut index: Vec<usize> = (0..rank).map(begin).collect();
    if run == 0 || index.iter().zip(&limit).any(|(index, limit)| index >= limit) {
        return;
    }
    loop {
        let (mut from, mut to) = (0, 0);
        for axis in 0..rank {
            from = from * sides[axis] + index[axis];
            to = to * axes[axis] + start[axis] + index[axis] - if axis == 0 { first } else { 0 };
        }
        band[to * width..][..run].copy_from_slice(&chunk[from * width..][..run]);
        let mut axis = last;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < limit[axis] {
                break;
            }
            index[axis] = begin(axis);
        }
    }
}
