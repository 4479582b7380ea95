//! A process group, in torch.distributed's words: one training by several processes, each with its own device. Where they meet
//! (rendezvous), what they add up (all-reduce), whether all are alive.
//!
//! Every process has the same weights and draws the same random numbers for the whole batch; it computes its own part of the
//! batch, and gradients are added up. The result does not depend on the number of processes, but for rounding.

mod agree;
pub mod place;
mod store;
mod watch;

use std::ffi::{c_char, c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tch::{Device, Kind, Tensor};

pub use place::Place;
use store::{Store, text};
use watch::Watch;

use crate::{Error, torch};

unsafe extern "C" {
    fn ncsn_group_open(
        store: *mut c_void,
        rank: c_int,
        size: c_int,
        address: *const c_char,
        interface: *const c_char,
        cuda: c_int,
        milliseconds: i64,
        output: *mut *mut c_void,
    ) -> c_int;
    fn ncsn_group_close(group: *mut c_void);
    fn ncsn_group_all_reduce_(group: *mut c_void, tensor: torch::Raw) -> c_int;
    fn ncsn_group_barrier(group: *mut c_void) -> c_int;
}

/// Longest wait for others who are alive, as while one of them samples a sheet: [`watch`] finds out who is not.
const WORK: Duration = Duration::from_secs(24 * 3600);
/// Longest wait for others to leave.
const FAREWELL: Duration = Duration::from_secs(10);

/// The processes of a training, of which this is one.
#[derive(Debug)]
pub struct Peers {
    rank: usize,
    size: usize,
    /// None where this process is alone.
    group: Option<Group>,
}

#[derive(Debug)]
struct Group {
    raw: *mut c_void,
    // In the order in which they end.
    watch: Option<Watch>,
    store: Store,
    is_host: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: made by `ncsn_group_open`, and used no more.
        unsafe { ncsn_group_close(self.raw) }
    }
}

impl Peers {
    /// This process alone.
    #[must_use]
    pub fn alone() -> Self {
        Self { rank: 0, size: 1, group: None }
    }

