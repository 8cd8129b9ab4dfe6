//! `dl-draw curves`: losses and metrics during training.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::Value;

use super::axis::{Axis, bounded};
use super::chart::quiet;
use super::fonts::FontArgs;
use super::panels::{History, Panel, RATE, panels};
use super::rows::each_row;
use super::save::{Chart, chart_error, check_size, not_a_file, save_chart};
use crate::common::{Common, Io, Outcome, clipped};

/// Draw the losses and accuracies that --log of dl-finetune and dl-gan-train writes
///
/// Draws one chart per metric, with training and validation (val_) together, in as many columns as make the drawing about
/// as wide as high. The values of single iterations are faint, with their running mean on top. Of a GAN, the charts that
/// show whether it works come first: d_accuracy, d_real with d_fake, diversity and distances; then losses and gradients.
/// Metrics of both domains (_a and _b), and of players with numbers, share a chart.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw curves train.jsonl --output curves.png
  dl-draw curves train.jsonl --metrics loss --output loss.svg")]
pub(super) struct Args {
    /// Training log, one JSON object per line
    #[arg(value_name = "LOG.jsonl")]
    log: PathBuf,

    /// File to write: .png, .jpg or .svg
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Metrics to draw, without the prefix val_ [default: all except iteration, epoch, seconds and learning rates]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    metrics: Option<Vec<String>>,

    /// Charts side by side [default: about as many as fill a square]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    columns: Option<u32>,

    /// Width of each chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(320..=8192))]
    width: u32,

    /// Height of each chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 360, value_parser = clap::value_parser!(u32).range(200..=4096))]
    height: u32,

    #[command(flatten)]
    fonts: FontArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// Keys that are not metrics.
const OTHERS: [&str; 3] = ["iteration", "epoch", "seconds"];
const TRAINED: RGBColor = RGBColor(31, 119, 180);
const VALIDATED: RGBColor = RGBColor(214, 39, 40);
/// The lines of a chart of several metrics.
const COLORS: [RGBColor; 8] = [
    TRAINED,
    VALIDATED,
    RGBColor(44, 160, 44),
    RGBColor(255, 127, 14),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(23, 190, 207),
];

/// What to draw.
const WRITERS: &str = "dl-finetune --log and dl-gan-train --log write such files";

/// The most metrics of a drawing.
const MOST_METRICS: usize = 64;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        not_a_file(&self.output, &self.log)?;
        let histories = self.read().with_context(|| self.log.display().to_string())?;
        let panels = panels(histories);
        let count = panels.len() as u32;
        let columns = self.columns.map_or_else(|| self.best_columns(count), |columns| columns.min(count));
        let (width, height) =
            (u64::from(self.width) * u64::from(columns), u64::from(self.height) * u64::from(count.div_ceil(columns)));
        check_size(width, height)?;
        let charts = Charts { panels, columns };
        save_chart(&self.output, (width as u32, height as u32), &self.fonts, &io.messages, &charts)?;
        Ok(Outcome::AllWell)
    }

    /// The columns that make the drawing about as wide as high, fewer rather than more.
    fn best_columns(&self, count: u32) -> u32 {
        let lengthy = |columns: u32| {
            let width = f64::from(self.width) * f64::from(columns);
            let height = f64::from(self.height) * f64::from(count.div_ceil(columns));
            width.max(height) / width.min(height)
        };
        (1..=count).min_by(|a, b| lengthy(*a).total_cmp(&lengthy(*b))).unwrap_or(1)
    }

    /// Whether a key is a metric to draw.
    fn is_metric(&self, key: &str) -> bool {
        let is_chosen = self.metrics.iter().flatten().any(|metric| metric == key);
        let is_rate = key == "lr" || key.ends_with(RATE);
        !OTHERS.contains(&key) && (is_chosen || !is_rate)
    }

    fn read(&self) -> Result<BTreeMap<String, History>> {
        let mut histories: BTreeMap<String, History> = BTreeMap::new();
        let mut known = BTreeSet::new();
        each_row(&self.log, |number, line| {
            let Some(iteration) = line.get("iteration").and_then(Value::as_f64) else {
                bail!("line {number}: has no \"iteration\"; {WRITERS}");
            };
            for (key, value) in line.iter().filter(|(key, _)| self.is_metric(key)) {
                let Some(value) = value.as_f64() else { continue };
                let validated = key.strip_prefix("val_");
                let name = validated.unwrap_or(key);
                if known.len() <= MOST_METRICS && !known.contains(name) {
                    known.insert(name.to_owned());
                }
                if self.metrics.as_ref().is_some_and(|chosen| !chosen.iter().any(|metric| metric == name)) {
                    continue;
                }
                if !histories.contains_key(name) {
                    ensure!(
                        histories.len() < MOST_METRICS,
                        "line {number}: more than {MOST_METRICS} metrics; choose some with --metrics"
                    );
                    histories.insert(name.to_owned(), History::default());
                }
                if let Some(history) = histories.get_mut(name) {
                    let trace = if validated.is_some() { &mut history.validated } else { &mut history.trained };
                    trace.push(bounded(iteration), bounded(value));
                }
            }
            Ok(())
        })?;
        if known.is_empty() {
            bail!("has no metrics; {WRITERS}");
        }
        let missing = self.metrics.iter().flatten().find(|name| !histories.contains_key(*name));
        if let Some(missing) = missing {
            let known: Vec<String> = known.iter().take(MOST_METRICS).map(|name| clipped(name, NAME)).collect();
            bail!("has no metric {missing}, only {}", known.join(", "));
        }
        Ok(histories)
    }
}

