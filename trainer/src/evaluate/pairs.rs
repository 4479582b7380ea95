//! Distances of all pairs of two sets of vectors, a block of rows at a time.
//!
//! Products in single precision say of nearly every pair whether it is nearer than a limit; of those that they cannot
//! decide the distance is computed anew from the differences. So what is found depends neither on cancellation nor on
//! block, threads or device.

use std::borrow::Cow;
use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::{Error, torch};

/// Entries of a block, of which three are held at once: 32 MiB each.
const BLOCK: usize = 1 << 23;
/// Vectors taken to double precision together.
const TOGETHER: i64 = 1024;
/// Part of the slack for what may have underflowed: 16·8192·2⁻¹²⁶ at most, as entries are at most 1 in size.
const LEAST: f64 = 1e-24;

/// Vectors whose distances are compared.
#[derive(Debug)]
pub struct Vectors<'a> {
    values: Cow<'a, [f32]>,
    tensor: &'a Tensor,
    dim: usize,
}

impl<'a> Vectors<'a> {
    /// Rows of `[count, dim]`, in single precision.
    #[must_use]
    pub fn new(tensor: &'a Tensor) -> Self {
        Self { values: torch::floats(tensor), tensor, dim: tensor.size()[1] as usize }
    }

    /// Number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensor.size()[0] as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Squared distance of one of these vectors and another.
    ///
    /// # Accuracy
    /// Relative error at most (dim + 2)·2⁻⁵³; the same bits for the same two vectors, in either order.
    #[must_use]
    pub fn square(&self, own: usize, other: &Vectors, number: usize) -> f64 {
        const LANES: usize = 8;
        let [a, b] = [self.row(own), other.row(number)];
        let mut sums = [0.0; LANES];
        for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                let difference = f64::from(a) - f64::from(b);
                *sum += difference * difference;
            }
        }
        sums.iter().sum()
    }

    fn row(&self, number: usize) -> &[f32] {
        &self.values[number * self.dim..][..self.dim]
    }
}

/// All pairs of two sets.
///
/// # Formula
/// With y = (x − m)/s in single precision, m the mean of the columns, s a power of 2 above all |x − m|,
/// ```text
/// low = ‖y_a‖² + ‖y_b‖² − 2 y_a·y_b − slack,   high = the same + slack,
/// slack = c (‖y_a‖² + ‖y_b‖²) + 10⁻²⁴,   c = 2 (dim + 16) 2⁻²⁴
/// ```
/// Products are off by at most dim·2⁻²⁴ ‖y_a‖ ‖y_b‖ in whatever order they are summed (Higham 2002, "Accuracy and Stability
/// of Numerical Algorithms", 3.5), twice that by 2 y_a·y_b, and ‖y_a‖ ‖y_b‖ is at most half of the sum; rounding of y, of the
/// squares and of their sum takes less than 16. So c is twice what is needed, and low ≤ d²/s² ≤ high.
#[derive(Debug)]
pub struct Pairs<'a> {
    rows: &'a Vectors<'a>,
    columns: &'a Vectors<'a>,
    mean: Tensor,
    scale: f64,
    /// y of the columns, and their squares.
    y: Tensor,
    squares: Tensor,
    c: f64,
}

/// Bounds of some rows' squared distances from all columns.
#[derive(Debug)]
pub struct Block {
    /// At most the distance, `[rows, columns]`.
    pub low: Tensor,
    /// What is to be added for at least the distance; rows `[rows, 1]` and columns `[columns]`.
    slack: [Tensor; 2],
}

