//! The state of a search, and the evaluation of what no certificate discards.

use rayon::prelude::*;

use crate::blocks::by_blocks;
use crate::centroid::{Ranked, Square, Staircase};
use crate::duplicates;
use crate::entry::Entry;
use crate::error::Error;
use crate::found::{Diameter, Method, found};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::ranking::{centre, rank};
use crate::rows::{self, Rows};

/// Pairs that one row may have left for their evaluation to be cheaper than a projection of the row.
const CHEAP_PAIRS_PER_ROW: u64 = 16;

/// Pairs that are cheaper to evaluate than to prepare any bound for.
const CHEAP_PAIRS: u64 = 50_000;

/// Rows in a block of [`Search::evaluate_staircase`], and bytes of such a block that has more than one row.
const STAIR: usize = 64;
const STAIR_BYTES: usize = 1 << 20;

/// Whether the pairs of a staircase are so few that they are evaluated without further ado.
pub(crate) fn is_cheap(stairs: &Staircase) -> bool {
    stairs.pairs <= CHEAP_PAIRS + CHEAP_PAIRS_PER_ROW * stairs.rows() as u64
}

/// Everything a search knows.
pub(crate) struct Search<'a, E: Entry, R> {
    pub(crate) rows: &'a R,
    pub(crate) centre: Vec<E>,
    /// All rows that differ, farthest from the centre first.
    pub(crate) ranked: Vec<Ranked<E::Square>>,
    pub(crate) kept: Kept<E::Square>,
    pub(crate) report: &'a (dyn Fn(Progress) + Sync),
}

impl<'a, E: Entry, R: Rows<E>> Search<'a, E, R> {
    /// A pass over at least two rows, around a centre of its own.
    pub(crate) fn start(rows: &'a R, report: &'a (dyn Fn(Progress) + Sync)) -> Result<Self, Error> {
        rows::check(rows)?;
        Self::around(rows, centre(rows)?, report)
    }

    /// As [`Search::start`], around a centre that is given.
    pub(crate) fn around(
        rows: &'a R,
        centre: Vec<E>,
        report: &'a (dyn Fn(Progress) + Sync),
    ) -> Result<Self, Error> {
        rows::check(rows)?;
        let ranked = duplicates::drop_equal(rows, rank(rows, &centre, report)?)?;
        let mut kept = Kept::NONE;
        if ranked.len() == 1 {
            kept.offer(E::Square::default(), 0, 1); // all are equal
        }
        Ok(Self { rows, centre, ranked, kept, report })
    }

    /// A squared distance that some pair surely attains; 0 before any was evaluated.
    pub(crate) fn floor(&self) -> E::Square {
        self.kept.best.map_or_else(E::Square::default, |(square, _)| E::lower(square, self.rows.dim()))
    }

    /// The pairs that the centroid certificate leaves.
    pub(crate) fn staircase(&self) -> Staircase {
        Staircase::new(&self.ranked, self.floor())
    }

    /// Evaluates every pair of a staircase that is long and thin.
    pub(crate) fn evaluate_staircase(&mut self, stairs: &Staircase) -> Result<(), Error> {
        let dim = self.rows.dim();
        let height = (STAIR_BYTES / (dim * size_of::<E>()).max(1)).clamp(1, STAIR);
        let starts: Vec<usize> = (0..stairs.rows()).step_by(height).collect();
        let kept = starts
            .into_par_iter()
            .map_init(
                || (vec![E::default(); height * dim], vec![E::default(); dim]),
                |(block, row), start| self.evaluate_stair(stairs, start, block, row),
            )
            .try_reduce(|| Kept::NONE, |a, b| Ok(a.join(b)))?;
        self.kept = self.kept.join(kept);
        Ok(())
    }

    /// Compares the rows at positions `start ..` with all earlier rows that reach them.
    fn evaluate_stair(
        &self,
        stairs: &Staircase,
        start: usize,
        block: &mut [E],
        row: &mut [E],
    ) -> Result<Kept<E::Square>, Error> {
        let dim = self.rows.dim();
        let end = (start + block.len() / dim).min(stairs.rows());
        let members = &self.ranked[start..end];
        self.gather(members, block)?;
        let mut kept = Kept::NONE;
        let above = stairs.reach.partition_point(|&reach| reach as usize > start);
        for (i, &reach) in stairs.reach[..above].iter().enumerate() {
            let from = start.max(i + 1);
            let to = end.min(reach as usize);
            if from >= to {
                continue;
            }
            self.gather(&self.ranked[i..=i], row)?;
            for j in from..to {
                let square = E::squared_distance(row, &block[(j - start) * dim..][..dim]);
                kept.offer(square, self.ranked[i].row, self.ranked[j].row);
            }
        }
        Ok(kept)
    }

    /// Evaluates the pairs of a staircase by square blocks, dropping blocks as the largest distance found grows.
    pub(crate) fn evaluate_blocks(&mut self, stairs: &Staircase) -> Result<(), Error> {
        let ranked = &self.ranked[..stairs.rows()];
        let numbers: Vec<u32> = ranked.iter().map(|ranked| ranked.row).collect();
        let dim = self.rows.dim();
        let near = |kept: &Kept<E::Square>, i: usize, j: usize| {
            kept.best.is_some_and(|(square, _)| {
                E::Square::closer_than(E::lower(square, dim), [ranked[i].square, ranked[j].square])
            })
        };
        self.kept = by_blocks(self.rows, &numbers, self.kept, near, self.report)?;
        Ok(())
    }

    /// Evaluates a position with some others.
    pub(crate) fn evaluate_row(
        &self,
        i: u32,
        others: impl IntoIterator<Item = u32>,
        [row, other]: &mut [Vec<E>; 2],
    ) -> Result<Kept<E::Square>, Error> {
        let mut kept = Kept::NONE;
        let i = i as usize;
        self.gather(&self.ranked[i..=i], row)?;
        for j in others {
            let j = j as usize;
            self.gather(&self.ranked[j..=j], other)?;
            kept.offer(E::squared_distance(row, other), self.ranked[i].row, self.ranked[j].row);
        }
        Ok(kept)
    }

    /// Two row buffers.
    pub(crate) fn pair_buffers(&self) -> [Vec<E>; 2] {
        [vec![E::default(); self.rows.dim()], vec![E::default(); self.rows.dim()]]
    }

    /// Reads rows of the ranking, wherever they lie, into the start of `buffer`.
    pub(crate) fn gather(&self, ranked: &[Ranked<E::Square>], buffer: &mut [E]) -> Result<(), Error> {
        for (ranked, row) in ranked.iter().zip(buffer.chunks_exact_mut(self.rows.dim())) {
            rows::read(self.rows, ranked.row as usize, row)?;
        }
        Ok(())
    }

    /// The result, once every pair was evaluated or discarded.
    pub(crate) fn finish(self, method: Method) -> Result<Diameter<E::Squared>, Error> {
        found(self.rows, self.kept, method)
    }
}
