//! `dl-eval voc`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use dl_metrics::voc::{VocClass, VocConfig, VocEvaluator, VocReport};
use dl_record::Detection;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Found;
use super::args::SourceArgs;
use super::report::{Cell, Report};
use super::source::each_image;
use crate::common::{Io, Outcome, numbers};

/// Compute the average precision per class and its mean, as Pascal VOC does
///
/// Each detection is matched with the true box of its class that it overlaps most. If that box is already matched, the
/// detection is a false positive; if it is marked difficult or crowd, the detection does not count. The metrics of a
/// class without true boxes are undefined (null) and do not enter the mean.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval voc --iou 0.5 found.jsonl
  dl-eval voc --points 11 --format table < found.jsonl
  dl-eval voc --curves curves.json found.jsonl | jq .mAP")]
pub(super) struct Args {
    /// Minimum overlap (IoU) for a detection to match a true box
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = numbers::overlap_above_zero)]
    iou: f64,

    /// How to compute `AP` and `mAP`; the JSON output always has both kinds
    #[arg(long, value_enum, default_value_t = Points::All)]
    points: Points,

    /// Add 1 to every width and height, for boxes with inclusive coordinates (xmax and ymax are the last pixel), as in
    /// VOC's own files. The boxes that dl-data writes do not need it
    #[arg(long)]
    plus_one: bool,

    /// Also write the precision and recall after each detection, per class, for dl-draw pr
    #[arg(long, value_name = "FILE.json")]
    curves: Option<PathBuf>,

    #[command(flatten)]
    pub(super) source: SourceArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Points {
    /// Area under the whole curve (VOC 2010 and later)
    All,
    /// Mean precision at recall 0, 0.1, ..., 1 (VOC 2007)
    #[value(name = "11")]
    Eleven,
}

/// What --curves writes for a class.
#[derive(Serialize)]
struct Curve<'a> {
    precision: &'a [f64],
    recall: &'a [f64],
    scores: &'a [f64],
    ap: Option<f64>,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.source.check()?;
        self.curves.as_deref().map_or(Ok(()), |path| self.source.not_read(path))?;
        let mut evaluator = VocEvaluator::new(VocConfig { iou: self.iou, plus_one: self.plus_one });
        let tally = each_image::<Detection>(io, &self.source, |objects, detections| {
            evaluator.add(&objects, &detections);
            Ok(())
        })?;
        let errors = tally.failed + tally.carried;
        let report = evaluator.finish();
        let true_boxes = |class: &VocClass| class.truth + class.difficult;
        let classes: Vec<Found> = (report.classes.iter())
            .map(|class| Found { label: &class.label, truth: true_boxes(class), found: class.detections })
            .collect();
        let empty = super::why_empty(tally, "detections", &classes).or_else(|| {
            let counts = report.classes.iter().any(|class| class.truth > 0);
            (!counts).then(|| "nothing to measure: all true objects are difficult or crowds".to_owned())
        });
        match &empty {
            Some(why) => io.messages.error(why),
            None => super::report_unknown(
                io,
                report.classes.iter().filter(|class| true_boxes(class) == 0).map(|c| &c.label),
            ),
        }
        if tally.good + errors == 0 {
            return Ok(Outcome::SomeFailed);
        }
        if let Some(path) = &self.curves {
            super::write_curves(
                path,
                report.classes.iter().filter(|class| class.truth > 0).map(|class| {
                    let VocClass { precision, recall, scores, .. } = class;
                    (class.label.clone(), Curve { precision, recall, scores, ap: self.ap(class) })
                }),
            )?;
        }
        self.report(&report, errors).write(io, self.source.format)?;
        Ok(Outcome::of(tally.failed + usize::from(empty.is_some())))
    }

    fn ap(&self, class: &VocClass) -> Option<f64> {
        match self.points {
            Points::All => class.ap_all_points,
            Points::Eleven => class.ap_11_points,
        }
    }

    fn report(&self, report: &VocReport, errors: usize) -> Report {
        let mean = report.mean(|class| self.ap(class));
        let sum = |count: fn(&VocClass) -> usize| report.classes.iter().map(count).sum();
        let mut per_class = Map::new();
        let mut rows = Vec::new();
        for class in &report.classes {
            per_class.insert(
                class.label.clone(),
                json!({
                    "AP": self.ap(class),
                    "AP_11_points": class.ap_11_points,
                    "AP_all_points": class.ap_all_points,
                    "truth": class.truth,
                    "difficult": class.difficult,
                    "detections": class.detections,
                    "true_positives": class.true_positives,
                    "false_positives": class.false_positives,
                }),
            );
            rows.push(vec![
                Cell::Text(class.label.clone()),
                Cell::Figure(self.ap(class)),
                Cell::Count(class.truth),
                Cell::Count(class.difficult),
                Cell::Count(class.detections),
                Cell::Count(class.true_positives),
                Cell::Count(class.false_positives),
            ]);
        }
        rows.push(vec![
            Cell::Text("mAP".to_owned()),
            Cell::Figure(mean),
            Cell::Count(sum(|class| class.truth)),
            Cell::Count(sum(|class| class.difficult)),
            Cell::Count(sum(|class| class.detections)),
            Cell::Count(sum(|class| class.true_positives)),
            Cell::Count(sum(|class| class.false_positives)),
        ]);
        let json = json!({
            "mAP": mean,
            "mAP_11_points": report.mean(|class| class.ap_11_points),
            "mAP_all_points": report.mean(|class| class.ap_all_points),
            "iou": self.iou,
            "images": report.images,
            "errors": errors,
            "per_class": Value::Object(per_class),
        });
        let header = ["class", "AP", "truth", "difficult", "detections", "true_positives", "false_positives"];
        Report { json, header: header.map(str::to_owned).to_vec(), rows }
    }
}
