//! `dl-draw curves`: how a training went.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::{Map, Value};

use super::chart::quiet;
use super::save::{Chart, save_chart, told};
use crate::common::{Common, Io, Outcome};

/// Draw how losses and accuracies went, as dl-finetune's --log writes them
///
/// One chart for each figure of the log, training and validation (val_) together. What is known of every iteration is drawn
/// faintly, and its running mean over it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-finetune classifier --log train.jsonl .. && dl-draw curves train.jsonl --output curves.png")]
pub(super) struct Args {
    /// The log: one JSON object a line
    #[arg(value_name = "LOG.jsonl")]
    log: PathBuf,

    /// The charts: a .png, .jpg or .svg file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Figures to draw, without val_ [default: all but iteration, epoch, lr and seconds]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    figures: Option<Vec<String>>,

    /// Width of the charts in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(320..=8192))]
    width: u32,

    /// Height of each chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 360, value_parser = clap::value_parser!(u32).range(200..=4096))]
    height: u32,

    #[command(flatten)]
    pub(super) common: Common,
}

/// One figure over the iterations.
#[derive(Default)]
struct Course {
    trained: Vec<(f64, f64)>,
    validated: Vec<(f64, f64)>,
}

/// Keys that are no figures.
const OTHERS: [&str; 4] = ["iteration", "epoch", "lr", "seconds"];
const TRAINED: RGBColor = RGBColor(31, 119, 180);
const VALIDATED: RGBColor = RGBColor(214, 39, 40);

impl Args {
    pub(super) fn run(&self, _io: &mut Io) -> Result<Outcome> {
        let in_context = || self.log.display().to_string();
        let mut courses = read(&self.log).with_context(in_context)?;
        if let Some(wanted) = &self.figures {
            let known = courses.keys().cloned().collect::<Vec<_>>().join(", ");
            if let Some(missing) = wanted.iter().find(|name| !courses.contains_key(*name)) {
                bail!("{}: has no figure {missing}, only {known}", in_context());
            }
            courses.retain(|name, _| wanted.contains(name));
        }
        // The loss first, the others by name.
        let mut courses: Vec<(String, Course)> = courses.into_iter().collect();
        courses.sort_by_key(|(name, _)| (name != "loss", name.clone()));
        let size = (self.width, self.height * courses.len() as u32);
        save_chart(&self.output, size, &Courses(courses))?;
        Ok(Outcome::AllWell)
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, Course>> {
    let mut courses: BTreeMap<String, Course> = BTreeMap::new();
    for (number, line) in fs::read_to_string(path)?.lines().enumerate() {
        let line: Map<String, Value> =
            serde_json::from_str(line).with_context(|| format!("line {}: no JSON object", number + 1))?;
        let Some(iteration) = line.get("iteration").and_then(Value::as_f64) else {
            bail!("line {}: has no \"iteration\"; dl-finetune --log writes such files", number + 1);
        };
        for (key, value) in line.iter().filter(|(key, _)| !OTHERS.contains(&key.as_str())) {
            let Some(value) = value.as_f64() else { continue };
            let point = (iteration + 1.0, value);
            match key.strip_prefix("val_") {
                Some(name) => courses.entry(name.to_owned()).or_default().validated.push(point),
                None => courses.entry(key.clone()).or_default().trained.push(point),
            }
        }
    }
    if courses.is_empty() {
        bail!("holds no figures; dl-finetune --log writes such files");
    }
    Ok(courses)
}

/// The mean of each point and those before it, as many as a fiftieth of all.
fn smooth(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let window = (points.len() / 50).max(1);
    let mut sum = 0.0;
    let mean = |(index, (at, value)): (usize, &(f64, f64))| {
        sum += value;
        if index >= window {
            sum -= points[index - window].1;
        }
        (*at, sum / (index + 1).min(window) as f64)
    };
    points.iter().enumerate().map(mean).collect()
}

/// The figures in the order in which they are drawn, one below the other.
struct Courses(Vec<(String, Course)>);

impl Chart for Courses {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        let area = backend.into_drawing_area();
        area.fill(&WHITE).map_err(told)?;
        for ((name, course), area) in self.0.iter().zip(area.split_evenly((self.0.len(), 1))) {
            draw_course(&area, name, course)?;
        }
        area.present().map_err(told)
    }
}

fn draw_course<B: DrawingBackend>(area: &DrawingArea<B, Shift>, name: &str, course: &Course) -> Result<()> {
    let smoothed = smooth(&course.trained);
    let shown = || smoothed.iter().chain(&course.validated).chain(&course.trained);
    let range = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let values = shown().map(of).filter(|value| value.is_finite());
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
    };
    let (first, last) = range(&|point| point.0);
    let (low, high) = range(&|point| point.1);
    let margin = 0.04 * (high - low);
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(name, ("sans-serif", 20))
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(first..last, low - margin..high + margin)
        .map_err(told)?;
    quiet(&mut chart.configure_mesh())
        .x_desc("iteration")
        .x_label_formatter(&|at| format!("{at:.0}"))
        .y_label_formatter(&|at| format!("{at:.3}"))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .draw()
        .map_err(told)?;
    let mut line = |points: &[(f64, f64)], style: ShapeStyle| {
        chart.draw_series(LineSeries::new(points.iter().copied(), style)).map(|_| ()).map_err(told)
    };
    line(&course.trained, ShapeStyle { color: TRAINED.mix(0.25), filled: false, stroke_width: 1 })?;
    line(&smoothed, ShapeStyle { color: TRAINED.to_rgba(), filled: false, stroke_width: 2 })?;
    line(&course.validated, ShapeStyle { color: VALIDATED.to_rgba(), filled: false, stroke_width: 2 })?;
    if let [point] = course.validated.as_slice() {
        chart.draw_series([Circle::new(*point, 4, VALIDATED.filled())]).map_err(told)?;
    }
    let (width, _) = area.dim_in_pixel();
    let mut x = width as i32 - 240;
    for (words, points, color) in [("training", &course.trained, TRAINED), ("validation", &course.validated, VALIDATED)] {
        if !points.is_empty() {
            area.draw(&PathElement::new(vec![(x, 22), (x + 24, 22)], color.stroke_width(4))).map_err(told)?;
            area.draw(&Text::new(words, (x + 30, 15), ("sans-serif", 15))).map_err(told)?;
        }
        x += 115;
    }
    Ok(())
}
