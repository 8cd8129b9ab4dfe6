//! Sharded models: `model.safetensors.index.json` (or `pytorch_model.bin.index.json`) lists which file holds which
//! tensor.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dl_record::file::{decode, read_regular};
use serde::Deserialize;

use super::contents::{Contents, Place};
use super::format::{begins_as, read_as};
use super::{CONFIG_KEY, printable};

/// An index of 100,000 tensors takes 10 MB.
const LONGEST_INDEX: u64 = 100_000_000;
/// The largest models have a few hundred files.
const MOST_PARTS: usize = 10_000;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    metadata: HashMap<String, serde_json::Value>,
    weight_map: BTreeMap<String, String>,
}

/// Reads the index and the headers of the files it lists, which are in the same folder.
pub(super) fn read(path: &Path) -> Result<Contents> {
    let text = read_regular(path, LONGEST_INDEX).and_then(decode).context("is not an index of model files")?;
    let index: Index = serde_json::from_str(&text)
        .context("is not an index of model files: expected {\"weight_map\": {TENSOR: FILE, ...}}")?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut contents = Contents::default();
    let texts = index.metadata.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())));
    contents.metadata = texts.collect();
    let mut shards: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, file) in &index.weight_map {
        shards.entry(file).or_default().push(tensor);
    }
    ensure!(shards.len() <= MOST_PARTS, "lists {} files; up to {MOST_PARTS} are supported", shards.len());
    for (name, tensors) in shards {
        // Only files beside the index are read.
        let plain = !name.contains(['/', '\\']) && name != ".." && name != "." && !name.is_empty();
        ensure!(plain, "lists the file \"{}\"; expected the name of a file in the same folder", printable(name));
        let shard = folder.join(name);
        let in_shard = || format!("its shard {name}");
        ensure!(shard.is_file(), "its shard {name} is missing: {} does not exist", shard.display());
        let mut part = begins_as(&shard).and_then(|format| read_as(&shard, format)).with_context(in_shard)?;
        if let Some(config) = part.metadata.remove(CONFIG_KEY) {
            contents.metadata.entry(CONFIG_KEY.to_owned()).or_insert(config);
        }
        let first = contents.files.len();
        contents.files.append(&mut part.files);
        for tensor in tensors {
            let stored = part.tensors.remove(tensor);
            let mut stored =
                stored.with_context(|| format!("tensor \"{}\" is not in its shard {name}", printable(tensor)))?;
            match &mut stored.place {
                Place::File { file, .. } | Place::Strided { file, .. } => *file += first,
                Place::Memory(_) => {}
            }
            contents.tensors.insert(tensor.to_owned(), stored);
        }
    }
    Ok(contents)
}
