//! Two pictures of a schedule, as SVG: why its γ, and why its ε.

use anyhow::{Result, anyhow};
use ncsn_theory::interval::Interval;
use ncsn_theory::proposition2::RadiusLaw;
use ncsn_theory::proposition3::variance_excess;
use ncsn_theory::schedule::Derivation;
use plotters::prelude::*;

use crate::schedule_file::ScheduleFile;

/// Pixels; curves are drawn to whole ones, so there are many.
const SIZE: (u32, u32) = (2000, 800);
const FONT: (&str, u32) = ("sans-serif", 28);
const CAPTION: (&str, u32) = ("sans-serif", 34);
const STROKE: u32 = 4;
/// Length of a line in a legend.
const SAMPLE: i32 = 36;
const DARK_GREEN: RGBColor = RGBColor(0, 120, 60);
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

fn adjacent_levels(area: &Area, file: &ScheduleFile, derivation: &Derivation) -> Drawn {
    let gamma = derivation.gamma.mid();
    let (below, above) = (RadiusLaw::new(file.dim, 1.0)?, RadiusLaw::new(file.dim, gamma)?);
    let (mean, deviation) = (above.mean().mid(), above.standard_deviation().mid());
    let reach = (mean - 3.0 * deviation, mean + 3.0 * deviation);
    let least = below.mean().mid() - 4.0 * below.standard_deviation().mid();
    let greatest = mean + 4.0 * deviation;
    let density = |law: &RadiusLaw, r: f64| law.density(Interval::point(r)).mid();
    let highest = 1.15 * density(&below, below.mean().mid());
    let caption = format!("{}: adjacent levels overlap by {:.4}", file.dataset, file.overlap);
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
        .x_desc("|x| / sigma_i")
        .y_desc("density")
        .label_style(FONT)
        .draw()?;
    let inside = grid(reach.0.max(least), reach.1).map(|r| (r, density(&below, r)));
    chart.draw_series(AreaSeries::new(inside, 0.0, BLUE.mix(0.2)))?;
    for (law, colour, label) in [(&below, BLUE, "level i"), (&above, RED, "level i - 1")] {
        chart
            .draw_series(LineSeries::new(
                grid(least, greatest).map(|r| (r, density(law, r))),
                colour.stroke_width(STROKE),
            ))?
            .label(label)
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + SAMPLE, y)], colour.stroke_width(STROKE))
            });
    }
    for edge in [reach.0, reach.1] {
        chart.draw_series(LineSeries::new([(edge, 0.0), (edge, highest)], RED.mix(0.5).stroke_width(2)))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(FONT)
        .legend_area_size(SAMPLE + 14)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}

fn variance_against_epsilon(area: &Area, file: &ScheduleFile, derivation: &Derivation) -> Drawn {
    let scale = file.sigma_min * file.sigma_min;
    let excess = |epsilon: f64, steps: u64| {
        variance_excess(derivation.gamma, Interval::point(epsilon / scale), steps).mid()
    };
    let start = derivation.gamma.sqr().mid() - 1.0;
    let (optimum, steps) = (file.epsilon, file.steps_per_level);
    let greatest = 2.5 * optimum;
    let highest = 1.3 * start;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("epsilon = {optimum:.3e} is the best for one level"), CAPTION)
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
        .x_desc("epsilon")
        .y_desc("ratio - 1 after a level started at sigma_(i-1)^2")
        .label_style(FONT)
        .draw()?;
    let more = 10 * steps;
    for (steps, colour) in [(steps, BLUE), (more, DARK_GREEN)] {
        chart
            .draw_series(LineSeries::new(
                grid(0.0, greatest).map(|e| (e, excess(e, steps))).filter(|&(_, y)| y <= highest),
                colour.stroke_width(STROKE),
            ))?
            .label(format!("T = {steps}"))
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + SAMPLE, y)], colour.stroke_width(STROKE))
            });
    }
    chart.draw_series([Circle::new((optimum, excess(optimum, steps)), 10, BLUE.filled())])?;
    if let Some(published) = file.published.as_ref().map(|row| row.epsilon).filter(|&e| e <= greatest) {
        let level = excess(published, steps).min(highest);
        chart
            .draw_series([TriangleMarker::new((published, level), 12, RED.filled())])?
            .label("published epsilon")
            .legend(|(x, y)| TriangleMarker::new((x + SAMPLE / 2, y), 12, RED.filled()));
    }
    chart
        .draw_series(LineSeries::new([(0.0, start), (greatest, start)], BLACK.mix(0.4).stroke_width(2)))?
        .label("at the start")
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + SAMPLE, y)], BLACK.mix(0.4).stroke_width(2)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(FONT)
        .legend_area_size(SAMPLE + 14)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}
