//! Hugging Face model folders: `config.json`, `model.safetensors`, a tokenizer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::file::{decode, read_regular};
use dl_vision::picture::warp::Interpolation;
use serde_json::{Map, Value};

use crate::{ModelConfig, Preprocessing, Resize};

/// The longest config or tokenizer; one with 250,000 tokens takes 35 MB.
const LONGEST_TEXT: u64 = 128 << 20;

/// A file in the model's folder, which may be the model itself.
fn beside(model: &Path, name: &str) -> PathBuf {
    if model.is_dir() { model.join(name) } else { model.with_file_name(name) }
}

/// The `config.json` beside the weights, if it is Hugging Face's.
/// # Errors
/// When it exists and is not a JSON object.
pub(crate) fn config_json(weights: &Path) -> Result<Option<Map<String, Value>>> {
    let Some(json) = json_beside(weights, "config.json")? else { return Ok(None) };
    Ok(json.contains_key("model_type").then_some(json))
}

/// The JSON object in a file beside the model's weights, if it exists.
pub(crate) fn json_beside(model: &Path, name: &str) -> Result<Option<Map<String, Value>>> {
    let Some(text) = text_beside(model, name)? else { return Ok(None) };
    let json = serde_json::from_str(&text).map(Some);
    json.with_context(|| format!("{}: is not a JSON object", beside(model, name).display()))
}

/// The text of a file beside the model's weights, if it exists.
pub(crate) fn text_beside(model: &Path, name: &str) -> Result<Option<String>> {
    let Some(bytes) = bytes_beside(model, name, LONGEST_TEXT)? else { return Ok(None) };
    decode(bytes).map(Some).with_context(|| beside(model, name).display().to_string())
}

/// The bytes of a file beside the model's weights, if it exists; at most `most`.
pub(super) fn bytes_beside(model: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let path = beside(model, name);
    if !path.exists() {
        return Ok(None);
    }
    read_regular(&path, most).map(Some).with_context(|| path.display().to_string())
}

/// The config of CLIP's image network, from `config.json` and `preprocessor_config.json` beside its weights.
/// # Errors
/// When one exists and cannot be read.
pub(crate) fn clip_config(weights: &Path) -> Result<Option<ModelConfig>> {
    let Some(json) = config_json(weights)?.filter(|json| json.get("model_type") == Some(&"clip".into())) else {
        return Ok(None);
    };
    let dimensions = json.get("projection_dim").and_then(Value::as_u64).unwrap_or(512);
    let mut config = ModelConfig::new("clip", dimensions as usize);
    let vision = json.get("vision_config").and_then(Value::as_object);
    let side = vision.and_then(|vision| vision.get("image_size")).and_then(Value::as_u64).unwrap_or(224) as usize;
    let stated = json_beside(weights, "preprocessor_config.json")?.unwrap_or_default();
    config.preprocessing = clip_preprocessing(side);
    for (key, numbers) in [("image_mean", &mut config.preprocessing.mean), ("image_std", &mut config.preprocessing.std)]
    {
        if let Some(stated) = stated.get(key) {
            *numbers =
                serde_json::from_value(stated.clone()).with_context(|| format!("preprocessor_config.json: {key}"))?;
        }
    }
    match stated.get("resample").and_then(Value::as_u64) {
        // Pillow's constants.
        None | Some(3) => {}
        Some(2) => config.preprocessing.interpolation = Interpolation::Bilinear,
        Some(other) => bail!("preprocessor_config.json: resample is {other}; expected 2 (bilinear) or 3 (bicubic)"),
    }
    config.options = json;
    Ok(Some(config))
}

/// CLIP's own preprocessing for an input of `side` x `side` pixels.
pub(super) fn clip_preprocessing(side: usize) -> Preprocessing {
    Preprocessing {
        size: [side; 2],
        resize: Resize::Shorter,
        shorter: Some(side),
        interpolation: Interpolation::Bicubic,
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
        ..Preprocessing::torchvision()
    }
}
