//! The axes of a data set.

/// The axes of a data set; none of a single number.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub axes: Vec<u64>,
    /// How far they may grow.
    pub most: Vec<u64>,
}
