//! Which items each step is trained on, and their reading ahead of the device.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Items, Stored};
use crate::Error;

/// Batches read ahead of the device.
const AHEAD: usize = 4;
/// Stream of the generator that chooses held-out items; the epochs use the streams from 0 on.
pub(super) const HELD_OUT_STREAM: u64 = u64::MAX;

/// Which items make up the batch of each step: epoch after epoch, each in its own random order.
#[derive(Debug)]
pub struct Order {
    items: usize,
    batch: usize,
    seed: u64,
    epochs: Vec<(u64, Vec<u32>)>,
}

impl Order {
    /// For `items` items; batches span the ends of epochs.
    #[must_use]
    pub fn new(items: usize, batch: usize, seed: u64) -> Self {
        Self { items, batch, seed, epochs: Vec::new() }
    }

    /// Numbers of the items of a step: a function of the seed and the step alone.
    pub fn batch(&mut self, step: u64) -> Vec<usize> {
        let first = u128::from(step) * self.batch as u128;
        let items = self.items as u128;
        (0..self.batch as u128)
            .map(|offset| {
                let position = first + offset;
                self.epoch((position / items) as u64)[(position % items) as usize] as usize
            })
            .collect()
    }

    fn epoch(&mut self, epoch: u64) -> &[u32] {
        if let Some(at) = self.epochs.iter().position(|&(known, _)| known == epoch) {
            return &self.epochs[at].1;
        }
        // A batch rarely spans more than two epochs.
        if self.epochs.len() == 2 {
            self.epochs.remove(0);
        }
        self.epochs.push((epoch, permutation(self.items, self.seed, epoch)));
        &self.epochs[self.epochs.len() - 1].1
    }
}

/// A random order of 0 … count − 1.
pub(super) fn permutation(count: usize, seed: u64, stream: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut rng);
    order
}

/// Reads the batches of the steps from `first` on in a thread of its own, a few ahead of the device.
///
/// The thread ends with the receiver.
#[must_use]
pub fn ahead(
    items: &Items,
    batch: usize,
    part: Range<usize>,
    seed: u64,
    first: u64,
) -> Receiver<Result<(Vec<usize>, Stored), Error>> {
    let (sender, receiver) = sync_channel(AHEAD);
    let items = items.clone();
    thread::spawn(move || {
        let mut order = Order::new(items.len(), batch, seed);
        for step in first.. {
            let numbers = order.batch(step)[part.clone()].to_vec();
            let stored = items.read(&numbers);
            if sender.send(stored.map(|stored| (numbers, stored))).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_item_once() {
        let mut order = Order::new(10, 4, 7);
        let mut seen: Vec<usize> = (0..5).flat_map(|step| order.batch(step)).collect();
        let again: Vec<usize> = Order::new(10, 4, 7).batch(3);
        assert_eq!(again, seen[12..16]);
        seen[..10].sort_unstable();
        seen[10..].sort_unstable();
        assert_eq!(seen[..10], seen[10..]);
        assert_eq!(seen[..10], (0..10).collect::<Vec<_>>());
    }
}
