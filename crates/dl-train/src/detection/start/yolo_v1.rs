//! Starting points of YOLOv1: the paper's two networks, and any `.cfg` with its grid.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::detection::darknet::{BUILT_IN, BuiltIn, Darknet, Recipe, with_classes};
use dl_models::detection::yolo_v1::Grid;
use dl_models::detection::{Detector, Family};
use dl_models::{Checkpoint, ModelFile, Parameters};
use dl_record::file::read_text;

use super::{DetectorStart, Plan, initialized_from};
use crate::detection::{Trainee, YoloV1Trainee};

/// The longest `.cfg`.
const LONGEST_CFG: u64 = 1 << 20;
/// The paper's side of the input, and boxes per cell.
const SIZE: usize = 448;
const BOXES: usize = 2;

/// The names of the built-in networks.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.into_iter()
}

/// Whether an architecture is a YOLOv1: a built-in one, a file of darknet's, or a `.cfg`.
pub(super) fn trains(name: &str) -> bool {
    names().any(|known| known == name) || name == "darknet" || name.ends_with(".cfg")
}

pub(super) fn plan(
    name: &str,
    start: &DetectorStart,
    file: Option<ModelFile>,
    labels: &[String],
    device: &Device,
) -> Result<Plan> {
    if let Some(preset) = start.recipe {
        // It has no constants but darknet's.
        preset.recipe(Family::Yolo)?;
    }
    let (file, is_detector) = match file {
        Some(ModelFile::Detector(file)) => (Some(file), true),
        Some(ModelFile::ImageNetwork(file)) => (Some(file), false),
        _ => (None, false),
    };
    let of_file = file.as_ref().map_or(String::new(), |file| format!("model {}", file.path().display()));
    let stated = match &file {
        Some(file) if is_detector => Darknet::text_of(file).with_context(|| of_file.clone())?,
        _ => None,
    };
    ensure!(
        !is_detector || stated.is_some(),
        "{of_file}: is another kind of detector than {name}; give a YOLO, or none"
    );
    // A .cfg that is given describes the network, whatever the file of the weights has.
    let stated = stated.filter(|_| !name.ends_with(".cfg"));
    let (architecture, text) = text(name, start, stated, labels.len())?;
    let mut config = Darknet::config(&architecture, &text, labels, start.padded.unwrap_or(false))
        .with_context(|| format!("--arch {name}"))?;
    config.provenance.source = file.as_ref().map(|file| initialized_from(file, None));
    let outline = Darknet::outline(&config)?;
    let last = outline.weights.keys().filter_map(|name| module_of(name)).max();
    let head = format!("module_list.{}.", last.context("the network has no weights")?);
    let tensors = file.as_ref().map(|file| tensors(file, labels, &head, device)).transpose()?;
    let (built, trained) = (config.clone(), config.clone());
    let is_head = move |weight: &str| weight.starts_with(&head);
    Ok(Plan {
        config,
        tensors,
        outline,
        is_head: Arc::new(is_head.clone()),
        // A network for images has convolutions alone in common with a detector.
        is_new: Arc::new(move |weight| is_head(weight) || weight.contains(".Linear.") || weight.contains(".Local2d.")),
        constant: BTreeSet::new(),
        trainee: Box::new(move |parameters: &Parameters, device: &Device| -> Result<Box<dyn Trainee>> {
            let detector = Darknet::new(&trained, &Recipe::default(), &parameters.builder(device))?;
            ensure!(!detector.network().has_folded_norms(), "a [connected] with batch_normalize cannot be trained");
            Ok(Box::new(YoloV1Trainee::new(detector, Darknet::loss_of_grid(&trained))?))
        }),
        build: Box::new(move |vb: VarBuilder| -> Result<Box<dyn Detector>> {
            Ok(Box::new(Darknet::new(&built, &Recipe::default(), &vb)?))
        }),
    })
}

/// The name in the config, and the text of the `.cfg` for this number of classes.
fn text(name: &str, start: &DetectorStart, stated: Option<String>, classes: usize) -> Result<(String, String)> {
    if stated.is_none() && names().any(|known| known == name) {
        let size = start.size.unwrap_or(SIZE);
        let side = start.grid.unwrap_or_else(|| BuiltIn::side(size));
        let grid = Grid { side, boxes: BOXES, classes };
        let built_in = BuiltIn { size, grid, width: start.width.unwrap_or(1.0), norm: !start.without_norms };
        return Ok((name.to_owned(), built_in.cfg(name)?));
    }
    for (is_given, option) in [
        (start.size.is_some(), "--size"),
        (start.grid.is_some(), "--grid"),
        (start.width.is_some(), "--width-mult"),
        (start.without_norms, "--no-batch-norm"),
    ] {
        ensure!(!is_given, "{option} is for the built-in networks; the .cfg decides here");
    }
    let (architecture, text) = match stated {
        Some(text) => (name, text),
        None if name.ends_with(".cfg") => ("darknet", read_text(Path::new(name), LONGEST_CFG).context("--arch")?),
        None => bail!("--arch {name}: give a .cfg, or one of {}", BUILT_IN.join(", ")),
    };
    Ok((architecture.to_owned(), with_classes(&text, classes).with_context(|| format!("--arch {name}"))?))
}

/// The number of a module, in `module_list.12.Linear.weight`.
fn module_of(weight: &str) -> Option<usize> {
    weight.strip_prefix("module_list.")?.split('.').next()?.parse().ok()
}

/// The weights of a file, without those of the last layer for other labels.
fn tensors(file: &Checkpoint, labels: &[String], head: &str, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = file.all(device)?;
    let same = Darknet::labels_of(file).is_some_and(|known| known == labels);
    if !same {
        tensors.retain(|name, _| !name.starts_with(head));
    }
    Ok(tensors)
}
