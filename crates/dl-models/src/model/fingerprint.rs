//! Which network computed features: `dl-embed` writes its fingerprint beside them, a head trained on them stores it,
//! and features of another network are refused.
//!
//! The fingerprint covers what determines the output of a layer: the architecture, every float tensor that the network
//! uses by name, shape and bytes, and for images the options and the preprocessing. Labels, training figures, other
//! tensors and the file format do not matter, so a converted file keeps its fingerprint.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::model::tensor_shapes;
use crate::text::{self, TextConfig};
use crate::{Checkpoint, ModelConfig, Preprocessing};

/// Bytes of the SHA-256 that are kept: two networks share them with probability 2^-64.
const BYTES: usize = 8;

/// The fingerprint of the network in a model file: the architecture, a colon and 16 hexadecimal digits. Reads the
/// weights once, on all threads.
/// # Errors
/// When the file cannot be read, or holds no network; see [`Model::open`](crate::Model::open).
pub fn fingerprint(path: &Path, arch: Option<&str>) -> Result<String> {
    let mut file = Checkpoint::open(path)?;
    let text_architecture = if arch.is_some() { None } else { TextConfig::text_architecture(&file)? };
    let (architecture, description, tensors) = if text_architecture.is_some() {
        // The options in Hugging Face's files hold much that does not matter, and the shapes cover the rest.
        let config = TextConfig::read(&mut file)?;
        let tensors = text::outline(&config, Some(&file))?.1;
        (config.architecture, Value::Null, tensors)
    } else {
        let config = ModelConfig::read(&mut file, arch)?;
        let tensors = tensor_shapes(&config)?;
        let description = described(config.options, config.preprocessing);
        (config.architecture, description, tensors)
    };
    hashed(&architecture, &description, &file, |name| tensors.contains_key(name))
}

/// The fingerprint of a part of a network, the tensors for which `is_used` holds.
pub(crate) fn fingerprint_of(architecture: &str, file: &Checkpoint, is_used: impl Fn(&str) -> bool) -> Result<String> {
    hashed(architecture, &Value::Null, file, is_used)
}

fn hashed(
    architecture: &str,
    description: &Value,
    file: &Checkpoint,
    is_used: impl Fn(&str) -> bool,
) -> Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(json!([architecture, description]).to_string());
    for digest in tensor_digests(file, is_used)? {
        hasher.update(digest);
    }
    Ok(format!("{architecture}:{}", hexadecimal(&hasher.finalize()[..BYTES])))
}

/// Options in the order of their names, whatever the order in the file; keys of other programs do not count.
fn described(options: Map<String, Value>, preprocessing: Preprocessing) -> Value {
    let options: BTreeMap<String, Value> = options.into_iter().collect();
    json!({"options": options, "preprocessing": Preprocessing { extra: Map::new(), ..preprocessing }})
}

/// The digest of each float tensor that the network uses, by name.
fn tensor_digests(file: &Checkpoint, is_used: impl Fn(&str) -> bool) -> Result<Vec<[u8; 32]>> {
    let sizes = file.files().iter().map(|path| fs::metadata(path).map(|metadata| metadata.len()));
    // Tied weights share bytes. A hostile file may let many tensors share them, so the rest goes by name and shape.
    let mut budget = sizes.sum::<std::io::Result<u64>>()?.saturating_mul(2);
    let mut tensors = Vec::new();
    for tensor in file.tensors().into_iter().filter(|tensor| is_used(&tensor.name) && file.holds_floats(&tensor.name)) {
        let count = tensor.shape.iter().fold(1_u64, |count, side| count.saturating_mul(*side as u64));
        let fits = count.checked_mul(4).is_some_and(|bytes| bytes <= budget);
        budget -= if fits { 4 * count } else { 0 };
        tensors.push((tensor, fits));
    }
    let digest = |(tensor, fits): &(crate::checkpoint::TensorInfo, bool)| -> Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?}", (&tensor.name, &tensor.shape, &tensor.dtype)));
        if *fits {
            hasher.update(file.bytes(&tensor.name)?.1);
        }
        Ok(hasher.finalize().into())
    };
    tensors.par_iter().map(digest).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fails when features and a head trained on features come from different networks. Those without a fingerprint,
/// computed by another program or trained by an earlier version, are accepted.
/// # Errors
/// When both are known and differ.
pub fn check_network(layer: &str, of_features: Option<&str>, of_head: Option<&str>) -> Result<()> {
    if let (Some(features), Some(head)) = (of_features, of_head) {
        ensure!(
            features == head,
            "features \"{layer}\" were computed by \"{features}\", but the model was trained on those of \"{head}\"; \
             run dl-embed with that network and the same options, and dl-transfer apply with the same maps"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::checkpoint::{Precision, save};
    use crate::{Model, Parameters};

    #[test]
    fn weights_and_preprocessing_count_and_labels_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let of = |seed: u64, change: &dyn Fn(&mut ModelConfig)| {
            let mut config = ModelConfig::new("squeezenet1_1", 5);
            config.options.insert("width".into(), 0.125.into());
            let parameters = Parameters::fresh(seed);
            Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
            change(&mut config);
            save(&path, &config, &parameters.tensors(), Precision::F32).unwrap();
            fingerprint(&path, None).unwrap()
        };
        let first = of(1, &|_| ());
        assert!(first.starts_with("squeezenet1_1:") && first.len() == "squeezenet1_1:".len() + 16, "{first}");
        assert_eq!(of(1, &|config| config.layer = Some("logits".into())), first);
        assert_ne!(of(2, &|_| ()), first);
        assert_ne!(of(1, &|config| config.preprocessing.size = [32, 32]), first);
    }

    #[test]
    fn only_two_known_networks_can_differ() {
        assert!(check_network("fc7", Some("a:1"), Some("a:1")).is_ok());
        assert!(check_network("fc7", None, Some("a:1")).is_ok() && check_network("fc7", Some("a:1"), None).is_ok());
        let error = check_network("fc7", Some("a:1"), Some("b:2")).unwrap_err().to_string();
        assert!(error.contains("\"a:1\"") && error.contains("\"b:2\""), "{error}");
    }
}
