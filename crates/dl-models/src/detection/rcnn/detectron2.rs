//! detectron2's checkpoints of R-CNNs on ResNet-FPN, in torchvision's names and order of classes.
//!
//! | detectron2 | torchvision |
//! | --- | --- |
//! | `backbone.bottom_up.stem.conv1.norm.weight` | `backbone.body.bn1.weight` |
//! | `backbone.bottom_up.res2.0.conv1.weight`, `.conv1.norm.weight` | `backbone.body.layer1.0.conv1.weight`, `.bn1.weight` |
//! | `backbone.bottom_up.res2.0.shortcut.weight`, `.shortcut.norm.weight` | `backbone.body.layer1.0.downsample.0.weight`, `.1.weight` |
//! | `backbone.fpn_lateral2`, `backbone.fpn_output2` | `backbone.fpn.inner_blocks.0.0`, `backbone.fpn.layer_blocks.0.0` |
//! | `proposal_generator.rpn_head.conv`, `objectness_logits`, `anchor_deltas` | `rpn.head.conv.0.0`, `cls_logits`, `bbox_pred` |
//! | `roi_heads.box_head.fc1` | `roi_heads.box_head.fc6` |
//! | `roi_heads.mask_head.mask_fcn1`, `deconv`, `predictor` | `roi_heads.mask_head.0.0`, `mask_predictor.conv5_mask`, `.mask_fcn_logits` |
//!
//! The background is the last class there and the first one here, and has neither boxes nor masks there.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use crate::{Checkpoint, plain};

/// A weight that only these files have.
const STEM: &str = "backbone.bottom_up.stem.conv1.weight";

/// Whether a file is detectron2's.
pub(super) fn is_in(file: &Checkpoint) -> bool {
    file.contains(STEM) && file.contains("backbone.fpn_lateral2.weight")
}

/// The detector in such a file, by its tensors; `None` if it is not supported.
pub(super) fn guess(file: &Checkpoint) -> Option<&'static str> {
    let has = |name: &str| file.contains(name);
    let of_50_layers = has("backbone.bottom_up.res4.5.conv3.weight") && !has("backbone.bottom_up.res4.6.conv3.weight");
    let plain = file.shape("backbone.bottom_up.res2.0.conv2.weight") == Some(&[64, 64, 3, 3]);
    let frozen = has("backbone.bottom_up.stem.conv1.norm.running_mean");
    // Group norms in the heads.
    let other = has("backbone.fpn_lateral2.norm.weight") || has("roi_heads.mask_head.mask_fcn1.norm.weight");
    let cascaded = has("roi_heads.box_head.2.fc1.weight");
    let linear = cascaded || has("roi_heads.box_head.fc1.weight");
    if !is_in(file) || !of_50_layers || !plain || !frozen || other || !linear {
        return None;
    }
    Some(match (cascaded, has("roi_heads.mask_head.predictor.weight")) {
        (false, false) => "fasterrcnn_resnet50_fpn",
        (false, true) => "maskrcnn_resnet50_fpn",
        (true, false) => "cascade_rcnn_resnet50_fpn",
        (true, true) => "cascade_mask_rcnn_resnet50_fpn",
    })
}

