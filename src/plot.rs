//! Two pictures of a schedule, as SVG: why its γ, and why its ε.

use anyhow::{Result, anyhow};
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::proposition3::variance_excess;
use ncsn_theory::schedule::Derivation;
use plotters::prelude::{
    AreaSeries, BLACK, ChartBuilder, Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, LineSeries,
    RGBColor, SVGBackend, Text, TriangleMarker, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use ncsn_schedule::ScheduleFile;

/// Pixels; curves are drawn to whole ones, so there are many.
const SIZE: (u32, u32) = (2000, 800);
const FONT: (&str, u32) = ("sans-serif", 28);
const CAPTION: (&str, u32) = ("sans-serif", 34);
const STROKE: u32 = 4;
/// Of the palette of Okabe and Ito, which the colour-blind tell apart, as they do its lightness in print.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
/// Between a curve and a word, as a share of the picture's height.
const GAP: f64 = 0.015;
/// Points per curve.
const RESOLUTION: usize = 400;

/// The SVG text of the two pictures side by side.
///
/// Left: the laws of ‖x‖ at two adjacent levels, and the range that Technique 2 looks at. Right: the variance ratio of
/// one level against ε, by Proposition 3, with Technique 4's choice and the published one.
///
/// # Errors
/// None that input can cause; the drawing library's otherwise.
pub fn svg(file: &ScheduleFile, derivation: &Derivation) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let draw = || -> Result<(), Box<dyn std::error::Error>> {
            root.fill(&WHITE)?;
            let (left, right) = root.split_horizontally(SIZE.0 / 2);
            adjacent_levels(&left, file, derivation)?;
            variance_against_epsilon(&right, file, derivation)?;
            root.present()?;
            Ok(())
        };
        draw().map_err(|error| anyhow!("drawing the schedule: {error}"))?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn grid(least: f64, greatest: f64) -> impl Iterator<Item = f64> {
    (0..=RESOLUTION).map(move |k| least + (greatest - least) * k as f64 / RESOLUTION as f64)
}

/// A word beside a curve, in its colour, with this corner of it at a point.
fn word(text: &str, at: (f64, f64), colour: RGBColor, corner: Pos) -> Text<'static, (f64, f64), String> {
    Text::new(text.to_owned(), at, FONT.into_font().color(&colour).pos(corner))
}

fn adjacent_levels(area: &Area, file: &ScheduleFile, derivation: &Derivation) -> Drawn {
    let gamma = derivation.gamma.mid();
    let (below, above) =
        (RadiusLaw::new(file.schedule.dim(), 1.0)?, RadiusLaw::new(file.schedule.dim(), gamma)?);
    let (mean, deviation) = (above.mean().mid(), above.standard_deviation().mid());
    let reach = (mean - 3.0 * deviation, mean + 3.0 * deviation);
    let least = below.mean().mid() - 4.0 * below.standard_deviation().mid();
    let greatest = mean + 4.0 * deviation;
    let density = |law: &RadiusLaw, r: f64| law.density(Interval::point(r)).mid();
    let highest = 1.25 * density(&below, below.mean().mid());
    let caption =
        format!("{}: {:.4} of a level lies in the reach of the one above", file.dataset, file.values.overlap);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, CAPTION)
        .margin(24)
        .margin_right(60)
        .x_label_area_size(80)
        .y_label_area_size(110)
        .build_cartesian_2d(least..greatest, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(6)
        .x_desc("‖x‖ / σᵢ")
        .y_desc("density")
        .label_style(FONT)
        .draw()?;
    let inside = grid(reach.0.max(least), reach.1).map(|r| (r, density(&below, r)));
    chart.draw_series(AreaSeries::new(inside, 0.0, BLUE.mix(0.2)))?;
    let corner = |side| Pos::new(side, VPos::Bottom);
    let gap = GAP * (greatest - least);
    for (law, colour, label, shift, corner) in [
        (&below, BLUE, "level i", gap, corner(HPos::Right)),
        (&above, ORANGE, "level i − 1", 0.0, corner(HPos::Center)),
    ] {
        let curve = grid(least, greatest).map(|r| (r, density(law, r)));
        chart.draw_series(LineSeries::new(curve, colour.stroke_width(STROKE)))?;
        let peak = law.mean().mid();
        chart.draw_series([word(label, (peak - shift, 1.02 * density(law, peak)), colour, corner)])?;
    }
    for edge in [reach.0, reach.1] {
        chart
            .draw_series(LineSeries::new([(edge, 0.0), (edge, highest)], ORANGE.mix(0.6).stroke_width(2)))?;
    }
    let top = (reach.0 + gap, 0.99 * highest);
    chart.draw_series([word(
        "its reach: 3 standard deviations",
        top,
        ORANGE,
        Pos::new(HPos::Left, VPos::Top),
    )])?;
    Ok(())
}

