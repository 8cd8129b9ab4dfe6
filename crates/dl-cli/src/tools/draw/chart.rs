//! Precision-recall curves as a chart, on whatever plotters draws.

use anyhow::Result;
use dl_vision::picture::draw::color_of;
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::save::told;
use super::thin::thinned;
use crate::common::clipped;

/// The curve of one class.
pub(super) struct Curve {
    pub(super) label: String,
    /// (recall, precision), by rising recall.
    pub(super) points: Vec<(f64, f64)>,
    /// Average precision, where it is known.
    pub(super) ap: Option<f64>,
}

/// Width of the column of names, in pixels.
const LEGEND: u32 = 250;

/// Letters of a name in it.
const ENTRY: usize = 40;

/// Height of a line of text, in pixels.
const LINE: i32 = 22;

/// Draws the curves and, beside them, their names with average precisions.
/// # Errors
/// When the drawing fails.
pub(super) fn draw<B: DrawingBackend>(backend: B, curves: &[Curve], title: &str) -> Result<()> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE).map_err(told)?;
    let (chart, legend) = split_legend(&area);
    draw_curves(&chart, curves, title)?;
    let words = |curve: &Curve| match curve.ap {
        Some(ap) => format!("{ap:.3}  {}", curve.label),
        None => curve.label.clone(),
    };
    let entries: Vec<(RGBAColor, String)> = curves.iter().map(|curve| (color(&curve.label), words(curve))).collect();
    draw_legend(&legend, &entries)?;
    area.present().map_err(told)
}

fn draw_curves<B: DrawingBackend>(area: &DrawingArea<B, Shift>, curves: &[Curve], title: &str) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .caption(title, ("sans-serif", 22))
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)
        .map_err(told)?;
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
        .map_err(told)?;
    let (width, _) = area.dim_in_pixel();
    for curve in curves {
        let style = ShapeStyle { color: color(&curve.label), filled: false, stroke_width: 2 };
        let points = thinned(&curve.points, width, |recall| (recall * f64::from(width)) as i32);
        chart.draw_series(LineSeries::new(points, style)).map_err(told)?;
    }
    Ok(())
}

/// Thin lines behind what is drawn.
pub(super) fn quiet<'m, 'a, 'b, X: Ranged, Y: Ranged, B: DrawingBackend>(
    mesh: &'m mut MeshStyle<'a, 'b, X, Y, B>,
) -> &'m mut MeshStyle<'a, 'b, X, Y, B> {
    mesh.max_light_lines(0).bold_line_style(BLACK.mix(0.14)).axis_style(BLACK.mix(0.6))
}

/// The place of a chart, and that of its legend beside it.
pub(super) fn split_legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
) -> (DrawingArea<B, Shift>, DrawingArea<B, Shift>) {
    let (width, _) = area.dim_in_pixel();
    area.split_horizontally(width.saturating_sub(LEGEND))
}

/// Draws a bar in each colour, and the words beside it.
/// # Errors
/// When the drawing fails.
pub(super) fn draw_legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    entries: &[(RGBAColor, String)],
) -> Result<()> {
    let (_, height) = area.dim_in_pixel();
    let lines = usize::try_from((height as i32 - 80) / LINE).unwrap_or(0).max(1);
    // The last line says what has no line of its own.
    let shown = if entries.len() > lines { lines - 1 } else { entries.len() };
    let style = TextStyle::from(("sans-serif", 15)).pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = 56;
    for (color, words) in &entries[..shown] {
        let bar = ShapeStyle { color: *color, filled: false, stroke_width: 4 };
        area.draw(&PathElement::new(vec![(6, y), (28, y)], bar)).map_err(told)?;
        area.draw(&Text::new(clipped(words, ENTRY), (38, y), &style)).map_err(told)?;
        y += LINE;
    }
    if shown < entries.len() {
        let words = format!("and {} more", entries.len() - shown);
        area.draw(&Text::new(words, (38, y), &style)).map_err(told)?;
    }
    Ok(())
}

/// The colour of a label on white paper.
fn color(label: &str) -> RGBAColor {
    let [red, green, blue] = color_of(label);
    // The bright colours that suit a photograph are darkened.
    let dark = |channel: u8| (f64::from(channel) * 0.86) as u8;
    RGBColor(dark(red), dark(green), dark(blue)).to_rgba()
}
