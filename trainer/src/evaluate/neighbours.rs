//! The data nearest to each sample, by which memorised images are found.

use std::collections::HashSet;

use tch::{Kind, Tensor};

use crate::torch;

/// Candidates beyond those asked for: products in single precision may swap neighbours of nearly the same distance.
const SPARE: usize = 8;

/// One neighbour of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Number of the item.
    pub item: usize,
    /// Whether it is the item's mirror image.
    pub mirrored: bool,
    /// Euclidean distance of the features.
    pub distance: f64,
}

/// The nearest items so far, for each of several samples.
#[derive(Debug)]
pub struct Nearest {
    samples: Tensor,
    count: usize,
    found: Vec<Vec<Neighbour>>,
}

impl Nearest {
    /// Of samples `[count, dim]`, each with its `count` nearest items.
    #[must_use]
    pub fn new(samples: Tensor, count: usize) -> Self {
        let found = vec![Vec::new(); samples.size()[0] as usize];
        Self { samples, count, found }
    }

    /// Takes in items `[count, dim]`, the first of which has number `first`.
    ///
    /// # Accuracy
    /// Distances by ‖s‖² + ‖x‖² − 2 s·x in single precision choose candidates, eight more than needed; those of the
    /// candidates are computed anew as ‖s − x‖ in double precision, and order them.
    pub fn add(&mut self, items: &Tensor, first: usize, mirrored: bool) {
        let squares = |x: &Tensor| (x * x).sum_dim_intlist([1].as_slice(), false, Kind::Float);
        let products = self.samples.matmul(&items.tr());
        let rough = squares(&self.samples).unsqueeze(1) + squares(items).unsqueeze(0) - products * 2.0;
        let kept = (self.count + SPARE).min(items.size()[0] as usize);
        let (_, nearest) = rough.topk(kept as i64, 1, false, false);
        let candidates = items.index_select(0, &nearest.flatten(0, 1));
        let candidates = candidates.view([nearest.size()[0], kept as i64, -1]).to_kind(Kind::Double);
        let rest = candidates - self.samples.unsqueeze(1).to_kind(Kind::Double);
        let exact = (&rest * &rest).sum_dim_intlist([2].as_slice(), false, Kind::Double).sqrt();
        let numbers: Vec<i64> = torch::values(&nearest);
        let exact: Vec<f64> = torch::values(&exact);
        for (row, found) in self.found.iter_mut().enumerate() {
            let new = row * kept..(row + 1) * kept;
            found.extend(
                numbers[new.clone()].iter().zip(&exact[new]).map(|(&number, &distance)| Neighbour {
                    item: first + number as usize,
                    mirrored,
                    distance,
                }),
            );
            found.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            // An item and its mirror image are one neighbour.
            let mut seen = HashSet::new();
            found.retain(|neighbour| seen.insert(neighbour.item));
            found.truncate(self.count);
        }
    }

    /// The neighbours of each sample, nearest first.
    #[must_use]
    pub fn finish(self) -> Vec<Vec<Neighbour>> {
        self.found
    }
}