    /// Meets the others, and compares what each is about to do.
    ///
    /// # Arguments
    /// * `device` — this process's
    /// * `about` — configuration and whatever else must be the same for all
    /// * `patience` — how long to wait for others to come
    /// * `lost` — told later, on another thread, when another process gives no sign of life; it should end this one, whose main
    ///   thread may wait for the other for ever
    ///
    /// # Errors
    /// [`Error::Peers`] for one that does not come, comes twice, or is about to do something else, with the first key that
    /// differs; [`Error::Setting`] for a port that is taken.
    pub fn join(
        place: &Place,
        device: Device,
        about: &Value,
        patience: Duration,
        lost: fn(&str),
    ) -> Result<Self, Error> {
        let Place { rank, size, is_host, .. } = *place;
        let store = Store::open(place, is_host, patience)?;
        if store.add(&format!("came/{rank}"), 1)? > 1 {
            return Err(Error::Peers(format!("two processes have RANK {rank}")));
        }
        agree::compare(&store, place, about, patience)?;
        let cuda = if let Device::Cuda(index) = device { index as c_int } else { -1 };
        let is_here = matches!(place.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        let address = text(if is_here { "127.0.0.1" } else { "" })?;
        let interface = text(&std::env::var("GLOO_SOCKET_IFNAME").unwrap_or_default())?;
        let mut raw = ptr::null_mut();
        // SAFETY: the store and the strings live through the call, which fills the pointer.
        torch::check(unsafe {
            ncsn_group_open(
                store.raw(),
                rank as c_int,
                size as c_int,
                address.as_ptr(),
                interface.as_ptr(),
                cuda,
                WORK.as_millis() as i64,
                &mut raw,
            )
        })
        .map_err(gone)?;
        let watch = None;
        let mut group = Group { raw, watch, store, is_host };
        group.watch = Some(Watch::start(place, patience, lost)?);
        Ok(Self { rank, size, group: Some(group) })
    }

    /// This process's number, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of processes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether this is the process that speaks and writes for all.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// This process's part of a number of items: parts are as equal as they can be.
    #[must_use]
    pub fn part(&self, count: usize) -> Range<usize> {
        part(count, self.rank, self.size)
    }

    /// This process's batch of a round, in which each process takes one, in their order.
    #[must_use]
    pub fn batch(&self, round: &Range<u64>, batch: u64) -> Range<u64> {
        let first = (round.start + self.rank as u64 * batch).min(round.end);
        first..(first + batch).min(round.end)
    }

    /// Each tensor becomes the sum of all processes' tensors, of the same bits for all; f32, or f64 where one of them is.
    ///
    /// # Errors
    /// [`Error::Peers`] when another process has ended.
    pub fn all_reduce_(&self, tensors: &[&Tensor]) -> Result<(), Error> {
        let Some(group) = &self.group else { return Ok(()) };
        let flat: Vec<Tensor> =
            torch::attempt(|| tensors.iter().map(|tensor| tensor.detach().flatten(0, -1)).collect())?;
        let is_double = tensors.iter().any(|tensor| tensor.kind() == Kind::Double);
        let all = Tensor::f_cat(&flat, 0)?.f_to_kind(if is_double { Kind::Double } else { Kind::Float })?;
        // SAFETY: the pointers are of a live group and tensor.
        torch::check(unsafe { ncsn_group_all_reduce_(group.raw, torch::raw(&all)) }).map_err(gone)?;
        torch::attempt(|| {
            tch::no_grad(|| {
                let mut first = 0;
                for tensor in tensors {
                    let count = tensor.numel() as i64;
                    let (sum, size) = (all.narrow(0, first, count), tensor.size());
                    tensor.detach().copy_(&sum.view(&size[..]));
                    first += count;
                }
            });
        })
    }

    /// The rows of all processes, of which this one has those from `first` on: f32 or f64, bit for bit but for -0.
    ///
    /// # Arguments
    /// * `own` — `[…, item]`, of the same item for all
    /// * `count` — rows of all
    ///
    /// # Errors
    /// As [`all_reduce_`](Self::all_reduce_).
    pub fn all_gather(&self, own: &Tensor, first: usize, count: usize) -> Result<Tensor, Error> {
        if self.group.is_none() {
            return Ok(own.shallow_clone());
        }
        let shape = [&[count as i64], &own.size()[1..]].concat();
        let all = Tensor::f_zeros(shape, (own.kind(), own.device()))?;
        // Each row is that of one process and 0 in all others.
        all.f_narrow(0, first as i64, own.size()[0])?.f_copy_(own)?;
        self.all_reduce_(&[&all])?;
        Ok(all)
    }

    /// Each tensor becomes that of the first process.
    ///
    /// # Errors
    /// As [`all_reduce_`](Self::all_reduce_).
    pub fn broadcast_(&self, tensors: &[&Tensor]) -> Result<(), Error> {
        if !self.is_first() {
            torch::attempt(|| tensors.iter().for_each(|tensor| drop(tensor.detach().zero_())))?;
        }
        self.all_reduce_(tensors)
    }

    /// Whether the tensors have the same bits as the first process's, as far as a checksum tells.
    ///
    /// # Errors
    /// As [`all_reduce_`](Self::all_reduce_).
    pub fn are_same(&self, tensors: &[&Tensor]) -> Result<bool, Error> {
        if self.group.is_none() {
            return Ok(true);
        }
        let sum =
            torch::attempt(|| tensors.iter().map(|tensor| checksum(tensor)).fold(0, i64::wrapping_add))?;
        // In parts that f32 holds exactly.
        let own: Vec<f32> = (0..4).map(|part| (sum >> (16 * part) & 0xffff) as f32).collect();
        let shared = Tensor::f_from_slice(&own)?.f_to_device(tensors[0].device())?;
        self.broadcast_(&[&shared])?;
        Ok(torch::to_vec(&shared) == own)
    }

    /// The sum of all processes' numbers.
    ///
    /// # Errors
    /// As [`all_reduce_`](Self::all_reduce_).
    pub fn all_reduce(&self, number: f64, device: Device) -> Result<f64, Error> {
        if self.group.is_none() {
            return Ok(number);
        }
        let tensor = Tensor::f_from_slice(&[number])?.f_to_device(device)?;
        self.all_reduce_(&[&tensor])?;
        Ok(tensor.double_value(&[0]))
    }

    /// Waits for all, and parts from them.
    ///
    /// # Errors
    /// As [`all_reduce_`](Self::all_reduce_).
    pub fn leave(mut self) -> Result<(), Error> {
        let Some(mut group) = self.group.take() else { return Ok(()) };
        // SAFETY: the pointer is of a live group.
        torch::check(unsafe { ncsn_group_barrier(group.raw) }).map_err(gone)?;
        drop(group.watch.take());
        let mut left = group.store.add("left", 1).unwrap_or_default();
        // Others would see the host's end as a loss.
        let since = Instant::now();
        while group.is_host && left < self.size as i64 && since.elapsed() < FAREWELL {
            std::thread::sleep(Duration::from_millis(10));
            left = group.store.add("left", 0)?;
        }
        Ok(())
    }
}

/// Sum of the values of a tensor of f32, each as an integer of 32 bits.
fn checksum(tensor: &Tensor) -> i64 {
    tensor.detach().view_dtype(Kind::Int).sum(Kind::Int64).int64_value(&[])
}

/// A number of items in parts, as equal as they can be.
pub fn parts(count: usize, of: usize) -> impl Iterator<Item = Range<usize>> {
    (0..of).map(move |number| part(count, number, of))
}

/// The part of a number of items that one of several takes; the first ones have one more where they cannot be equal.
fn part(count: usize, rank: usize, size: usize) -> Range<usize> {
    let (each, rest) = (count / size, count % size);
    let first = |number: usize| number * each + number.min(rest);
    first(rank)..first(rank + 1)
}

/// An error of Gloo or NCCL: they fail where another process does.
fn gone(error: Error) -> Error {
    match error {
        Error::Torch { message } => Error::Peers(format!("another process has ended ({message})")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_is_seen() {
        let a = Tensor::from_slice(&[1.0_f32, -2.5, 0.0]);
        let b = Tensor::from_slice(&[1.0_f32, -2.5, f32::from_bits(1)]);
        assert_eq!(checksum(&a), checksum(&a.copy()));
        assert_ne!(checksum(&a), checksum(&b));
    }

    #[test]
    fn parts_are_all_items_once_and_as_equal_as_can_be() {
        for (count, size) in [(128, 8), (7, 3), (5, 5), (1000, 7), (2, 3)] {
            let parts: Vec<Range<usize>> = (0..size).map(|rank| part(count, rank, size)).collect();
            assert_eq!(parts.iter().cloned().flatten().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            let lengths = || parts.iter().map(Range::len);
            assert!(lengths().max() <= lengths().min().map(|least| least + 1), "{parts:?}");
            assert!(!parts[0].is_empty(), "the first process has something to show");
        }
    }
}
