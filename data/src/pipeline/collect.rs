//! Decoded images in order: shapes compared, values kept, changes counted.

use std::sync::OnceLock;

use super::item::{Decoded, Outcome};
use super::leftovers::Leftovers;
use crate::element::Element;
use crate::error::{Error, Kind};
use crate::names::Names;
use crate::numbers::Numbers;
use crate::options::{Options, Request};
use crate::picture::{Changes, Picture};
use crate::set::DataSet;
use crate::share::{Place, Places};
use crate::spool::{self, Spool};
use crate::values::{Used, ValueRange};
use crate::writer;

/// Corrupt images named in the notes; the rest are only counted.
const NAMED: usize = 3;

/// The ranges of 8-bit and of 16-bit images.
const WHOLE: [ValueRange; 2] = [ValueRange::BYTES, ValueRange::WORDS];

pub(crate) struct Collector<'a> {
    request: &'a Request<'a>,
    total: Option<u64>,
    /// Items that came so far.
    done: u64,
    /// Images that are there at least.
    images: u64,
    spool: Spool,
    names: Names,
    /// Classes of the rows, as long as the source names them.
    classes: Vec<u32>,
    first: Option<First>,
    skipped: Vec<String>,
    counts: Counts,
    /// Where the rows kept stand in the whole, if a share of that is read.
    places: Option<Places>,
}

/// The item that sets the shape of all.
struct First {
    name: String,
    shape: Shape,
}

/// What all items must be.
enum Shape {
    /// Bytes; a later image of three channels makes them of all.
    Image { channels: usize, height: usize, width: usize },
    /// An array, or an image in its own units.
    Numbers { element: Element, shape: Vec<usize>, planes: bool },
}

impl Shape {
    fn of(decoded: &Decoded) -> Self {
        match decoded {
            &Decoded::Picture(Picture { channels, height, width, .. }) => {
                Self::Image { channels, height, width }
            }
            Decoded::Numbers(Numbers { element, shape, planes, .. }, _) => {
                Self::Numbers { element: *element, shape: shape.clone(), planes: *planes }
            }
        }
    }

    /// Shape of a row, and its type.
    fn row(&self) -> (Vec<usize>, Element) {
        match self {
            &Self::Image { channels, height, width } => (vec![channels, height, width], Element::U8),
            Self::Numbers { element, shape, .. } => (shape.clone(), *element),
        }
    }

    fn planes(&self) -> bool {
        matches!(self, Self::Image { .. } | Self::Numbers { planes: true, .. })
    }

