//! The weights in what a pickle built: a state dict, bare or among other things.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::value::{Id, TensorView, Unpickled, Value};

/// Under these keys people keep the weights of a network, the likeliest first.
const USUAL: [&str; 9] =
    ["state_dict", "model_state_dict", "model", "net", "network", "params_ema", "params", "weights", "module"];

/// Wrappers of PyTorch that put their name before every tensor's.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Deeper than any nest of weights.
const DEEPEST: usize = 16;
/// Tensors and things beside them; sharing could make a small file look endless.
const MOST_VISITS: usize = 1 << 20;

/// The tensors by name. A dictionary that holds tensors is the state dict; otherwise it is looked for under the usual
/// keys, then in the only dictionary that holds any; of several, all are taken, with the keys before the names and dots
/// between (`generator.0.weight`). `module.`, which DataParallel puts before every name, is taken off.
/// # Errors
/// When there are no tensors.
pub(in super::super) fn state_dict(pickle: &Unpickled) -> Result<BTreeMap<String, TensorView>> {
    let mut walk = Walk { pickle, visits: 0, found: BTreeMap::new() };
    let mut id = pickle.root;
    for _ in 0..DEEPEST {
        match walk.inner(id)? {
            Some(inner) => id = inner,
            None => break,
        }
    }
    walk.collect(id, "", 0)?;
    ensure!(!walk.found.is_empty(), "holds no tensors");
    let mut found = walk.found;
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| found.keys().all(|name| name.starts_with(**wrapper))) {
        found = found.into_iter().map(|(name, tensor)| (name[wrapper.len()..].to_owned(), tensor)).collect();
    }
    Ok(found)
}

struct Walk<'a> {
    pickle: &'a Unpickled,
    visits: usize,
    found: BTreeMap<String, TensorView>,
}

impl Walk<'_> {
    fn visit(&mut self, depth: usize) -> Result<()> {
        self.visits += 1;
        if self.visits > MOST_VISITS || depth > DEEPEST {
            bail!("nests its values beyond all measure; it is no file of weights");
        }
        Ok(())
    }

    /// The dictionary within this one that is the state dict; `None` when it is this one.
    fn inner(&mut self, id: Id) -> Result<Option<Id>> {
        let Value::Dict(pairs) = self.pickle.get(id) else { return Ok(None) };
        if pairs.iter().any(|(_, value)| matches!(self.pickle.get(*value), Value::Tensor(_))) {
            return Ok(None);
        }
        let mut holding = Vec::new();
        for (key, value) in pairs {
            if matches!(self.pickle.get(*value), Value::Dict(_)) && self.holds_tensors(*value, 0)? {
                holding.push((self.key(*key), *value));
            }
        }
        let usual = USUAL.iter().find_map(|usual| holding.iter().find(|(key, _)| key == usual));
        Ok(match (usual, holding.as_slice()) {
            (Some((_, value)), _) | (None, [(_, value)]) => Some(*value),
            _ => None,
        })
    }

    fn holds_tensors(&mut self, id: Id, depth: usize) -> Result<bool> {
        self.visit(depth)?;
        match self.pickle.get(id) {
            Value::Tensor(_) => Ok(true),
            Value::Dict(pairs) => {
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

    fn collect(&mut self, id: Id, name: &str, depth: usize) -> Result<()> {
        self.visit(depth)?;
        let within = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        match self.pickle.get(id) {
            Value::Tensor(tensor) => {
                let name = if name.is_empty() { "tensor" } else { name };
                self.found.insert(name.to_owned(), (**tensor).clone());
            }
            Value::Dict(pairs) => {
                for (key, value) in pairs {
                    self.collect(*value, &within(&self.key(*key)), depth + 1)?;
                }
            }
            Value::List(items) | Value::Tuple(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.collect(*value, &within(&index.to_string()), depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn key(&self, id: Id) -> String {
        match self.pickle.get(id) {
            Value::Text(text) => text.clone(),
            Value::Int(number) => number.to_string(),
            _ => "?".to_owned(),
        }
    }
}
