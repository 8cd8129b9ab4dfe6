//! Finds the state dict in what a pickle built: bare, or among other values.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::super::printable;
use super::value::{Id, TensorView, Unpickled, Value};

/// The usual keys of a network's weights, likeliest first.
const USUAL: [&str; 12] = [
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "module",
    "params_ema",
    "params",
    "weights",
    "model_ema",
    "state_dict_ema",
    "ema",
];

/// Keys with these prefixes hold training state, not weights.
const OF_TRAINING: [&str; 8] = ["optim", "scheduler", "lr_sched", "scaler", "amp", "rng", "grad_scaler", "sampler"];

/// Deeper than any nesting of weights.
const DEEPEST: usize = 16;
/// Values visited; with shared references, a small file could look endless.
const MOST_VISITS: usize = 1 << 20;
/// The longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 1024;

/// The tensors by name. The state dict is what one of the usual keys holds. Failing that, it is the dictionary itself
/// if that contains tensors, unless the only nested dictionary with tensors has dotted names and these have not;
/// failing that, it is the only nested dictionary with tensors. If several contain tensors, all are read, with names
/// that start with their keys (`generator.0.weight`).
/// # Errors
/// When there are no tensors, or one is of an unsupported kind.
pub(in super::super) fn state_dict(pickle: &Unpickled) -> Result<BTreeMap<String, TensorView>> {
    let mut walk = Walk { pickle, visits: 0, path: Vec::new(), found: BTreeMap::new() };
    let mut id = pickle.root;
    for _ in 0..DEEPEST {
        match walk.inner(id)? {
            Some(inner) => id = inner,
            None => break,
        }
    }
    walk.collect(id)?;
    ensure!(!walk.found.is_empty(), "contains no tensors");
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Unpickled,
    visits: usize,
    /// The keys and indices that lead to the current value.
    path: Vec<PathPart>,
    found: BTreeMap<String, TensorView>,
}

#[derive(Clone, Copy)]
enum PathPart {
    Key(Id),
    Index(usize),
}

impl<'a> Walk<'a> {
    fn visit(&mut self) -> Result<()> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            bail!("nests its values too deeply; it is not a weights file");
        }
        Ok(())
    }

    /// The nested dictionary that is the state dict; `None` when it is this one.
    fn inner(&mut self, id: Id) -> Result<Option<Id>> {
        let Value::Dict(pairs) = self.pickle.get(id) else { return Ok(None) };
        let (mut holding, mut tensors, mut dotted) = (Vec::new(), false, false);
        for (key, value) in pairs {
            match self.pickle.get(*value) {
                Value::Dict(_) if self.holds_tensors(*value, 0)? => holding.push((self.key(*key), *value)),
                Value::Tensor(_) | Value::Foreign(_) => {
                    tensors = true;
                    dotted |= self.key(*key).contains('.');
                }
                _ => {}
            }
        }
        let usual = USUAL.iter().find_map(|usual| holding.iter().find(|(key, _)| key == usual));
        if let Some((_, value)) = usual {
            return Ok(Some(*value));
        }
        holding.retain(|(key, _)| !OF_TRAINING.iter().any(|start| key.to_ascii_lowercase().starts_with(start)));
        Ok(match holding.as_slice() {
            [(_, value)] if !tensors || (!dotted && self.is_dotted(*value)) => Some(*value),
            _ => None,
        })
    }

    /// Whether a dictionary has names such as `layer.weight`.
    fn is_dotted(&self, id: Id) -> bool {
        let Value::Dict(pairs) = self.pickle.get(id) else { return false };
        pairs
            .iter()
            .any(|(key, value)| matches!(self.pickle.get(*value), Value::Tensor(_)) && self.key(*key).contains('.'))
    }

    fn holds_tensors(&mut self, id: Id, depth: usize) -> Result<bool> {
        self.visit()?;
        match self.pickle.get(id) {
            Value::Tensor(_) | Value::Foreign(_) => Ok(true),
            Value::Dict(pairs) if depth < DEEPEST => {
                for (_, value) in pairs {
                    if self.holds_tensors(*value, depth + 1)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn collect(&mut self, id: Id) -> Result<()> {
        self.visit()?;
        if self.path.len() > DEEPEST {
            bail!("nests its values too deeply; it is not a weights file");
        }
        match self.pickle.get(id) {
            Value::Tensor(tensor) => {
                let name = self.name()?;
                self.found.insert(name, (**tensor).clone());
            }
            Value::Foreign(what) => {
                bail!(
                    "tensor \"{}\" {what}, which is not supported; save it as an ordinary tensor",
                    printable(&self.name()?)
                );
            }
            Value::Dict(pairs) => {
                for (key, value) in pairs {
                    self.step(PathPart::Key(*key), *value)?;
                }
            }
            Value::List(items) | Value::Tuple(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.step(PathPart::Index(index), *value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, step: PathPart, id: Id) -> Result<()> {
        self.path.push(step);
        let collected = self.collect(id);
        self.path.pop();
        collected
    }

    /// The name of the current value: its keys, joined by dots.
    fn name(&self) -> Result<String> {
        let mut name = String::new();
        for (index, step) in self.path.iter().enumerate() {
            if index > 0 {
                name.push('.');
            }
            match step {
                PathPart::Key(id) => name.push_str(&self.key(*id)),
                PathPart::Index(index) => name.push_str(&index.to_string()),
            }
            ensure!(name.len() <= LONGEST_NAME, "has a tensor whose name is longer than {LONGEST_NAME} bytes");
        }
        Ok(if name.is_empty() { "tensor".to_owned() } else { name })
    }

    fn key(&self, id: Id) -> std::borrow::Cow<'a, str> {
        match self.pickle.get(id) {
            Value::Text(text) => text.as_str().into(),
            Value::Int(number) => number.to_string().into(),
            _ => "?".into(),
        }
    }
}
