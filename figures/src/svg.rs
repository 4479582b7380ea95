//! A figure as SVG text.

use std::fmt::Write;

use crate::axis::Scale;
use crate::{Curve, Figure, Named, Stroke};

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

/// Letters of a title that there is room for, also in wide fonts.
const TITLE: usize = 66;

/// Colours by class: those of Okabe and Ito on light ground, lighter ones of the same hues on dark.
///
/// `g` lines of the grid, `a` axes, `c` curves, `d` dots, `m` marked points, `s` tinted areas, `v` upright marks, `n` names, `k`
/// with a number the colour of a curve and all that is of it.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#222}\
.t{font-size:15px;font-weight:600}\
.g{stroke:#8885;stroke-width:1}.a{stroke:#555;stroke-width:1}\
.c{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.b{fill:#fff}\
.k0{color:#0072b2}.k1{color:#d55e00}.k2{color:#00805f}.k3{color:#b0568c}\
.k4{color:#a36a00}.k5{color:#2b87bb}.k6{color:#444}\
.c,.m{stroke:currentColor}.n,.d,.s{fill:currentColor}.m{fill:none;stroke-width:2}.s{opacity:.2}\
.v{stroke:#555;stroke-width:1.5;stroke-dasharray:2 4}.h{paint-order:stroke;stroke:#fff;stroke-width:4px}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#16181c}.a,.v{stroke:#aaa}.h{stroke:#16181c}\
.k0{color:#56b4e9}.k1{color:#ff8c42}.k2{color:#2cc295}.k3{color:#e89ac7}\
.k4{color:#e6b800}.k5{color:#9fd3f5}.k6{color:#ccc}}";

pub(crate) fn draw(figure: &Figure) -> String {
    let mut out = String::new();
    let (title, told) = (escaped(&figure.title), escaped(&description(figure)));
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\
         <title>{title}</title><desc>{told}</desc><style>{STYLE}</style>\
         <rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
         <text class=\"t\" x=\"{LEFT}\" y=\"24\">{}</text>",
        escaped(&shortened(&figure.title))
    );
    let points =
        || figure.curves.iter().flat_map(|curve| &curve.points).filter(|point| drawn(figure, **point));
    let along = || points().map(|point| point.0).chain(figure.marks.iter().map(|mark| mark.0));
    let scales = [
        Scale::over(&figure.x, along()).map(|scale| scale.cropped(along())),
        Scale::over(&figure.y, points().map(|point| point.1)),
    ];
    match scales {
        [Some(x), Some(y)] => {
            axes(&mut out, figure, &x, &y);
            marks(&mut out, figure, &x);
            curves(&mut out, figure, &x, &y);
        }
        _ => {
            let _ = write!(out, "<text x=\"{LEFT}\" y=\"{}\">nothing to draw</text>", TOP + LINE);
        }
    }
    out + "</svg>\n"
}

/// Pictures side by side.
pub(crate) fn beside(figures: &[Figure]) -> String {
    let width = WIDTH * figures.len() as f64;
    let mut out = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\">");
    for (number, figure) in figures.iter().enumerate() {
        let (at, inner) = (WIDTH * number as f64, draw(figure));
        let placed = format!("<svg x=\"{at}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" ");
        out += &inner.replacen("<svg ", &placed, 1);
    }
    out + "</svg>\n"
}

/// A title that fits: the end of a longer one, which begins with a path.
fn shortened(title: &str) -> String {
    match title.chars().count().checked_sub(TITLE) {
        None | Some(0) => title.to_owned(),
        Some(over) => format!("…{}", title.chars().skip(over + 1).collect::<String>()),
    }
}

fn drawn(figure: &Figure, (x, y): (f64, f64)) -> bool {
    figure.x.holds(x) && figure.y.holds(y)
}

/// Where the axes end: what is right of them holds the longest name.
fn right(figure: &Figure) -> f64 {
    let at_end = figure.curves.iter().filter(|curve| curve.named == Named::End);
    let letters = at_end.map(|curve| curve.name.chars().count()).max().unwrap_or(0);
    (WIDTH - 16.0 - LETTER * letters as f64).max(WIDTH / 2.0)
}

fn across(right: f64, scale: &Scale, value: f64) -> f64 {
    LEFT + (right - LEFT) * scale.place(value)
}

fn down(top: f64, scale: &Scale, value: f64) -> f64 {
    BOTTOM - (BOTTOM - top) * scale.place(value)
}

/// Where the axes begin: the names of marks stand above, each in a line of its own.
fn top(figure: &Figure) -> f64 {
    TOP + LINE * figure.marks.len() as f64
}

fn axes(out: &mut String, figure: &Figure, x: &Scale, y: &Scale) {
    let (right, top) = (right(figure), top(figure));
    for &mark in &y.marks {
        let (at, text) = (down(top, y, mark), y.text(mark));
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
    let middle = f64::midpoint(top, BOTTOM);
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

/// Upright lines, each up to its name.
fn marks(out: &mut String, figure: &Figure, x: &Scale) {
    let right = right(figure);
    let mut marks: Vec<_> = figure.marks.iter().filter(|mark| figure.x.holds(mark.0)).collect();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (number, (value, name)) in marks.into_iter().enumerate() {
        let (at, top) = (across(right, x, *value), TOP + LINE * number as f64);
        // A name that would leave the axes stands at the line's left.
        let (side, anchor) =
            if at + LETTER * name.chars().count() as f64 > right { (-6.0, "end") } else { (6.0, "start") };
        let _ = write!(
            out,
            "<path class=\"v\" d=\"M{at:.1} {BOTTOM}V{top:.1}\"/>\
             <text class=\"h\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            at + side,
            top + 8.0,
            escaped(name)
        );
    }
}

fn curves(out: &mut String, figure: &Figure, x: &Scale, y: &Scale) {
    let (right, top) = (right(figure), top(figure));
    let mut names = Vec::new();
    for (number, curve) in figure.curves.iter().enumerate() {
        let Curve { name, points, stroke, marked, shaded, named } = curve;
        let place = |&(a, b): &(f64, f64)| (across(right, x, a), down(top, y, b));
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
        let _ = write!(out, "<g class=\"k{number}\">");
        if let Some((from, to)) = *shaded {
            let inside =
                points.iter().filter(|point| drawn(figure, **point) && (from..=to).contains(&point.0));
            area(out, inside.map(place));
        }
        if *stroke != Stroke::Dots {
            let dashes = if *stroke == Stroke::Dashed { " stroke-dasharray=\"7 5\"" } else { "" };
            let _ = write!(out, "<path class=\"c\" d=\"{path}\"{dashes}/>");
        }
        let mut seen = points.iter().filter(|point| drawn(figure, **point));
        // A line through one point is none.
        if matches!(stroke, Stroke::Dotted | Stroke::Dots) || seen.clone().count() == 1 {
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
        match named {
            Named::End => names.extend(seen.next_back().map(|last| (place(last).1, number, name))),
            Named::Top => {
                if let Some((a, b)) = seen.max_by(|a, b| a.1.total_cmp(&b.1)).map(place) {
                    let (name, above) = (escaped(name), (b - 8.0).max(top));
                    let _ = write!(
                        out,
                        "<text class=\"h n k{number}\" x=\"{a:.1}\" y=\"{above:.1}\" \
                         text-anchor=\"middle\">{name}</text>"
                    );
                }
            }
        }
    }
    for (at, number, name) in apart(top, names) {
        let _ = write!(
            out,
            "<text class=\"n k{number}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            right + 10.0,
            at + 4.0,
            escaped(name)
        );
    }
}

/// The area between points and the bottom axis.
fn area(out: &mut String, points: impl Iterator<Item = (f64, f64)>) {
    let points: Vec<_> = points.collect();
    let [first, .., last] = points[..] else { return };
    let line: String = points.iter().map(|(a, b)| format!("L{a:.1} {b:.1}")).collect();
    let _ = write!(out, "<path class=\"s\" d=\"M{:.1} {BOTTOM}{line}L{:.1} {BOTTOM}Z\"/>", first.0, last.0);
}

/// Names moved up and down so that none covers another, in the order of the places that they are for.
fn apart<T>(top: f64, mut names: Vec<(f64, usize, T)>) -> Vec<(f64, usize, T)> {
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut least = top;
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
            marks: Vec::new(),
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
    fn a_title_too_long_is_seen_by_its_end_and_told_whole() {
        let title = format!("{}: the claim", "folder/".repeat(20));
        let svg = Figure { title: title.clone(), ..figure(&[(0.0, 1.0), (1.0, 2.0)]) }.svg();
        assert!(svg.contains(&format!("<title>{title}</title>")), "{svg}");
        let seen = format!("…{}", &title[title.len() - TITLE + 1..]);
        assert!(svg.contains(&format!("y=\"24\">{seen}</text>")), "{svg}");
        let fits = "x".repeat(TITLE);
        assert_eq!((shortened(&fits), shortened("é")), (fits.clone(), "é".to_owned()));
    }

    #[test]
    fn areas_dots_marks_and_names_have_their_places() {
        let bars = Curve { named: Named::Top, ..Curve::bars("bars", &[0.0, 1.0, 2.0], &[1.0, 0.5]) };
        let dots = Curve { stroke: Stroke::Dots, ..Curve::line("dots", [(0.0, 0.0), (2.0, 1.0)]) };
        let figure = Figure {
            marks: vec![(2.0, "late".into()), (0.5, "early".into())],
            ..Figure::new("t", Axis::linear("x"), Axis::linear("y"), vec![bars, dots])
        };
        let svg = figure.svg();
        // Names of marks take two lines above the axes, whose right end leaves room for "dots".
        assert!(svg.contains("<path class=\"s\" d=\"M76.0 346L76.0 346.0L76.0 72.0L375.0 72.0"), "{svg}");
        assert!(svg.contains("d=\"M225.5 346V40.0\"/><text class=\"h\" x=\"231.5\""), "{svg}");
        assert!(
            svg.contains("V56.0\"/><text class=\"h\" x=\"668.0\" y=\"64.0\" text-anchor=\"end\">late"),
            "{svg}"
        );
        assert!(svg.contains("<g class=\"k1\"><circle class=\"d\""), "dots have no line: {svg}");
        assert!(svg.contains("text-anchor=\"middle\">bars</text>"), "{svg}");
        assert_eq!(figure.numbers().lines().count(), 1 + 6 + 2 + 2);
        assert!(figure.numbers().ends_with("dots\t2\t1\nlate\t2\t\nearly\t0.5\t\n"));
        let both = beside(&[figure.clone(), figure]);
        assert!(both.contains("viewBox=\"0 0 1440 400\"") && both.contains("<svg x=\"720\""), "{both}");
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
            apart(TOP, names).into_iter().map(|(at, number, ())| (number, at)).collect::<Vec<_>>()
        };
        assert_eq!(places(&[100.0, 99.0, 200.0]), [(1, 99.0), (0, 115.0), (2, 200.0)]);
        assert_eq!(places(&[346.0, 346.0, 345.0]), [(2, 314.0), (0, 330.0), (1, 346.0)]);
    }
}
