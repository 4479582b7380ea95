#![doc = include_str!("../README.md")]

mod axis;
mod page;
#[cfg(feature = "png")]
pub mod png;
mod sheet;
mod svg;

pub use axis::Axis;
pub use page::{Page, Part};
pub use sheet::{Images, Sheet};
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
    /// Values along the bottom that have a name, each an upright line.
    pub marks: Vec<(f64, String)>,
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
    /// The stretch of the bottom axis over which the area below the curve is tinted.
    pub shaded: Option<(f64, f64)>,
    /// Where its name stands.
    pub named: Named,
}

/// Where the name of a curve stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// Right of the axes, at the height of its last point.
    #[default]
    End,
    /// Above its highest point.
    Top,
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
    /// Dots alone: for measurements beside a line.
    Dots,
}

impl Curve {
    /// A solid line.
    pub fn line(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (points, stroke) = (points.into_iter().collect(), Stroke::Solid);
        Self { name: name.to_owned(), points, stroke, marked: None, shaded: None, named: Named::End }
    }

    /// The outline of bars: the shares of values that fall between `edges`, one fewer than those, per unit of the axis.
    #[must_use]
    pub fn bars(name: &str, edges: &[f64], densities: &[f64]) -> Self {
        let tops = edges.windows(2).zip(densities).flat_map(|(ends, &top)| [(ends[0], top), (ends[1], top)]);
        let ends = [edges.first(), edges.last()].map(|end| end.map(|&end| (end, 0.0)));
        let points = ends[0].into_iter().chain(tops).chain(ends[1]);
        Self { shaded: edges.first().copied().zip(edges.last().copied()), ..Self::line(name, points) }
    }
}

impl Figure {
    /// Curves that can be told apart.
    pub const MOST: usize = 7;

    /// Curves over two axes, without marks.
    #[must_use]
    pub fn new(title: &str, x: Axis, y: Axis, curves: Vec<Curve>) -> Self {
        Self { title: title.to_owned(), x, y, curves, marks: Vec::new() }
    }

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

    /// All points as text, one in a line: name of the curve, x, y, with tabs between; of marks name and x.
    #[must_use]
    pub fn numbers(&self) -> String {
        let mut text = format!("curve\t{}\t{}\n", self.x.label, self.y.label);
        for Curve { name, points, .. } in &self.curves {
            for (x, y) in points {
                text += &format!("{name}\t{x}\t{y}\n");
            }
        }
        for (x, name) in &self.marks {
            text += &format!("{name}\t{x}\t\n");
        }
        text
    }
}

/// Figures from left to right in one picture.
#[must_use]
pub fn beside(figures: &[Figure]) -> String {
    svg::beside(figures)
}