    /// Type and shape, for people.
    fn kind(&self) -> String {
        let (shape, element) = self.row();
        let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
        format!("{} {}", element.name(), sides.join("×"))
    }
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
            done: 0,
            images,
            spool: Spool::new()?,
            names: Names::default(),
            classes: Vec::new(),
            first: None,
            skipped: Vec::new(),
            counts: Counts::default(),
            places: request.options.share.map(Places::new),
        })
    }

    /// Takes the next image.
    ///
    /// # Errors
    /// Its own; `Kind::Mixed`; `Kind::Room`.
    pub(crate) fn push(&mut self, outcome: Outcome) -> Result<(), Error> {
        if let Some((used, all)) = outcome.used
            && let Some(at) = WHOLE.iter().position(|&whole| whole == all)
        {
            let seen = &mut self.counts.used[at];
            *seen = Some(seen.map_or(used, |seen| seen.and(used)));
        }
        self.done += 1;
        if let Some(places) = &mut self.places {
            places.items += 1;
        }
        match outcome.decoded {
            Ok(None) => {}
            Ok(Some(decoded)) => {
                self.keep(outcome.name, &decoded)?;
                self.classes.extend(outcome.class);
                self.place(outcome.place);
            }
            Err(error) if error.kind() == Kind::Item && self.request.options.skip_corrupt => {
                // What is only in the sample is counted by the share that it is of.
                if outcome.place.is_some_and(|place| !place.own) {
                    return Ok(());
                }
                self.counts.skipped += 1;
                if let (Some(places), Some(place)) = (&mut self.places, outcome.place) {
                    places.skipped.push(place.item);
                }
                if self.skipped.len() < NAMED {
                    self.skipped.push(outcome.name);
                }
            }
            Err(error) => return Err(error),
        }
        if self.done.is_multiple_of(64) {
            (self.request.progress)(self.done, self.total);
        }
        Ok(())
    }

    /// Notes where the row that was kept last stands in the whole.
    fn place(&mut self, place: Option<Place>) {
        if let (Some(places), Some(place)) = (&mut self.places, place) {
            places.rows.push(place);
        }
    }

    fn keep(&mut self, name: String, decoded: &Decoded) -> Result<(), Error> {
        self.names.push(&name);
        if self.first.is_none() && !self.request.options.skip_corrupt {
            let shares = self.request.options.share.map_or(1, |share| u64::from(share.of()));
            spool::check_room((self.images / shares).saturating_mul(decoded.len() as u64))?;
        }
        let own = Shape::of(decoded);
        let first = self.first.get_or_insert_with(|| First { name: name.clone(), shape: Shape::of(decoded) });
        match (&mut first.shape, decoded) {
            (Shape::Image { channels, height, width }, Decoded::Picture(picture)) => {
                if (*width, *height) != (picture.width, picture.height) {
                    return Err(Error::mixed_sizes(
                        (&first.name, [*width, *height]),
                        (&name, [picture.width, picture.height]),
                    ));
                }
                if picture.channels > *channels {
                    *channels = picture.channels;
                    let grey = std::mem::replace(&mut self.spool, Spool::new()?);
                    self.spool = grey.grey_to_colour(self.names.len() - 1, picture.width * picture.height)?;
                }
                for _ in 0..*channels / picture.channels {
                    self.spool.write(&picture.pixels)?;
                }
                self.counts.grey += usize::from(picture.channels == 1);
                self.counts.changed(picture.changes);
            }
            (Shape::Numbers { element, shape, .. }, Decoded::Numbers(numbers, changes))
                if *element == numbers.element && *shape == numbers.shape =>
            {
                self.spool.write(&numbers.values)?;
                self.counts.changed(*changes);
            }
            (shape, _) => return Err(Error::mixed((&first.name, &shape.kind()), (&name, &own.kind()))),
        }
        Ok(())
    }

    /// The data set of all images taken.
    ///
    /// # Errors
    /// `Kind::Empty`; `Kind::Room`.
    pub(crate) fn finish(mut self, mut leftovers: Leftovers) -> Result<DataSet, Error> {
        let (decoded, skipped) = (self.names.len(), self.counts.skipped);
        let Some(First { shape, .. }) = self.first.take() else {
            let others = leftovers.others + leftovers.links.len() as u64 + leftovers.loops;
            let Leftovers { unread, suffixes, .. } = &leftovers;
            return Err(Error::empty(self.request.path, unread, others, skipped, suffixes));
        };
        let (planes, (shape, element)) = (shape.planes(), shape.row());
        let dim: usize = shape.iter().product();
        for (name, row) in leftovers.follow(&self.names) {
            let place = self.places.as_ref().map(|places| places.of_link(row));
            if place.is_some_and(|place| !place.own) {
                continue;
            }
            self.spool.repeat(row, dim * element.width())?;
            self.names.push(&name);
            self.classes.extend(self.classes.get(row).copied());
            self.place(place);
        }
        let count = self.names.len();
        let done = self.done.max(count as u64 + skipped);
        (self.request.progress)(done, Some(done));
        let left_out = leftovers.describe();
        let mut notes = leftovers.notes;
        notes.extend(self.counts.notes(decoded, shape[0], &self.skipped, self.request.options));
        notes.extend(left_out);
        let (file, hash) = self.spool.finish()?;
        let digest = OnceLock::from(spool::digest(hash, element.name(), count, &shape));
        let data = writer::data_set(file, 0, count, element, shape, digest, self.request);
        let classes = Some(self.classes).filter(|classes| classes.len() == count);
        Ok(DataSet { planes, names: self.names, classes, notes, skipped, places: self.places, ..data })
    }
}

impl Counts {
    fn changed(&mut self, changes: Changes) {
        self.alpha += usize::from(changes.alpha);
        self.sixteen_bit += usize::from(changes.sixteen_bit);
        self.cmyk += usize::from(changes.cmyk);
        self.turned += usize::from(changes.turned);
        self.enlarged += usize::from(changes.enlarged);
    }

    fn notes(&self, count: usize, channels: usize, skipped: &[String], options: &Options) -> Vec<String> {
        let grey = if channels == 3 { self.grey } else { 0 };
        let turned = if options.exif {
            "are turned or mirrored as their EXIF orientation says"
        } else {
            "have an EXIF orientation, which is not applied: --exif applies it"
        };
        let sixteen_bit = match options.value_range {
            None if options.full_depth => "have 16-bit samples, kept as numbers from 0 to 65535",
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
        if options.value_range.is_none() && !options.full_depth {
            notes.extend(self.used.iter().zip(WHOLE).filter_map(|(used, all)| used.as_ref()?.note(all)));
        }
        if self.skipped > 0 {
            let more = if self.skipped > NAMED as u64 { ", …" } else { "" };
            let named: Vec<_> = skipped.iter().map(|name| crate::escape::one_line(name)).collect();
            notes.push(format!("{} corrupt images skipped: {}{more}", self.skipped, named.join(", ")));
        }
        notes
    }
}
