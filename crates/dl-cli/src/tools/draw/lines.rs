//! `dl-draw lines`: one figure against another, a line for each of several ways.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use serde_json::{Map, Value};

use super::chart::{draw_legend, quiet, split_legend};
use super::save::{Chart, save_chart, told};
use crate::common::{Common, Io, Outcome};

/// Draw one figure against another, with a line for each value of a third
///
/// The file has one JSON object a line, one for each measurement. Where several have the same --by and --x, the line goes
/// through their mean, and each is a faint dot. Lines are listed by their last height.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw lines accuracy.jsonl --x images --y accuracy --by method --log-x --output accuracy.png")]
pub(super) struct Args {
    /// The measurements: one JSON object a line
    #[arg(value_name = "TABLE.jsonl")]
    table: PathBuf,

    /// Key of what goes to the right
    #[arg(long, value_name = "KEY")]
    x: String,

    /// Key of what goes up
    #[arg(long, value_name = "KEY")]
    y: String,

    /// Key that tells the lines apart [default: one line]
    #[arg(long, value_name = "KEY")]
    by: Option<String>,

    /// Steps to the right are factors
    #[arg(long)]
    log_x: bool,

    /// The chart: a .png, .jpg or .svg file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Width of the chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(480..=8192))]
    width: u32,

    /// Height of the chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 540, value_parser = clap::value_parser!(u32).range(240..=8192))]
    height: u32,

    /// Words above the chart
    #[arg(long, value_name = "TEXT", default_value = "")]
    title: String,

    #[command(flatten)]
    pub(super) common: Common,
}

/// The measurements of one line, by rising x.
struct Line {
    label: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// The mean of the points of each x.
    fn means(&self) -> Vec<(f64, f64)> {
        let alike = self.points.chunk_by(|a, b| a.0 == b.0);
        alike.map(|same| (same[0].0, same.iter().map(|point| point.1).sum::<f64>() / same.len() as f64)).collect()
    }
}

impl Args {
    pub(super) fn run(&self, _io: &mut Io) -> Result<Outcome> {
        let lines = self.read(&self.table).with_context(|| self.table.display().to_string())?;
        save_chart(&self.output, (self.width, self.height), &Lines { lines, args: self })?;
        Ok(Outcome::AllWell)
    }

    fn read(&self, path: &Path) -> Result<Vec<Line>> {
        let mut lines: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (number, text) in fs::read_to_string(path)?.lines().enumerate() {
            let in_context = || format!("line {}", number + 1);
            let object: Map<String, Value> = serde_json::from_str(text).with_context(|| format!("{}: no JSON object", in_context()))?;
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
            lines.entry(label).or_default().push((x, y));
        }
        ensure!(!lines.is_empty(), "holds no measurement");
        let sorted = |(label, mut points): (String, Vec<(f64, f64)>)| {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            Line { label, points }
        };
        let mut lines: Vec<Line> = lines.into_iter().map(sorted).collect();
        let height = |line: &Line| line.means().last().map_or(0.0, |point| point.1);
        lines.sort_by(|a, b| height(b).total_cmp(&height(a)));
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
        area.fill(&WHITE).map_err(told)?;
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
        let right = range(all().map(|point| point.0), 0.0);
        if self.args.log_x {
            self.draw_lines(&chart, (right.0..right.1).log_scale(), range(all().map(|point| point.1), 0.04))?;
        } else {
            self.draw_lines(&chart, right.0..right.1, range(all().map(|point| point.1), 0.04))?;
        }
        area.present().map_err(told)
    }
}

impl Lines<'_> {
    fn draw_lines<B, X>(&self, area: &DrawingArea<B, Shift>, right: X, up: (f64, f64)) -> Result<()>
    where
        B: DrawingBackend,
        X: AsRangedCoord<Value = f64, CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin(16)
            .caption(&self.args.title, ("sans-serif", 22))
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(right, up.0..up.1)
            .map_err(told)?;
        let short = |at: &f64| format!("{}", (at * 1e6).round() / 1e6);
        quiet(&mut chart.configure_mesh())
            .x_desc(self.args.x.replace('_', " "))
            .y_desc(self.args.y.replace('_', " "))
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .label_style(("sans-serif", 15))
            .axis_desc_style(("sans-serif", 18))
            .draw()
            .map_err(told)?;
        for (index, line) in self.lines.iter().enumerate() {
            let (color, means) = (color(index), line.means());
            let stroke = ShapeStyle { color, filled: false, stroke_width: 2 };
            chart.draw_series(LineSeries::new(means.iter().copied(), stroke)).map_err(told)?;
            chart.draw_series(means.iter().map(|point| Circle::new(*point, 4, color.filled()))).map_err(told)?;
            let faint = color.mix(0.35);
            chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 2, faint.filled()))).map_err(told)?;
        }
        Ok(())
    }
}

/// Of a line: as different from the others as can be.
fn color(index: usize) -> RGBAColor {
    Palette99::pick(index).to_rgba()
}

/// The least and the largest, with this share of their distance beyond.
fn range(values: impl Iterator<Item = f64>, margin: f64) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low < high { (low - margin * (high - low), high + margin * (high - low)) } else { (0.5 * low, 1.5 * high + 0.5) }
}
