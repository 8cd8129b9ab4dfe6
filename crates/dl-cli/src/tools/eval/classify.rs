//! `dl-eval classify`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use dl_metrics::classify::{Class, ClassifyEvaluator, ClassifyReport};
use dl_record::write_atomically;
use serde_json::{Map, Value, json};

use super::Found;
use super::report::{Cell, Format, Report};
use super::samples::{Input, Samples};
use crate::common::{Common, Inputs, Io, Job, Outcome, counted, each_record, not_an_input, numbers, text_of};

/// Compute the accuracy, calibration error, and precision, recall, F1 and ROC AUC per class
///
/// Reads the true `label` and the `predictions` that dl-classify writes, of whole records or of their objects or
/// detections. A class that is not among the predictions counts with a score of 0, so for the AUC run dl-classify with
/// --top-k 0. Means are over the classes that have samples. Undefined metrics are null.
///
/// A detection is scored against the object that it overlaps most. Detections that overlap no object are left out, as
/// are objects that no detection found: dl-eval voc and coco count those.
///
/// A record with a `weight` counts as that many samples; counts and the confusion matrix are of samples.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder test \\
    | dl-classify --model cells.safetensors --top-k 0 | dl-eval classify
  dl-data from voc VOC2007 --split test \\
    | dl-classify --model crops.safetensors --top-k 0 | dl-eval classify
  dl-eval classify --by domain predicted.jsonl
  dl-eval classify --confusion confusion.json predicted.jsonl
  dl-draw confusion confusion.json --output confusion.png")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// What to score [default: the record's predictions, else those of its objects, else those of its detections]
    #[arg(long, value_enum, value_name = "WHAT")]
    input: Option<Input>,

    /// Score the predictions of this task, of dl-finetune multitask, against the record's `labels`
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    task: Option<String>,

    /// Minimum overlap (IoU) for a detection to match an object
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = numbers::overlap_above_zero)]
    iou: f64,

    /// Also write the confusion matrix, for dl-draw confusion: rows are true classes, columns predicted ones. With more
    /// than 1000 classes, only the counts that are not 0 are written
    #[arg(long, value_name = "FILE.json")]
    confusion: Option<PathBuf>,

    /// Also print the figures of each value of this field, such as domain
    #[arg(long, value_name = "FIELD")]
    by: Option<String>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.confusion.as_deref().map_or(Ok(()), |path| not_an_input(path, &self.inputs))?;
        let mut evaluator = ClassifyEvaluator::default();
        let mut groups: BTreeMap<String, ClassifyEvaluator> = BTreeMap::new();
        let mut unmatched = 0;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| {
            let samples = Samples::of(&record, self.input, self.iou, self.task.as_deref())?;
            let weight = record.weight()?.unwrap_or(1.0);
            let group = self.by.as_deref().map(|field| text_of(&record, field, "--by")).transpose()?;
            let group = match group {
                Some(group) => {
                    let fits = groups.contains_key(&group) || groups.len() < MOST_GROUPS;
                    ensure!(fits, "--by: more than {MOST_GROUPS} values");
                    Some(groups.entry(group).or_default())
                }
                None => None,
            };
            let mut evaluators: Vec<_> = std::iter::once(&mut evaluator).chain(group).collect();
            for (truth, predictions) in &samples.labeled {
                evaluators.iter_mut().for_each(|evaluator| evaluator.add_weighted(truth, predictions, weight));
            }
            unmatched += samples.unmatched;
            Ok(())
        })?;
        let errors = tally.failed + tally.carried;
        if errors > 0 {
            let records = counted(errors, "record");
            io.messages.note(format_args!("{records} failed, here or earlier in the pipe; left out of the figures"));
        }
        if unmatched > 0 {
            io.messages.note(format_args!(
                "{} no object by {} or more; left out of the figures",
                if unmatched == 1 {
                    "1 detection overlaps".to_owned()
                } else {
                    format!("{unmatched} detections overlap")
                },
                self.iou
            ));
        }
        if let Some(field) = &self.by
            && tally.good > 0
            && groups.keys().all(String::is_empty)
        {
            bail!("--by {field}: no record has this field");
        }
        let report = evaluator.finish();
        let worthless = report.samples > 0 && report.top1.is_none();
        if worthless {
            io.messages.error("the weights of all samples are 0, or their sum is not finite");
        }
        let classes: Vec<Found> = (report.classes.iter())
            .map(|class| Found { label: &class.label, truth: class.truth, found: class.listed })
            .collect();
        let empty = super::why_empty(tally, "predictions", &classes);
        if let Some(why) = &empty {
            io.messages.error(why);
        }
        if tally.good + errors == 0 {
            return Ok(Outcome::SomeFailed);
        }
        if let Some(path) = &self.confusion {
            write_atomically(path, |output| Ok(serde_json::to_writer(output, &report.confusion)?))?;
        }
        let groups: Vec<(String, ClassifyReport)> =
            groups.into_iter().map(|(name, evaluator)| (name, evaluator.finish())).collect();
        let mut figures = figures(&report, errors);
        if let Some(field) = &self.by {
            add_groups(&mut figures, field, &groups);
        }
        figures.write(io, self.format)?;
        Ok(Outcome::of(tally.failed + usize::from(empty.is_some() || worthless)))
    }
}

