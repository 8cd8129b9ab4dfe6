//! `dl-draw curves`: how a training went.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::Value;

use super::axis::{Axis, bounded};
use super::chart::quiet;
use super::rows::each_row;
use super::save::{Chart, check_size, not_a_file, save_chart, told};
use super::trace::Trace;
use crate::common::{Common, Io, Outcome, clipped};

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
    trained: Trace,
    validated: Trace,
}

/// Keys that are no figures.
const OTHERS: [&str; 4] = ["iteration", "epoch", "lr", "seconds"];
const TRAINED: RGBColor = RGBColor(31, 119, 180);
const VALIDATED: RGBColor = RGBColor(214, 39, 40);

/// The most figures of a drawing.
const MOST_FIGURES: usize = 64;

impl Args {
    pub(super) fn run(&self, _io: &mut Io) -> Result<Outcome> {
        not_a_file(&self.output, &self.log)?;
        let courses = self.read().with_context(|| self.log.display().to_string())?;
        // The loss first, the others by name.
        let mut courses: Vec<(String, Course)> = courses.into_iter().collect();
        courses.sort_by_key(|(name, _)| (name != "loss", name.clone()));
        let height = u64::from(self.height) * courses.len() as u64;
        check_size(self.width.into(), height)?;
        save_chart(&self.output, (self.width, height as u32), &Courses(courses))?;
        Ok(Outcome::AllWell)
    }

    fn read(&self) -> Result<BTreeMap<String, Course>> {
        let mut courses: BTreeMap<String, Course> = BTreeMap::new();
        let mut known = BTreeSet::new();
        each_row(&self.log, |number, line| {
            let Some(iteration) = line.get("iteration").and_then(Value::as_f64) else {
                bail!("line {number}: has no \"iteration\"; dl-finetune --log writes such files");
            };
            for (key, value) in line.iter().filter(|(key, _)| !OTHERS.contains(&key.as_str())) {
                let Some(value) = value.as_f64() else { continue };
                let validated = key.strip_prefix("val_");
                let name = validated.unwrap_or(key);
                if known.len() <= MOST_FIGURES && !known.contains(name) {
                    known.insert(name.to_owned());
                }
                if self.figures.as_ref().is_some_and(|wanted| !wanted.iter().any(|wanted| wanted == name)) {
                    continue;
                }
                if !courses.contains_key(name) {
                    ensure!(
                        courses.len() < MOST_FIGURES,
                        "line {number}: more than {MOST_FIGURES} figures; choose some with --figures"
                    );
                    courses.insert(name.to_owned(), Course::default());
                }
                if let Some(course) = courses.get_mut(name) {
                    let trace = if validated.is_some() { &mut course.validated } else { &mut course.trained };
                    trace.push(bounded(iteration + 1.0), bounded(value));
                }
            }
            Ok(())
        })?;
        if known.is_empty() {
            bail!("holds no figures; dl-finetune --log writes such files");
        }
        let missing = self.figures.iter().flatten().find(|name| !courses.contains_key(*name));
        if let Some(missing) = missing {
            let known: Vec<String> = known.iter().take(MOST_FIGURES).map(|name| clipped(name, NAME)).collect();
            bail!("has no figure {missing}, only {}", known.join(", "));
        }
        Ok(courses)
    }
}

/// Columns of a figure's name.
const NAME: usize = 60;

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
    let (trained, validated) = (course.trained.line(), course.validated.line());
    let smoothed = course.trained.smooth();
    let shown = || smoothed.iter().chain(&validated).chain(&trained);
    let right = Axis::around(shown().map(|point| point.0), 0.0);
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(clipped(name, NAME), ("sans-serif", 20))
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(right, Axis::around(shown().map(|point| point.1), 0.04))
        .map_err(told)?;
    quiet(&mut chart.configure_mesh())
        .x_desc("iteration")
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .draw()
        .map_err(told)?;
    let mut line = |points: &[(f64, f64)], style: ShapeStyle| {
        chart.draw_series(LineSeries::new(points.iter().copied(), style)).map(|_| ()).map_err(told)
    };
    line(&trained, ShapeStyle { color: TRAINED.mix(0.25), filled: false, stroke_width: 1 })?;
    line(&smoothed, ShapeStyle { color: TRAINED.to_rgba(), filled: false, stroke_width: 2 })?;
    line(&validated, ShapeStyle { color: VALIDATED.to_rgba(), filled: false, stroke_width: 2 })?;
    if let [point] = validated.as_slice() {
        chart.draw_series([Circle::new(*point, 4, VALIDATED.filled())]).map_err(told)?;
    }
    let (width, _) = area.dim_in_pixel();
    let mut x = width as i32 - 240;
    for (words, points, color) in [("training", &trained, TRAINED), ("validation", &validated, VALIDATED)] {
        if !points.is_empty() {
            area.draw(&PathElement::new(vec![(x, 22), (x + 24, 22)], color.stroke_width(4))).map_err(told)?;
            area.draw(&Text::new(words, (x + 30, 15), ("sans-serif", 15))).map_err(told)?;
        }
        x += 115;
    }
    Ok(())
}