/// All tensors of a file by torchvision's names; others, such as the anchors, are left out.
/// # Errors
/// When one cannot be read, or has another shape than such files have.
pub(super) fn tensors(file: &Checkpoint, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for info in file.tensors() {
        let Some(name) = renamed(&info.name) else { continue };
        let tensor = ordered(&name, file.tensor(&info.name, device)?).with_context(|| info.name.clone())?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// torchvision's name of a weight.
fn renamed(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let norm = |index: &str, end: &str| format!("bn{index}.{end}");
    Some(match parts[..] {
        ["backbone", "bottom_up", "stem", "conv1", end] => format!("backbone.body.conv1.{end}"),
        ["backbone", "bottom_up", "stem", "conv1", "norm", end] => format!("backbone.body.bn1.{end}"),
        ["backbone", "bottom_up", stage, block, layer, ref rest @ ..] => {
            let stage: usize = stage.strip_prefix("res")?.parse().ok()?;
            let inner = match (layer, rest) {
                ("shortcut", [end]) => format!("downsample.0.{end}"),
                ("shortcut", ["norm", end]) => format!("downsample.1.{end}"),
                (conv, [end]) => format!("{conv}.{end}"),
                (conv, ["norm", end]) => norm(conv.strip_prefix("conv")?, end),
                _ => return None,
            };
            format!("backbone.body.layer{}.{block}.{inner}", stage.checked_sub(1)?)
        }
        ["backbone", level, end] => {
            let place = |prefix: &str| level.strip_prefix(prefix)?.parse::<usize>().ok()?.checked_sub(2);
            match (place("fpn_lateral"), place("fpn_output")) {
                (Some(index), _) => format!("backbone.fpn.inner_blocks.{index}.0.{end}"),
                (_, Some(index)) => format!("backbone.fpn.layer_blocks.{index}.0.{end}"),
                _ => return None,
            }
        }
        ["proposal_generator", "rpn_head", layer, end] => match layer {
            "conv" => format!("rpn.head.conv.0.0.{end}"),
            "objectness_logits" => format!("rpn.head.cls_logits.{end}"),
            "anchor_deltas" => format!("rpn.head.bbox_pred.{end}"),
            _ => return None,
        },
        ["roi_heads", "box_head", ref stage @ .., layer, end] => {
            let layer = match layer {
                "fc1" => "fc6",
                "fc2" => "fc7",
                _ => return None,
            };
            [&["roi_heads", "box_head"], stage, &[layer, end]].concat().join(".")
        }
        ["roi_heads", "box_predictor", ..] => name.to_owned(),
        ["roi_heads", "mask_head", layer, end] => match layer {
            "deconv" => format!("roi_heads.mask_predictor.conv5_mask.{end}"),
            "predictor" => format!("roi_heads.mask_predictor.mask_fcn_logits.{end}"),
            _ => {
                let number: usize = layer.strip_prefix("mask_fcn")?.parse().ok()?;
                format!("roi_heads.mask_head.{}.0.{end}", number.checked_sub(1)?)
            }
        },
        _ => return None,
    })
}

/// The rows of a weight in torchvision's order of classes.
fn ordered(name: &str, tensor: Tensor) -> Result<Tensor> {
    let rows = tensor.dim(0).map_err(plain)?;
    let result = if name.contains(".cls_score.") && rows > 1 {
        let (classes, background) = (tensor.narrow(0, 0, rows - 1), tensor.narrow(0, rows - 1, 1));
        classes.and_then(|classes| Tensor::cat(&[background?, classes], 0))
    } else if name.contains(".bbox_pred.") && name.starts_with("roi_heads.") && rows > 4 {
        tensor.pad_with_zeros(0, 4, 0)
    } else if name.contains(".mask_fcn_logits.") {
        tensor.pad_with_zeros(0, 1, 0)
    } else {
        Ok(tensor)
    };
    result.map_err(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detection::rcnn::{GeneralizedRcnn, config};

    /// detectron2's name of a weight: the table of this module from right to left.
    fn theirs(name: &str) -> String {
        let mut name = name.replace("rpn.head.conv.0.0", "proposal_generator.rpn_head.conv");
        for (ours, theirs) in [
            ("rpn.head.cls_logits", "proposal_generator.rpn_head.objectness_logits"),
            ("rpn.head.bbox_pred", "proposal_generator.rpn_head.anchor_deltas"),
            ("fc6", "fc1"),
            ("fc7", "fc2"),
            ("mask_predictor.conv5_mask", "mask_head.deconv"),
            ("mask_predictor.mask_fcn_logits", "mask_head.predictor"),
            ("backbone.body.conv1", "backbone.bottom_up.stem.conv1"),
            ("backbone.body.bn1", "backbone.bottom_up.stem.conv1.norm"),
            ("downsample.0", "shortcut"),
            ("downsample.1", "shortcut.norm"),
            (".bn1.", ".conv1.norm."),
            (".bn2.", ".conv2.norm."),
            (".bn3.", ".conv3.norm."),
        ] {
            name = name.replace(ours, theirs);
        }
        for index in 0..4 {
            for (ours, theirs) in [
                (format!("backbone.body.layer{}", index + 1), format!("backbone.bottom_up.res{}", index + 2)),
                (format!("backbone.fpn.inner_blocks.{index}.0"), format!("backbone.fpn_lateral{}", index + 2)),
                (format!("backbone.fpn.layer_blocks.{index}.0"), format!("backbone.fpn_output{}", index + 2)),
                (format!("mask_head.{index}.0"), format!("mask_head.mask_fcn{}", index + 1)),
            ] {
                name = name.replace(&ours, &theirs);
            }
        }
        name
    }

    #[test]
    fn every_weight_has_a_name_there() {
        let labels = ["cat".to_owned(), "dog".to_owned()];
        for arch in ["maskrcnn_resnet50_fpn", "cascade_mask_rcnn_resnet50_fpn"] {
            let config = config(arch, None, json!({}).as_object().unwrap(), &labels).unwrap();
            for name in GeneralizedRcnn::outline(&config).unwrap().weights.keys() {
                assert_eq!(renamed(&theirs(name)).as_ref(), Some(name), "{}", theirs(name));
            }
        }
        for other in
            ["pixel_mean", "proposal_generator.anchor_generator.cell_anchors.0", "backbone.bottom_up.fc.weight"]
        {
            assert_eq!(renamed(other), None);
        }
    }

    #[test]
    fn the_background_moves_to_the_front() {
        let rows =
            |count: usize| Tensor::arange(0.0_f32, count as f32, &Device::Cpu).unwrap().reshape((count, 1)).unwrap();
        let found = |name: &str, count: usize| -> Vec<f32> {
            ordered(name, rows(count)).unwrap().flatten_all().unwrap().to_vec1().unwrap()
        };
        assert_eq!(found("roi_heads.box_predictor.cls_score.weight", 3), [2.0, 0.0, 1.0]);
        assert_eq!(found("roi_heads.box_predictor.bbox_pred.weight", 8)[..6], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        // Boxes for all classes alike have no background, nor do the anchors'.
        assert_eq!(found("roi_heads.box_predictor.0.bbox_pred.weight", 4), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(found("rpn.head.bbox_pred.weight", 12).len(), 12);
        assert_eq!(found("roi_heads.mask_predictor.mask_fcn_logits.weight", 2), [0.0, 0.0, 1.0]);
    }
}
