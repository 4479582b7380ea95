//! Decoded images in order: shapes compared, values kept, changes counted.

use std::sync::OnceLock;

use super::leftovers::Leftovers;
use super::picture::Picture;
use super::pipeline::Outcome;
use super::rows::ByteRows;
use super::spool::{self, Spool};
use super::values::{Used, ValueRange};
use super::{DataSet, Error, Names, Options, Pixels, Request};

/// Corrupt images named in the notes; the rest are only counted.
const NAMED: usize = 3;

pub(crate) struct Collector<'a> {
    request: &'a Request<'a>,
    total: Option<u64>,
    /// Images that are there at least.
    images: u64,
    spool: Spool,
    names: Names,
    first: Option<First>,
    skipped: Vec<String>,
    counts: Counts,
}

/// The image that sets the shape of all.
struct First {
    name: String,
    width: usize,
    height: usize,
    channels: usize,
}

#[derive(Default)]
struct Counts {
    grey: usize,
    alpha: usize,
    sixteen_bit: usize,
    cmyk: usize,
    skipped: u64,
    turned: usize,
    enlarged: usize,
    /// The values of 8-bit images and of 16-bit images.
    used: [Option<Used>; 2],
}

impl<'a> Collector<'a> {
    pub(crate) fn new(request: &'a Request<'a>, total: Option<u64>, images: u64) -> Result<Self, Error> {
        Ok(Self {
            request,
            total,
            images,
            spool: Spool::new()?,
            names: Names::default(),
            first: None,
            skipped: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// Takes the next image.
    ///
    /// # Errors
    /// Its own; [`Error::MixedSizes`]; [`Error::Spool`].
    pub(crate) fn push(&mut self, outcome: Outcome) -> Result<(), Error> {
        if let Some((used, all)) = outcome.used {
            let seen = &mut self.counts.used[usize::from(all == ValueRange::WORDS)];
            *seen = Some(seen.map_or(used, |seen| seen.and(used)));
        }
        match outcome.picture {
            Ok(picture) => self.keep(outcome.name, &picture)?,
            Err(Error::Image { .. }) if self.request.options.skip_corrupt => {
                self.counts.skipped += 1;
                if self.skipped.len() < NAMED {
                    self.skipped.push(outcome.name);
                }
            }
            Err(error) => return Err(error),
        }
        let done = self.names.len() as u64 + self.counts.skipped;
        if done.is_multiple_of(64) {
            (self.request.progress)(done, self.total);
        }
        Ok(())
    }

    fn keep(&mut self, name: String, picture: &Picture) -> Result<(), Error> {
        let &Picture { width, height, channels, ref pixels, changes } = picture;
        self.names.push(&name);
        if self.first.is_none() && !self.request.options.skip_corrupt {
            spool::check_room(self.images.saturating_mul(pixels.len() as u64))?;
        }
        let first = self.first.get_or_insert(First { name: name.clone(), width, height, channels });
        if (first.width, first.height) != (width, height) {
            return Err(Error::MixedSizes {
                first: std::mem::take(&mut first.name),
                first_size: (first.width, first.height),
                second: name,
                second_size: (width, height),
            });
        }
        if channels > first.channels {
            first.channels = channels;
            let grey = std::mem::replace(&mut self.spool, Spool::new()?);
            self.spool = grey.grey_to_colour(self.names.len() - 1, width * height)?;
        }
        for _ in 0..first.channels / channels {
            self.spool.write(pixels)?;
        }
        self.counts.grey += usize::from(channels == 1);
        self.counts.alpha += usize::from(changes.alpha);
        self.counts.sixteen_bit += usize::from(changes.sixteen_bit);
        self.counts.cmyk += usize::from(changes.cmyk);
        self.counts.turned += usize::from(changes.turned);
        self.counts.enlarged += usize::from(changes.enlarged);
        Ok(())
    }

    /// The data set of all images taken.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Spool`].
    pub(crate) fn finish(mut self, mut leftovers: Leftovers) -> Result<DataSet, Error> {
        let (decoded, skipped) = (self.names.len(), self.counts.skipped);
        let Some(First { width, height, channels, .. }) = self.first else {
            let path = self.request.path.into();
            let others = leftovers.others + leftovers.links.len() as u64 + leftovers.loops;
            return Err(Error::Empty { path, others, unread: leftovers.unread, skipped });
        };
        let (shape, dim) = (vec![channels, height, width], channels * height * width);
        for (name, row) in leftovers.follow(&self.names) {
            self.spool.repeat(row, dim)?;
            self.names.push(&name);
        }
        let count = self.names.len();
        (self.request.progress)(count as u64 + skipped, Some(count as u64 + skipped));
        let left_out = leftovers.describe();
        let mut notes = leftovers.notes;
        notes.extend(self.counts.notes(decoded, channels, &self.skipped, self.request.options));
        notes.extend(left_out);
        let (file, hash) = self.spool.finish()?;
        let mut rows = ByteRows::new(dim);
        rows.push(file, count, 0, dim);
        let digest = OnceLock::from(spool::digest(hash, "u8", count, &shape));
        Ok(DataSet {
            rows: Pixels::Bytes(rows),
            shape,
            planes: true,
            names: self.names,
            notes,
            skipped,
            digest,
        })
    }
}

impl Counts {
    fn notes(&self, count: usize, channels: usize, skipped: &[String], options: &Options) -> Vec<String> {
        let grey = if channels == 3 { self.grey } else { 0 };
        let turned = if options.exif {
            "are turned or mirrored as their EXIF orientation says"
        } else {
            "have an EXIF orientation, which is not applied: --exif applies it"
        };
        let sixteen_bit = match options.value_range {
            None => "have 16-bit samples, reduced to the nearest of 256 values",
            Some(_) => "have 16-bit samples, of which the value range is reduced to 256 values",
        };
        let mut notes: Vec<String> = [
            (self.alpha, "have an alpha channel, which is dropped"),
            (self.sixteen_bit, sixteen_bit),
            (self.cmyk, "are CMYK, converted to RGB"),
            (grey, "are grey, expanded to colour by equal channels"),
            (self.turned, turned),
            (self.enlarged, "are smaller than the size asked for and enlarged"),
        ]
        .into_iter()
        .filter(|&(n, _)| n > 0)
        .map(|(n, what)| format!("{n} of {count} images {what}"))
        .collect();
        if options.value_range.is_none() {
            let all = [ValueRange::BYTES, ValueRange::WORDS];
            notes.extend(self.used.iter().zip(all).filter_map(|(used, all)| used.as_ref()?.note(all)));
        }
        if self.skipped > 0 {
            let more = if self.skipped > NAMED as u64 { ", …" } else { "" };
            let named: Vec<_> = skipped.iter().map(|name| crate::escape::one_line(name)).collect();
            notes.push(format!("{} corrupt images skipped: {}{more}", self.skipped, named.join(", ")));
        }
        notes
    }
}
