//! Files that are one array each.

use std::io::Cursor;
use std::path::Path;

use crate::error::Error;
use crate::formats::{npy, npz, pickles};
use crate::numbers::Numbers;
use crate::options::Request;

/// Whether bytes begin like an array of one item.
pub(crate) fn is_array(head: &[u8]) -> bool {
    npy::is_header(head) || npz::is_header(head) || pickles::is_header(head)
}

/// What such a file holds.
pub(crate) enum Held {
    Numbers(Numbers),
    /// A pickled file of an image.
    Image(Vec<u8>),
}

/// Decodes `.npy`, the array of an `.npz`, or the array or image of a pickle.
///
/// # Errors
/// `Kind::Item`, with the name.
pub(crate) fn decode(name: &str, bytes: &[u8], request: &Request) -> Result<Held, Error> {
    let request = &Request { path: Path::new(name), ..*request };
    let held = if pickles::is_header(bytes) {
        pickles::item(Cursor::new(bytes), request).and_then(|item| match item {
            pickles::Item::Array(element, shape, stored) => {
                Numbers::new(element, &shape, &stored, request).map(Held::Numbers)
            }
            pickles::Item::Image(image) => Ok(Held::Image(image)),
        })
    } else if npz::is_header(bytes) {
        npz::item(Cursor::new(bytes), request).map(Held::Numbers)
    } else {
        let mut rest = bytes;
        let header = npy::header(&mut rest, request);
        header.and_then(|(layout, _)| Numbers::read(rest, &layout, request)).map(Held::Numbers)
    };
    held.map_err(Error::into_item)
}
