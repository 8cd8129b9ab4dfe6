//! Starting points of two-stage detectors: any image network below, or a detector.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::detection::rcnn::{
    self, GeneralizedRcnn, MaskKind, Pretrained, RCNNS, RcnnKind, is_body, is_class_head, pretrained_tensors,
};
use dl_models::detection::{Detector, DetectorOutline, Family};
use dl_models::{Checkpoint, Labels, ModelConfig, ModelFile, Parameters};
use serde_json::{Map, Value, json};

use super::{DetectorStart, Needs, Plan, initialized_from};
use crate::detection::{RcnnTrainee, Trainee};

/// The longer side of the input over the shorter one: torchvision's 1333 / 800.
const LONGEST: [usize; 2] = [1333, 800];

/// The names of the architectures.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    const KINDS: &[RcnnKind] = &RCNNS;
    KINDS.iter().map(|kind| kind.name)
}

/// Whether an architecture is a two-stage detector.
pub(super) fn trains(name: &str) -> bool {
    names().any(|known| known == name)
}

/// What a detector needs of records.
pub(super) fn needs(name: &str, options: &Map<String, Value>) -> Result<Needs> {
    let mut decisive = options.clone();
    decisive.retain(|option, _| ["masks", "rpn_convs"].contains(&option.as_str()));
    let (layout, _) = RcnnKind::find(name)?.configured(&decisive).context("--option")?;
    Ok(Needs { masks: layout.masks != MaskKind::None, proposals: layout.rpn_convs == 0 })
}

/// A description, and the weights to start from if there is a file.
type Given = (ModelConfig, Option<BTreeMap<String, Tensor>>);

pub(super) fn plan(
    name: &str,
    start: &DetectorStart,
    file: Option<ModelFile>,
    labels: &[String],
    device: &Device,
) -> Result<Plan> {
    ensure!(start.grid.is_none() && !start.without_norms, "--grid and --no-batch-norm are for YOLO, not for {name}");
    ensure!(start.padded.is_none(), "--resize: the images of {name} always keep their aspect ratio");
    let mut with_recipe = start.clone();
    if let Some(preset) = start.recipe {
        let family = if needs(name, &start.options)?.proposals { Family::FastRcnn } else { Family::FasterRcnn };
        let recipe = preset.recipe(family)?;
        let stated = with_recipe.options.insert("recipe".to_owned(), recipe.into());
        ensure!(stated.is_none(), "--recipe and --option recipe are the same; give one of them");
    }
    let start = &with_recipe;
    let has_file = file.is_some();
    let (config, mut tensors) = match file {
        Some(ModelFile::Detector(file)) => {
            let of_file = format!("model {}", file.path().display());
            detector(name, start, &file, labels, device).context(of_file)?
        }
        Some(ModelFile::ImageNetwork(file)) => body(name, start, file, labels, device)?,
        _ => {
            let options = options(start, Map::new());
            let config = rcnn::config(name, start.backbone.as_deref(), &options, labels);
            (config.with_context(|| format!("--arch {name}"))?, None)
        }
    };
    let outline = GeneralizedRcnn::outline(&config).with_context(|| format!("architecture {name}"))?;
    if let Some(tensors) = &mut tensors {
        // Image networks have more layers, and fc6 and fc7 of another size.
        let fits = |name: &str, tensor: &Tensor| outline.weights.get(name).is_some_and(|shape| shape == tensor.dims());
        tensors.retain(|name, tensor| fits(name, tensor) || (is_body(name) && outline.weights.contains_key(name)));
    }
    let constant = if has_file { norms_of_body(&outline) } else { BTreeSet::new() };
    let (built, trained) = (config.clone(), config.clone());
    Ok(Plan {
        config,
        tensors,
        outline,
        is_head: Arc::new(|weight| !is_body(weight)),
        is_new: Arc::new(|weight| !is_body(weight)),
        constant,
        trainee: Box::new(move |parameters: &Parameters, device: &Device| -> Result<Box<dyn Trainee>> {
            Ok(Box::new(RcnnTrainee::new(&trained, parameters, device)?))
        }),
        build: Box::new(move |vb: VarBuilder| -> Result<Box<dyn Detector>> {
            Ok(Box::new(GeneralizedRcnn::from_config(&built, vb)?))
        }),
    })
}

/// `options`, overridden by those of the user.
fn options(start: &DetectorStart, mut options: Map<String, Value>) -> Map<String, Value> {
    if let Some(width) = start.width {
        let body_options = options.entry("body_options").or_insert_with(|| json!({}));
        if let Some(body_options) = body_options.as_object_mut() {
            body_options.insert("width".into(), json!(width));
        }
    }
    if let Some(size) = start.size {
        options.insert("min_size".into(), json!(size));
        options.insert("max_size".into(), json!(size * LONGEST[0] / LONGEST[1]));
    }
    options.extend(start.options.clone());
    options
}

/// All of a detector but the outputs for other labels.
fn detector(name: &str, start: &DetectorStart, file: &Checkpoint, labels: &[String], device: &Device) -> Result<Given> {
    ensure!(start.backbone.is_none(), "has its backbone already, without --backbone");
    let old = rcnn::config_of(RcnnKind::find(name)?, file)?;
    let mut config = rcnn::config(name, None, &options(start, old.options.clone()), labels)?;
    config.provenance.source = Some(initialized_from(file, old.provenance.source.clone()));
    let mut tensors = rcnn::tensors(file, device)?;
    let same = matches!(&old.labels, Some(Labels::Names(names)) if names.get(1..) == Some(labels));
    if !same {
        tensors.retain(|name, _| !is_class_head(name));
    }
    Ok((config, Some(tensors)))
}

/// The network below from an image network.
fn body(name: &str, start: &DetectorStart, mut file: Checkpoint, labels: &[String], device: &Device) -> Result<Given> {
    let of_file = format!("model {}", file.path().display());
    let kind = RcnnKind::find(name)?;
    let (layout, _) = kind.configured(&Map::new())?;
    let own = if kind.any_body { start.backbone.as_deref() } else { Some(layout.body.as_str()) };
    let stated: Option<Value> = file.config()?;
    let old = ModelConfig::read(&mut file, own.filter(|_| stated.is_none()))?;
    ensure!(
        own.is_none_or(|own| own == old.architecture),
        "{of_file}: is a {}, and the network below {name} is to be a {}",
        old.architecture,
        own.unwrap_or_default()
    );
    let Pretrained { options: of_body, tensors } = pretrained_tensors(&file, &old, device).context(of_file)?;
    let options = options(start, of_body);
    let mut config = rcnn::config(name, None, &options, labels).with_context(|| format!("--arch {name}"))?;
    config.provenance.source = Some(initialized_from(&file, old.provenance.source.clone()));
    Ok((config, Some(tensors)))
}

/// The weights and statistics of the batch norms below, which stay as they are: a batch of a few images is too small for
/// statistics of its own (torchvision's `FrozenBatchNorm2d`).
fn norms_of_body(outline: &DetectorOutline) -> BTreeSet<String> {
    let norms = outline.weights.keys().filter_map(|name| name.strip_suffix(".running_mean"));
    let weights = norms
        .filter(|norm| is_body(norm))
        .flat_map(|norm| ["weight", "bias", "running_mean", "running_var"].map(|weight| format!("{norm}.{weight}")));
    weights.collect()
}
