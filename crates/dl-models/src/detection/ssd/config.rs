//! What a model file says of an SSD: our config, one in other words, or none.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::architectures::Architecture;
use crate::file::limits;
use crate::{Checkpoint, ModelConfig};

/// The name of classes that are not in use, as in TensorFlow's label files.
pub(super) const UNUSED: &str = "???";
pub(super) const BACKGROUND: &str = "background";

/// The config of the detector `architecture` in a file.
/// # Errors
/// When a value is missing, invalid or out of range.
pub(super) fn read(file: &Checkpoint, architecture: &Architecture) -> Result<ModelConfig> {
    let mut config = match file.config::<Value>()? {
        Some(Value::Object(config)) => config,
        Some(_) => bail!("its config is not a JSON object"),
        None => bare(file, architecture)?,
    };
    config.insert("architecture".into(), architecture.name.into());
    fill_in(&mut config, architecture)?;
    let config: ModelConfig = serde_json::from_value(Value::Object(config)).context("its config")?;
    config.check().context("its config")?;
    Ok(config)
}

/// Labels that are null are unused; what the preprocessing does not say is the architecture's.
fn fill_in(config: &mut Map<String, Value>, architecture: &Architecture) -> Result<()> {
    if let Some(labels) = config.get_mut("labels").and_then(Value::as_array_mut) {
        labels.iter_mut().filter(|label| label.is_null()).for_each(|label| *label = UNUSED.into());
    }
    let own = serde_json::to_value((architecture.preprocessing)())?;
    match config.get_mut("preprocessing").and_then(Value::as_object_mut) {
        Some(stated) => {
            stated.entry("interpolation").or_insert_with(|| own["interpolation"].clone());
        }
        None => {
            config.insert("preprocessing".into(), own);
        }
    }
    Ok(())
}

/// The config of bare weights.
fn bare(file: &Checkpoint, architecture: &Architecture) -> Result<Map<String, Value>> {
    let per_cell = (architecture.boxes)((architecture.preprocessing)().size).per_cell();
    let outputs = file.shape(architecture.head).and_then(|shape| shape.first()).copied();
    let outputs = outputs.with_context(|| format!("has no tensor {}", architecture.head))?;
    let boxes = per_cell.first().copied().unwrap_or(1);
    if outputs == 0 || outputs % boxes != 0 {
        bail!("{}: {outputs} outputs are not a multiple of the {boxes} boxes of a cell", architecture.head);
    }
    let classes = outputs / boxes;
    limits::count("num_classes", classes, limits::MOST_CLASSES)?;
    let names = (architecture.labels)(classes)
        .into_iter()
        .enumerate()
        .map(|(class, name)| name.unwrap_or_else(|| if class == 0 { BACKGROUND.into() } else { UNUSED.into() }));
    let mut options = Map::new();
    // torchvision halves the last channels of MobileNet V3, unless the backbone was pretrained.
    if let Some(&[outputs, ..]) = file.shape("backbone.features.1.3.0.weight") {
        options.insert("reduced_tail".into(), (outputs < 960).into());
    }
    // A convolution with a bias has its batch norm folded into it.
    if architecture.name == "ssd_mobilenet_v1" {
        options.insert("folded".into(), file.contains("conv_stem.bias").into());
    }
    let config = json!({"num_classes": classes, "labels": names.collect::<Vec<_>>(), "options": options});
    Ok(config.as_object().cloned().unwrap_or_default())
}

/// The names of the classes, and whether each one is an object to report.
/// # Errors
/// When their number differs from that of the classes.
pub(super) fn labels(config: &ModelConfig, folder: &Path) -> Result<(Vec<String>, Vec<bool>)> {
    let numbers =
        || (0..config.num_classes).map(|class| if class == 0 { BACKGROUND.into() } else { class.to_string() });
    let names = config.label_names(folder)?.unwrap_or_else(|| numbers().collect());
    let reported = names.iter().enumerate().map(|(class, name)| class > 0 && name != UNUSED).collect();
    Ok((names, reported))
}