/// The most values of `--by`, each of which keeps the scores of its samples.
const MOST_GROUPS: usize = 10_000;

/// Adds the figures of each group.
fn add_groups(figures: &mut Report, field: &str, groups: &[(String, ClassifyReport)]) {
    let mut by = Map::new();
    for (name, report) in groups {
        let shown = if name.is_empty() { "(none)" } else { name };
        figures.rows.push(means(&format!("{field} {shown}"), report));
        figures.rows.push(single(&format!("{field} {shown}: top-1"), report.top1));
        let mut group = summary(report);
        group.insert("per_class".to_owned(), Value::Object(per_class(report)));
        by.insert(name.clone(), Value::Object(group));
    }
    figures.json["by"] = json!({ field: by });
}

/// A row of the means over the classes.
fn means(name: &str, report: &ClassifyReport) -> Vec<Cell> {
    vec![
        Cell::Text(name.to_owned()),
        Cell::Figure(report.mean(|class| class.precision)),
        Cell::Figure(report.mean(|class| class.recall)),
        Cell::Figure(report.mean(|class| class.f1)),
        Cell::Figure(report.auc()),
        Cell::Count(report.samples),
        Cell::Count(report.classes.iter().map(|class| class.predicted).sum()),
    ]
}

/// The figures of all classes together.
fn summary(report: &ClassifyReport) -> Map<String, Value> {
    let figures = [
        ("top1", report.top1),
        ("top5", report.top5),
        ("precision", report.mean(|class| class.precision)),
        ("recall", report.mean(|class| class.recall)),
        ("F1", report.mean(|class| class.f1)),
        ("AUC", report.auc()),
        ("calibration_error", report.calibration_error),
    ];
    let mut summary: Map<String, Value> =
        figures.into_iter().map(|(name, figure)| (name.to_owned(), json!(figure))).collect();
    summary.insert("samples".to_owned(), report.samples.into());
    summary
}

/// A row of one figure.
fn single(name: &str, figure: Option<f64>) -> Vec<Cell> {
    let mut row = vec![Cell::Text(name.to_owned()), Cell::Figure(figure)];
    row.resize_with(7, || Cell::Text(String::new()));
    row
}

/// The figures of each class.
fn per_class(report: &ClassifyReport) -> Map<String, Value> {
    let figures = |class: &Class| {
        let Class { label, truth, predicted, precision, recall, f1, auc, .. } = class;
        let figures = json!({
            "precision": precision, "recall": recall, "F1": f1, "AUC": auc, "truth": truth, "predicted": predicted,
        });
        (label.clone(), figures)
    };
    report.classes.iter().map(figures).collect()
}

fn figures(report: &ClassifyReport, errors: usize) -> Report {
    let mut rows = Vec::new();
    for Class { label, truth, predicted, precision, recall, f1, auc, .. } in &report.classes {
        rows.push(vec![
            Cell::Text(label.clone()),
            Cell::Figure(*precision),
            Cell::Figure(*recall),
            Cell::Figure(*f1),
            Cell::Figure(*auc),
            Cell::Count(*truth),
            Cell::Count(*predicted),
        ]);
    }
    rows.push(means("mean", report));
    let of_all = [("top-1", report.top1), ("top-5", report.top5), ("calibration error", report.calibration_error)];
    rows.extend(of_all.map(|(name, figure)| single(name, figure)));
    let mut json = summary(report);
    json.insert("errors".to_owned(), errors.into());
    json.insert("per_class".to_owned(), Value::Object(per_class(report)));
    let header = ["class", "precision", "recall", "F1", "AUC", "truth", "predicted"];
    Report { json: Value::Object(json), header: header.map(str::to_owned).to_vec(), rows }
}
