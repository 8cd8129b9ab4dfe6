//! Opens two-stage detectors: our files, and torchvision's and detectron2's state dicts as they are.
//!
//! torchvision renamed tensors in version 0.13: `inner_blocks.0.weight` became `inner_blocks.0.0.weight`, and its own
//! files have the older names. The networks here ask for the newer ones.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use dl_vision::labels::{builtin, coco_by_id};
use serde_json::{Map, Value, json};

use super::GeneralizedRcnn;
use super::config::with_background;
use super::layout::RcnnKind;
use super::{body, detectron2};
use crate::Checkpoint;
use crate::file::{Labels, ModelConfig, limits};
use crate::model::build_outline;

const CLASS_SCORES: [&str; 2] =
    ["roi_heads.box_predictor.cls_score.weight", "roi_heads.box_predictor.0.cls_score.weight"];

/// The two-stage detector whose tensors a file without a config holds: one of torchvision.
pub fn guess(file: &Checkpoint) -> Option<&'static str> {
    let has = |name: &str| file.contains(name);
    if detectron2::is_in(file) {
        return detectron2::guess(file);
    }
    if !has(CLASS_SCORES[0]) || !has("rpn.head.cls_logits.weight") {
        return None;
    }
    let masks = has("roi_heads.mask_predictor.mask_fcn_logits.weight");
    let second = has("roi_heads.box_head.5.weight");
    if has("backbone.body.layer3.5.conv3.weight") && !has("backbone.body.layer3.6.conv3.weight") {
        return Some(match (masks, second) {
            (false, false) => "fasterrcnn_resnet50_fpn",
            (false, true) => "fasterrcnn_resnet50_fpn_v2",
            (true, false) => "maskrcnn_resnet50_fpn",
            (true, true) => "maskrcnn_resnet50_fpn_v2",
        });
    }
    if has("backbone.body.16.0.weight") && !masks {
        // Both have the same tensors; torchvision's file of the small one is named after it.
        let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return Some(if name.contains("320") {
            "fasterrcnn_mobilenet_v3_large_320_fpn"
        } else {
            "fasterrcnn_mobilenet_v3_large_fpn"
        });
    }
    None
}

/// Opens a model file as this kind of detector.
/// # Errors
/// When its config is invalid, or a tensor is missing or has a different shape.
pub fn open(kind: &RcnnKind, file: Checkpoint, device: &Device) -> Result<GeneralizedRcnn> {
    let config = config_of(kind, &file)?;
    let build = |vb: VarBuilder| GeneralizedRcnn::from_config(&config, vb);
    let (_, shapes) = build_outline(None, build).context("its config")?;
    limits::check_weights(&shapes, &file)?;
    if detectron2::is_in(&file) {
        let tensors = detectron2::tensors(&file, device)?.into_iter().collect();
        return build(VarBuilder::from_tensors(tensors, DType::F32, device));
    }
    let weights = Weights { file, kind: kind.name };
    build(VarBuilder::from_backend(Box::new(weights), DType::F32, device.clone()))
}

/// The config of the detector in a file, with the names of all classes, of which the first is the background.
/// # Errors
/// When it is invalid, or the file has no tensor that shows the number of classes.
pub fn config_of(kind: &RcnnKind, file: &Checkpoint) -> Result<ModelConfig> {
    let folder = file.path().parent().map(ToOwned::to_owned).unwrap_or_default();
    let config = match file.config::<ModelConfig>()? {
        Some(config) => {
            config.check().context("its config")?;
            ensure!(config.num_classes >= 2, TOO_FEW);
            let names = match &config.labels {
                // Without the background.
                Some(Labels::Names(names)) if names.len() + 1 == config.num_classes => names.clone(),
                Some(_) => config.label_names(&folder)?.unwrap_or_default().split_off(1),
                None => default_labels(config.num_classes),
            };
            let labels = Some(with_background(&names));
            ModelConfig { architecture: kind.name.to_owned(), labels, ..config }
        }
        None => {
            let shape = CLASS_SCORES.iter().find_map(|name| file.shape(name));
            let classes = shape
                .and_then(|shape| shape.first())
                .copied()
                .with_context(|| format!("tensor \"{}\" is missing, {} expects it", CLASS_SCORES[0], kind.name))?;
            ensure!(classes >= 2, TOO_FEW);
            limits::count("num_classes", classes, limits::MOST_CLASSES)?;
            let mut options = Map::new();
            if detectron2::is_in(file) {
                // The weights that the model zoo starts from are those of the paper's authors.
                let body_options = json!({body::STRIDE_IN_1X1: true});
                options.extend([("recipe".to_owned(), "detectron2".into()), ("body_options".to_owned(), body_options)]);
            }
            if is_coco_v1(kind, file) {
                options.insert("norm_eps".to_owned(), Value::from(0.0));
            }
            super::config(kind.name, None, &options, &default_labels(classes))?
        }
    };
    kind.configured(&config.options).context("its config")?;
    Ok(config)
}

const TOO_FEW: &str = "too few classes; a detector has the background and at least one other";

