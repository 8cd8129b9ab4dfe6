//! `dl-nms`: one detection per object.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use dl_record::{BBox, Detection, Record};
use dl_vision::boxes::{NmsConfig, NmsMethod, nms};

use crate::common::{Common, Inputs, Io, Job, Outcome, Tool, map_records, numbers};

/// Suppress detections that overlap better ones of the same class
///
/// Replaces `detections` with those that are kept, best first, ties in input order. Other fields do not change.
#[derive(Parser, Debug)]
#[command(
    name = "dl-nms",
    version,
    after_help = "\
Examples:
  dl-nms --iou 0.3 detected.jsonl > kept.jsonl
  dl-detect --model heads.safetensors embedded.jsonl \\
    | dl-nms --score 0.05 --max 100 > kept.jsonl
  dl-embed --model voc.safetensors --layer logits proposed.jsonl \\
    | dl-detect --softmax voc.safetensors \\
    | dl-nms --method soft-gaussian --sigma 0.5 > kept.jsonl"
)]
#[command(mut_arg("inputs", crate::common::only_records))]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// What to do with a detection that overlaps a better one
    #[arg(long, value_enum, default_value_t = Method::Hard)]
    method: Method,

    /// IoU above which a detection is suppressed, from 0 to 1; soft-gaussian ignores it; R-CNN uses 0.3
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = numbers::overlap)]
    iou: f64,

    /// Drop detections with a lower score [default: keep all; 0.001 with the soft methods]
    #[arg(long, value_name = "SCORE", value_parser = numbers::finite, allow_negative_numbers = true)]
    score: Option<f64>,

    /// Keep at most N detections per record, the best of all classes [default: all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    /// Let detections of different classes suppress each other
    #[arg(long)]
    class_agnostic: bool,

    /// Width of the decay of soft-gaussian, which multiplies a score by exp(-IoU^2 / sigma)
    #[arg(long, value_name = "SIGMA", default_value_t = 0.5, value_parser = numbers::positive)]
    sigma: f64,

    #[command(flatten)]
    common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Method {
    /// Remove it: greedy suppression
    Hard,
    /// Multiply its score by 1 - IoU (Soft-NMS, Bodla et al. 2017)
    SoftLinear,
    /// Multiply its score by exp(-IoU^2 / sigma), however small the overlap (Soft-NMS)
    SoftGaussian,
    /// Remove it if the distance-IoU, which also considers the distance between the centers, is above --iou (Zheng et
    /// al. 2020)
    Diou,
    /// Remove it, and move the better box to the mean of both, weighted by score (weighted NMS, Zhou et al. 2017);
    /// masks and scores stay unchanged
    Weighted,
}

impl Tool for Args {
    const NAME: &'static str = "dl-nms";

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let config = self.config();
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_records(io, job, |record| suppress(record, &config, self.class_agnostic))
    }
}

impl Args {
    fn config(&self) -> NmsConfig {
        let (method, least) = match self.method {
            Method::Hard => (NmsMethod::Hard, None),
            Method::SoftLinear => (NmsMethod::SoftLinear, Some(0.001)),
            Method::SoftGaussian => (NmsMethod::SoftGaussian, Some(0.001)),
            Method::Diou => (NmsMethod::Diou, None),
            Method::Weighted => (NmsMethod::Weighted, None),
        };
        NmsConfig { method, iou: self.iou, score: self.score.or(least), max: self.max, sigma: self.sigma }
    }
}

fn suppress(record: &mut Record, config: &NmsConfig, class_agnostic: bool) -> Result<()> {
    let detections: Vec<Detection> = record.require("detections", "run dl-detect first")?;
    let mut class_of_label = HashMap::new();
    let mut boxes: Vec<BBox> = Vec::with_capacity(detections.len());
    let mut scores = Vec::with_capacity(detections.len());
    let mut classes = Vec::with_capacity(detections.len());
    for (index, detection) in detections.iter().enumerate() {
        detection.bbox.check().with_context(|| format!("detections[{index}]"))?;
        if config.method.needs_scores_above_zero() && detection.score < 0.0 {
            bail!(
                "detections[{index}]: score {} is below 0, which cannot be a weight; use --method hard or diou",
                detection.score
            );
        }
        boxes.push(detection.bbox);
        scores.push(detection.score);
        let next = class_of_label.len();
        let label = if class_agnostic { "" } else { detection.label.as_str() };
        classes.push(*class_of_label.entry(label).or_insert(next));
    }
    let kept = nms(&boxes, &scores, &classes, config);
    let mut detections: Vec<Option<Detection>> = detections.into_iter().map(Some).collect();
    let detections: Vec<Detection> = kept
        .into_iter()
        .filter_map(|kept| {
            let detection = detections[kept.index].take()?;
            Some(Detection { bbox: kept.bbox, score: kept.score, ..detection })
        })
        .collect();
    record.set_detections(&detections)
}
