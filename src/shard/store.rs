//! The rows of all shares' files as one store.

use std::io;

use ncsn_diameter::centroid::Square as Squared;
use ncsn_diameter::{Entry, Rows};
use ncsn_theory::interval::Interval;

use super::format::Square;

/// Entries that are written to files of shares.
pub(super) trait Stored: Entry + PartialEq {
    /// Name of the type.
    const NAME: &'static str;

    /// Little-endian bytes of entries.
    fn bytes(entries: &[Self]) -> Vec<u8>;

    /// A squared distance as a file states it.
    fn stated(square: Self::Square) -> Square;

    /// The squared distance that a file states, if it is one of such entries.
    fn square(stated: Square) -> Option<Self::Square>;

    /// The largest squared distance in integers, for bytes; and an enclosure of its root, in units of the entries.
    fn report(squared: Self::Squared) -> (Option<u64>, Interval);

    /// So many times a squared distance.
    fn times(square: Self::Square, copies: usize) -> Self::Square;
}

impl Stored for u8 {
    const NAME: &'static str = "u8";

    fn bytes(entries: &[Self]) -> Vec<u8> {
        entries.to_vec()
    }

    fn stated(square: u64) -> Square {
        Square::Integer(square)
    }

    fn square(stated: Square) -> Option<u64> {
        match stated {
            Square::Integer(square) => Some(square),
            Square::Real(_) => None,
        }
    }

    fn report(squared: u64) -> (Option<u64>, Interval) {
        (Some(squared), Interval::integer(squared).sqrt())
    }

    fn times(square: u64, copies: usize) -> u64 {
        square.saturating_mul(copies as u64)
    }
}

macro_rules! stored_float {
    ($float:ty, $name:literal) => {
        impl Stored for $float {
            const NAME: &'static str = $name;

            fn bytes(entries: &[Self]) -> Vec<u8> {
                entries.iter().flat_map(|entry| entry.to_le_bytes()).collect()
            }

            fn stated(square: f64) -> Square {
                Square::Real(square)
            }

            fn square(stated: Square) -> Option<f64> {
                Some(match stated {
                    Square::Integer(square) => Squared::below(square),
                    Square::Real(square) => square,
                })
            }

            fn report(squared: Interval) -> (Option<u64>, Interval) {
                (None, squared.sqrt())
            }

            fn times(square: f64, copies: usize) -> f64 {
                (Interval::point(square) * copies as f64).hi()
            }
        }
    };
}
stored_float!(f32, "f32");
stored_float!(f64, "f64");

/// The rows of several stores, in an order of their own.
pub(super) struct Union<'a, R> {
    /// Stores, and how often each row is repeated: three times for grey images among colour ones.
    pub parts: Vec<(Option<&'a R>, usize)>,
    /// Store and row in it.
    pub order: Vec<(u32, u32)>,
    /// Entries of a row, repeated.
    pub dim: usize,
}

impl<T: Copy + Sync, R: Rows<T>> Rows<T> for Union<'_, R> {
    fn len(&self) -> usize {
        self.order.len()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, first: usize, buffer: &mut [T]) -> io::Result<()> {
        for (&(part, number), row) in self.order[first..].iter().zip(buffer.chunks_exact_mut(self.dim)) {
            let (rows, copies) = self.parts[part as usize];
            let rows = rows.ok_or(io::ErrorKind::UnexpectedEof)?;
            let plane = self.dim / copies;
            rows.read(number as usize, &mut row[..plane])?;
            (1..copies).for_each(|copy| row.copy_within(..plane, copy * plane));
        }
        Ok(())
    }
}
