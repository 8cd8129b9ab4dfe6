//! `dl-detect`: objects from features.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use dl_models::backbones::LOGITS;
use dl_models::detection::rcnn::{BACKGROUND, DELTAS, Linear, RcnnHeads};
use dl_models::{Checkpoint, ModelConfig, probabilities};
use dl_record::{BBox, Detection, Matrix, Record};
use dl_vision::boxes::BoxCoder;
use serde_json::Map;

use crate::common::{Common, Inputs, Io, Job, Outcome, Tool, map_records, numbers};

/// Find objects in records that carry proposals and features
///
/// Every proposal is scored by the SVM of every class, or by a fine-tuned network's softmax, and moved by the class's box
/// regressor, if the model has one. Overlapping detections are left for dl-nms.
#[derive(Parser, Debug)]
#[command(
    name = "dl-detect",
    version,
    after_help = "\
Examples:
  dl-propose selective-search photo.jpg | dl-embed --model alexnet.safetensors --layer pool5,fc7 \\
    | dl-detect --model voc-rcnn.safetensors --drop-features | dl-nms --iou 0.3
  dl-propose selective-search photo.jpg | dl-embed --model voc.safetensors --layer logits \\
    | dl-detect --softmax voc.safetensors | dl-nms --iou 0.3"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file with the SVMs, box regressors or both that dl-finetune svm and bbox have written
    #[arg(long, value_name = "FILE", required_unless_present = "softmax")]
    model: Option<PathBuf>,

    /// Score by the softmax of features.logits in place of SVMs; the file is the network that dl-finetune classifier has
    /// written, and names the classes. Box regressors still come from --model
    #[arg(long, value_name = "FILE")]
    softmax: Option<PathBuf>,

    /// Least score of a detection [default: -1, the margin of the SVM's negatives; 0.05 with --softmax]
    #[arg(long, value_name = "SCORE", value_parser = numbers::finite, allow_negative_numbers = true)]
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
        let RcnnHeads { svm, bbox } = self.model.as_deref().map(RcnnHeads::load).transpose()?.unwrap_or_default();
        let scorer = match (&self.softmax, svm) {
            (Some(path), _) => Scorer::softmax(path)?,
            (None, Some(svm)) => Scorer::Svm(svm),
            (None, None) => {
                let model = self.model.as_deref().unwrap_or(Path::new("")).display();
                bail!(
                    "model {model}: has box regressors, but no SVMs to score with; add them with dl-finetune svm --output {model}"
                )
            }
        };
        let regressors = bbox.as_ref().filter(|_| !self.no_regression).map(Regressors::new);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_records(io, job, |record| self.detect(record, &scorer, regressors.as_ref()))
    }
}

/// What gives each proposal a score for each class.
enum Scorer {
    /// One linear SVM a class.
    Svm(Linear),
    /// The softmax of logits, one a class of these names.
    Softmax(Vec<String>),
}

impl Scorer {
    /// The classes of the network at `path`.
    fn softmax(path: &Path) -> Result<Self> {
        let config = ModelConfig::read(&mut Checkpoint::open(path)?, None)?;
        let labels = config.label_names(path.parent().unwrap_or(Path::new("")))?;
        let labels = labels.with_context(|| format!("model {}: its config names no classes", path.display()))?;
        Ok(Self::Softmax(labels))
    }

    fn layer(&self) -> &str {
        match self {
            Self::Svm(svm) => &svm.layer,
            Self::Softmax(_) => LOGITS,
        }
    }

    /// How many numbers a row of features must have.
    fn columns(&self) -> usize {
        match self {
            Self::Svm(svm) => svm.weight.columns,
            Self::Softmax(labels) => labels.len(),
        }
    }

    fn least_score(&self) -> f64 {
        match self {
            // The margin of the negatives: below it lies what the SVM was sure shows nothing.
            Self::Svm(_) => -1.0,
            // torchvision's `box_score_thresh`.
            Self::Softmax(_) => 0.05,
        }
    }

    /// Each class but background with its score.
    fn scores(&self, features: &[f32]) -> Result<Vec<(&str, f64)>> {
        match self {
            Self::Svm(svm) => {
                let labels = svm.labels.iter().enumerate();
                Ok(labels.map(|(class, label)| (label.as_str(), f64::from(svm.output(features, class)))).collect())
            }
            Self::Softmax(labels) => {
                let all = labels.iter().map(String::as_str).zip(probabilities(features)?);
                Ok(all.filter(|(label, _)| *label != BACKGROUND).collect())
            }
        }
    }
}

impl Args {
    fn detect(&self, record: &mut Record, scorer: &Scorer, regressors: Option<&Regressors>) -> Result<()> {
        let proposals = record.proposals()?.context("the record has no \"proposals\"; pipe it through dl-propose")?;
        let scored = features(record, scorer.layer(), scorer.columns(), proposals.len())?;
        let other = match regressors {
            Some(Regressors { bbox, .. }) if bbox.layer != scorer.layer() => {
                Some(features(record, &bbox.layer, bbox.weight.columns, proposals.len())?)
            }
            _ => None,
        };
        let moved = other.as_ref().unwrap_or(&scored);
        let size = record.width()?.zip(record.height()?);
        let least = self.score.unwrap_or(scorer.least_score());

        let mut detections = Vec::new();
        for (index, proposal) in proposals.iter().enumerate() {
            proposal.bbox.check()?;
            if proposal.extra.contains_key("truth") && !self.with_objects {
                continue;
            }
            for (label, score) in scorer.scores(scored.row(index))? {
                if score < least {
                    continue;
                }
                let mut found = proposal.bbox;
                if let Some(regressors) = regressors {
                    found = regressors.regressed(label, moved.row(index), found);
                }
                if let Some((width, height)) = size {
                    found = found.clip(width.into(), height.into());
                }
                let (label, proposal) = (label.to_owned(), Some(index));
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

/// The features of a layer, one row a proposal, with as many columns as the model wants.
fn features(record: &Record, layer: &str, columns: usize, proposals: usize) -> Result<Matrix> {
    let hint = format!("pipe it through dl-embed --layer {layer}");
    let tensors = record.features()?.with_context(|| format!("the record has no \"features\"; {hint}"))?;
    let tensor = tensors.get(layer).with_context(|| format!("the record has no features \"{layer}\"; {hint}"))?;
    let features = tensor.matrix().with_context(|| format!("features \"{layer}\""))?;
    let rows = features.rows;
    ensure!(rows == proposals, "features \"{layer}\" have {rows} rows, but there are {proposals} proposals");
    let found = features.columns;
    ensure!(
        rows == 0 || found == columns,
        "features \"{layer}\" have {found} columns, the model wants {columns}; did the same dl-embed command make them?"
    );
    Ok(features)
}

/// Box regressors, to be found by their classes.
struct Regressors<'a> {
    bbox: &'a Linear,
    classes: HashMap<&'a str, usize>,
}

impl<'a> Regressors<'a> {
    fn new(bbox: &'a Linear) -> Self {
        // Of two of one name the first.
        let classes = bbox.labels.iter().enumerate().rev().map(|(class, label)| (label.as_str(), class)).collect();
        Self { bbox, classes }
    }

    /// The box that the class's regressor leads to; the box itself when the class has none.
    fn regressed(&self, label: &str, features: &[f32], proposal: BBox) -> BBox {
        let Some(class) = self.classes.get(label) else { return proposal };
        let deltas = std::array::from_fn(|output| f64::from(self.bbox.output(features, class * DELTAS + output)));
        BoxCoder::default().decode(&proposal, deltas)
    }
}
