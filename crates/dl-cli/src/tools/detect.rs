//! `dl-detect`: objects from the features of proposals.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Parser};
use dl_models::heads::rcnn::{BACKGROUND, DELTAS, RcnnHeads, RegionLinear};
use dl_models::{Checkpoint, LOGITS, ModelConfig, check_network, fingerprint, probabilities};
use dl_record::{BBox, Detection, Matrix, Record};
use dl_vision::boxes::BoxCoder;
use serde_json::Map;

use crate::common::{Common, Inputs, Io, Job, Outcome, Tool, map_records, numbers};

/// Detect objects from the features of proposals
///
/// Scores every proposal with the SVM of every class, or with the softmax of a fine-tuned network, and corrects its box
/// with the box regressor of the class, if the model has one. Writes `detections`, best first. Detections may overlap:
/// dl-nms removes duplicates.
#[derive(Parser, Debug)]
#[command(
    name = "dl-detect",
    version,
    group(ArgGroup::new("scores").args(["model", "softmax"]).required(true).multiple(true)),
    after_help = "\
Examples:
  dl-propose selective-search photo.jpg \\
    | dl-embed --model alexnet.safetensors --layer pool5,fc7 \\
    | dl-detect --model voc-rcnn.safetensors --drop-features \\
    | dl-nms --iou 0.3
  dl-propose selective-search photo.jpg \\
    | dl-embed --model voc.safetensors --layer logits \\
    | dl-detect --softmax voc.safetensors --drop-features \\
    | dl-nms --iou 0.3"
)]
#[command(mut_arg("inputs", crate::common::only_records))]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file with SVMs, box regressors or both, as written by dl-finetune svm and bbox
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// Instead of SVMs, score with the softmax of the features of layer `logits`. FILE is the network, as written by
    /// dl-finetune classifier, and provides the class names; box regressors still come from --model
    #[arg(long, value_name = "FILE")]
    softmax: Option<PathBuf>,

    /// Drop detections with a lower score [default: -1, the margin of the SVMs; 0.05 with --softmax]
    #[arg(long, value_name = "SCORE", value_parser = numbers::finite, allow_negative_numbers = true)]
    score: Option<f64>,

    /// Keep at most N detections per record, the best of all classes [default: all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    /// Keep the boxes of the proposals, even if the model has box regressors
    #[arg(long)]
    no_regression: bool,

    /// Also score the ground-truth boxes that dl-embed --with-objects added to the proposals
    #[arg(long)]
    with_objects: bool,

    /// Remove the `features`, which are large, from the records
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
                    "model {model}: contains box regressors but no SVMs; train them with dl-finetune svm --output {model}"
                )
            }
        };
        let regressors = bbox.as_ref().filter(|_| !self.no_regression).map(Regressors::new);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_records(io, job, |record| self.detect(record, &scorer, regressors.as_ref()))
    }
}

/// Scores a proposal for each class.
enum Scorer {
    /// One linear SVM per class.
    Svm(RegionLinear),
    /// The softmax of the logits of these classes, of the network with this fingerprint.
    Softmax(Vec<String>, String),
}

impl Scorer {
    /// The classes of the network at `path`.
    fn softmax(path: &Path) -> Result<Self> {
        let config = ModelConfig::read(&mut Checkpoint::open(path)?, None)?;
        let labels = config.label_names(path.parent().unwrap_or(Path::new("")))?;
        let labels = labels.with_context(|| format!("model {}: its config has no labels", path.display()))?;
        Ok(Self::Softmax(labels, fingerprint(path, None)?))
    }

    fn layer(&self) -> &str {
        match self {
            Self::Svm(svm) => &svm.layer,
            Self::Softmax(..) => LOGITS,
        }
    }

    /// How many columns the features must have.
    fn columns(&self) -> usize {
        match self {
            Self::Svm(svm) => svm.weight.columns,
            Self::Softmax(labels, _) => labels.len(),
        }
    }

