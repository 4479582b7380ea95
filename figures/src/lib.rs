#![doc = include_str!("../README.md")]

mod axis;
mod page;
mod svg;

pub use axis::Axis;
pub use page::{Page, Part};
pub use svg::escaped;

/// Curves over one pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What is seen, in a line.
    pub title: String,
    /// The axis along the bottom.
    pub x: Axis,
    /// The axis at the left.
    pub y: Axis,
    /// At most [`Figure::MOST`] of them.
    pub curves: Vec<Curve>,
}

/// Points in the order in which they are joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name, which is written where it ends.
    pub name: String,
    /// Places; a number that is not finite, or not positive on a logarithmic axis, is a gap.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub stroke: Stroke,
    /// A point that stands out, by its index.
    pub marked: Option<usize>,
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stroke {
    /// A line.
    #[default]
    Solid,
    /// A broken line.
    Dashed,
    /// A line with a dot at each point: for few points.
    Dotted,
}

impl Curve {
    /// A solid line.
    pub fn line(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().collect();
        Self { name: name.to_owned(), points, stroke: Stroke::Solid, marked: None }
    }
}

impl Figure {
    /// Curves that can be told apart.
    pub const MOST: usize = 7;

    /// The picture, 720 units wide, which fills the width that it is given.
    ///
    /// Axes reach over all points that can be drawn; without any, there is a word in their place.
    ///
    /// # Panics
    /// For more than [`Self::MOST`] curves.
    #[must_use]
    pub fn svg(&self) -> String {
        assert!(
            self.curves.len() <= Self::MOST,
            "{} curves, allowed: up to {}",
            self.curves.len(),
            Self::MOST
        );
        svg::draw(self)
    }
}
