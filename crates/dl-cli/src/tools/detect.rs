//! `dl-detect`: objects from features.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use dl_models::detection::rcnn::{DELTAS, Linear, RcnnHeads};
use dl_record::{BBox, Detection, Matrix, Record};
use dl_vision::boxes::BoxCoder;
use serde_json::Map;

use crate::common::{Common, Inputs, Io, Job, Outcome, Tool, map_records};

/// Least SVM score of a detection: the margin of the negatives. Below it lies what the SVM was sure shows nothing.
const SVM_SCORE: f64 = -1.0;

/// Find objects in records that carry proposals and features
///
/// Every proposal is scored by the SVM of every class and moved by the class's box regressor, if the model has one.
/// Overlapping detections are left for dl-nms.
#[derive(Parser, Debug)]
#[command(
    name = "dl-detect",
    version,
    after_help = "\
Examples:
  dl-propose selective-search photo.jpg | dl-embed --model alexnet.safetensors --layer pool5,fc7 \\
    | dl-detect --model voc-rcnn.safetensors --drop-features | dl-nms --iou 0.3"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file with the SVMs, and perhaps box regressors, that dl-finetune has written
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Least score of a detection [default: -1, the margin of the SVM's negatives]
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    score: Option<f64>,

    /// At most so many detections a record, the best of all classes [default: all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    /// Leave the boxes where the proposals are, even if the model has box regressors
    #[arg(long)]
    no_regression: bool,

    /// Also score true boxes that dl-embed --with-objects put among the proposals
    #[arg(long)]
    with_objects: bool,

    /// Take the features, which are large, out of the records [default: they stay]
    #[arg(long)]
    drop_features: bool,

    #[command(flatten)]
    common: Common,
}

impl Tool for Args {
    const NAME: &'static str = "dl-detect";

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let heads = RcnnHeads::load(&self.model)?;
        let model = self.model.display();
        let Some(svm) = heads.svm else {
            bail!("model {model}: has box regressors, but no SVMs to score with; add them with dl-finetune svm --model {model}");
        };
        let bbox = heads.bbox.filter(|_| !self.no_regression);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_records(io, job, |record| self.detect(record, &svm, bbox.as_ref()))
    }
}

impl Args {
    fn detect(&self, record: &mut Record, svm: &Linear, bbox: Option<&Linear>) -> Result<()> {
        let proposals = record.proposals()?.context("the record has no \"proposals\"; pipe it through dl-propose")?;
        let scored = features(record, svm, proposals.len())?;
        let moved = match bbox {
            Some(bbox) if bbox.layer == svm.layer => Some(scored.clone()),
            Some(bbox) => Some(features(record, bbox, proposals.len())?),
            None => None,
        };
        let size = record.width()?.zip(record.height()?);
        let least = self.score.unwrap_or(SVM_SCORE);

        let mut detections = Vec::new();
        for (index, proposal) in proposals.iter().enumerate() {
            proposal.bbox.check()?;
            if proposal.extra.contains_key("truth") && !self.with_objects {
                continue;
            }
            for (class, label) in svm.labels.iter().enumerate() {
                let score = f64::from(svm.output(scored.row(index), class));
                if score < least {
                    continue;
                }
                let mut found = proposal.bbox;
                if let (Some(bbox), Some(features)) = (bbox, &moved) {
                    found = regressed(bbox, label, features.row(index), found);
                }
                if let Some((width, height)) = size {
                    found = found.clip(width.into(), height.into());
                }
                let (label, proposal) = (label.clone(), Some(index));
                detections.push(Detection { bbox: found, label, score, mask: None, proposal, extra: Map::new() });
            }
        }
        // Best first; the sort is stable, so that ties stay in the order of the proposals.
        detections.sort_by(|a, b| b.score.total_cmp(&a.score));
        detections.truncate(self.max.unwrap_or(usize::MAX));
        record.set_detections(&detections)?;
        if self.drop_features {
            record.remove("features");
        }
        Ok(())
    }
}

/// The features that a part of the model wants, one row a proposal.
fn features(record: &Record, part: &Linear, proposals: usize) -> Result<Matrix> {
    let layer = &part.layer;
    let hint = format!("pipe it through dl-embed --layer {layer}");
    let tensors = record.features()?.with_context(|| format!("the record has no \"features\"; {hint}"))?;
    let tensor = tensors.get(layer).with_context(|| format!("the record has no features \"{layer}\"; {hint}"))?;
    let features = tensor.matrix().with_context(|| format!("features \"{layer}\""))?;
    let rows = features.rows;
    ensure!(rows == proposals, "features \"{layer}\" have {rows} rows, but there are {proposals} proposals");
    part.check_width(&features)?;
    Ok(features)
}

/// The box that the class's regressor leads to; the box itself when the class has none.
fn regressed(bbox: &Linear, label: &str, features: &[f32], proposal: BBox) -> BBox {
    match bbox.labels.iter().position(|known| known == label) {
        Some(class) => {
            let deltas = std::array::from_fn(|output| f64::from(bbox.output(features, class * DELTAS + output)));
            BoxCoder::default().decode(&proposal, deltas)
        }
        None => proposal,
    }
}
