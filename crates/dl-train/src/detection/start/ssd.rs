//! Starting points of SSDs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::detection::ssd::{CodeOrder, Recipe, Scores, Ssd, Trunk, is_box_head, is_class_head};
use dl_models::detection::{Detector, Preset};
use dl_models::{Checkpoint, Labels, ModelConfig, ModelFile, Parameters, Resize};
use serde_json::{Value, json};

use super::{DetectorStart, Plan, initialized_from};
use crate::detection::shapes::{covering, is_dense, on_sources, sides};
use crate::detection::ssd::Matching;
use crate::detection::{Samples, SsdTrainee, Trainee};

/// The names of the architectures.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    Ssd::architectures()
}

/// Whether an architecture is an SSD.
pub(super) fn trains(name: &str) -> bool {
    names().any(|known| known == name)
}

/// A description, and the weights to start from if there is a file.
type Given = (ModelConfig, Option<BTreeMap<String, Tensor>>);

pub(super) fn plan(
    name: &str,
    start: &DetectorStart,
    file: Option<ModelFile>,
    samples: &Samples,
    device: &Device,
) -> Result<Plan> {
    let labels = samples.labels();
    let is_detector = matches!(file, Some(ModelFile::Detector(_)));
    ensure!(start.grid.is_none(), "--grid is for YOLO; {name} has default boxes");
    let (mut config, tensors) = match file {
        Some(ModelFile::Detector(file)) => {
            let of_file = format!("model {}", file.path().display());
            detector(name, &file, labels, device).context(of_file)?
        }
        Some(ModelFile::ImageNetwork(file)) => trunk(name, file, labels, device)?,
        _ => (fresh(name, labels)?, None),
    };
    if let Some(preset) = start.recipe {
        take_recipe(&mut config, preset, is_detector)?;
    }
    let names = ["background".to_owned()].into_iter().chain(labels.iter().cloned());
    config.num_classes = labels.len() + 1;
    config.labels = Some(Labels::Names(names.collect()));
    if let Some(width) = start.width {
        config.options.insert("width".into(), json!(width));
    }
    if let Some(size) = start.size {
        config.preprocessing.size = [size; 2];
    }
    if let Some(padded) = start.padded {
        config.preprocessing.resize = if padded { Resize::Letterbox } else { Resize::Stretch };
    }
    if !is_detector && !start.own_shapes {
        let shapes = covering(&sides(samples, &config.preprocessing));
        let cells = |config: &ModelConfig| Ssd::cells(config).with_context(|| format!("architecture {name}"));
        let mut own = cells(&config)?;
        if shapes.first().zip(own.first()).is_some_and(|(shape, cell)| !is_dense(cell, shape))
            && Ssd::add_fine_source(&mut config)
        {
            own = cells(&config)?;
        }
        Ssd::set_shapes(&mut config, &on_sources(&shapes, &own));
    }
    let outline = Ssd::outline(&config).with_context(|| format!("architecture {name}"))?;
    let built = config.clone();
    let trained = config.clone();
    let is_head = |weight: &str| is_class_head(weight) || is_box_head(weight);
    Ok(Plan {
        config,
        tensors,
        outline,
        is_head: Arc::new(is_head),
        // No image network has the extra layers.
        is_new: Arc::new(move |weight| is_head(weight) || weight.contains("extra")),
        constant: BTreeSet::new(),
        trainee: Box::new(move |parameters: &Parameters, device: &Device| -> Result<Box<dyn Trainee>> {
            let ssd = Ssd::new(trained.clone(), parameters.builder(device))?;
            Ok(Box::new(SsdTrainee { ssd, matching: Matching::Caffe }))
        }),
        build: Box::new(move |vb: VarBuilder| -> Result<Box<dyn Detector>> {
            Ok(Box::new(Ssd::new(built.clone(), vb)?))
        }),
    })
}

fn fresh(name: &str, labels: &[String]) -> Result<ModelConfig> {
    let mut config = Ssd::default_config(name, labels.len() + 1)?;
    trained_by_softmax(&mut config)?;
    Ok(config)
}

/// All of a detector but the class scores of other labels.
fn detector(name: &str, file: &Checkpoint, labels: &[String], device: &Device) -> Result<Given> {
    let old = Ssd::config_of(name, file)?;
    let mut tensors = file.all(device)?;
    let mut config = old.clone();
    let had_sigmoid = trained_by_softmax(&mut config)?;
    if let Some(trunk) = Trunk::of(name).filter(|trunk| trunk.network == "mobilenet_v1") {
        // Our own options instead of another program's words.
        trunk.adapt(&old, &mut config)?;
    }
    config.extra.clear();
    config.provenance.training.clear();
    config.provenance.source = Some(initialized_from(file, old.provenance.source.clone()));
    let folder = file.path().parent().unwrap_or(Path::new(""));
    let same = old.label_names(folder)?.is_some_and(|names| names.get(1..) == Some(labels));
    if !same || had_sigmoid {
        tensors.retain(|name, _| !is_class_head(name));
    }
    Ok((config, Some(tensors)))
}

/// The trunk from an image network.
fn trunk(name: &str, mut file: Checkpoint, labels: &[String], device: &Device) -> Result<Given> {
    let of_file = format!("model {}", file.path().display());
    let Some(trunk) = Trunk::of(name) else {
        bail!("{of_file}: is a network for images, and the trunk of {name} is not one; give a detector, or none");
    };
    let stated: Option<Value> = file.config()?;
    let old = ModelConfig::read(&mut file, stated.is_none().then_some(trunk.network))?;
    ensure!(
        old.architecture == trunk.network,
        "{of_file}: is a {}, and the trunk of {name} is a {}",
        old.architecture,
        trunk.network
    );
    let mut config = fresh(name, labels)?;
    trunk.adapt(&old, &mut config)?;
    config.provenance.source = Some(initialized_from(&file, old.provenance.source.clone()));
    let tensors = trunk.tensors(&file, device).context(of_file)?;
    Ok((config, Some(tensors)))
}

/// Chooses a program's recipe. A pretrained detector keeps its order of box codes.
fn take_recipe(config: &mut ModelConfig, preset: Preset, is_pretrained: bool) -> Result<()> {
    let name = preset.recipe(Ssd::family(&config.architecture))?;
    let old = Ssd::recipe_of(config)?;
    config.options.insert("recipe".into(), name.into());
    ensure!(
        !is_pretrained || Ssd::recipe_of(config)?.order == old.order,
        "recipe {name} has another order of box codes than the detector in --init-from, whose recipe is {}",
        old.name
    );
    Ok(())
}

/// Chooses the recipe with a softmax and the same order of codes, since that is what the loss trains. Returns whether the
/// config had another one.
fn trained_by_softmax(config: &mut ModelConfig) -> Result<bool> {
    let Recipe { scores, order, .. } = Ssd::recipe_of(config)?;
    if scores == Scores::Softmax {
        return Ok(false);
    }
    let name = if order == CodeOrder::Yxhw { "softmax-yxhw" } else { "torchvision" };
    config.options.insert("recipe".into(), name.into());
    Ok(true)
}
