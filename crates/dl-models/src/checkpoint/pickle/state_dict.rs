//! The weights in what a pickle built: a state dict, bare or among other things.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::super::printable;
use super::value::{Id, TensorView, Unpickled, Value};

/// Under these keys people keep the weights of a network, the likeliest first.
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

/// Keys that begin like this hold tensors of a training, none of a network.
const OF_TRAINING: [&str; 8] = ["optim", "scheduler", "lr_sched", "scaler", "amp", "rng", "grad_scaler", "sampler"];

/// Deeper than any nest of weights.
const DEEPEST: usize = 16;
/// Tensors and things beside them; sharing could make a small file look endless.
const MOST_VISITS: usize = 1 << 20;
/// The longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 1024;

/// The tensors by name. The state dict is looked for under the usual keys, whatever lies beside it; otherwise a
/// dictionary that holds tensors is one itself, unless they are beside the only dictionary of tensors with dotted names;
/// otherwise it is looked for in the only dictionary that holds any. Of several, all are taken, with the keys before the
/// names and dots between (`generator.0.weight`).
/// # Errors
/// When there are no tensors, or one is of a kind that is not read.
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
    ensure!(!walk.found.is_empty(), "holds no tensors");
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Unpickled,
    visits: usize,
    /// The keys and places that lead to what is visited.
    path: Vec<Step>,
    found: BTreeMap<String, TensorView>,
}

#[derive(Clone, Copy)]
enum Step {
    Key(Id),
    Index(usize),
}

impl<'a> Walk<'a> {
    fn visit(&mut self) -> Result<()> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            bail!("nests its values beyond all measure; it is no file of weights");
        }
        Ok(())
    }

    /// The dictionary within this one that is the state dict; `None` when it is this one.
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

    /// Has a dictionary names such as `layer.weight`?
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
            bail!("nests its values beyond all measure; it is no file of weights");
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
                    self.step(Step::Key(*key), *value)?;
                }
            }
            Value::List(items) | Value::Tuple(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.step(Step::Index(index), *value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self, step: Step, id: Id) -> Result<()> {
        self.path.push(step);
        let collected = self.collect(id);
        self.path.pop();
        collected
    }

    /// The name of what is visited: its keys with dots between.
    fn name(&self) -> Result<String> {
        let mut name = String::new();
        for (index, step) in self.path.iter().enumerate() {
            if index > 0 {
                name.push('.');
            }
            match step {
                Step::Key(id) => name.push_str(&self.key(*id)),
                Step::Index(index) => name.push_str(&index.to_string()),
            }
            ensure!(name.len() <= LONGEST_NAME, "has a tensor whose name has more than {LONGEST_NAME} bytes");
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