fn variance_against_epsilon(area: &Area, file: &ScheduleFile, derivation: &Derivation) -> Drawn {
    let schedule = &file.schedule;
    let scale = schedule.range().min() * schedule.range().min();
    let excess = |epsilon: f64, steps: u64| {
        variance_excess(derivation.gamma, Interval::point(epsilon / scale), steps).mid()
    };
    let start = derivation.gamma.sqr().mid() - 1.0;
    let (optimum, steps) = (schedule.epsilon(), schedule.steps_per_level());
    let greatest = 2.5 * optimum;
    let highest = 1.3 * start;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("After one level least variance is left with ε = {optimum:.3e}"), CAPTION)
        .margin(24)
        .margin_right(60)
        .x_label_area_size(80)
        .y_label_area_size(140)
        .build_cartesian_2d(0.0..greatest, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_labels(6)
        .x_label_formatter(&|&x| if x == 0.0 { "0".to_owned() } else { format!("{x:.1e}") })
        .y_label_formatter(&|y| format!("{y:.4}"))
        .x_desc("ε")
        .y_desc("variance / σᵢ² − 1, started at σᵢ₋₁²")
        .label_style(FONT)
        .draw()?;
    let above = |share| Pos::new(share, VPos::Bottom);
    chart.draw_series(LineSeries::new([(0.0, start), (greatest, start)], BLACK.mix(0.4).stroke_width(2)))?;
    let middle = (0.5 * greatest, start + GAP * highest);
    chart.draw_series([word("at the start", middle, BLACK, above(HPos::Center))])?;
    for (steps, colour, name) in [(steps, BLUE, ": Technique 4"), (10 * steps, ORANGE, "")] {
        let curve = || grid(0.0, greatest).map(|e| (e, excess(e, steps)));
        let drawn = curve().filter(|&(_, y)| y <= highest);
        chart.draw_series(LineSeries::new(drawn, colour.stroke_width(STROKE)))?;
        let lowest = curve().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        let under = (lowest.0, lowest.1 - 2.0 * GAP * highest);
        let label = format!("T = {steps}{name}");
        chart.draw_series([word(&label, under, colour, Pos::new(HPos::Center, VPos::Top))])?;
    }
    chart.draw_series([Circle::new((optimum, excess(optimum, steps)), 10, BLUE.filled())])?;
    let published = file.published.as_ref().map(|row| row.schedule.epsilon());
    if let Some(published) = published.filter(|&epsilon| epsilon <= greatest) {
        let level = excess(published, steps).min(highest);
        chart.draw_series([TriangleMarker::new((published, level), 14, BLACK.filled())])?;
        let side = match published / greatest {
            share if share < 0.15 => HPos::Left,
            share if share > 0.85 => HPos::Right,
            _ => HPos::Center,
        };
        let over = (published, level + 2.0 * GAP * highest);
        chart.draw_series([word("published", over, BLACK, above(side))])?;
    }
    Ok(())
}