/// All tensors of a file by the newer names.
/// # Errors
/// When one cannot be read.
pub fn tensors(file: &Checkpoint, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    if detectron2::is_in(file) {
        return detectron2::tensors(file, device);
    }
    let all = file.all(device)?;
    Ok(all.into_iter().map(|(name, tensor)| (newer(&name).unwrap_or(name), tensor)).collect())
}

/// Whether this is torchvision's `COCO_V1` file of a ResNet-50-FPN, whose frozen batch norms were trained with an epsilon
/// of 0: it has the older names, and no counters of batches.
fn is_coco_v1(kind: &RcnnKind, file: &Checkpoint) -> bool {
    let (of_kind, has) = (kind.name.ends_with("rcnn_resnet50_fpn"), |name: &str| file.contains(name));
    let frozen = !has("backbone.body.bn1.num_batches_tracked");
    of_kind && frozen && has("backbone.fpn.inner_blocks.0.weight") && file.shape(CLASS_SCORES[0]) == Some(&[91, 1024])
}

/// The names of the classes after the background: COCO's for 91 classes, with gaps, or 81, VOC's for 21, otherwise numbers.
fn default_labels(classes: usize) -> Vec<String> {
    let numbered = || (1..classes).map(|class| format!("class {class}")).collect();
    match classes {
        91 => coco_by_id().into_iter().skip(1).map(|name| name.unwrap_or_else(|| "N/A".to_owned())).collect(),
        81 => builtin("coco").unwrap_or_else(numbered),
        21 => builtin("voc").unwrap_or_else(numbered),
        _ => numbered(),
    }
}

/// A source of weights that reads a file with names of either generation.
struct Weights {
    file: Checkpoint,
    kind: &'static str,
}

/// The name of a tensor before version 0.13 of torchvision, if it had another one.
fn older(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        ["backbone", "fpn", blocks @ ("inner_blocks" | "layer_blocks"), index, "0", end] => {
            Some(format!("backbone.fpn.{blocks}.{index}.{end}"))
        }
        ["rpn", "head", "conv", "0", "0", end] => Some(format!("rpn.head.conv.{end}")),
        ["roi_heads", "mask_head", index, "0", end] => {
            let index: usize = index.parse().ok()?;
            Some(format!("roi_heads.mask_head.mask_fcn{}.{end}", index + 1))
        }
        _ => None,
    }
}

/// The name of a tensor since version 0.13 of torchvision, if it had another one before: the reverse of [`older`].
fn newer(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        ["backbone", "fpn", blocks @ ("inner_blocks" | "layer_blocks"), index, end] => {
            Some(format!("backbone.fpn.{blocks}.{index}.0.{end}"))
        }
        ["rpn", "head", "conv", end] => Some(format!("rpn.head.conv.0.0.{end}")),
        ["roi_heads", "mask_head", layer, end] => {
            let number: usize = layer.strip_prefix("mask_fcn")?.parse().ok()?;
            Some(format!("roi_heads.mask_head.{}.0.{end}", number.checked_sub(1)?))
        }
        _ => None,
    }
}

impl Weights {
    /// The name in the file.
    fn stored(&self, name: &str) -> Option<String> {
        if self.file.contains(name) {
            return Some(name.to_owned());
        }
        older(name).filter(|older| self.file.contains(older))
    }
}

impl SimpleBackend for Weights {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, device: &Device) -> candle_core::Result<Tensor> {
        let Some(stored) = self.stored(name) else {
            candle_core::bail!("tensor \"{name}\" is missing, {} expects it", self.kind)
        };
        match self.file.shape(&stored) {
            Some(found) if found != shape.dims() => {
                candle_core::bail!("tensor \"{stored}\" is {found:?}, {} expects {:?}", self.kind, shape.dims())
            }
            _ => self.get_unchecked(&stored, DType::F32, device),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.file.tensor(name, device).map_err(|error| candle_core::Error::Msg(format!("{error:#}")))
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.stored(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_coco_are_at_their_ids() {
        let labels = default_labels(91);
        assert_eq!(labels.len(), 90);
        let at = |id: usize| labels[id - 1].as_str();
        assert_eq!(
            (at(1), at(11), at(12), at(13), at(90)),
            ("person", "fire hydrant", "N/A", "stop sign", "toothbrush")
        );
        assert_eq!(default_labels(3), ["class 1", "class 2"]);
        assert_eq!(default_labels(21)[19], "tvmonitor");
    }

    #[test]
    fn older_names_are_known() {
        for (name, expected) in [
            ("backbone.fpn.inner_blocks.3.0.weight", Some("backbone.fpn.inner_blocks.3.weight")),
            ("rpn.head.conv.0.0.bias", Some("rpn.head.conv.bias")),
            ("rpn.head.conv.1.0.bias", None),
            ("roi_heads.mask_head.2.0.bias", Some("roi_heads.mask_head.mask_fcn3.bias")),
            ("backbone.body.conv1.weight", None),
        ] {
            assert_eq!(older(name).as_deref(), expected);
            if let Some(older) = expected {
                assert_eq!(newer(older).as_deref(), Some(name));
            }
        }
    }
}
