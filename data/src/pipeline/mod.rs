//! Images through decoders on all cores and back into order.

mod arrays;
mod chooser;
mod collect;
mod item;
mod leftovers;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rayon::prelude::*;

use collect::Collector;
use item::{Decoded, Item, Outcome, decode};

use crate::error::Error;
use crate::options::Request;
use crate::set::DataSet;
use crate::share::{Place, Share};

pub(crate) use chooser::Chooser;
pub(crate) use item::Content;
pub(crate) use leftovers::Leftovers;

/// Encoded bytes that travel together, where they are images for all threads.
const BATCH_BYTES: usize = 1 << 20;
/// Images that travel together.
const BATCH_ITEMS: usize = 1024;
/// Decoded bytes in flight between decoders and writer, twice over.
const DECODED_BYTES: usize = 4 << 20;

/// Where a source puts its images.
pub(crate) struct Feed {
    batch: Vec<Item>,
    bytes: usize,
    /// The share wanted, if not all.
    share: Option<Share>,
    /// Items that came so far.
    items: u64,
    to: SyncSender<Vec<Item>>,
}

/// The receiving side has stopped, its own error says why: the source should return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped;

impl Feed {
    /// Whether the next image is of the share wanted, or of the sample.
    pub(crate) fn is_wanted(&self) -> bool {
        self.share.is_none_or(|share| share.place(self.items).is_wanted())
    }

    /// Counts an image that is not wanted.
    pub(crate) fn pass(&mut self, name: String) -> Result<(), Stopped> {
        self.push(name, Content::Elsewhere)
    }

    /// Hands over one image.
    pub(crate) fn push(&mut self, name: String, content: Content) -> Result<(), Stopped> {
        self.push_of_class(name, content, None)
    }

    /// Hands over one image of which the source may name the class.
    pub(crate) fn push_of_class(
        &mut self,
        name: String,
        content: Content,
        class: Option<u32>,
    ) -> Result<(), Stopped> {
        let place = self.share.map(|share| share.place(self.items));
        self.items += 1;
        let content = if place.is_none_or(Place::is_wanted) { content } else { Content::Elsewhere };
        self.bytes += content.len();
        self.batch.push(Item { name, content, class, place });
        let full = self.bytes >= BATCH_BYTES && self.batch.len() >= rayon::current_num_threads();
        if full || self.batch.len() >= BATCH_ITEMS {
            self.bytes = 0;
            self.to.send(std::mem::take(&mut self.batch)).map_err(|_| Stopped)?;
        }
        Ok(())
    }
}

/// Runs `source` on its own thread, decodes on all cores and collects in order on a third.
///
/// Memory is bounded by a few batches, whatever the number of images: for large ones, a few per thread.
///
/// # Arguments
/// * `total` — files to go through, where that is known
/// * `images` — images that are there at least, for which there must be room
pub(crate) fn run(
    request: &Request,
    total: Option<u64>,
    images: u64,
    source: impl FnOnce(&mut Feed) -> Result<Leftovers, Error> + Send,
) -> Result<DataSet, Error> {
    let (to_decoders, encoded) = sync_channel(1);
    let (to_collector, decoded) = sync_channel(1);
    let mut collector = Collector::new(request, total, images)?;
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let share = request.options.share;
            let mut feed = Feed { batch: Vec::new(), bytes: 0, share, items: 0, to: to_decoders };
            let leftovers = source(&mut feed)?;
            // A receiver that has gone has an error of its own, which comes first.
            let _ = feed.to.send(feed.batch);
            Ok(leftovers)
        });
        let collecting = scope.spawn(move || {
            decoded.into_iter().flatten().try_for_each(|outcome| collector.push(outcome))?;
            Ok(collector)
        });
        decode_batches(request, encoded, to_collector);
        let collected: Result<Collector, Error> = join(collecting);
        let read: Result<Leftovers, Error> = join(reading);
        collected?.finish(read?)
    })
}

fn decode_batches(request: &Request, encoded: Receiver<Vec<Item>>, to: SyncSender<Vec<Outcome>>) {
    let mut largest = 1;
    for batch in encoded {
        let mut items = batch.into_iter().peekable();
        while items.peek().is_some() {
            let together = (DECODED_BYTES / largest).max(rayon::current_num_threads());
            let part: Vec<Item> = items.by_ref().take(together).collect();
            let outcomes: Vec<Outcome> = part.into_par_iter().map(|item| decode(item, request)).collect();
            let sizes = outcomes
                .iter()
                .filter_map(|outcome| outcome.decoded.as_ref().ok()?.as_ref().map(Decoded::len));
            largest = sizes.max().unwrap_or(0).max(largest);
            if to.send(outcomes).is_err() {
                return;
            }
        }
    }
}

/// Result of a scoped thread; its panic goes on in this one.
fn join<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
