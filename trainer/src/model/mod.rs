//! Networks that estimate scores: NCSN and NCSNv2 for images (Tables 2 and 3), a perceptron for vectors.
//!
//! Keys and order of the parameters are those of the authors' state dicts, so that checkpoints can be exchanged.

pub mod architecture;
pub mod blocks;
pub mod layers;
mod mlp;
mod refinenet;
pub mod registry;
mod score;
mod tape;

pub use architecture::{Architecture, Depth};
pub use layers::{Context, Norms, Seen};
pub use registry::{Parameters, Scope};
pub use score::{Network, NetworkShape};
pub use tape::Tape;
