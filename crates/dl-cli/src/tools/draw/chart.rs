//! Precision-recall curves and legends, on any backend of plotters.

use anyhow::Result;
use dl_vision::picture::draw::color_of;
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::save::chart_error;
use super::thin::thinned;
use crate::common::clipped;

/// The curve of one class.
pub(super) struct Curve {
    pub(super) label: String,
    /// (recall, precision), by increasing recall.
    pub(super) points: Vec<(f64, f64)>,
    /// Average precision, if defined.
    pub(super) ap: Option<f64>,
}

/// Width of the legend, in pixels.
const LEGEND: u32 = 250;

/// Columns of a name in the legend.
const ENTRY: usize = 40;

/// Height of a line of text, in pixels.
const LINE: i32 = 22;

/// Draws the curves with a legend of their names and average precisions.
/// # Errors
/// When the drawing fails.
pub(super) fn draw<B: DrawingBackend>(backend: B, curves: &[Curve], title: &str) -> Result<()> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE).map_err(chart_error)?;
    let (chart, legend) = split_legend(&area);
    draw_curves(&chart, curves, title)?;
    let words = |curve: &Curve| match curve.ap {
        Some(ap) => format!("{ap:.3}  {}", curve.label),
        None => curve.label.clone(),
    };
    let entries: Vec<(RGBAColor, String)> = curves.iter().map(|curve| (color(&curve.label), words(curve))).collect();
    draw_legend(&legend, &entries)?;
    area.present().map_err(chart_error)
}

fn draw_curves<B: DrawingBackend>(area: &DrawingArea<B, Shift>, curves: &[Curve], title: &str) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .caption(title, ("sans-serif", 22))
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)
        .map_err(chart_error)?;
    quiet(&mut chart.configure_mesh())
        .x_desc("recall")
        .y_desc("precision")
        .x_labels(11)
        .y_labels(11)
        .x_label_formatter(&|at| format!("{at:.1}"))
        .y_label_formatter(&|at| format!("{at:.1}"))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 18))
        .draw()
        .map_err(chart_error)?;
    let (width, _) = area.dim_in_pixel();
    for curve in curves {
        let style = ShapeStyle { color: color(&curve.label), filled: false, stroke_width: 2 };
        let points = thinned(&curve.points, width, |recall| (recall * f64::from(width)) as i32);
        if let [point] = points.as_slice() {
            // One point makes no line.
            chart.draw_series([Circle::new(*point, 4, style.filled())]).map_err(chart_error)?;
        }
        chart.draw_series(LineSeries::new(points, style)).map_err(chart_error)?;
    }
    Ok(())
}

/// A mesh of thin lines in the background.
pub(super) fn quiet<'m, 'a, 'b, X: Ranged, Y: Ranged, B: DrawingBackend>(
    mesh: &'m mut MeshStyle<'a, 'b, X, Y, B>,
) -> &'m mut MeshStyle<'a, 'b, X, Y, B> {
    mesh.max_light_lines(0).bold_line_style(BLACK.mix(0.14)).axis_style(BLACK.mix(0.6))
}

/// Splits off the legend to the right of a chart.
pub(super) fn split_legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
) -> (DrawingArea<B, Shift>, DrawingArea<B, Shift>) {
    let (width, _) = area.dim_in_pixel();
    area.split_horizontally(width.saturating_sub(LEGEND))
}

/// Draws a bar in each color, with its text beside it.
/// # Errors
/// When the drawing fails.
pub(super) fn draw_legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    entries: &[(RGBAColor, String)],
) -> Result<()> {
    let (_, height) = area.dim_in_pixel();
    let lines = usize::try_from((height as i32 - 80) / LINE).unwrap_or(0).max(1);
    // The last line counts the entries that do not fit.
    let shown = if entries.len() > lines { lines - 1 } else { entries.len() };
    let style = TextStyle::from(("sans-serif", 15)).pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = 56;
    for (color, words) in &entries[..shown] {
        let bar = ShapeStyle { color: *color, filled: false, stroke_width: 4 };
        area.draw(&PathElement::new(vec![(6, y), (28, y)], bar)).map_err(chart_error)?;
        area.draw(&Text::new(clipped(words, ENTRY), (38, y), &style)).map_err(chart_error)?;
        y += LINE;
    }
    if shown < entries.len() {
        let words = format!("and {} more", entries.len() - shown);
        area.draw(&Text::new(words, (38, y), &style)).map_err(chart_error)?;
    }
    Ok(())
}

/// The color of a label on a white background.
fn color(label: &str) -> RGBAColor {
    let [red, green, blue] = color_of(label);
    // Bright colors suit a photo, darker ones a white background.
    let dark = |channel: u8| (f64::from(channel) * 0.86) as u8;
    RGBColor(dark(red), dark(green), dark(blue)).to_rgba()
}
