//! The description of a two-stage detector in its file, made from names and options, and a pretrained image network as
//! its body.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use serde_json::{Map, Value, json};

use super::GeneralizedRcnn;
use super::body;
use super::layout::{Layout, MaskKind, RcnnKind};
use super::recipe::Recipe;
use crate::backbones::MobileNetV1Options;
use crate::detection::DetectorOutline;
use crate::file::{Kind, Labels, Preprocessing, Resize};
use crate::model::build_outline;
use crate::{Checkpoint, ModelConfig};

/// The prefix of the body's weights.
const BODY: &str = "backbone.body.";
const BACKGROUND: &str = "background";

/// The description of a new detector `arch`, a name of [`RCNNS`](super::RCNNS), for `labels`. `backbone` is a name of
/// [`ARCHITECTURES`](crate::ARCHITECTURES), for the detectors that take any. `options` override fields of [`Layout`] and
/// [`Recipe`]; what they leave open is chosen by the backbone.
/// # Errors
/// When a name or an option does not exist, or is out of range.
pub fn config(
    arch: &str,
    backbone: Option<&str>,
    options: &Map<String, Value>,
    labels: &[String],
) -> Result<ModelConfig> {
    let kind = RcnnKind::find(arch)?;
    let mut all = options.clone();
    if let Some(backbone) = backbone {
        ensure!(kind.any_body, "{arch} has its own backbone; those that take another one start with any of {ANY}");
        all.insert("body".into(), backbone.into());
    }
    if kind.any_body {
        // Only what the choice depends on: the given maps and anchors may not fit the default ones.
        let mut decisive = all.clone();
        decisive.retain(|name, _| ["body", "body_options", "fpn"].contains(&name.as_str()));
        let (mut layout, _) = kind.unchecked(&decisive)?;
        body::choose(&mut layout)?;
        let Layout { body, body_options, fpn, fpn_channels, box_hidden, maps, anchor_sizes, .. } = layout;
        let chosen = json!({
            "body": body,
            "body_options": body_options,
            "fpn": fpn,
            "fpn_channels": fpn_channels,
            "box_hidden": box_hidden,
            "maps": maps,
            "anchor_sizes": anchor_sizes,
        });
        for (name, value) in chosen.as_object().into_iter().flatten() {
            all.entry(name).or_insert_with(|| value.clone());
        }
    }
    let (_, recipe) = kind.configured(&all)?;
    let mut config = ModelConfig::new(arch, labels.len() + 1);
    config.kind = Some(Kind::Detector);
    config.options = all;
    config.preprocessing = preprocessing(&recipe);
    config.labels = Some(with_background(labels));
    config.check()?;
    Ok(config)
}

const ANY: &str = "fast_rcnn, faster_rcnn, mask_rcnn or cascade_rcnn";

/// The names of all classes.
pub(super) fn with_background(labels: &[String]) -> Labels {
    Labels::Names([BACKGROUND.to_owned()].into_iter().chain(labels.iter().cloned()).collect())
}

/// How an image becomes the input, without the sizes that the recipe decides per image.
pub(super) fn preprocessing(recipe: &Recipe) -> Preprocessing {
    Preprocessing {
        size: [recipe.min_size, recipe.max_size],
        resize: Resize::None,
        shorter: Some(recipe.min_size),
        interpolation: recipe.interpolation,
        channel_order: recipe.channel_order,
        range: recipe.range,
        mean: recipe.mean,
        std: recipe.std,
        extra: Map::new(),
    }
}

impl GeneralizedRcnn {
    /// The detector of a config.
    /// # Errors
    /// When an option is unknown or out of range, or as [`new`](Self::new).
    pub fn from_config(config: &ModelConfig, vb: VarBuilder) -> Result<Self> {
        let (layout, recipe) = RcnnKind::find(&config.architecture)?.configured(&config.options)?;
        let labels = config.label_names(Path::new(""))?.context("its config has no labels")?.split_off(1);
        Self::new(layout, recipe, labels, vb)
    }

    /// The network of a config without weights.
    /// # Errors
    /// As [`from_config`](Self::from_config).
    pub fn outline(config: &ModelConfig) -> Result<DetectorOutline> {
        let (detector, weights) = build_outline(None, |vb| Self::from_config(config, vb))?;
        let of_mobilenet = detector.layout.body.starts_with("mobilenet_v3");
        let layers = detector.maps.network.body_layers().into_iter().map(|layer| {
            // As in the names of its weights.
            if of_mobilenet { layer.trim_start_matches("features.").to_owned() } else { layer }
        });
        Ok(DetectorOutline { layers: layers.collect(), weights })
    }

    /// Whether it computes masks.
    pub fn has_masks(&self) -> bool {
        self.layout.masks != MaskKind::None
    }
}

/// Whether a weight belongs to the network below.
pub fn is_body(weight: &str) -> bool {
    weight.starts_with(BODY)
}

/// Whether a weight belongs to a layer with outputs for each class.
pub fn is_class_head(weight: &str) -> bool {
    weight.starts_with("roi_heads.box_predictor.") || weight.starts_with("roi_heads.mask_predictor.mask_fcn_logits.")
}

/// The options of a detector whose body is the image network of `config`: its name, its options and its pixels.
/// # Errors
/// When an option of the image network is unknown.
pub(super) fn options_of_body(config: &ModelConfig) -> Result<Map<String, Value>> {
    let mut body_options = config.options.clone();
    if config.architecture == "mobilenet_v1" {
        // Files of others have their own words.
        body_options.extend(MobileNetV1Options::read(config)?.entries());
    }
    let Preprocessing { channel_order, range, mean, std, .. } = &config.preprocessing;
    let options = json!({
        "body": config.architecture,
        "body_options": body_options,
        "channel_order": channel_order,
        "range": range,
        "mean": mean,
        "std": std,
    });
    Ok(options.as_object().cloned().unwrap_or_default())
}

/// What a detector takes from a pretrained image network.
pub struct Pretrained {
    /// The options of its config.
    pub options: Map<String, Value>,
    /// The tensors by their names in the detector: the body's and, for VGG-16 and ZF as in Fast R-CNN, fc6 and fc7.
    pub tensors: BTreeMap<String, Tensor>,
}

/// The image network of a file, described by `config`, as the body of a detector.
/// # Errors
/// When a tensor cannot be read.
pub fn pretrained_tensors(file: &Checkpoint, config: &ModelConfig, device: &Device) -> Result<Pretrained> {
    let features = if config.architecture.starts_with("mobilenet_v3") { "features." } else { "" };
    let renamed = |name: &str| match name.strip_prefix("classifier.") {
        Some(rest) if config.architecture.starts_with("vgg") => {
            let (layer, end) = rest.split_once('.')?;
            let layer = match layer {
                "0" => "fc6",
                "3" => "fc7",
                _ => return None,
            };
            Some(format!("roi_heads.box_head.{layer}.{end}"))
        }
        Some(_) => None,
        None if config.architecture == "zf" && (name.starts_with("fc6.") || name.starts_with("fc7.")) => {
            Some(format!("roi_heads.box_head.{name}"))
        }
        None => Some(format!("{BODY}{}", name.strip_prefix(features).unwrap_or(name))),
    };
    let tensors = file.all(device)?.into_iter().filter_map(|(name, tensor)| Some((renamed(&name)?, tensor))).collect();
    Ok(Pretrained { options: options_of_body(config)?, tensors })
}
