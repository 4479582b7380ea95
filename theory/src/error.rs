//! What can go wrong in the mathematics, each with the offending value and the limit.

/// A request that has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number outside the set on which the function is defined.
    #[error("{name} is {value:?}, allowed: {allowed}")]
    Domain {
        /// What the number stands for.
        name: &'static str,
        /// The number given.
        value: f64,
        /// The allowed set.
        allowed: &'static str,
    },
    /// A count outside the set on which the function is defined.
    #[error("{name} is {value}, allowed: {allowed}")]
    Count {
        /// What is counted.
        name: &'static str,
        /// The count given.
        value: u64,
        /// The allowed set.
        allowed: &'static str,
    },
    /// A word that names none of the choices.
    #[error("{name} is {value:?}, allowed: {}", allowed.join(", "))]
    Name {
        /// What is chosen.
        name: &'static str,
        /// The word given.
        value: String,
        /// The words known.
        allowed: &'static [&'static str],
    },
    /// Two numbers that must be ordered and are not.
    #[error("{small_name} {small:?} is not below {large_name} {large:?}")]
    Order {
        /// What must be smaller.
        small_name: &'static str,
        /// Its value.
        small: f64,
        /// What must be larger.
        large_name: &'static str,
        /// Its value.
        large: f64,
    },
    /// Arrays whose shapes do not fit together.
    #[error("{name} has {found} entries, expected {expected}")]
    Shape {
        /// Which array.
        name: &'static str,
        /// Its size.
        found: usize,
        /// The size that fits.
        expected: usize,
    },
    /// A NaN or an infinity in data.
    #[error("row {row} of {name}, entry {column}, is {value}, not a finite number")]
    NotFinite {
        /// Which array.
        name: &'static str,
        /// Row, from 0.
        row: usize,
        /// Position in the row, from 0.
        column: usize,
        /// The value found.
        value: f64,
    },
    /// Technique 2 in too few dimensions: the overlap never falls to the target, since 3γ outgrows √(2D)(γ − 1).
    #[error(
        "dimension {dim} has no noise ratio above 1 with overlap {target:?}: Technique 2 needs a dimension of at least \
         5"
    )]
    NoRatio {
        /// The dimension given.
        dim: u64,
        /// The overlap asked for.
        target: f64,
    },
    /// The number of levels cannot be decided: the enclosure of ln(σ₁/σ_L)/ln γ has ends that round differently.
    #[error(
        "ln(sigma_max/sigma_min)/ln(gamma) lies in [{lo:?}, {hi:?}], whose ends round to different numbers of levels"
    )]
    UndecidedLevels {
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
    },
    /// A budget of score evaluations that does not pay for one step at every level.
    #[error("a budget of {budget} score evaluations is below {num_levels}, one step at each level")]
    Budget {
        /// Evaluations allowed.
        budget: u64,
        /// Levels to visit.
        num_levels: u64,
    },
    /// A tolerance that no number of steps within the supported range reaches.
    #[error("variance ratio 1 + {tolerance:?} is not reached with {limit} steps per level (1 + {reached:e})")]
    Tolerance {
        /// Excess over 1 asked for.
        tolerance: f64,
        /// Largest number of steps tried.
        limit: u64,
        /// Excess over 1 reached there.
        reached: f64,
    },
    /// LAPACK's symmetric eigenvalue solver gave up.
    #[error("eigenvalues of the covariance: {reason}")]
    Eigenvalues {
        /// What LAPACK or its wrapper says.
        reason: String,
    },
}
