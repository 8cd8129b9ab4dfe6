//! The file that a training goes on from: the last model, whole, and beside its tensors those of the optimisers.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use dl_models::{Checkpoint, plain};
use dl_record::write_atomically;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{ModelFile, Optimiser, Progress, Task};

/// The metadata key of [`Standing`].
const KEY: &str = "training_state";
/// The optimisers' tensors begin with this and the player's number.
const PREFIX: &str = "optimiser.";

/// What the file says besides its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Standing {
    /// What the training was asked for; it can only go on as the same.
    settings: Map<String, Value>,
    progress: Progress,
    /// For each player, the steps of each weight.
    steps: Vec<BTreeMap<String, u64>>,
}

/// Writes the file.
pub(super) fn save(
    path: &Path,
    model: ModelFile,
    settings: &Map<String, Value>,
    progress: &Progress,
    optimisers: &[Optimiser],
) -> Result<()> {
    let mut tensors = model.tensors;
    let mut steps = Vec::new();
    for (player, optimiser) in optimisers.iter().enumerate() {
        let (memory, made) = optimiser.memory();
        tensors.extend(memory.into_iter().map(|(name, tensor)| (format!("{PREFIX}{player}/{name}"), tensor)));
        steps.push(made);
    }
    let standing = Standing { settings: settings.clone(), progress: progress.clone(), steps };
    let mut metadata = Map::from_iter([
        ("config".to_owned(), Value::String(serde_json::to_string(&model.config)?)),
        (KEY.to_owned(), Value::String(serde_json::to_string(&standing)?)),
    ]);
    metadata.extend(model.texts.into_iter().map(|(key, text)| (key.to_owned(), Value::String(text))));
    write(path, metadata, &tensors)
}

/// Writes a safetensors file of f32. By hand: the crate's metadata are in no order, and the same training is to give the
/// same bytes.
fn write(path: &Path, metadata: Map<String, Value>, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let mut header = Map::from_iter([("__metadata__".to_owned(), Value::Object(metadata))]);
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += 4 * tensor.elem_count();
        let entry = json!({"dtype": "F32", "shape": tensor.dims(), "data_offsets": [start, end]});
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    write_atomically(path, |output| {
        output.write_all(&(header.len() as u64).to_le_bytes())?;
        output.write_all(&header)?;
        for tensor in tensors.values() {
            let numbers: Vec<f32> = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            output.write_all(&bytes)?;
        }
        Ok(())
    })
}

/// Puts the task's weights and the optimisers where the file has them.
/// # Errors
/// When the file is none of a training, or of one that was asked for something else.
pub(super) fn recall<T: Task>(
    path: &Path,
    task: &T,
    settings: &Map<String, Value>,
    optimisers: &mut [Optimiser],
) -> Result<Progress> {
    let file = Checkpoint::open(path)?;
    let in_context = || format!("{}: cannot be gone on from", path.display());
    let Some(text) = file.metadata(KEY) else {
        bail!("{}: holds no state of a training; move it away to begin anew", in_context());
    };
    let standing: Standing = serde_json::from_str(text).with_context(in_context)?;
    for key in settings.keys().chain(standing.settings.keys()) {
        let (now, then) = (settings.get(key), standing.settings.get(key));
        if now != then {
            let word = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
            bail!(
                "{}: that training had {key} {}, this one has {}; give it the same options, or begin anew without --resume",
                in_context(),
                word(then),
                word(now)
            );
        }
    }
    ensure!(standing.steps.len() == optimisers.len(), "{}: other optimisers", in_context());
    let players = (0..optimisers.len()).flat_map(|player| task.parameters(player));
    let learned = players.map(|parameter| (parameter.name, parameter.var)).chain(task.buffers());
    for (name, var) in learned {
        let tensor = file.tensor(&name, &Device::Cpu)?;
        let tensor = tensor.to_device(var.device()).map_err(plain)?;
        var.set(&tensor).map_err(plain).with_context(|| format!("{}: tensor \"{name}\"", in_context()))?;
    }
    for (player, (optimiser, steps)) in optimisers.iter_mut().zip(&standing.steps).enumerate() {
        let read = |name: &str| -> Result<Tensor> { file.tensor(&format!("{PREFIX}{player}/{name}"), &Device::Cpu) };
        optimiser.recall(steps, read).with_context(in_context)?;
    }
    Ok(standing.progress)
}
