//! What a model file holds. All programs find out here, so that each can refuse the wrong kind and name the right
//! program.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use candle_core::Device;
use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint::{is_gguf, printable};
use crate::detection::DetectorKind;
use crate::file::Kind;
use crate::gan::TranslatorArchitecture;
use crate::heads::rcnn::RcnnHeads;
use crate::text::config::reads_images;
use crate::text::{TextConfig, TextModel};
use crate::{Checkpoint, FeatureHeadFile, FeatureMapFile, LinearHead, gan};

/// An open model file, by kind.
pub enum ModelFile {
    /// A network for images: [`Model::from_checkpoint`](crate::Model::from_checkpoint) reads it.
    ImageNetwork(Checkpoint),
    /// A network for texts: [`TextModel::from_checkpoint`](crate::text::TextModel::from_checkpoint) reads it.
    TextNetwork(Checkpoint),
    /// A quantized language model in GGUF: [`TextModel::of_gguf`] reads it.
    Gguf(PathBuf),
    /// CLIP or SigLIP: both read it.
    Clip(Checkpoint),
    /// A linear classifier on features.
    LinearHead(LinearHead),
    /// The SVMs and box regressors of R-CNN.
    RcnnHeads(Box<RcnnHeads>),
    /// A detector: [`detection::open`](crate::detection::open) reads it.
    Detector(Checkpoint),
    /// A generator: [`Generator::open`](crate::gan::Generator::open) reads one of random vectors,
    /// [`Translator::from_checkpoint`](crate::gan::Translator::from_checkpoint) one that turns images into images.
    Generator(Checkpoint),
    /// A classifier of features by neighbors, prototypes or attributes.
    FeatureHead(Box<FeatureHeadFile>),
    /// A map from features to features.
    FeatureMap(Box<FeatureMapFile>),
}

impl ModelFile {
    /// Opens a file. `arch` is the architecture of bare weights, or overrides that of the config.
    /// # Errors
    /// When the file cannot be read, or is of a kind that this version does not support.
    pub fn open(path: &Path, arch: Option<&str>) -> Result<Self> {
        if is_gguf(path) {
            return Ok(Self::Gguf(path.to_owned()));
        }
        let file = Checkpoint::open(path)?;
        let kind = kind(&file, arch).with_context(|| format!("model {}", path.display()))?;
        Ok(match kind {
            Kind::ImageNetwork => Self::ImageNetwork(file),
            Kind::TextNetwork => Self::TextNetwork(file),
            Kind::Clip => Self::Clip(file),
            Kind::LinearHead => Self::LinearHead(LinearHead::from_checkpoint(&file)?),
            Kind::RcnnHeads => Self::RcnnHeads(Box::new(RcnnHeads::from_checkpoint(&file)?)),
            Kind::Detector => Self::Detector(file),
            Kind::Generator => Self::Generator(file),
            Kind::FeatureHead => Self::FeatureHead(Box::new(FeatureHeadFile::from_checkpoint(&file)?)),
            Kind::FeatureMap => Self::FeatureMap(Box::new(FeatureMapFile::from_checkpoint(&file)?)),
        })
    }

    /// Opens the text network in a file, of CLIP and SigLIP the part that reads texts.
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn open_text(path: &Path, device: &Device) -> Result<TextModel> {
        match Self::open(path, None)? {
            Self::TextNetwork(file) | Self::Clip(file) => TextModel::from_checkpoint(file, device),
            Self::Gguf(path) => TextModel::of_gguf(&path, device),
            other => Err(other.unfit(path, "a network for texts")),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ImageNetwork(_) => Kind::ImageNetwork,
            Self::TextNetwork(_) | Self::Gguf(_) => Kind::TextNetwork,
            Self::Clip(_) => Kind::Clip,
            Self::LinearHead(_) => Kind::LinearHead,
            Self::RcnnHeads(_) => Kind::RcnnHeads,
            Self::Detector(_) => Kind::Detector,
            Self::Generator(_) => Kind::Generator,
            Self::FeatureHead(_) => Kind::FeatureHead,
            Self::FeatureMap(_) => Kind::FeatureMap,
        }
    }

    /// The error of a program that needs something else: `needed`, for example "a network for texts".
    pub fn unfit(&self, path: &Path, needed: &str) -> Error {
        if let Self::Gguf(_) = self {
            return anyhow!(
                "model {}: is a GGUF file of quantized weights, which only dl-generate reads",
                path.display()
            );
        }
        let kind = self.kind();
        anyhow!("model {}: contains {}, not {needed}; {}", path.display(), kind.description(), kind.programs())
    }
}

fn kind(file: &Checkpoint, arch: Option<&str>) -> Result<Kind> {
    if arch.is_some() {
        return Ok(match DetectorKind::of(file, arch)? {
            Some(_) => Kind::Detector,
            None => Kind::ImageNetwork,
        });
    }
    let config: Option<Value> = file.config()?;
    if let Some(stated) = config.as_ref().and_then(|config| config.get("kind")) {
        return Kind::deserialize(stated).map_err(|_| {
            anyhow!("its kind is {}, which this version does not support", printable(&stated.to_string()))
        });
    }
    if LinearHead::is_in(file) {
        return Ok(Kind::LinearHead);
    }
    if RcnnHeads::is_in(file) {
        return Ok(Kind::RcnnHeads);
    }
    if DetectorKind::of(file, None)?.is_some() {
        return Ok(Kind::Detector);
    }
    if gan::is_gan(file) || TranslatorArchitecture::of(file)?.is_some() {
        return Ok(Kind::Generator);
    }
    Ok(match TextConfig::text_architecture(file)?.as_deref() {
        Some(name) if reads_images(name) => Kind::Clip,
        Some(_) => Kind::TextNetwork,
        None => Kind::ImageNetwork,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Precision, save};
    use crate::{Model, ModelConfig, Parameters};

    #[test]
    fn files_with_and_without_a_kind_are_recognized_and_unknown_kinds_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let written = |kind: Option<&str>| {
            let mut config = ModelConfig::new("squeezenet1_1", 5);
            config.options.insert("width".into(), 0.125.into());
            let parameters = Parameters::fresh(1);
            Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
            let mut config = serde_json::to_value(config).unwrap();
            config.as_object_mut().unwrap().remove("kind");
            if let Some(kind) = kind {
                config["kind"] = kind.into();
            }
            save(&path, &config, &parameters.tensors(), Precision::F32).unwrap();
            ModelFile::open(&path, None)
        };
        assert_eq!(written(None).unwrap().kind(), Kind::ImageNetwork);
        let file = written(Some("image-network")).unwrap();
        assert_eq!(file.kind(), Kind::ImageNetwork);
        let error = file.unfit(&path, "a network for texts").to_string();
        assert!(error.contains("contains a network for images, not a network for texts; dl-embed"), "{error}");
        let error = format!("{:#}", written(Some("hologram")).err().unwrap());
        assert!(error.contains("its kind is \"hologram\", which this version does not support"), "{error}");
    }
}
