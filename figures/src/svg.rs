//! A figure as SVG text.

use std::fmt::Write;

use crate::axis::Scale;
use crate::{Curve, Figure, Stroke};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// What lies between the axes; names of curves stand at its right.
const LEFT: f64 = 76.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 346.0;
/// Least distance between the names of two curves.
const LINE: f64 = 16.0;
/// Width that is taken for a letter of a name.
const LETTER: f64 = 7.5;

/// Colours by class: those of Okabe and Ito on light ground, lighter ones of the same hues on dark.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#222}\
.t{font-size:15px;font-weight:600}\
.g{stroke:#8885;stroke-width:1}.a{stroke:#555;stroke-width:1}\
.c{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.b{fill:#fff}\
.k0{--k:#0072b2}.k1{--k:#d55e00}.k2{--k:#00805f}.k3{--k:#b0568c}.k4{--k:#a36a00}.k5{--k:#2b87bb}.k6{--k:#444}\
.c,.m{stroke:var(--k)}.n,.d{fill:var(--k)}.m{fill:none;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#16181c}.a{stroke:#aaa}\
.k0{--k:#56b4e9}.k1{--k:#ff8c42}.k2{--k:#2cc295}.k3{--k:#e89ac7}.k4{--k:#e6b800}.k5{--k:#9fd3f5}.k6{--k:#ccc}}";

pub(crate) fn draw(figure: &Figure) -> String {
    let mut out = String::new();
    let (title, told) = (escaped(&figure.title), escaped(&description(figure)));
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\
         <title>{title}</title><desc>{told}</desc><style>{STYLE}</style>\
         <rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
         <text class=\"t\" x=\"{LEFT}\" y=\"24\">{title}</text>"
    );
    let points =
        || figure.curves.iter().flat_map(|curve| &curve.points).filter(|point| drawn(figure, **point));
    let scales = [
        Scale::over(&figure.x, points().map(|point| point.0)),
        Scale::over(&figure.y, points().map(|point| point.1)),
    ];
    match scales {
        [Some(x), Some(y)] => {
            axes(&mut out, figure, &x, &y);
            curves(&mut out, figure, &x, &y);
        }
        _ => {
            let _ = write!(out, "<text x=\"{LEFT}\" y=\"{}\">nothing to draw</text>", TOP + LINE);
        }
    }
    out + "</svg>\n"
}

fn drawn(figure: &Figure, (x, y): (f64, f64)) -> bool {
    figure.x.holds(x) && figure.y.holds(y)
}

/// Where the axes end: what is right of them holds the longest name.
fn right(figure: &Figure) -> f64 {
    let letters = figure.curves.iter().map(|curve| curve.name.chars().count()).max().unwrap_or(0);
    (WIDTH - 16.0 - LETTER * letters as f64).max(WIDTH / 2.0)
}

fn across(right: f64, scale: &Scale, value: f64) -> f64 {
    LEFT + (right - LEFT) * scale.place(value)
}

fn down(scale: &Scale, value: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * scale.place(value)
}

fn axes(out: &mut String, figure: &Figure, x: &Scale, y: &Scale) {
    let right = right(figure);
    for &mark in &y.marks {
        let (at, text) = (down(y, mark), y.text(mark));
        let _ = write!(
            out,
            "<path class=\"g\" d=\"M{LEFT} {at:.1}H{right:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    for &mark in &x.marks {
        let (at, text) = (across(right, x, mark), x.text(mark));
        let _ = write!(
            out,
            "<path class=\"a\" d=\"M{at:.1} {BOTTOM}v5\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
            BOTTOM + 20.0
        );
    }
    let middle = f64::midpoint(TOP, BOTTOM);
    let _ = write!(
        out,
        "<path class=\"a\" d=\"M{LEFT} {BOTTOM}H{right:.1}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(16 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(LEFT, right),
        HEIGHT - 12.0,
        escaped(&figure.x.label),
        escaped(&figure.y.label)
    );
}

fn curves(out: &mut String, figure: &Figure, x: &Scale, y: &Scale) {
    let right = right(figure);
    let mut names = Vec::new();
    for (number, curve) in figure.curves.iter().enumerate() {
        let Curve { name, points, stroke, marked } = curve;
        let place = |&(a, b): &(f64, f64)| (across(right, x, a), down(y, b));
        let mut path = String::new();
        let mut begun = false;
        for point in points {
            if !drawn(figure, *point) {
                begun = false;
                continue;
            }
            let (a, b) = place(point);
            let _ = write!(path, "{}{a:.1} {b:.1}", if begun { 'L' } else { 'M' });
            begun = true;
        }
        let dashes = if *stroke == Stroke::Dashed { " stroke-dasharray=\"7 5\"" } else { "" };
        let _ = write!(out, "<g class=\"k{number}\"><path class=\"c\" d=\"{path}\"{dashes}/>");
        let mut seen = points.iter().filter(|point| drawn(figure, **point));
        // A line through one point is none.
        if *stroke == Stroke::Dotted || seen.clone().count() == 1 {
            for (a, b) in seen.clone().map(place) {
                let _ = write!(out, "<circle class=\"d\" cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"3\"/>");
            }
        }
        if let Some(point) = marked.and_then(|index| points.get(index)).filter(|point| drawn(figure, **point))
        {
            let (a, b) = place(point);
            let _ = write!(out, "<circle class=\"m\" cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"8\"/>");
        }
        out.push_str("</g>");
        names.extend(seen.next_back().map(|last| (place(last).1, number, name)));
    }
    for (at, number, name) in apart(names) {
        let _ = write!(
            out,
            "<text class=\"n k{number}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            right + 10.0,
            at + 4.0,
            escaped(name)
        );
    }
}

/// Names moved up and down so that none covers another, in the order of the places that they are for.
fn apart<T>(mut names: Vec<(f64, usize, T)>) -> Vec<(f64, usize, T)> {
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut least = TOP;
    for name in &mut names {
        name.0 = name.0.max(least);
        least = name.0 + LINE;
    }
    let mut most = BOTTOM;
    for name in names.iter_mut().rev() {
        name.0 = name.0.min(most);
        most = name.0 - LINE;
    }
    names
}

/// What the picture shows, for those who do not see it.
fn description(figure: &Figure) -> String {
    let number = |value: f64| format!("{:.4e}", value).parse::<f64>().unwrap_or(value);
    let of = |curve: &Curve| {
        let mut seen = curve.points.iter().filter(|point| drawn(figure, **point));
        let first = seen.clone().next()?;
        let last = seen.clone().next_back()?;
        let least = seen.by_ref().min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(format!(
            "{}: from {} at {} to {} at {}, least {} at {}",
            curve.name,
            number(first.1),
            number(first.0),
            number(last.1),
            number(last.0),
            number(least.1),
            number(least.0)
        ))
    };
    let curves: Vec<String> = figure.curves.iter().filter_map(of).collect();
    format!("{} over {}. {}", figure.y.label, figure.x.label, curves.join("; "))
}

/// Text that is markup neither between tags nor in an attribute.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Axis;

    fn figure(points: &[(f64, f64)]) -> Figure {
        Figure {
            title: "a < b & c".into(),
            x: Axis::linear("step"),
            y: Axis::logarithmic("loss"),
            curves: vec![Curve { marked: Some(1), ..Curve::line("one", points.iter().copied()) }],
        }
    }

    #[test]
    fn points_lie_where_the_axes_say() {
        let svg = figure(&[(0.0, 1.0), (5.0, 10.0), (10.0, 100.0)]).svg();
        assert!(svg.contains("d=\"M76.0 346.0L378.8 193.0L681.5 40.0\""), "{svg}");
        assert!(svg.contains("<circle class=\"m\" cx=\"378.8\" cy=\"193.0\" r=\"8\"/>"), "{svg}");
        assert!(svg.contains("<title>a &lt; b &amp; c</title>"), "{svg}");
        assert!(svg.contains("one: from 1 at 0 to 100 at 10, least 1 at 0</desc>"), "{svg}");
    }

    #[test]
    fn what_cannot_be_drawn_is_a_gap_or_said() {
        let svg = figure(&[(0.0, 1.0), (2.0, f64::NAN), (4.0, 0.0), (5.0, 10.0), (10.0, 100.0)]).svg();
        assert!(svg.contains("d=\"M76.0 346.0M378.8 193.0L681.5 40.0\""), "{svg}");
        assert!(figure(&[]).svg().contains("nothing to draw"));
    }

    #[test]
    fn names_of_curves_that_end_together_stand_below_each_other() {
        let places = |at: &[f64]| {
            let names = at.iter().enumerate().map(|(number, &at)| (at, number, ())).collect();
            apart(names).into_iter().map(|(at, number, ())| (number, at)).collect::<Vec<_>>()
        };
        assert_eq!(places(&[100.0, 99.0, 200.0]), [(1, 99.0), (0, 115.0), (2, 200.0)]);
        assert_eq!(places(&[346.0, 346.0, 345.0]), [(2, 314.0), (0, 330.0), (1, 346.0)]);
    }
}
