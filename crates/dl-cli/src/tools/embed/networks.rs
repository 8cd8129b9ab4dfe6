//! The networks of a model file: one for images, one for texts, or both.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use dl_models::text::{TextLayer, TextModel, TextNetwork, Tokens};
use dl_models::{LayerName, Model, ModelFile};
use dl_record::{Matrix, Record};

use super::pool::{self, Pool};
use super::{InputKind, texts};
use crate::common::Prepared;

/// The networks of a model file, each with the requested layers.
pub(super) struct Networks {
    pub(super) images: Option<(Model, Vec<LayerName>)>,
    pub(super) texts: Option<(TextModel, Vec<TextLayer>)>,
    /// Shapes of the layers for the last image size.
    shapes: Mutex<Option<ShapesOfSize>>,
}

/// [height, width] of an image, and the shape of each layer.
type ShapesOfSize = ([usize; 2], Vec<Vec<usize>>);

impl Networks {
    /// Opens the networks. Without `layers`, each gives its default layer; each of CLIP's or SigLIP's two gives those
    /// that it has.
    pub(super) fn open(path: &Path, arch: Option<&str>, layers: &[LayerName], device: &Device) -> Result<Self> {
        let (images, texts) = match ModelFile::open(path, arch)? {
            ModelFile::ImageNetwork(file) => (Some(Model::from_checkpoint(file, arch, device)?), None),
            ModelFile::TextNetwork(file) => (None, Some(TextModel::from_checkpoint(file, device)?)),
            ModelFile::Clip(file) => {
                let texts = TextModel::from_checkpoint(file, device)?;
                (Some(Model::open(path, arch, device)?), Some(texts))
            }
            other => return Err(other.unfit(path, "a network")),
        };
        let in_context = || format!("model {}", path.display());
        let mut requested = (Vec::new(), Vec::new());
        for layer in layers {
            let of_texts = texts.as_ref().map(|model| text_layer(model, layer));
            let of_images = images.as_ref().map(|model| model.backbone.check(layer));
            match (of_images, of_texts) {
                (Some(Ok(_)), _) => requested.0.push(layer.clone()),
                (_, Some(Ok(layer))) => requested.1.push(layer),
                (Some(Err(error)), None) | (None, Some(Err(error))) => return Err(error).with_context(in_context),
                (of_images, of_texts) => {
                    let both =
                        [of_images.map(|checked| checked.map(|_| ())), of_texts.map(|checked| checked.map(|_| ()))];
                    let errors = both.into_iter().flatten().filter_map(Result::err).map(|error| error.to_string());
                    bail!("{}: for images and for texts: {}", in_context(), errors.collect::<Vec<_>>().join("; "));
                }
            }
        }
        if layers.is_empty() {
            if let Some(model) = &images {
                requested.0.push(model.default_layer().parse()?);
            }
            if let Some(model) = &texts {
                requested.1.push(text_layer(model, &model.default_layer().parse()?)?);
            }
        }
        if let (Some(model), [layer, ..]) = (&images, requested.0.as_slice()) {
            model.backbone.check(layer).with_context(in_context)?;
        }
        Ok(Self {
            images: images.map(|model| (model, requested.0)),
            texts: texts.map(|model| (model, requested.1)),
            shapes: Mutex::default(),
        })
    }

    /// A note about the file for the user.
    pub(super) fn note(&self) -> Option<&str> {
        let of_texts = || self.texts.as_ref()?.0.note.as_deref();
        self.images.as_ref().and_then(|(model, _)| model.note.as_deref()).or_else(of_texts)
    }

    /// The tokens of the record's text, if the text is to be embedded; counts texts that are cut.
    pub(super) fn text_of(
        &self,
        record: &Record,
        input: Option<InputKind>,
        cut: &AtomicUsize,
    ) -> Result<Option<Tokens>> {
        let reads_images = self.images.is_some();
        let Some((model, layers)) = &self.texts else {
            ensure!(input != Some(InputKind::Text), "the model does not read texts");
            return Ok(None);
        };
        if reads_images && (input == Some(InputKind::Image) || (input.is_none() && record.has("image"))) {
            return Ok(None);
        }
        ensure!(!layers.is_empty(), "none of the layers belongs to the text network");
        let text: String = record.require("text", "it is what the network reads")?;
        let (tokens, was_cut) = model.tokenizer.encode(&text)?;
        ensure!(!tokens.ids.is_empty(), "the text has no tokens");
        cut.fetch_add(usize::from(was_cut), Ordering::Relaxed);
        Ok(Some(tokens))
    }

    /// The features of each text.
    pub(super) fn of_texts(&self, pool: Option<Pool>, tokens: &[Tokens]) -> Vec<Result<Vec<Matrix>>> {
        match &self.texts {
            Some((model, layers)) => texts::features(model, layers, pool, tokens),
            None => Vec::new(),
        }
    }

    /// Pools the features of an image: the tokens, or the places of the map, of each row.
    pub(super) fn pooled(&self, pool: Option<Pool>, prepared: &Prepared, features: Vec<Matrix>) -> Result<Vec<Matrix>> {
        let Some((model, layers)) = &self.images else { return Ok(features) };
        // Without --pool, only tokens are pooled.
        if pool.is_none() && model.backbone.plans() {
            return Ok(features);
        }
        let size = match prepared {
            Prepared::Whole { size, .. } => *size,
            Prepared::Regions { .. } => model.config.preprocessing.size,
        };
        let mut known = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        let shapes = match &*known {
            Some((of_size, shapes)) if *of_size == size => shapes,
            _ => &known.insert((size, model.shapes([3, size[0], size[1]], layers)?)).1,
        };
        let tokens = pool.unwrap_or(if model.backbone.has_class_token() { Pool::Cls } else { Pool::Mean });
        let rows = shapes.iter().zip(features);
        rows.map(|(shape, features)| pool::images(pool, tokens, shape, features)).collect()
    }

    /// The default of --pool.
    pub(super) fn default_pool(&self, is_text: bool) -> Pool {
        match (is_text, &self.texts, &self.images) {
            (true, Some((model, _)), _) => texts::default_pool(model),
            (_, _, Some((model, _))) if !model.backbone.has_class_token() => Pool::Mean,
            (_, _, Some((model, _))) if !model.backbone.plans() => Pool::Cls,
            _ => Pool::None,
        }
    }

    /// The names of the layers of a text or of an image.
    pub(super) fn layer_names(&self, is_text: bool) -> Vec<String> {
        match (is_text, &self.texts, &self.images) {
            (true, Some((_, layers)), _) => layers.iter().map(|layer| layer.name.clone()).collect(),
            (_, _, Some((_, layers))) => layers.iter().map(LayerName::to_string).collect(),
            _ => Vec::new(),
        }
    }
}

fn text_layer(model: &TextModel, layer: &LayerName) -> Result<TextLayer> {
    if layer.pooled.is_some() {
        bail!("layer {layer}: a text has no map to average; --pool mean averages its tokens");
    }
    let network: &dyn TextNetwork = model.network.texts();
    // The record has the name as the user wrote it.
    Ok(TextLayer { name: layer.name.clone(), ..network.layer(&layer.name)? })
}
