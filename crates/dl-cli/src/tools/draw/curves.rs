//! `dl-draw pr`: precision-recall curves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};
use dl_record::file::read_text;
use plotters::prelude::DrawingBackend;
use serde::Deserialize;

use super::chart::{self, Curve};
use super::fonts::FontArgs;
use super::save::{Chart, not_a_file, save_chart};
use crate::common::{Common, Io, Outcome};

/// Draw the precision-recall curves that dl-eval --curves writes
///
/// CURVES.json contains {"CLASS": {"precision": [..], "recall": [..], "ap": ..}, ..}. The legend lists classes by
/// average precision, best first.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval voc --curves curves.json found.jsonl
  dl-draw pr curves.json --output pr.png")]
pub(super) struct Args {
    /// Curves per class
    #[arg(value_name = "CURVES.json")]
    curves: PathBuf,

    /// File to write: .png, .jpg or .svg
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Width of the chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(480..=8192))]
    width: u32,

    /// Height of the chart in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 640, value_parser = clap::value_parser!(u32).range(240..=8192))]
    height: u32,

    /// Title of the chart [default: the mean average precision]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    #[command(flatten)]
    fonts: FontArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// A class in the file.
#[derive(Deserialize)]
struct ClassCurve {
    precision: Vec<f64>,
    recall: Vec<f64>,
    ap: Option<f64>,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        not_a_file(&self.output, &self.curves)?;
        let mut curves = read(&self.curves)?;
        let title = self.title.clone().unwrap_or_else(|| mean(&curves));
        if curves.len() > MOST_CURVES {
            let count = curves.len();
            io.messages.note(format_args!(
                "of the {count} classes the {MOST_CURVES} with the best average precision are drawn"
            ));
            curves.truncate(MOST_CURVES);
        }
        save_chart(&self.output, (self.width, self.height), &self.fonts, &io.messages, &Curves { curves, title })?;
        Ok(Outcome::AllWell)
    }
}

/// What is drawn.
struct Curves {
    curves: Vec<Curve>,
    title: String,
}

impl Chart for Curves {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        chart::draw(backend, &self.curves, &self.title)
    }
}

/// The most curves of a chart.
const MOST_CURVES: usize = 1000;

/// The most bytes of the file.
const MOST_BYTES: u64 = 1 << 30;

fn read(path: &Path) -> Result<Vec<Curve>> {
    parse(&read_text(path, MOST_BYTES)?).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> Result<Vec<Curve>> {
    let stored: BTreeMap<String, ClassCurve> = serde_json::from_str(text).map_err(|error| {
        const WHY: &str = "not a file of curves; dl-eval --curves writes one";
        // The place of an error helps only where the JSON itself is broken.
        if error.is_data() { anyhow!(WHY) } else { Error::new(error).context(WHY) }
    })?;
    if stored.is_empty() {
        bail!("has no curves");
    }
    let curve = |(label, stored): (String, ClassCurve)| {
        if stored.precision.len() != stored.recall.len() {
            let (precision, recall) = (stored.precision.len(), stored.recall.len());
            bail!("class \"{label}\" has {precision} precisions and {recall} recalls");
        }
        let numbers = stored.precision.iter().chain(&stored.recall).chain(&stored.ap);
        if let Some(number) = numbers.copied().find(|number| !(0.0..=1.0).contains(number)) {
            bail!("class \"{label}\" has {number}, which is not a precision or recall: those are from 0 to 1");
        }
        let points = stored.recall.into_iter().zip(stored.precision).collect();
        Ok(Curve { label, points, ap: stored.ap })
    };
    let mut curves = stored.into_iter().map(curve).collect::<Result<Vec<_>>>()?;
    // A class without ground truth has no average precision: last.
    curves.sort_by(|a, b| b.ap.unwrap_or(-1.0).total_cmp(&a.ap.unwrap_or(-1.0)));
    Ok(curves)
}

fn mean(curves: &[Curve]) -> String {
    let known: Vec<f64> = curves.iter().filter_map(|curve| curve.ap).collect();
    match known.len() {
        0 => "Precision and recall".to_owned(),
        1 => format!("Precision and recall, AP {:.3}", known[0]),
        count => format!("Precision and recall, mAP {:.3}", known.iter().sum::<f64>() / count as f64),
    }
}
