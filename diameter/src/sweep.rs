//! Double-normal sweeps: from a far row to the row farthest from it, again and again.

use rayon::prelude::*;

use crate::centroid::{Ranked, Square};
use crate::entry::Entry;
use crate::error::Error;
use crate::kept::Kept;
use crate::ranking::rows_per_read;
use crate::rows::{self, Rows};
use crate::search::Search;

/// Rows visited before the distance to beat is renewed.
const STRIDE: usize = 2048;

/// Rows that one sweep visits at most: the later ones are near the centre.
const VISITED: usize = 4_096;

/// Sweeps at most; few sets need more than three to settle.
const SWEEPS: usize = 6;

impl<E: Entry, R: Rows<E>> Search<'_, E, R> {
    /// Raises the largest distance found, starting from the row farthest from the centre.
    pub(crate) fn sweep(&mut self) -> Result<(), Error> {
        let mut started = Vec::with_capacity(SWEEPS);
        let mut from = self.ranked[0];
        while started.len() < SWEEPS {
            started.push(from.row);
            let farthest = self.sweep_from(from)?;
            match farthest {
                Some(next) if !started.contains(&next.row) => from = next,
                _ => break,
            }
        }
        Ok(())
    }

    /// Compares one row with all that may be farther from it than the largest distance found; returns the farthest.
    fn sweep_from(&mut self, from: Ranked<E::Square>) -> Result<Option<Ranked<E::Square>>, Error> {
        let dim = self.rows.dim();
        let mut start = vec![E::default(); dim];
        rows::read(self.rows, from.row as usize, &mut start)?;
        let mut own = Kept::NONE;
        let per_task = rows_per_read::<E>(dim).min(STRIDE / 16);
        let visited = self.ranked.len().min(VISITED);
        for first in (0..visited).step_by(STRIDE) {
            let part = &self.ranked[first..visited.min(first + STRIDE)];
            if E::Square::closer_than(self.floor(), [from.square, part[0].square]) {
                break;
            }
            let kept = part
                .par_chunks(per_task)
                .map_init(
                    || vec![E::default(); dim],
                    |row, part| {
                        let mut kept = Kept::NONE;
                        for other in part.iter().filter(|other| other.row != from.row) {
                            rows::read(self.rows, other.row as usize, row)?;
                            kept.offer(E::squared_distance(&start, row), from.row, other.row);
                        }
                        Ok::<_, Error>(kept)
                    },
                )
                .try_reduce(|| Kept::NONE, |a, b| Ok(a.join(b)))?;
            own = own.join(kept);
            self.kept = self.kept.join(kept);
        }
        let other = own.best.map(|(_, [a, b])| if a == from.row { b } else { a });
        Ok(other.and_then(|row| self.ranked.iter().find(|ranked| ranked.row == row).copied()))
    }
}
