//! Configs of image networks in folders of Hugging Face (`config.json`, `preprocessor_config.json`) and timm
//! (`config.json` with a `pretrained_cfg`), beside `model.safetensors`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use dl_vision::picture::warp::Interpolation;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::VitFamily;
use crate::checkpoint::printable;
use crate::text::SiglipImagesOptions;
use crate::text::folder::{clip_config, json_beside};
use crate::{Checkpoint, Labels, ModelConfig, Preprocessing, Resize};

/// The config of the image network in a file, from the files beside it; `None` if they describe none.
/// # Errors
/// When they cannot be read, or describe a network that is not supported.
pub(crate) fn config(file: &Checkpoint) -> Result<Option<ModelConfig>> {
    if let Some(config) = clip_config(file.path())? {
        return Ok(Some(config));
    }
    let Some(json) = json_beside(file.path(), "config.json")? else { return Ok(None) };
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let config = match (text("model_type"), text("architecture")) {
        (Some("vit"), _) => of_vit(VitFamily::Vit, &json, file),
        (Some("dinov2" | "dinov2_with_registers"), _) => of_vit(VitFamily::Dinov2, &json, file),
        (Some("siglip"), _) => of_siglip(&json, file),
        (Some("convnext"), _) => of_convnext(&json, file),
        (None, Some(name)) if json.contains_key("pretrained_cfg") => match timm_family(name) {
            Some(family) => of_timm(family, &json, file),
            // Its weights may still be read with --arch.
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    config.map(Some).context("config.json")
}

fn of_vit(family: VitFamily, json: &Map<String, Value>, file: &Checkpoint) -> Result<ModelConfig> {
    let known = family.defaults();
    let options: Map<String, Value> =
        known.into_iter().map(|(key, default)| (key.clone(), json.get(&key).cloned().unwrap_or(default))).collect();
    let (name, processor) = match family {
        VitFamily::Vit => ("vit", json!({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2})),
        VitFamily::Dinov2 => ("dinov2", json!({"size": {"shortest_edge": 256}, "crop_size": 224, "resample": 3})),
    };
    let width = options["hidden_size"].as_u64().unwrap_or(1) as usize;
    let side = options["image_size"].as_u64().unwrap_or(224) as usize;
    let mut config = with_head(name, "classifier", json, file, width)?;
    let has_head = config.labels.is_some();
    config.options = options;
    config.options.insert("classifier".into(), has_head.into());
    config.options.retain(|_, value| !value.is_null());
    config.preprocessing = preprocessing(file, &processor, side)?;
    Ok(config)
}

/// SigLIP's image network; one with a head `classifier` reads no texts.
fn of_siglip(json: &Map<String, Value>, file: &Checkpoint) -> Result<ModelConfig> {
    let stated = json.get("vision_config").cloned().unwrap_or_else(|| json!({}));
    let images = SiglipImagesOptions::deserialize(stated).context("vision_config")?;
    let mut config = with_head("siglip", "classifier", json, file, images.hidden_size)?;
    config.options = json.clone();
    config.options.insert("classifier".to_owned(), config.labels.is_some().into());
    config.options.retain(|_, value| !value.is_null());
    let usual = json!({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 3});
    config.preprocessing = preprocessing(file, &usual, images.image_size)?;
    Ok(config)
}

fn of_convnext(json: &Map<String, Value>, file: &Checkpoint) -> Result<ModelConfig> {
    let sides =
        |key: &str| -> Vec<u64> { json.get(key).and_then(|sides| Vec::deserialize(sides).ok()).unwrap_or_default() };
    let stated = (sides("depths"), sides("hidden_sizes"));
    let stated = if stated.0.is_empty() { (vec![3, 3, 9, 3], vec![96, 192, 384, 768]) } else { stated };
    let known = [("tiny", [3, 3, 9, 3], 96), ("small", [3, 3, 27, 3], 96), ("base", [3, 3, 27, 3], 128)];
    let known = known.into_iter().chain([("large", [3, 3, 27, 3], 192), ("xlarge", [3, 3, 27, 3], 256)]);
    let is = |(_, depths, width): &(&str, [u64; 4], u64)| {
        stated.0 == depths && stated.1 == [*width, 2 * width, 4 * width, 8 * width]
    };
    let Some((size, _, width)) = known.into_iter().find(is) else {
        bail!("depths {:?} and hidden_sizes {:?} are of no published ConvNeXt", stated.0, stated.1)
    };
    let mut config = with_head("convnext", "classifier", json, file, 8 * width as usize)?;
    let prefix = if file.contains("convnext.layernorm.weight") { "convnext." } else { "" };
    config.options = Map::from_iter([
        ("size".to_owned(), size.into()),
        ("names".to_owned(), "hugging-face".into()),
        ("prefix".to_owned(), prefix.into()),
        ("classifier".to_owned(), config.labels.is_some().into()),
    ]);
    config.preprocessing = preprocessing(file, &json!({"size": {"shortest_edge": 384}, "resample": 3}), 224)?;
    Ok(config)
}

/// A config with the number of classes and the labels of the head; without one, of its `width` last features.
fn with_head(
    name: &str,
    head: &str,
    json: &Map<String, Value>,
    file: &Checkpoint,
    width: usize,
) -> Result<ModelConfig> {
    let classes = file.shape(&format!("{head}.weight")).and_then(|shape| shape.first().copied());
    let mut config = ModelConfig::new(name, classes.unwrap_or(width));
    // An empty tensor can have any number of rows.
    ensure!(config.num_classes <= crate::file::limits::MOST_CLASSES, "its head has {} classes", config.num_classes);
    if let Some(classes) = classes {
        let names: BTreeMap<String, String> =
            json.get("id2label").and_then(|names| Deserialize::deserialize(names).ok()).unwrap_or_default();
        let name = |class: usize| names.get(&class.to_string()).cloned().unwrap_or_else(|| format!("LABEL_{class}"));
        config.labels = Some(Labels::Names((0..classes).map(name).collect()));
    }
    Ok(config)
}

/// Hugging Face's `preprocessor_config.json`, over the defaults of the network's own image processor. `side`: the size
/// in pixels if neither states one.
fn preprocessing(file: &Checkpoint, usual: &Value, side: usize) -> Result<Preprocessing> {
    let mut stated = usual.as_object().cloned().unwrap_or_default();
    stated.extend(json_beside(file.path(), "preprocessor_config.json")?.unwrap_or_default());
    of_processor(&stated, side).context("preprocessor_config.json")
}

fn of_processor(stated: &Map<String, Value>, side: usize) -> Result<Preprocessing> {
    let mut found = Preprocessing::torchvision();
    let yes = |key: &str| stated.get(key).and_then(Value::as_bool);
    for (key, numbers) in [("image_mean", &mut found.mean), ("image_std", &mut found.std)] {
        if let Some(stated) = stated.get(key).filter(|stated| !stated.is_null()) {
            *numbers = serde_json::from_value(stated.clone()).context(key.to_owned())?;
        }
    }
    if yes("do_normalize") == Some(false) {
        (found.mean, found.std) = ([0.0; 3], [1.0; 3]);
    }
    let factor = stated.get("rescale_factor").and_then(Value::as_f64).unwrap_or(1.0 / 255.0);
    ensure!((factor - 1.0 / 255.0).abs() < 1e-9, "rescale_factor is {factor}; expected 1/255");
    found.interpolation = match stated.get("resample").and_then(Value::as_u64) {
        // Pillow's constants.
        None | Some(2) => Interpolation::Bilinear,
        Some(3) => Interpolation::Bicubic,
        Some(other) => bail!("resample is {other}; expected 2 (bilinear) or 3 (bicubic)"),
    };
    let number = |value: &Value| value.as_u64().map(|number| number as usize);
    let both = |value: &Value| match value {
        Value::Object(sides) => Some([number(sides.get("height")?)?, number(sides.get("width")?)?]),
        other => number(other).map(|side| [side; 2]),
    };
    let size = stated.get("size").cloned().unwrap_or_else(|| side.into());
    let crop = stated.get("crop_size").and_then(both).filter(|_| yes("do_center_crop") != Some(false));
    let shorter = size.get("shortest_edge").and_then(number);
    (found.size, found.shorter, found.resize) = match (shorter, crop, both(&size)) {
        (Some(shorter), Some(crop), _) => (crop, Some(shorter), Resize::Shorter),
        // ConvNeXt: small images are cropped, large ones stretched.
        (Some(side), None, _) if side < 384 => {
            let share = stated.get("crop_pct").and_then(Value::as_f64).unwrap_or(224.0 / 256.0);
            ([side; 2], Some((side as f64 / share) as usize), Resize::Shorter)
        }
        (Some(side), None, _) => ([side; 2], None, Resize::Stretch),
        (None, Some(crop), Some(size)) if crop != size => {
            bail!("size {size:?} with crop_size {crop:?} is not supported")
        }
        (None, _, Some(size)) => (size, None, Resize::Stretch),
        (None, _, None) => bail!("size is {}; expected pixels", printable(&size.to_string())),
    };
    Ok(found)
}

/// The architecture, the size and the head of a network by timm's name: `convnext_tiny`, `tf_efficientnet_b0`.
fn timm_family(name: &str) -> Option<(&'static str, &str, &'static str)> {
    let name = name.split('.').next().unwrap_or(name);
    if let Some(size) = name.strip_prefix("tf_efficientnet_") {
        return Some(("tf_efficientnet", size, "classifier"));
    }
    let size = name.strip_prefix("convnext_").or_else(|| name.strip_prefix("convnextv2_"))?;
    // Those for 384 pixels differ in nothing else.
    Some(("convnext", size.strip_suffix("_384").unwrap_or(size), "head.fc"))
}

fn of_timm(
    (family, size, head): (&str, &str, &str),
    json: &Map<String, Value>,
    file: &Checkpoint,
) -> Result<ModelConfig> {
    let width = json.get("num_features").and_then(Value::as_u64).unwrap_or(1).max(1) as usize;
    let mut config = with_head(family, head, json, file, width)?;
    if let Some(names) = json.get("label_names").and_then(|names| Vec::deserialize(names).ok()) {
        config.labels = config.labels.map(|_| Labels::Names(names));
    } else if let Some(Labels::Names(names)) = &mut config.labels {
        // Without names, the numbers.
        *names = (0..names.len()).map(|class| class.to_string()).collect();
    }
    config.options =
        Map::from_iter([("size".to_owned(), size.into()), ("classifier".to_owned(), config.labels.is_some().into())]);
    if file.tensors().iter().any(|tensor| tensor.name.contains(".grn.")) {
        config.options.insert("grn".to_owned(), true.into());
    }
    let stated = json.get("pretrained_cfg").and_then(Value::as_object).context("pretrained_cfg is not an object")?;
    config.preprocessing = of_pretrained(stated).context("pretrained_cfg")?;
    Ok(config)
}

/// timm's `pretrained_cfg`.
fn of_pretrained(stated: &Map<String, Value>) -> Result<Preprocessing> {
    let read = |key: &str| stated.get(key).filter(|value| !value.is_null()).cloned();
    let mut found = Preprocessing::torchvision();
    for (key, numbers) in [("mean", &mut found.mean), ("std", &mut found.std)] {
        if let Some(stated) = read(key) {
            *numbers = serde_json::from_value(stated).context(key.to_owned())?;
        }
    }
    let [_, height, width]: [usize; 3] = match read("input_size") {
        Some(size) => serde_json::from_value(size).context("input_size")?,
        None => [3, 224, 224],
    };
    found.size = [height, width];
    let text = |key: &str, usual: &str| {
        read(key).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| usual.to_owned())
    };
    found.interpolation = match text("interpolation", "bilinear").as_str() {
        "bilinear" => Interpolation::Bilinear,
        "bicubic" => Interpolation::Bicubic,
        other => bail!("interpolation is \"{}\"; expected bilinear or bicubic", printable(other)),
    };
    let share = read("crop_pct").and_then(|share| share.as_f64()).unwrap_or(0.875);
    ensure!(share > 0.0 && share <= 1.0, "crop_pct is {share}; expected a number above 0, up to 1");
    (found.resize, found.shorter) = match text("crop_mode", "center").as_str() {
        "center" => (Resize::Shorter, Some((height.min(width) as f64 / share).floor() as usize)),
        "squash" => (Resize::Stretch, None),
        other => bail!("crop_mode is \"{}\"; expected center or squash", printable(other)),
    };
    Ok(found)
}
