//! What the options ask of rows that are there already: a range of values, a crop, a size.

use std::sync::OnceLock;

use crate::error::Error;
use crate::options::{Options, Request};
use crate::picture::{Changes, Picture};
use crate::pipeline::{self, Content};
use crate::rows::{Pixels, Rows};
use crate::set::DataSet;
use crate::values::{Used, ValueRange};

impl DataSet {
    /// The same rows with the range of bytes asked for as 0 to 255; without one, a note where hardly any of it is used.
    ///
    /// # Errors
    /// `Kind::Value`; `Kind::Option`; those of reading the rows.
    pub(crate) fn ranged(mut self, request: &Request) -> Result<Self, Error> {
        let wanted = request.options.value_range;
        let Pixels::Bytes(rows) = &mut self.rows else {
            return if wanted.is_none() { Ok(self) } else { Err(Error::not_bytes(request.path)) };
        };
        let (count, dim) = (rows.len(), rows.dim());
        let together = ((1 << 18) / dim).clamp(1, count);
        let mut buffer = vec![0; together * dim];
        let mut seen: Option<Used> = None;
        for first in (0..count).step_by(together) {
            let part = &mut buffer[..together.min(count - first) * dim];
            rows.read(first, part).map_err(Error::reading(request.path))?;
            let used = Used::of(part).map(|used| seen.map_or(used, |seen| seen.and(used)));
            match wanted {
                // The first rows of most data settle it.
                None if used.is_some_and(|used| !used.is_narrow(ValueRange::BYTES)) => return Ok(self),
                None => {}
                Some(range) => {
                    if let Some(at) = part.iter().position(|&byte| range.byte(byte.into()).is_none()) {
                        let place = format!("row {} of {}", first + at / dim, request.path.display());
                        return Err(Error::outside(&place, part[at].into(), range.ends()));
                    }
                }
            }
            seen = used;
        }
        match wanted {
            None => self.notes.extend(seen.and_then(|used| used.note(ValueRange::BYTES))),
            Some(range) if range != ValueRange::BYTES => {
                rows.translate(std::array::from_fn(|byte| range.byte(byte as u16).unwrap_or_default()));
                self.digest = OnceLock::new();
            }
            Some(_) => {}
        }
        Ok(self)
    }

    /// The same rows, as images `[channels, height, width]`, at the crop and size asked for.
    pub(crate) fn fitted(self, request: &Request) -> Result<Self, Error> {
        if !request.options.fits() {
            return Ok(self);
        }
        let (Pixels::Bytes(rows), &[channels @ (1 | 3), height, width]) = (&self.rows, &self.shape[..])
        else {
            return self.unfitted(request);
        };
        let count = rows.len();
        // The range is applied already.
        let options = Options { value_range: Some(ValueRange::BYTES), ..request.options.clone() };
        let request = &Request { options: &options, ..*request };
        let mut fitted = pipeline::run(request, Some(count as u64), count as u64, |feed| {
            for row in 0..count {
                let mut pixels = vec![0; rows.dim()];
                rows.read(row, &mut pixels).map_err(Error::reading(request.path))?;
                let picture = Picture { channels, height, width, pixels, changes: Changes::default() };
                let name = self.names.get(row).unwrap_or_default();
                if feed.push(name, Content::Decoded(picture)).is_err() {
                    break;
                }
            }
            Ok(Default::default())
        })?;
        fitted.notes.splice(0..0, self.notes);
        // The names of a share's rows alone came through; those of all rows take less memory as they are.
        let names = if fitted.places.is_some() { fitted.names } else { self.names };
        Ok(Self { names, classes: self.classes, ..fitted })
    }

    /// The same rows, where no crop or size is asked for.
    pub(crate) fn unfitted(self, request: &Request) -> Result<Self, Error> {
        if request.options.fits() {
            return Err(Error::not_images(request.path, &self.shape));
        }
        Ok(self)
    }
}
