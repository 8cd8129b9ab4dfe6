//! A linear classifier on features of one layer: softmax(weight x + bias).
//!
//! One safetensors file: `head.weight` [classes, columns] and `head.bias` [classes], and in the metadata's `config` a
//! JSON object with the labels, the layer and how it was trained.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::checkpoint::{self, Checkpoint, Precision};
use crate::file::{Kind, limits};
use crate::heads::parts::ensure_different;
use crate::heads::{dot, probabilities};

/// How older files state what they contain.
const FORMAT: &str = "dl-linear-head";

/// The model that `dl-finetune linear` writes.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearHead {
    /// Name of the features' layer, for example `avgpool`.
    pub layer: String,
    /// Fingerprint of the network that computed the features it was trained on, if known.
    pub network: Option<String>,
    /// Class names, in the order of the rows.
    pub labels: Vec<String>,
    /// [classes, columns], row by row.
    pub weight: Vec<f32>,
    /// [classes].
    pub bias: Vec<f32>,
    /// Options, seed, counts and data digest of the training, for information only.
    pub training: Value,
}

#[derive(Serialize, Deserialize)]
struct Config {
    #[serde(default = "linear_head")]
    kind: Kind,
    layer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    labels: Vec<String>,
    #[serde(default)]
    training: Value,
}

/// The kind of older files, which do not state it.
fn linear_head() -> Kind {
    Kind::LinearHead
}

impl LinearHead {
    /// Length of a feature vector.
    pub fn columns(&self) -> usize {
        self.weight.len() / self.labels.len().max(1)
    }

    /// Whether an open model file contains such a head.
    pub fn is_in(file: &Checkpoint) -> bool {
        let config: Option<Value> = file.config().ok().flatten();
        config.is_some_and(|config| config["kind"] == json!(Kind::LinearHead) || config["format"] == FORMAT)
    }

    /// Reads a model file.
    /// # Errors
    /// When the file does not exist or is not such a file.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_checkpoint(&Checkpoint::open(path)?)
    }

    /// [`load`](Self::load) for an open file.
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_checkpoint(file: &Checkpoint) -> Result<Self> {
        Self::read(file).with_context(|| format!("model {}", file.path().display()))
    }

    fn read(file: &Checkpoint) -> Result<Self> {
        if !Self::is_in(file) {
            bail!("does not contain a linear head; dl-finetune linear writes one");
        }
        let config: Config = file.config()?.context("has no config")?;
        limits::labels(&config.labels)?;
        ensure_different(&config.labels)?;
        let classes = config.labels.len();
        let shape = |name: &str| file.shape(name).with_context(|| format!("has no tensor {name}"));
        let (weight, bias) = (shape("head.weight")?, shape("head.bias")?);
        ensure!(
            classes > 1 && bias == [classes] && matches!(weight, [rows, columns] if *rows == classes && *columns > 0),
            "its {classes} labels, biases of shape {bias:?} and weights of shape {weight:?} do not match"
        );
        let numbers =
            |name: &str| -> Result<Vec<f32>> { Ok(file.tensor(name, &Device::Cpu)?.flatten_all()?.to_vec1()?) };
        let (weight, bias) = (numbers("head.weight")?, numbers("head.bias")?);
        ensure!(weight.iter().chain(&bias).all(|number| number.is_finite()), "has weights that are not finite");
        let Config { layer, network, labels, training, .. } = config;
        Ok(Self { layer, network, labels, weight, bias, training })
    }

    /// Writes the file, atomically.
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let config = Config {
            kind: Kind::LinearHead,
            layer: self.layer.clone(),
            network: self.network.clone(),
            labels: self.labels.clone(),
            training: self.training.clone(),
        };
        let shape = (self.labels.len(), self.columns());
        let tensors = BTreeMap::from([
            ("head.weight".to_owned(), Tensor::from_slice(&self.weight, shape, &Device::Cpu)?),
            ("head.bias".to_owned(), Tensor::from_slice(&self.bias, self.bias.len(), &Device::Cpu)?),
        ]);
        checkpoint::save(path, &config, &tensors, Precision::F32)
    }

    /// The probability of each class, in the order of the labels.
    /// # Errors
    /// When the features have another length, or are not finite.
    pub fn probabilities(&self, features: &[f32]) -> Result<Vec<f64>> {
        let columns = self.columns();
        ensure!(
            features.len() == columns,
            "the features of {} have length {}, but the head expects {columns}",
            self.layer,
            features.len()
        );
        let rows = self.weight.chunks_exact(columns).zip(&self.bias);
        let scores: Vec<f32> = rows.map(|(row, bias)| dot(features, row) + bias).collect();
        probabilities(&scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_head_is_read_back_and_computes_probabilities() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.safetensors");
        let head = LinearHead {
            layer: "avgpool".into(),
            network: Some("alexnet:0123456789abcdef".into()),
            labels: vec!["cat".into(), "dog".into(), "fox".into()],
            weight: vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            bias: vec![0.0, 0.0, -2.0],
            training: serde_json::json!({"cost": 1.0}),
        };
        head.save(&path).unwrap();
        assert_eq!(LinearHead::load(&path).unwrap(), head);
        let found = head.probabilities(&[2.0, 1.0]).unwrap();
        let powers = [2_f64, 1.0, 1.0].map(f64::exp);
        let total: f64 = powers.iter().sum();
        assert!(found.iter().zip(powers).all(|(found, power)| (found - power / total).abs() < 1e-6), "{found:?}");
        assert!(head.probabilities(&[1.0]).unwrap_err().to_string().contains("have length 1, but the head expects 2"));
    }

    #[test]
    fn a_file_of_another_kind_is_an_error() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/signs.safetensors");
        let error = format!("{:#}", LinearHead::load(&path).unwrap_err());
        assert!(error.contains("does not contain a linear head"), "{error}");
    }
}
