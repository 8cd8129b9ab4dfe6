//! The heads of R-CNN (Girshick et al. 2014) on features of regions: one linear SVM per class (section 2.3) and one box
//! regressor per class (appendix C), in one safetensors file.
//!
//! Tensors: `svm.weight` [classes, columns] and `svm.bias` [classes]; `bbox.weight` [4 classes, columns] and
//! `bbox.bias` [4 classes], rows (dx, dy, dw, dh) of the first class, then of the second. The metadata's `config` is a
//! JSON object with the labels, the layer, the factor on the features and how each part was trained. Either part may be
//! absent.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use dl_record::Matrix;
use dl_record::file::folder_of;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::checkpoint::{self, Checkpoint, Precision};
use crate::file::{Kind, limits};
use crate::heads::dot;

/// Outputs of a box regressor: dx, dy, dw, dh.
pub const DELTAS: usize = 4;

/// The class of regions without an object, for networks that score it with the others.
pub const BACKGROUND: &str = "background";

/// How older files state what they contain.
const FORMAT: &str = "dl-rcnn-heads";

/// What `dl-finetune svm` and `dl-finetune bbox` write and `dl-detect` reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RcnnHeads {
    /// One linear SVM per class; [`RegionLinear`] with one output per label.
    pub svm: Option<RegionLinear>,
    /// One box regressor per class; [`RegionLinear`] with [`DELTAS`] outputs per label.
    pub bbox: Option<RegionLinear>,
}

/// Linear functions of a region's features: `scale * weight x + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionLinear {
    /// Name of the features' layer, for example `fc7`.
    pub layer: String,
    /// Fingerprint of the network that computed the features it was trained on, if known.
    pub network: Option<String>,
    /// Class names, in the order of the rows.
    pub labels: Vec<String>,
    /// Factor on the features that gives them the mean norm used in training.
    pub scale: f32,
    /// [outputs, columns] f32.
    pub weight: Matrix,
    /// [outputs] f32.
    pub bias: Vec<f32>,
    /// Options, seed, counts and data digest of the training, for information only.
    pub training: Value,
}

impl RegionLinear {
    /// Output `index` for one feature vector, whose length is the number of columns.
    pub fn output(&self, features: &[f32], index: usize) -> f32 {
        self.scale * dot(features, self.weight.row(index)) + self.bias[index]
    }
}

#[derive(Serialize, Deserialize)]
struct Config {
    #[serde(default = "rcnn_heads")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    svm: Option<PartConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bbox: Option<PartConfig>,
}

/// The kind of older files, which do not state it.
fn rcnn_heads() -> Kind {
    Kind::RcnnHeads
}

#[derive(Serialize, Deserialize)]
struct PartConfig {
    layer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    labels: Vec<String>,
    scale: f32,
    #[serde(default)]
    training: Value,
}

impl RcnnHeads {
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

    /// Whether an open model file contains such heads.
    pub fn is_in(file: &Checkpoint) -> bool {
        let config: Option<Value> = file.config().ok().flatten();
        config.is_some_and(|config| config["kind"] == json!(Kind::RcnnHeads) || config["format"] == FORMAT)
    }

    fn read(file: &Checkpoint) -> Result<Self> {
        if !Self::is_in(file) {
            bail!("does not contain R-CNN heads; dl-finetune svm and dl-finetune bbox write them");
        }
        let config: Config = file.config()?.context("has no config")?;
        let part = |name: &str, config: Option<PartConfig>, outputs: usize| {
            config.map(|config| read_part(file, name, config, outputs)).transpose()
        };
        Ok(Self { svm: part("svm", config.svm, 1)?, bbox: part("bbox", config.bbox, DELTAS)? })
    }

    /// Changes one part of the model at `path` and keeps the other; creates the file if it does not exist. Two programs
    /// may do so at once: the second waits, and sees what the first wrote.
    /// # Errors
    /// When the file contains something else, or cannot be written, or the two parts were trained on features of
    /// different networks, which no features can match.
    pub fn update(path: &Path, change: impl FnOnce(&mut Self)) -> Result<()> {
        let _lock = lock_folder_of(path)?;
        let mut heads = if path.exists() { Self::load(path)? } else { Self::default() };
        change(&mut heads);
        let network = |part: &Option<RegionLinear>| part.as_ref().and_then(|part| part.network.clone());
        if let (Some(svm), Some(bbox)) = (network(&heads.svm), network(&heads.bbox)) {
            ensure!(
                svm == bbox,
                "{}: the svm part was trained on features of \"{svm}\", the bbox part on those of \"{bbox}\", and \
                 detection needs both from one network; nothing is written: train on features of the same network, or \
                 write another file",
                path.display()
            );
        }
        heads.save(path)
    }

    fn save(&self, path: &Path) -> Result<()> {
        let describe = |part: &Option<RegionLinear>| {
            part.as_ref().map(|part| PartConfig {
                layer: part.layer.clone(),
                network: part.network.clone(),
                labels: part.labels.clone(),
                scale: part.scale,
                training: part.training.clone(),
            })
        };
        let config = Config { kind: Kind::RcnnHeads, svm: describe(&self.svm), bbox: describe(&self.bbox) };
        let mut tensors = BTreeMap::new();
        for (name, part) in [("svm", &self.svm), ("bbox", &self.bbox)] {
            if let Some(RegionLinear { weight, bias, .. }) = part {
                let shape = (weight.rows, weight.columns);
                tensors.insert(format!("{name}.weight"), Tensor::from_slice(&weight.data, shape, &Device::Cpu)?);
                tensors.insert(format!("{name}.bias"), Tensor::from_slice(bias, bias.len(), &Device::Cpu)?);
            }
        }
        checkpoint::save(path, &config, &tensors, Precision::F32)
    }
}

