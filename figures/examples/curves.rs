//! A figure on standard output: `cargo run --example curves > curves.svg`.

use ncsn_figures::{Axis, Curve, Figure, Stroke};

fn main() {
    let steps = || (0..=100).map(|k| f64::from(k) * 10.0);
    let loss = |rate: f64| steps().map(move |step| (step, 12.0 + 30.0 * (-rate * step).exp()));
    let curves = vec![
        Curve::line("fast", loss(0.01)),
        Curve { stroke: Stroke::Dashed, ..Curve::line("slow", loss(0.003)) },
    ];
    let figure = Figure::new("Two losses", Axis::linear("step"), Axis::logarithmic("loss"), curves);
    print!("{}", figure.svg());
}
