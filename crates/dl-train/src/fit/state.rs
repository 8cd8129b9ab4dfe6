//! The file that training resumes from: the last model, whole, and beside its own tensors those of the optimizers and
//! of the moving average.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor, Var};
use dl_models::{Checkpoint, Precision, checkpoint, plain};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::average::Average;
use super::{Optimizer, Progress, Task, TrainedModel};

/// The metadata key of [`State`].
const KEY: &str = "training_state";
/// The names of the optimizers' tensors begin with this and the player's number.
const PREFIX: &str = "optimizer.";
/// The names of what the task declares begin with this.
const STATE: &str = "state.";
/// The names of the moving averages begin with this.
const AVERAGE: &str = "average.";

/// What the loop keeps besides the weights.
pub(super) struct Memory<'a> {
    pub(super) optimizers: &'a [Optimizer],
    pub(super) average: Option<&'a Average>,
}

/// What the file holds besides its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The settings of the run; only a run with the same settings resumes.
    settings: Map<String, Value>,
    progress: Progress,
    /// For each player, the steps of each weight.
    steps: Vec<BTreeMap<String, u64>>,
}

/// Writes the file.
pub(super) fn save<T: Task>(
    path: &Path,
    task: &T,
    model: TrainedModel,
    settings: &Map<String, Value>,
    progress: &Progress,
    memory: &Memory,
) -> Result<()> {
    let mut tensors = model.tensors;
    for (name, var) in changed(task, memory.optimizers.len()) {
        tensors.entry(name).or_insert_with(|| var.as_detached_tensor());
    }
    for (name, tensor) in task.frozen() {
        tensors.entry(name).or_insert(tensor);
    }
    let mut steps = Vec::new();
    for (player, optimizer) in memory.optimizers.iter().enumerate() {
        let (memory, made) = optimizer.memory();
        tensors.extend(memory.into_iter().map(|(name, tensor)| (format!("{PREFIX}{player}/{name}"), tensor)));
        steps.push(made);
    }
    let averages = memory.average.map(Average::tensors).unwrap_or_default();
    tensors.extend(averages.into_iter().map(|(name, tensor)| (format!("{AVERAGE}{name}"), tensor)));
    let state = State { settings: settings.clone(), progress: progress.clone(), steps };
    let state = serde_json::to_string(&state)?;
    let texts = model.texts.iter().map(|(key, text)| (*key, text.as_str())).chain([(KEY, state.as_str())]);
    checkpoint::save_with(path, &model.config, &texts.collect::<Vec<_>>(), &tensors, Precision::F32)
}

/// Restores the task's weights and the optimizers from the file.
/// # Errors
/// When the file holds no training state, or that of a run with other settings.
pub(super) fn recall<T: Task>(
    path: &Path,
    task: &T,
    settings: &Map<String, Value>,
    optimizers: &mut [Optimizer],
    average: Option<&mut Average>,
) -> Result<Progress> {
    let file = Checkpoint::open(path)?;
    let in_context = || format!("{}: cannot be resumed", path.display());
    let Some(text) = file.metadata(KEY) else {
        bail!("{}: holds no training state; move it away to start over", in_context());
    };
    let state: State = serde_json::from_str(text).with_context(in_context)?;
    for key in settings.keys().chain(state.settings.keys()) {
        let (now, then) = (settings.get(key), state.settings.get(key));
        if now != then {
            bail!(
                "{}: {}; give the same options, or start over with --force",
                in_context(),
                difference(key, then, now).unwrap_or_else(|| format!("{key} differs"))
            );
        }
    }
    ensure!(state.steps.len() == optimizers.len(), "{}: it has another number of optimizers", in_context());
    for (name, var) in changed(task, optimizers.len()) {
        let tensor = file.tensor(&name, &Device::Cpu)?;
        let tensor = tensor.to_device(var.device()).map_err(plain)?;
        var.set(&tensor).map_err(plain).with_context(|| format!("{}: tensor \"{name}\"", in_context()))?;
    }
    for (player, (optimizer, steps)) in optimizers.iter_mut().zip(&state.steps).enumerate() {
        let read = |name: &str| -> Result<Tensor> { file.tensor(&format!("{PREFIX}{player}/{name}"), &Device::Cpu) };
        optimizer.recall(steps, read).with_context(in_context)?;
    }
    if let Some(average) = average {
        average.recall(|name| file.tensor(&format!("{AVERAGE}{name}"), &Device::Cpu)).with_context(in_context)?;
    }
    Ok(state.progress)
}

/// `that run had lr 0.1, this one has 0.2`: of objects, the first member that differs.
fn difference(key: &str, then: Option<&Value>, now: Option<&Value>) -> Option<String> {
    if let (Some(Value::Object(then)), Some(Value::Object(now))) = (then, now) {
        let mut keys = now.keys().chain(then.keys());
        let key = keys.find(|key| then.get(*key) != now.get(*key))?;
        return difference(key, then.get(key), now.get(key));
    }
    let word = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
    Some(format!("that run had {key} {}, this one has {}", word(then), word(now)))
}

/// Everything that training changes, by its name in the file.
fn changed<T: Task>(task: &T, players: usize) -> impl Iterator<Item = (String, Var)> {
    let weights = (0..players).flat_map(|player| task.parameters(player));
    let weights = weights.map(|parameter| (parameter.name, parameter.var));
    weights.chain(task.buffers()).chain(task.state().into_iter().map(|(name, var)| (format!("{STATE}{name}"), var)))
}
