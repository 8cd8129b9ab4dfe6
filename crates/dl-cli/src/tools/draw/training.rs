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
use super::rows::each_row;
use super::save::{Chart, chart_error, check_size, not_a_file, save_chart};
use super::trace::Trace;
use crate::common::{Common, Io, Outcome, clipped};

/// Draw the losses and accuracies that --log of dl-finetune and dl-gan-train writes
///
/// Draws one chart per metric, with training and validation (val_) together. The values of single iterations are faint,
/// with their running mean on top.
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

    /// Width of the charts in pixels
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

/// A metric over the iterations.
#[derive(Default)]
struct History {
    trained: Trace,
    validated: Trace,
}

/// Keys that are not metrics.
const OTHERS: [&str; 4] = ["iteration", "epoch", "lr", "seconds"];
/// The names of learning rates of single players end with this.
const RATE: &str = "_lr";
/// Losses, of which a GAN has two.
const LOSSES: [&str; 3] = ["loss", "discriminator", "generator"];
const TRAINED: RGBColor = RGBColor(31, 119, 180);
const VALIDATED: RGBColor = RGBColor(214, 39, 40);

/// What to draw.
const WRITERS: &str = "dl-finetune --log and dl-gan-train --log write such files";

/// The most metrics of a drawing.
const MOST_METRICS: usize = 64;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        not_a_file(&self.output, &self.log)?;
        let histories = self.read().with_context(|| self.log.display().to_string())?;
        // The losses first, the others by name.
        let mut histories: Vec<(String, History)> = histories.into_iter().collect();
        histories.sort_by_key(|(name, _)| (!LOSSES.contains(&name.as_str()), name.clone()));
        let height = u64::from(self.height) * histories.len() as u64;
        check_size(self.width.into(), height)?;
        save_chart(&self.output, (self.width, height as u32), &self.fonts, &io.messages, &Histories(histories))?;
        Ok(Outcome::AllWell)
    }

    fn read(&self) -> Result<BTreeMap<String, History>> {
        let mut histories: BTreeMap<String, History> = BTreeMap::new();
        let mut known = BTreeSet::new();
        each_row(&self.log, |number, line| {
            let Some(iteration) = line.get("iteration").and_then(Value::as_f64) else {
                bail!("line {number}: has no \"iteration\"; {WRITERS}");
            };
            for (key, value) in line.iter().filter(|(key, _)| !OTHERS.contains(&key.as_str()) && !key.ends_with(RATE)) {
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

/// The metrics in drawing order, one below the other.
struct Histories(Vec<(String, History)>);

impl Chart for Histories {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        let area = backend.into_drawing_area();
        area.fill(&WHITE).map_err(chart_error)?;
        for ((name, history), area) in self.0.iter().zip(area.split_evenly((self.0.len(), 1))) {
            draw_history(&area, name, history)?;
        }
        area.present().map_err(chart_error)
    }
}

fn draw_history<B: DrawingBackend>(area: &DrawingArea<B, Shift>, name: &str, history: &History) -> Result<()> {
    let (trained, validated) = (history.trained.line(), history.validated.line());
    let smoothed = history.trained.smooth();
    let shown = || smoothed.iter().chain(&validated).chain(&trained);
    let x_axis = Axis::whole(shown().map(|point| point.0));
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(clipped(name, NAME), ("sans-serif", 20))
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(x_axis, Axis::around(shown().map(|point| point.1), 0.04))
        .map_err(chart_error)?;
    quiet(&mut chart.configure_mesh())
        .x_desc("iteration")
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .draw()
        .map_err(chart_error)?;
    let mut line = |points: &[(f64, f64)], style: ShapeStyle| {
        chart.draw_series(LineSeries::new(points.iter().copied(), style)).map(|_| ()).map_err(chart_error)
    };
    line(&trained, ShapeStyle { color: TRAINED.mix(0.25), filled: false, stroke_width: 1 })?;
    line(&smoothed, ShapeStyle { color: TRAINED.to_rgba(), filled: false, stroke_width: 2 })?;
    line(&validated, ShapeStyle { color: VALIDATED.to_rgba(), filled: false, stroke_width: 2 })?;
    // One point makes no line.
    for (points, color) in [(&smoothed, TRAINED), (&validated, VALIDATED)] {
        if let [point] = points.as_slice() {
            chart.draw_series([Circle::new(*point, 4, color.filled())]).map_err(chart_error)?;
        }
    }
    let (width, _) = area.dim_in_pixel();
    let mut x = width as i32 - 240;
    for (words, points, color) in [("training", &trained, TRAINED), ("validation", &validated, VALIDATED)] {
        if !points.is_empty() {
            area.draw(&PathElement::new(vec![(x, 22), (x + 24, 22)], color.stroke_width(4))).map_err(chart_error)?;
            area.draw(&Text::new(words, (x + 30, 15), ("sans-serif", 15))).map_err(chart_error)?;
        }
        x += 115;
    }
    Ok(())
}
