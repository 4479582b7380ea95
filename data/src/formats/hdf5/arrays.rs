//! Indexes of chunks that are arrays: of a fixed length, and one that grows.

use std::io::{Read, Seek};

use super::source::{Block, Fields, Source};
use crate::error::Error;

/// An element that is set.
pub(super) struct Element {
    /// Its index in the array.
    pub place: u64,
    pub at: u64,
    /// Bytes and mask, of chunks that went through filters.
    pub packed: Option<(u64, u32)>,
}

/// What both heads say of elements.
struct Form {
    filtered: bool,
    /// Bytes of an element.
    width: usize,
    /// Elements of a page, into which long blocks are cut.
    page: u64,
}

impl Form {
    fn elements(
        &self,
        fields: &mut Fields,
        first: u64,
        count: u64,
        found: &mut Vec<Element>,
    ) -> Result<(), Error> {
        for place in first..first + count {
            let at = fields.offset()?;
            let bytes = self.width.saturating_sub(fields.widths.offset + 4).min(8);
            let packed =
                if self.filtered { Some((fields.uint(bytes)?, fields.uint(4)? as u32)) } else { None };
            found.extend(at.map(|at| Element { place, at, packed }));
        }
        Ok(())
    }

    fn pages(&self, count: u64) -> u64 {
        if count > self.page { count.div_ceil(self.page) } else { 0 }
    }

    /// The elements of a block behind its head, with a checksum for all or, in pages, for the head and for each page.
    ///
    /// # Arguments
    /// * `head` — bytes before the elements or the first checksum
    /// * `there` — bits of the pages that were written, and which is that of the first page
    fn block<R: Read + Seek>(
        &self,
        source: &mut Source<R>,
        (at, letters): (u64, &[u8; 4]),
        head: u64,
        (first, count): (u64, u64),
        (there, bit): (&[u8], u64),
        found: &mut Vec<Element>,
    ) -> Result<(), Error> {
        let width = self.width as u64;
        if self.pages(count) == 0 {
            let block = source.signed(at, head.saturating_add(count * width + 4), letters, true)?;
            let mut fields = block.fields();
            fields.take(head as usize)?;
            return self.elements(&mut fields, first, count, found);
        }
        source.signed(at, head + 4, letters, true)?;
        let mut place = at.saturating_add(head + 4);
        for page in 0..self.pages(count) {
            let here = self.page.min(count - page * self.page);
            let length = here * width + 4;
            let bit = bit + page;
            if there.get(bit as usize / 8).is_some_and(|bits| bits & 0x80 >> (bit % 8) != 0) {
                let mut block: Block = source.block(place, length)?;
                block.check()?;
                self.elements(&mut block.fields(), first + page * self.page, here, found)?;
            }
            place = place.saturating_add(length);
        }
        Ok(())
    }
}

fn form(fields: &mut Fields) -> Result<(bool, usize), Error> {
    fields.take(5)?;
    let filtered = fields.one_of(1, "elements of an index", &[0, 1])? == 1;
    let here = *fields;
    let width = usize::from(fields.byte()?);
    let least = fields.widths.offset + if filtered { 5 } else { 0 };
    if width < least || (!filtered && width > least) {
        return Err(here.wrong("bytes of an element", width, least));
    }
    Ok((filtered, width))
}

/// The elements of an array of a fixed length.
pub(super) fn fixed<R: Read + Seek>(source: &mut Source<R>, at: u64) -> Result<Vec<Element>, Error> {
    let widths = source.widths;
    let head = source.signed(at, (12 + widths.length + widths.offset) as u64, b"FAHD", true)?;
    let mut fields = head.fields();
    let (filtered, width) = form(&mut fields)?;
    let here = fields;
    let bits = fields.byte()?;
    let count = fields.length()?;
    if bits > 32 || count.saturating_mul(width as u64) > source.length {
        return Err(here.wrong("elements of an index", count, "as many as there are"));
    }
    let form = Form { filtered, width, page: 1 << bits };
    let mut found = Vec::new();
    let Some(block) = fields.offset()? else { return Ok(found) };
    let before = 6 + widths.offset as u64;
    let bitmap = form.pages(count).div_ceil(8);
    let there = source.block(block.saturating_add(before), bitmap)?.bytes;
    form.block(source, (block, b"FADB"), before + bitmap, (0, count), (&there, 0), &mut found)?;
    Ok(found)
}

/// The elements of an array that grows: some in the first block, then in blocks of doubling length, whose places the
/// first block holds or, further on, blocks of places.
pub(super) fn extensible<R: Read + Seek>(source: &mut Source<R>, at: u64) -> Result<Vec<Element>, Error> {
    let widths = source.widths;
    let offset = widths.offset as u64;
    let head = source.signed(at, (16 + 6 * widths.length + widths.offset) as u64, b"EAHD", true)?;
    let mut fields = head.fields();
    let (filtered, width) = form(&mut fields)?;
    let here = fields;
    let bits = u64::from(fields.byte()?);
    let within = u64::from(fields.byte()?);
    let least = u64::from(fields.byte()?);
    let pointers = u64::from(fields.byte()?);
    let page = fields.byte()?;
    fields.take(4 * widths.length)?;
    let count = fields.length()?;
    fields.length()?;
    if bits > 48
        || page > 32
        || !least.is_power_of_two()
        || !pointers.is_power_of_two()
        || u64::from(least.ilog2()) > bits
    {
        return Err(here.wrong(
            "array of chunks",
            format!("2^{bits} in blocks of {least}"),
            "powers of two to 2^48",
        ));
    }
    let form = Form { filtered, width, page: 1 << page };
    let mut found = Vec::new();
    let Some(first) = fields.offset()? else { return Ok(found) };

    let (direct, levels) = (2 * (pointers - 1), 1 + bits - u64::from(least.ilog2()));
    let in_first = 2 * u64::from(pointers.ilog2());
    let further = levels.saturating_sub(in_first);
    let length = 6 + offset + within * width as u64 + (direct + further) * offset + 4;
    let block = source.signed(first, length, b"EAIB", true)?;
    let mut fields = block.fields();
    fields.take(6 + widths.offset)?;
    form.elements(&mut fields, 0, within, &mut found)?;

    let order = bits.div_ceil(8);
    let mut place = within;
    let mut direct_places = fields;
    fields.take((direct * offset) as usize)?;
    for level in 0..levels {
        if place >= count {
            break;
        }
        let blocks = 1_u64 << (level / 2);
        let length = least << level.div_ceil(2);
        let bitmap = form.pages(length).div_ceil(8);
        let (mut places, there) = if level < in_first {
            // Pages begin further on, but for odd settings.
            (None, vec![0xff; (blocks * bitmap) as usize])
        } else {
            let Some(at) = fields.offset()? else {
                place += blocks * length;
                continue;
            };
            let before = 6 + offset + order;
            let bytes = before + blocks * (bitmap + offset) + 4;
            let block = source.signed(at, bytes, b"EASB", true)?;
            let there = block.bytes[before as usize..][..(blocks * bitmap) as usize].to_vec();
            (Some((block, (before + blocks * bitmap) as usize)), there)
        };
        for number in 0..blocks {
            let at = match &mut places {
                None => direct_places.offset()?,
                Some((block, from)) => {
                    let mut fields = block.fields();
                    fields.take(*from)?;
                    *from += widths.offset;
                    fields.offset()?
                }
            };
            if let Some(at) = at {
                let bits = (&there[..], number * form.pages(length));
                form.block(source, (at, b"EADB"), 6 + offset + order, (place, length), bits, &mut found)?;
            }
            place += length;
        }
    }
    Ok(found)
}
