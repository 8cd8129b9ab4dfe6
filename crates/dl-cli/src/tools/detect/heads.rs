//! R-CNN's heads (Girshick et al. 2014): SVMs or a softmax and box regressors on the features of proposals.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_models::heads::rcnn::{BACKGROUND, DELTAS, RcnnHeads, RegionLinear};
use dl_models::{LOGITS, ModelConfig, ModelFile, check_network, fingerprint, probabilities};
use dl_record::{BBox, Detection, Matrix, Record};
use dl_vision::boxes::BoxCoder;
use serde_json::Map;

use super::Args;
use crate::common::{Io, Job, Outcome, map_records};

/// Detects with the heads of a model file, the softmax of a network, or both.
pub(super) fn run(args: &Args, heads: RcnnHeads, io: &mut Io) -> Result<Outcome> {
    let RcnnHeads { svm, bbox } = heads;
    let scorer = match (&args.features.softmax, svm) {
        (Some(path), _) => Scorer::softmax(path)?,
        (None, Some(svm)) => Scorer::Svm(svm),
        (None, None) => {
            let model = args.model.as_deref().unwrap_or(Path::new("")).display();
            bail!(
                "model {model}: contains box regressors but no SVMs; train them with dl-finetune svm --output {model}"
            )
        }
    };
    let regressors = bbox.as_ref().filter(|_| !args.features.no_regression).map(Regressors::new);
    let job = Job { common: &args.common, inputs: &args.inputs };
    map_records(io, job, |record| detect(args, record, &scorer, regressors.as_ref()))
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
        let mut file = match ModelFile::open(path, None)? {
            ModelFile::ImageNetwork(file) => file,
            other => return Err(other.unfit(path, "a network for images")),
        };
        let config = ModelConfig::read(&mut file, None)?;
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

fn detect(args: &Args, record: &mut Record, scorer: &Scorer, regressors: Option<&Regressors>) -> Result<()> {
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
    let least = args.score.unwrap_or(scorer.least_score());

    let mut detections = Vec::new();
    for (index, proposal) in proposals.iter().enumerate() {
        proposal.bbox.check()?;
        if proposal.extra.contains_key("truth") && !args.features.with_objects {
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
    detections.truncate(args.max.unwrap_or(usize::MAX));
    record.set_detections(&detections)?;
    if args.features.drop_features {
        record.remove("features");
    }
    Ok(())
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
