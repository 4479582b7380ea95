//! Tables, whatever their format: files of columns, of which one holds images or lists, or several are numbers side by
//! side; one file or the shards of a folder become one data set.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

pub(crate) use column::{Column, Holds};
pub(crate) use interleave::{common, interleave, widened};
pub(crate) use rows::{NumberRows, check_ratio};

use column::{Choice, choose};

use crate::error::{Error, Kind};
use crate::escape::{self, one_line};
use crate::files::{file_name, slashed};
use crate::options::Request;
use crate::parts::of_part;
use crate::pipeline::{self, Content, Feed, Leftovers};
use crate::set::DataSet;

mod column;
mod interleave;
mod rows;

/// Takes the bytes of an image, or nothing for a null, and says whether to go on.
pub(crate) type TakeImage<'a> = dyn FnMut(Option<&[u8]>) -> Result<bool, Error> + 'a;

/// A file of columns, of which the headers have been read.
pub(crate) trait Table: Sized + Send + Sync {
    /// What such files are called.
    const KIND: &'static str;

    /// Reads what a file says of its columns.
    fn open(input: &mut (impl Read + Seek), path: &Path) -> Result<Self, Error>;

    fn columns(&self) -> &[Column];

    fn rows(&self) -> u64;

    /// Bytes of the file.
    fn length(&self) -> u64;

    /// Passes the images of a column on; whether to go on.
    fn images(
        &self,
        column: usize,
        input: &mut (impl Read + Seek),
        path: &Path,
        take: &mut TakeImage,
    ) -> Result<bool, Error>;

    /// Makes each list of a column a row.
    fn lists(
        &self,
        column: usize,
        input: &mut (impl Read + Seek),
        path: &Path,
        rows: &mut NumberRows,
    ) -> Result<(), Error>;

    /// Makes the numbers of some columns side by side a row.
    fn numbers(
        &self,
        columns: &[usize],
        input: &mut (impl Read + Seek),
        path: &Path,
        rows: &mut NumberRows,
    ) -> Result<(), Error>;
}

/// Reads one file.
pub(crate) fn read<T: Table>(
    mut input: impl Read + Seek + Send,
    request: &Request,
) -> Result<DataSet, Error> {
    let shard = Shard::<T>::open(&mut input, request.path.into(), file_name(request.path), None, request)?;
    let mut input = Some(input);
    let open = |_: &Path| Ok(input.take());
    collect(vec![shard], open, Leftovers::default(), request)
}

/// Reads the files of a folder in the order given, those of one split.
///
/// # Arguments
/// * `files` — paths relative to the folder
/// * `leftovers` — what else the folder holds
///
/// # Errors
/// `Kind::NoSplit`; those of [`read`], by file.
pub(crate) fn open<T: Table>(
    files: Vec<PathBuf>,
    mut leftovers: Leftovers,
    request: &Request,
) -> Result<DataSet, Error> {
    let (files, note) = of_part(files, &format!("{} files", T::KIND), request)?;
    let mut shards: Vec<Shard<T>> = Vec::with_capacity(files.len());
    for file in files {
        let path = request.path.join(&file);
        let mut input = File::open(&path).map_err(Error::reading(&path))?;
        // The first file decides which columns are read of all.
        let first = shards.first().map(Shard::names);
        let shard = Shard::open(&mut input, path, slashed(&file), first, request)?;
        shards.push(shard);
    }
    leftovers.notes.extend(note);
    let open = |path: &Path| File::open(path).map(Some).map_err(Error::reading(path));
    collect(shards, open, leftovers, request)
}

/// The rows of all files.
fn collect<T: Table, R: Read + Seek>(
    shards: Vec<Shard<T>>,
    mut open: impl FnMut(&Path) -> Result<Option<R>, Error> + Send,
    mut leftovers: Leftovers,
    request: &Request,
) -> Result<DataSet, Error> {
    let total = shards.iter().map(|shard| shard.table.rows()).fold(0, u64::saturating_add);
    let is_images = shards.first().is_some_and(|shard| matches!(shard.choice, Choice::Images(_)));
    if is_images {
        return pipeline::run(request, Some(total), total, move |feed| {
            for shard in &shards {
                if let Some(mut input) = open(&shard.path)?
                    && !shard.feed(&mut input, feed)?
                {
                    break;
                }
            }
            Ok(leftovers)
        });
    }
    let mut rows = NumberRows::new(total, request);
    if let Some(Shard { table, choice, .. }) = shards.first() {
        leftovers.notes.extend(choice.note(table.columns()));
    }
    for shard in &shards {
        if let Some(mut input) = open(&shard.path)? {
            shard.numbers(&mut input, &mut rows)?;
        }
    }
    let data = rows.finish()?;
    let mut notes = leftovers.describe();
    notes.splice(0..0, leftovers.notes);
    DataSet { notes, ..data }.ranged(request)?.unfitted(request)
}

/// A file, and which columns are read of it.
struct Shard<T> {
    table: T,
    path: PathBuf,
    /// Begins the names of the rows.
    name: String,
    choice: Choice,
}

impl<T: Table> Shard<T> {
    fn open(
        input: &mut (impl Read + Seek),
        path: PathBuf,
        name: String,
        wanted: Option<Vec<String>>,
        request: &Request,
    ) -> Result<Self, Error> {
        let table = T::open(input, &path)?;
        let wanted = wanted.or(request.options.array.clone().map(|name| vec![name]));
        let choice = choose(&path, table.columns(), table.rows(), wanted.as_deref())?;
        Ok(Self { table, path, name, choice })
    }

    /// Names of the columns that are read.
    fn names(&self) -> Vec<String> {
        self.choice.indices().iter().map(|&index| self.table.columns()[index].name.clone()).collect()
    }

    /// Hands over the images; whether to go on.
    fn feed(&self, input: &mut (impl Read + Seek), feed: &mut Feed) -> Result<bool, Error> {
        let (mut row, mut bytes, length) = (0_u64, 0, self.table.length());
        let mut take = |value: Option<&[u8]>| {
            let image = value.unwrap_or_default();
            // A dictionary can repeat an image at the cost of a bit or less.
            bytes += image.len() as u64;
            check_ratio(&self.path, bytes, length)?;
            let pushed = feed.push(format!("{}#{row}", self.name), Content::Encoded(image.to_vec()));
            row += 1;
            Ok(pushed.is_ok())
        };
        match &self.choice {
            &Choice::Images(column) => self.table.images(column, input, &self.path, &mut take),
            Choice::Lists(_) | Choice::Numbers(_) => Err(self.other_kind()),
        }
    }

    /// Hands over the numbers.
    fn numbers(&self, input: &mut (impl Read + Seek), rows: &mut NumberRows) -> Result<(), Error> {
        rows.begin(&self.path, &self.name, self.table.length());
        match &self.choice {
            &Choice::Lists(column) => self.table.lists(column, input, &self.path, rows),
            Choice::Numbers(columns) => self.table.numbers(columns, input, &self.path, rows),
            Choice::Images(_) => Err(self.other_kind()),
        }
    }

    /// A column that holds images in one file and numbers in another.
    fn other_kind(&self) -> Error {
        let names = self.names().join(", ");
        let (name, path) = (one_line(&names), escape::path(&self.path));
        let text = format!("column {name} of {path} is of another kind than in the first file");
        Error::new(Kind::Mixed, &self.path, text)
    }
}
