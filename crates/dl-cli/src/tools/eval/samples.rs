//! What `dl-eval classify` scores of a record: the whole sample, its objects, or its detections.

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use dl_record::{BBox, Object, Prediction, Record, region_predictions};
use dl_vision::boxes::best_overlap;
use serde_json::Value;

/// The values of `--input`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The record's predictions against its label
    Image,
    /// Each object's predictions against its label; objects marked difficult or crowd are left out
    Objects,
    /// Each detection's predictions against the label of the object that it overlaps most
    Detections,
}

/// The samples of a record.
#[derive(Default)]
pub(super) struct Samples {
    /// True label and predictions of each.
    pub(super) labeled: Vec<(String, Vec<Prediction>)>,
    /// Detections that overlap no object enough: their true class is unknown.
    pub(super) unmatched: usize,
}

impl Samples {
    /// The samples of a record; without `input`, of the whole sample, the objects or the detections, the first of these
    /// that has predictions. A detection shows the object that it overlaps most, by at least `iou`. With a `task`, the
    /// predictions of this one against its label; a record whose label is unknown has no sample.
    pub(super) fn of(record: &Record, input: Option<Input>, iou: f64, task: Option<&str>) -> Result<Self> {
        if let Some(task) = task {
            return Self::of_task(record, task);
        }
        if input == Some(Input::Image) || (input.is_none() && record.has("predictions")) {
            return Self::whole(record);
        }
        let objects = record.objects()?;
        let detections = record.detections()?;
        let detections: Option<Vec<(BBox, Option<Vec<Prediction>>)>> = detections
            .map(|all| {
                all.into_iter().map(|found| Ok((found.bbox, region_predictions(&found.extra)?))).collect::<Result<_>>()
            })
            .transpose()
            .context("field \"detections\"")?;
        let input = match input {
            Some(input) => input,
            None if objects.iter().flatten().any(|object| object.extra.contains_key("predictions")) => Input::Objects,
            None if detections.iter().flatten().any(|(_, predictions)| predictions.is_some()) => Input::Detections,
            // An image that shows nothing.
            None if !record.has("label")
                && objects.as_ref().is_none_or(Vec::is_empty)
                && detections.as_ref().is_none_or(Vec::is_empty)
                && (objects.is_some() || detections.is_some()) =>
            {
                return Ok(Self::default());
            }
            None => return Self::whole(record),
        };
        let objects = objects.context("the record has no \"objects\", the true classes; dl-data writes them")?;
        if input == Input::Objects {
            return Self::of_objects(&objects);
        }
        let detections = detections.context("the record has no \"detections\"; dl-detect writes them")?;
        Self::of_detections(&objects, detections, iou)
    }

    fn of_task(record: &Record, task: &str) -> Result<Self> {
        let labels = record.labels()?.context("the record has no \"labels\", the true class of each task")?;
        let predictions: Vec<Prediction> = record.require("predictions", "dl-classify writes them")?;
        let own = |prediction: &Prediction| prediction.extra.get("task").and_then(Value::as_str) == Some(task);
        let predictions: Vec<Prediction> = predictions.into_iter().filter(own).collect();
        ensure!(!predictions.is_empty(), "no prediction is of the task \"{task}\"; is --task right?");
        Ok(match labels.get(task) {
            Some(truth) => Self { labeled: vec![(truth.clone(), predictions)], unmatched: 0 },
            None => Self::default(),
        })
    }

    fn whole(record: &Record) -> Result<Self> {
        let predictions: Vec<Prediction> = record.require("predictions", "dl-classify writes them")?;
        if let Some(task) = predictions.iter().find_map(|prediction| prediction.extra.get("task")) {
            bail!("the predictions are of several tasks, such as {task}; choose one with --task");
        }
        let truth = record.require("label", "it is the true class; dl-data from folder writes it")?;
        Ok(Self { labeled: vec![(truth, predictions)], unmatched: 0 })
    }

    fn of_objects(objects: &[Object]) -> Result<Self> {
        let mut samples = Self::default();
        for (index, object) in objects.iter().enumerate().filter(|(_, object)| !object.difficult && !object.crowd) {
            let predictions = region_predictions(&object.extra).with_context(|| format!("objects[{index}]"))?;
            let Some(predictions) = predictions else {
                bail!("objects[{index}] has no \"predictions\"; dl-classify --input objects writes them");
            };
            samples.labeled.push((object.label.clone(), predictions));
        }
        Ok(samples)
    }

    fn of_detections(objects: &[Object], detections: Vec<(BBox, Option<Vec<Prediction>>)>, iou: f64) -> Result<Self> {
        let truth: Vec<BBox> = objects.iter().map(|object| object.bbox).collect();
        for (index, bbox) in truth.iter().enumerate() {
            bbox.check().with_context(|| format!("objects[{index}]"))?;
        }
        let mut samples = Self::default();
        for (index, (bbox, predictions)) in detections.into_iter().enumerate() {
            bbox.check().with_context(|| format!("detections[{index}]"))?;
            let Some(predictions) = predictions else {
                bail!("detections[{index}] has no \"predictions\"; dl-classify --input detections writes them");
            };
            match best_overlap(&bbox, &truth).filter(|best| best.iou >= iou) {
                Some(best) if objects[best.index].difficult || objects[best.index].crowd => {}
                Some(best) => samples.labeled.push((objects[best.index].label.clone(), predictions)),
                None => samples.unmatched += 1,
            }
        }
        Ok(samples)
    }
}