/// Columns of a metric's name.
const NAME: usize = 60;

/// The charts, row by row.
struct Charts {
    panels: Vec<Panel>,
    columns: u32,
}

impl Chart for Charts {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        let area = backend.into_drawing_area();
        area.fill(&WHITE).map_err(chart_error)?;
        let columns = self.columns as usize;
        let areas = area.split_evenly((self.panels.len().div_ceil(columns), columns));
        for (panel, area) in self.panels.iter().zip(areas) {
            draw_panel(&area, panel)?;
        }
        area.present().map_err(chart_error)
    }
}

/// A line of a chart.
struct Line {
    label: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
    /// The single values, drawn faintly.
    faint: Vec<(f64, f64)>,
}

impl Panel {
    /// Of one metric, training and validation; of several, the metrics.
    fn lines(&self) -> Vec<Line> {
        let is_alone = self.metrics.len() == 1;
        let mut lines = Vec::new();
        for (name, History { trained, validated }) in &self.metrics {
            let name = clipped(name, NAME);
            let label = |alone: &str, other: String| if is_alone { alone.to_owned() } else { other };
            let validation = label("validation", format!("val_{name}"));
            let known = [
                (label("training", name), trained.smooth(), trained.line()),
                (validation, validated.line(), Vec::new()),
            ];
            for (place, (label, points, faint)) in known.into_iter().enumerate() {
                if !points.is_empty() {
                    let color = COLORS[if is_alone { place } else { lines.len() } % COLORS.len()];
                    lines.push(Line { label, color, points, faint });
                }
            }
        }
        lines
    }
}

fn draw_panel<B: DrawingBackend>(area: &DrawingArea<B, Shift>, panel: &Panel) -> Result<()> {
    let lines = panel.lines();
    let shown = || lines.iter().flat_map(|line| line.points.iter().chain(&line.faint));
    let x_axis = Axis::whole(shown().map(|point| point.0));
    let y_axis = match panel.is_share {
        true => Axis::around([0.0, 1.0].into_iter(), 0.02),
        false => Axis::around(shown().map(|point| point.1), 0.04),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .margin_top(TOP)
        .x_label_area_size(40)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x_axis, y_axis)
        .map_err(chart_error)?;
    quiet(&mut chart.configure_mesh())
        .x_desc("iteration")
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .draw()
        .map_err(chart_error)?;
    let mut draw = |points: &[(f64, f64)], style: ShapeStyle| {
        chart.draw_series(LineSeries::new(points.iter().copied(), style)).map(|_| ()).map_err(chart_error)
    };
    for Line { color, faint, .. } in &lines {
        draw(faint, ShapeStyle { color: color.mix(0.25), filled: false, stroke_width: 1 })?;
    }
    for Line { color, points, .. } in &lines {
        draw(points, ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: 2 })?;
    }
    // One point makes no line.
    for Line { color, points, .. } in &lines {
        if let [point] = points.as_slice() {
            chart.draw_series([Circle::new(*point, 4, color.filled())]).map_err(chart_error)?;
        }
    }
    draw_names(area, panel, &lines)
}

/// Pixels above a chart, and to the left of it.
const TOP: i32 = 42;
const LEFT: i32 = 64;
/// Pixels of a line's color beside its name, and from name to name.
const BAR: i32 = 24;
const BETWEEN: i32 = 18;

/// Writes the name of the metric on the left with the legend on the right, or the legend of several metrics on the left.
fn draw_names<B: DrawingBackend>(area: &DrawingArea<B, Shift>, panel: &Panel, lines: &[Line]) -> Result<()> {
    let left = LEFT + 14;
    let style = TextStyle::from(("sans-serif", 15));
    let wide = |words: &str| match area.estimate_text_size(words, &style) {
        Ok((wide, _)) => wide as i32,
        Err(_) => 8 * words.chars().count() as i32,
    };
    let mut x = left;
    if let [(name, _)] = panel.metrics.as_slice() {
        area.draw(&Text::new(clipped(name, NAME), (left, 13), ("sans-serif", 20))).map_err(chart_error)?;
        let all: i32 = lines.iter().map(|line| BAR + 6 + wide(&line.label)).sum();
        let (width, _) = area.dim_in_pixel();
        x = width as i32 - 20 - all - BETWEEN * (lines.len() as i32 - 1);
    }
    for Line { label, color, .. } in lines {
        let bar = PathElement::new(vec![(x, 22), (x + BAR, 22)], color.stroke_width(4));
        area.draw(&bar).map_err(chart_error)?;
        area.draw(&Text::new(label.as_str(), (x + BAR + 6, 15), style.clone())).map_err(chart_error)?;
        x += BAR + 6 + wide(label) + BETWEEN;
    }
    Ok(())
}