impl<'a> Pairs<'a> {
    /// Each row with each column.
    ///
    /// # Errors
    /// Those of torch.
    pub fn new(rows: &'a Vectors, columns: &'a Vectors) -> Result<Self, Error> {
        torch::attempt(|| {
            let sum = |part: Tensor| part.sum_dim_intlist([0].as_slice(), false, Kind::Double);
            let sums = columns.tensor.split(TOGETHER, 0).into_iter().map(sum);
            let mean: Tensor = sums.sum::<Tensor>() / columns.len() as f64;
            let largest = [rows, columns].map(|side| {
                let extent = |part: Tensor| (part.to_kind(Kind::Double) - &mean).abs();
                let [least, most] = [side.tensor.amin([0], false), side.tensor.amax([0], false)];
                extent(least).maximum(&extent(most)).max().double_value(&[])
            });
            // Of points that are all the mean any scale will do.
            let largest = largest[0].max(largest[1]).max(f64::MIN_POSITIVE);
            let scale = largest.log2().floor().exp2() * 2.0;
            let c = 2.0 * (columns.dim as f64 + 16.0) * f64::powi(2.0, -24);
            let nothing = || Tensor::zeros([0], (Kind::Float, Device::Cpu));
            let mut pairs = Self { rows, columns, mean, scale, y: nothing(), squares: nothing(), c };
            (pairs.y, pairs.squares) = pairs.scaled(columns.tensor);
            pairs
        })
    }

    /// Ranges of rows to be taken together.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, at_once) = (self.rows.len(), (BLOCK / self.columns.len().max(1)).clamp(1, 4096));
        (0..rows).step_by(at_once).map(move |first| first..(first + at_once).min(rows))
    }

    /// Bounds of the distances of some rows.
    #[must_use]
    pub fn block(&self, rows: &Range<usize>) -> Block {
        let part = self.rows.tensor.narrow(0, rows.start as i64, rows.len() as i64);
        let (y, squares) = self.scaled(&part);
        let squares = squares.unsqueeze(1);
        // The factor 2 of the product is exact.
        let base: Tensor = &self.squares * (1.0 - self.c) - LEAST;
        let mut low = base.unsqueeze(0).addmm(&(y * -2.0), &self.y.tr());
        low += &squares * (1.0 - self.c);
        let slack = [squares, self.squares.shallow_clone()].map(|squares| squares * (2.0 * self.c) + LEAST);
        Block { low, slack }
    }

    /// Squared distance of a row and a column.
    #[must_use]
    pub fn square(&self, row: usize, column: usize) -> f64 {
        self.rows.square(row, self.columns, column)
    }

    /// Squares as bounds are to be compared with, on their device.
    pub fn limits(&self, squares: &[f64]) -> Tensor {
        let scaled: Vec<f64> = squares.iter().map(|square| square / self.scale / self.scale).collect();
        Tensor::from_slice(&scaled).to_device(self.y.device()).to_kind(Kind::Float)
    }

    /// y = (x − m)/s, and ‖y‖².
    fn scaled(&self, x: &Tensor) -> (Tensor, Tensor) {
        let y = x.empty_like();
        let squares = Tensor::empty([x.size()[0]], (Kind::Float, x.device()));
        for first in (0..x.size()[0]).step_by(TOGETHER as usize) {
            let count = TOGETHER.min(x.size()[0] - first);
            let part = (x.narrow(0, first, count).to_kind(Kind::Double) - &self.mean) / self.scale;
            let square = (&part * &part).sum_dim_intlist([1].as_slice(), false, Kind::Double);
            y.narrow(0, first, count).copy_(&part);
            squares.narrow(0, first, count).copy_(&square);
        }
        (y, squares)
    }
}

impl Block {
    /// Where the distance is certainly below a limit, and where that cannot be told: pairs of a row of the block and a column.
    ///
    /// # Arguments
    /// * `limit` — of [`Pairs::limits`], `[rows, 1]` or `[columns]`
    pub fn below(&self, high: &Tensor, limit: &Tensor) -> (Tensor, Vec<[usize; 2]>) {
        let certain = high.le_tensor(limit);
        let open = self.low.le_tensor(limit).logical_xor(&certain);
        (certain, numbers(&open))
    }

    /// At least the distance.
    pub fn high(&self) -> Tensor {
        let mut high = &self.low + &self.slack[0];
        high += &self.slack[1];
        high
    }
}

/// Places where a matrix is true, row by row.
#[must_use]
pub fn numbers(mask: &Tensor) -> Vec<[usize; 2]> {
    let places: Vec<i64> = torch::values(&mask.nonzero());
    places.chunks_exact(2).map(|place| [place[0] as usize, place[1] as usize]).collect()
}
