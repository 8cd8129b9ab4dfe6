//! `dl-draw lines`: a table as a line chart.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::{Map, Value};

use super::axis::{Axis, bounded};
use super::chart::{draw_legend, quiet, split_legend};
use super::fonts::FontArgs;
use super::rows::each_row;
use super::save::{Chart, chart_error, not_a_file, save_chart};
use super::thin::{distinct, thinned};
use crate::common::{Common, Io, Outcome};

/// Draw a table as a line chart
///
/// Each line of the file is a measurement, a JSON object. If several measurements share their values of --by and --x,
/// the line runs through their mean, and each is a faint dot. The legend lists the lines by their last y, highest
/// first.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw lines accuracy.jsonl --x images --y accuracy --by method \\
    --log-x --output accuracy.png")]
pub(super) struct Args {
    /// Measurements, one JSON object per line
    #[arg(value_name = "TABLE.jsonl")]
    table: PathBuf,

    /// Key of the x axis
    #[arg(long, value_name = "KEY")]
    x: String,

    /// Key of the y axis
    #[arg(long, value_name = "KEY")]
    y: String,

    /// Key whose values become separate lines [default: one line]
    #[arg(long, value_name = "KEY")]
    by: Option<String>,

    /// Use a logarithmic x axis
    #[arg(long)]
    log_x: bool,

    /// File to write: .png, .jpg or .svg
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Width of the chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(480..=8192))]
    width: u32,

    /// Height of the chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 540, value_parser = clap::value_parser!(u32).range(240..=8192))]
    height: u32,

    /// Title of the chart [default: none]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    title: String,

    #[command(flatten)]
    fonts: FontArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// The measurements of one line, by rising x.
struct Line {
    label: String,
    points: Vec<(f64, f64)>,
    /// Its last y.
    last: f64,
}

impl Line {
    /// The mean of the points at each x.
    fn means(&self) -> Vec<(f64, f64)> {
        self.points.chunk_by(|a, b| a.0 == b.0).map(|same| (same[0].0, mean(same))).collect()
    }
}

/// The mean y.
fn mean(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64
}

/// The most lines of a chart.
const MOST_LINES: usize = 1000;

/// With more points than this, a line has no dots that touch.
const MOST_DOTS: usize = 2000;

/// The most measurements of a file.
const MOST_POINTS: usize = 1 << 24;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        not_a_file(&self.output, &self.table)?;
        let mut lines = self.read().with_context(|| self.table.display().to_string())?;
        if lines.len() > MOST_LINES {
            let count = lines.len();
            io.messages.note(format_args!("of the {count} lines the {MOST_LINES} that end highest are drawn"));
            lines.truncate(MOST_LINES);
        }
        save_chart(&self.output, (self.width, self.height), &self.fonts, &io.messages, &Lines { lines, args: self })?;
        Ok(Outcome::AllWell)
    }

    fn read(&self) -> Result<Vec<Line>> {
        let mut lines: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        let mut points = 0;
        each_row(&self.table, |line, object| {
            let in_context = || format!("line {line}");
            let number = |key: &str| Self::number(&object, key).with_context(in_context);
            let (x, y) = (number(&self.x)?, number(&self.y)?);
            ensure!(!self.log_x || x > 0.0, "{}: \"{}\" is {x}; with --log-x it must be above 0", in_context(), self.x);
            let label = match &self.by {
                None => String::new(),
                Some(key) => match object.get(key) {
                    Some(Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                    None => bail!("{}: has no \"{key}\"", in_context()),
                },
            };
            points += 1;
            ensure!(points <= MOST_POINTS, "{}: more than {MOST_POINTS} measurements; draw fewer", in_context());
            lines.entry(label).or_default().push((bounded(x), bounded(y)));
            Ok(())
        })?;
        ensure!(!lines.is_empty(), "has no measurements");
        let sorted = |(label, mut points): (String, Vec<(f64, f64)>)| {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let last = points.chunk_by(|a, b| a.0 == b.0).next_back().map_or(0.0, mean);
            Line { label, points, last }
        };
        let mut lines: Vec<Line> = lines.into_iter().map(sorted).collect();
        lines.sort_by(|a, b| b.last.total_cmp(&a.last));
        Ok(lines)
    }

    fn number(object: &Map<String, Value>, key: &str) -> Result<f64> {
        let value = object.get(key).with_context(|| format!("has no \"{key}\""))?;
        value.as_f64().with_context(|| format!("\"{key}\" is {value}, not a number"))
    }
}

/// What is drawn.
struct Lines<'a> {
    lines: Vec<Line>,
    args: &'a Args,
}

impl Chart for Lines<'_> {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        let area = backend.into_drawing_area();
        area.fill(&WHITE).map_err(chart_error)?;
        let chart = if self.args.by.is_some() {
            let (chart, legend) = split_legend(&area);
            let entry = |(index, line): (usize, &Line)| (color(index), line.label.clone());
            let entries: Vec<(RGBAColor, String)> = self.lines.iter().enumerate().map(entry).collect();
            draw_legend(&legend, &entries)?;
            chart
        } else {
            area.clone()
        };
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let x = || all().map(|point| point.0);
        let x = if self.args.log_x { Axis::logarithmic(x()) } else { Axis::around(x(), 0.0) };
        self.draw_lines(&chart, x, Axis::around(all().map(|point| point.1), 0.04))?;
        area.present().map_err(chart_error)
    }
}

impl Lines<'_> {
    fn draw_lines<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, x_axis: Axis, y_axis: Axis) -> Result<()> {
        let mut chart = ChartBuilder::on(area)
            .margin(16)
            .caption(&self.args.title, ("sans-serif", 22))
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(x_axis, y_axis)
            .map_err(chart_error)?;
        quiet(&mut chart.configure_mesh())
            .x_desc(self.args.x.replace('_', " "))
            .y_desc(self.args.y.replace('_', " "))
            .label_style(("sans-serif", 15))
            .axis_desc_style(("sans-serif", 18))
            .draw()
            .map_err(chart_error)?;
        let (wide, high) = area.dim_in_pixel();
        // Of very many dots, draw those that do not touch.
        let places = |points: &[(f64, f64)]| {
            let step = if points.len() > MOST_DOTS { 8 } else { 1 };
            distinct(points, |(x, y)| (x_axis.column(*x, wide) / step, y_axis.column(*y, high) / step))
        };
        for (index, line) in self.lines.iter().enumerate() {
            let (color, means) = (color(index), line.means());
            let stroke = ShapeStyle { color, filled: false, stroke_width: 2 };
            let path = thinned(&means, wide, |x| x_axis.column(x, wide));
            chart.draw_series(LineSeries::new(path, stroke)).map_err(chart_error)?;
            let dots = places(&means);
            chart
                .draw_series(dots.into_iter().map(|point| Circle::new(point, 4, color.filled())))
                .map_err(chart_error)?;
            let (faint, dots) = (color.mix(0.35), places(&line.points));
            chart
                .draw_series(dots.into_iter().map(|point| Circle::new(point, 2, faint.filled())))
                .map_err(chart_error)?;
        }
        Ok(())
    }
}

/// The color of a line, as different from the others as possible.
fn color(index: usize) -> RGBAColor {
    Palette99::pick(index).to_rgba()
}