fn read_part(file: &Checkpoint, name: &str, config: PartConfig, outputs: usize) -> Result<RegionLinear> {
    let PartConfig { layer, network, labels, scale, training } = config;
    limits::labels(&labels).with_context(|| name.to_owned())?;
    ensure!(
        !labels.is_empty() && scale.is_finite(),
        "{name}: {} labels or the scale {scale} are invalid",
        labels.len()
    );
    let shape = |part: &str| file.shape(part).with_context(|| format!("has no tensor {part}"));
    let parts = [format!("{name}.weight"), format!("{name}.bias")];
    let (weight, bias) = (shape(&parts[0])?, shape(&parts[1])?);
    let rows = outputs * labels.len();
    let &[_, columns] = weight else { bail!("{name}: its weight has shape {weight:?}; expected [rows, columns]") };
    ensure!(
        weight[0] == rows && bias == [rows] && columns > 0,
        "{name}: {} labels need {rows} rows, but the weight has shape {weight:?} and the bias {bias:?}",
        labels.len()
    );
    let numbers = |part: &str| -> Result<Vec<f32>> { Ok(file.tensor(part, &Device::Cpu)?.flatten_all()?.to_vec1()?) };
    let weight = Matrix { rows, columns, data: numbers(&parts[0])? };
    let bias = numbers(&parts[1])?;
    let finite = weight.data.iter().chain(&bias).all(|number| number.is_finite());
    ensure!(finite, "{name}: has weights that are not finite");
    Ok(RegionLinear { layer, network, labels, scale, weight, bias, training })
}

/// Locks the folder: the file itself is replaced by renaming, and a lock file would stay behind. Dropping the handle
/// unlocks it.
fn lock_folder_of(path: &Path) -> Result<Option<File>> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot create the folder", folder.display()))?;
    // Some systems cannot open folders, and some file systems do not support locks; there, only the rename protects the
    // file.
    Ok(File::open(folder).ok().filter(|folder| folder.lock().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(labels: &[&str], outputs: usize) -> RegionLinear {
        let rows = labels.len() * outputs;
        let data = (0..rows * 3).map(|i| i as f32 - 2.5).collect();
        RegionLinear {
            layer: "fc7".into(),
            network: (outputs == 1).then(|| "alexnet:0123456789abcdef".into()),
            labels: labels.iter().map(|label| label.to_string()).collect(),
            scale: 0.5,
            weight: Matrix { rows, columns: 3, data },
            bias: (0..rows).map(|i| i as f32).collect(),
            training: serde_json::json!({"seed": 7}),
        }
    }

    #[test]
    fn each_part_is_updated_without_touching_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/heads.safetensors");
        let (svm, bbox) = (linear(&["cat", "dog"], 1), linear(&["dog"], DELTAS));
        RcnnHeads::update(&path, |heads| heads.bbox = Some(bbox.clone())).unwrap();
        RcnnHeads::update(&path, |heads| heads.svm = Some(svm.clone())).unwrap();
        let found = RcnnHeads::load(&path).unwrap();
        assert_eq!(found, RcnnHeads { svm: Some(svm), bbox: Some(bbox) });
        assert_eq!(found.svm.unwrap().output(&[1.0, 2.0, 4.0], 1), 0.5 * (0.5 + 3.0 + 10.0) + 1.0);
    }

    #[test]
    fn parts_of_different_networks_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.safetensors");
        let of = |outputs: usize, network: &str| RegionLinear {
            network: Some(network.to_owned()),
            layer: format!("layer{outputs}"),
            ..linear(&["dog"], outputs)
        };
        let [svm, same, other] = [of(1, "alexnet:01"), of(DELTAS, "alexnet:01"), of(DELTAS, "vgg16:02")];
        RcnnHeads::update(&path, |heads| heads.svm = Some(svm.clone())).unwrap();
        let error = RcnnHeads::update(&path, |heads| heads.bbox = Some(other)).unwrap_err().to_string();
        assert!(error.contains("alexnet:01") && error.contains("vgg16:02"), "{error}");
        assert_eq!(RcnnHeads::load(&path).unwrap().bbox, None);
        RcnnHeads::update(&path, |heads| heads.bbox = Some(same.clone())).unwrap();
        assert_eq!(RcnnHeads::load(&path).unwrap(), RcnnHeads { svm: Some(svm), bbox: Some(same) });
    }

    #[test]
    fn a_file_of_another_kind_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backbone.safetensors");
        let matrix = Matrix { rows: 1, columns: 1, data: vec![1.0] };
        dl_record::write_tensor_file(&path, &[("features.0.weight", dl_record::Dtype::F32, &matrix)]).unwrap();
        let before = fs::read(&path).unwrap();
        let error = RcnnHeads::update(&path, |_| ()).unwrap_err();
        assert!(format!("{error:#}").contains("does not contain R-CNN heads"), "{error:#}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