    /// Fails when the features come from another network than the one that the model goes with.
    fn check_network(&self, of_features: Option<&str>) -> Result<()> {
        match self {
            Self::Svm(svm) => check_network(&svm.layer, of_features, svm.network.as_deref()),
            // The options of dl-embed may differ: no head was trained with others.
            Self::Softmax(_, network) => {
                check_network(LOGITS, of_features.and_then(|network| network.split(' ').next()), Some(network))
            }
        }
    }

    fn least_score(&self) -> f64 {
        match self {
            // The margin of the negatives: anything below is certainly background.
            Self::Svm(_) => -1.0,
            // torchvision's `box_score_thresh`.
            Self::Softmax(..) => 0.05,
        }
    }

    /// Each class except background, with its score.
    fn scores(&self, features: &[f32]) -> Result<Vec<(&str, f64)>> {
        match self {
            Self::Svm(svm) => {
                let labels = svm.labels.iter().enumerate();
                Ok(labels.map(|(class, label)| (label.as_str(), f64::from(svm.output(features, class)))).collect())
            }
            Self::Softmax(labels, _) => {
                let all = labels.iter().map(String::as_str).zip(probabilities(features)?);
                Ok(all.filter(|(label, _)| *label != BACKGROUND).collect())
            }
        }
    }
}

impl Args {
    fn detect(&self, record: &mut Record, scorer: &Scorer, regressors: Option<&Regressors>) -> Result<()> {
        let proposals = record.proposals()?.context("the record has no \"proposals\"; run dl-propose first")?;
        let (scored, network) = features(record, scorer.layer(), scorer.columns(), proposals.len())?;
        scorer.check_network(network.as_deref())?;
        let other = match regressors {
            Some(Regressors { bbox, .. }) if bbox.layer != scorer.layer() => {
                let (moved, network) = features(record, &bbox.layer, bbox.weight.columns, proposals.len())?;
                check_network(&bbox.layer, network.as_deref(), bbox.network.as_deref())?;
                Some(moved)
            }
            Some(Regressors { bbox, .. }) => {
                check_network(&bbox.layer, network.as_deref(), bbox.network.as_deref())?;
                None
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
        // Best first. The sort is stable: ties stay in the order of the proposals.
        detections.sort_by(|a, b| b.score.total_cmp(&a.score));
        detections.truncate(self.max.unwrap_or(usize::MAX));
        record.set_detections(&detections)?;
        if self.drop_features {
            record.remove("features");
        }
        Ok(())
    }
}

/// The features of a layer, one row per proposal, with `columns` columns, and the fingerprint of their network.
fn features(record: &Record, layer: &str, columns: usize, proposals: usize) -> Result<(Matrix, Option<String>)> {
    let hint = format!("run dl-embed --layer {layer} first");
    let tensors = record.features()?.with_context(|| format!("the record has no \"features\"; {hint}"))?;
    let tensor = tensors.get(layer).with_context(|| format!("the record has no features \"{layer}\"; {hint}"))?;
    let features = tensor.matrix().with_context(|| format!("features \"{layer}\""))?;
    let rows = features.rows;
    ensure!(rows == proposals, "features \"{layer}\" have {rows} rows for {proposals} proposals");
    let found = features.columns;
    ensure!(
        rows == 0 || found == columns,
        "features \"{layer}\" have {found} columns, but the model expects {columns}; use the same dl-embed options as in training"
    );
    Ok((features, tensor.network.clone()))
}

/// Box regressors by class.
struct Regressors<'a> {
    bbox: &'a RegionLinear,
    classes: HashMap<&'a str, usize>,
}

impl<'a> Regressors<'a> {
    fn new(bbox: &'a RegionLinear) -> Self {
        // The first of two with the same name.
        let classes = bbox.labels.iter().enumerate().rev().map(|(class, label)| (label.as_str(), class)).collect();
        Self { bbox, classes }
    }

    /// The box as corrected by the regressor of the class, or unchanged if there is none.
    fn regressed(&self, label: &str, features: &[f32], proposal: BBox) -> BBox {
        let Some(class) = self.classes.get(label) else { return proposal };
        let deltas = std::array::from_fn(|output| f64::from(self.bbox.output(features, class * DELTAS + output)));
        BoxCoder::default().decode(&proposal, deltas)
    }
}
