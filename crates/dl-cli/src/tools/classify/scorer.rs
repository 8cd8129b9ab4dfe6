//! Four ways to a probability for each class: a network for pictures, one for texts, CLIP with words, and a linear head
//! on features.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use dl_models::text::zero_shot::ZeroShot;
use dl_models::text::{TextBatch, TextConfig, TextModel, TextNetwork, Tokens};
use dl_models::{Checkpoint, LOGITS, LayerName, LinearHead, Model, Preprocessing, Resize, plain, probabilities};
use dl_record::Record;

use crate::common::{FeatureExtractor, Images, Prepared, whole_features};

/// A model that gives each class a probability.
pub(super) enum Scorer {
    /// A network for pictures, with the layer of its class scores.
    Pictures(Box<Model>, [LayerName; 1], Device),
    /// A network for texts.
    Texts(Box<TextModel>),
    /// CLIP, with the classes as words.
    Words(Box<ZeroShot>, Device),
    /// What dl-finetune linear learned on features.
    Features(LinearHead),
}

/// A record's part of the work.
pub(super) enum Work {
    Picture(Prepared),
    Text(Tokens),
    Features(Vec<f32>),
}

impl Scorer {
    /// What a model file holds: a network for pictures or one for texts, or a linear head.
    pub(super) fn open(path: &Path, arch: Option<&str>, device: Device) -> Result<Self> {
        let file = Checkpoint::open(path)?;
        if arch.is_none() && LinearHead::is_in(&file) {
            return Ok(Self::Features(LinearHead::from_checkpoint(&file)?));
        }
        match if arch.is_some() { None } else { TextConfig::text_architecture(&file)? }.as_deref() {
            None => {
                let model = Model::from_checkpoint(file, arch, &device)?;
                Ok(Self::Pictures(Box::new(model), [LOGITS.parse()?], device))
            }
            Some("clip") => bail!("model {}: CLIP has no classes of its own; name them with --labels", path.display()),
            Some(name) => {
                let model = TextModel::from_checkpoint(file, &device)?;
                let network: &dyn TextNetwork = model.network.texts();
                let in_context =
                    || format!("model {}: a {name} without class scores; fine-tune one first", path.display());
                network.layer(LOGITS).with_context(in_context)?;
                ensure!(model.config.labels.is_some(), "model {}: its config names no labels", path.display());
                Ok(Self::Texts(Box::new(model)))
            }
        }
    }

    /// CLIP, with each label put into each template.
    pub(super) fn zero_shot(path: &Path, labels: &[String], templates: &[String], device: Device) -> Result<Self> {
        Ok(Self::Words(Box::new(ZeroShot::open(path, labels, templates, &device)?), device))
    }

    /// What the user should know of the file, in words.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Pictures(model, ..) => model.note.as_deref(),
            Self::Texts(model) => model.note.as_deref(),
            _ => None,
        }
    }

    /// The name of each class, as the model says: its number where it says nothing.
    pub(super) fn labels(&self, path: &Path) -> Result<Vec<String>> {
        match self {
            Self::Pictures(model, ..) => {
                let names = model.config.label_names(path.parent().unwrap_or(Path::new("")))?;
                Ok(names.unwrap_or_else(|| (0..model.config.num_classes).map(|class| class.to_string()).collect()))
            }
            Self::Texts(model) => Ok(model.config.labels.clone().unwrap_or_default()),
            Self::Words(zero_shot, _) => Ok(zero_shot.labels.clone()),
            Self::Features(head) => Ok(head.labels.clone()),
        }
    }

    /// What the model is to see of the record.
    pub(super) fn prepare(&self, record: &mut Record, images: &Images, resize: Option<Resize>) -> Result<Work> {
        let preprocessing: &Preprocessing = match self {
            Self::Pictures(model, ..) => &model.config.preprocessing,
            Self::Words(zero_shot, _) => &zero_shot.preprocessing,
            Self::Texts(model) => {
                let text: String = record.require("text", "it is what the network reads")?;
                let (tokens, _) = model.tokenizer.encode(&text)?;
                ensure!(!tokens.ids.is_empty(), "the text has no tokens");
                return Ok(Work::Text(tokens));
            }
            Self::Features(head) => return Ok(Work::Features(whole_features(record, Some(&head.layer))?.1)),
        };
        let picture = images.open(record)?;
        Ok(Work::Picture(Prepared::whole(&picture, preprocessing, resize.unwrap_or(preprocessing.resize))))
    }

    /// The probability of each class, for each record of a batch.
    pub(super) fn probabilities(&self, works: Vec<Work>, batch: usize) -> Vec<Result<Vec<f64>>> {
        let (mut pictures, mut texts, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for work in works {
            match work {
                Work::Picture(prepared) => pictures.push(prepared),
                Work::Text(tokens) => texts.push(tokens),
                Work::Features(row) => rows.push(row),
            }
        }
        match self {
            Self::Pictures(model, layers, device) => {
                let logits = FeatureExtractor::new(model, layers, device.clone(), batch).of(&pictures);
                logits.into_iter().map(|logits| probabilities(&logits?[0].data)).collect()
            }
            Self::Words(zero_shot, device) => {
                pictures.iter().map(|picture| of_words(zero_shot, picture, device)).collect()
            }
            Self::Features(head) => rows.iter().map(|row| head.probabilities(row)).collect(),
            Self::Texts(model) => together(&texts, |texts| of_texts(model, texts)),
        }
    }
}

/// All at once, and each alone when that fails, to know which is at fault.
fn together<T>(all: &[T], run: impl Fn(&[T]) -> Result<Vec<Vec<f64>>>) -> Vec<Result<Vec<f64>>> {
    match run(all) {
        Ok(found) => found.into_iter().map(Ok).collect(),
        Err(_) => all.chunks(1).map(|one| Ok(run(one)?.remove(0))).collect(),
    }
}

fn of_texts(model: &TextModel, texts: &[Tokens]) -> Result<Vec<Vec<f64>>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let network: &dyn TextNetwork = model.network.texts();
    let logits = network.features(&TextBatch::new(texts), &[LOGITS], None)?.remove(0);
    logits.to_vec2::<f32>().map_err(plain)?.iter().map(|logits| probabilities(logits)).collect()
}

fn of_words(zero_shot: &ZeroShot, picture: &Prepared, device: &Device) -> Result<Vec<f64>> {
    let Prepared::Whole { input, size: [height, width] } = picture else { bail!("a picture is to be named whole") };
    let input = Tensor::from_slice(input, (1, 3, *height, *width), device).map_err(plain)?;
    let probabilities = zero_shot.probabilities(&input).with_context(|| "the picture cannot be scored")?.remove(0);
    Ok(probabilities.into_iter().map(f64::from).collect())
}
