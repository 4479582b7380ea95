//! How far a search has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// A part of the work that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Distances from the centre; counted in rows.
    Radii,
    /// Projections on the directions of the low-rank bound; counted in rows.
    Projections,
    /// Low-rank bounds; counted in blocks of pairs.
    Bounds,
    /// Evaluation by blocks; counted in blocks of pairs.
    Blocks,
}

/// A report of progress: `done` of `total` units of `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Units finished, at most `total`.
    pub done: u64,
    /// Units in this stage; later certificates may make some superfluous.
    pub total: u64,
}

/// Counts finished units of one stage across threads and reports them.
pub(crate) struct Counter<'a> {
    stage: Stage,
    done: AtomicU64,
    total: u64,
    report: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Counter<'a> {
    pub(crate) fn new(stage: Stage, total: u64, report: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self { stage, done: AtomicU64::new(0), total, report }
    }

    pub(crate) fn add(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        (self.report)(Progress { stage: self.stage, done, total: self.total });
    }
}
